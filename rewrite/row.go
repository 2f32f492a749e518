package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// rowOperator types an operator between two rows, (a, b) = (c, d), or between a
// row and a subquery, place by place. It reports false for other operands.
func (b *binder) rowOperator(e *pg.A_Expr, sc *scope) bool {
	l, r := e.Lexpr.GetRowExpr(), e.Rexpr.GetRowExpr()
	if l == nil {
		return false
	}
	if s := e.Rexpr.GetSubLink(); s != nil && s.SubLinkType == pg.SubLinkType_EXPR_SUBLINK && s.Subselect.GetSelectStmt() != nil {
		b.compareQuery(l.Args, s.Subselect.GetSelectStmt(), equality(e), lastName(e.Name), sc)
		return true
	}
	if r == nil || len(l.Args) != len(r.Args) {
		return false
	}
	for i, ln := range l.Args {
		lt, rt := b.expr(ln, sc), b.expr(r.Args[i], sc)
		switch sealed := sealedOf(lt, rt); {
		case sealed == nil:
			b.settlePlain(ln, lt)
			b.settlePlain(r.Args[i], rt)
		case !equality(e) || e.Kind == pg.A_Expr_Kind_AEXPR_NULLIF:
			b.otherOperator(lastName(e.Name), sealed)
		default:
			b.compare(ln, lt, r.Args[i], rt)
		}
	}
	return true
}

func sealedOf(types ...typ) *catalog.Protected {
	for _, t := range types {
		if t.prot != nil {
			return t.prot
		}
	}
	return nil
}

// inRows types (a, b) IN ((1, 'x'), (2, 'y')). It reports false where one of the
// sides is no row.
func (b *binder) inRows(e *pg.A_Expr, sc *scope) bool {
	l := e.Lexpr.GetRowExpr()
	items := e.Rexpr.GetList().GetItems()
	if l == nil {
		return false
	}
	for _, item := range items {
		if r := item.GetRowExpr(); r == nil || len(r.Args) != len(l.Args) {
			return false
		}
	}
	for i, n := range l.Args {
		list := make([]*pg.Node, len(items))
		for k, item := range items {
			list[k] = item.GetRowExpr().Args[i]
		}
		b.equalToAny(n, b.expr(n, sc), list, sc)
	}
	return true
}

// anySubLink types x IN (SELECT …), x = ANY (SELECT …) and their negations, for
// a row in the place of x too.
func (b *binder) anySubLink(s *pg.SubLink, query *pg.SelectStmt, sc *scope) {
	tests := []*pg.Node{s.Testexpr}
	if row := s.Testexpr.GetRowExpr(); row != nil {
		tests = row.Args
	}
	name := lastName(s.OperName)
	equal := name == "" || len(s.OperName) == 1 && (name == "=" || name == "<>")
	b.compareQuery(tests, query, equal, name, sc)
}

// compareQuery compares expressions with the columns of a subquery, by the
// operator of that name.
func (b *binder) compareQuery(tests []*pg.Node, query *pg.SelectStmt, equal bool, operator string, sc *scope) {
	types := make([]typ, len(tests))
	wants := make([]want, len(tests))
	for i, n := range tests {
		types[i] = b.expr(n, sc)
		wants[i] = want{term: types[i].prot, compared: types[i].prot == nil && types[i].open && !types[i].array}
	}
	out := b.query(query, sc.set(), wants)
	b.noBoxes("a comparison", out...)
	if b.refusal != nil {
		return
	}
	if len(out) != len(tests) {
		b.noSealed(out, "a subquery of another width than what it is compared with")
		if sealed := sealedOf(types...); sealed != nil {
			b.sealedWithPlain(sealed)
		}
	}
	for i, n := range tests {
		var c *column
		if i < len(out) {
			c = out[i]
		}
		sealed := b.compareOutput(n, types[i], c)
		if sealed != nil && !equal {
			b.otherOperator(operator, sealed)
		}
	}
}

// compareOutput compares an expression with an output column, nil for one that
// there is not, and returns what is sealed of them.
func (b *binder) compareOutput(n *pg.Node, t typ, c *column) *catalog.Protected {
	var p *catalog.Protected
	if c != nil {
		p = c.protection()
	}
	switch {
	case t.prot != nil && p == nil:
		b.sealedWithPlain(t.prot)
	case t.prot != nil:
		b.toTerm(n, t)
		return t.prot
	case p == nil:
		b.force(c)
		b.settlePlain(n, t)
	case t.open && c.termed:
		b.settle(n, t, b.use(Equality, p))
		return p
	default:
		b.unsupported("a subquery compared with an unprotected expression", p)
	}
	return nil
}

// elementOperator types x = ANY (ARRAY[a, b]) and <> ALL where a and b may be
// sealed: it is x IN (a, b). It reports false for other operands, and where the
// array would give a parameter its type.
func (b *binder) elementOperator(e *pg.A_Expr, sc *scope) bool {
	list := elements(e.Rexpr)
	if e.Kind != pg.A_Expr_Kind_AEXPR_OP_ANY && e.Kind != pg.A_Expr_Kind_AEXPR_OP_ALL || !equality(e) || !slices.ContainsFunc(list, mayBeSealed) {
		return false
	}
	for _, n := range list {
		if n.GetParamRef() != nil || n.GetAArrayExpr() != nil {
			return false
		}
	}
	b.equalToAny(e.Lexpr, b.expr(e.Lexpr, sc), list, sc)
	return true
}
