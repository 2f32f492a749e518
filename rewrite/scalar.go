package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// scalarType returns the type that the server gives to a plain expression, for
// those where it is plain to see: literals, parameters, columns of tables, casts
// and functions that give text. It looks at the expression before it is settled.
func (b *binder) scalarType(n *pg.Node, sc *scope) (catalog.Type, bool) {
	switch e := n.GetNode().(type) {
	case *pg.Node_AConst:
		return b.constType(e.AConst)
	case *pg.Node_ParamRef:
		if oid := b.declaredType(int(e.ParamRef.Number)); oid != 0 {
			return b.env.Snapshot.Type(oid)
		}
		return b.env.Snapshot.Type(textOID)
	case *pg.Node_ColumnRef:
		return b.plainColumnType(e.ColumnRef, sc)
	case *pg.Node_TypeCast:
		return b.castType(e.TypeCast.TypeName)
	case *pg.Node_FuncCall:
		if systemFunction(e.FuncCall) && givesText(lastName(e.FuncCall.Funcname)) {
			return b.env.Snapshot.Type(textOID)
		}
	case *pg.Node_AExpr:
		if concatenates(e.AExpr) {
			return b.concatenatedType(e.AExpr, sc)
		}
	case *pg.Node_CoalesceExpr:
		return b.commonType(e.CoalesceExpr.Args, sc)
	}
	return catalog.Type{}, false
}

func (b *binder) constType(c *pg.A_Const) (catalog.Type, bool) {
	name := "text"
	switch c.GetVal().(type) {
	case *pg.A_Const_Ival:
		name = "int4"
	case *pg.A_Const_Fval:
		name = "numeric"
	case *pg.A_Const_Boolval:
		name = "bool"
	case *pg.A_Const_Bsval:
		return catalog.Type{}, false
	}
	return b.env.Snapshot.TypeByName(nil, "pg_catalog", name)
}

// plainColumnType returns the type of a plain column of a table.
func (b *binder) plainColumnType(ref *pg.ColumnRef, sc *scope) (catalog.Type, bool) {
	names, star := fieldNames(ref)
	if star {
		return catalog.Type{}, false
	}
	f := b.resolve(names, sc)
	if f.col == nil || f.unclear || f.col.oid == 0 || f.col.protection() != nil {
		return catalog.Type{}, false
	}
	rel := b.env.Snapshot.Relation(f.col.oid)
	if rel == nil {
		return catalog.Type{}, false
	}
	for _, c := range rel.Columns {
		if c.Num == f.col.num {
			return c.Type, c.Type.OID != 0
		}
	}
	return catalog.Type{}, false
}

// castType returns the type of a cast, without its modifier.
func (b *binder) castType(t *pg.TypeName) (catalog.Type, bool) {
	bare := &pg.TypeName{Names: t.Names, Setof: t.Setof, PctType: t.PctType, ArrayBounds: t.ArrayBounds}
	return b.typeNamed(bare)
}

// concatenatedType is text where one side is known to be text and the other not
// to be an array.
func (b *binder) concatenatedType(e *pg.A_Expr, sc *scope) (catalog.Type, bool) {
	text := false
	for _, side := range []*pg.Node{e.Lexpr, e.Rexpr} {
		t, ok := b.scalarType(side, sc)
		if !ok || t.Elem != 0 || t.Name == "jsonb" || t.Name == "bytea" {
			return catalog.Type{}, false
		}
		text = text || textFamily(t.Name)
	}
	if !text {
		return catalog.Type{}, false
	}
	return b.env.Snapshot.Type(textOID)
}

// commonType returns the type of expressions that have it in common.
func (b *binder) commonType(list []*pg.Node, sc *scope) (common catalog.Type, ok bool) {
	for _, n := range list {
		t, known := b.scalarType(n, sc)
		untyped := b.unknownType(n) || n.GetAConst().GetIsnull()
		switch {
		case !known, common.OID != 0 && !untyped && t.OID != common.OID:
			return catalog.Type{}, false
		case common.OID == 0 && !untyped:
			common = t
			common.Mod = -1
		}
	}
	return common, common.OID != 0
}

// givesText says that all functions of PostgreSQL by this name give text, or
// something that || takes like text.
func givesText(name string) bool {
	switch name {
	case "lower", "upper", "initcap", "btrim", "ltrim", "rtrim", "substr", "substring", "replace", "to_char", "left", "right",
		"lpad", "rpad", "md5", "split_part", "translate", "repeat", "reverse", "format", "concat", "concat_ws",
		"string_agg", "array_to_string", "quote_literal", "quote_ident", "chr", "to_hex":
		return true
	}
	return false
}
