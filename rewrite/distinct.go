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
		case t.open && b.depth > 0: // pgveil's own: the server writes out what others mean
		case t.open:
			b.unsupportedIfSealed("DISTINCT ON a place", b.allColumns(sc))
		}
	}
}
