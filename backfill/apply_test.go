package backfill_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// kinds are a column of every type, with an expression over i that gives its values.
var kinds = []struct{ name, typ, value string }{
	{"a_text", "text", "'text ' || i"},
	{"a_varchar", "varchar", "'varchar ' || i"},
	{"a_short", "varchar(20)", "'short ' || i"},
	{"a_char", "char(12)", "'char ' || i"},
	{"a_citext", "citext", "'Citext ' || i"},
	{"a_bool", "bool", "i % 2 = 0"},
	{"a_int2", "int2", "i"},
	{"a_int4", "int4", "i * 1000"},
	{"a_int8", "int8", "i * 1000000000::int8"},
	{"a_numeric", "numeric(12,2)", "i / 8.0"},
	{"a_float4", "float4", "i / 3.0"},
	{"a_float8", "float8", "i / 3.0"},
	{"a_date", "date", "date '1950-01-01' + i"},
	{"a_timestamp", "timestamp", "timestamp '1950-01-01' + i * interval '1 hour 1.5 s'"},
	{"a_timestamptz", "timestamptz", "timestamptz '1950-01-01 00:00+05' + i * interval '1 hour'"},
	{"a_time", "time", "time '00:00' + i * interval '7 s'"},
	{"a_timetz", "timetz", "timetz '00:00+03' + i * interval '7 s'"},
	{"an_interval", "interval", "i * interval '1 mon 1 day 1 s'"},
	{"a_uuid", "uuid", "md5(i::text)::uuid"},
	{"a_bytea", "bytea", "decode(md5(i::text), 'hex')"},
	{"a_json", "json", `format('{"b": %s,  "a": 1}', i)::json`},
	{"a_jsonb", "jsonb", `format('{"b": %s, "a": 1}', i)::jsonb`},
	{"texts", "text[]", "ARRAY['x' || i, NULL, 'a,b']"},
	{"dates", "date[]", "ARRAY[date '1950-01-01' + i]"},
}

func kindsTable(rows int) (statements []string, pol *policy.Policy) {
	var columns, values, protected []string
	for _, k := range kinds {
		columns = append(columns, k.name+" "+k.typ)
		values = append(values, fmt.Sprintf("CASE WHEN i %% 10 <> 0 THEN %s END", k.value))
		path := "public.kinds." + k.name
		if k.name == "a_json" {
			path += "!"
		}
		protected = append(protected, path)
	}
	return []string{
		"CREATE TABLE kinds (id int PRIMARY KEY, note text, " + strings.Join(columns, ", ") + ")",
		fmt.Sprintf("INSERT INTO kinds SELECT i, 'note', %s FROM generate_series(1, %d) i", strings.Join(values, ", "), rows),
	}, protecting(protected...)
}

// kindsSQL reads every column under the settings that Apply works with.
func kindsSQL() string {
	columns := []string{"id"}
	for _, k := range kinds {
		columns = append(columns, k.name+"::text")
	}
	return "SET timezone = 'UTC'; SELECT " + strings.Join(columns, ", ") + " FROM kinds ORDER BY id"
}

func TestApply(t *testing.T) {
	pg := startPostgres(t)
	for name, test := range map[string]func(*testing.T, *testkit.Postgres){
		"every_type": testEveryType, "again": testAgain, "interrupted": testInterrupted, "terminated": testTerminated, "guard": testGuard,
		"concurrent": testConcurrent, "unique": testUnique, "indexes": testIndexes, "defaults": testDefaults,
		"renames": testRenames, "restore": testRestore, "scrub": testScrub, "lock": testLock, "refuses": testRefuses,
		"odd_names": testOddNames, "late_writer": testLateWriter, "anew": testAnew, "long_values": testLongValues, "bad_value": testBadValue, "new_column": testNewColumn, "domains": testDomains,
	} {
		t.Run(name, func(t *testing.T) { test(t, pg) })
	}
}

