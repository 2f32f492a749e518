package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// want says what the surroundings of a query do with one of its output columns.
type want struct {
	// store is set where the column is stored into a protected one: a literal or
	// parameter in its place is sealed.
	store *Use
	// term is set where the column is compared with a sealed expression: a
	// sealed output becomes its term.
	term *catalog.Protected
}

func wantAt(wants []want, i int) want {
	if i < len(wants) {
		return wants[i]
	}
	return want{}
}

// query plans a SELECT, VALUES or set operation whose names resolve in sc, a
// scope of its own, and returns its output columns.
func (b *binder) query(s *pg.SelectStmt, sc *scope, wants []want) []*column {
	if b.refusal != nil || s == nil {
		return nil
	}
	b.with(s.WithClause, sc)
	switch {
	case s.Op != pg.SetOperation_SETOP_NONE:
		return b.setOperation(s, sc, wants)
	case len(s.ValuesLists) > 0:
		return b.values(s, sc, wants)
	}
	return b.selectCore(s, sc, wants)
}

func (b *binder) selectCore(s *pg.SelectStmt, sc *scope, wants []want) []*column {
	if s.IntoClause != nil {
		defer b.noInto(s.IntoClause)
	}
	star := b.from(s.FromClause, sc)
	b.plain(s.WhereClause, sc, "WHERE")
	b.groupBy(s, sc)
	out := b.targets(s.TargetList, sc, star, wants)
	b.plain(s.HavingClause, sc, "HAVING")
	for _, w := range s.WindowClause {
		b.window(w.GetWindowDef(), sc)
	}
	b.distinct(s, sc, out, wants)
	b.tail(s, sc, out)
	return out
}

// noInto refuses SELECT INTO of a query that reached something protected.
func (b *binder) noInto(into *pg.IntoClause) {
	if b.reached {
		b.command("SELECT INTO " + into.GetRel().GetRelname())
	}
}

// groupBy types GROUP BY. A sealed column is grouped by its term; in the
// output one of the group's values stands for it.
func (b *binder) groupBy(s *pg.SelectStmt, sc *scope) {
	var grouped []*column
	for _, g := range s.GroupClause {
		b.groupName(g, s, sc)
		t := b.expr(g, sc)
		switch {
		case t.prot != nil && (t.col == nil || t.recast):
			b.unsupported("GROUP BY of an expression", t.prot)
		case t.prot != nil:
			grouped = append(grouped, t.col)
			b.toTerm(g, t)
		case t.open && g.GetAConst() == nil:
			b.settle(g, t, Use{})
		case t.open:
			b.groupPosition(g, s, sc)
		}
	}
	sc.grouped = grouped
}

// groupName checks a bare name in GROUP BY that is no input column: it means
// the output column of that name, which must be plain.
func (b *binder) groupName(g *pg.Node, s *pg.SelectStmt, sc *scope) {
	ref := g.GetColumnRef()
	if ref == nil || len(ref.Fields) != 1 {
		return
	}
	name := ref.Fields[0].GetString_().GetSval()
	if b.resolve([]string{name}, sc).col != nil {
		return
	}
	for _, t := range s.TargetList {
		if t.GetResTarget().GetName() == name {
			b.sealedPosition(t.GetResTarget().GetVal(), sc)
		}
	}
}

// groupPosition checks GROUP BY 2: the column at that place must be plain.
func (b *binder) groupPosition(g *pg.Node, s *pg.SelectStmt, sc *scope) {
	i := int(g.GetAConst().GetIval().GetIval())
	if i >= 1 && i <= len(s.TargetList) && !hasStar(s.TargetList) {
		b.sealedPosition(s.TargetList[i-1].GetResTarget().GetVal(), sc)
		return
	}
	for _, src := range sc.sources {
		if src.sealed() {
			b.wholeRow(src)
		}
	}
}

// sealedPosition refuses grouping by an output column that is sealed.
func (b *binder) sealedPosition(val *pg.Node, sc *scope) {
	if ref := val.GetColumnRef(); ref != nil {
		names, star := fieldNames(ref)
		if f := b.resolve(names, sc); !star && f.col != nil && f.col.prot != nil {
			b.unsupported("GROUP BY of an output column", f.col.prot)
		}
	}
}

func hasStar(list []*pg.Node) bool {
	return slices.ContainsFunc(list, func(n *pg.Node) bool {
		ref := n.GetResTarget().GetVal().GetColumnRef()
		return ref != nil && ref.Fields[len(ref.Fields)-1].GetAStar() != nil
	})
}

