package keystore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is what a storage needs of a connection pool, a connection or a
// transaction: *pgxpool.Pool, *pgx.Conn and pgx.Tx all fit.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	// Begin begins a transaction, or a savepoint within one.
	Begin(ctx context.Context) (pgx.Tx, error)
}

// SQLSTATEs of PostgreSQL that mean something here.
const (
	uniqueViolation = "23505"
	undefinedTable  = "42P01"
	undefinedSchema = "3F000"
)

// ddl makes the table. The partial index is PostgreSQL's own guard against two
// active keys; the MACs are ours.
const ddl = `
CREATE TABLE IF NOT EXISTS pgveil.key (
	keyset    text        NOT NULL,
	purpose   text        NOT NULL,
	version   bigint      NOT NULL CHECK (version BETWEEN 0 AND 4294967295),
	state     text        NOT NULL,
	custodian text        NOT NULL,
	scheme    text        NOT NULL,
	wrapped   bytea       NOT NULL,
	created   timestamptz NOT NULL,
	mac       bytea       NOT NULL,
	PRIMARY KEY (keyset, purpose, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS key_one_active ON pgveil.key (keyset, purpose) WHERE state = 'active';
COMMENT ON TABLE pgveil.key IS
	'Wrapped keys of pgveil. Without these rows nothing that pgveil sealed can be opened: keep them in every backup.';
`

// ddlLock serialises the DDL between processes: CREATE … IF NOT EXISTS alone
// fails when two run it at once.
const ddlLock = 0x70677665696c // "pgveil"

// Postgres is the [Storage] in table pgveil.key of a database.
type Postgres struct{ db DB }

// NewPostgres returns the storage in db's database. The table is made by
// [Postgres.EnsureSchema]; without it there are no records.
func NewPostgres(db DB) *Postgres { return &Postgres{db: db} }

// EnsureSchema makes schema pgveil and its table unless they are there. It may
// be called again, and by several processes at once.
func (p *Postgres) EnsureSchema(ctx context.Context) error {
	err := p.durably(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1)", int64(ddlLock)); err != nil {
			return err
		}
		var schema, table bool
		err := tx.QueryRow(ctx, `SELECT pg_catalog.to_regnamespace('pgveil') IS NOT NULL,
			pg_catalog.to_regclass('pgveil.key_one_active') IS NOT NULL`).Scan(&schema, &table)
		if err != nil || table {
			return err // there, perhaps made by an administrator for a role that may not
		}
		sql := ddl
		if !schema { // IF NOT EXISTS would ask for the right to make schemas even where it exists
			sql = "CREATE SCHEMA pgveil;" + ddl
		}
		_, err = tx.Exec(ctx, sql)
		return err
	})
	if err != nil {
		return fmt.Errorf("making table pgveil.key: %w", err)
	}
	return nil
}

// durably runs f in a transaction that is on disk when it is committed, even on
// a server with synchronous_commit off. Otherwise a crash could take a key back
// that is in memory here and has sealed values since.
func (p *Postgres) durably(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, p.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_catalog.set_config('synchronous_commit', 'on', true)
			WHERE pg_catalog.current_setting('synchronous_commit') = 'off'`)
		if err != nil {
			return err
		}
		return f(tx)
	})
}

// Records returns all records; none if the table is not there.
func (p *Postgres) Records(ctx context.Context) ([]Record, error) {
	rows, err := p.db.Query(ctx,
		"SELECT keyset, purpose, version, state, custodian, scheme, wrapped, created, mac FROM pgveil.key")
	if err != nil {
		return nil, noTable(err)
	}
	records, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return nil, noTable(err)
	}
	return records, nil
}

// noTable returns nil if err only says that the table is not there.
func noTable(err error) error {
	if hasState(err, undefinedTable) || hasState(err, undefinedSchema) {
		return nil
	}
	return fmt.Errorf("reading pgveil.key: %w", err)
}

func scanRecord(row pgx.CollectableRow) (Record, error) {
	var r Record
	var created time.Time
	err := row.Scan(&r.Keyset, &r.Purpose, &r.Version, &r.State, &r.Custodian,
		&r.Wrapped.Scheme, &r.Wrapped.Bytes, &created, &r.MAC)
	r.Created = created.UTC()
	return r, err
}

// Insert adds all records or none.
func (p *Postgres) Insert(ctx context.Context, records ...Record) error {
	err := p.durably(ctx, func(tx pgx.Tx) error {
		for _, r := range records {
			_, err := tx.Exec(ctx, `
				INSERT INTO pgveil.key (keyset, purpose, version, state, custodian, scheme, wrapped, created, mac)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				r.Keyset, string(r.Purpose), int64(r.Version), string(r.State), r.Custodian,
				r.Wrapped.Scheme, r.Wrapped.Bytes, r.Created, r.MAC)
			if err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case hasState(err, uniqueViolation):
		return fmt.Errorf("writing pgveil.key: %w", ErrExists)
	case err != nil:
		return fmt.Errorf("writing pgveil.key: %w", err)
	}
	return nil
}

// UpdateState makes all changes or none. A MAC differs whenever any field does,
// so it is what is compared.
func (p *Postgres) UpdateState(ctx context.Context, changes ...Change) error {
	err := p.durably(ctx, func(tx pgx.Tx) error {
		for _, c := range changes {
			done, err := tx.Exec(ctx, `
				UPDATE pgveil.key SET state = $1, wrapped = $2, mac = $3
				WHERE keyset = $4 AND purpose = $5 AND version = $6 AND state = $7 AND mac = $8`,
				string(c.To.State), c.To.Wrapped.Bytes, c.To.MAC,
				c.From.Keyset, string(c.From.Purpose), int64(c.From.Version), string(c.From.State), c.From.MAC)
			if err != nil {
				return err
			}
			if done.RowsAffected() != 1 {
				return ErrConflict
			}
		}
		return nil
	})
	switch {
	case hasState(err, uniqueViolation): // another key became active meanwhile
		return fmt.Errorf("writing pgveil.key: %w", ErrConflict)
	case err != nil:
		return fmt.Errorf("writing pgveil.key: %w", err)
	}
	return nil
}

func hasState(err error, state string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == state
}
