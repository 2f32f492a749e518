package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// mergeInto plans a MERGE and returns the columns of RETURNING. What is
// written is bound before the condition, so that a literal of the source that
// is both compared and written is sealed as a written one.
func (b *binder) mergeInto(s *pg.MergeStmt, sc *scope) []*column {
	b.with(s.WithClause, sc)
	target := b.writeTarget(s.Relation)
	from := sc.child()
	cols, known := b.fromItem(s.SourceRelation, from)
	into := &scope{outer: sc, sources: []*source{target}}
	both := &scope{outer: sc, sources: append([]*source{target}, from.sources...)}

	// Updates come first: what is written by both is held to the rules of an update.
	for _, updates := range []bool{true, false} {
		for _, n := range s.MergeWhenClauses {
			w := n.GetMergeWhenClause()
			if (w.CommandType == pg.CmdType_CMD_UPDATE) == updates {
				b.behind(func() { b.mergeWhen(w, target, mergeScope(w.MatchKind, into, from, both)) })
			}
		}
	}
	b.condition(s.JoinCondition, both, "the condition of MERGE")
	var star []*column
	if known && !target.opaque {
		star = append(cols[:len(cols):len(cols)], target.cols...)
	}
	return b.targets(s.ReturningList, both, star, nil)
}

// mergeScope returns what the names in an action of MERGE can mean.
func mergeScope(kind pg.MergeMatchKind, into, from, both *scope) *scope {
	switch kind {
	case pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_SOURCE:
		return into
	case pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_TARGET:
		return from
	}
	return both
}

// mergeWhen plans one WHEN clause.
func (b *binder) mergeWhen(w *pg.MergeWhenClause, target *source, sc *scope) {
	switch w.CommandType {
	case pg.CmdType_CMD_UPDATE:
		b.setClause(w.TargetList, target, sc)
	case pg.CmdType_CMD_INSERT:
		b.mergeInsert(w, target, sc)
	}
	b.condition(w.Condition, sc, "a condition of MERGE")
}

// mergeInsert plans INSERT … VALUES of MERGE, as a row of VALUES.
func (b *binder) mergeInsert(w *pg.MergeWhenClause, target *source, sc *scope) {
	columns := b.insertColumns(w.TargetList, target, len(w.Values), sc)
	if len(w.Values) == 0 {
		return // DEFAULT VALUES
	}
	row := &pg.List{Items: w.Values}
	query := &pg.SelectStmt{Op: pg.SetOperation_SETOP_NONE, ValuesLists: []*pg.Node{{Node: &pg.Node_List{List: row}}}}
	wants := b.insertWants(columns, query, false)
	out := b.values(query, sc, wants)
	b.assignments(target, columns, out, wants, query)
	if len(w.TargetList) == 0 && target.sealed() {
		w.TargetList = b.writtenColumns(columns, out)
	}
	w.Values = row.Items
}
