package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// onConflict plans ON CONFLICT. A sealed column in the conflict target stands
// for the unique index on its term.
func (b *binder) onConflict(c *pg.OnConflictClause, target *source, sc *scope) {
	if c == nil {
		return
	}
	inner := &scope{outer: sc.outer, ctes: sc.ctes, sources: []*source{target}}
	if c.Infer != nil {
		b.conflictConstraint(c.Infer, target)
		for _, n := range c.Infer.IndexElems {
			b.conflictElem(n.GetIndexElem(), target, inner)
		}
		b.plain(c.Infer.WhereClause, inner, "a conflict target")
	}
	inner.sources = append(inner.sources, &source{alias: "excluded", cols: target.cols, opaque: target.opaque})
	b.setClause(c.TargetList, target, inner)
	b.condition(c.WhereClause, inner, "ON CONFLICT")
}

func (b *binder) conflictElem(e *pg.IndexElem, target *source, sc *scope) {
	if e.Name == "" {
		b.plain(e.Expr, sc, "a conflict target")
		return
	}
	col := target.find(e.Name)
	if col == nil || col.prot == nil {
		return
	}
	if !col.prot.Column.Search.Equality {
		b.noEquality(col.prot)
		return
	}
	e.Expr = term(pg.MakeColumnRefNode([]*pg.Node{pg.MakeStrNode(e.Name)}, -1))
	e.Name = ""
	b.changed = true
}

// conflictConstraint turns ON CONFLICT ON CONSTRAINT into the columns of the
// constraint, where apply has made that constraint an index over terms.
func (b *binder) conflictConstraint(infer *pg.InferClause, target *source) {
	if infer.Conname == "" || target.rel == nil {
		return
	}
	definition, ok := target.rel.Replaced[infer.Conname]
	if !ok {
		return
	}
	keys := uniqueKeys(definition)
	if keys == nil {
		b.command("ON CONFLICT ON CONSTRAINT " + infer.Conname)
		return
	}
	infer.Conname = ""
	for _, name := range keys {
		infer.IndexElems = append(infer.IndexElems, &pg.Node{Node: &pg.Node_IndexElem{IndexElem: &pg.IndexElem{
			Name: name, Ordering: pg.SortByDir_SORTBY_DEFAULT, NullsOrdering: pg.SortByNulls_SORTBY_NULLS_DEFAULT,
		}}})
	}
	b.changed = true
}

// uniqueKeys reads the columns out of the definition of a unique constraint,
// nil for one that ON CONFLICT cannot infer.
func uniqueKeys(definition string) []string {
	tree, err := pg.Parse("ALTER TABLE t ADD " + definition)
	if err != nil || len(tree.Stmts) != 1 {
		return nil
	}
	cmds := tree.Stmts[0].Stmt.GetAlterTableStmt().GetCmds()
	if len(cmds) != 1 {
		return nil
	}
	c := cmds[0].GetAlterTableCmd().GetDef().GetConstraint()
	if c.GetContype() != pg.ConstrType_CONSTR_UNIQUE || c.Deferrable {
		return nil
	}
	return stringsOf(c.Keys)
}