// targets types a target list and returns the output columns. star is what a
// bare star stands for.
func (b *binder) targets(list []*pg.Node, sc *scope, star []*column, wants []want) []*column {
	var out []*column
	open := false
	for _, n := range list {
		t := n.GetResTarget()
		cols, isStar, known := b.starTarget(t, sc, star)
		open = open || isStar && !known
		if isStar {
			out = append(out, b.starColumns(cols, sc, wants)...)
			continue
		}
		out = append(out, b.targetColumn(t, sc, wantAt(wants, len(out))))
	}
	if open {
		b.opaqueStar = true
		b.unsupportedIfSealed("a query with a star whose columns pgveil does not know", out)
	}
	return out
}

// starTarget expands * and t.* in a target list. known is false where the
// snapshot cannot say what all the columns are.
func (b *binder) starTarget(t *pg.ResTarget, sc *scope, star []*column) (cols []*column, isStar, known bool) {
	ref := t.GetVal().GetColumnRef()
	if ref == nil {
		return nil, false, false
	}
	names, isStar := fieldNames(ref)
	switch {
	case !isStar:
		return nil, false, false
	case len(names) == 0 && star != nil:
		return star, true, true
	case len(names) == 0:
		return b.allColumns(sc), true, false
	}
	src := b.starSource(names, sc)
	if src == nil {
		return nil, true, false
	}
	return src.cols, true, !src.opaque
}

// allColumns returns the known columns of a level.
func (b *binder) allColumns(sc *scope) []*column {
	var cols []*column
	for _, src := range sc.sources {
		cols = append(cols, src.cols...)
	}
	return cols
}

func (b *binder) starColumns(cols []*column, sc *scope, wants []want) []*column {
	for _, c := range cols {
		switch {
		case c.prot == nil:
		case !c.prot.Ready:
			b.notReady(c.prot)
		case len(sc.grouped) > 0:
			b.unsupported("a star beside GROUP BY", c.prot)
		case slices.ContainsFunc(wants, func(w want) bool { return w.term != nil }):
			b.unsupported("a star in a compared subquery", c.prot)
		}
	}
	return cols
}

// targetColumn types one item of a target list.
func (b *binder) targetColumn(t *pg.ResTarget, sc *scope, w want) *column {
	name := t.Name
	if name == "" {
		name = outputNameOf(t.Val)
	}
	before := t.Val.Node
	x := b.expr(t.Val, sc)
	if x.open {
		return b.openTarget(t, x, name, w)
	}
	if x.prot == nil {
		out := &column{name: name}
		if ref := t.Val.GetColumnRef(); ref != nil {
			if f := b.resolve(mustNames(ref), sc); f.col != nil {
				out.oid, out.num = f.col.oid, f.col.num
			}
		}
		return out
	}
	if w.term != nil {
		b.termTarget(t, x, w)
		return &column{name: name, prot: x.prot}
	}
	if x.recast {
		b.unsupported("a cast in the output", x.prot)
	}
	if t.Val.Node != before && t.Name == "" {
		t.Name = name // min(…) would be called min
	}
	out := &column{name: name, prot: x.prot}
	if x.col != nil {
		out.oid, out.num = x.col.oid, x.col.num
	}
	return out
}

func mustNames(ref *pg.ColumnRef) []string {
	names, _ := fieldNames(ref)
	return names
}

// openTarget settles a literal or parameter in a target list.
func (b *binder) openTarget(t *pg.ResTarget, x typ, name string, w want) *column {
	if w.store == nil || x.array {
		b.settle(t.Val, x, Use{})
		return &column{name: name}
	}
	b.settle(t.Val, x, *w.store)
	return &column{name: name, prot: w.store.Target}
}

// termTarget makes a sealed output of a compared subquery its term.
func (b *binder) termTarget(t *pg.ResTarget, x typ, w want) {
	switch {
	case x.prot.DomainID != w.term.DomainID:
		b.otherDomain(w.term, x.prot)
	case !sameEquality(w.term.Logical, x.prot.Logical):
		b.unsupported("a comparison between types "+w.term.Logical.Name+" and "+x.prot.Logical.Name, w.term)
	default:
		b.toTerm(t.Val, x)
	}
}

