package backfill_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

func testRenames(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "renames", "CREATE TABLE p (id int, name text, born date)", "INSERT INTO p VALUES (1, 'Ann', '1980-01-01')")
	apply(t, conn, protecting("public.p.name", "public.p.born@births"))
	ids := "SELECT id FROM pgveil.domain ORDER BY 1"
	want := rows(t, conn, ids)
	exec(t, conn, "CREATE SCHEMA s; ALTER TABLE public.p RENAME COLUMN name TO full_name; ALTER TABLE public.p RENAME TO people; ALTER TABLE public.people SET SCHEMA s")
	pol := protecting("s.people.full_name", "s.people.born@births")
	apply(t, conn, pol)
	if got := rows(t, conn, ids); !slices.Equal(got, want) {
		t.Errorf("domains after a rename are %q, want %q", got, want)
	}
	if got := rows(t, conn, "SELECT name FROM pgveil.domain ORDER BY 1"); !slices.Equal(got, []string{"births", "s.people.full_name"}) {
		t.Errorf("domains are named %q", got)
	}
	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	r := snap.Lookup(nil, "s", "people")
	if c := r.Column("born"); c.Protected == nil || !c.Protected.Ready || c.Protected.Logical.Name != "date" {
		t.Errorf("born is %+v, want it ready and a date", c.Protected)
	}
	if r.Tainted != "" {
		t.Errorf("the table is tainted: %s", r.Tainted)
	}
	if got := opened(t, conn, "SELECT full_name, born FROM s.people"); got[0] != "Ann|1980-01-01" {
		t.Errorf("the row is %q", got)
	}
}

func testRestore(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "restore", "CREATE TABLE p (gone int, id int, born date)", "ALTER TABLE p DROP gone", "INSERT INTO p VALUES (1, '1980-01-01')")
	pol := protecting("public.p.born")
	apply(t, conn, pol)
	exec(t, conn, `CREATE TABLE copy (LIKE public.p INCLUDING ALL); INSERT INTO copy SELECT * FROM public.p; DROP TABLE public.p; ALTER TABLE copy SET SCHEMA public;
ALTER TABLE public.copy RENAME TO p`)
	apply(t, conn, pol)
	if got := rows(t, conn, `SELECT relation = 'public.p'::regclass, attnum, state FROM pgveil."column"`); !slices.Equal(got, []string{"t|2|sealed"}) {
		t.Errorf("pgveil.column is %q", got)
	}
	if got := opened(t, conn, "SELECT born FROM public.p"); got[0] != "1980-01-01" {
		t.Errorf("born is %q", got)
	}
}

func testRefuses(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "refuses", "CREATE TABLE p (id int, name text PRIMARY KEY, born date)", "INSERT INTO p VALUES (1, 'Ann', '1980-01-01')")
	vault := &glassVault{}
	err := backfill.Apply(t.Context(), conn, protecting("public.p.name", "public.p.born", "public.absent.x"), vault, backfill.Options{}, nil)
	var refused *backfill.RefusedError
	if !errors.As(err, &refused) || len(refused.Findings) != 2 {
		t.Fatalf("Apply: %v, want it refused for two reasons", err)
	}
	for _, want := range []string{"primary key", "public.absent.x"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Apply: %q, want %q in it", err, want)
		}
	}
	if got := rows(t, conn, "SELECT name, born, to_regnamespace('pgveil') IS NULL FROM public.p"); !slices.Equal(got, []string{"Ann|1980-01-01|t"}) {
		t.Errorf("after a refusal the database has %q", got)
	}
	if len(vault.created) > 0 {
		t.Errorf("after a refusal keysets were made: %v", vault.created)
	}
}

func testNewColumn(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "new_column", "CREATE TABLE p (id int, name text, born date)", "INSERT INTO p VALUES (1, 'Ann', '1980-01-01'), (2, NULL, NULL)")
	apply(t, conn, protecting("public.p.name"))
	name := rows(t, conn, "SELECT name FROM public.p ORDER BY id")
	apply(t, conn, protecting("public.p.name", "public.p.born"))
	if got := opened(t, conn, "SELECT name, born FROM public.p ORDER BY id"); !slices.Equal(got, []string{"Ann|1980-01-01", "<NULL>|<NULL>"}) {
		t.Errorf("rows are %q", got)
	}
	if got := rows(t, conn, "SELECT name FROM public.p ORDER BY id"); !slices.Equal(got, name) {
		t.Error("a column that was sealed was sealed again")
	}
}

