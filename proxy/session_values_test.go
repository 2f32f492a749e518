package proxy

import (
	"github.com/pgveil/pgveil/policy"
	"strings"
	"testing"
	"time"
)

func TestSession_maskedValuesAreNotWrittenBack(t *testing.T) {
	s := startSealed(t)
	must(t, s.as("officer"), "INSERT INTO people (name, phone, birth, income) VALUES ('Abebe Bikila', '+251911000111', '1932-08-07', 5)")
	c := s.as("clerk")
	for _, tc := range []struct{ sql, want string }{
		{"UPDATE people SET name = 'A. B.'", "error 42501"},
		{"UPDATE people SET phone = '*********0111'", "error 42501"},
		{"INSERT INTO people (phone) VALUES ('****')", "error 42501"},
		{"UPDATE people SET birth = '1932-01-01'", "error 42501"},
		{"UPDATE people SET birth = '01/01/1932'", "error 42501"},
		{"INSERT INTO people (birth) VALUES ('1932-01-01')", ""}, // a birthday like any other
		{"UPDATE people SET income = '****'", "error 22P02"},
		{"UPDATE people SET name = '' WHERE id = 2", ""},
		{"UPDATE people SET name = 'Derartu Tulu', phone = '+2519', birth = '1972-03-21' WHERE id = 2", ""},
	} {
		check(t, c, tc.sql, tc.want)
	}
	check(t, s.as("officer"), "SELECT name, phone, birth, income FROM people ORDER BY id",
		"Abebe Bikila|+251911000111|1932-08-07|5.00/Derartu Tulu|+2519|1972-03-21|-")
}

func TestSession_sealedValuesAreStoredAsTheyWere(t *testing.T) {
	s := startSealed(t)
	officer := s.as("officer")
	must(t, officer, "INSERT INTO people (name, phone, birth) VALUES ('Abebe', '1', '1932-08-07')")
	read := strings.Split(simple(t, s.as("stranger"), "SELECT name, phone, birth FROM people"), "|")

	must(t, officer, "INSERT INTO people (name, birth) VALUES ('"+read[0]+"', '"+read[2]+"')")
	check(t, officer, "SELECT name, birth FROM people WHERE id = 2", "Abebe|1932-08-07")
	check(t, officer, "SELECT count(*) FROM people WHERE name = 'Abebe'", "2")

	// A value of another column, and one that was tampered with.
	check(t, officer, "INSERT INTO people (name) VALUES ('"+read[1]+"')", "error 22P03")
	check(t, officer, "INSERT INTO people (name) VALUES ('"+read[0][:len(read[0])-1]+"')", "error 22P03")
}

func TestSession_damagedValueIsAnErrorOfItsStatementOnly(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	must(t, c, "INSERT INTO people (name, phone) VALUES ('Abebe', '1'), ('Haile', '2'), ('Kenenisa', '3')")
	must(t, s.direct(), "UPDATE people SET name = (SELECT phone FROM people WHERE id = 1) WHERE id = 2")

	check(t, c, "SELECT name FROM people ORDER BY id", "Abebe/error 22P03")
	check(t, c, "SELECT name FROM people WHERE id = 3", "Kenenisa")
	check(t, c, "SELECT name FROM people ORDER BY id; SELECT 1", "Abebe/error 22P03")

	must(t, c, "BEGIN")
	check(t, c, "SELECT name FROM people ORDER BY id", "Abebe/error 22P03")
	if got := s.status(c); got != "E" {
		t.Errorf("in a transaction, the state after a damaged value = %s, want E", got)
	}
	check(t, c, "SELECT 1", "error 25P02")
	must(t, c, "ROLLBACK")

	p := dialScript(t, s.addr, "officer")
	p.send("P - SELECT name FROM people ORDER BY id", "B - -", "E - 0", "P - SELECT 1", "B - -", "E - 0", "S", "Q SELECT 2")
	want := "1 2 D:Abebe E:22P03 Z:I T:?column?/23/4/-1 D:2 C:SELECT 1 Z:I"
	if got := strings.Join(p.read(2), " "); got != want {
		t.Errorf("in a pipeline: %s, want %s", got, want)
	}
}