func testEveryType(t *testing.T, pg *testkit.Postgres) {
	statements, pol := kindsTable(5000)
	conn := database(t, pg, "every_type", statements...)
	sql := kindsSQL()
	want := rows(t, conn, sql)
	apply(t, conn, pol)
	if diff := cmp.Diff(want, opened(t, conn, sql)); diff != "" {
		t.Fatalf("opened rows (-before +after):\n%.2000s", diff)
	}
	plain := "SELECT count(*) FROM kinds WHERE false"
	for _, k := range kinds {
		plain += " OR " + k.name + "::text !~ '^pv1[.]'"
	}
	if got := rows(t, conn, plain); got[0] != "0" {
		t.Errorf("%s rows still have a plain value", got[0])
	}

	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	if p := snap.Problems(); len(p) > 0 {
		t.Errorf("the catalog finds problems: %v", p)
	}
	r := snap.Lookup(nil, "public", "kinds")
	for _, k := range kinds {
		c := r.Column(k.name)
		schema, name, mod, err := catalog.ParseType(k.typ)
		if err != nil {
			t.Fatal(err)
		}
		if p := c.Protected; !p.Ready || p.DomainID == "" || p.Logical.Name != name || p.Logical.Mod != mod {
			t.Errorf("%s is %+v of logical type %+v, want it ready, of %s.%s mod %d", k.name, p, p.Logical, schema, name, mod)
		}
		if !c.Type.StoredAsIs() {
			t.Errorf("%s is stored as %s", k.name, c.Type.Name)
		}
	}
}

// fingerprint is everything that a run which has nothing to do must not change.
func fingerprint(t *testing.T, conn *pgx.Conn, table string) []string {
	t.Helper()
	version, err := catalog.Version(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{version}, rows(t, conn, `
SELECT relname, relfilenode FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1;
SELECT sum(hashtextextended(ctid::text || xmin, 0)) FROM `+table+`;
SELECT * FROM pgveil."column" ORDER BY 1, 2, 3; SELECT * FROM pgveil.domain ORDER BY 1; SELECT * FROM pgveil.replaced ORDER BY 1, 2, 3`)...)
}

func testAgain(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "again", "CREATE TABLE p (id int PRIMARY KEY, name varchar(50) UNIQUE, born date, memo text)",
		"CREATE INDEX by_born ON p (born)", "INSERT INTO p SELECT i, 'name ' || i, now(), 'm' FROM generate_series(1, 100) i")
	pol := protecting("public.p.name", "public.p.born", "public.p.memo!")
	apply(t, conn, pol)
	want := fingerprint(t, conn, "p")
	vault := &glassVault{}
	var steps []backfill.Progress
	err := backfill.Apply(t.Context(), conn, pol, vault, backfill.Options{}, func(p backfill.Progress) { steps = append(steps, p) })
	if err != nil {
		t.Fatalf("second Apply: %v", err)
	}
	if diff := cmp.Diff(want, fingerprint(t, conn, "p")); diff != "" {
		t.Errorf("a second run changed something (-first +second):\n%s", diff)
	}
	if len(steps) > 0 {
		t.Errorf("a second run reports %v, want nothing", steps)
	}
	found, err := backfill.Check(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Severity == backfill.Error {
			t.Errorf("after Apply, Check finds %v", f)
		}
	}
}

// testInterrupted stops Apply at every place where it reports, one after the
// other, and goes on each time with a new connection.
func testInterrupted(t *testing.T, pg *testkit.Postgres) {
	statements, pol := kindsTable(900)
	conn := database(t, pg, "interrupted", append(statements,
		"ALTER TABLE kinds ADD CONSTRAINT only_one UNIQUE (a_text)", "CREATE INDEX by_date ON kinds (a_date, note DESC)",
		"CREATE INDEX by_words ON kinds USING gin (lower(a_varchar) gin_trgm_ops)")...)
	sql := kindsSQL()
	want := rows(t, conn, sql)
	stops := 0
	for stop := 1; ; stop++ {
		ctx, cancel := context.WithCancel(t.Context())
		conn := connect(t, pg, "interrupted")
		calls := 0
		err := backfill.Apply(ctx, conn, pol, &glassVault{}, backfill.Options{Batch: 100}, func(backfill.Progress) {
			if calls++; calls == stop {
				cancel()
			}
		})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at report %d: %v, want it to say that it was cancelled", stop, err)
		}
		stops++
	}
	if stops < 8 {
		t.Errorf("Apply was stopped %d times, want a stop in every step", stops)
	}
	if diff := cmp.Diff(want, opened(t, conn, sql)); diff != "" {
		t.Errorf("opened rows (-before +after):\n%.2000s", diff)
	}
	if got := rows(t, conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'pgveil_new%'"); got[0] != "0" {
		t.Errorf("%s indexes with temporary names are left", got[0])
	}
	if got := rows(t, conn, "SELECT indexname FROM pg_indexes WHERE tablename = 'kinds' ORDER BY 1"); !slices.Equal(got, []string{"by_date", "kinds_pkey", "only_one"}) {
		t.Errorf("indexes are %q", got)
	}
	apply(t, conn, pol)
}

