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
	// compared is set where the column is compared with a literal or parameter,
	// which takes the column's part: a sealed output becomes its term.
	compared bool
	// plain is the name of the unprotected column that it is stored into, empty
	// where it is not, or not known.
	plain string
	// resolved says that a literal of unknown type is text before it gets there,
	// as in every subquery but the source of an INSERT.
	resolved bool
}

// terms says that a sealed output becomes its term.
func (w want) terms() bool { return w.term != nil || w.compared }

// wantedUse returns the part that a literal in the place of the column plays, nil
// where its surroundings do not say.
func (b *binder) wantedUse(w want) *Use {
	switch {
	case w.store != nil:
		return w.store
	case w.term != nil:
		u := b.use(Equality, w.term)
		return &u
	}
	return nil
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
	sc.sorts = len(s.SortClause) > 0 && !keepsOrder(s)
	star := b.from(s.FromClause, sc)
	// A literal that is written is sealed as such, whatever else is done with it.
	first := len(s.GroupClause) == 0 && slices.ContainsFunc(wants, func(w want) bool { return w.store != nil })
	if !first {
		b.behind(func() { b.condition(s.WhereClause, sc, "WHERE") })
	}
	b.spellStars(s, sc, star, wants)
	places := b.groupBy(s, sc)
	b.sortsOthers(s, sc)
	out := b.targets(s.TargetList, sc, star, distinctWants(s, wants))
	if first {
		b.condition(s.WhereClause, sc, "WHERE")
	}
	if len(s.GroupClause) > 0 {
		b.force(out...)
	}
	b.groupedPlaces(places, out)
	b.condition(s.HavingClause, sc, "HAVING")
	for _, w := range s.WindowClause {
		b.window(w.GetWindowDef(), sc)
	}
	b.distinct(s, sc, out, wants)
	b.tail(s, sc, out)
	return out
}

func hasStar(list []*pg.Node) bool {
	return slices.ContainsFunc(list, func(n *pg.Node) bool {
		val := n.GetResTarget().GetVal()
		ref := val.GetColumnRef()
		return expands(val) || ref != nil && ref.Fields[len(ref.Fields)-1].GetAStar() != nil
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
		if expands(t.Val) && !known {
			cols, known = b.fields(t.Val, sc)
		}
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
	if expands(t.GetVal()) {
		src := b.expanded(t.Val.GetAIndirection(), sc)
		if src == nil {
			return nil, true, false
		}
		return src.cols, true, !src.opaque
	}
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
		if !src.within {
			cols = append(cols, src.cols...)
		}
	}
	return cols
}

func (b *binder) starColumns(cols []*column, sc *scope, wants []want) []*column {
	for _, c := range cols {
		switch {
		case c.box != nil && slices.ContainsFunc(wants, want.terms):
			b.noBox(c.box, "a star in a compared subquery")
		case c.merged.gone():
			b.unsupported("a star over a join with USING or NATURAL", c.protection())
		case c.prot == nil:
		case !c.prot.Ready:
			b.notReady(c.prot)
		case len(sc.grouped) > 0:
			b.unsupported("a star beside GROUP BY", c.prot)
		case slices.ContainsFunc(wants, want.terms):
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
	met := b.fromClient
	x := b.targetValue(t.Val, sc, w.store)
	if t.Name == "" && !w.terms() && outputNameOf(t.Val) != name {
		t.Name = name // min(…) would be called min
	}
	if x.open {
		out := b.openTarget(t, x, name, w)
		out.from = t
		return out
	}
	if x.prot != nil && w.term == nil {
		keepName(t, name)
	}
	if x.box != nil {
		return b.boxTarget(x, name, w)
	}
	if x.prot == nil {
		out := &column{name: name, server: met == b.fromClient}
		// A bare name may be a column that USING merged, from whichever side.
		if ref := t.Val.GetColumnRef(); ref != nil && len(ref.Fields) > 1 {
			if f := b.refersTo(ref, sc); f.col != nil {
				out.oid, out.num = f.col.oid, f.col.num
			}
		}
		return out
	}
	if w.terms() {
		b.termTarget(t, x, w)
		return &column{name: name, prot: x.prot, termed: true}
	}
	out := &column{name: name, prot: x.prot}
	if x.col != nil && !x.recast {
		out.oid, out.num, out.later = x.col.oid, x.col.num, x.col.later
	}
	return out
}

// openTarget settles a literal or parameter in a target list, or leaves it to
// who uses the column.
func (b *binder) openTarget(t *pg.ResTarget, x typ, name string, w want) *column {
	u := b.wantedUse(w)
	switch {
	case x.array:
		b.settle(t.Val, x, Use{})
		return &column{name: name}
	case w.compared:
		// A part of its own: where it becomes a term, other uses of the value do not.
		return &column{name: name, later: b.ownLater(t.Val, x)}
	case u == nil:
		c := b.laterColumn(name, t.Val, x)
		c.later.settle = append(c.later.settle, func(Use) { keepName(t, name) })
		return c
	}
	if w.term != nil && !b.mayFilter(w.term) {
		return &column{name: name}
	}
	if (w.resolved || w.term != nil) && (isNull(t.Val) || b.unknownType(t.Val)) && !b.asText(u) {
		return &column{name: name}
	}
	b.settle(t.Val, x, *u)
	return &column{name: name, prot: u.Target, termed: w.term != nil}
}

// isNull says that an expression is the word NULL, without a cast.
func isNull(n *pg.Node) bool { return n.GetAConst().GetIsnull() }

// unknownType says that a literal or parameter has no type of its own.
func (b *binder) unknownType(n *pg.Node) bool {
	if p := n.GetParamRef(); p != nil {
		return b.declaredType(int(p.Number)) == 0
	}
	_, text := n.GetAConst().GetVal().(*pg.A_Const_Sval)
	return text
}

// termTarget makes a sealed output of a compared subquery its term.
func (b *binder) termTarget(t *pg.ResTarget, x typ, w want) {
	switch {
	case w.compared:
		b.toTerm(t.Val, x)
	case x.prot.DomainID != w.term.DomainID:
		b.otherDomain(w.term, x.prot)
	case !sameEquality(w.term.Logical, x.prot.Logical):
		b.unsupported("a comparison between types "+w.term.Logical.Name+" and "+x.prot.Logical.Name, w.term)
	default:
		b.toTerm(t.Val, x)
	}
}

// tail types what stands behind a query: ORDER BY, LIMIT, FOR UPDATE.
func (b *binder) tail(s *pg.SelectStmt, sc *scope, out []*column) {
	for _, item := range s.SortClause[b.orderOfGroups(s, sc, out):] {
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
		if i := int(c.GetIval().GetIval()); i >= 1 && i <= len(out) {
			b.sortable(out[i-1])
		}
		return // a place decides the plan, so it stays in the shape
	}
	if ref := n.GetColumnRef(); ref != nil && len(ref.Fields) == 1 {
		name := ref.Fields[0].GetString_().GetSval()
		if i := slices.IndexFunc(out, func(c *column) bool { return c.name == name }); i >= 0 {
			b.sortable(out[i])
			return
		}
	}
	b.ordered(n, sc, "ORDER BY")
}

// sortable checks that rows may be sorted by an output column.
func (b *binder) sortable(c *column) {
	b.force(c)
	if p := c.protection(); p != nil {
		b.needsOrder("ORDER BY", p)
	}
}
