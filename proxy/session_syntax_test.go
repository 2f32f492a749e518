package proxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errorOf runs a text in the simple or the extended protocol and returns the
// server's error, or pgveil's.
func errorOf(t *testing.T, c *pgx.Conn, sql string, extended bool) *pgconn.PgError {
	t.Helper()
	var err error
	if extended {
		_, err = c.PgConn().Prepare(t.Context(), "", sql, nil)
	} else {
		_, err = c.PgConn().Exec(t.Context(), sql).ReadAll()
	}
	return serverError(t, err)
}

// A statement that is not SQL gets PostgreSQL's own answer, and where it names
// something protected the server does not see it: it may hold a value.
func TestSyntaxError_isPostgreSQLsAndStaysHere(t *testing.T) {
	s := startSealed(t)
	direct, through := s.direct(), s.as("officer")
	must(t, direct, "SET log_statement = 'none'", "SET log_min_error_statement = 'panic'", "SET log_min_messages = 'panic'")

	const secret = "Zewditu-4711"
	for _, sql := range []string{
		"SELEC name FROM people WHERE name = '" + secret + "'",
		"SELECT name FROM people p WHERE WHERE name = '" + secret + "'",
		"SELECT 'é', name FROM people WHERE name == '" + secret + "' AND",
		"UPDATE people SET name '" + secret + "'",
		"INSERT INTO people (name) VALUE ('" + secret + "')",
		"SELECT name FROM people WHERE name = '" + secret,
		"SELECT name FROM people WHERE name = E'\\u12" + secret + "'",
		"SELECT name FROM people WHERE name = '" + secret + "' /* open",
		`SELECT "" FROM people WHERE name = '` + secret + "'",
		"SELECT 1abc FROM people WHERE name = '" + secret + "'",
		"SELECT name FROM people WHERE name = $$" + secret,
	} {
		for _, extended := range []bool{false, true} {
			want, got := errorOf(t, direct, sql, extended), errorOf(t, through, sql, extended)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(pgconn.PgError{}, "Detail", "Hint", "File", "Line", "Routine")); diff != "" {
				t.Errorf("%s (extended %t) is answered differently (-PostgreSQL +pgveil):\n%s", sql, extended, diff)
			}
			if !strings.Contains(got.Hint, "(pgveil: cannot-parse)") {
				t.Errorf("%s (extended %t): hint %q, want pgveil's own", sql, extended, got.Hint)
			}
		}
	}
	// Those of a later PostgreSQL.
	for _, sql := range []string{
		"UPDATE people SET name = '" + secret + "' RETURNING WITH (OLD AS o) o.name",
		"ALTER TABLE people ADD full_name text GENERATED ALWAYS AS (name || '" + secret + "') VIRTUAL",
	} {
		if got := errorOf(t, through, sql, false); got.Code != "42601" || got.Position == 0 {
			t.Errorf("%s = %s at %d, want 42601 with a position", sql, got.Code, got.Position)
		}
	}
	check(t, through, "SELECT count(*) FROM people", "0")
	if strings.Contains(s.log(), secret) {
		t.Error("the server's log has the value")
	}
	var log strings.Builder
	for _, entry := range s.logs.All() {
		fmt.Fprintln(&log, entry.Message, entry.ContextMap())
	}
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "cannot-parse") {
		t.Errorf("pgveil's log has the value, or no refusal: %.2000s", log.String())
	}
}

// PostgreSQL reads a message to its end before it runs any of it.
func TestSyntaxError_runsNothingOfItsMessage(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	check(t, c, "INSERT INTO towns VALUES (3, 'Axum'); COMMIT; SELEC name FROM people", "error 42601")
	check(t, c, "SELECT count(*) FROM towns", "2")
	check(t, c, "INSERT INTO towns VALUES (3, 'Axum'); COMMIT; SELECT name FROM people WHERE 'open", "error 42601")
	check(t, c, "SELECT count(*) FROM towns", "2")
	if got := errorOf(t, c, "SELECT 'é' ;\n SELEC name FROM people", false); got.Position != 15 {
		t.Errorf("position %d, want 15", got.Position)
	}
	must(t, c, "BEGIN")
	check(t, c, "SELEC name FROM people", "error 42601")
	if got := s.status(c); got != "E" {
		t.Errorf("status = %s, want the transaction failed", got)
	}
	must(t, c, "ROLLBACK")
}

// What names nothing protected is the server's to judge: a later one may know it.
func TestSyntaxError_isTheServersWhereNothingIsProtected(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	for _, sql := range []string{"SELEC 1", "SELECT * FROM towns WHERE 'open", "DELETE FROM towns RETURNING WITH (OLD AS o) o.id"} {
		got := errorOf(t, c, sql, false)
		if got.Code != "42601" || got.Routine != "scanner_yyerror" || got.Hint != "" {
			t.Errorf("%s = %s by %q, want the server's own", sql, got.Code, got.Routine)
		}
	}
}