// testTerminated kills Apply's connection while the server is at work for it,
// wherever that is, as a crash of pgveil or of the server would.
func testTerminated(t *testing.T, pg *testkit.Postgres) {
	statements, pol := kindsTable(600)
	conn := database(t, pg, "terminated", append(statements, "ALTER TABLE kinds ADD CONSTRAINT only_one UNIQUE (a_text)")...)
	killer := connect(t, pg, "terminated")
	sql := kindsSQL()
	want := rows(t, conn, sql)
	kills := 0
	for report := 1; ; report++ {
		victim := connect(t, pg, "terminated")
		pid := victim.PgConn().PID()
		var wg sync.WaitGroup
		calls := 0
		err := backfill.Apply(t.Context(), victim, pol, &glassVault{}, backfill.Options{Batch: 100}, func(backfill.Progress) {
			if calls++; calls == report {
				wg.Go(func() { // not waited for here, so that it strikes in the middle of what comes next
					if _, err := killer.Exec(t.Context(), "SELECT pg_terminate_backend($1)", pid); err != nil {
						t.Errorf("terminating: %v", err)
					}
				})
			}
		})
		wg.Wait()
		if err == nil {
			break
		}
		kills++
	}
	if kills < 5 {
		t.Errorf("Apply was killed %d times, want it killed in most steps", kills)
	}
	apply(t, connect(t, pg, "terminated"), pol)
	if diff := cmp.Diff(want, opened(t, conn, sql)); diff != "" {
		t.Errorf("opened rows (-before +after):\n%.2000s", diff)
	}
	if got := pgError(t, conn, "UPDATE kinds SET a_text = (SELECT a_text FROM kinds WHERE id = 1) WHERE id = 2"); got.ConstraintName != "only_one" {
		t.Errorf("a value twice is refused by %q, want only_one", got.ConstraintName)
	}
}

func pgError(t *testing.T, conn *pgx.Conn, sql string) *pgconn.PgError {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Fatalf("%s: %v, want an error of the server", sql, err)
	}
	return pg
}

func testGuard(t *testing.T, pg *testkit.Postgres) {
	long := strings.Repeat("l", 60)
	conn := database(t, pg, "guard", "CREATE TABLE p (id int, name citext, born date, "+long+" text, "+long+"2 text)",
		"INSERT INTO p VALUES (1, 'Ann', '1980-02-03', 'a', 'b')")
	apply(t, conn, protecting("public.p.name", "public.p.born", "public.p."+long+"!", "public.p."+long+"2!"))
	for _, column := range []string{"name", "born", long, long + "2"} {
		for _, value := range []string{"Ann", "", "1980-02-03", "pv1", "pv1.......", "x\npv1.AAAAAAAAAAAAAAAAAAAAAA......QUJD"} {
			sql := fmt.Sprintf("UPDATE p SET %s = '%s'", column, value)
			if got := pgError(t, conn, sql); got.Code != "23514" || !strings.HasPrefix(got.ConstraintName, "pgveil_guard_") {
				t.Errorf("%s: %s by %q, want 23514 by a guard", sql, got.Code, got.ConstraintName)
			}
		}
		exec(t, conn, fmt.Sprintf("UPDATE p SET %s = NULL", column))
	}
}

