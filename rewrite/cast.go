package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// castSealed types a cast of a sealed expression. A cast between text and
// varchar changes nothing of the value, and one to the column's own type only
// drops its modifier: what is stored is text, so the server must not see it.
func (b *binder) castSealed(n *pg.Node, c *pg.TypeCast, t typ) typ {
	to, ok := b.typeNamed(c.TypeName)
	own := t.prot.Logical
	switch {
	case !ok:
		b.unsupported("a cast", t.prot)
		return typ{}
	case textual(own.Name) && textual(to.Name):
		t.prot, t.recast = b.env.Snapshot.Retyped(t.prot, to), true
		return t
	case to.OID == own.OID:
		if own.Mod != -1 {
			t.prot, t.recast = b.without(t.prot), true
		}
		if !textual(own.Name) {
			n.Node, b.changed = c.Arg.Node, true
		}
		return t
	case textual(to.Name):
		return typ{box: &Container{Kind: Text, Elem: b.leaf(t.prot)}}
	}
	b.unsupported("a cast to type "+to.Name, t.prot)
	return typ{}
}

// collation types COLLATE. A sealed value is the same under any collation, and
// so is equality under PostgreSQL's own; an order is refused where it is made.
func (b *binder) collation(c *pg.CollateClause, sc *scope) typ {
	t := b.expr(c.Arg, sc)
	switch {
	case t.prot == nil:
		b.settlePlain(c.Arg, t)
		return typ{}
	case !deterministic(c.Collname):
		b.unsupported("a COLLATE clause with a collation that may be nondeterministic", t.prot)
		return typ{}
	}
	t.recast = true // to the server it is an expression
	return t
}

// deterministic says that a collation is one of PostgreSQL's own, under which
// equal strings have equal bytes.
func deterministic(name []*pg.Node) bool {
	if len(name) > 1 && name[0].GetString_().GetSval() != "pg_catalog" {
		return false
	}
	switch lastName(name) {
	case "C", "POSIX", "default", "ucs_basic":
		return true
	}
	return false
}

// typeOf puts a NULL of the type that the client knows in the place of the
// argument of pg_typeof, which would tell how the column is stored.
func (b *binder) typeOf(arg *pg.Node, t typ) {
	name := t.prot.Logical.Name
	if _, ok := b.env.Snapshot.TypeByName(nil, "pg_catalog", name); !ok {
		b.unsupported("function pg_typeof", t.prot)
		return
	}
	arg.Node = &pg.Node_TypeCast{TypeCast: &pg.TypeCast{
		Arg:      &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Isnull: true, Location: -1}}},
		TypeName: &pg.TypeName{Names: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode(name)}, Typemod: -1},
		Location: -1,
	}}
	b.changed = true
}
