package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// operator types an operator expression. Equality in all its forms moves to
// the terms; every other operator wants plain operands.
func (b *binder) operator(n *pg.Node, e *pg.A_Expr, sc *scope) typ {
	if e.Kind == pg.A_Expr_Kind_AEXPR_IN {
		b.in(e, sc)
		return typ{}
	}
	if b.rowOperator(e, sc) || b.elementOperator(e, sc) {
		return typ{}
	}
	if concatenates(e) {
		return b.concatenation(n, e, sc)
	}
	l, r := b.expr(e.Lexpr, sc), b.operand(e.Rexpr, sc)
	switch {
	case l.prot == nil && r.prot == nil && l.open && r.open:
		b.computing(func() {
			b.settlePlain(e.Lexpr, l)
			b.settlePlain(e.Rexpr, r)
		})
		return typ{}
	case l.prot == nil && r.prot == nil:
		b.settlePlain(e.Lexpr, l)
		b.settlePlain(e.Rexpr, r)
		return typ{}
	}
	sealed := l.prot
	if sealed == nil {
		sealed = r.prot
	}
	if !equality(e) {
		b.otherOperator(lastName(e.Name), sealed)
		return typ{}
	}
	switch e.Kind {
	case pg.A_Expr_Kind_AEXPR_OP, pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		b.compare(e.Lexpr, l, e.Rexpr, r)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return b.nullIf(n, e, l, r)
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		b.compareArray(e.Lexpr, l, e.Rexpr, r)
	default:
		b.unsupported("this operator", sealed)
	}
	return typ{}
}

// operand types the right side of an operator, which for BETWEEN is a list.
func (b *binder) operand(n *pg.Node, sc *scope) typ {
	list := n.GetList()
	if list == nil {
		return b.expr(n, sc)
	}
	var sealed typ
	for _, item := range list.Items {
		t := b.expr(item, sc)
		if t.prot != nil {
			sealed = t
		}
		b.settlePlain(item, t)
	}
	return sealed
}

// settlePlain settles an open operand whose other side is plain.
func (b *binder) settlePlain(n *pg.Node, t typ) {
	if t.open {
		b.settle(n, t, Use{})
	}
}

// equality says that an operator is PostgreSQL's own = or <>.
func equality(e *pg.A_Expr) bool {
	name := lastName(e.Name)
	own := len(e.Name) == 1 || e.Name[0].GetString_().GetSval() == "pg_catalog"
	return own && (name == "=" || name == "<>")
}

// otherOperator refuses an operator that is none of equality.
func (b *binder) otherOperator(name string, sealed *catalog.Protected) {
	switch name {
	case "<", "<=", ">", ">=", "BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC":
		b.needsOrder("operator "+name, sealed)
	default:
		b.unsupported("operator "+name, sealed)
	}
}

// compare moves a comparison for equality to terms.
func (b *binder) compare(ln *pg.Node, l typ, rn *pg.Node, r typ) {
	switch {
	case l.prot != nil && r.prot != nil:
		b.compareSealed(ln, l, rn, r)
	case l.prot != nil:
		b.compareOpen(ln, l, rn, r)
	default:
		b.compareOpen(rn, r, ln, l)
	}
}

func (b *binder) compareSealed(ln *pg.Node, l typ, rn *pg.Node, r typ) {
	switch {
	case l.prot.DomainID != r.prot.DomainID:
		b.otherDomain(l.prot, r.prot)
	case !sameEquality(l.prot.Logical, r.prot.Logical):
		b.unsupported("a comparison between types "+l.prot.Logical.Name+" and "+r.prot.Logical.Name, l.prot)
	default:
		b.toTerm(ln, l)
		b.toTerm(rn, r)
	}
}

// sameEquality says that equal values of the two types have equal terms.
func sameEquality(l, r catalog.Type) bool {
	return l.Name == r.Name || textual(l.Name) && textual(r.Name)
}

// compareOpen compares a sealed expression with a literal or parameter.
func (b *binder) compareOpen(sn *pg.Node, s typ, on *pg.Node, o typ) {
	if !o.open && o.prot == nil && s.prot.Logical.Name == "bool" {
		b.truth(sn, s)
		return
	}
	if !o.open || o.array {
		b.sealedWithPlain(s.prot)
		return
	}
	b.toTerm(sn, s)
	b.settle(on, o, b.use(Equality, s.prot))
}

// compareArray moves = ANY and <> ALL over an array to terms.
func (b *binder) compareArray(ln *pg.Node, l typ, rn *pg.Node, r typ) {
	switch {
	case l.prot == nil:
		b.sealedWithPlain(r.prot)
	case r.prot != nil || !r.open:
		b.sealedWithPlain(l.prot)
	case r.array:
		b.toTerm(ln, l)
		for _, item := range elements(rn) {
			b.settle(item, typ{open: true, null: item.GetAConst().GetIsnull()}, b.use(Equality, l.prot))
		}
	default:
		b.toTerm(ln, l)
		b.settle(rn, r, b.use(EqualityArray, l.prot))
	}
}

