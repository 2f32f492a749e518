package catalog_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// largeSchema has about as many tables, columns and indexes as Odoo with OpenG2P.
const largeSchema = `DO $$ BEGIN
FOR i IN 1..455 LOOP
  EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, %s)', i,
    (SELECT string_agg(format('c%s varchar', k), ', ') FROM generate_series(1, 12) k));
  EXECUTE format('CREATE INDEX ON t%s (c1)', i);
END LOOP; END $$`

func benchmarkConn(b *testing.B) *pgx.Conn {
	b.Helper()
	pg := testkit.StartPostgres(b)
	pg.CreateDB(b, "large")
	pg.Exec(b, "large", largeSchema, recordTables)
	conn, err := pgx.Connect(b.Context(), pg.URL("large", testkit.Superuser))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(b.Context()) })
	return conn
}

func BenchmarkVersion(b *testing.B) {
	conn := benchmarkConn(b)
	for b.Loop() {
		if _, err := catalog.Version(b.Context(), conn); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	conn := benchmarkConn(b)
	pol := protecting("public.t1.c1", "public.t2.c2", "public.t3.c3")
	for b.Loop() {
		if _, err := catalog.Load(b.Context(), conn, pol); err != nil {
			b.Fatal(err)
		}
	}
}
