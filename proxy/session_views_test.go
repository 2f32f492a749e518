package proxy

import (
	"strings"
	"testing"
)

// viewScripts are about views that are made through pgveil. Both sides must
// answer alike: what CREATE VIEW accepts can be read.
var viewScripts = []struct {
	name  string
	lines []scriptLine
}{
	{"columns and comparisons", each(
		"CREATE VIEW v AS SELECT id, name, birth, income FROM people WHERE phone = '0001' OR name IN ('x', 'y') OR id > 100",
		"SELECT * FROM v", "SELECT id FROM v WHERE birth = '1932-08-07' AND name <> 'x'",
		"CREATE OR REPLACE VIEW v AS SELECT id, name, birth, income FROM people WHERE name NOT IN ('Abebe')", "SELECT * FROM v", "DROP VIEW v", "SELECT * FROM v")},
	{"one value", each("CREATE VIEW v AS SELECT id FROM people WHERE name IN ('Abebe') AND phone = ANY ('{0001,\"x\"}') AND birth <> ALL (ARRAY['2001-01-01'::date])", "SELECT * FROM v", "DROP VIEW v")},
	{"joins and subqueries", each(
		"CREATE VIEW v (a, b) AS SELECT p.name, q.birth FROM people p JOIN people q ON p.phone = q.phone AND p.name IS NOT DISTINCT FROM q.name WHERE q.birth IS NOT NULL",
		"SELECT * FROM v", "SELECT v.* FROM v JOIN people p ON p.name = v.a", "CREATE VIEW w AS SELECT a, count(*) AS n FROM v WHERE a = 'Abebe' GROUP BY a", "SELECT * FROM w",
		"CREATE VIEW u AS SELECT id FROM people WHERE phone IN (SELECT phone FROM people WHERE name = 'Leteso') AND EXISTS (SELECT 1 FROM v)", "SELECT * FROM u",
		"DROP VIEW u; DROP VIEW w", "DROP VIEW v")},
	{"groups", each(
		"CREATE VIEW v AS SELECT name, count(*) AS n, max(id) AS last FROM people GROUP BY name HAVING name <> 'nobody'", "SELECT * FROM v ORDER BY last", "SELECT n FROM v WHERE name = 'Abebe'",
		"CREATE VIEW b AS SELECT birth AS born, count(DISTINCT name) FROM people GROUP BY birth", "SELECT * FROM b WHERE born = '1932-08-07'",
		"CREATE VIEW d AS SELECT DISTINCT name, city, birth FROM people", "SELECT name FROM d WHERE birth IS NULL",
		"CREATE VIEW o AS SELECT DISTINCT ON (phone) phone, name FROM people", "SELECT name FROM o WHERE phone = '0002'",
		"CREATE VIEW p AS SELECT name, row_number() OVER (PARTITION BY name ORDER BY id) AS n FROM people", "SELECT * FROM p ORDER BY name = 'Abebe'",
		"DROP VIEW v; DROP VIEW b; DROP VIEW d; DROP VIEW o; DROP VIEW p")},
	{"literals", each(
		"CREATE VIEW v AS SELECT id, coalesce(birth, '2000-01-01') AS b, CASE WHEN phone = '0001' THEN name ELSE 'other' END AS k, CASE name WHEN 'Abebe' THEN 1 WHEN 'x' THEN 2 END AS w FROM people",
		"SELECT * FROM v ORDER BY id", "SELECT id FROM v WHERE k = 'other'",
		"CREATE VIEW u AS SELECT name FROM people UNION ALL SELECT 'third'", "SELECT count(*) FROM u WHERE name = 'third'",
		"CREATE VIEW d AS SELECT name FROM people UNION SELECT 'Abebe'", "SELECT count(*) FROM d WHERE name = 'Abebe'",
		"CREATE RECURSIVE VIEW r (id, name) AS SELECT id, name FROM people WHERE name = 'Abebe' UNION ALL SELECT p.id, p.name FROM people p JOIN r ON p.id = r.id + 1", "SELECT * FROM r ORDER BY id",
		"CREATE VIEW c AS WITH w AS (SELECT name AS n, id FROM people WHERE phone = '0002') SELECT w.n, t.name2 FROM w JOIN towns t USING (id)", "SELECT * FROM c WHERE n = 'Leteso'",
		"DROP VIEW v; DROP VIEW u; DROP VIEW d; DROP VIEW r; DROP VIEW c")},
	{"in a transaction", each(
		"BEGIN", "CREATE VIEW v AS SELECT name, id FROM people WHERE phone = '0001'", "SELECT * FROM v", "SELECT id FROM v WHERE name = 'Abebe'",
		"ALTER VIEW v RENAME TO w", "SELECT name FROM w", "SELECT name FROM v", "ROLLBACK", "SELECT * FROM w",
		"BEGIN; CREATE VIEW v AS SELECT name FROM people; COMMIT", "SELECT name FROM v WHERE name = 'Leteso'",
		"BEGIN", "CREATE OR REPLACE VIEW v AS SELECT name, birth FROM people WHERE name <> 'Leteso'", "SELECT * FROM v", "SAVEPOINT s", "DROP VIEW v", "SELECT * FROM v", "ROLLBACK TO s", "SELECT birth FROM v WHERE name = 'Abebe'",
		"ROLLBACK", "SELECT name FROM v WHERE name = 'Leteso'", "ALTER VIEW v RENAME COLUMN name TO who", "SELECT who FROM v WHERE who = 'Leteso'", "DROP VIEW v")},
	{"temporary views", each(
		"CREATE TEMP VIEW people AS SELECT name AS inner_name, id FROM public.people WHERE name = 'Abebe'", "SELECT * FROM people", "SELECT name FROM public.people ORDER BY id", "DROP VIEW people", "SELECT name FROM people ORDER BY id")},
	{"materialized views", each(
		"CREATE MATERIALIZED VIEW m AS SELECT city, count(DISTINCT name) AS n FROM people WHERE phone <> 'x' GROUP BY city", "SELECT n FROM m", "REFRESH MATERIALIZED VIEW m", "SELECT n FROM m", "DROP MATERIALIZED VIEW m")},
	{"pipelined", []scriptLine{
		{2, []string{"P - CREATE VIEW v AS SELECT name, birth FROM people WHERE name = 'Abebe'", "B - -", "E - 0", "P - SELECT * FROM v", "B - -", "D P -", "E - 0", "S", "Q SELECT birth FROM v"}},
		{1, []string{"P - DROP VIEW v", "B - -", "E - 0", "S"}},
	}},
}

