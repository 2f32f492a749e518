package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// recordTables are those of schema pgveil that the catalog reads, as package backfill makes them.
const recordTables = `
CREATE SCHEMA pgveil;
CREATE TABLE pgveil."column" (schema_name text, table_name text, column_name text, domain_id text,
  type_schema text, type_name text, type_mod int4, state text);
CREATE TABLE pgveil.replaced (schema_name text, table_name text, index_name text, constraint_definition text, replacement text);`

func connect(t *testing.T, pg *testkit.Postgres, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.URL(database, testkit.Superuser))
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func load(t *testing.T, q catalog.Querier, pol *policy.Policy) *catalog.Snapshot {
	t.Helper()
	s, err := catalog.Load(t.Context(), q, pol)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return s
}

// protecting returns a policy over columns written schema.table.column, with a type behind ::.
func protecting(columns ...string) *policy.Policy {
	pol := &policy.Policy{}
	tables := map[string]*policy.Table{}
	for _, text := range columns {
		path, typ, _ := strings.Cut(text, "::")
		parts := strings.SplitN(path, ".", 3)
		key := parts[0] + "." + parts[1]
		if tables[key] == nil {
			tables[key] = &policy.Table{Schema: parts[0], Name: parts[1]}
			pol.Tables = append(pol.Tables, tables[key])
		}
		tables[key].Columns = append(tables[key].Columns, &policy.Column{
			Schema: parts[0], Table: parts[1], Name: parts[2], Type: typ, Domain: path,
		})
	}
	return pol
}

func database(t *testing.T, pg *testkit.Postgres, name string, statements ...string) *pgx.Conn {
	t.Helper()
	pg.CreateDB(t, name)
	pg.Exec(t, name, statements...)
	return connect(t, pg, name)
}

func TestLoad(t *testing.T) {
	pg := testkit.StartPostgres(t)
	for name, test := range map[string]func(*testing.T, *testkit.Postgres){
		"columns": testColumns, "records": testRecords, "problems": testProblems, "views": testViews,
		"families": testFamilies, "functions": testFunctions, "settings": testSettings, "version": testVersion,
		"one_snapshot": testOneSnapshot, "system": testSystem,
	} {
		t.Run(name, func(t *testing.T) { test(t, pg) })
	}
}

func testColumns(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "columns", `
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."My ""Table" (gone int, "Id" int GENERATED ALWAYS AS IDENTITY, "näme" varchar(20) NOT NULL,
  d date DEFAULT now(), tags text[], n numeric(12,2), g int GENERATED ALWAYS AS (3) STORED);
ALTER TABLE "Odd Schema"."My ""Table" DROP COLUMN gone;`)
	s := load(t, conn, protecting(`Odd Schema.My "Table.näme`))
	r := s.Lookup(nil, "Odd Schema", `My "Table`)
	if r == nil {
		t.Fatal("the table is not found")
	}
	typ := func(name string, mod int32) catalog.Type {
		typ, ok := s.TypeByName(nil, "pg_catalog", name)
		if !ok {
			t.Fatalf("no type %s", name)
		}
		typ.Mod = mod
		return typ
	}
	want := []catalog.Column{
		{Name: "Id", Num: 2, Type: typ("int4", -1), NotNull: true, HasDefault: true, Draws: true},
		{Name: "näme", Num: 3, Type: typ("varchar", 24), NotNull: true},
		{Name: "d", Num: 4, Type: typ("date", -1), HasDefault: true},
		{Name: "tags", Num: 5, Type: typ("_text", -1)},
		{Name: "n", Num: 6, Type: typ("numeric", 786438)},
		{Name: "g", Num: 7, Type: typ("int4", -1), Generated: true},
	}
	got := slices.Clone(r.Columns)
	if p := got[1].Protected; p == nil || p.Ready || p.Logical.Mod != 24 {
		t.Errorf("the protected column has %+v, want one that is not ready, with its own type", p)
	}
	got[1].Protected = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if c := r.Column("tags"); c.Type.ElemName != "text" || c.Type.Elem != 25 || c.Type.Len != -1 {
		t.Errorf("tags has type %+v, want an array of text", c.Type)
	}
	if r.Tainted != "" || len(s.Problems()) > 0 {
		t.Errorf("tainted %q, problems %v, want none", r.Tainted, s.Problems())
	}
}

