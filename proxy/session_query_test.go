package proxy

import (
	"strings"
	"testing"
)

func TestSession_simpleProtocol(t *testing.T) {
	s := startSealed(t)
	officer, clerk, stranger := s.as("officer"), s.as("clerk"), s.as("stranger")
	check(t, officer, "INSERT INTO people (name, phone, birth, income, city) VALUES "+
		"('Abebe Bikila', '+251911000111', '1932-08-07', 12.5, 'Addis'), ('Letesenbet Gidey', '+251911000222', NULL, 7, NULL)", "")

	t.Run("opens what was sealed", func(t *testing.T) {
		check(t, officer, "SELECT name, phone, birth, income, city FROM people ORDER BY id",
			"Abebe Bikila|+251911000111|1932-08-07|12.50|Addis/Letesenbet Gidey|+251911000222|-|7.00|-")
	})
	t.Run("masks for a role that reads masks", func(t *testing.T) {
		check(t, clerk, "SELECT name, phone, birth, city FROM people ORDER BY id",
			"A. B.|*********0111|1932-01-01|Addis/L. G.|*********0222|-|-")
	})
	t.Run("shows sealed strings to others", func(t *testing.T) {
		for cell := range strings.SplitSeq(simple(t, stranger, "SELECT name, phone, birth FROM people WHERE id = 1"), "|") {
			if !strings.HasPrefix(cell, "pv1.") {
				t.Errorf("a stranger reads %q, want a sealed string", cell)
			}
		}
	})
	t.Run("finds by equality", func(t *testing.T) {
		check(t, officer, "SELECT id FROM people WHERE phone = '+251911000222'", "2")
		check(t, clerk, "SELECT id FROM people WHERE birth = '7 Aug 1932'", "1")
		check(t, officer, "SELECT id FROM people WHERE income IN (1, 7.000, NULL)", "2")
		check(t, officer, "SELECT id FROM people WHERE name <> 'Abebe Bikila'", "2")
		check(t, officer, "SELECT id FROM people WHERE name = ANY ('{Abebe Bikila,x}')", "1")
	})
	t.Run("server holds no plaintext", func(t *testing.T) {
		got := simple(t, s.direct(), "SELECT name, phone, birth, income FROM people ORDER BY id")
		for _, plain := range []string{"Abebe", "251911", "1932", "12.5"} {
			if strings.Contains(got, plain) {
				t.Errorf("the server holds %q", plain)
			}
		}
	})
	t.Run("says Null where the policy does", func(t *testing.T) {
		check(t, officer, "UPDATE people SET hidden = 5 WHERE id = 1", "")
		check(t, officer, "SELECT hidden FROM people WHERE hidden = 5", "-")
	})
	t.Run("passes what reaches nothing", func(t *testing.T) {
		check(t, officer, "SELECT name2 FROM towns ORDER BY id; SELECT 1", "Harar/Mekelle/1")
	})
	t.Run("mixes plain and protected statements", func(t *testing.T) {
		check(t, officer, "SELECT 1; SELECT name FROM people WHERE id = 1; SELECT 2", "1/Abebe Bikila/2")
	})
}

func TestSession_refusalLeavesTheStateOfPostgreSQL(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	must(t, c, "INSERT INTO people (name) VALUES ('Abebe')")

	check(t, c, "SELECT upper(name) FROM people", "error 0A000")
	if got := s.status(c); got != "I" {
		t.Errorf("outside a transaction, the state after a refusal = %s, want I", got)
	}

	must(t, c, "BEGIN", "INSERT INTO towns VALUES (3, 'Adwa')")
	check(t, c, "SELECT upper(name) FROM people", "error 0A000")
	if got := s.status(c); got != "E" {
		t.Errorf("in a transaction, the state after a refusal = %s, want E", got)
	}
	check(t, c, "SELECT name FROM people", "error 25P02")
	check(t, c, "SELECT upper(name) FROM people", "error 25P02")
	must(t, c, "ROLLBACK")
	check(t, c, "SELECT count(*) FROM towns", "2")

	// What precedes a refused statement in its message is undone with it.
	check(t, c, "INSERT INTO towns VALUES (4, 'Axum'); SELECT upper(name) FROM people; INSERT INTO towns VALUES (5, 'x')",
		"error 0A000")
	check(t, c, "SELECT count(*) FROM towns", "2")

	must(t, c, "BEGIN", "SAVEPOINT a")
	check(t, c, "SELECT upper(name) FROM people", "error 0A000")
	must(t, c, "ROLLBACK TO a")
	check(t, c, "SELECT name FROM people", "Abebe")
	must(t, c, "COMMIT")
}

func TestSession_statementThatCannotBeReadIsNotSent(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	check(t, c, "INSERT INTO people (name) VALUES ('Zerihun", "error 42601")
	check(t, c, "INSERT INTO people (name) VALUE ('Zerihun')", "error 42601")
	check(t, c, `INSERT INTO "people" (name) VALUES (E'Zerihun`, "error 42601")
	check(t, c, "SELECT 'unfinished", "error 42601")
	if strings.Contains(s.log(), "Zerihun") {
		t.Error("the server's log holds the value of a statement that cannot be read")
	}
	if !strings.Contains(s.log(), "unfinished") {
		t.Error("a statement that names nothing protected did not reach the server")
	}
}

func TestSession_roleAndSearchPathAreFollowed(t *testing.T) {
	s := startSealed(t)
	must(t, s.as("officer"), "INSERT INTO people (name) VALUES ('Abebe Bikila')")
	c := s.as("boss")
	name := func(want string) {
		t.Helper()
		check(t, c, "SELECT name FROM people", want)
	}
	name("A. B.") // boss is a member of clerk, which is a member of staff
	must(t, c, "SET ROLE officer")
	name("Abebe Bikila")
	must(t, c, "RESET ROLE")
	name("A. B.")

	must(t, c, "BEGIN", "SET LOCAL ROLE officer")
	name("Abebe Bikila")
	must(t, c, "COMMIT")
	name("A. B.")

	must(t, c, "BEGIN", "SET ROLE officer")
	name("Abebe Bikila")
	must(t, c, "ROLLBACK")
	name("A. B.")

	must(t, c, "BEGIN", "SAVEPOINT a", "SET ROLE officer")
	name("Abebe Bikila")
	must(t, c, "ROLLBACK TO a")
	name("A. B.")
	must(t, c, "COMMIT", "SELECT set_config('role', 'officer', false)")
	name("Abebe Bikila")
	must(t, c, "DISCARD ALL")
	name("A. B.")

	check(t, c, "SET ROLE officer; SELECT name FROM people", "error 0A000")
	name("A. B.") // the message was undone as a whole

	must(t, s.direct(), "CREATE SCHEMA other", "CREATE TABLE other.people (id int, name text)",
		"INSERT INTO other.people VALUES (1, 'plain')", "GRANT ALL ON SCHEMA other TO public", "GRANT ALL ON other.people TO public")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, c, "SET search_path TO other, public")
	name("plain")
	must(t, c, "SET search_path TO public")
	name("A. B.")
}
