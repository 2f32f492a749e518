package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/internal/testkit"
)

const rolesSchema = `
CREATE TABLE people (id int PRIMARY KEY, name varchar, email varchar, phone varchar, born date, income numeric(12,2), secret text, city text);`

const rolesPolicy = `version: 1
roles:
  full: {users: [registry]}
  desk: {users: [clerk]}
  member: {member_of: [auditors]}
access:
  full: reveal
  desk: {read: mask, filter: true, write: true}
  member: {read: "null", filter: true}
  "*": seal
tables:
  people:
    name: {search: [equality], mask: initials}
    email: {search: [equality], mask: email}
    phone: {search: [equality], mask: {keep_last: 4}}
    born: {search: [equality], mask: year}
    income: {search: [equality], access: {desk: {read: "null", write: true}}}
    secret: {access: {desk: deny, member: deny}}
`

// rolesStack is a stack with one person whose values are partly known, so that masks can be told.
func rolesStack(t *testing.T) (s *stack, name, email, phone, born string) {
	t.Helper()
	s = newStack(t, stackOptions{schema: rolesSchema, policy: rolesPolicy})
	name, email, phone, born = s.planter.New(testkit.Name), s.planter.New(testkit.Email), s.planter.New(testkit.Digits), s.planter.New(testkit.Date)
	_, err := s.connect(t, owner).Exec(t.Context(), "INSERT INTO people VALUES (1, $1, $2, $3, $4, 12.5, $5, 'Adama')",
		pgx.QueryExecModeSimpleProtocol, name, email, phone, born, s.planter.New(testkit.Text))
	if err != nil {
		t.Fatal(err)
	}
	return s, name, email, phone, born
}