// testConcurrent has others write plain columns, insert, move and delete rows
// while Apply runs. None of them may fail, and nothing they wrote may be lost.
func testConcurrent(t *testing.T, pg *testkit.Postgres) {
	statements, pol := kindsTable(3000)
	conn := database(t, pg, "concurrent", statements...)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	writes := make([]int, 2)
	for n := range writes {
		other := connect(t, pg, "concurrent")
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := (i*7+n*1500)%3000 + 1
				_, err := other.Exec(t.Context(), "UPDATE kinds SET note = note || 'x' WHERE id = $1", id)
				var pgErr *pgconn.PgError
				// For a moment between the guard and the last pass a row that was
				// moved while it was sealed may still be plain.
				if errors.As(err, &pgErr) && pgErr.Code == "23514" {
					continue
				}
				if err != nil {
					t.Errorf("a plain column cannot be written: %v", err)
					return
				}
				writes[n]++
			}
		})
	}
	sql := kindsSQL()
	want := rows(t, conn, sql)
	err := backfill.Apply(t.Context(), conn, pol, &glassVault{}, backfill.Options{Batch: 50}, nil)
	cancel()
	wg.Wait()
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if diff := cmp.Diff(want, opened(t, conn, sql)); diff != "" {
		t.Errorf("opened rows (-before +after):\n%.2000s", diff)
	}
	total := fmt.Sprint(writes[0] + writes[1])
	if got := rows(t, conn, "SELECT sum(length(note) - 4) FROM kinds"); got[0] != total || total == "0" {
		t.Errorf("%s of %s writes are there, want all and some", got[0], total)
	}
}

// testLateWriter has somebody write plaintext past pgveil while Apply is at
// work: it is sealed too, and a second row with a value that must be unique
// is found, told, and can be mended.
// testLongValues has values that are too much for one batch, and too long for
// an index.
func testLongValues(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "long_values", "CREATE TABLE p (id int, photo bytea, memo text)", "CREATE INDEX ON p (memo)",
		// Not compressible, so that it counts.
		`INSERT INTO p SELECT i, (SELECT string_agg(decode(md5(i::text || k), 'hex'), '') FROM generate_series(1, 200000) k),
  CASE WHEN i < 3 THEN (SELECT string_agg(md5(i::text || k), '') FROM generate_series(1, 60) k) END FROM generate_series(1, 6) i`)
	sql := "SELECT id, md5(photo::text), md5(memo) FROM p ORDER BY id"
	want := rows(t, conn, sql)
	apply(t, conn, protecting("public.p.photo!", "public.p.memo"))
	got := opened(t, conn, "SELECT id, photo, memo FROM p ORDER BY id")
	for i, line := range got {
		values := strings.Split(line, "|")
		for k, v := range values[1:] {
			if v != "<NULL>" {
				values[k+1] = fmt.Sprintf("%x", md5.Sum([]byte(v)))
			}
		}
		got[i] = strings.Join(values, "|")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("digests (-before +after):\n%s", diff)
	}
}

func testDefaults(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "defaults", `CREATE TABLE p (id int, a text DEFAULT 'it''s', b date DEFAULT '2020-01-02',
  c numeric(6,2) DEFAULT -1.5, d bool DEFAULT true, e varchar(9) DEFAULT NULL, f text, g text[] DEFAULT '{x,y}')`)
	apply(t, conn, protecting("public.p.a", "public.p.b", "public.p.c", "public.p.d", "public.p.e", "public.p.f", "public.p.g"))
	exec(t, conn, "INSERT INTO p (id) VALUES (1)")
	want := []string{"it's|2020-01-02|-1.5|true|<NULL>|<NULL>|{x,y}"}
	if diff := cmp.Diff(want, opened(t, conn, "SELECT a, b, c, d, e, f, g FROM p")); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

