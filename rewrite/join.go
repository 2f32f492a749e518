package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// merged is what USING and NATURAL made of two columns of one name.
type merged struct {
	// value is the merged column, written with the names of the join's sides;
	// nil where one of them has no name that it could be called by.
	value *pg.Node
	// from are the items that value names.
	from []*source
	// rewritten says that the join has become one with ON, so that the name
	// stands for both columns, and value must stand wherever it does.
	rewritten bool
	// same is the column of one side that value is, nil where it is of both.
	same *column
}

func (m *merged) gone() bool { return m != nil && m.rewritten }

// join binds a join and its condition. One with USING or NATURAL over sealed
// columns becomes a join ON their terms.
func (b *binder) join(n *pg.Node, j *pg.JoinExpr, sc *scope) ([]*column, bool) {
	first := len(sc.sources)
	left, leftKnown := b.fromItem(j.Larg, sc)
	right, rightKnown := b.fromItem(j.Rarg, sc)
	known := leftKnown && rightKnown
	u := &usingJoin{j: j, left: left, right: right, known: known, sources: sc.sources[first:], outer: sc, names: stringsOf(j.UsingClause)}
	if j.IsNatural {
		u.names = common(left, right)
		known = known && b.natural(sc.sources[first:], known)
	}
	cols := b.using(u)
	if j.Quals != nil && !u.rewritten {
		b.joinCondition(j, sc, first)
	}
	for _, src := range sc.sources[first:] {
		src.within = true
	}
	if j.JoinUsingAlias != nil {
		sc.sources = append(sc.sources, &source{alias: j.JoinUsingAlias.Aliasname, cols: cols[:len(u.names)], within: true})
		if u.rewritten {
			j.JoinUsingAlias = nil
		}
	}
	if j.Alias == nil {
		sc.sources = append(sc.sources, &source{cols: cols, opaque: !known})
		return cols, known
	}
	src := &source{cols: onceNamed(cols), opaque: !known}
	b.alias(src, j.Alias)
	if u.rewritten {
		b.aliasedJoin(n, j, cols, sc.sources[first:])
	}
	sc.sources = append(sc.sources[:first:first], src)
	return src.cols, known
}

// onceNamed returns columns as an alias over their join shows them.
func onceNamed(cols []*column) []*column {
	out := make([]*column, len(cols))
	for i, c := range cols {
		out[i] = c
		if c.merged != nil {
			copied := *c
			copied.merged = nil
			out[i] = &copied
		}
	}
	return out
}

// joinCondition types ON, which sees the two sides of the join and what is
// further out, not the other items of the FROM clause.
func (b *binder) joinCondition(j *pg.JoinExpr, sc *scope, first int) {
	on := &scope{outer: sc.outer, ctes: sc.ctes, sources: sc.sources[first:]}
	b.condition(j.Quals, on, "a join condition")
}

// natural refuses a natural join with an item whose columns are not known.
func (b *binder) natural(sources []*source, known bool) bool {
	if known {
		return true
	}
	for _, s := range sources {
		if s.sealed() {
			b.wholeRow(s)
		}
	}
	return false
}

func common(left, right []*column) []string {
	var names []string
	for _, l := range left {
		if slices.ContainsFunc(right, func(r *column) bool { return r.name == l.name }) {
			names = append(names, l.name)
		}
	}
	return names
}

// usingJoin is a join with USING or NATURAL while it is bound.
type usingJoin struct {
	j           *pg.JoinExpr
	left, right []*column
	// known says that all columns of both sides are.
	known   bool
	sources []*source
	outer   *scope
	names   []string
	// rewritten is set once the join has become one with ON.
	rewritten bool
}