func testDomains(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "domains", "CREATE TABLE p (phone varchar(20))", "CREATE TABLE q (phone text, other text)",
		"INSERT INTO p VALUES ('123')", "INSERT INTO q VALUES ('123', '123')")
	vault := &glassVault{}
	pol := protecting("public.p.phone@phones", "public.q.phone@phones", "public.q.other")
	if err := backfill.Apply(t.Context(), conn, pol, vault, backfill.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, conn, "SELECT count(*) FROM public.p JOIN public.q ON split_part(p.phone, '.', 2) = split_part(q.phone, '.', 2)"); got[0] != "1" {
		t.Error("columns of one domain do not join")
	}
	if got := rows(t, conn, "SELECT count(*) FROM public.q WHERE split_part(other, '.', 2) = split_part(phone, '.', 2)"); got[0] != "0" {
		t.Error("columns of two domains join")
	}
	if vault.created["default"] != 1 {
		t.Errorf("keysets were made %v, want default once", vault.created)
	}
	if got := rows(t, conn, "SELECT count(*), min(length(id)) FROM pgveil.domain"); got[0] != "2|26" {
		t.Errorf("domains are %q, want two with identifiers of 26 characters", got)
	}
	if got := pgError(t, strangerConn(t, pg, "domains"), "SELECT * FROM pgveil.domain"); got.Code != "42501" {
		t.Errorf("a stranger reading pgveil.domain gets %s, want 42501", got.Code)
	}
}

func strangerConn(t *testing.T, pg *testkit.Postgres, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.URL(database, "stranger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// testAnew drops sealed columns and makes them again, as an ORM does with a
// module that is taken out and put back.
func testAnew(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "anew", "CREATE TABLE p (id int, name text DEFAULT 'x', born date)", "INSERT INTO p VALUES (1, 'Ann', '1980-01-01')")
	pol := protecting("public.p.name", "public.p.born")
	apply(t, conn, pol)
	ids := rows(t, conn, "SELECT id FROM pgveil.domain ORDER BY name")
	exec(t, conn, `ALTER TABLE p DROP name, DROP born, ADD name text DEFAULT 'y', ADD born timestamp;
INSERT INTO p (id, born) VALUES (2, '1990-01-01 12:00')`)
	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "born"} {
		if p := snap.Lookup(nil, "public", "p").Column(name).Protected; p.Ready {
			t.Errorf("%s is ready although it was made again", name)
		}
	}
	var warned int
	for _, f := range check(t, conn, pol) {
		if f.Severity == backfill.Error {
			t.Errorf("Check: %v", f)
		}
		if f.Severity == backfill.Warning {
			warned++
		}
	}
	if warned != 2 {
		t.Errorf("Check has %d warnings, want one for each column", warned)
	}
	apply(t, conn, pol)
	want := []string{"1|y|<NULL>", "2|y|1990-01-01 12:00:00"}
	if got := opened(t, conn, "SELECT id, name, born FROM p ORDER BY id"); !slices.Equal(got, want) {
		t.Errorf("rows are %q, want %q", got, want)
	}
	if got := rows(t, conn, "SELECT id FROM pgveil.domain ORDER BY name"); !slices.Equal(got, ids) {
		t.Errorf("domains are %q, want %q", got, ids)
	}
	if snap, err = catalog.Load(t.Context(), conn, pol); err != nil {
		t.Fatal(err)
	}
	if p := snap.Lookup(nil, "public", "p").Column("born").Protected; !p.Ready || p.Logical.Name != "timestamp" {
		t.Errorf("born is %+v, want it ready and a timestamp", p)
	}
	exec(t, conn, "INSERT INTO p (id) VALUES (3)")
	if got := opened(t, conn, "SELECT name FROM p WHERE id = 3"); got[0] != "y" {
		t.Errorf("the new default is %q", got)
	}
}
