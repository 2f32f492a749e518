package rewrite

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClientPosition(t *testing.T) {
	for _, tc := range []struct{ client, sent, at, want string }{
		// at is where the server points in sent, want where the client should look.
		{"SELECT nmae FROM people WHERE phone = '1'",
			"SELECT nmae FROM people WHERE pg_catalog.split_part(phone::pg_catalog.text, '.', 2) = 'abcdef'", "nmae", "nmae"},
		{"select  *  from people\nwhere phone='1' and nope = 2",
			"SELECT * FROM people WHERE pg_catalog.split_part(phone::pg_catalog.text, '.', 2) = 'abcdef' AND nope = 2", "nope", "nope"},
		{"SELECT /* nope */ 'ü', nope FROM people WHERE phone = $2",
			"SELECT 'ü', nope FROM people WHERE pg_catalog.split_part(phone::pg_catalog.text, '.', 2) = $1", "nope", "nope FROM"},
		// What pgveil wrote stands for what it was written for.
		{"SELECT id FROM people GROUP BY phone",
			"SELECT id FROM people GROUP BY pg_catalog.split_part(phone::pg_catalog.text, '.', 2)", "pg_catalog.split_part", "phone"},
		{"SELECT 1 FROM t WHERE active = lower('x')",
			"SELECT 1 FROM t WHERE split_part(active::pg_catalog.text, '.', 2) OPERATOR(pg_catalog.=) 'a' = lower('x')", "= lower", "= lower"},
		// The same word twice: the second is meant.
		{"SELECT a FROM t WHERE phone = 'x' AND a = b",
			"SELECT a FROM t WHERE pg_catalog.split_part(phone::pg_catalog.text, '.', 2) = 'y' AND a = b", "a = b", "a = b"},
		{`SELECT "Mixed" FROM t WHERE phone = 'x'`, `SELECT "Mixed" FROM t WHERE f(phone) = 'y'`, `"Mixed"`, `"Mixed"`},
		{"SELECT id FROM people WHERE phone = 'x' ORDER BY", "SELECT id FROM people WHERE f(phone) = 'y' ORDER BY", "", ""},
	} {
		at := utf8.RuneCountInString(tc.sent[:strings.LastIndex(tc.sent, tc.at)]) + 1
		want := utf8.RuneCountInString(tc.client[:strings.LastIndex(tc.client, tc.want)]) + 1
		got, ok := ClientPosition(tc.client, tc.sent, at)
		if !ok || got != want {
			t.Errorf("ClientPosition(%q, %q, %d) = %d, %t, want %d", tc.client, tc.sent, at, got, ok, want)
		}
	}
}

func TestClientPosition_whereThereIsNone(t *testing.T) {
	long := "SELECT " + strings.Repeat("a, ", 3000) + "a"
	for _, tc := range []struct {
		client, sent string
		at           int
	}{
		{"SELECT 1", "SELECT 1", 0},
		{"SELECT 1", "SELECT 1", 99},
		{"SELECT 'open", "SELECT 1", 8},
		{"SELECT 1", "SELECT 'open", 8},
		{"TABLE t", "SELECT a, b, c, d, e, f, g, h, i, j, k, l FROM t", 8},
		{long, long, 8},
	} {
		if got, ok := ClientPosition(tc.client, tc.sent, tc.at); ok {
			t.Errorf("ClientPosition(%.20q, %.20q, %d) = %d, want none", tc.client, tc.sent, tc.at, got)
		}
	}
}