// using returns the columns of a join as a star shows them: those that USING
// or NATURAL merges first.
func (b *binder) using(u *usingJoin) []*column {
	cols := make([]*column, 0, len(u.left)+len(u.right))
	u.rewritten = slices.ContainsFunc(slices.Concat(u.left, u.right), func(c *column) bool {
		return (c.protection() != nil || c.merged.gone()) && slices.Contains(u.names, c.name)
	})
	var on []*pg.Node
	for _, name := range u.names {
		l, r := b.side(u, u.left, name), b.side(u, u.right, name)
		b.noBoxes("a join with USING or NATURAL", l, r)
		if b.refusal != nil {
			return cols
		}
		if u.rewritten {
			on = append(on, b.equalSides(u, l, r))
		}
		cols = append(cols, b.mergeSides(u, name, l, r))
	}
	for _, c := range slices.Concat(u.left, u.right) {
		if !slices.Contains(u.names, c.name) {
			cols = append(cols, c)
		}
	}
	if u.rewritten {
		u.j.UsingClause, u.j.IsNatural = nil, false
		u.j.Quals = conjunction(on)
		b.changed = true
	}
	return cols
}

// side returns the column of one side that USING names, nil where it is not
// known and no sealed column depends on it.
func (b *binder) side(u *usingJoin, cols []*column, name string) *column {
	var found *column
	for _, c := range cols {
		switch {
		case c.name != name:
		case found != nil && u.rewritten:
			b.ambiguousColumn(name)
		default:
			found = c
		}
	}
	switch {
	case found != nil || !u.rewritten:
	case u.known:
		b.undefinedColumn(name)
	default:
		b.unclear(name)
	}
	return found
}

// mergeSides returns the merged column: the left one's value, the right one's
// in a right join, and in a full join that of either.
func (b *binder) mergeSides(u *usingJoin, name string, l, r *column) *column {
	if l == nil || r == nil {
		return &column{name: name}
	}
	b.noBoxes("a join with USING or NATURAL", l, r)
	if l.protection() == nil && r.protection() == nil {
		b.force(l, r)
	}
	m := &merged{rewritten: u.rewritten}
	out := &column{name: name, merged: m, prot: b.either(l.protection(), r.protection()), server: l.server && r.server}
	if u.j.Jointype == pg.JoinType_JOIN_RIGHT {
		l, r = r, l
	}
	ln, rn := b.named(l, u.sources, m), b.named(r, u.sources, m)
	switch one := u.j.Jointype != pg.JoinType_JOIN_FULL; {
	case ln == nil || rn == nil:
	case one && out.prot != nil:
		m.value = ln
		if out.prot.Logical == l.protection().Logical {
			m.same = l // else it is cast, and no longer the column itself
		}
		out.prot = b.env.Snapshot.Retyped(l.protection(), out.prot.Logical)
	case one && sameType(l, r, u.sources):
		m.value, m.same = ln, l
	default:
		m.value = &pg.Node{Node: &pg.Node_CoalesceExpr{CoalesceExpr: &pg.CoalesceExpr{Args: []*pg.Node{ln, rn}}}}
		b.sameAccess(l.protection(), r.protection(), "a full join with USING or NATURAL")
	}
	return out
}

// sameType says that two plain columns are known to be of one type, so that
// one of them is of the merged column's type too.
func sameType(l, r *column, sources []*source) bool {
	lt, rt := typeOf(l, sources), typeOf(r, sources)
	return lt.OID != 0 && lt == rt
}

func typeOf(c *column, sources []*source) catalog.Type {
	for _, src := range sources {
		if src.rel != nil && src.rel.OID == c.oid && c.oid != 0 {
			if column := src.rel.Column(c.name); column != nil && column.Num == c.num {
				return column.Type
			}
		}
	}
	return catalog.Type{}
}

