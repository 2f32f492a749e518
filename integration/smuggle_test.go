package integration_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/internal/testkit"
)

const smuggleSchema = `
CREATE TABLE people (id int PRIMARY KEY, name varchar, city text);
CREATE TABLE plain (id int, v text);
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.people (id int, name varchar);
GRANT USAGE ON SCHEMA elsewhere TO PUBLIC;
INSERT INTO elsewhere.people VALUES (1, 'not protected');
CREATE FUNCTION run(sql text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE sql; END';`

const smugglePolicy = `version: 1
roles:
  full: {users: [registry]}
  desk: {users: [clerk]}
access:
  full: reveal
  desk: {read: mask, filter: true}
tables:
  people:
    name: {search: [equality], mask: initials}
`

// smuggleStack is a stack with one person.
func smuggleStack(t *testing.T) (s *stack, conn *pgx.Conn, name string) {
	t.Helper()
	s = newStack(t, stackOptions{schema: smuggleSchema, policy: smugglePolicy})
	conn, name = s.connect(t, owner), s.planter.New(testkit.Name)
	mustQuery(t, conn, "INSERT INTO people VALUES (1, '"+name+"', 'Adama')")
	return s, conn, name
}

// wantUsable fails the test if the session does not go on as usual.
func wantUsable(t *testing.T, after string, conn *pgx.Conn, name string) {
	t.Helper()
	if got, err := query(t, conn, "SELECT name FROM people WHERE id = 1"); err != nil || got[0] != name {
		t.Errorf("after %s: %v, %v, want %q", after, got, err, name)
	}
}

// COPY with protected values is refused before a row is sent, or works; the session goes on.
func TestSmuggle_copy(t *testing.T) {
	t.Parallel()
	s, conn, name := smuggleStack(t)
	row := fmt.Sprintf("2\t%s\tx\n", s.planter.New(testkit.Name))
	_, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(row), "COPY people FROM STDIN")
	if e, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || oracle.Code(e) == "") {
		t.Errorf("COPY FROM: %v, want nil or a refusal", err)
	}
	wantUsable(t, "COPY FROM in text", conn, name)

	rows := pgx.CopyFromRows([][]any{{3, s.planter.New(testkit.Name), "x"}})
	_, err = conn.CopyFrom(t.Context(), pgx.Identifier{"people"}, []string{"id", "name", "city"}, rows)
	if e, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || oracle.Code(e) == "") {
		t.Errorf("COPY FROM in binary: %v, want nil or a refusal", err)
	}
	wantUsable(t, "COPY FROM in binary", conn, name)

	var out strings.Builder
	_, err = conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT name FROM people) TO STDOUT")
	if err == nil && !strings.Contains(out.String(), name) {
		t.Errorf("COPY TO gave %q, want the name or a refusal", out.String())
	}
	wantUsable(t, "COPY TO", conn, name)

	if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader("9\tplain\n"), "COPY plain FROM STDIN"); err != nil {
		t.Errorf("COPY FROM of a plain table: %v", err)
	}
	if got := mustQuery(t, conn, "SELECT v FROM plain"); len(got) != 1 || got[0] != "plain" {
		t.Errorf("COPY of a plain table stored %v", got)
	}
}

