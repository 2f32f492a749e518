package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// condition types an expression that is true or false. A sealed boolean in its
// place is compared with the term of true.
func (b *binder) condition(n *pg.Node, sc *scope, what string) {
	t := b.expr(n, sc)
	switch {
	case t.prot != nil && t.prot.Logical.Name == "bool":
		b.truth(n, t)
	case t.prot != nil:
		b.unsupported(what, t.prot)
	case t.open:
		b.settle(n, t, Use{})
	}
}

// truth puts the plain boolean in the place of a sealed one: whether its term
// is that of true.
func (b *binder) truth(n *pg.Node, t typ) {
	b.toTerm(n, t)
	truth := boolNode(true)
	b.settle(truth, typ{open: true}, b.use(Equality, t.prot))
	equal := []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("=")}
	n.Node = pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP, equal, &pg.Node{Node: n.Node}, truth, -1).Node
}

func (b *binder) conditions(list []*pg.Node, sc *scope, what string) {
	for _, n := range list {
		b.condition(n, sc, what)
	}
}

// whenPlain types what stands behind WHEN: a condition, or a value that is
// compared with the plain expression of a simple CASE.
func (b *binder) whenPlain(c *pg.CaseExpr, when *pg.Node, sc *scope) {
	if c.Arg == nil {
		b.condition(when, sc, "CASE")
		return
	}
	b.plain(when, sc, "CASE")
}