// equalSides returns the comparison of two columns that USING names.
func (b *binder) equalSides(u *usingJoin, l, r *column) *pg.Node {
	var m merged
	ln, rn := b.named(l, u.sources, &m), b.named(r, u.sources, &m)
	lp, rp := l.protection(), r.protection()
	if ln == nil || rn == nil {
		b.unclear(l.name)
		return nil
	}
	for _, p := range []*catalog.Protected{lp, rp} {
		if p != nil && !p.Ready {
			b.notReady(p)
		}
	}
	operator := []*pg.Node{pg.MakeStrNode("=")}
	if lp != nil || rp != nil {
		operator = []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("=")}
		b.compare(ln, columnTyp(l), rn, columnTyp(r))
	}
	return pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP, operator, ln, rn, -1)
}

// origin returns the column that a merged one is, where it is that of one side.
func (c *column) origin() *column {
	for c.merged != nil && c.merged.same != nil {
		c = c.merged.same
	}
	return c
}

// columnTyp types a reference to a column.
func columnTyp(c *column) typ {
	switch {
	case c.prot != nil:
		return typ{prot: c.prot, col: c}
	case c.later != nil:
		return c.laterTyp()
	}
	return typ{}
}

func conjunction(list []*pg.Node) *pg.Node {
	if len(list) == 1 {
		return list[0]
	}
	return pg.MakeBoolExprNode(pg.BoolExprType_AND_EXPR, list, -1)
}

// named returns a reference to a column that is qualified with its item's
// name, nil where there is no such name. It adds the items to m.
func (b *binder) named(c *column, sources []*source, m *merged) *pg.Node {
	if c.merged != nil {
		if c.merged.value == nil {
			return nil
		}
		m.from = append(m.from, c.merged.from...)
		return proto.Clone(c.merged.value).(*pg.Node)
	}
	for _, src := range sources {
		if src.alias == "" || !slices.Contains(src.cols, c) {
			continue
		}
		if len(src.all(c.name)) > 1 {
			return nil
		}
		m.from = append(m.from, src)
		names := []*pg.Node{pg.MakeStrNode(src.alias), pg.MakeStrNode(c.name)}
		if src.schema != "" && namesakes(sources, src) {
			names = append([]*pg.Node{pg.MakeStrNode(src.schema)}, names...)
		}
		return pg.MakeColumnRefNode(names, -1)
	}
	return nil
}

// namesakes says that another item goes by the same name.
func namesakes(sources []*source, src *source) bool {
	return slices.ContainsFunc(sources, func(other *source) bool { return other != src && other.alias == src.alias })
}

// mergedRef writes out a reference to a column of a join that has become one
// with ON.
func (b *binder) mergedRef(n *pg.Node, c *column, sc *scope) {
	m := c.merged
	hidden := func(src *source) bool { return sc.source(src.schema, src.alias) != src }
	if m.value == nil || slices.ContainsFunc(m.from, hidden) {
		b.unclear(c.name)
		return
	}
	n.Node = proto.Clone(m.value).(*pg.Node).Node
}

// aliasedJoin makes a subquery of a join that has become one with ON and goes
// by a name of its own, under which every column has its old place and name.
func (b *binder) aliasedJoin(n *pg.Node, j *pg.JoinExpr, cols []*column, sources []*source) {
	targets := b.spelled(cols, sources)
	if targets == nil {
		b.unsupported("an alias of a join with USING or NATURAL", firstProtection(cols))
		return
	}
	alias := j.Alias
	j.Alias = nil
	n.Node = &pg.Node_RangeSubselect{RangeSubselect: &pg.RangeSubselect{Alias: alias, Subquery: selectNode(&pg.SelectStmt{
		TargetList: targets,
		FromClause: []*pg.Node{{Node: &pg.Node_JoinExpr{JoinExpr: j}}},
	})}}
}

func firstProtection(cols []*column) *catalog.Protected {
	for _, c := range cols {
		if p := c.protection(); p != nil {
			return p
		}
	}
	return nil
}

// selectNode returns a query of the compiler's making.
func selectNode(s *pg.SelectStmt) *pg.Node {
	s.LimitOption = pg.LimitOption_LIMIT_OPTION_DEFAULT
	return &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}
}
