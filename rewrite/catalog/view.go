package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// definitionsSQL runs with an empty search path, so that every name that is
// not PostgreSQL's own comes back qualified.
const definitionsSQL = `
SELECT c.oid, pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';'),
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 64 <> 0)
            THEN 'it has INSTEAD OF triggers'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1')
            THEN 'it has rules' ELSE '' END
FROM pg_catalog.pg_class c WHERE c.oid = ANY($1)`

// loadDefinitions reads the queries of the views that lead to something protected.
func (s *Snapshot) loadDefinitions(ctx context.Context, q Querier) error {
	var views []uint32
	for oid, r := range s.byOID {
		if r.Tainted != "" && (r.Kind == 'v' || r.Kind == 'm') {
			views = append(views, oid)
		}
	}
	if len(views) == 0 {
		return nil
	}
	before, err := setSearchPath(ctx, q, "")
	if err != nil {
		return fmt.Errorf("definitions of views: %w", err)
	}
	rows, err := q.Query(ctx, definitionsSQL, views)
	if err != nil {
		return fmt.Errorf("definitions of views: %w", err)
	}
	var oid uint32
	var definition, diverted string
	_, err = pgx.ForEachRow(rows, []any{&oid, &definition, &diverted}, func() error {
		s.byOID[oid].Definition, s.byOID[oid].Diverted = definition, diverted
		return nil
	})
	if err != nil {
		return fmt.Errorf("definitions of views: %w", err)
	}
	_, err = setSearchPath(ctx, q, before)
	return err
}

// setSearchPath sets the search path for the transaction and returns the one before.
func setSearchPath(ctx context.Context, q Querier, path string) (before string, err error) {
	const sql = `SELECT pg_catalog.current_setting('search_path'), pg_catalog.set_config('search_path', $1, true)`
	rows, err := q.Query(ctx, sql, path)
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&before, new(string)}, func() error { return nil })
	}
	if err != nil {
		return "", fmt.Errorf("setting the search path: %w", err)
	}
	return before, nil
}
