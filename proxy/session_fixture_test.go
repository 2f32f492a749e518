package proxy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// This file has what the tests of the session share: a database with a sealed
// table, its users, and a proxy before it.

// sealedSchema is a table as apply leaves it, and a plain one.
const sealedSchema = `
CREATE ROLE officer LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE filter_only LOGIN;
CREATE ROLE service LOGIN SUPERUSER; CREATE ROLE staff; GRANT staff TO clerk;
CREATE ROLE boss LOGIN; GRANT officer, clerk TO boss;
CREATE TABLE people (
 id serial PRIMARY KEY,
 name varchar CONSTRAINT pgveil_guard_name CHECK (name IS NULL OR name::text ~ '^pv1\.'),
 phone varchar CONSTRAINT pgveil_guard_phone CHECK (phone IS NULL OR phone::text ~ '^pv1\.'),
 birth text CONSTRAINT pgveil_guard_birth CHECK (birth IS NULL OR birth::text ~ '^pv1\.'),
 income text CONSTRAINT pgveil_guard_income CHECK (income IS NULL OR income::text ~ '^pv1\.'),
 seen text CONSTRAINT pgveil_guard_seen CHECK (seen IS NULL OR seen::text ~ '^pv1\.'),
 doc text CONSTRAINT pgveil_guard_doc CHECK (doc IS NULL OR doc::text ~ '^pv1\.'),
 hidden text CONSTRAINT pgveil_guard_hidden CHECK (hidden IS NULL OR hidden::text ~ '^pv1\.'),
 city text);
CREATE UNIQUE INDEX people_phone_key ON people (split_part(phone::text, '.', 2));
CREATE TABLE towns (id int PRIMARY KEY, name2 text);
INSERT INTO towns VALUES (1, 'Harar'), (2, 'Mekelle');
GRANT ALL ON ALL TABLES IN SCHEMA public TO public; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO public;
GRANT CREATE ON SCHEMA public TO public; GRANT CREATE ON DATABASE listed TO public;
CREATE SCHEMA pgveil;
CREATE TABLE pgveil."column" (schema_name text, table_name text, column_name text, domain_id text,
 type_schema text, type_name text, type_mod int, state text);
CREATE TABLE pgveil.replaced (schema_name text, table_name text, index_name text, constraint_definition text, replacement text);
INSERT INTO pgveil."column" VALUES
 ('public', 'people', 'name', 'd1', 'pg_catalog', 'varchar', -1, 'sealed'),
 ('public', 'people', 'phone', 'd2', 'pg_catalog', 'varchar', 24, 'sealed'),
 ('public', 'people', 'birth', 'd3', 'pg_catalog', 'date', -1, 'sealed'),
 ('public', 'people', 'income', 'd4', 'pg_catalog', 'numeric', 786438, 'sealed'),
 ('public', 'people', 'seen', 'd5', 'pg_catalog', 'timestamptz', -1, 'sealed'),
 ('public', 'people', 'doc', 'd6', 'pg_catalog', 'jsonb', -1, 'sealed'),
 ('public', 'people', 'hidden', 'd7', 'pg_catalog', 'int4', -1, 'sealed')`

const sealedPolicy = `
version: 1
roles:
  officer: {users: [officer]}
  clerk: {member_of: [staff]}
access:
  officer: reveal
  clerk: {read: mask, filter: true, write: true}
  "*": seal
tables:
  people:
    name: {search: [equality], mask: initials}
    phone: {search: [equality], mask: {keep_last: 4}}
    birth: {type: date, search: [equality], mask: year}
    income: {type: "numeric(12,2)", search: [equality]}
    seen: {type: timestamptz, search: [equality], mask: year}
    doc: {type: jsonb}
    hidden: {type: int4, search: [equality], access: {officer: {read: "null", filter: true, write: true}}}
`

// testKeys are keys that never change.
type testKeys struct{}

var dataKey, indexKey = secret.New([]byte(strings.Repeat("d", 32))), secret.New([]byte(strings.Repeat("i", 32)))

func (testKeys) Active(context.Context) (uint32, secret.Bytes, error) { return 1, dataKey, nil }
func (testKeys) Data(context.Context, uint32) (secret.Bytes, error)   { return dataKey, nil }
func (testKeys) Index(context.Context, uint32) (secret.Bytes, error)  { return indexKey, nil }
func (testKeys) Epoch(context.Context) (uint32, error)                { return 0, nil }