func elements(n *pg.Node) []*pg.Node { return n.GetAArrayExpr().GetElements() }

// in types x IN (…) and x NOT IN (…).
func (b *binder) in(e *pg.A_Expr, sc *scope) {
	if b.inRows(e, sc) {
		return
	}
	l := b.expr(e.Lexpr, sc)
	list := e.Rexpr.GetList()
	switch {
	case l.prot == nil && b.settleList(list, Use{}):
		b.settlePlain(e.Lexpr, l)
		b.fromClient++
		return
	case l.prot != nil && b.settleList(list, b.use(Equality, l.prot)):
		b.toTerm(e.Lexpr, l)
		return
	}
	b.manyIn = len(list.GetItems()) > 1
	defer func() { b.manyIn = false }()
	b.equalToAny(e.Lexpr, l, list.GetItems(), sc)
}

// equalToAny types the comparison of one expression with each of several.
func (b *binder) equalToAny(ln *pg.Node, l typ, list []*pg.Node, sc *scope) {
	types := make([]typ, len(list))
	sealed := l.prot
	for i, n := range list {
		types[i] = b.expr(n, sc)
		if sealed == nil {
			sealed = types[i].prot
		}
	}
	if sealed == nil {
		b.settlePlain(ln, l)
		for i, n := range list {
			b.settlePlain(n, types[i])
		}
		return
	}
	b.sideTerm(sealed, ln, l)
	for i, n := range list {
		b.sideTerm(sealed, n, types[i])
	}
}

// sideTerm makes one side of a comparison with values of a sealed column a term.
func (b *binder) sideTerm(sealed *catalog.Protected, n *pg.Node, t typ) {
	switch {
	case t.prot != nil && t.prot.DomainID != sealed.DomainID:
		b.otherDomain(sealed, t.prot)
	case t.prot != nil && !sameEquality(sealed.Logical, t.prot.Logical):
		b.unsupported("a comparison between types "+sealed.Logical.Name+" and "+t.prot.Logical.Name, sealed)
	case t.prot != nil:
		b.toTerm(n, t)
	case !t.open || t.array:
		b.sealedWithPlain(sealed)
	default:
		b.settle(n, t, b.use(Equality, sealed))
	}
}

// mayFilter checks the right to put conditions on a column.
func (b *binder) mayFilter(p *catalog.Protected) bool {
	if b.access(p).Filter {
		return true
	}
	b.mayNot("filter on", p)
	return false
}

// mayCompare checks that a column has terms and that the session's roles may
// put conditions on it. A plain one always may be.
func (b *binder) mayCompare(p *catalog.Protected) bool {
	switch {
	case p == nil:
	case !p.Column.Search.Equality:
		b.noEquality(p)
		return false
	default:
		return b.mayFilter(p)
	}
	return true
}

// toTerm replaces a sealed expression by its equality term.
func (b *binder) toTerm(n *pg.Node, t typ) {
	if !b.mayCompare(t.prot) {
		return
	}
	if b.terms[n] {
		delete(b.terms, n)
		return
	}
	n.Node = term(&pg.Node{Node: n.Node}).Node
	b.changed = true
}

// term returns the expression that apply's indexes are made on.
func term(n *pg.Node) *pg.Node {
	text := &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{
		Arg:      n,
		TypeName: &pg.TypeName{Names: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("text")}, Typemod: -1},
		Location: -1,
	}}}
	return call("split_part", text, pg.MakeAConstStrNode(".", -1), pg.MakeAConstIntNode(2, -1))
}

// call returns a call of one of PostgreSQL's own functions, whatever the
// search path.
func call(name string, args ...*pg.Node) *pg.Node {
	return pg.MakeFuncCallNode([]*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode(name)}, args, -1)
}

// use returns a Use with what the session's roles may do.
func (b *binder) use(role Role, p *catalog.Protected) Use {
	return Use{Role: role, Target: p, Access: b.access(p)}
}

// subLink types a subquery in an expression.
func (b *binder) subLink(s *pg.SubLink, sc *scope) typ {
	query := s.Subselect.GetSelectStmt()
	if query == nil {
		b.unsupported("a subquery", nil)
		return typ{}
	}
	switch s.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		b.aside(func() { b.query(query, sc.set(), nil) })
	case pg.SubLinkType_EXPR_SUBLINK:
		out := b.valueQuery(query, sc)
		if len(out) == 1 && out[0].later != nil {
			return out[0].laterTyp()
		}
		if len(out) == 1 && out[0].box != nil {
			return typ{box: out[0].box}
		}
		if len(out) == 1 && out[0].prot != nil {
			return typ{prot: out[0].prot}
		}
	case pg.SubLinkType_ARRAY_SUBLINK:
		return b.arraySubLink(query, sc)
	case pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
		b.anySubLink(s, query, sc)
	default:
		b.noSealed(b.valueQuery(query, sc), "this subquery")
	}
	return typ{}
}

func (b *binder) noSealed(out []*column, what string) {
	for _, c := range out {
		if p := c.protection(); p != nil {
			b.unsupported(what, p)
		}
	}
}