// testRestore moves the table to another OID and other column numbers, as a
// dump and restore does.
// testScrub looks for a planted value in everything that Apply had logged and
// in the files of the table, its indexes and its statistics.
func testScrub(t *testing.T, pg *testkit.Postgres) {
	const secret = "KERFUFFLE"
	conn := database(t, pg, "scrub", "CREATE TABLE p (id int, name varchar(40) UNIQUE, kind text DEFAULT '"+secret+"-default')",
		"INSERT INTO p SELECT i, '"+secret+"-' || i % 900 || '-' || i, '"+secret+"' FROM generate_series(1, 2000) i", "CREATE INDEX ON p (name)", "ANALYZE p")
	before, err := os.ReadFile(pg.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, conn, protecting("public.p.name", "public.p.kind"))
	pg.Exec(t, "scrub", "CHECKPOINT")
	after, err := os.ReadFile(pg.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	if i := strings.Index(string(after[len(before):]), secret); i >= 0 {
		t.Errorf("Apply sent the secret to the server: %.300s", after[len(before)+max(i-200, 0):])
	}
	for _, line := range rows(t, conn, "SELECT relname, pg_relation_filepath(oid) FROM pg_class WHERE relname LIKE 'p\\_%' OR relname = 'p'") {
		name, path, _ := strings.Cut(line, "|")
		file, err := os.ReadFile(pg.DataDir + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(file), secret) {
			t.Errorf("the file of %s still has the secret", name)
		}
	}
	if got := rows(t, conn, "SELECT count(*) FROM pg_stats WHERE tablename = 'p' AND (most_common_vals::text || histogram_bounds::text) LIKE '%"+secret+"%'"); got[0] != "0" {
		t.Errorf("%s columns have the secret in their statistics", got[0])
	}
	if got := rows(t, conn, "SELECT count(*) FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) LIKE '%"+secret+"%'"); got[0] != "0" {
		t.Error("the default is still plain")
	}
}

func testLock(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "lock_wait", "CREATE TABLE p (id int, born date)", "INSERT INTO p VALUES (1, '1980-01-01')")
	other := connect(t, pg, "lock_wait")
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT * FROM p"); err != nil {
		t.Fatal(err)
	}
	short := backfill.Options{LockTimeout: 20e6, LockPatience: 200e6}
	err = backfill.Apply(t.Context(), conn, protecting("public.p.born"), &glassVault{}, short, nil)
	if err == nil || !strings.Contains(err.Error(), "long transaction") {
		t.Errorf("Apply against a long transaction: %v, want it to say so", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, conn, "SELECT born FROM public.p"); got[0] != "1980-01-01" {
		t.Errorf("born is %q, want it untouched", got[0])
	}

	exec(t, other, "SELECT pg_advisory_lock(123589670300006)")
	err = backfill.Apply(t.Context(), conn, protecting("public.p.born"), &glassVault{}, short, nil)
	if err == nil || !strings.Contains(err.Error(), "another apply") {
		t.Errorf("Apply beside another one: %v, want it to say so", err)
	}
	exec(t, other, "SELECT pg_advisory_unlock_all()")
	apply(t, conn, protecting("public.p.born"))
}

func testOddNames(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "odd_names", `CREATE SCHEMA "S %s.x"`, `CREATE TABLE "S %s.x"."T ""q'" (gone int, "Id" int, "Näme %d" varchar(9) UNIQUE, "select" date)`,
		`ALTER TABLE "S %s.x"."T ""q'" DROP gone`, `INSERT INTO "S %s.x"."T ""q'" VALUES (1, 'Ann', '1980-01-01')`)
	pol := &policy.Policy{Tables: []*policy.Table{{Schema: "S %s.x", Name: `T "q'`}}}
	for _, name := range []string{"Näme %d", "select"} {
		pol.Tables[0].Columns = append(pol.Tables[0].Columns, &policy.Column{
			Schema: "S %s.x", Table: `T "q'`, Name: name, Domain: name, Keyset: "default", Search: policy.Search{Equality: true},
		})
	}
	apply(t, conn, pol)
	if got := opened(t, conn, `SELECT "Näme %d", "select" FROM "S %s.x"."T ""q'"`); got[0] != "Ann|1980-01-01" {
		t.Errorf("the row is %q", got)
	}
	apply(t, conn, pol)
}

type brokenVault struct{ glassVault }

func (v *brokenVault) Sealer(p *catalog.Protected) (backfill.Sealer, error) {
	s, err := v.glassVault.Sealer(p)
	return brokenSealer{s}, err
}

type brokenSealer struct{ backfill.Sealer }

func (s brokenSealer) Seal(ctx context.Context, dst, text []byte) ([]byte, error) {
	if string(text) == "bad" {
		return nil, errors.New("it is no date")
	}
	return s.Sealer.Seal(ctx, dst, text)
}

func testBadValue(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "bad_value", "CREATE TABLE p (id int, name text)", "INSERT INTO p VALUES (1, 'good'), (2, 'bad')")
	pol := protecting("public.p.name")
	err := backfill.Apply(t.Context(), conn, pol, &brokenVault{}, backfill.Options{}, nil)
	if err == nil || !strings.Contains(err.Error(), "column name, row at ctid (0,2): it is no date") {
		t.Errorf("Apply: %v, want the column and the row named", err)
	}
	exec(t, conn, "UPDATE public.p SET name = 'mended' WHERE id = 2")
	apply(t, conn, pol)
	if got := opened(t, conn, "SELECT name FROM public.p ORDER BY id"); !slices.Equal(got, []string{"good", "mended"}) {
		t.Errorf("names are %q", got)
	}
}

// testNewColumn adds a column to a policy that has been applied.