func testRecords(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "records", recordTables, `
CREATE TABLE t (a text CONSTRAINT pgveil_guard_a CHECK (a IS NULL OR a ~ '^pv1'), b varchar(20), c text, d date, e text, f text);
ALTER TABLE t ADD CONSTRAINT pgveil_guard_f CHECK (f IS NULL OR f ~ '^pv1') NOT VALID;
CREATE TABLE left_over (x text);
CREATE TABLE renamed (y text CONSTRAINT pgveil_guard_y CHECK (y IS NULL OR y ~ '^pv1'));
INSERT INTO pgveil.replaced VALUES ('public', 't', 't_a_key', 'UNIQUE (a)', 'CREATE …'), ('public', 't', 't_b_idx', NULL, NULL);
INSERT INTO pgveil."column" VALUES
 ('public', 't', 'a', 'DOM1', 'pg_catalog', 'date', -1, 'sealed'),
 ('public', 't', 'b', 'DOM2', 'pg_catalog', 'varchar', 24, 'sealed'),
 ('public', 't', 'c', 'DOM3', 'pg_catalog', 'numeric', 786438, 'sealing'),
 ('public', 't', 'f', 'DOM4', 'pg_catalog', 'text', -1, 'sealed'),
 ('public', 'left_over', 'x', 'DOM5', 'pg_catalog', 'text', -1, 'sealed');`)
	s := load(t, conn, protecting("public.t.a", "public.t.b", "public.t.c::numeric(12,2)", "public.t.f"))
	r := s.Lookup(nil, "public", "t")
	type short struct {
		Type, Domain string
		Mod          int32
		Ready        bool
	}
	got := map[string]short{}
	for _, c := range r.Columns {
		if p := c.Protected; p != nil {
			got[c.Name] = short{p.Logical.Name, p.DomainID, p.Logical.Mod, p.Ready}
		}
	}
	want := map[string]short{
		"a": {"date", "DOM1", -1, true},
		"b": {"varchar", "DOM2", 24, false}, // no guard
		"c": {"numeric", "DOM3", 786438, false},
		"f": {"text", "DOM4", -1, false}, // its guard is not validated
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("protected columns (-want +got):\n%s", diff)
	}
	// b was altered behind our back: a sealed value does not fit any more.
	if !strings.Contains(r.Tainted, "column b") {
		t.Errorf("t is tainted by %q, want column b named", r.Tainted)
	}
	if got := s.Lookup(nil, "public", "left_over").Tainted; !strings.Contains(got, "the policy does not list it") {
		t.Errorf("a table with a sealed column outside the policy is tainted by %q", got)
	}
	if got := s.Lookup(nil, "public", "renamed").Tainted; !strings.Contains(got, "renamed") {
		t.Errorf("a table with a guard, of a name that the policy does not have, is tainted by %q", got)
	}
	for _, name := range []string{"left_over", "renamed"} {
		if !slices.Contains(slices.Collect(s.Names()), name) {
			t.Errorf("Names() lacks %s", name)
		}
	}
	if diff := cmp.Diff(map[string]string{"t_a_key": "UNIQUE (a)"}, r.Replaced); diff != "" {
		t.Errorf("replaced constraints (-want +got):\n%s", diff)
	}
}

