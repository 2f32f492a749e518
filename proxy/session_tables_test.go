package proxy

import (
	"strings"
	"testing"
)

// each makes a script of texts in the simple protocol, each a message.
func each(texts ...string) []scriptLine {
	lines := make([]scriptLine, len(texts))
	for i, sql := range texts {
		lines[i] = scriptLine{1, []string{"Q " + sql}}
	}
	return lines
}

// tableScripts are about temporary tables over what is protected. Both sides
// must answer alike.
var tableScripts = []struct {
	name  string
	lines []scriptLine
}{
	{"create as", each(
		"CREATE TEMP TABLE x AS SELECT id, name, phone, birth, income FROM people",
		"SELECT * FROM x ORDER BY id",
		"SELECT id FROM x WHERE name = 'Abebe'",
		"SELECT x.name, p.city FROM x JOIN people p ON p.phone = x.phone ORDER BY x.id",
		"INSERT INTO x (id, name, phone, birth) VALUES (7, 'Sara', '0007', '1999-09-09') RETURNING name, phone, birth",
		"UPDATE x SET name = 'Sara B', birth = '2000-01-02' WHERE phone = '0007' RETURNING *",
		"SELECT name, count(*) FROM x GROUP BY name ORDER BY count(*), min(id)",
		"INSERT INTO x SELECT id + 100, name, phone, birth, income FROM people",
		"DELETE FROM x WHERE name = 'Leteso' RETURNING id",
		"SELECT count(DISTINCT name) FROM x",
		"INSERT INTO x (name) VALUES ('too long for nothing')",
		"UPDATE x SET phone = '012345678901234567890'",
		"INSERT INTO x (birth) VALUES ('1999-02-30')",
		"DROP TABLE x", "SELECT * FROM x")},
	{"select into", each(
		"SELECT name AS n, city INTO TEMP x FROM people WHERE phone = '0001'",
		"SELECT n FROM x", "SELECT count(*) FROM x WHERE n = 'Abebe'",
		"SELECT name INTO TEMPORARY TABLE y FROM people UNION SELECT 'zz'",
		"SELECT name FROM y WHERE name = 'zz'",
		"WITH w AS (SELECT birth FROM people) SELECT birth INTO pg_temp.z FROM w",
		"SELECT birth FROM pg_temp.z WHERE birth = '7.8.1932'")},
	{"other forms", each(
		"CREATE TEMP TABLE x AS TABLE people", "SELECT name, phone, birth, income FROM x ORDER BY id",
		"CREATE TEMPORARY TABLE y (a, b) AS SELECT name, birth FROM people WITH NO DATA", "SELECT * FROM y",
		"INSERT INTO y SELECT name, birth FROM people WHERE phone = '0001'; SELECT a, b FROM y WHERE a = 'Abebe'",
		"CREATE TEMP TABLE IF NOT EXISTS y AS SELECT birth FROM people", "SELECT * FROM y",
		"CREATE TEMP TABLE IF NOT EXISTS z AS SELECT birth FROM people", "SELECT * FROM z ORDER BY birth IS NULL",
		"CREATE TEMP TABLE v AS VALUES (1, 'x')", "SELECT * FROM v",
		"CREATE TEMP TABLE c AS SELECT COALESCE(name, 'none') AS n, CASE WHEN phone = '0001' THEN name ELSE 'other' END AS k, name::text AS t, count(*) OVER () AS w FROM people",
		"SELECT n, k, t, w FROM c WHERE k = 'other'", "SELECT count(*) FROM c WHERE k = 'other'", "SELECT count(*) FROM c a JOIN c b ON a.n = b.t",
		"CREATE TEMP TABLE c AS SELECT 1 AS again FROM people", "SELECT n FROM c WHERE k <> 'other'",
		"CREATE TEMP TABLE g AS SELECT name, max(id) AS last FROM people GROUP BY name", "SELECT * FROM g ORDER BY last",
		"CREATE TEMP TABLE d AS SELECT DISTINCT name, city FROM people", "SELECT count(*) FROM d WHERE name IN ('Abebe', 'Leteso')")},
	{"like", each(
		"CREATE TEMP TABLE x (n int, LIKE people INCLUDING DEFAULTS, m text)",
		"INSERT INTO x (n, name, birth, income) VALUES (1, 'Hagos', '1999-01-31', 12.345)", "SELECT name, birth, income, m FROM x",
		"INSERT INTO x (name, phone) SELECT name, phone FROM people", "SELECT n, m FROM x WHERE name = 'Abebe'")},
	{"transactions", each(
		"BEGIN", "CREATE TEMP TABLE x ON COMMIT DROP AS SELECT name FROM people", "SELECT name FROM x ORDER BY name = 'Abebe'",
		"SAVEPOINT a", "ALTER TABLE x RENAME TO y", "SELECT count(*) FROM y WHERE name = 'Abebe'", "SELECT * FROM x",
		"ROLLBACK TO a", "SELECT count(*) FROM x WHERE name = 'Abebe'", "DROP TABLE x", "CREATE TEMP TABLE x (name int)",
		"INSERT INTO x VALUES (7)", "SELECT name FROM x", "ROLLBACK TO a", "SELECT count(*) FROM x WHERE name = 'Leteso'", "COMMIT",
		"SELECT name FROM x", "CREATE TEMP TABLE x ON COMMIT DROP AS SELECT name FROM people", "SELECT name FROM x",
		"BEGIN; CREATE TEMP TABLE x AS SELECT name FROM people; ROLLBACK", "SELECT name FROM x",
		"BEGIN; CREATE TEMP TABLE x AS SELECT name, id FROM people; COMMIT", "SELECT name FROM x ORDER BY id",
		"BEGIN", "DROP TABLE x", "ROLLBACK", "SELECT name FROM x ORDER BY id",
		"CREATE TEMP TABLE k ON COMMIT DELETE ROWS AS SELECT name FROM people", "SELECT * FROM k")},
	{"definitions", each(
		"CREATE TEMP TABLE x AS SELECT id, name, birth FROM people",
		"ALTER TABLE x RENAME COLUMN name TO who", "SELECT who FROM x WHERE who = 'Abebe'",
		"ALTER TABLE x ADD COLUMN extra text DEFAULT 'e'", "SELECT * FROM x ORDER BY id",
		"ALTER TABLE x DROP COLUMN id", "SELECT * FROM x WHERE who = 'Leteso'",
		"CREATE INDEX ON x (who); CREATE UNIQUE INDEX xu ON x (birth, who)", "INSERT INTO x (who, birth) VALUES ('Abebe', '1932-08-07')",
		"INSERT INTO x (who, birth, extra) VALUES ('Abebe', '1932-08-07', 'new') ON CONFLICT (birth, who) DO UPDATE SET extra = EXCLUDED.extra RETURNING *",
		"ANALYZE x", "TRUNCATE x", "SELECT count(*) FROM x", "DROP TABLE IF EXISTS x, nothing")},
	{"a table that hides a protected one", each(
		"CREATE TEMP TABLE people (id int, name text)", "INSERT INTO people VALUES (1, 'plain')", "SELECT * FROM people",
		"SELECT name FROM people WHERE name LIKE 'pl%'", "SELECT name FROM public.people ORDER BY id", "SELECT p.name, q.name FROM people p, public.people q ORDER BY q.id",
		"UPDATE people SET name = upper(name) RETURNING *", "DROP TABLE people", "SELECT name, birth FROM people ORDER BY id",
		"CREATE TEMP TABLE people AS SELECT name AS secret, id FROM people", "SELECT * FROM people ORDER BY id", "SELECT secret FROM pg_temp.people WHERE secret = 'Abebe'",
		"BEGIN; DROP TABLE pg_temp.people", "SELECT name FROM people WHERE phone = '0002'", "ROLLBACK", "SELECT secret FROM people WHERE secret = 'Abebe'",
		"SET search_path = public, pg_temp", "SELECT name FROM people ORDER BY id", "RESET search_path", "SELECT secret FROM people ORDER BY id",
		"DISCARD TEMP", "SELECT phone FROM people ORDER BY id",
		"CREATE TEMP TABLE people (id int)", "DISCARD ALL", "SELECT phone FROM people ORDER BY id")},
	{"views over a temporary table", each(
		"CREATE TEMP TABLE x AS SELECT id, name FROM people", "CREATE TEMP VIEW v AS SELECT name AS n, id FROM x", "SELECT n FROM v ORDER BY id",
		"SELECT id FROM v WHERE n = 'Leteso'", "CREATE VIEW w AS SELECT n FROM v WHERE id = 1", "SELECT * FROM w", "DROP VIEW w", "DROP TABLE x CASCADE", "SELECT * FROM v")},
	{"pipelines", []scriptLine{
		{1, []string{"P - CREATE TEMP TABLE x AS SELECT id, name, birth FROM people WHERE phone = $1", "B - - 0001", "E - 0",
			"P - SELECT name, birth FROM x", "B - -", "D P -", "E - 0", "P - INSERT INTO x (name) VALUES ($1) RETURNING name", "B - - Kebede", "E - 0", "S"}},
		{2, []string{"P s SELECT count(*) FROM x WHERE name = $1", "B - s Kebede", "E - 0", "S", "P - DROP TABLE x", "B - -", "E - 0", "S"}},
		{3, []string{"P - CREATE TEMP TABLE x AS SELECT name, phone FROM people", "B - -", "E - 0", "S", "P - SELECT phone FROM x WHERE name = 'Abebe'", "B - -", "E - 0", "S", "Q SELECT count(*) FROM x"}},
		{1, []string{"P - SELECT 1/0", "B - -", "E - 0", "P - DROP TABLE x", "B - -", "E - 0", "S"}},
		{1, []string{"Q SELECT name FROM x WHERE phone = '0002'"}},
		{2, []string{"Q BEGIN", "P - CREATE TEMP TABLE y AS SELECT name FROM people", "B - -", "E - 0", "P - SELECT 1/0", "B - -", "E - 0", "S"}},
		{2, []string{"Q ROLLBACK", "Q SELECT * FROM y"}},
	}},
	{"prepared over a table that changes", []scriptLine{
		{1, []string{"Q CREATE TEMP TABLE x (name text, n int); INSERT INTO x VALUES ('plain', 1)"}},
		{1, []string{"P s SELECT name FROM x", "B - s", "E - 0", "S"}},
		{1, []string{"Q DROP TABLE x"}},
		{1, []string{"B - s", "E - 0", "S"}},
	}},
	{"as execute", each(
		"PREPARE p AS SELECT id, name, birth FROM people WHERE phone = $1", "CREATE TEMP TABLE x AS EXECUTE p('0001')", "SELECT * FROM x", "SELECT id FROM x WHERE name = 'Abebe'",
		"CREATE TEMP TABLE y (a, b) AS EXECUTE p('0002') WITH NO DATA", "SELECT * FROM y", "PREPARE q AS SELECT name FROM people ORDER BY id",
		"CREATE TEMP TABLE z AS EXECUTE q", "SELECT name FROM z WHERE name = 'Leteso'", "PREPARE plain AS SELECT 1 AS one", "CREATE TEMP TABLE e AS EXECUTE plain", "SELECT * FROM e",
		"PREPARE r AS SELECT birth FROM people WHERE name = $1; CREATE TEMP TABLE f AS EXECUTE r('Abebe')", "SELECT * FROM f")},
	{"as execute in the extended protocol", []scriptLine{
		{1, []string{"Q PREPARE p AS SELECT id, name, birth FROM people WHERE phone = $1"}},
		{1, []string{"P - CREATE TEMP TABLE x AS EXECUTE p('0001')", "B - -", "E - 0", "P - SELECT * FROM x WHERE name = $1", "B - - Abebe", "E - 0", "S"}},
		{1, []string{"P c CREATE TEMP TABLE y AS EXECUTE p('0002')", "S"}},
		{1, []string{"D S c", "B - c", "E - 0", "S"}},
		{1, []string{"Q SELECT name FROM y"}},
	}},
	{"copy", []scriptLine{
		{1, []string{"Q CREATE TEMP TABLE x AS SELECT id, name, birth FROM people"}},
		{1, []string{"Q COPY x TO STDOUT"}},
		{0, []string{"Q COPY x (name, birth) FROM STDIN"}},
		{1, []string{"d Mulu\t2001-02-03\n", "c"}},
		{1, []string{"Q SELECT name, birth FROM x WHERE name = 'Mulu'"}},
	}},
}

