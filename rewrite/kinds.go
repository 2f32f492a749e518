package rewrite

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// kinds says which kinds of literals and parameters a column is made of. They
// give it its type: a column of strings is of type text, one of numbers of a
// type of numbers.
type kinds uint8

const (
	// texts are strings, of type unknown, as a parameter without a type is. NULLs have no kind.
	texts kinds = 1 << iota
	numbers
	booleans
	// others have a type of their own, that of a cast or a declared one.
	others
)

// kindOf returns the kind of a literal, parameter or cast of one.
func (b *binder) kindOf(n *pg.Node) kinds {
	if t, ok := b.constantType(n); ok {
		return b.kindOfType(t.OID)
	}
	switch e := n.GetNode().(type) {
	case *pg.Node_ParamRef:
		return b.kindOfType(b.declaredType(int(e.ParamRef.Number)))
	case *pg.Node_AConst:
		switch e.AConst.Val.(type) {
		case *pg.A_Const_Sval:
			return texts
		case *pg.A_Const_Ival, *pg.A_Const_Fval:
			return numbers
		case *pg.A_Const_Boolval:
			return booleans
		case nil:
			return 0
		}
	}
	return others
}

func (b *binder) kindOfType(oid uint32) kinds {
	if oid == 0 || oid == textOID || oid == unknownOID {
		return texts
	}
	switch t, _ := b.env.Snapshot.Type(oid); {
	case t.Name == "bool":
		return booleans
	case isNumber(t.Name):
		return numbers
	}
	return others
}

// unknownOID is the type of a parameter whose type PostgreSQL is to find.
const unknownOID = 705

func isNumber(name string) bool {
	switch name {
	case "int2", "int4", "int8", "numeric", "float4", "float8":
		return true
	}
	return false
}

// kindsOf returns the kinds in a column of a slot that holds rows. They are not
// part of the shape, so a plan that asks depends on them.
func (b *binder) kindsOf(slot, column int) kinds {
	k := slotKinds(b.sql, &b.st.Slots[slot], column)
	b.kindPins = append(b.kindPins, kindPin{slot: slot, column: column, kinds: k})
	return k
}

func slotKinds(sql []byte, s *shape.Slot, column int) kinds {
	var k kinds
	for i := column; i < len(s.Literals); i += max(s.Width, 1) {
		l := &s.Literals[i]
		switch {
		case l.CastEnd != 0 && textual(strings.ToLower(string(sql[l.CastStart:l.CastEnd]))):
			k |= texts
		case l.CastEnd != 0:
			k |= others
		case l.Kind == shape.String:
			k |= texts
		case l.Kind == shape.Integer || l.Kind == shape.Float:
			k |= numbers
		case l.Kind == shape.True || l.Kind == shape.False:
			k |= booleans
		case l.Kind != shape.Null:
			k |= others
		}
	}
	return k
}

// kindPin is a column of a slot whose kinds a plan depends on.
type kindPin struct {
	slot, column int
	kinds        kinds
}

// resolveKinds says of a use of a column of literals that PostgreSQL has given
// it a type by then. compared says that it is compared: there is no operator
// between texts and numbers, while a number may be stored as text.
func (b *binder) resolveKinds(k kinds, u *Use, compared bool) bool {
	name := u.Target.Logical.Name
	switch {
	case k == 0 || k == texts:
		return b.asText(u)
	case k == numbers && isNumber(name), k == booleans && name == "bool":
		return true // each literal is read as what it is
	case k == numbers && textual(name) && !compared:
		return b.asText(u)
	case compared:
		b.sealedWithPlain(u.Target)
	default:
		b.computedValue(u.Target)
	}
	return false
}

// takesType says that a literal, parameter or cast of one beside values of a
// type is of that type too, as in CASE. Another decides the type of the whole,
// or is an error.
func (b *binder) takesType(n *pg.Node, t catalog.Type) bool {
	if b.depth > 0 {
		return true // in the definition of a view it is sealed, and cast to what is stored
	}
	if own, ok := b.constantType(n); ok {
		return own.OID == t.OID || own.OID == 0
	}
	if cast := n.GetTypeCast(); cast != nil {
		to, ok := b.typeNamed(cast.TypeName)
		return ok && to.OID == t.OID
	}
	if p := n.GetParamRef(); p != nil {
		oid := b.declaredType(int(p.Number))
		return oid == 0 || oid == t.OID
	}
	switch n.GetAConst().GetVal().(type) {
	case *pg.A_Const_Ival:
		return isNumber(t.Name) && t.Name != "int2"
	case *pg.A_Const_Fval: // of type int8 or numeric
		return t.Name == "numeric" || t.Name == "float4" || t.Name == "float8"
	case *pg.A_Const_Boolval:
		return t.Name == "bool"
	case *pg.A_Const_Bsval:
		return false
	}
	return true
}

func (b *binder) isCastTo(n *pg.Node, oid uint32) bool {
	if own, ok := b.constantType(n); ok {
		return own.OID == oid
	}
	cast := n.GetTypeCast()
	if cast == nil {
		return false
	}
	to, ok := b.typeNamed(cast.TypeName)
	return ok && to.OID == oid
}

// modified says that an expression is a cast to a type with a length or precision.
func modified(n *pg.Node) bool {
	return len(n.GetTypeCast().GetTypeName().GetTypmods()) > 0
}
