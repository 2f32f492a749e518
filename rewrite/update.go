package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// update plans an UPDATE and returns the columns of RETURNING.
func (b *binder) update(s *pg.UpdateStmt, sc *scope) []*column {
	b.with(s.WithClause, sc)
	target := b.writeTarget(s.Relation)
	sc.sources = append(sc.sources, target)
	star := b.fromBeside(target, s.FromClause, sc)
	b.behind(func() { b.setClause(s.TargetList, target, sc) })
	b.condition(s.WhereClause, sc, "WHERE")
	b.updates(s, target, sc)
	s.ReturningList = b.spellList(s.ReturningList, sc, star, false)
	return b.targets(s.ReturningList, sc, star, nil)
}

// delete plans a DELETE and returns the columns of RETURNING.
func (b *binder) delete(s *pg.DeleteStmt, sc *scope) []*column {
	b.with(s.WithClause, sc)
	target := b.writeTarget(s.Relation)
	sc.sources = append(sc.sources, target)
	star := b.fromBeside(target, s.UsingClause, sc)
	b.condition(s.WhereClause, sc, "WHERE")
	s.ReturningList = b.spellList(s.ReturningList, sc, star, false)
	return b.targets(s.ReturningList, sc, star, nil)
}

// fromBeside binds the items beside the target of a write and returns what a
// star in RETURNING stands for, nil where that is not known.
func (b *binder) fromBeside(target *source, list []*pg.Node, sc *scope) []*column {
	beside := b.from(list, sc)
	if beside == nil || target.opaque {
		return nil
	}
	return append(target.cols[:len(target.cols):len(target.cols)], beside...)
}

// setClause plans the assignments of UPDATE and of ON CONFLICT DO UPDATE.
func (b *binder) setClause(list []*pg.Node, target *source, sc *scope) {
	for i := 0; i < len(list); i++ {
		t := list[i].GetResTarget()
		if m := t.GetVal().GetMultiAssignRef(); m != nil {
			n := int(m.Ncolumns)
			b.multiAssign(list[i:min(i+n, len(list))], m, target, sc)
			i += n - 1
			continue
		}
		b.set(t, t.Val, target, sc)
	}
}

// set plans one assignment.
func (b *binder) set(t *pg.ResTarget, val *pg.Node, target *source, sc *scope) {
	col := b.targetColumnNamed(target, t, sc)
	if col == nil || col.prot == nil {
		x := b.expr(val, sc)
		if x.prot != nil {
			b.copyToPlain(t.Name, x.prot)
		}
		b.settlePlain(val, x)
		return
	}
	u, met := b.stored(col.prot, true), b.fromClient
	x := b.value(val, sc, u)
	if x == (typ{}) && met == b.fromClient && b.computedSet(t, u) {
		return
	}
	b.storeValue(val, x, *u)
}

// multiAssign plans (a, b) = (x, y) and (a, b) = (SELECT …). The grammar
// repeats the source for each column; only the first copy is written out.
func (b *binder) multiAssign(list []*pg.Node, m *pg.MultiAssignRef, target *source, sc *scope) {
	if row := m.Source.GetRowExpr(); row != nil && len(row.Args) == len(list) {
		for i, n := range list {
			b.set(n.GetResTarget(), row.Args[i], target, sc)
		}
	} else if query := m.Source.GetSubLink().GetSubselect().GetSelectStmt(); query != nil {
		b.assignQuery(list, query, target, sc)
	} else {
		for _, n := range list {
			if col := target.find(n.GetResTarget().GetName()); col != nil && col.prot != nil {
				b.unsupported("a row assignment", col.prot)
			}
		}
		b.plain(m.Source, sc, "a row assignment")
	}
	for _, n := range list[1:] {
		n.GetResTarget().GetVal().GetMultiAssignRef().Source = m.Source
	}
}

func (b *binder) assignQuery(list []*pg.Node, query *pg.SelectStmt, target *source, sc *scope) {
	wants := make([]want, len(list))
	columns := make([]*column, len(list))
	for i, n := range list {
		t := n.GetResTarget()
		columns[i] = b.targetColumnNamed(target, t, sc)
		switch c := columns[i]; {
		case c == nil:
		case c.prot == nil:
			wants[i].plain = c.name
		default:
			wants[i] = want{store: b.stored(c.prot, true), resolved: true}
		}
	}
	out := b.query(query, sc.child(), wants)
	b.assignments(target, columns, out, wants, query)
}
