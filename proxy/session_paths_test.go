package proxy

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// pathScripts change what names mean, in every way there is. towns stands for
// people in schema other, with columns of the same names.
var pathScripts = []struct {
	name  string
	lines []scriptLine
}{
	{"set", each(
		"SET search_path = other, public", "SELECT name FROM people", "SET search_path TO public, other", "SELECT name FROM people ORDER BY id", "SET LOCAL search_path = other", "SELECT count(*) FROM people",
		"BEGIN; SET LOCAL search_path = other", "SELECT name FROM people", "COMMIT", "SELECT count(*) FROM people WHERE name = 'Abebe'", "RESET search_path", "SELECT phone FROM people ORDER BY id",
		"SELECT set_config('search_path', 'other', false)", "SELECT name FROM people", "BEGIN", "SELECT set_config('search_path', 'public', true)", "SELECT phone FROM people ORDER BY id", "ROLLBACK", "SELECT name FROM people",
		"DISCARD ALL", "SELECT phone FROM people ORDER BY id", "SET SCHEMA 'other'", "SELECT name FROM people", "RESET ALL", "SELECT phone FROM people ORDER BY id",
		`SET search_path = "$user", public`, "SELECT phone FROM people ORDER BY id", `SET search_path = ''`, "SELECT name FROM people", "SELECT phone FROM public.people ORDER BY id")},
	{"in functions", each(
		"SELECT under_other()", "SELECT name FROM people WHERE phone = '0001'", "SELECT becomes_other()", "SELECT name FROM people", "RESET search_path", "SELECT phone FROM people ORDER BY id")},
	{"savepoints", each(
		"BEGIN", "SAVEPOINT a", "SET search_path = other", "SELECT name FROM people", "ROLLBACK TO a", "SELECT phone FROM people ORDER BY id", "SET search_path = other", "SELECT 1/0", "ROLLBACK", "SELECT phone FROM people ORDER BY id")},
	{"prepared", []scriptLine{
		{1, []string{"P s SELECT city FROM people WHERE id = $1", "B - s 1", "E - 0", "S"}},
		{2, []string{"Q SET search_path = public, other", "B - s 2", "E - 0", "S"}},
	}},
}

func TestSession_searchPathsMeanWhatPostgreSQLMeans(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	for _, db := range []string{listed, "twin"} {
		s.pg.Exec(t, db, `CREATE SCHEMA other; CREATE TABLE other.people (id int, name text, city text); INSERT INTO other.people VALUES (1, 'plain', 'x');
CREATE FUNCTION under_other() RETURNS text LANGUAGE sql SET search_path = other AS 'SELECT current_schema()::text';
CREATE FUNCTION becomes_other() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM set_config(''search_path'', ''other'', false); END';
GRANT ALL ON SCHEMA other TO public; GRANT ALL ON other.people TO public`)
	}
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sc := range pathScripts {
		t.Run(sc.name, func(t *testing.T) { bothAnswer(t, s, sc.lines) })
	}
	for _, db := range []string{listed, "twin"} {
		s.pg.Exec(t, db, "ALTER ROLE officer IN DATABASE "+db+" SET search_path = other, public")
	}
	bothAnswer(t, s, each("SELECT name FROM people", "SET search_path = public", "SELECT name FROM people ORDER BY id"))
}

// What EXPLAIN shows is what is sent: none of the client's literals are in it.
func TestSession_explainShowsNoLiteral(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	for _, sql := range []string{
		"EXPLAIN SELECT id FROM people WHERE name = '12345' OR phone IN ('12345', '6')",
		"EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) UPDATE people SET name = '12345' WHERE phone = '12345'",
		"EXPLAIN (VERBOSE, FORMAT JSON) SELECT coalesce(name, '12345') FROM people WHERE name <> '12345'",
		"EXPLAIN (ANALYZE, FORMAT YAML) INSERT INTO people (name) VALUES ('12345')",
	} {
		if got := simple(t, c, sql); got == "" || strings.Contains(got, "12345") || strings.Contains(got, "error") {
			t.Errorf("%s = %s", sql, got)
		}
	}
	if strings.Contains(s.log(), "12345") {
		t.Error("the server's log holds a literal of EXPLAIN")
	}
}

// A statement that a driver has cached goes on after DDL, or fails as plain
// PostgreSQL makes it fail, and never shows a column as another.
func TestSession_cachedStatementsAfterDDL(t *testing.T) {
	s := startSealed(t)
	c, direct := s.as("officer"), s.direct()
	must(t, c, "INSERT INTO people (name, phone, city) VALUES ('Abebe', '0001', 'Jato')")
	read := func(want string) {
		t.Helper()
		var got string
		if err := c.QueryRow(t.Context(), "SELECT name FROM people WHERE phone = $1", pgx.QueryExecModeCacheStatement, "0001").Scan(&got); err != nil || got != want {
			t.Errorf("the cached statement = %q, %v, want %q", got, err, want)
		}
	}
	read("Abebe")
	must(t, direct, "ALTER TABLE people ADD COLUMN fresh text DEFAULT 'new'")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	read("Abebe")
	star := dialScript(t, s.addr, "officer")
	star.send("P s SELECT * FROM people WHERE phone = $1", "B - s 0001", "E - 0", "S")
	if got := strings.Join(star.read(1), " "); !strings.Contains(got, "Abebe") {
		t.Fatalf("the statement = %s", got)
	}
	must(t, direct, "ALTER TABLE people ADD COLUMN more text")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	star.send("B - s 0001", "E - 0", "S")
	if got := strings.Join(star.read(1), " "); got != "E:0A000 Z:I" { // PostgreSQL's own SQLSTATE too
		t.Errorf("the statement with another result = %s, want 0A000", got)
	}
	must(t, direct, "ALTER TABLE people RENAME COLUMN city TO place; ALTER TABLE people DROP COLUMN fresh")
	read("Abebe")
}
