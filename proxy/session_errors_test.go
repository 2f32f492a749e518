package proxy

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// failing runs a statement that must fail, in the simple or the extended protocol.
func failing(t *testing.T, c *pgx.Conn, simple bool, sql string, params ...string) *pgconn.PgError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	var err error
	if simple {
		_, err = c.PgConn().Exec(ctx, sql).ReadAll()
	} else {
		values := make([][]byte, len(params))
		for i := range params {
			values[i] = []byte(params[i])
		}
		err = c.PgConn().ExecParams(ctx, sql, values, nil, nil, nil).Read().Err
	}
	return serverError(t, err)
}

func TestSession_errorsPointIntoTheClientsText(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	for _, sql := range []string{
		"SELECT id FROM people WHERE phone = 'ü1' AND city = ^nope(1)",
		"SELECT id, city  FROM people\n WHERE name IN ('a','b')\n  AND phone = '1' AND city ^@@@ 5",
		"UPDATE people SET name = 'x', city = ^missing('x') WHERE phone = 'y'",
		"INSERT INTO people (name, phone, city) SELECT 'ü', '1', ^no_such(1)",
		"WITH p AS (SELECT * FROM people WHERE phone = '1') SELECT ^nope(city), city FROM p WHERE name = 'x'",
		"SELECT count(*), ^city FROM people WHERE phone = '1'",
	} {
		want := len([]rune(sql[:strings.Index(sql, "^")])) + 1
		sql = strings.Replace(sql, "^", "", 1)
		for _, simple := range []bool{true, false} {
			if e := failing(t, c, simple, sql); int(e.Position) != want {
				t.Errorf("%s (simple %t): %s at position %d, want %d", sql, simple, e.Message, e.Position, want)
			}
		}
	}
	// The position counts from the beginning of the message, also for a
	// statement in it that reaches nothing protected.
	sql := "SELECT id FROM people WHERE phone = '1'; SELECT nope FROM towns"
	if e := failing(t, c, true, sql); int(e.Position) != strings.Index(sql, "nope")+1 {
		t.Errorf("%s: position %d, want %d", sql, e.Position, strings.Index(sql, "nope")+1)
	}
}

func TestSession_uniqueViolationSaysTheValueToWhoMayRead(t *testing.T) {
	s := startSealed(t)
	must(t, s.direct(), `ALTER TABLE people ADD COLUMN "the code" text;
		CREATE UNIQUE INDEX two ON people (city, split_part(birth::text, '.', 2), "the code")`)
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	officer, clerk := s.as("officer"), s.as("clerk")
	must(t, officer, "INSERT INTO people (name, phone) VALUES ('Abebe', '+251-1 (x)')")
	must(t, officer, `INSERT INTO people (city, birth, "the code") VALUES ('Addis, (A)', '2001-02-03', 'c')`)
	for _, tc := range []struct {
		who    *pgx.Conn
		simple bool
		sql    string
		params []string
		want   string
	}{
		{officer, true, "INSERT INTO people (phone) VALUES ('1'), ('+251-1 (x)')", nil, "Key (phone)=(+251-1 (x)) already exists."},
		{officer, false, "INSERT INTO people (phone) VALUES ($1)", []string{"+251-1 (x)"}, "Key (phone)=(+251-1 (x)) already exists."},
		{officer, false, "UPDATE people SET phone = $2 WHERE city = $1", []string{"Addis, (A)", "+251-1 (x)"}, "Key (phone)=(+251-1 (x)) already exists."},
		{officer, true, `INSERT INTO people (city, birth, "the code") VALUES ('Addis, (A)', '2001-02-03', 'c')`, nil,
			`Key (city, birth, "the code")=(Addis, (A), 2001-02-03, c) already exists.`},
		{clerk, true, "INSERT INTO people (phone) VALUES ('+251-1 (x)')", nil, "Key (phone) already exists."},
		{clerk, false, "INSERT INTO people (phone) VALUES ($1)", []string{"+251-1 (x)"}, "Key (phone) already exists."},
		// What was not sent with the statement is not known.
		{officer, true, "INSERT INTO people (phone) SELECT phone FROM people WHERE phone IS NOT NULL", nil, "Key (phone) already exists."},
	} {
		e := failing(t, tc.who, tc.simple, tc.sql, tc.params...)
		if e.Code != "23505" || e.Detail != tc.want {
			t.Errorf("%s = %s, detail %q, want %q", tc.sql, e.Code, e.Detail, tc.want)
		}
		if e.ConstraintName != "people_phone_key" && e.ConstraintName != "two" {
			t.Errorf("%s names the constraint %q", tc.sql, e.ConstraintName)
		}
	}
}