func TestSession_temporaryTablesAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	for _, sc := range tableScripts {
		t.Run(sc.name, func(t *testing.T) { bothAnswer(t, s, sc.lines) })
	}
}

// What would be a copy without protection, or is not known yet, is refused.
func TestSession_refusesCopiesThatThePolicyDoesNotKnow(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	for _, step := range []struct{ sql, want string }{
		{"CREATE TABLE x AS SELECT name FROM people", "E:0A000 Z:I"},
		{"SELECT name INTO x FROM people", "E:0A000 Z:I"},
		{"CREATE UNLOGGED TABLE x AS SELECT name FROM people", "E:0A000 Z:I"},
		{"CREATE MATERIALIZED VIEW x AS SELECT name FROM people", "E:0A000 Z:I"},
		{"CREATE TABLE x AS SELECT city, count(*) FROM people WHERE name = '12345' GROUP BY city", "C:SELECT 0 Z:I"},
		{"CREATE TEMP TABLE t (name text); INSERT INTO t SELECT name FROM people", "C:CREATE TABLE E:0A000 Z:I"},
		{"CREATE TEMP TABLE t (name text)", "C:CREATE TABLE Z:I"},
		{"INSERT INTO t SELECT name FROM people", "E:0A000 Z:I"},
		{"CREATE TEMP TABLE u AS SELECT name FROM people; SELECT * FROM u", "C:SELECT 0 E:0A000 Z:I"},
		{"CREATE TEMP TABLE people (name text); INSERT INTO people VALUES ('12345')", "C:CREATE TABLE E:0A000 Z:I"},
		{"CREATE TEMP TABLE u AS SELECT name FROM people", "C:SELECT 0 Z:I"},
		{"INSERT INTO u VALUES ('12345'); INSERT INTO t SELECT * FROM u", "C:INSERT 0 1 E:0A000 Z:I"},
		{"BEGIN; ALTER TABLE u RENAME TO v", "C:BEGIN C:ALTER TABLE Z:T"},
		{"INSERT INTO v VALUES ('12345')", "C:INSERT 0 1 Z:T"},
		{"ROLLBACK; INSERT INTO u VALUES ('12345')", "C:ROLLBACK E:0A000 Z:I"},
		{"CREATE INDEX ON u (lower(name))", "E:0A000 Z:I"},
		{"ALTER TABLE u ALTER name TYPE varchar(3)", "E:0A000 Z:I"},
		{"CREATE TABLE stays AS TABLE u", "E:0A000 Z:I"},
		{"CREATE TEMP TABLE r (p people)", "E:0A000 Z:I"},
		{"CREATE TEMP TABLE i () INHERITS (people)", "E:0A000 Z:I"},
		{"CREATE TEMP TABLE b AS SELECT array_agg(name) AS names FROM people", "E:0A000 Z:I"},
		{"DO $$BEGIN EXECUTE 'ALTER TABLE ' || chr(117) || ' RENAME TO v'; END$$", "C:DO Z:I"},
		{"INSERT INTO v VALUES ('12345')", "C:INSERT 0 1 Z:I"},
		{"SELECT count(*) FROM v WHERE name = '12345'", "T:count/20/8/-1 D:1 C:SELECT 1 Z:I"},
	} {
		c.send("Q " + step.sql)
		if got := strings.Join(c.read(1), " "); got != step.want {
			t.Errorf("%s = %s, want %s", step.sql, got, step.want)
		}
	}
	if strings.Contains(s.log(), "12345") {
		t.Error("the server's log holds a value that was meant for a protected column")
	}
}

// A pipeline is one transaction: what it changed before an error changes back.
func TestSession_roleOfAPipelineThatFailed(t *testing.T) {
	s := startSealed(t)
	must(t, s.as("officer"), "INSERT INTO people (name, city) VALUES ('Abebe', 'x')")
	c := dialScript(t, s.addr, "boss")
	c.send("P - SET ROLE officer", "B - -", "E - 0", "P - SELECT name FROM people", "B - -", "E - 0", "P - SELECT 1/0", "B - -", "E - 0", "S")
	if got := strings.Join(c.read(1), " "); !strings.Contains(got, "D:Abebe") {
		t.Errorf("the pipeline = %s, want the name in clear", got)
	}
	c.send("Q SELECT current_user, name FROM people")
	if got := strings.Join(c.read(1), " "); !strings.Contains(got, "boss|A.") {
		t.Errorf("after the pipeline has failed: %s, want the mask that boss reads", got)
	}
}
