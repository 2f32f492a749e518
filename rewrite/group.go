package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// groupKey is a sealed column or expression that a query groups by. It is
// grouped by its term; where the query shows it, one of the group's sealed
// values stands for all.
type groupKey struct {
	// col is the column, nil for an expression, which spelling tells.
	col      *column
	spelling spelling
	// term is what is grouped by.
	term *pg.Node
	// sets says that there are grouping sets, so that some rows show NULL for it.
	sets bool
}

// value returns what stands for the key in the output.
func (k *groupKey) value(n *pg.Node, p *catalog.Protected) *pg.Node {
	value := representative(&pg.Node{Node: n.Node}, p, nil)
	if !k.sets {
		return value
	}
	grouped := &pg.Node{Node: &pg.Node_GroupingFunc{GroupingFunc: &pg.GroupingFunc{Args: []*pg.Node{proto.Clone(k.term).(*pg.Node)}}}}
	equal := []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("=")}
	when := &pg.Node{Node: &pg.Node_CaseWhen{CaseWhen: &pg.CaseWhen{
		Expr:   pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP, equal, grouped, pg.MakeAConstIntNode(0, -1), -1),
		Result: value,
	}}}
	return &pg.Node{Node: &pg.Node_CaseExpr{CaseExpr: &pg.CaseExpr{Args: []*pg.Node{when}}}}
}

// groupedBy returns the key that a column is, nil for none.
func (sc *scope) groupedBy(c *column) *groupKey {
	for _, k := range sc.grouped {
		if k.col != nil && k.col.origin() == c.origin() {
			return k
		}
	}
	return nil
}

// aggregate notes that the arguments of an aggregate follow, which may be of
// any level in sight, until the function that it returns is called.
func (sc *scope) aggregate() (end func()) {
	add := func(n int) {
		for s := sc; s != nil; s = s.outer {
			s.aggregating += n
		}
	}
	add(1)
	return func() { add(-1) }
}

// groupBy types GROUP BY. It returns the places of the output columns that are
// grouped by and must turn out plain.
func (b *binder) groupBy(s *pg.SelectStmt, sc *scope) (places []int) {
	g := &grouper{b: b, s: s, sc: sc}
	g.sets = slices.ContainsFunc(s.GroupClause, func(n *pg.Node) bool { return n.GetGroupingSet() != nil })
	g.items(s.GroupClause)
	sc.grouped = g.keys
	return g.places
}

// grouper types the items of one GROUP BY.
type grouper struct {
	b      *binder
	s      *pg.SelectStmt
	sc     *scope
	sets   bool
	keys   []*groupKey
	places []int
}

func (g *grouper) items(list []*pg.Node) {
	for _, n := range list {
		row := n.GetRowExpr()
		switch set := n.GetGroupingSet(); {
		case set != nil:
			g.items(set.Content)
		case row != nil && row.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST:
			g.items(row.Args) // (a, b) is both of them
		default:
			g.item(n)
		}
	}
}

func (g *grouper) item(n *pg.Node) {
	i := g.b.groupTarget(n, g.s, g.sc)
	if i < 0 {
		if t := g.expression(n); t.open && n.GetAConst() == nil {
			g.b.settle(n, t, Use{})
		}
		return
	}
	target := g.s.TargetList[i].GetResTarget().Val
	if hasStar(g.s.TargetList[:i+1]) || !mayBeSealed(target) {
		g.places = append(g.places, i)
		return
	}
	// What the place stands for is typed here to see whether it is sealed, and
	// typed again as it is in the output.
	copied, before := g.b.copyExpr(target), g.b.settlements()
	if t := g.expression(copied); t.prot != nil {
		n.Node = copied.Node
		g.onlyOnce(i, g.keys[len(g.keys)-1])
		return
	}
	g.places = append(g.places, i)
	g.b.restore(before) // only the output says what its literals are
}

// onlyOnce refuses a grouping set by the place of one of two output columns that
// are the same: PostgreSQL shows NULL for either apart, which GROUPING cannot tell.
func (g *grouper) onlyOnce(place int, key *groupKey) {
	for i, n := range g.s.TargetList {
		val := n.GetResTarget().GetVal()
		same := proto.Equal(val, g.s.TargetList[place].GetResTarget().GetVal())
		if ref := val.GetColumnRef(); ref != nil && key.col != nil && !hasStar(g.s.TargetList[i:i+1]) {
			f := g.b.refersTo(ref, g.sc)
			same = same || f.col != nil && f.col.origin() == key.col.origin()
		}
		if g.sets && same && i != place {
			g.b.unsupported("a grouping set by one of two equal output columns", nil)
		}
	}
}

