package backfill

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is a connection, a pool or a transaction of one.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schemaVersion is recorded in pgveil.meta. A database with a later one was
// written by a later pgveil and is left alone.
const schemaVersion = 1

// schemaSQL makes what apply records. A schema grants nothing to PUBLIC unless
// told, but default privileges may, hence the REVOKE.
const schemaSQL = `
REVOKE ALL ON SCHEMA pgveil FROM PUBLIC;
COMMENT ON SCHEMA pgveil IS 'What pgveil recorded of the columns that it seals. Dump and restore it with them.';

CREATE TABLE IF NOT EXISTS pgveil.meta (
	name text PRIMARY KEY,
	value text NOT NULL
);
CREATE TABLE IF NOT EXISTS pgveil.domain (
	id text PRIMARY KEY,
	name text NOT NULL UNIQUE,
	keyset text NOT NULL,
	created timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS pgveil."column" (
	schema_name text NOT NULL,
	table_name text NOT NULL,
	column_name text NOT NULL,
	-- relation and attnum find a column that was renamed; after a restore the names find it.
	relation oid NOT NULL,
	attnum int2 NOT NULL,
	domain_id text NOT NULL REFERENCES pgveil.domain (id),
	-- The logical type, which clients see.
	type_schema text NOT NULL,
	type_name text NOT NULL,
	type_mod int4 NOT NULL,
	-- How it was declared, and its default, before the first value was sealed.
	plain_type text NOT NULL,
	plain_default text,
	-- The terms that its values carry, and the bucket they are padded to.
	terms text[] NOT NULL,
	pad int4 NOT NULL,
	guard text NOT NULL,
	state text NOT NULL CHECK (state IN ('sealing', 'sealed')),
	rows_sealed int8 NOT NULL DEFAULT 0,
	scrubbed boolean NOT NULL DEFAULT false,
	PRIMARY KEY (schema_name, table_name, column_name)
);
CREATE TABLE IF NOT EXISTS pgveil.replaced (
	schema_name text NOT NULL,
	table_name text NOT NULL,
	index_name text NOT NULL,
	-- How it was: of an index, or of the constraint that owned it.
	plain_definition text NOT NULL,
	constraint_definition text,
	-- What stands in its place, with %%s for the name; NULL where nothing can.
	replacement text,
	done boolean NOT NULL DEFAULT false,
	PRIMARY KEY (schema_name, table_name, index_name)
);
REVOKE ALL ON ALL TABLES IN SCHEMA pgveil FROM PUBLIC;
INSERT INTO pgveil.meta VALUES ('schema', '%d') ON CONFLICT (name) DO NOTHING;`

const (
	schemaExistsSQL = `SELECT pg_catalog.to_regnamespace('pgveil') IS NOT NULL, EXISTS (
  SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'pgveil' AND c.relname = 'meta')`
	schemaVersionSQL = `SELECT value::int4 FROM pgveil.meta WHERE name = 'schema'`
)

// EnsureSchema makes the tables of schema pgveil that apply records in, all or
// nothing. It may be called any number of times, and changes nothing where
// they are.
func EnsureSchema(ctx context.Context, q DB) error {
	var schema, tables bool
	if err := q.QueryRow(ctx, schemaExistsSQL).Scan(&schema, &tables); err != nil {
		return fmt.Errorf("looking for schema pgveil: %w", err)
	}
	if !tables {
		sql := fmt.Sprintf(schemaSQL, schemaVersion)
		if !schema { // IF NOT EXISTS would ask for the right to make schemas even where it exists
			sql = "CREATE SCHEMA pgveil;" + sql
		}
		// The server runs what comes in one message as one transaction.
		if _, err := q.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("making schema pgveil: %w", err)
		}
	}
	var version int
	if err := q.QueryRow(ctx, schemaVersionSQL).Scan(&version); err != nil {
		return fmt.Errorf("reading pgveil.meta: %w", err)
	}
	if version > schemaVersion {
		return fmt.Errorf("schema pgveil has version %d, this pgveil knows %d: use the later program", version, schemaVersion)
	}
	return nil
}