func TestSession_valuesFollowTheSettings(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	must(t, c, "SET datestyle TO 'SQL, DMY'", "SET timezone TO 'Asia/Kolkata'",
		"INSERT INTO people (birth, seen) VALUES ('7/8/1932', '10/9/1960 17:30:00')")
	check(t, c, "SELECT birth, seen FROM people WHERE birth = '07-08-1932'", "07/08/1932|10/09/1960 17:30:00 IST")
	must(t, c, "SET datestyle TO 'ISO'", "SET timezone TO 'UTC'")
	check(t, c, "SELECT birth, seen FROM people", "1932-08-07|1960-09-10 12:00:00+00")
	must(t, c, "BEGIN", "SET LOCAL timezone TO 'Africa/Addis_Ababa'")
	check(t, c, "SELECT seen FROM people WHERE seen = '1960-09-10 15:00'", "1960-09-10 15:00:00+03")
	must(t, c, "COMMIT")
	check(t, c, "SELECT seen FROM people", "1960-09-10 12:00:00+00")

	must(t, c, "SET client_encoding TO 'LATIN1'")
	check(t, c, "SELECT birth FROM people", "error 0A000")
	check(t, c, "SELECT name2 FROM towns WHERE id = 1", "Harar")
	must(t, c, "SET client_encoding TO 'UTF8'", "SET standard_conforming_strings TO off")
	check(t, c, `SELECT name2 FROM towns WHERE name2 = 'Har\ar'`, "Harar")
	check(t, c, `SELECT id FROM people WHERE name = 'a'`, "error 0A000")
	must(t, c, "SET standard_conforming_strings TO on")
	check(t, c, "SELECT birth FROM people", "1932-08-07")
}

func TestSession_valuesFollowPostgreSQLsAssignments(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	for _, tc := range []struct{ sql, want string }{
		{"INSERT INTO people (name, income) VALUES (5, '1.005')", ""},
		{"INSERT INTO people (name) VALUES (true)", ""},
		{"INSERT INTO people (name, phone) VALUES ('It''s', E'\\u00e9')", ""},
		{"INSERT INTO people (name) VALUES ('cu'::varchar), (U&'\\00e9'), ($q$it's$q$)", ""},
		{"SELECT name, phone, income FROM people ORDER BY id", "5|-|1.01/true|-|-/It's|é|-/cu|-|-/é|-|-/it's|-|-"},
		{"INSERT INTO people (phone) VALUES ('123456789012345678901')", "error 22001"},
		{"INSERT INTO people (income) VALUES (99999999999)", "error 22003"},
		{"INSERT INTO people (birth) VALUES ('2023-02-30')", "error 22008"},
		{"INSERT INTO people (birth) VALUES (5)", "error 42804"},
		{"SELECT id FROM people WHERE name = 5", "error 42883"},
		{"SELECT id FROM people WHERE income = 1.010", "1"},
		{"SELECT id FROM people WHERE income = -1.01", ""},
		{"SELECT id FROM people WHERE income = 1.0100000001", ""},
		{"SELECT id FROM people WHERE hidden = 99999999999", ""},
		{"SELECT id FROM people WHERE phone = '123456789012345678901'", ""},
		{"SELECT id FROM people WHERE birth = '1932-08-07'::timestamp", ""},
		{"SELECT id FROM people WHERE name IN ('cu'::text, 'x'::varchar, NULL)", "4"},
		{"UPDATE people SET hidden = -5, income = -0.5 WHERE id = 1", ""},
		{"SELECT id FROM people WHERE hidden = -5 AND income = -0.50", "1"},
		{"UPDATE people SET birth = '1932-08-07'::date, seen = '1932-08-07'::date WHERE id = 1", ""},
		{"SELECT id FROM people WHERE birth = '1932-08-07 00:00'::timestamp", "1"},
		{"SELECT id FROM people WHERE birth = '1932-08-07 00:01'::timestamp", ""},
	} {
		check(t, c, tc.sql, tc.want)
	}
}

func TestSession_errorsOfTheServerHoldNoStoredValue(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	must(t, c, "INSERT INTO people (id, name, phone) VALUES (50, 'Abebe', '1')")
	must(t, s.direct(), "ALTER TABLE people ADD CONSTRAINT has_city CHECK (city <> 'nowhere')")
	for _, tc := range []struct{ sql, state, constraint string }{
		{"INSERT INTO people (name, phone) VALUES ('Haile', '1')", "23505", "people_phone_key"},
		{"INSERT INTO people (name, city) VALUES ('Haile', 'nowhere')", "23514", "has_city"},
		{"UPDATE people SET name = 'Haile', id = 1/0", "22012", ""},
	} {
		_, err := c.PgConn().Exec(t.Context(), tc.sql).ReadAll()
		e := serverError(t, err)
		if e.Code != tc.state || e.ConstraintName != tc.constraint {
			t.Errorf("%s = %s on %q, want %s on %q", tc.sql, e.Code, e.ConstraintName, tc.state, tc.constraint)
		}
		if text := e.Message + e.Detail + e.Hint + e.Where + e.InternalQuery; strings.Contains(text, "pv1") || strings.Contains(text, "split_part") {
			t.Errorf("%s tells what is stored: %s", tc.sql, text)
		}
	}
	_, err := c.PgConn().Exec(t.Context(), "INSERT INTO people (id, city) VALUES (50, 'x')").ReadAll()
	if e := serverError(t, err); !strings.Contains(e.Detail, "(id)=(50)") {
		t.Errorf("an error about plain columns has the detail %q, want the key", e.Detail)
	}
}

