package rewrite_test

import (
	"strings"
	"testing"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// names is a Matcher for which some identifiers reach something protected.
type names map[string]bool

func (n names) Match(ident []byte) (f shape.Flags) {
	if n[string(ident)] {
		f = rewrite.Reaches
	}
	return f
}

func TestReachesAnyhow_findsNamesInWhatCannotBeScanned(t *testing.T) {
	m := names{"people": true, "Odd Name": true, "naïve": true}
	for _, tc := range []struct {
		sql  string
		want bool
	}{
		{"SELECT * FROM people WHERE x = 'open", true},
		{"SELECT * FROM PeOpLe WHERE x = 'open", true},
		{`SELECT * FROM "people" WHERE x = 'open`, true},
		{`SELECT * FROM "Odd Name" WHERE x = 'open`, true},
		{"SELECT * FROM naïve WHERE x = 'open", true},
		{`SELECT * FROM u&"\0070eople" WHERE x = 'open`, true},
		{"SELECT * FROM public.people/* open", true},
		{"SELECT * FROM peoples, my_people WHERE x = 'open", false},
		{"SELECT 'open", false},
		{"", false},
	} {
		if got := rewrite.ReachesAnyhow(m, []byte(tc.sql)); got != tc.want {
			t.Errorf("ReachesAnyhow(%q) = %t, want %t", tc.sql, got, tc.want)
		}
	}
}

// What PostgreSQL's grammar does not read is answered in PostgreSQL's words, at
// the place in the client's text, in characters.
func TestPlan_syntaxErrorsArePostgreSQLs(t *testing.T) {
	env, c := testEnv(t, "admin"), rewrite.New(10)
	for _, tc := range []struct {
		sql, message string
		position     int
	}{
		{"SELEC * FROM res_partner", `syntax error at or near "SELEC"`, 1},
		{"  SELECT 'é', name FROM res_partner WHERE WHERE", `syntax error at or near "WHERE"`, 43},
		{"SELECT 'é'; SELECT * FROM res_partner WHERE", "syntax error at end of input", 44},
		{"SELECT name FROM res_partner WHERE id = = 1", `syntax error at or near "="`, 41},
		// What only PostgreSQL 18 knows.
		{"DELETE FROM res_partner RETURNING WITH (OLD AS o) o.name", `syntax error at or near "WITH"`, 35},
		{"ALTER TABLE res_partner ADD COLUMN c int GENERATED ALWAYS AS (id) VIRTUAL", `syntax error at or near "VIRTUAL"`, 67},
		{"ALTER TABLE res_partner ADD PRIMARY KEY (id, d WITHOUT OVERLAPS)", `syntax error at or near "WITHOUT"`, 48},
		{"ALTER TABLE res_partner ADD FOREIGN KEY (id, PERIOD d) REFERENCES x (id, PERIOD d)", `syntax error at or near "d"`, 53},
	} {
		statements, err := shape.NewScanner([2]uint64{}).Scan([]byte(tc.sql), true, rewrite.Matcher(env.Snapshot))
		if err != nil {
			t.Fatalf("Scan(%q): %v", tc.sql, err)
		}
		st := &statements[len(statements)-1]
		if rewrite.FlagsOf(st)&rewrite.Reaches == 0 {
			t.Fatalf("%q reaches nothing", tc.sql)
		}
		got := c.Plan(env, []byte(tc.sql), st, nil).Refusal
		if got == nil || got.State != "42601" || got.Code != pgerr.CannotParse || got.Message != tc.message || got.Position != tc.position {
			t.Errorf("Plan(%q) = %+v, want 42601 %q at %d", tc.sql, got, tc.message, tc.position)
		}
		if got != nil && got.Cause != nil {
			t.Errorf("Plan(%q) has a cause, which would be logged", tc.sql)
		}
	}
}

func TestUnreadable_saysWhatPostgreSQLSays(t *testing.T) {
	for _, tc := range []struct {
		sql, message string
		position     int
		state        string
	}{
		{"SELECT 'é' FROM people WHERE x = 'open", `unterminated quoted string at or near "'open"`, 34, "42601"},
		{"SELEC 'é' FROM people WHERE x = 'open", `syntax error at or near "SELEC"`, 1, "42601"},
		{"SELECT 1; SELECT E'\\u12' FROM people", "invalid Unicode escape", 20, "22025"},
		{"SELECT /* people", `unterminated /* comment at or near "/* people"`, 8, "42601"},
		{`SELECT "" FROM people`, `zero-length delimited identifier at or near """"`, 8, "42601"},
		// Only pgveil refuses these.
		{"SELECT 'é', $1people", "syntax error: trailing junk after parameter", 13, "42601"},
	} {
		_, scan := shape.NewScanner([2]uint64{}).Scan([]byte(tc.sql), true, nil)
		if scan == nil {
			t.Fatalf("Scan(%q) takes it", tc.sql)
		}
		got := rewrite.Unreadable([]byte(tc.sql), scan)
		if got.State != tc.state || got.Code != pgerr.CannotParse || got.Message != tc.message || got.Position != tc.position {
			t.Errorf("Unreadable(%q) = %+v, want %s %q at %d", tc.sql, got, tc.state, tc.message, tc.position)
		}
	}
}

// A shape does not tell how a word is written, nor where.
func TestPlan_rememberNoSyntaxError(t *testing.T) {
	env, c := testEnv(t, "admin"), rewrite.New(10)
	for sql, want := range map[string]int{"SELEC name FROM res_partner": 1, "\n  selec name FROM res_partner": 4} {
		got := planOf(t, env, c, sql).plan.Refusal
		if word := strings.Fields(sql)[0]; got.Position != want || got.Message != `syntax error at or near "`+word+`"` {
			t.Errorf("Plan(%q) = %q at %d, want %s at %d", sql, got.Message, got.Position, word, want)
		}
	}
}

// Text that only the scanner refuses is read by the grammar, however deep.
func TestUnreadable_isNotTooDeep(t *testing.T) {
	sql := []byte("SELECT 1" + strings.Repeat("+1", 200_000) + ", $1people")
	if got := rewrite.Unreadable(sql, &shape.Error{Offset: 8, Reason: "x"}); got.Message != "syntax error: x" || got.Position != 9 {
		t.Errorf("Unreadable = %q at %d, want syntax error: x at 9", got.Message, got.Position)
	}
}

// A tree of 200,000 operators, or of 1,500 queries, ends a process that lets the
// grammar's C code walk it.
func TestPlan_refusesWhatIsTooDeep(t *testing.T) {
	env, c := testEnv(t, "admin"), rewrite.New(10)
	for _, n := range []int{12_000, 200_000} {
		for name, sql := range map[string]string{
			"operators":      "SELECT 1" + strings.Repeat("+1", n) + " FROM res_partner",
			"set operations": "SELECT id FROM res_partner" + strings.Repeat(" UNION SELECT 1", n),
			"joins":          "SELECT 1 FROM res_partner" + strings.Repeat(" CROSS JOIN towns", n),
			"casts":          "SELECT id" + strings.Repeat("::int", n) + " FROM res_partner",
			"parentheses":    "SELECT " + strings.Repeat("(", n) + "id" + strings.Repeat(")", n) + " FROM res_partner",
			"a second chain": "SELECT " + strings.Repeat("(", n/1000) + "1" + strings.Repeat(strings.Repeat("+1", 1000)+")", n/1000) + " FROM res_partner",
			"queries":        strings.Repeat("SELECT (", n/8) + "SELECT id FROM res_partner" + strings.Repeat(")", n/8),
		} {
			p := planOf(t, env, c, sql)
			if p.plan.Verdict != rewrite.Refuse || p.plan.Refusal.Code != pgerr.TooDeep && p.plan.Refusal.Code != pgerr.CannotParse {
				t.Errorf("Plan(%d %s) = %v %+v, want it refused as too deep", n, name, p.plan.Verdict, p.plan.Refusal)
			}
		}
	}
	const n = 1900
	if p := planOf(t, env, c, "SELECT 1"+strings.Repeat("+1", n)+" FROM res_partner WHERE name = 'x'"); p.plan.Verdict != rewrite.Rewrite {
		t.Errorf("Plan(a chain of %d) = %+v, want it rewritten", n, p.plan.Refusal)
	}
	const deep = 360
	sql := strings.Repeat("SELECT (", deep) + "SELECT id FROM res_partner WHERE name = 'x'" + strings.Repeat(")", deep)
	if p := planOf(t, env, c, sql); p.plan.Verdict != rewrite.Rewrite {
		t.Errorf("Plan(%d queries) = %+v, want it rewritten", deep, p.plan.Refusal)
	}
}
