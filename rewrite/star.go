package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// spellStars writes out the stars of a target list where the columns that they
// stand for do not stay as they are: beside DISTINCT and GROUP BY, in a subquery
// that is compared, and over a join that has become another one.
func (b *binder) spellStars(s *pg.SelectStmt, sc *scope, star []*column, wants []want) {
	if b.refusal != nil || !hasStar(s.TargetList) {
		return
	}
	compared := slices.ContainsFunc(wants, want.terms)
	s.TargetList = b.spellList(s.TargetList, sc, star, compared || len(s.DistinctClause) > 0 || len(s.GroupClause) > 0)
}

// spellList returns a target list with its stars written out: all of them, or
// those only over a join that has become another one.
func (b *binder) spellList(targets []*pg.Node, sc *scope, star []*column, all bool) (list []*pg.Node) {
	for _, n := range targets {
		cols, isStar, known := b.starTarget(n.GetResTarget(), sc, star)
		if !isStar || !known || !all && !slices.ContainsFunc(cols, func(c *column) bool { return c.merged.gone() }) {
			list = append(list, n)
			continue
		}
		spelled := b.spelledStar(cols, sc)
		if spelled == nil {
			spelled = []*pg.Node{n}
		}
		list = append(list, spelled...)
	}
	return list
}

// spelled returns columns as items of a target list, nil where one of them
// cannot be named.
func (b *binder) spelled(cols []*column, sources []*source) []*pg.Node {
	list := make([]*pg.Node, len(cols))
	for i, c := range cols {
		ref := b.named(c, sources, &merged{})
		if ref == nil {
			return nil
		}
		name := ""
		if c.merged != nil {
			name = c.name
		}
		list[i] = pg.MakeResTargetNodeWithNameAndVal(name, ref, -1)
	}
	return list
}

// spelledStar returns the columns of a star as references that stand for them
// whatever their names mean elsewhere, nil where one of them cannot be named.
func (b *binder) spelledStar(cols []*column, sc *scope) []*pg.Node {
	list := b.spelled(cols, sc.sources)
	for i, n := range list {
		c := cols[i]
		if c.merged != nil {
			// The reference is written out when it is typed.
			n.GetResTarget().Val = pg.MakeColumnRefNode([]*pg.Node{pg.MakeStrNode(c.name)}, -1)
		}
		b.spelledRefs[n.GetResTarget().Val.GetColumnRef()] = found{col: c, at: sc}
	}
	return list
}