func TestSession_catalogChangesAreFollowed(t *testing.T) {
	s := startSealed(t)
	c, other := s.as("officer"), dialScript(t, s.addr, "officer")
	must(t, c, "INSERT INTO people (name, city) VALUES ('Abebe', 'Addis')")
	other.send("P s SELECT city FROM people", "P t SELECT name2 FROM towns", "B - s", "E - 0", "B - t", "S")
	other.read(1)

	// Another session's change, told by nobody but the server's own description.
	must(t, s.direct(), "ALTER TABLE people ADD COLUMN extra int DEFAULT 7")
	for want := "Abebe|Addis|7"; ; {
		got := simple(t, c, "SELECT name, city, extra FROM people")
		if got == want {
			break
		}
		if !strings.HasPrefix(got, "error 0A000") && !strings.HasPrefix(got, "error 42703") {
			t.Fatalf("after a change of the table = %s, want %s or a refusal", got, want)
		}
		if err := s.db.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other.send("B - s", "E - 0", "S")
	if got := strings.Join(other.read(1), " "); got != "2 D:Addis C:SELECT 1 Z:I" {
		t.Errorf("a statement that was prepared before = %s", got)
	}

	must(t, s.direct(), "CREATE VIEW names AS SELECT name FROM people", "GRANT SELECT ON names TO public")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, c, "SELECT * FROM names", "Abebe")
	must(t, c, "CREATE TABLE made (a int)", "INSERT INTO made VALUES (1)", "DROP TABLE made")
	check(t, c, "SELECT name FROM people", "Abebe")
}

func TestSession_withoutACatalogProtectedTablesAreRefused(t *testing.T) {
	away := true
	s := startSealed(t, func(o *DatabaseOptions) {
		load := o.Load
		o.Load = func(ctx ctxType, pol *policy.Policy) (*snapshot, error) {
			if away {
				return nil, errAway
			}
			return load(ctx, pol)
		}
	})
	c := s.as("officer")
	check(t, c, "SELECT name FROM people", "error 58000")
	check(t, c, `SELECT name FROM "people"`, "error 58000")
	check(t, c, "SELECT name2 FROM towns WHERE id = 1", "Harar")
	must(t, c, "BEGIN")
	check(t, c, "INSERT INTO people (name) VALUES ('Abebe')", "error 58000")
	must(t, c, "ROLLBACK")
	if err := s.db.Ready(); err == nil {
		t.Error("Ready = nil without a catalog")
	}
	away = false
	check(t, c, "INSERT INTO people (name) VALUES ('Abebe')", "")
	check(t, c, "SELECT name FROM people", "Abebe")
	if err := s.db.Ready(); err != nil {
		t.Errorf("Ready = %v after the catalog came back", err)
	}
}

func TestSession_staleCatalogIsNotReliedOn(t *testing.T) {
	fail := false
	s := startSealed(t, func(o *DatabaseOptions) {
		o.MaxStale = 10 * time.Millisecond
		version := o.Version
		o.Version = func(ctx ctxType) (string, error) {
			if fail {
				return "", errAway
			}
			return version(ctx)
		}
	})
	c := s.as("officer")
	must(t, c, "INSERT INTO people (name) VALUES ('Abebe')")
	fail = true
	s.waitFor("SELECT pg_sleep(0.02)", "")
	check(t, c, "SELECT name FROM people", "error 58000")
	fail = false
	check(t, c, "SELECT name FROM people", "Abebe")
}

// What was prepared while a table was plain must not carry plaintext to it
// once it is protected.
func TestSession_tableThatBecomesProtected(t *testing.T) {
	s := startSealed(t)
	must(t, s.direct(), "ALTER TABLE people RENAME TO persons")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, s.direct(), "CREATE VIEW villages AS SELECT * FROM towns", "GRANT ALL ON villages TO public")
	c := dialScript(t, s.addr, "officer")
	c.send("P s SELECT name2 FROM villages WHERE name2 = $1", "B - s Harar", "E - 0", "S")
	if got := strings.Join(c.read(1), " "); got != "1 2 D:Harar C:SELECT 1 Z:I" {
		t.Fatalf("over a plain table = %s", got)
	}
	// The view now shows what is protected.
	must(t, s.direct(), "ALTER TABLE persons RENAME TO people", "CREATE OR REPLACE VIEW villages AS SELECT id, name::text AS name2 FROM people")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.send("B - s Zuqualla", "E - 0", "S")
	if got := strings.Join(c.read(1), " "); got != "E:0A000 Z:I" {
		t.Errorf("a statement that was prepared before = %s, want E:0A000 Z:I", got)
	}
	if strings.Contains(s.log(), "Zuqualla") {
		t.Error("its parameter is in the server's log")
	}
}
