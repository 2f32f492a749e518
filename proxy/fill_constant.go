package proxy

import (
	"bytes"
	"fmt"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// operands are where those of constants are found: the client's text, and the
// message that binds its parameters, nil for a text that is not prepared.
type operands struct {
	sql  []byte
	stmt *shape.Statement
	bind *wire.Bind
}

// constant computes an expression and appends what is sent of its value. It
// reports true for NULL, of which nothing is.
func (f *filler) constant(dst []byte, c *rewrite.Constant, use *rewrite.Use, from operands) (out []byte, null bool, err error) {
	values := make([]eval.Value, len(c.Leaves))
	for i := range c.Leaves {
		if values[i], err = f.operand(&c.Leaves[i], from); err != nil {
			return dst, false, err
		}
	}
	v, err := eval.Evaluate(f.evalSettings(), c.Expr, values)
	if err != nil {
		return dst, false, err
	}
	if v.Null {
		return dst, true, f.nullFits(v.Type, use)
	}
	out, err = f.use(dst, &input{text: v.Data, typ: v.Type, canonical: true}, use)
	return out, false, err
}

// constantLiteral appends the value of an expression as a literal.
func (f *filler) constantLiteral(dst []byte, c *rewrite.Constant, use *rewrite.Use, from operands) ([]byte, error) {
	at := len(dst)
	dst, null, err := f.constant(append(dst, '\''), c, use, from)
	if null {
		return append(dst[:at], "NULL"...), err
	}
	return append(dst, '\''), err
}

func (f *filler) evalSettings() *eval.Settings {
	l := f.planning.state.snap.Locale()
	return &eval.Settings{
		Forms: f.forms, ZoneUnknown: f.settings.zoneUnknown,
		Locale: eval.Locale{Provider: l.Provider, Collate: l.Collate, CType: l.CType, UTF8: l.UTF8},
	}
}

// operand returns the value of a leaf.
func (f *filler) operand(leaf *rewrite.Leaf, from operands) (eval.Value, error) {
	switch {
	case leaf.Null:
		return eval.Value{Null: true}, nil
	case leaf.Param > 0:
		return f.paramOperand(leaf, from.bind)
	case leaf.Slot < 0:
		data, err := canon.FromText(boolType(), nil, []byte(leaf.Word))
		return eval.Value{Type: boolType(), Data: data}, err
	case from.stmt == nil || leaf.Slot >= len(from.stmt.Slots):
		return eval.Value{}, fmt.Errorf("a constant without its literals")
	}
	in, err := f.read(from.sql, &from.stmt.Slots[leaf.Slot].Literals[0], &rewrite.Use{Negate: leaf.Negate})
	if err != nil {
		return eval.Value{}, err
	}
	if in.typ.Kind == canon.Unsupported {
		return eval.Value{Data: bytes.Clone(in.text)}, nil // the buffer is used again
	}
	data, err := canon.FromText(in.typ, f.forms, in.text)
	return eval.Value{Type: in.typ, Data: data}, err
}

// paramOperand returns the value of a parameter, in the type that the plan
// found for it.
func (f *filler) paramOperand(leaf *rewrite.Leaf, m *wire.Bind) (eval.Value, error) {
	if m == nil || leaf.Param > len(m.Params) {
		return eval.Value{}, fmt.Errorf("a constant without its parameters")
	}
	typ, err := castType(leaf.Type)
	if err != nil {
		return eval.Value{}, err
	}
	typ.Mod = -1
	value := m.Params[leaf.Param-1]
	if value == nil {
		return eval.Value{Type: typ, Null: true}, nil
	}
	format := wire.Format(m.ParamFormats, leaf.Param-1)
	if err := knownFormat(format); err != nil {
		return eval.Value{}, err
	}
	data, _, err := f.canonical(&input{text: value, binary: format == 1, typ: typ}, typ)
	return eval.Value{Type: typ, Data: data}, err
}

// nullFits checks that a NULL of a type may stand where it is used: PostgreSQL
// looks at the types before there is a value.
func (f *filler) nullFits(from canon.Type, use *rewrite.Use) error {
	col, err := f.planning.state.column(use.Target)
	if err != nil {
		return err
	}
	switch {
	case use.Role == rewrite.Stored && !eval.Assignable(from, col.typ):
		return notAssignable(col, from)
	case use.Role == rewrite.Equality && from.Kind != col.typ.Kind:
		fromFamily, _ := family(from)
		if toFamily, _ := family(col.typ); fromFamily == "" || fromFamily != toFamily {
			return notComparable(from, col.typ)
		}
	}
	return nil
}

// literalsOf returns a statement's text, scanned, where its parameters are
// computed with literals of that text, else nil.
func (s *session) literalsOf(st *statement) (*shape.Statement, error) {
	if !needsText(st.plan.Params) {
		return nil, nil
	}
	stmts, err := s.rescan(st.sql, st.seen)
	if err != nil || len(stmts) != 1 {
		return nil, changedPlanError()
	}
	return &stmts[0], nil
}

// needsText reports whether a Bind needs the literals of the statement's text.
func needsText(params []rewrite.Param) bool {
	for i := range params {
		if c := params[i].Constant; c != nil {
			for k := range c.Leaves {
				if c.Leaves[k].Slot >= 0 {
					return true
				}
			}
		}
	}
	return false
}

// castType returns the type that a statement casts to.
func castType(t catalog.Type) (canon.Type, error) {
	if typ, ok := canonType(t); ok {
		return typ, nil
	}
	return canon.Type{}, &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.UnsupportedCast,
		Message: "a value for a protected column is cast to type " + t.Name + ", which is not supported",
		Hint:    "Leave the cast out.",
	}
}
