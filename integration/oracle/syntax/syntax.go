// Package syntax tells what a statement is made of, as PostgreSQL's own grammar
// sees it. The oracle counts by it, so that nothing of the grammar is left out
// because nobody thought of it.
package syntax

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Kinds returns the kinds of nodes in the parse tree of a text, sorted, each
// once: the node's name ("JoinExpr"), and the name with each of its variants
// ("JoinExpr/JOIN_FULL", "FuncCall/agg_distinct").
func Kinds(sql string) ([]string, error) {
	tree, err := pg.Parse(sql)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	w := walker{}
	for _, st := range tree.Stmts {
		w.message(st.Stmt.ProtoReflect())
	}
	kinds := make([]string, 0, len(w))
	for kind := range w {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds, nil
}

type walker map[string]bool

func (w walker) message(m protoreflect.Message) {
	name := string(m.Descriptor().Name())
	wrapper := name == "Node" || name == "List" || name == "ParseResult"
	if !wrapper {
		w[name] = true
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		for _, variant := range variants(name, f, v) {
			w[name+"/"+variant] = true
		}
		switch {
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				w.message(v.List().Get(i).Message())
			}
		case f.Message() != nil && !f.IsList():
			w.message(v.Message())
		}
		return true
	})
}

// untold says of a field that it tells nothing, or what another field says.
func untold(name string) bool {
	return slices.Contains([]string{"inh", "relpersistence", "funcformat", "subtype", "defaction", "objtype", "boolval", "location", "is_local"}, name)
}

// variants names what a field makes of its node, nothing for what is usual.
func variants(node string, f protoreflect.FieldDescriptor, v protoreflect.Value) []string {
	name := string(f.Name())
	switch node + "." + name {
	case "WindowDef.frame_options":
		return frame(v.Int())
	case "DeclareCursorStmt.options":
		return cursorOptions(v.Int())
	case "DefElem.defname":
		return []string{v.String()}
	case "A_Const.boolval", "A_Const.ival", "A_Const.fval", "A_Const.sval", "A_Const.bsval",
		"RangeFunction.alias", "RangeVar.alias", "RangeVar.schemaname", "WindowDef.refname":
		return []string{name}
	}
	switch {
	case untold(name) || f.IsList():
	case f.Kind() == protoreflect.BoolKind:
		return []string{name} // Range visits what is set only
	case f.Kind() == protoreflect.EnumKind:
		return enumName(f, v)
	}
	return nil
}

func enumName(f protoreflect.FieldDescriptor, v protoreflect.Value) []string {
	value := f.Enum().Values().ByNumber(v.Enum())
	if value == nil {
		return nil
	}
	name := string(value.Name())
	for _, usual := range []string{"_UNDEFINED", "_DEFAULT", "_NONE", "_NOT_SET", "_NOOP", "LockWaitBlock", "MaterializeDefault"} {
		if strings.HasSuffix(name, usual) {
			return nil
		}
	}
	return []string{name}
}

// frame names the kind of a window's frame, and whether it leaves rows out.
func frame(options int64) []string {
	const nonDefault, rangeMode, rows, groups, exclude = 0x1, 0x2, 0x4, 0x8, 0x38000
	if options&nonDefault == 0 {
		return nil
	}
	return flags(options, map[int64]string{rangeMode: "RANGE", rows: "ROWS", groups: "GROUPS", exclude: "EXCLUDE"})
}

func cursorOptions(options int64) []string {
	return flags(options, map[int64]string{0x1: "BINARY", 0x2: "SCROLL", 0x4: "NO SCROLL", 0x8: "INSENSITIVE", 0x20: "HOLD"})
}

func flags(set int64, names map[int64]string) []string {
	var all []string
	for bit, name := range names {
		if set&bit != 0 {
			all = append(all, name)
		}
	}
	return all
}