// query runs a statement simply and returns its rows, cells in text joined by "|".
func query(t *testing.T, conn *pgx.Conn, sql string) ([]string, error) {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, r := range results {
		for _, values := range r.Rows {
			cells := make([]string, len(values))
			for i, v := range values {
				cells[i] = string(v)
				if v == nil {
					cells[i] = "<NULL>"
				}
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
	}
	return rows, nil
}

func mustQuery(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := query(t, conn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// Each role reads what the policy gives it, in text and in binary.
func TestRoles_readWhatThePolicyGives(t *testing.T) {
	t.Parallel()
	s, name, email, phone, born := rolesStack(t)
	first := strings.Fields(name)
	masked := fmt.Sprintf("%s. %s.|%s***@example.org|%s|%s-01-01|<NULL>|Adama", string([]rune(first[0])[:1]), first[1][:1],
		email[:1], strings.Repeat("*", len(phone)-4)+phone[len(phone)-4:], born[:4])
	const columns = "SELECT name, email, phone, born, income, city FROM people"
	tests := []struct{ user, want string }{
		{owner, strings.Join([]string{name, email, phone, born, "12.50", "Adama"}, "|")},
		{clerk, masked},
	}
	for _, tt := range tests {
		if diff := cmp.Diff([]string{tt.want}, mustQuery(t, s.connect(t, tt.user), columns)); diff != "" {
			t.Errorf("as %s (-want +got):\n%s", tt.user, diff)
		}
	}

	sealed := strings.Split(mustQuery(t, s.connect(t, other), columns)[0], "|")
	direct := strings.Split(mustQuery(t, s.connectDirect(t, testkit.Superuser), columns)[0], "|")
	if diff := cmp.Diff(direct, sealed); diff != "" {
		t.Errorf("a role without access must see what is stored (-stored +seen):\n%s", diff)
	}
	for i, cell := range sealed[:5] {
		if !strings.HasPrefix(cell, "pv1.") {
			t.Errorf("column %d is stored as %q", i, cell)
		}
	}
}

// A masked date is still a date, a hidden number still a number: metadata and binary form agree.
func TestRoles_masksKeepTypes(t *testing.T) {
	t.Parallel()
	s, _, _, _, born := rolesStack(t)
	conn := s.connect(t, clerk)
	got := oracle.Run(t.Context(), conn.PgConn(), oracle.Binary, oracle.Statement{SQL: "SELECT born, income, name FROM people"})
	if got.Err != nil || len(got.Results) != 1 {
		t.Fatalf("reading: %+v", got)
	}
	var oids []uint32
	for _, c := range got.Results[0].Columns {
		oids = append(oids, c.OID)
	}
	if diff := cmp.Diff([]uint32{1082, 1700, 1043}, oids); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	var day time.Time // pgx asks for dates in binary form
	if err := conn.QueryRow(t.Context(), "SELECT born FROM people").Scan(&day); err != nil || day.Format(time.DateOnly) != born[:4]+"-01-01" {
		t.Errorf("a masked date in binary form: %v, %v, want %s-01-01", day, err, born[:4])
	}
}

// What a role may not do is refused with the policy's code, and changes nothing.
func TestRoles_refuseWhatThePolicyForbids(t *testing.T) {
	t.Parallel()
	s, name, email, phone, _ := rolesStack(t)
	maskedPhone := strings.Repeat("*", len(phone)-4) + phone[len(phone)-4:]
	tests := []struct{ user, sql, state string }{
		{clerk, "SELECT secret FROM people", "42501"},
		{clerk, "SELECT * FROM people", "42501"},
		{clerk, "SELECT id FROM people WHERE income = 12.5", "42501"},
		{clerk, "SELECT id FROM people WHERE secret IS NULL", "42501"},
		// A masked value that is written back would destroy what it hides.
		{clerk, "UPDATE people SET phone = '" + maskedPhone + "' WHERE id = 1", "42501"},
		{other, "SELECT id FROM people WHERE email = '" + email + "'", "42501"},
		{other, "UPDATE people SET name = '" + name + "' WHERE id = 1", "42501"},
		{other, "INSERT INTO people (id, name) VALUES (2, 'x')", "42501"},
	}
	before := mustQuery(t, s.connectDirect(t, testkit.Superuser), "SELECT * FROM people")
	for _, tt := range tests {
		_, err := query(t, s.connect(t, tt.user), tt.sql)
		e, ok := err.(*pgconn.PgError)
		if !ok || e.Code != tt.state || oracle.Code(e) == "" {
			t.Errorf("%s: %s: error %v, want SQLSTATE %s of pgveil", tt.user, tt.sql, err, tt.state)
		}
		if ok && strings.Contains(e.Message+e.Detail+e.Hint, email) {
			t.Errorf("%s: the refusal repeats a protected value: %v", tt.sql, e)
		}
	}
	if diff := cmp.Diff(before, mustQuery(t, s.connectDirect(t, testkit.Superuser), "SELECT * FROM people")); diff != "" {
		t.Errorf("a refused statement changed the table (-before +after):\n%s", diff)
	}
}

// The role is that of the current user, whatever way it came about, rolled back with its transaction.
func TestRoles_followSetRole(t *testing.T) {
	t.Parallel()
	s, name, _, _, _ := rolesStack(t)
	s.pg.Exec(t, "postgres", "GRANT clerk, outsider TO registry")
	s.pg.Exec(t, s.db, "DO $$BEGIN CREATE ROLE auditors; EXCEPTION WHEN duplicate_object THEN NULL; END$$",
		"DO $$BEGIN CREATE ROLE auditor LOGIN IN ROLE auditors; EXCEPTION WHEN duplicate_object THEN NULL; END$$", "GRANT SELECT ON people TO auditors")
	conn := s.connect(t, owner)
	const read = "SELECT name FROM people"
	initials := fmt.Sprintf("%s. %s.", string([]rune(name)[:1]), strings.Fields(name)[1][:1])
	steps := []struct{ sql, want string }{
		{"", name},
		{"SET ROLE clerk", initials},
		{"RESET ROLE", name},
		{"BEGIN", name},
		{"SET LOCAL ROLE clerk", initials},
		{"ROLLBACK", name},
		{"BEGIN", name},
		{"SAVEPOINT s", name},
		{"SET ROLE clerk", initials},
		{"ROLLBACK TO s", name},
		{"COMMIT", name},
		{"SELECT set_config('role', 'clerk', false)", initials},
		{"DISCARD ALL", name},
		{"SET ROLE outsider", "pv1."},
		{"SET ROLE NONE", name},
	}
	for _, step := range steps {
		if step.sql != "" {
			mustQuery(t, conn, step.sql)
		}
		if got := mustQuery(t, conn, read); !strings.HasPrefix(got[0], step.want) {
			t.Fatalf("after %q: %q, want %q", step.sql, got[0], step.want)
		}
	}
	if got := mustQuery(t, s.connect(t, "auditor"), read); got[0] != "<NULL>" {
		t.Errorf("a member of auditors reads %q, want NULL", got[0])
	}
}