func testProblems(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "problems", `
CREATE TABLE good (a text);
CREATE TABLE lacks (a text);
CREATE TABLE odd (p point, a text);
CREATE TABLE gen (a text, b text GENERATED ALWAYS AS (upper(a)) STORED);
CREATE TABLE typo (a text);
CREATE TABLE other_type (a int4, b varchar(10));
CREATE VIEW v AS SELECT 1::text AS a;
CREATE DOMAIN email AS text;
CREATE TABLE dom (a email);`)
	s := load(t, conn, protecting("public.good.a", "public.lacks.b", "public.absent.a", "public.odd.p", "public.gen.b",
		"public.typo.a::datte", "public.other_type.a::date", "public.other_type.b::date", "public.v.a", "public.dom.a"))
	got := map[string]string{}
	for _, p := range s.Problems() {
		got[p.Column.String()] = p.What
	}
	want := map[string]string{
		"public.lacks.b":      "the column does not exist",
		"public.absent.a":     "the table does not exist",
		"public.odd.p":        "values of type point cannot be sealed",
		"public.gen.b":        "it is a generated column",
		"public.typo.a":       `type "datte" does not exist`,
		"public.other_type.a": "the policy gives it another type than it has",
		"public.v.a":          "it is not an ordinary table",
		"public.dom.a":        "values of type email cannot be sealed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for _, r := range []string{"lacks", "odd", "gen", "typo", "v", "dom"} {
		if s.Lookup(nil, "public", r).Tainted == "" {
			t.Errorf("%s is not tainted", r)
		}
	}
	if got := s.Lookup(nil, "public", "good").Tainted; got != "" {
		t.Errorf("good is tainted by %q", got)
	}
	if !slices.Contains(slices.Collect(s.Names()), "absent") {
		t.Error("Names() lacks a table that does not exist yet")
	}
}

