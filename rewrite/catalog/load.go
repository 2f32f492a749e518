package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/policy"
)

// Querier runs a query. *pgx.Conn, *pgxpool.Pool and pgx.Tx are Queriers. A
// Tx should be REPEATABLE READ; on the other two Load begins such a one itself.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

type beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// Load reads the catalog of the database that q is connected to and joins it
// with the policy. Where the two do not agree the Snapshot has Problems; an
// error means that the catalog could not be read.
func Load(ctx context.Context, q Querier, pol *policy.Policy) (*Snapshot, error) {
	if b, ok := q.(beginner); ok {
		tx, err := b.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return nil, fmt.Errorf("reading the catalog: %w", err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to keep
		q = tx
	}
	s, err := load(ctx, q, pol)
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	return s, nil
}

func load(ctx context.Context, q Querier, pol *policy.Policy) (*Snapshot, error) {
	s := newSnapshot()
	var err error
	if s.Version, err = Version(ctx, q); err != nil {
		return nil, err
	}
	for _, read := range []func(context.Context, Querier) error{s.loadTypes, s.loadRelations, s.loadColumns, s.loadAdded, s.loadLocale} {
		if err := read(ctx, q); err != nil {
			return nil, err
		}
	}
	rec, err := loadRecorded(ctx, q)
	if err != nil {
		return nil, err
	}
	reach, err := loadReach(ctx, q)
	if err != nil {
		return nil, err
	}
	s.protect(pol, rec)
	s.taint(pol, reach)
	if err := s.loadDefinitions(ctx, q); err != nil {
		return nil, err
	}
	s.finish(pol)
	return s, nil
}

const typesSQL = `
SELECT t.oid, n.nspname::text, t.typname::text, t.typlen,
       CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^pg_(toast_)?temp_'`

func (s *Snapshot) loadTypes(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, typesSQL)
	if err != nil {
		return err
	}
	var schema string
	t := Type{Mod: -1}
	_, err = pgx.ForEachRow(rows, []any{&t.OID, &schema, &t.Name, &t.Len, &t.Elem}, func() error {
		s.types.add(schema, t)
		return nil
	})
	if err != nil {
		return fmt.Errorf("types: %w", err)
	}
	s.types.link()
	return nil
}

// Composite types, indexes and TOAST tables cannot stand in FROM. Temporary
// relations are their session's own, see Overlay: they would make every
// session's plans new whenever one session makes a table.
const relationsSQL = `
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relrowsecurity
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND c.relpersistence <> 't'`

func (s *Snapshot) loadRelations(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, relationsSQL)
	if err != nil {
		return err
	}
	var r Relation
	var kind string
	_, err = pgx.ForEachRow(rows, []any{&r.OID, &r.Schema, &r.Name, &kind, &r.RowSecurity}, func() error {
		found := r
		found.Kind = kind[0]
		s.add(&found)
		return nil
	})
	if err != nil {
		return fmt.Errorf("relations: %w", err)
	}
	return nil
}

const columnsSQL = `
SELECT a.attrelid, a.attname::text, a.attnum, a.atttypid, a.atttypmod, a.attnotnull,
       a.atthasdef AND a.attgenerated = '' OR a.attidentity <> '', a.attgenerated <> '',
       a.attidentity <> '' OR d.oid IS NOT NULL AND (pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%' OR EXISTS (
        SELECT FROM pg_catalog.pg_depend p WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
         AND p.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass))
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND c.relpersistence <> 't'
ORDER BY a.attrelid, a.attnum`

func (s *Snapshot) loadColumns(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, columnsSQL)
	if err != nil {
		return err
	}
	var relation, typ uint32
	var mod int32
	var c Column
	into := []any{&relation, &c.Name, &c.Num, &typ, &mod, &c.NotNull, &c.HasDefault, &c.Generated, &c.Draws}
	_, err = pgx.ForEachRow(rows, into, func() error {
		r := s.byOID[relation]
		if r == nil {
			return nil
		}
		c.Type = s.types.byOID[typ]
		c.Type.OID, c.Type.Mod = typ, mod
		r.byName[c.Name] = len(r.Columns)
		r.Columns = append(r.Columns, c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("columns: %w", err)
	}
	return nil
}