// sealed is a proxy in front of a database with a sealed table.
type sealed struct {
	t    *testing.T
	pg   *testkit.Postgres
	addr string
	db   *Database
	// logs are pgveil's own, down to the last detail.
	logs *observer.ObservedLogs
}

// startSealed starts a server with the sealed schema and a proxy before it.
func startSealed(t *testing.T, change ...func(*DatabaseOptions)) *sealed {
	t.Helper()
	pg := testkit.StartPostgres(t)
	pg.CreateDB(t, listed)
	pg.Exec(t, listed, sealedSchema)

	pol, err := policy.Load("policy.yaml", []byte(sealedPolicy))
	if err != nil {
		t.Fatal(err)
	}
	service := target{addr: pg.Addr(), user: "service", database: listed}.mustConnect(t)
	o := DatabaseOptions{
		Name: listed, Policy: pol, Compiler: rewrite.New(1000),
		Load: func(ctx context.Context, pol *policy.Policy) (*catalog.Snapshot, error) {
			return catalog.Load(ctx, service, pol)
		},
		Version: func(ctx context.Context) (string, error) { return catalog.Version(ctx, service) },
		Keys:    func(string) envelope.Keys { return testKeys{} },
		Log:     zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
	}
	for _, f := range change {
		f(&o)
	}
	db := NewDatabase(o)
	if err := db.Refresh(t.Context()); err != nil && len(change) == 0 {
		t.Fatal(err)
	}
	f := startProxy(t, pg, func(o *Options) {
		o.Lookup = func(name string) (*Database, bool) { return db, name == listed }
	})
	return &sealed{t: t, pg: pg, addr: f.addr, db: db, logs: f.logs}
}

// as connects through the proxy as a user.
func (s *sealed) as(user string) *pgx.Conn {
	s.t.Helper()
	return target{addr: s.addr, user: user, database: listed}.mustConnect(s.t)
}

// direct connects to the server itself.
func (s *sealed) direct() *pgx.Conn {
	s.t.Helper()
	return target{addr: s.pg.Addr(), user: "service", database: listed}.mustConnect(s.t)
}

// simple runs a text in the simple protocol and returns every cell of every
// result, "|" between cells, "/" between rows; NULL is "-". An error is its SQLSTATE.
func simple(t *testing.T, c *pgx.Conn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	results, err := c.PgConn().Exec(ctx, sql).ReadAll()
	var rows []string
	for _, r := range results {
		for _, row := range r.Rows {
			rows = append(rows, joinCells(row))
		}
	}
	if err != nil {
		rows = append(rows, "error "+sqlState(t, err))
	}
	return strings.Join(rows, "/")
}

func joinCells(row [][]byte) string {
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = "-"
		if v != nil {
			cells[i] = string(v)
		}
	}
	return strings.Join(cells, "|")
}

// must runs statements that have no result and do not fail.
func must(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if got := simple(t, c, sql); strings.Contains(got, "error") {
			t.Fatalf("%s = %s", sql, got)
		}
	}
}

// check compares what a text gives.
func check(t *testing.T, c *pgx.Conn, sql, want string) {
	t.Helper()
	if got := simple(t, c, sql); got != want {
		t.Errorf("%s = %q, want %q", sql, got, want)
	}
}

func (s *sealed) status(c *pgx.Conn) string { return fmt.Sprintf("%c", c.PgConn().TxStatus()) }

// log returns what the server has logged.
func (s *sealed) log() string {
	s.t.Helper()
	b, err := os.ReadFile(s.pg.LogFile)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func sqlState(t *testing.T, err error) string {
	t.Helper()
	return serverError(t, err).Code
}

// waitFor waits until a query at the server gives what is wanted.
func (s *sealed) waitFor(sql, want string) {
	s.t.Helper()
	c := s.direct()
	for end := time.Now().Add(wait); time.Now().Before(end); {
		if simple(s.t, c, sql) == want {
			return
		}
	}
	s.t.Fatalf("%s did not become %s", sql, want)
}

type (
	ctxType  = context.Context
	snapshot = catalog.Snapshot
)

var errAway = errors.New("away")

func serverError(t *testing.T, err error) *pgconn.PgError {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want one of the server's", err)
	}
	return e
}