func testViews(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "views", `
CREATE TABLE p (id int, name text);
CREATE TABLE q (id int);
CREATE TABLE z (id int);
CREATE VIEW direct AS SELECT id FROM p;
CREATE VIEW nested AS SELECT z.id FROM z JOIN (SELECT * FROM direct) d USING (id);
CREATE MATERIALIZED VIEW stored AS SELECT id FROM nested;
CREATE VIEW plain AS SELECT * FROM q;
CREATE FUNCTION peek() RETURNS int LANGUAGE sql AS 'SELECT id FROM p';
CREATE VIEW called AS SELECT peek() AS id;
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE VIEW handled AS SELECT id, name FROM p;
CREATE TRIGGER handle INSTEAD OF DELETE ON handled FOR EACH ROW EXECUTE FUNCTION pass();
CREATE VIEW watched AS SELECT id FROM p;
CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH STATEMENT EXECUTE FUNCTION pass();
CREATE VIEW ruled AS SELECT id FROM p;
CREATE RULE ruled_update AS ON UPDATE TO ruled DO INSTEAD NOTHING;
CREATE RULE also AS ON INSERT TO q DO ALSO INSERT INTO p VALUES (new.id, 'x');`)
	s := load(t, conn, protecting("public.p.name"))
	for name, want := range map[string]string{
		"direct": "it is a view over public.p", "nested": "it is a view over public.direct",
		"stored": "it is a view over public.nested", "plain": "it is a view over public.q",
		"called": "it is a view over a function that reaches a protected table",
		"q":      "it is a relation with a rule on public.p", "p": "", "z": "",
	} {
		if got := s.Lookup(nil, "public", name).Tainted; got != want {
			t.Errorf("%s is tainted by %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"direct": "SELECT p.id FROM public.p",
		"stored": "SELECT nested.id FROM public.nested",
		"z":      "",
	} {
		got := strings.Join(strings.Fields(s.Lookup(nil, "public", name).Definition), " ")
		if got != want {
			t.Errorf("%s has the definition %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"direct": "", "p": "", "handled": "it has INSTEAD OF triggers", "watched": "", "ruled": "it has rules",
	} {
		if got := s.Lookup(nil, "public", name).Diverted; got != want {
			t.Errorf("%s is diverted by %q, want %q", name, got, want)
		}
	}
	want := []string{"called", "direct", "handled", "nested", "p", "peek", "plain", "q", "ruled", "stored", "watched"}
	if got := slices.Sorted(s.Names()); !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
}

func testFamilies(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "families", `
CREATE TABLE parent (id int, name text);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE grandchild () INHERITS (child);
CREATE TABLE other (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF other FOR VALUES FROM (0) TO (10);
CREATE TABLE free (a int);
CREATE TABLE free_child () INHERITS (free);`)
	s := load(t, conn, protecting("public.child.name", "public.other.name"))
	for name, want := range map[string]string{
		"child":      "it has partitions, parents or children",
		"parent":     "it shares rows by inheritance with public.child",
		"grandchild": "it shares rows by inheritance with public.child",
		"other":      "column name: it is not an ordinary table",
		"free":       "", "free_child": "",
	} {
		if got := s.Lookup(nil, "public", name).Tainted; got != want {
			t.Errorf("%s is tainted by %q, want %q", name, got, want)
		}
	}
	if got := s.Lookup(nil, "public", "part").Tainted; got == "" {
		t.Error("a partition of a table of the policy is not tainted")
	}
}

func testFunctions(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "functions", `
CREATE TABLE people (id int, name text);
CREATE TABLE "Odd one" (id int, name text);
CREATE TABLE plain (id int);
CREATE FUNCTION by_text() RETURNS int LANGUAGE sql AS 'SELECT id FROM "people"';
CREATE FUNCTION by_case() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT id FROM PEOPLE); END';
CREATE FUNCTION by_atomic() RETURNS int BEGIN ATOMIC SELECT id FROM people; END;
CREATE FUNCTION by_odd() RETURNS int LANGUAGE sql AS 'SELECT id FROM "Odd one"';
CREATE FUNCTION by_row(people) RETURNS text LANGUAGE sql AS 'SELECT $1.name';
CREATE FUNCTION by_rows(people[]) RETURNS int LANGUAGE sql AS 'SELECT cardinality($1)';
CREATE FUNCTION by_call() RETURNS int LANGUAGE sql AS 'SELECT by_text()';
CREATE FUNCTION by_absent() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT id FROM not_yet); END';
CREATE FUNCTION by_escape() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT id FROM U&"p\0065ople"); END';
CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + (SELECT count(*)::int FROM people)';
CREATE AGGREGATE by_aggregate(int) (sfunc = step, stype = int, initcond = 0);
CREATE FUNCTION peoples() RETURNS int LANGUAGE sql AS 'SELECT id FROM plain AS peoples';
CREATE FUNCTION innocent(int) RETURNS int LANGUAGE sql AS 'SELECT id FROM plain';`)
	s := load(t, conn, protecting("public.people.name", "public.Odd one.name", "public.not_yet.name"))
	for name, want := range map[string]string{
		"by_text": "public.people", "by_case": "public.people", "by_atomic": "public.people", "by_odd": "public.Odd one",
		"by_row": "rows of public.people", "by_rows": "rows of public.people", "by_call": "function by_text",
		"by_absent": "public.not_yet", "by_escape": "Unicode escapes", "step": "public.people", "by_aggregate": "aggregate",
	} {
		if got, ok := s.TaintedFunction(name); !ok || !strings.Contains(got, want) {
			t.Errorf("TaintedFunction(%q) = %q, %v, want %q in it", name, got, ok, want)
		}
		if !slices.Contains(slices.Collect(s.Names()), name) {
			t.Errorf("Names() lacks %s", name)
		}
	}
	for _, name := range []string{"peoples", "innocent", "count"} {
		if reason, ok := s.TaintedFunction(name); ok {
			t.Errorf("TaintedFunction(%q) = %q, want none", name, reason)
		}
	}
}

func testSettings(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "settings", `
CREATE FUNCTION a1() RETURNS text LANGUAGE sql AS $$SELECT set_config('search_path', 'x', false)$$;
CREATE FUNCTION a2() RETURNS void LANGUAGE plpgsql AS $$BEGIN SET LOCAL role = 'x'; END$$;
CREATE FUNCTION a3() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE format('SET %I = 1', 'x'); END$$;
CREATE FUNCTION a4() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM a1(); END$$;
CREATE FUNCTION a5() RETURNS void LANGUAGE plpgsql AS $$BEGIN set time zone 'UTC'; END$$;
CREATE FUNCTION a6() RETURNS void LANGUAGE plpgsql AS $$BEGIN SET SESSION AUTHORIZATION x; END$$;
CREATE FUNCTION b1() RETURNS void LANGUAGE sql AS $$UPDATE pg_description SET description = 'x' WHERE false$$;
CREATE FUNCTION b2() RETURNS int LANGUAGE sql SET search_path = public AS $$SELECT 1$$;`)
	s := load(t, conn, protecting())
	want := []string{"a1", "a2", "a3", "a4", "a5", "a6"}
	if got := slices.Sorted(s.SettingFunctions()); !slices.Equal(got, want) {
		t.Errorf("SettingFunctions() = %q, want %q", got, want)
	}
}