// outputNameOf returns the name that PostgreSQL gives an unnamed output column.
func outputNameOf(n *pg.Node) string {
	switch e := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		names, _ := fieldNames(e.ColumnRef)
		if len(names) > 0 {
			return names[len(names)-1]
		}
	case *pg.Node_FuncCall:
		return lastName(e.FuncCall.Funcname)
	case *pg.Node_TypeCast:
		if name := outputNameOf(e.TypeCast.Arg); name != "?column?" {
			return name
		}
		return lastName(e.TypeCast.TypeName.Names)
	case *pg.Node_SubLink:
		if list := e.SubLink.Subselect.GetSelectStmt().GetTargetList(); len(list) == 1 && e.SubLink.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
			if t := list[0].GetResTarget(); t.Name != "" {
				return t.Name
			}
			return outputNameOf(list[0].GetResTarget().GetVal())
		}
	case *pg.Node_CaseExpr:
		return "case"
	case *pg.Node_CoalesceExpr:
		return "coalesce"
	case *pg.Node_RowExpr:
		return "row"
	}
	return "?column?"
}

// distinct types DISTINCT and DISTINCT ON.
func (b *binder) distinct(s *pg.SelectStmt, sc *scope, out []*column, wants []want) {
	if len(s.DistinctClause) == 0 {
		return
	}
	if s.DistinctClause[0].GetNode() != nil {
		b.plainAll(s.DistinctClause, sc, "DISTINCT ON")
		return
	}
	for i, c := range out {
		if c.prot != nil && wantAt(wants, i).term == nil {
			b.unsupported("SELECT DISTINCT", c.prot)
		}
	}
}

// tail types what stands behind a query: ORDER BY, LIMIT, FOR UPDATE.
func (b *binder) tail(s *pg.SelectStmt, sc *scope, out []*column) {
	for _, item := range s.SortClause {
		b.orderBy(item.GetSortBy(), sc, out)
	}
	b.plain(s.LimitCount, sc, "LIMIT")
	b.plain(s.LimitOffset, sc, "OFFSET")
}

// orderBy types an item of ORDER BY, where a bare name is first an output
// column, and a number a place.
func (b *binder) orderBy(item *pg.SortBy, sc *scope, out []*column) {
	n := item.GetNode()
	if c := n.GetAConst(); c != nil {
		if i := int(c.GetIval().GetIval()); i >= 1 && i <= len(out) && out[i-1].prot != nil {
			b.unsupported("ORDER BY", out[i-1].prot)
		}
		return // a place decides the plan, so it stays in the shape
	}
	if ref := n.GetColumnRef(); ref != nil && len(ref.Fields) == 1 {
		name := ref.Fields[0].GetString_().GetSval()
		if i := slices.IndexFunc(out, func(c *column) bool { return c.name == name }); i >= 0 {
			if out[i].prot != nil {
				b.unsupported("ORDER BY", out[i].prot)
			}
			return
		}
	}
	b.plain(n, sc, "ORDER BY")
}

// setOperation types UNION, INTERSECT and EXCEPT.
func (b *binder) setOperation(s *pg.SelectStmt, sc *scope, wants []want) []*column {
	l := b.query(s.Larg, sc.child(), wants)
	r := b.query(s.Rarg, sc.child(), wants)
	out := b.merge(s, l, r, wants)
	b.tail(s, sc, out)
	return out
}

// merge types the output columns of a set operation.
func (b *binder) merge(s *pg.SelectStmt, l, r []*column, wants []want) []*column {
	if b.refusal != nil {
		return nil
	}
	if len(l) != len(r) {
		if b.reached {
			b.unsupported("a set operation of different widths", nil)
		}
		return l
	}
	out := make([]*column, len(l))
	for i := range l {
		out[i] = b.mergeColumn(l[i], r[i])
		if out[i].prot != nil && !(s.Op == pg.SetOperation_SETOP_UNION && s.All) && wantAt(wants, i).term == nil {
			b.unsupported("a set operation that compares rows", out[i].prot)
		}
	}
	return out
}

func (b *binder) mergeColumn(l, r *column) *column {
	out := &column{name: l.name, prot: l.prot}
	switch {
	case l.prot == nil && r.prot == nil:
	case l.prot == nil || r.prot == nil:
		p := l.prot
		if p == nil {
			p = r.prot
		}
		b.unsupported("a set operation with an unprotected column", p)
	case l.prot.DomainID != r.prot.DomainID:
		b.otherDomain(l.prot, r.prot)
	case l.prot.Logical != r.prot.Logical:
		b.unsupported("a set operation between types", l.prot)
	case l.prot != r.prot && b.access(l.prot) != b.access(r.prot):
		b.unsupported("a set operation of columns with different access", l.prot)
	}
	return out
}
