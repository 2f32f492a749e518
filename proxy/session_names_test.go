package proxy

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
)

// nameScripts are about statements and cursors that SQL names. Both sides must
// answer alike.
var nameScripts = []struct {
	name  string
	lines []scriptLine
}{
	{"prepare and execute", []scriptLine{
		{1, []string{"Q PREPARE p AS SELECT id, name, birth FROM people WHERE phone = $1"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q EXECUTE p('0002')"}},
		{1, []string{"Q EXECUTE P ( '0003' )"}},
		{1, []string{"Q EXECUTE p(NULL)"}},
		{1, []string{`Q PREPARE "P x" (date, int) AS SELECT name, income FROM people WHERE birth = $1 OR id = $2`}},
		{1, []string{`Q EXECUTE "P x"('1932-08-07', -1)`}},
		{1, []string{`Q EXECUTE "P x"('7.8.1932', 2)`}},
		{1, []string{"Q PREPARE w (text) AS UPDATE people SET name = $1 WHERE id = 1 RETURNING name"}},
		{1, []string{"Q EXECUTE w('Gidey')"}},
		{1, []string{"Q EXECUTE w('Abebe')"}},
		{1, []string{"Q PREPARE n AS SELECT count(*) FROM people"}},
		{1, []string{"Q EXECUTE n"}},
		{1, []string{"Q PREPARE plain AS SELECT name2 FROM towns WHERE id = $1"}},
		{1, []string{"Q EXECUTE plain(1)"}},
		{1, []string{"Q EXECUTE gone('0001')"}},
	}},
	{"a name lives until it is deallocated", []scriptLine{
		{1, []string{"Q BEGIN; PREPARE p AS SELECT name FROM people WHERE phone = $1; ROLLBACK"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q PREPARE p AS SELECT birth FROM people WHERE phone = $1"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q DEALLOCATE p"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q PREPARE p AS SELECT name2 FROM towns WHERE id = $1"}},
		{1, []string{"Q EXECUTE p(1)"}},
		{1, []string{"Q DEALLOCATE PREPARE p"}},
		{1, []string{"Q PREPARE p AS SELECT birth FROM people WHERE phone = $1"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q DEALLOCATE ALL"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q PREPARE p AS SELECT income FROM people WHERE phone = $1"}},
		{1, []string{"Q DISCARD ALL"}},
		{1, []string{"Q EXECUTE p('0001')"}},
	}},
	{"one message prepares and executes", []scriptLine{
		{1, []string{"Q PREPARE p AS SELECT name FROM people WHERE phone = $1; EXECUTE p('0001'); EXECUTE p('0002'); DEALLOCATE p"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q PREPARE p AS SELECT name2 FROM towns WHERE id = $1; EXECUTE p(1)"}},
		{1, []string{"Q DEALLOCATE p; PREPARE p AS SELECT birth FROM people WHERE phone = $1; EXECUTE p('0001')"}},
		{1, []string{"Q SELECT 1/0; DEALLOCATE p"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q PREPARE q AS SELECT 1; PREPARE p AS SELECT income FROM people WHERE id = $1; SELECT 1"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q EXECUTE q"}},
	}},
	{"SQL and protocol share names", []scriptLine{
		{1, []string{"P s SELECT name, birth FROM people WHERE phone = $1", "S"}},
		{1, []string{"Q EXECUTE s('0001')"}},
		{1, []string{"Q PREPARE s AS SELECT 1"}},
		{1, []string{"C S s", "S"}},
		{1, []string{"Q EXECUTE s('0001')"}},
		{1, []string{"P s SELECT name2 FROM towns WHERE id = $1", "S"}},
		{1, []string{"Q EXECUTE s('1')"}},
		{1, []string{"Q PREPARE p AS SELECT name FROM people"}},
		{1, []string{"P p SELECT name2 FROM towns", "S"}},
		{1, []string{"Q EXECUTE p"}},
		{1, []string{"C S p", "S"}},
		{1, []string{"Q EXECUTE p"}},
		{1, []string{"Q PREPARE p (date, int) AS SELECT name, birth, city FROM people WHERE birth = $1 OR id = $2"}},
		{1, []string{"D S p", "B - p 1932-08-07 2", "D P -", "E - 1", "E - 0", "S"}},
		{1, []string{"B - p 1932-08-07", "E - 0", "S"}},
		{1, []string{"Q PREPARE n AS SELECT name FROM people", "D S n", "B - n", "E - 0", "S"}},
		{1, []string{"S"}},
	}},
	{"names of all kinds", []scriptLine{
		{1, []string{"Q PREPARE U&\"\\0070\" AS SELECT name FROM people WHERE phone = $1"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q PREPARE \"ደ P\" AS SELECT birth FROM people WHERE phone = $1; EXECUTE \"ደ P\" ('0001')"}},
		{1, []string{"Q PREPARE " + strings.Repeat("n", 70) + " AS SELECT birth FROM people WHERE phone = $1"}},
		{1, []string{"Q EXECUTE " + strings.Repeat("N", 66) + "('0001')"}},
		{1, []string{"Q BEGIN; DECLARE transaction CURSOR FOR SELECT name FROM people ORDER BY id"}},
		{1, []string{"Q FETCH FORWARD 1 FROM U&\"transa\\0063tion\"; FETCH TRANSACTION"}},
		{1, []string{"Q DECLARE " + strings.Repeat("c", 70) + " CURSOR FOR SELECT name FROM people ORDER BY id"}},
		{1, []string{"Q FETCH /* FROM x */ " + strings.Repeat("c", 65) + " -- y"}},
		{1, []string{"Q COMMIT"}},
	}},
	{"failed transactions", []scriptLine{
		{1, []string{"Q PREPARE p AS SELECT name FROM people WHERE phone = $1"}},
		{1, []string{"Q BEGIN; DECLARE c CURSOR FOR SELECT name FROM people ORDER BY id"}},
		{1, []string{"Q SELECT 1/0"}},
		{1, []string{"Q EXECUTE p('0001')"}},
		{1, []string{"Q FETCH c"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q FETCH c"}},
		{1, []string{"Q EXECUTE p('0001')"}},
	}},
	{"pipelined", []scriptLine{
		{4, []string{"Q PREPARE p AS SELECT name FROM people WHERE phone = $1", "Q EXECUTE p('0001')", "Q DEALLOCATE p", "Q EXECUTE p('0001')"}},
		{3, []string{"P x PREPARE p AS SELECT birth FROM people WHERE phone = $1", "B - x", "E - 0", "S", "Q EXECUTE p('0001')", "Q DEALLOCATE p"}},
		{1, []string{"P - BEGIN", "B - -", "E - 0", "P - DECLARE c CURSOR FOR SELECT name, birth FROM people ORDER BY id", "B - -", "E - 0",
			"P - FETCH 1 FROM c", "B - -", "D P -", "E - 0", "P - FETCH 1 FROM c", "D S -", "B - -", "E - 0", "D P c", "S"}},
		{1, []string{"Q ROLLBACK"}},
	}},
	{"extended execute", []scriptLine{
		{1, []string{"P - PREPARE p AS SELECT name, birth FROM people WHERE phone = $1", "B - -", "D P -", "E - 0", "S"}},
		{1, []string{"P e EXECUTE p('0001')", "D S e", "B - e", "D P -", "E - 0", "S"}},
		{1, []string{"B - e", "E - 0", "S"}},
		{1, []string{"P - DEALLOCATE p", "B - -", "E - 0", "S"}},
		{1, []string{"Q SELECT 1"}},
	}},
	{"cursors", []scriptLine{
		{1, []string{"Q BEGIN"}},
		{1, []string{"Q DECLARE c CURSOR FOR SELECT id, name, birth, income FROM people ORDER BY id"}},
		{1, []string{"Q FETCH c"}},
		{1, []string{"Q FETCH FORWARD 5 FROM C"}},
		{1, []string{"Q FETCH BACKWARD 1 IN \"c\""}},
		{1, []string{"Q MOVE ABSOLUTE 0 FROM c"}},
		{1, []string{"Q FETCH ALL FROM c; MOVE -2 c; FETCH c"}},
		{1, []string{`Q DECLARE "Odd c" BINARY SCROLL CURSOR FOR SELECT name, birth FROM people WHERE phone = '0001'`}},
		{1, []string{`Q FETCH ALL FROM "Odd c"`}},
		{1, []string{"D P c", "S"}},
		{1, []string{"E c 1", "S"}},
		{1, []string{"Q MOVE ABSOLUTE 0 FROM c"}},
		{1, []string{"P f FETCH 1 FROM c", "D S f", "B x f", "D P x", "E x 0", "B y f", "E y 0", "S"}},
		{1, []string{"B z f", "E z 1", "E z 0", "S"}},
		{1, []string{"Q CLOSE c"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q FETCH c"}},
	}},
	{"a cursor's name is used again", []scriptLine{
		{1, []string{"Q BEGIN; DECLARE c CURSOR FOR SELECT name FROM people ORDER BY id; FETCH c; CLOSE c"}},
		{1, []string{"Q DECLARE c CURSOR FOR SELECT name2 FROM towns ORDER BY id; FETCH c"}},
		{1, []string{"Q CLOSE c; DECLARE c CURSOR FOR SELECT birth FROM people ORDER BY id; FETCH c; CLOSE ALL"}},
		{1, []string{"Q DECLARE c CURSOR FOR SELECT id, name2 FROM towns ORDER BY id"}},
		{1, []string{"Q FETCH ALL FROM c"}},
		{1, []string{"Q COMMIT"}},
		{1, []string{"Q BEGIN; SAVEPOINT a; DECLARE c CURSOR FOR SELECT name FROM people; ROLLBACK TO a"}},
		{1, []string{"Q DECLARE c CURSOR FOR SELECT id, name2 FROM towns ORDER BY id"}},
		{1, []string{"Q FETCH ALL FROM c; COMMIT"}},
	}},
	{"cursors with hold", []scriptLine{
		{1, []string{"Q DECLARE h CURSOR WITH HOLD FOR SELECT id, name, birth FROM people ORDER BY id"}},
		{1, []string{"Q FETCH 1 FROM h"}},
		{1, []string{"Q BEGIN"}},
		{1, []string{"Q FETCH 1 FROM h"}},
		{1, []string{"Q SELECT 1/0"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q MOVE ABSOLUTE 0 IN h; FETCH ALL FROM h"}},
		{1, []string{"Q CLOSE h"}},
		{1, []string{"Q FETCH 1 FROM h"}},
		{1, []string{"Q BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT name FROM people ORDER BY id"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q FETCH 1 FROM h"}},
		{1, []string{"Q DECLARE h CURSOR WITH HOLD FOR SELECT name2 FROM towns ORDER BY id"}},
		{1, []string{"Q FETCH 1 FROM h"}},
		{1, []string{"Q DISCARD ALL"}},
		{1, []string{"Q FETCH 1 FROM h"}},
	}},
	{"a cursor with parameters, as psycopg declares it", []scriptLine{
		{1, []string{"Q BEGIN"}},
		{1, []string{"P - DECLARE \"n\" CURSOR FOR SELECT name, phone FROM people WHERE phone = $1", "B - - 0001", "D P -", "E - 0", "S"}},
		{1, []string{"D P n", "S"}},
		{1, []string{"P - FETCH FORWARD 100 FROM \"n\"", "B - -", "D P -", "E - 0", "S"}},
		{1, []string{"Q CLOSE \"n\""}},
		{1, []string{"Q COMMIT"}},
	}},
	{"a portal of the protocol is fetched from", []scriptLine{
		{1, []string{"Q BEGIN"}},
		{1, []string{"P s SELECT name, birth FROM people WHERE phone = $1 OR id = $2 ORDER BY id", "B p s 0001 2", "S"}},
		{1, []string{"Q FETCH 1 FROM p"}},
		{1, []string{"Q FETCH ALL FROM p; COMMIT"}},
		{1, []string{"Q FETCH p"}},
	}},
}

func TestSession_namesInSQLAreAnsweredAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	for _, sc := range nameScripts {
		t.Run(sc.name, func(t *testing.T) { bothAnswer(t, s, sc.lines) })
	}
}

// bothAnswer sends a script through the proxy and to the twin.
func bothAnswer(t *testing.T, s *sealed, lines []scriptLine) {
	t.Helper()
	ours := dialScript(t, s.addr, "officer")
	theirs := dialScriptTo(t, s.pg.Addr(), "officer", "twin")
	for _, line := range lines {
		ours.send(line.frames...)
		theirs.send(line.frames...)
		want, got := theirs.readLine(line.syncs), ours.readLine(line.syncs)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: PostgreSQL -, through pgveil +:\n%s", line.frames, diff)
		}
	}
}

// What cannot be followed is refused, and its values stay here.
func TestSession_refusesUsesOfNamesThatItCannotFollow(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	for _, step := range []struct{ frames, want string }{
		{"Q PREPARE p AS SELECT name FROM people WHERE phone = $1", "C:PREPARE Z:I"},
		{"Q PREPARE bad AS SELECT lower(name) FROM people WHERE phone = $1", "E:0A000 Z:I"},
		{"Q EXECUTE bad('12345')", "E:26000 Z:I"},
		{"Q PREPARE unread AS SELECT 'x FROM people WHERE phone = $1", "E:42601 Z:I"},
		{"Q EXECUTE never('12345')", "E:26000 Z:I"},
		{"P - EXECUTE never('12345');S", "E:26000 Z:I"},
		{"Q EXECUTE p('12345', '12345')", "E:42601 Z:I"},
		{"Q EXECUTE p(format('%s', '12345'))", "E:0A000 Z:I"},
		{"Q EXPLAIN (COSTS OFF) EXECUTE p(format('%s', '12345'))", "E:0A000 Z:I"},
		{"Q EXPLAIN ANALYZE EXECUTE never('12345')", "E:26000 Z:I"},
		{"Q CREATE TEMP TABLE x AS EXECUTE never('12345')", "E:26000 Z:I"},
		{"Q PREPARE plain AS SELECT 1; EXECUTE plain", "C:PREPARE T:?column?/23/4/-1 D:1 C:SELECT 1 Z:I"},
		{"Q CREATE TEMP TABLE x AS EXECUTE plain", "C:SELECT 1 Z:I"},
		{"Q CREATE TRIGGER t BEFORE UPDATE ON x EXECUTE FUNCTION suppress_redundant_updates_trigger()", "C:CREATE TRIGGER Z:I"},
		{"Q CREATE TABLE x AS EXECUTE p('12345')", "E:0A000 Z:I"},
		{"Q DEALLOCATE p; PREPARE p AS SELECT name FROM people WHERE phone = $1; EXPLAIN EXECUTE p(format('%s', '12345'))", "C:DEALLOCATE C:PREPARE E:0A000 Z:I"},
		{"Q DO $$BEGIN EXECUTE 'PREPARE q AS SELECT name2 FROM towns'; END$$", "C:DO Z:I"},
		{"P m EXECUTE p('12345');S", "1 Z:I"},
		{"P d DECLARE d CURSOR WITH HOLD FOR SELECT name FROM people;S", "1 Z:I"},
		{"Q EXECUTE d", "E:0A000 Z:I"},
		{"Q DEALLOCATE p", "C:DEALLOCATE Z:I"},
		{"Q PREPARE p AS SELECT birth FROM people WHERE phone = $1", "C:PREPARE Z:I"},
		{"B - m;S", "E:0A000 Z:I"},
		{"Q FETCH SIDEWAYS FROM c", "E:42601 Z:I"},
		{"Q SELECT name2 FROM towns p ORDER BY id FETCH FIRST 1 ROWS ONLY", "T:name2/25/-1/-1 D:Harar C:SELECT 1 Z:I"},
	} {
		c.send(strings.Split(step.frames, ";S")[0])
		if strings.HasSuffix(step.frames, ";S") {
			c.send("S")
		}
		if got := strings.Join(c.read(1), " "); got != step.want {
			t.Errorf("%s = %s, want %s", step.frames, got, step.want)
		}
	}
	if strings.Contains(s.log(), "12345") {
		t.Error("the server's log holds an argument of EXECUTE")
	}
}

// Between the steps of the extended protocol a name may come to mean another thing.
func TestSession_boundFetchIsRefusedWhenItsCursorChanged(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	c.send("Q BEGIN; DECLARE c CURSOR FOR SELECT name FROM people", "P f FETCH c", "B x f", "S")
	c.read(2)
	c.send("Q CLOSE c; DECLARE c CURSOR FOR SELECT birth FROM people", "E x 0", "S")
	if got, want := strings.Join(c.read(2), " "), "C:CLOSE CURSOR C:DECLARE CURSOR Z:T E:0A000 Z:E"; got != want {
		t.Errorf("Execute of a FETCH whose cursor was closed = %s, want %s", got, want)
	}
}

// Rights are those of who executes; a plan that became another is refused.
func TestSession_roleChangesUnderPreparedNames(t *testing.T) {
	s := startSealed(t)
	must(t, s.as("officer"), "INSERT INTO people (name, phone) VALUES ('Abebe Bikila', '0001')")
	c := s.as("boss")
	must(t, c, "SET ROLE officer", "PREPARE p AS SELECT name FROM people WHERE phone = $1")
	check(t, c, "EXECUTE p('0001')", "Abebe Bikila")
	must(t, c, "BEGIN", "DECLARE c CURSOR FOR SELECT name FROM people", "SET LOCAL ROLE clerk")
	check(t, c, "EXECUTE p('0001')", "A. B.")
	check(t, c, "FETCH c", "Abebe Bikila")
	must(t, c, "ROLLBACK")
	check(t, c, "EXECUTE p('0001')", "Abebe Bikila")
	must(t, c, "SET search_path TO pg_catalog")
	check(t, c, "EXECUTE p('0001')", "error 0A000")
}

func TestSession_namesLeaveNoPlaintextAtTheServer(t *testing.T) {
	s := startSealed(t)
	var planter testkit.Planter
	name, phone, birth := planter.New(testkit.Name), planter.New(testkit.Digits), planter.New(testkit.Date)
	c := s.as("officer")
	must(t, c, "PREPARE i (varchar, text, date) AS INSERT INTO people (name, phone, birth) VALUES ($1, $2, $3)",
		"PREPARE u AS UPDATE people SET name = $1, birth = $3 WHERE phone = $2",
		"EXECUTE i('"+name+"', '"+phone+"', '"+birth+"')", "EXECUTE u('"+name+"', '"+phone+"', '"+birth+"')")
	for _, sql := range []string{
		"EXECUTE i('" + name + "', '" + phone + "', '" + birth + "')", // a duplicate
		"EXECUTE i('" + name + "')",
		"EXECUTE nobody('" + name + "')",
		"EXECUTE i('" + name + "' || '" + phone + "', '1', '" + birth + "')",
		"SELECT 1; EXECUTE u('" + name + "', '1', '" + birth + "'); SELECT nonsense",
		"DEALLOCATE u; EXECUTE u('" + name + "', '1', '" + birth + "')",
		"DECLARE c CURSOR WITH HOLD FOR SELECT name FROM people WHERE phone = '" + phone + "'",
		"FETCH c; EXPLAIN EXECUTE i('" + name + "', '" + phone + "', '" + birth + "')",
	} {
		_ = simple(t, c, sql)
	}
	for _, sql := range []string{"EXECUTE i('" + name + "', '1', '" + birth + "')", "EXECUTE i('" + name + "')"} {
		_, _ = c.Exec(t.Context(), sql, pgx.QueryExecModeExec)
	}
	check(t, s.as("officer"), "SELECT name, birth FROM people WHERE phone = '"+phone+"'", name+"|"+birth)
	testkit.NoLeaks(t, s.pg, &planter)
}

// namedCursors is what Odoo and its modules do with psycopg2, and what
// psycopg 3 does by itself.
const namedCursors = `
import sys, psycopg2
c = psycopg2.connect(sys.argv[1])
k = c.cursor("Named x")
k.itersize = 1
k.execute("SELECT id, name, birth, income FROM people WHERE phone = ANY(%s) ORDER BY id", (["0001", "0002"],))
print([r for r in k], [d[1] for d in k.description]); k.close()
k = c.cursor("back", scrollable=True)
k.execute("SELECT name FROM people ORDER BY id"); print(k.fetchmany(1)); k.scroll(-1); print(k.fetchall()); k.close()
k = c.cursor("kept", withhold=True)
k.execute("SELECT name, birth FROM people ORDER BY id"); print(k.fetchone()); c.commit(); print(k.fetchall()); k.close()
k = c.cursor()
k.execute("DECLARE h CURSOR WITH HOLD FOR SELECT name FROM people ORDER BY id"); c.commit()
k.execute("FETCH 1 FROM h"); print(k.fetchall()); c.commit()
k.execute("FETCH ALL FROM h"); print(k.fetchall()); k.execute("CLOSE h"); c.commit(); c.close()
try:
    import psycopg
except ImportError:
    sys.exit(0)
with psycopg.connect(sys.argv[1]) as c:
    for binary in False, True:
        with c.cursor("p3", binary=binary) as k:
            k.itersize = 1
            k.execute("SELECT id, name, birth, income FROM people WHERE phone = ANY(%s) ORDER BY id", (["0001", "0002"],))
            print([d.type_code for d in k.description], [r for r in k])
    c.execute("PREPARE p AS SELECT name, birth FROM people WHERE phone = $1")
    print(c.execute("EXECUTE p('0001')").fetchall())
`

func TestSession_namedCursorsOfPythonDrivers(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import psycopg2").Run(); err != nil {
		testkit.Unavailable(t, fmt.Errorf("psycopg2 for %s: %w", python, testkit.ErrMissing))
	}
	s := startSealed(t)
	startTwin(t, s)
	run := func(addr, database string) string {
		host, port, _ := strings.Cut(addr, ":")
		dsn := "host=" + host + " port=" + port + " user=officer dbname=" + database + " client_encoding=UTF8"
		out, err := exec.CommandContext(t.Context(), python, "-c", namedCursors, dsn).CombinedOutput()
		if err != nil {
			t.Errorf("on %s: %v\n%s", database, err, out)
		}
		return string(out)
	}
	want, got := run(s.pg.Addr(), "twin"), run(s.addr, listed)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("PostgreSQL -, through pgveil +:\n%s", diff)
	}
	if !strings.Contains(want, "Leteso") {
		t.Errorf("the script reads nothing: %s", want)
	}
}

// psql reads large results through a cursor when FETCH_COUNT is set.
func TestSession_psqlFetchCount(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	run := func(addr, database string) string {
		host, port, _ := strings.Cut(addr, ":")
		cmd := exec.CommandContext(t.Context(), "psql", "-X", "-h", host, "-p", port, "-U", "officer", "-d", database)
		cmd.Stdin = strings.NewReader("\\set FETCH_COUNT 1\nSELECT id, name, birth FROM people ORDER BY id;\n" +
			"PREPARE p AS SELECT name, birth FROM people WHERE phone = $1;\nEXECUTE p('0001');\n\\gdesc\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("on %s: %v\n%s", database, err, out)
		}
		return string(out)
	}
	want, got := run(s.pg.Addr(), "twin"), run(s.addr, listed)
	if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(want, "Abebe") {
		t.Errorf("PostgreSQL -, through pgveil +:\n%s", diff)
	}
}
