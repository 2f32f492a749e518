package rewrite

import (
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// view returns the columns of a view over protected relations. Its query runs
// in the server as it stands, so it may show sealed columns, join over plain
// ones and count, but not need a change: a comparison with a sealed column, or
// a function over one, would be computed over sealed values.
func (b *binder) view(rel *catalog.Relation) ([]*column, bool) {
	sql := []byte(rel.Definition)
	statements, err := shape.NewScanner([2]uint64{}).Scan(sql, true, nil)
	if err != nil || len(statements) != 1 {
		return nil, false
	}
	inner := newBinder(b.env.inSchemas("pg_catalog"), sql, &statements[0], nil)
	inner.depth = b.depth + 1
	tree, refusal := inner.parse()
	if refusal != nil || inner.depth > maxViews {
		return nil, false
	}
	out := inner.statement(tree.Stmts[0].Stmt, &scope{})
	inner.decideRest()
	if inner.refusal != nil || inner.changed || inner.opaqueStar || len(out) != len(rel.Columns) {
		return nil, false
	}
	b.reached = b.reached || inner.reached
	columns := columnsOf(rel)
	for i, c := range out {
		columns[i].prot, columns[i].box = c.protection(), c.box
		if c.box != nil {
			columns[i].prot = nil
		}
	}
	return columns, true
}

// maxViews bounds how deep views may stand in views.
const maxViews = 32

// inSchemas returns the environment with another search path.
func (e *Env) inSchemas(schemas ...string) *Env {
	return &Env{Snapshot: e.Snapshot, Policy: e.Policy, SearchPath: schemas, User: e.User, Roles: e.Roles}
}