// A client that does not wait for the answer to COPY sends its rows anyhow.
func TestSmuggle_copyDataBehindARefusal(t *testing.T) {
	t.Parallel()
	s, conn, name := smuggleStack(t)
	raw, err := s.login(t)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	message := func(kind byte, body string) string {
		n := len(body) + 4
		return string([]byte{kind, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + body
	}
	all := message('Q', "COPY people FROM STDIN\x00") + message('d', "5\t"+s.planter.New(testkit.Name)+"\tx\n") + message('c', "") + message('X', "")
	if _, err := raw.Write([]byte(all)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1<<16)
	for err == nil {
		_, err = raw.Read(answer)
	}
	wantUsable(t, "COPY data without waiting", conn, name)
}

// The protocol's prepared statements and portals, named in SQL, do not give sealed values for open ones.
func TestSmuggle_protocolNamesInSQL(t *testing.T) {
	t.Parallel()
	_, conn, name := smuggleStack(t)
	if _, err := conn.Prepare(t.Context(), "kept", "SELECT name FROM people WHERE id = $1"); err != nil {
		t.Fatal(err)
	}
	got, err := query(t, conn, "EXECUTE kept(1)")
	if err == nil && got[0] != name {
		t.Errorf("EXECUTE of a statement prepared by the protocol gave %q, want %q or a refusal", got, name)
	}
	wantUsable(t, "EXECUTE", conn, name)
	if _, err := conn.Prepare(t.Context(), "insert", "INSERT INTO people (id, name) VALUES ($1, $2)"); err != nil {
		t.Fatal(err)
	}
	if _, err := query(t, conn, "EXECUTE insert(77, 'plain text')"); err == nil {
		got := mustQuery(t, conn, "SELECT name FROM people WHERE id = 77")
		if len(got) != 1 || got[0] != "plain text" {
			t.Errorf("EXECUTE stored %v", got)
		}
	}
	mustQuery(t, conn, "DEALLOCATE ALL")
	if _, err := query(t, conn, "EXECUTE kept(1)"); err == nil {
		t.Error("EXECUTE after DEALLOCATE ALL works")
	}
	wantUsable(t, "DEALLOCATE ALL", conn, name)
}

// A statement that was prepared as one role must not open values for another, nor for another search_path.
func TestSmuggle_preparedThenChanged(t *testing.T) {
	t.Parallel()
	s, conn, name := smuggleStack(t)
	s.pg.Exec(t, "postgres", "GRANT clerk TO registry")
	read := func(what string) string {
		result := conn.PgConn().ExecPrepared(t.Context(), "read", nil, nil, nil).Read()
		if result.Err != nil {
			if e, ok := errors.AsType[*pgconn.PgError](result.Err); !ok || oracle.Code(e) == "" {
				t.Errorf("%s: %v, want a result or a refusal", what, result.Err)
			}
			return "refused"
		}
		return string(result.Rows[0][0])
	}
	if _, err := conn.Prepare(t.Context(), "read", "SELECT name FROM people"); err != nil {
		t.Fatal(err)
	}
	if got := read("at first"); got != name {
		t.Errorf("at first: %q, want %q", got, name)
	}
	mustQuery(t, conn, "SET ROLE clerk")
	if got := read("as clerk"); got == name {
		t.Errorf("prepared before SET ROLE, it opens the value for a role that sees masks")
	}
	mustQuery(t, conn, "RESET ROLE")
	mustQuery(t, conn, "SET search_path = elsewhere")
	if got := read("in another schema"); got != "not protected" && got != "refused" {
		t.Errorf("prepared before SET search_path: %q, want the other table's row or a refusal", got)
	}
	mustQuery(t, conn, "RESET search_path")
	wantUsable(t, "changes", conn, name)
}

// Dynamic SQL can rename a table without pgveil reading it. What is then
// written under the new name must be refused, by pgveil or by the guard that
// moves with the table.
func TestSmuggle_renamedBehindItsBack(t *testing.T) {
	t.Parallel()
	renames := map[string]string{
		"DO":              "DO $$BEGIN EXECUTE 'ALTER TABLE peo' || 'ple RENAME TO folk'; END$$",
		"function":        "SELECT run('ALTER TABLE peo' || 'ple RENAME TO folk')",
		"in one message":  "DO $$BEGIN EXECUTE 'ALTER TABLE peo' || 'ple RENAME TO folk'; END$$; INSERT INTO folk VALUES (2, 'plain value')",
		"in transactions": "BEGIN; SELECT run('ALTER TABLE peo' || 'ple RENAME TO folk')",
	}
	for what, sql := range renames {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, conn, _ := smuggleStack(t)
			// Each may be refused, by pgveil or by the server; what counts is what is stored.
			for _, sql := range []string{sql, "INSERT INTO folk VALUES (3, 'plain value')", "COMMIT"} {
				_, _ = query(t, conn, sql)
			}
			for _, table := range []string{"people", "folk"} {
				rows, err := query(t, s.connectDirect(t, testkit.Superuser), "SELECT name FROM "+table)
				for _, row := range rows {
					if err == nil && !strings.HasPrefix(row, "pv1.") {
						t.Errorf("%s holds %q in clear", table, row)
					}
				}
			}
		})
	}
}

// Another session's DDL is noticed without a restart.
func TestSmuggle_renamedByAnotherSession(t *testing.T) {
	t.Parallel()
	s, conn, name := smuggleStack(t)
	s.pg.Exec(t, s.db, "ALTER TABLE plain RENAME TO plainer", "ALTER TABLE elsewhere.people RENAME TO others")
	wantUsable(t, "DDL on other tables", conn, name)
	s.pg.Exec(t, s.db, "CREATE VIEW names AS SELECT name FROM people", "GRANT SELECT ON names TO registry")
	deadline := time.Now().Add(15 * time.Second)
	for {
		got, err := query(t, conn, "SELECT name FROM names")
		if err != nil || got[0] == name {
			break // refused, or served
		}
		if time.Now().After(deadline) {
			t.Fatalf("a view that was made beside still gives %q", got)
		}
		time.Sleep(100 * time.Millisecond) // the catalog is looked at every two seconds
	}
}

// An encoding that pgveil does not read must not carry a value past it.
func TestSmuggle_clientEncoding(t *testing.T) {
	t.Parallel()
	_, conn, name := smuggleStack(t)
	mustQuery(t, conn, "SET client_encoding = 'LATIN1'")
	_, err := query(t, conn, "INSERT INTO people (id, name) VALUES (8, 'caf\xe9')")
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || oracle.Code(e) == "" {
		t.Errorf("a write in LATIN1: %v, want a refusal", err)
	}
	mustQuery(t, conn, "RESET client_encoding")
	wantUsable(t, "client_encoding", conn, name)
}

// A pipeline is skipped from the refused statement to its Sync, and nothing after it happens.
func TestSmuggle_refusalInAPipeline(t *testing.T) {
	t.Parallel()
	s, conn, name := smuggleStack(t)
	var batch pgx.Batch
	batch.Queue("INSERT INTO plain VALUES ($1, 'before')", 1)
	batch.Queue("INSERT INTO people (id, name) VALUES ($1, format('%s', $2))", 2, s.planter.New(testkit.Name))
	batch.Queue("INSERT INTO plain VALUES ($1, 'after')", 2)
	err := conn.SendBatch(t.Context(), &batch).Close()
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || oracle.Code(e) == "" {
		t.Errorf("the batch: %v, want a refusal", err)
	}
	if got := mustQuery(t, conn, "SELECT v FROM plain"); len(got) != 0 {
		t.Errorf("the batch left %v; it is one transaction", got)
	}
	wantUsable(t, "a refused batch", conn, name)
}