func TestSession_viewsAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	s.pg.Exec(t, "twin", "GRANT CREATE ON SCHEMA public TO public")
	for _, sc := range viewScripts {
		t.Run(sc.name, func(t *testing.T) { bothAnswer(t, s, sc.lines) })
	}
}

// Nothing of a view's literals is in the server, and a view that was made
// there by other means is read as far as it computes nothing over what is sealed.
func TestSession_viewsHoldNoValueInClear(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	direct := s.direct()
	for _, sql := range []string{
		"CREATE VIEW v AS SELECT id, coalesce(name, '12345') AS n FROM people WHERE name = '12345' OR phone IN ('12345', '67890')",
		"INSERT INTO people (name) VALUES ('12345')",
	} {
		c.send("Q " + sql)
		if got := strings.Join(c.read(1), " "); strings.Contains(got, "E:") {
			t.Fatalf("%s = %s", sql, got)
		}
	}
	if def := simple(t, direct, "SELECT pg_get_viewdef('v'::regclass)"); !strings.Contains(def, "split_part") || strings.Contains(def, "12345") {
		t.Errorf("pg_get_viewdef = %s", def)
	}
	must(t, direct, "CREATE VIEW raw AS SELECT id FROM people WHERE name = 'Abebe'", "CREATE VIEW terms AS SELECT split_part(name::text, '.', 2) AS term FROM people",
		"CREATE VIEW plain AS SELECT id, name FROM people", "CREATE VIEW wrong AS SELECT id FROM people WHERE split_part(name::text, '.', 2) = split_part(phone::text, '.', 2)",
		"CREATE VIEW low AS SELECT min(name) AS name FROM people", "CREATE VIEW other AS SELECT id FROM people WHERE split_part(name::text, '.', 1) = 'pv1'",
		"CREATE VIEW short AS SELECT id FROM people WHERE split_part(name::text, '.', 2) = 'abc'")
	must(t, direct, "GRANT ALL ON ALL TABLES IN SCHEMA public TO public")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"SELECT n FROM v":            "T:n/1043/-1/-1 D:12345 C:SELECT 1 Z:I",
		"SELECT name FROM plain":     "T:name/1043/-1/-1 D:12345 C:SELECT 1 Z:I",
		"SELECT * FROM raw":          "E:0A000 Z:I",
		"SELECT * FROM terms":        "E:0A000 Z:I",
		"SELECT * FROM wrong":        "E:0A000 Z:I",
		"SELECT * FROM low":          "E:0A000 Z:I",
		"SELECT * FROM other":        "E:0A000 Z:I",
		"SELECT * FROM short":        "E:0A000 Z:I",
		"INSERT INTO raw VALUES (1)": "E:0A000 Z:I",
	} {
		c.send("Q " + sql)
		if got := strings.Join(c.read(1), " "); got != want {
			t.Errorf("%s = %s, want %s", sql, got, want)
		}
	}
	if strings.Contains(s.log(), "12345") {
		t.Error("the server's log holds a value in clear")
	}
}
