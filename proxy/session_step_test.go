package proxy

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// stepSchema is what the tests of steps read from.
const stepSchema = `
CREATE TABLE import (id int PRIMARY KEY, who varchar(30), born date, tel text, pay float8);
INSERT INTO import VALUES (1, 'Almaz', '1990-02-03', '+251-1', 10.456), (2, NULL, NULL, '+251-2', NULL), (3, '', '2001-12-31', '+251-3', 7);
GRANT ALL ON import TO public`

// startSteps starts a sealed database and its twin with a table to read from.
func startSteps(t *testing.T) *sealed {
	t.Helper()
	s := startSealed(t)
	startTwin(t, s)
	for _, name := range []string{listed, "twin"} {
		s.pg.Exec(t, name, stepSchema)
	}
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// stepScripts are statements with steps in every place of the protocol. What
// comes back is what PostgreSQL says to the same frames.
var stepScripts = []namedScript{
	{"simple", []scriptLine{
		{1, []string{"Q INSERT INTO people (id, name, birth) SELECT id + 10, who, born FROM import ORDER BY id DESC RETURNING id, name, birth"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT id + 10, who FROM import"}},
		{1, []string{"Q SELECT id, name FROM people ORDER BY id"}},
		{1, []string{"Q UPDATE people SET name = tel FROM import i WHERE i.id + 10 = people.id"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT 30, who FROM import WHERE id > 5"}},
		{1, []string{"Q INSERT INTO people (id, name) VALUES (31, current_user)"}},
		{1, []string{"Q SELECT id, name FROM people ORDER BY id; DELETE FROM people WHERE id >= 10"}},
	}},
	{"what is wrong is found before anything runs", []scriptLine{
		{1, []string{"Q INSERT INTO people (id, income) SELECT 70, id/(id - id) FROM import RETURNING row_number() OVER ()"}},
		{1, []string{"Q INSERT INTO people (city, id, income) SELECT id, born, id/(id - id) FROM import"}},
		{1, []string{"P - INSERT INTO people (city, id, income) SELECT id, born, id/(id - id) FROM import", "B - -", "E - 0", "S"}},
		{1, []string{"Q INSERT INTO people (id, phone) SELECT 70, repeat(tel, 9) FROM import RETURNING max(id)"}},
		{1, []string{"Q BEGIN; INSERT INTO people (id, name) SELECT 70, tel FROM import RETURNING nosuch; COMMIT"}},
		{1, []string{"Q ROLLBACK"}},
	}},
	{"a message is one transaction", []scriptLine{
		{1, []string{"Q INSERT INTO towns VALUES (50, 'x'); INSERT INTO people (id, name) SELECT id, name2 FROM towns WHERE id = 50; SELECT name FROM people WHERE id = 50; SELECT 1/0"}},
		{1, []string{"Q SELECT count(*) FROM towns WHERE id = 50"}},
		{1, []string{"Q INSERT INTO towns VALUES (51, 'y'); INSERT INTO people (id, name) SELECT id, name2 FROM towns WHERE id = 51; UPDATE people SET city = 'z' WHERE id = 51"}},
		{1, []string{"Q SELECT name, city FROM people WHERE id = 51"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT 52, id/(id - id) FROM towns WHERE id = 51; SELECT 1"}},
		{1, []string{"Q INSERT INTO towns VALUES (53, 'y'); INSERT INTO people (id, income) SELECT id, id/(id - id) FROM towns WHERE id = 53; SELECT 2"}},
		{1, []string{"Q SELECT count(*) FROM towns WHERE id = 53"}},
		{1, []string{"Q DELETE FROM towns WHERE id > 2; DELETE FROM people WHERE id > 10;"}},
	}},
	{"a message that begins and ends a transaction", []scriptLine{
		{1, []string{"Q BEGIN; INSERT INTO people (id, name) SELECT id + 60, who FROM import; COMMIT"}},
		{1, []string{"Q SELECT count(*) FROM people WHERE id > 60; BEGIN; UPDATE people SET name = city, city = 'q' WHERE id > 60; SELECT 1"}},
		{1, []string{"Q UPDATE people SET city = 'r' WHERE id > 60; ROLLBACK; SELECT count(*) FROM people WHERE city = 'r'"}},
		{1, []string{"Q BEGIN; INSERT INTO people (id, income) SELECT 70, id/(id - id) FROM import; COMMIT"}},
		{1, []string{"Q SELECT 1"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT id + 70, who FROM import"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q DELETE FROM people WHERE id > 10"}},
	}},
	{"errors in a transaction", []scriptLine{
		{1, []string{"Q BEGIN"}},
		{1, []string{"Q SAVEPOINT a"}},
		{1, []string{"Q INSERT INTO people (id, income) SELECT 70, id/(id - id) FROM import"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT id + 70, who FROM import"}},
		{1, []string{"Q ROLLBACK TO a"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT id + 70, nosuch FROM import"}},
		{1, []string{"Q ROLLBACK TO a"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT id + 70, who FROM import"}},
		{1, []string{"Q COMMIT"}},
		{1, []string{"Q SELECT id, name FROM people WHERE id > 10 ORDER BY id"}},
		{1, []string{"Q DELETE FROM people WHERE id > 10"}},
	}},
	{"read only", []scriptLine{
		{1, []string{"Q BEGIN READ ONLY"}},
		{1, []string{"Q INSERT INTO people (id, name) SELECT id + 70, who FROM import"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q BEGIN READ ONLY; UPDATE people SET name = city"}},
		{1, []string{"Q ROLLBACK"}},
	}},
	{"extended", []scriptLine{
		{1, []string{"P - INSERT INTO people (id, name, phone, city) SELECT id + $1, who, $2, $3 FROM import WHERE id = $4 RETURNING id, name", "D S -", "B - - 80 0080 x 1", "D P -", "E - 0", "S"}},
		{1, []string{"P s INSERT INTO people (id, name, phone) SELECT $1, who, $2 FROM import WHERE id = $1 - 90", "D S s", "S"}},
		{1, []string{"B - s 91 0091", "E - 0", "S"}},
		{1, []string{"B - s 92 0092", "D P -", "E - 0", "B - s 93 0093", "E - 0", "S"}},
		{1, []string{"B - s 93 0093", "E - 0", "S"}},
		{1, []string{"B - s 94 0094", "E - 0", "S"}},
		{1, []string{"B - s x 0095", "E - 0", "S"}},
		{1, []string{"B - s 95", "E - 0", "S"}},
		{1, []string{"P u UPDATE people SET name = upper(i.who), city = $2 FROM import i WHERE i.id = people.id - $1 RETURNING people.id, name, city", "D S u", "B - u 90 c", "D P -", "E - 0", "S"}},
		{1, []string{"P - INSERT INTO people (id, name) VALUES ($1, (SELECT who FROM import WHERE id = $2)), ($3, $4)", "D S -", "B - - 96 1 97 sealed", "E - 0", "S"}},
		{1, []string{"P - SELECT id, name, phone, city FROM people ORDER BY id", "B - -", "E - 0", "S"}},
		{1, []string{"Q DELETE FROM people WHERE id > 10"}},
	}},
	{"errors in a pipeline", []scriptLine{
		{2, []string{"P - INSERT INTO towns VALUES (60, 'x')", "B - -", "E - 0",
			"P - INSERT INTO people (id, income) SELECT id, id/(id - id) FROM towns WHERE id = 60", "B - -", "E - 0",
			"P - SELECT 1", "B - -", "E - 0", "S", "Q SELECT count(*) FROM towns"}},
		{1, []string{"P - INSERT INTO people (id, name) SELECT id, nosuch FROM towns", "D S -", "B - -", "E - 0", "P - SELECT 1", "S"}},
		{1, []string{"P - INSERT INTO people (id, name) SELECT id, name2 FROM nosuch", "B - -", "E - 0", "S"}},
		{1, []string{"P - INSERT INTO towns VALUES (61, 'seen')", "B - -", "E - 0",
			"P - INSERT INTO people (id, name) SELECT id, name2 FROM towns WHERE id = 61 RETURNING name", "B - -", "E - 0", "S"}},
		{1, []string{"Q DELETE FROM people WHERE id > 10; DELETE FROM towns WHERE id > 2"}},
	}},
	{"row limits", []scriptLine{
		{1, []string{"P r INSERT INTO people (id, name) SELECT id + 100, who FROM import ORDER BY id RETURNING id, name", "B p r", "E p 1", "E p 1", "E p 5", "E p 0", "S"}},
		{1, []string{"Q SELECT count(*) FROM people WHERE id > 100"}},
		{1, []string{"Q BEGIN"}},
		{1, []string{"P - UPDATE people SET name = city WHERE id > 100 RETURNING id", "B q -", "E q 2", "S"}},
		{1, []string{"E q 2", "C P q", "E q 1", "S"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q DELETE FROM people WHERE id > 10"}},
	}},
	{"a portal is run when it is executed", []scriptLine{
		{1, []string{"Q BEGIN"}},
		{1, []string{"P s INSERT INTO people (id, name) SELECT id, name2 FROM towns WHERE id > 60 RETURNING id, name", "B a s", "D P a", "S"}},
		{1, []string{"Q INSERT INTO towns VALUES (71, 'late')"}},
		{1, []string{"E a 0", "S"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"E a 0", "S"}},
		{1, []string{"Q BEGIN; SAVEPOINT v"}},
		{1, []string{"B b s", "S"}},
		{1, []string{"Q ROLLBACK TO v"}},
		{1, []string{"E b 0", "S"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"B c s", "C P c", "E c 0", "S"}},
	}},
	{"a closed statement", []scriptLine{
		{1, []string{"P s INSERT INTO people (id, name) SELECT id + 100, who FROM import", "C S s", "B - s", "E - 0", "S"}},
		{1, []string{"Q SELECT count(*) FROM people"}},
	}},
}

func TestStep_scriptsAnswerAsPostgreSQLDoes(t *testing.T) {
	runScripts(t, startSteps(t), stepScripts)
}

// The modes of a driver send parameters in text and in binary, described and
// not, prepared and not.
func TestStep_driverModes(t *testing.T) {
	s := startSteps(t)
	for i, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			c := s.as("officer")
			c.Config().DefaultQueryExecMode = mode
			for round := range 3 {
				id, phone := 1000*(i+1)+10*round, strings.Repeat("7", i+1)+strings.Repeat("8", round+1)
				insert := "INSERT INTO people (id, name, birth, income, phone, city) SELECT id + $1::int, who, born, pay, $2::text, $3::text FROM import WHERE id = $4::int RETURNING name, birth, income::text"
				if mode == pgx.QueryExecModeSimpleProtocol {
					insert = strings.ReplaceAll(insert, "$2::text", "$2")
				}
				insert = strings.Replace(insert, "income::text", "income", 1)
				insert = strings.Replace(insert, "$2::text", "$2", 1)
				var name string
				var birth time.Time
				var income float64
				if err := c.QueryRow(t.Context(), insert, id, phone, "town", 1).Scan(&name, &birth, &income); err != nil {
					t.Fatal(err)
				}
				if name != "Almaz" || birth.Format(time.DateOnly) != "1990-02-03" || income != 10.46 {
					t.Errorf("inserted %q, %v, %v", name, birth, income)
				}
				tag, err := c.Exec(t.Context(), "UPDATE people SET name = city WHERE phone = $1", phone)
				if err != nil || tag.RowsAffected() != 1 {
					t.Fatalf("UPDATE = %v, %v", tag, err)
				}
			}
		})
	}
	check(t, s.as("officer"), "SELECT count(*), min(city) FROM people WHERE name = 'town'", "15|town")
}

// A batch of a driver is one pipeline, and statements behind a step see it.
func TestStep_batch(t *testing.T) {
	s := startSteps(t)
	c := s.as("officer")
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO people (id, name) SELECT id + 200, who FROM import")
	batch.Queue("SELECT count(*) FROM people WHERE name = $1", "Almaz")
	batch.Queue("UPDATE people SET name = lower(i.who) FROM import i WHERE people.id = i.id + $1", 200)
	batch.Queue("SELECT name FROM people WHERE id = 201")
	results := c.SendBatch(t.Context(), batch)
	defer func() { _ = results.Close() }()
	if tag, err := results.Exec(); err != nil || tag.RowsAffected() != 3 {
		t.Fatalf("INSERT = %v, %v", tag, err)
	}
	var n int
	if err := results.QueryRow().Scan(&n); err != nil || n != 1 {
		t.Fatalf("count = %d, %v", n, err)
	}
	if tag, err := results.Exec(); err != nil || tag.RowsAffected() != 3 {
		t.Fatalf("UPDATE = %v, %v", tag, err)
	}
	var name string
	if err := results.QueryRow().Scan(&name); err != nil || name != "almaz" {
		t.Fatalf("name = %q, %v", name, err)
	}
}

// What a step may not do is the statement's own error, and writes nothing.
func TestStep_boundsAndRights(t *testing.T) {
	s := startSteps(t)
	s.pg.Exec(t, listed, "REVOKE ALL ON import FROM public; GRANT SELECT ON import TO officer; CREATE TABLE moved (id int, name text); GRANT ALL ON moved TO public; INSERT INTO moved VALUES (1, 'm')")
	c, clerk := s.as("officer"), s.as("clerk")
	tooMany := "WITH gone AS (DELETE FROM moved RETURNING id) INSERT INTO people (name) SELECT i.who FROM gone, generate_series(1, 20001), import i"
	for _, sql := range []string{tooMany, "BEGIN; " + tooMany} {
		check(t, c, sql, "error 54000")
		check(t, c, "ROLLBACK", "")
		check(t, c, "SELECT count(*) FROM moved", "1")
	}
	if err := runExtended(t, c, tooMany); err != "54000" {
		t.Errorf("too many rows in the extended protocol = %s, want 54000", err)
	}
	check(t, c, "SELECT count(*) FROM moved; SELECT count(*) FROM people", "1/2")

	check(t, c, "INSERT INTO people (name) SELECT repeat('x', 4 * 1024 * 1024) FROM generate_series(1, 20)", "error 0A000")
	big := "INSERT INTO people (name) SELECT repeat(who, 4 * 1024 * 1024) FROM import, generate_series(1, 20) WHERE import.id = 1"
	check(t, c, big, "error 54000")

	check(t, clerk, "INSERT INTO people (name) SELECT who FROM import", "error 42501")
	check(t, clerk, "INSERT INTO people (name) SELECT name FROM moved", "")
	check(t, s.as("stranger"), "INSERT INTO people (name) SELECT name FROM moved", "error 42501")
	check(t, c, "PREPARE p AS INSERT INTO people (name) SELECT who FROM import", "error 0A000")
	check(t, c, "SELECT 1; INSERT INTO people (id, name) SELECT id + 300, who FROM import; COPY towns TO STDOUT", "error 0A000")
	check(t, c, "SET search_path TO public; INSERT INTO people (id, name) SELECT id + 300, who FROM import", "error 0A000")
	check(t, c, "SELECT count(*) FROM people", "3")

	// Reading where a row is asks policies that an UPDATE would not ask.
	s.pg.Exec(t, listed, "ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON people FOR UPDATE USING (true); CREATE POLICY q ON people FOR SELECT USING (id = 1)")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, c, "UPDATE people SET name = current_user", "error 0A000")
	check(t, s.direct(), "SELECT count(DISTINCT name) FROM people", "3")
}

func runExtended(t *testing.T, c *pgx.Conn, sql string) string {
	t.Helper()
	_, err := c.Exec(t.Context(), sql)
	return sqlState(t, err)
}

// A portal whose statement is gone cannot be bound again.
func TestStep_portalOutlivesItsStatement(t *testing.T) {
	s := startSteps(t)
	c := dialScript(t, s.addr, "officer")
	c.send("P - INSERT INTO people (id, name) SELECT id + 100, who FROM import", "B p -", "P - SELECT 1", "E p 0", "S")
	if diff := cmp.Diff([]string{"1", "2", "1", "E:0A000", "Z:I"}, c.read(1)); diff != "" {
		t.Error(diff)
	}
	check(t, s.as("officer"), "SELECT count(*) FROM people", "2")
}

// A statement that SQL executes by name cannot have steps.
func TestStep_notByEXECUTE(t *testing.T) {
	s := startSteps(t)
	c := s.as("officer")
	if _, err := c.Prepare(t.Context(), "st", "INSERT INTO people (id, name) SELECT id + 300, who FROM import"); err != nil {
		t.Fatal(err)
	}
	check(t, c, "EXECUTE st", "error 0A000")
	if _, err := c.Exec(t.Context(), "st"); err != nil {
		t.Fatal(err)
	}
	check(t, c, "SELECT count(*) FROM people WHERE id > 300", "3")
}

// A step can be cancelled, and has a timeout, as the statement would.
func TestStep_cancelAndTimeout(t *testing.T) {
	s := startSteps(t)
	c := s.as("officer")
	const slow = "INSERT INTO people (id, city, name) SELECT 400, pg_sleep(60)::text, who FROM import"
	for _, sql := range []string{slow, "BEGIN; " + slow} {
		done := make(chan string, 1)
		go func() { done <- simple(t, c, sql) }()
		s.waitFor("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "1")
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		if err := c.PgConn().CancelRequest(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if got := <-done; got != "error 57014" {
			t.Errorf("%s, cancelled = %s, want error 57014", sql, got)
		}
	}
	if got := s.status(c); got != "E" {
		t.Errorf("after a cancelled step the transaction is %s, want E", got)
	}
	check(t, c, "SELECT name FROM people", "error 25P02")
	must(t, c, "ROLLBACK", "SET statement_timeout TO 100")
	check(t, c, slow, "error 57014")
	if err := runExtended(t, c, slow); err != "57014" {
		t.Errorf("a slow step in the extended protocol = %s, want 57014", err)
	}
	must(t, c, "RESET statement_timeout")
	check(t, c, "SELECT count(*) FROM people", "2")
}

// An UPDATE waits for who is changing its rows, and looks at them again.
func TestStep_looksAtRowsAgain(t *testing.T) {
	s := startSteps(t)
	a, b := s.as("officer"), s.as("officer")
	must(t, a, "UPDATE people SET city = 'old'", "BEGIN", "UPDATE people SET city = 'new' WHERE id = 1", "DELETE FROM people WHERE id = 2")
	done := make(chan string, 1)
	go func() {
		done <- simple(t, b, "UPDATE people SET name = city WHERE city IS NOT NULL RETURNING id, name, city")
	}()
	s.waitFor("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1")
	must(t, a, "COMMIT")
	if got := <-done; got != "1|new|new" {
		t.Errorf("an UPDATE that waited = %s, want the new row", got)
	}

	must(t, a, "BEGIN", "UPDATE people SET city = NULL WHERE id = 1")
	go func() {
		done <- simple(t, b, "UPDATE people SET name = upper(city) WHERE city IS NOT NULL RETURNING id")
	}()
	s.waitFor("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1")
	must(t, a, "COMMIT")
	if got := <-done; got != "" {
		t.Errorf("an UPDATE whose row went = %q, want none", got)
	}

	must(t, b, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM people")
	must(t, a, "UPDATE people SET city = 'again'")
	check(t, b, "UPDATE people SET name = tel FROM import", "error 40001")
	must(t, b, "ROLLBACK")
}

// What the client wrote for a protected column does not reach the server, and
// what the server has sealed does.
func TestStep_leaksNothing(t *testing.T) {
	s := startSteps(t)
	s.pg.Exec(t, listed, "ALTER DATABASE listed SET log_statement TO 'all'; ALTER DATABASE listed SET log_parameter_max_length TO -1")
	c := s.as("officer")
	const secret, bound = "Tirunesh-7713", "Derartu-9913"
	must(t, c, "INSERT INTO people (id, name, phone) SELECT id + 500, who, '"+secret+"' FROM import WHERE id = 1")
	if _, err := c.Exec(t.Context(), "UPDATE people SET name = city, phone = $1 WHERE phone = $2", bound, secret); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"INSERT INTO people (name) SELECT who || '" + secret + "' FROM import",
		"INSERT INTO people (name) SELECT coalesce(who, lower('" + secret + "')) FROM import",
		"INSERT INTO people (name) SELECT v FROM (SELECT DISTINCT '" + secret + "' || who AS v FROM import) x",
		"INSERT INTO people (name) SELECT format('" + secret + "%s', who) FROM import",
		"UPDATE people SET name = concat(city, '" + secret + "')",
		"UPDATE people SET name = x FROM unnest(ARRAY['" + secret + "']) AS u(x)",
		"UPDATE people SET name = x.a FROM json_to_record('{\"a\": \"" + secret + "\"}') AS x(a text)",
		"INSERT INTO people (id, name) VALUES (600, current_user || '" + secret + "')",
		"WITH RECURSIVE r(a, b) AS (SELECT who, tel FROM import UNION ALL SELECT b, '" + secret + "' FROM r WHERE a IS NOT NULL) INSERT INTO people (name) SELECT a FROM r",
		"INSERT INTO people (name) SELECT (SELECT max(x) FROM (VALUES ('" + secret + "'), (who)) AS v(x)) FROM import",
		"INSERT INTO people (name) SELECT CASE who WHEN 'Almaz' THEN '" + secret + "' ELSE tel END FROM import",
		"INSERT INTO people (name) SELECT regexp_replace(who, 'A', '" + secret + "') FROM import",
		"INSERT INTO people (name) SELECT t.x FROM import, LATERAL (SELECT who || '" + secret + "' AS x) t",
		"INSERT INTO people (name) SELECT (ARRAY[who, '" + secret + "'])[2] FROM import",
		"INSERT INTO people (name) SELECT max(who) OVER (ORDER BY id) || '" + secret + "' FROM import",
	} {
		simple(t, c, sql) // refused, or the literal is sealed where it stands: the log tells
	}
	log := s.log()
	for _, word := range []string{secret, bound} {
		if strings.Contains(log, word) {
			t.Errorf("the server's log has %s:\n%s", word, linesWith(log, word))
		}
	}
	if !strings.Contains(log, "pv1.") {
		t.Error("the server's log has no sealed value: nothing was written to it")
	}
	check(t, c, "SELECT id, name, phone FROM people WHERE id = 501", "501|-|"+bound)
}

func linesWith(text, word string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// A row of a step that is damaged, or of another shape, is not passed on.
func TestGivenValues_refusesOtherRows(t *testing.T) {
	f := &filler{}
	step := &rewrite.Step{Columns: make([]rewrite.Use, 2)}
	for _, body := range [][]byte{nil, {0, 1, 0, 0, 0, 0}, {0, 2, 0, 0, 0, 9, 'x'}} {
		answer := &stepAnswer{step: step, fields: make([]stepField, 2), rows: [][]byte{body}}
		if _, err := f.givenValues(answer, false); err == nil {
			t.Errorf("givenValues of the row % x succeeds, want an error", body)
		}
	}
}

func TestAppendElement(t *testing.T) {
	array := []byte("{")
	for i, v := range [][]byte{[]byte("a"), nil, []byte(""), []byte(`q"u\o`), []byte("NULL"), []byte("{,}")} {
		array = appendElement(array, v, i > 0)
	}
	if diff := cmp.Diff(`{"a",NULL,"","q\"u\\o","NULL","{,}"`, string(array)); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkGivenValues seals what a step of 10,000 rows gave: a number that is
// passed on, and a name, a phone number and a birth date that are sealed.
func BenchmarkGivenValues(b *testing.B) {
	r, _ := benchCopy(b, true, rewrite.CopyText)
	snap, err := catalog.Build(&policy.Policy{}, "")
	if err != nil {
		b.Fatal(err)
	}
	r.planning.state = r.planning.state.db.newState(snap, &policy.Policy{})
	set := benchSettings()
	f := &filler{ctx: b.Context(), planning: r.planning, settings: set, forms: r.planning.forms(set)}
	step := &rewrite.Step{Columns: []rewrite.Use{{}}}
	for i := range r.plan.Copy.Columns {
		if u := r.plan.Copy.Columns[i].Use; u.Target != nil {
			u.Role = rewrite.Stored
			step.Columns = append(step.Columns, u)
		}
	}
	const rows = 10_000
	bodies := make([][]byte, rows)
	for i := range bodies {
		body := binary.BigEndian.AppendUint16(nil, 4)
		for _, v := range []string{strconv.Itoa(i), fmt.Sprintf("Abebe Bikila %d", i), fmt.Sprintf("+2519%07d", i), "1932-08-07"} {
			body = wire.AppendValue(body, []byte(v))
		}
		bodies[i] = body
	}
	fields := []stepField{{oid: 23, mod: -1}, {oid: 1043, mod: -1}, {oid: 1043, mod: 24}, {oid: 1082, mod: -1}}
	b.ReportAllocs()
	for b.Loop() {
		answer := &stepAnswer{step: step, fields: fields, rows: slices.Clone(bodies)}
		if _, err := f.givenValues(answer, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
