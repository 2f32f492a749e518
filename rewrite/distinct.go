package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// distinct types DISTINCT and DISTINCT ON. Over sealed columns DISTINCT
// becomes DISTINCT ON their terms and the places of the others.
func (b *binder) distinct(s *pg.SelectStmt, sc *scope, out []*column, wants []want) {
	if len(s.DistinctClause) == 0 {
		return
	}
	if s.DistinctClause[0].GetNode() != nil {
		b.distinctOn(s.DistinctClause, sc)
		return
	}
	b.force(out...)
	b.noBoxes("SELECT DISTINCT", out...)
	sealed := false
	for i, c := range out {
		sealed = sealed || c.protection() != nil && wantAt(wants, i).term == nil
	}
	if !sealed {
		return
	}
	if hasStar(s.TargetList) {
		b.unsupportedIfSealed("SELECT DISTINCT with a star", out)
		return
	}
	on := make([]*pg.Node, len(out))
	for i, n := range s.TargetList {
		on[i] = pg.MakeAConstIntNode(int64(i+1), -1)
		if p := out[i].protection(); p != nil && wantAt(wants, i).term == nil {
			on[i] = proto.Clone(n.GetResTarget().Val).(*pg.Node)
			b.toTerm(on[i], typ{prot: p})
		}
	}
	s.DistinctClause = on
}

// distinctOn types the expressions of DISTINCT ON. ORDER BY must begin with
// the same ones, which it cannot for sealed ones.
func (b *binder) distinctOn(list []*pg.Node, sc *scope) {
	for _, n := range list {
		t := b.expr(n, sc)
		switch {
		case t.prot != nil:
			b.toTerm(n, t)
		case t.open && n.GetAConst() == nil:
			b.settle(n, t, Use{})
		case t.open:
			b.unsupportedIfSealed("DISTINCT ON a place", b.allColumns(sc))
		}
	}
}

// compares says that a set operation compares rows.
func compares(s *pg.SelectStmt) bool {
	return s.Op != pg.SetOperation_SETOP_UNION || !s.All
}

// comparesSealed says that a set operation compares rows of sealed values.
func (b *binder) comparesSealed(s *pg.SelectStmt, out []*column, wants []want) bool {
	if b.refusal != nil || !compares(s) {
		return false
	}
	b.noBoxes("a set operation that compares rows", out...)
	for i, c := range out {
		if p := c.protection(); p != nil && wantAt(wants, i).term == nil {
			if s.Op != pg.SetOperation_SETOP_UNION {
				b.unsupported("INTERSECT or EXCEPT", p)
				return false
			}
			return true
		}
	}
	return false
}

// distinctUnion turns A UNION B over sealed columns into
//
//	SELECT DISTINCT ON (1, term(c2)) c1 AS a, c2 AS b FROM (A UNION ALL B) AS pgveil(c1, c2)
//
// with the WITH, ORDER BY and LIMIT of the union where they were.
func (b *binder) distinctUnion(s *pg.SelectStmt, out []*column) {
	inner := &pg.SelectStmt{Op: s.Op, All: true, Larg: s.Larg, Rarg: s.Rarg, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
	alias := &pg.Alias{Aliasname: "pgveil"}
	var targets, on []*pg.Node
	for i, c := range out {
		name := valuesName(i)
		ref := func() *pg.Node {
			return pg.MakeColumnRefNode([]*pg.Node{pg.MakeStrNode("pgveil"), pg.MakeStrNode(name)}, -1)
		}
		alias.Colnames = append(alias.Colnames, pg.MakeStrNode(name))
		targets = append(targets, pg.MakeResTargetNodeWithNameAndVal(c.name, ref(), -1))
		key := pg.MakeAConstIntNode(int64(i+1), -1)
		if p := c.protection(); p != nil {
			key = ref()
			b.toTerm(key, typ{prot: p})
		}
		on = append(on, key)
	}
	s.Op, s.All, s.Larg, s.Rarg = pg.SetOperation_SETOP_NONE, false, nil, nil
	s.TargetList, s.DistinctClause = targets, on
	s.FromClause = []*pg.Node{{Node: &pg.Node_RangeSubselect{RangeSubselect: &pg.RangeSubselect{
		Subquery: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: inner}},
		Alias:    alias,
	}}}}
	b.changed = true
}