// expression types an expression that is grouped by, and makes a sealed one a
// key. A bare number is a place that there is not, which the server refuses.
func (g *grouper) expression(n *pg.Node) typ {
	var spelled spelling
	if mayBeSealed(n) && n.GetColumnRef() == nil {
		spelled = g.b.spell(n, g.sc)
	}
	t := g.b.expr(n, g.sc)
	if t.prot == nil {
		return t
	}
	key := &groupKey{spelling: spelled, sets: g.sets}
	if t.col != nil && !t.recast {
		key.col = t.col
	}
	g.b.toTerm(n, t)
	key.term = &pg.Node{Node: n.Node}
	if g.sets && anyMessage(key.term.ProtoReflect(), isSlot) {
		// GROUPING would not recognise it: each time it is sealed in another way.
		g.b.unsupported("a grouping set of an expression with literals", t.prot)
	}
	g.keys = append(g.keys, key)
	return t
}

func isSlot(m proto.Message) bool {
	p, ok := m.(*pg.ParamRef)
	return ok && p.Number >= slotBase
}

// copyExpr copies an expression that is not typed yet.
func (b *binder) copyExpr(n *pg.Node) *pg.Node {
	copied := proto.Clone(n).(*pg.Node)
	if f, ok := b.spelledRefs[n.GetColumnRef()]; ok {
		b.spelledRefs[copied.GetColumnRef()] = f
	}
	return copied
}

// groupTarget returns the index of the output column that a place or a name in
// GROUP BY stands for, -1 for none.
func (b *binder) groupTarget(g *pg.Node, s *pg.SelectStmt, sc *scope) int {
	for i, n := range s.TargetList {
		if b.standsFor(g, i, n.GetResTarget(), sc) {
			return i
		}
	}
	return -1
}

// standsFor says whether an item of GROUP BY is the place of the target, or
// its name where no input column has it.
func (b *binder) standsFor(g *pg.Node, i int, t *pg.ResTarget, sc *scope) bool {
	if c := g.GetAConst(); c != nil {
		return c.GetIval() != nil && int(c.GetIval().GetIval()) == i+1
	}
	ref := g.GetColumnRef()
	if ref == nil || len(ref.Fields) != 1 || t.Name == "" {
		return false
	}
	name := ref.Fields[0].GetString_().GetSval()
	return t.Name == name && b.resolve([]string{name}, sc).col == nil
}

// groupedPlaces checks, once the output is typed, that GROUP BY names no
// sealed expression of it by place or name.
func (b *binder) groupedPlaces(places []int, out []*column) {
	for _, i := range places {
		if i >= len(out) {
			return
		}
		b.force(out[i])
		if p := out[i].protection(); p != nil && !out[i].termed {
			b.unsupported("GROUP BY of this output expression", p)
		}
	}
}

// mayBeSealed says that an expression is of a kind that can have the value of a
// sealed column.
func mayBeSealed(n *pg.Node) bool {
	switch e := n.GetNode().(type) {
	case *pg.Node_ColumnRef, *pg.Node_CaseExpr, *pg.Node_CoalesceExpr, *pg.Node_TypeCast:
		return true
	case *pg.Node_AExpr:
		return e.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF
	}
	return false
}

// groupKeyOf returns the expression of GROUP BY that an expression is, nil for
// none. It is only at the level that groups, and not in its aggregates.
func (b *binder) groupKeyOf(n *pg.Node, sc *scope) *groupKey {
	if len(sc.grouped) == 0 || sc.aggregating > 0 || n.GetColumnRef() != nil || !mayBeSealed(n) {
		return nil
	}
	spelled := b.spell(n, sc)
	for _, k := range sc.grouped {
		if k.col == nil && b.sameSpelling(k.spelling, spelled) {
			return k
		}
	}
	return nil
}

// groupedValue types an expression that its query groups by.
func (b *binder) groupedValue(n *pg.Node, key *groupKey, sc *scope) typ {
	end := sc.aggregate()
	t := b.expr(n, sc)
	end()
	if t.prot == nil {
		return t
	}
	n.Node = key.value(n, t.prot).Node
	b.changed = true
	t.col = nil
	return t
}

// grouping types GROUPING(…), whose arguments are items of GROUP BY.
func (b *binder) grouping(f *pg.GroupingFunc, sc *scope) {
	defer sc.aggregate()()
	for _, arg := range f.Args {
		t := b.expr(arg, sc)
		if t.prot != nil {
			b.toTerm(arg, t)
		}
		b.settlePlain(arg, t)
	}
}
