package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// writeTarget returns the source of a table or view that is written to. What is
// written to a view over one table goes to that table, by the server's own
// rules: a sealed column of the view takes what the table's takes, and where
// the view cannot be written to, the server says so.
func (b *binder) writeTarget(rv *pg.RangeVar) *source {
	rel := b.lookup(rv)
	if rel == nil || rel.Definition == "" {
		return b.target(rv)
	}
	if why := b.diverted(rel, b.depth); why != "" {
		b.tainted("relation", rel.Schema+"."+rel.Name, why+", so what is written to it is handled by code that pgveil does not see.")
		return &source{alias: rv.Relname, opaque: true}
	}
	cols, refusal := b.view(rel)
	if refusal != nil {
		return b.target(rv)
	}
	src := &source{alias: rv.Relname, schema: rel.Schema, rel: rel, cols: cols}
	if rv.Alias != nil {
		src.alias, src.schema = rv.Alias.Aliasname, ""
	}
	return src
}

// diverted says why what is written to a view does not go to the table that it
// shows, itself or a view beneath it; empty where it does.
func (b *binder) diverted(rel *catalog.Relation, depth int) string {
	if rel.Diverted != "" {
		return "view " + rel.Schema + "." + rel.Name + ": " + rel.Diverted
	}
	tree, err := pg.Parse(rel.Definition)
	if err != nil || len(tree.Stmts) != 1 || depth > maxViews {
		return "its definition cannot be read"
	}
	for _, n := range tree.Stmts[0].Stmt.GetSelectStmt().GetFromClause() {
		rv := n.GetRangeVar()
		if rv == nil {
			continue // a join or a subquery: the server refuses to write to it
		}
		if inner := b.env.Snapshot.Lookup(b.pathIn(rel), rv.Schemaname, rv.Relname); inner != nil && inner.Definition != "" {
			if why := b.diverted(inner, depth+1); why != "" {
				return why
			}
		}
	}
	return ""
}
