package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// view returns the columns of a view over protected relations. Its query runs
// in the server as it stands, so it may show sealed columns, join over plain
// ones and count, and hold what pgveil itself has put there (viewforms.go), but
// not need a change: a comparison with a sealed column, or a function over one,
// would be computed over sealed values.
func (b *binder) view(rel *catalog.Relation) ([]*column, *pgerr.Error) {
	out, refusal := b.readDefinition(b.env.inSchemas(b.pathIn(rel)...), rel.Definition, len(rel.Columns))
	if refusal != nil {
		return nil, refusal
	}
	columns := columnsOf(rel)
	for i, c := range out {
		columns[i].prot, columns[i].box = c.protection(), c.box
		if c.box != nil {
			columns[i].prot = nil
		}
	}
	return columns, nil
}

// pathIn returns the search path in which the names of a view's definition
// stand: of a session's own view its own, of others the empty one.
func (b *binder) pathIn(rel *catalog.Relation) []string {
	if rel.Own {
		return b.env.SearchPath
	}
	return []string{"pg_catalog"}
}

// readDefinition returns the output columns of the query of a view with that
// many columns.
func (b *binder) readDefinition(env *Env, definition string, width int) ([]*column, *pgerr.Error) {
	sql := []byte(definition)
	statements, err := shape.NewScanner([2]uint64{}).Scan(sql, true, nil)
	if err != nil || len(statements) != 1 {
		return nil, internalRefusal("the definition of a view cannot be read")
	}
	inner := newBinder(env, sql, &statements[0], nil)
	inner.depth, inner.terms = b.depth+1, map[*pg.Node]bool{}
	tree, refusal := inner.parse()
	switch {
	case refusal != nil:
		return nil, refusal
	case inner.depth > maxViews:
		return nil, internalRefusal("views stand too deep in views")
	}
	out := inner.statement(tree.Stmts[0].Stmt, &scope{})
	inner.decideRest()
	switch {
	case inner.refusal != nil:
		return nil, inner.refusal
	case inner.changed || len(inner.terms) > 0 || inner.opaqueStar || len(out) != width:
		return nil, computesOverSealed()
	}
	b.reached = b.reached || inner.reached
	return out, nil
}

func computesOverSealed() *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Tainted,
		Message: "its query would be computed over sealed values",
	}
}

// maxViews bounds how deep views may stand in views.
const maxViews = 32

// inSchemas returns the environment with another search path.
func (e *Env) inSchemas(schemas ...string) *Env {
	return &Env{Snapshot: e.Snapshot, Policy: e.Policy, SearchPath: schemas, User: e.User, Roles: e.Roles}
}
