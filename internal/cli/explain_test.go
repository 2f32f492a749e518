package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

const explainPolicy = `
version: 1
roles:
  full: {users: [admin]}
  clerk: {users: [ann]}
  auditor: {users: [audit]}
access: {full: reveal, clerk: {read: mask, filter: true}, auditor: {read: null, filter: true}, "*": deny}
tables:
  people:
    name: {search: [equality]}
    born: {search: [equality]}
`

func explainAs(t *testing.T, user, sql string) string {
	t.Helper()
	p, err := policy.Load("p", []byte(explainPolicy))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := catalog.Build(p, "public.people(id int4 not null, name varchar, born date)\npublic.plain(id int4, name text)\n")
	if err != nil {
		t.Fatal(err)
	}
	env := &rewrite.Env{
		Snapshot: snapshot, Policy: p, User: user, SearchPath: searchPath("public", user),
		Roles: p.RolesOf(policy.Identity{User: user}), Steps: true,
	}
	var out strings.Builder
	if err := explain(&out, env, []byte(sql)); err != nil {
		t.Fatalf("explain(%s): %v", sql, err)
	}
	return out.String()
}

func TestExplain(t *testing.T) {
	for _, tc := range []struct{ name, user, sql, want string }{
		{"what reaches nothing", "admin", "SELECT name FROM plain WHERE name = 'x'", `as admin, roles: full

forwarded untouched: it reaches nothing protected
`},
		{"what needs no change in its text", "admin", "SELECT name FROM people", `as admin, roles: full

forwarded as it is
result column 1: public.people.name, opened
`},
		{"a condition", "ann", "SELECT id FROM people WHERE name = 'Ann'", `as ann, roles: clerk

sent instead:
    SELECT id FROM people WHERE pg_catalog.split_part(name::pg_catalog.text, '.', 2) = <term of public.people.name>
`},
		{"rows of values", "admin", "INSERT INTO people (id, name, born) VALUES (1, 'Ann', NULL), (2, NULL, '2000-01-01')", `as admin, roles: full

sent instead:
    INSERT INTO people (id, name, born) VALUES (1, <sealed for public.people.name>, NULL), (2, NULL, <sealed for public.people.born>)
`},
		{"a step", "admin", "INSERT INTO people (id, name, born) SELECT id, name, '2000-01-01' FROM plain WHERE id = $1", `as admin, roles: full

step 1, in the same transaction, of at most 20000 rows:
    SELECT id, name, NULL FROM plain WHERE id = $1
its column 2: sealed for public.people.name
sent instead:
    INSERT INTO people (id, name, born) SELECT pgveil.c1, pgveil.c2, <sealed for public.people.born> FROM (SELECT <the rows of step 1>) pgveil
`},
		{"a step of one row", "admin", "INSERT INTO people (id, name) VALUES (1, current_user)", `as admin, roles: full

step 1, in the same transaction, of at most 20000 rows:
    VALUES (current_user)
its column 1: sealed for public.people.name
sent instead:
    INSERT INTO people (id, name) VALUES (1, <column 1 of step 1>)
`},
		{"a parameter", "admin", "UPDATE people SET name = $1 WHERE id = $2", `as admin, roles: full

sent instead:
    UPDATE people SET name = $1 WHERE id = $2
parameter $1: <sealed for public.people.name>, of the client's $1
`},
		{"ways to read", "audit", "SELECT name, id FROM people", `as audit, roles: auditor

forwarded as it is
result column 1: public.people.name, shown as NULL
`},
		{"several statements", "ann", "SELECT 1; SELECT born FROM people;", `as ann, roles: clerk

forwarded untouched: it reaches nothing protected

forwarded as it is
result column 1: public.people.born, opened and masked
`},
		{"nothing at all", "nobody", " ; -- nothing", "as nobody, roles: none\n"},
	} {
		if diff := cmp.Diff(tc.want, explainAs(t, tc.user, tc.sql)); diff != "" {
			t.Errorf("%s: explain(%s) (-want +got):\n%s", tc.name, tc.sql, diff)
		}
	}
}

func TestExplain_refusalHasReasonCodeAndCure(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT name FROM people":                "42501, not-allowed-by-policy",
		"INSERT INTO people (name) VALUES ('x')": "42501, not-allowed-by-policy",
	} {
		got := explainAs(t, "nobody", sql)
		if !strings.Contains(got, "refused: ") || !strings.Contains(got, want) || !strings.Contains(got, "\nhint: ") {
			t.Errorf("explain(%s) = %s, want a refusal with %s and a hint", sql, got, want)
		}
	}
	got := explainAs(t, "admin", "SELECT name FROM people ORDER BY lower(name)")
	if !strings.Contains(got, "refused: ") || !strings.Contains(got, "0A000") || !strings.Contains(got, "public.people.name") {
		t.Errorf("explain = %s, want a refusal that names the column", got)
	}
}

// What is sealed must not be seen over somebody's shoulder either.
func TestExplain_doesNotRepeatValues(t *testing.T) {
	for _, sql := range []string{
		"SELECT id FROM people WHERE name = 'Hunter2'", "SELECT id FROM people WHERE name IN ('Hunter2', 'x')",
		"INSERT INTO people VALUES (1, 'Hunter2', NULL)", "UPDATE people SET name = 'Hunter2'",
		"DELETE FROM people WHERE name <> 'Hunter2'",
	} {
		if got := explainAs(t, "admin", sql); strings.Contains(got, "Hunter2") || !strings.Contains(got, "sent instead") {
			t.Errorf("explain(%s) = %s, want it rewritten without the value", sql, got)
		}
	}
}

func TestExplain_textThatIsNoSQL(t *testing.T) {
	env := &rewrite.Env{Snapshot: nil}
	p, err := policy.Load("p", []byte(explainPolicy))
	if err != nil {
		t.Fatal(err)
	}
	if env.Snapshot, err = catalog.Build(p, ""); err != nil {
		t.Fatal(err)
	}
	env.Policy = p
	var out strings.Builder
	if err := explain(&out, env, []byte("SELECT 'open")); err == nil || out.Len() > 0 {
		t.Errorf("explain = %v, %q, want an error and nothing printed", err, out.String())
	}
}