func testVersion(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "version", "CREATE TABLE p (id int primary key, name text)", "CREATE VIEW v AS SELECT 1 AS a",
		"CREATE TABLE kid (id int not null, name text)")
	version := func() string {
		t.Helper()
		v, err := catalog.Version(t.Context(), conn)
		if err != nil {
			t.Fatalf("Version: %v", err)
		}
		return v
	}
	for _, sql := range []string{
		"INSERT INTO p VALUES (1, 'x')", "ANALYZE p", "VACUUM p", "CREATE INDEX ON p (name)", "REINDEX TABLE p",
	} {
		before := version()
		pg.Exec(t, "version", sql)
		if version() != before {
			t.Errorf("%s changed the version", sql)
		}
	}
	for _, sql := range []string{
		"ALTER TABLE p ADD COLUMN x int", "ALTER TABLE p DROP COLUMN x", "ALTER TABLE kid INHERIT p", "ALTER TABLE kid NO INHERIT p", "ALTER TABLE p RENAME COLUMN name TO nom",
		"ALTER TABLE p RENAME TO people", "ALTER TABLE people ALTER nom TYPE varchar(9)", "CREATE OR REPLACE VIEW v AS SELECT 2 AS a",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
		"DROP FUNCTION f()", "CREATE SCHEMA s", "ALTER TABLE kid SET SCHEMA s",
		"ALTER SCHEMA s RENAME TO s2", "CREATE DOMAIN d AS int", "DROP VIEW v", "ALTER TABLE people ALTER nom SET NOT NULL",
		"CREATE RULE r AS ON INSERT TO people DO NOTHING",
		"CREATE VIEW w AS SELECT 1 AS a", "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
		"CREATE TRIGGER b BEFORE INSERT ON w FOR EACH STATEMENT EXECUTE FUNCTION pass()",
		"CREATE TRIGGER i INSTEAD OF INSERT ON w FOR EACH ROW EXECUTE FUNCTION pass()", recordTables,
		`INSERT INTO pgveil."column" VALUES ('public', 'people', 'nom', 'D', 'pg_catalog', 'text', -1, 'sealing')`,
		`UPDATE pgveil."column" SET state = 'sealed'`,
		"ALTER TABLE people ADD CONSTRAINT pgveil_guard_nom CHECK (nom ~ '^p') NOT VALID", "DELETE FROM people",
		"ALTER TABLE people VALIDATE CONSTRAINT pgveil_guard_nom",
	} {
		before := version()
		pg.Exec(t, "version", sql)
		if changed := version() != before; changed != (sql != "DELETE FROM people") {
			t.Errorf("%s: changed the version: %v", sql, changed)
		}
	}
	if got, want := load(t, conn, protecting()).Version, version(); got != want {
		t.Errorf("Snapshot.Version = %q, Version = %q, want the same", got, want)
	}
}

// testOneSnapshot checks that a caller's own transaction is used as it is.
func testOneSnapshot(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "one", "CREATE TABLE p (name text)")
	tx, err := conn.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT 1"); err != nil { // takes the snapshot
		t.Fatal(err)
	}
	pg.Exec(t, "one", "ALTER TABLE p ADD later text")
	if c := load(t, tx, protecting("public.p.name")).Lookup(nil, "public", "p").Column("later"); c != nil {
		t.Error("a column that was added behind the transaction's snapshot is seen")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := load(t, conn, protecting("public.p.name")).Lookup(nil, "public", "p").Column("later"); c == nil {
		t.Error("the added column is not seen afterwards")
	}
}

func testSystem(t *testing.T, pg *testkit.Postgres) {
	conn := connect(t, pg, "postgres")
	s := load(t, conn, protecting())
	for schema, relations := range map[string][]string{
		"pg_catalog": {"pg_class", "pg_stats", "pg_attribute"}, "information_schema": {"columns", "tables"},
	} {
		for _, name := range relations {
			r := s.Lookup(nil, schema, name)
			if r == nil || len(r.Columns) == 0 || r.Tainted != "" {
				t.Errorf("%s.%s = %+v, want a relation with columns", schema, name, r)
			}
		}
	}
	if got := slices.Collect(s.Names()); len(got) != 0 {
		t.Errorf("Names() = %q without a policy, want none", got)
	}
}
