package lint

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/workload"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

const testPolicy = `
version: 1
roles: {full: {users: [admin]}}
access: {full: reveal, "*": deny}
tables: {people: {name: {search: [equality]}, sick: {type: bool}}}
`

func newLinter(t *testing.T, o Options) *Linter {
	t.Helper()
	pol, err := policy.Load("policy.yaml", []byte(testPolicy))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := catalog.Build(pol, "public.people(id int4 not null, name varchar, sick bool, city text)\npublic.towns(id int4, name text)\n")
	if err != nil {
		t.Fatal(err)
	}
	return New(&rewrite.Env{
		Snapshot: snapshot, Policy: pol, User: "admin", SearchPath: []string{"pg_catalog", "public"},
		Roles: pol.RolesOf(policy.Identity{User: "admin"}), Copies: true, Commands: true, Overlays: true,
	}, o)
}

func (l *Linter) addAll(t *testing.T, text string, f workload.Format) *Linter {
	t.Helper()
	_, statements, err := workload.Read(strings.NewReader(text), f)
	if err != nil {
		t.Fatal(err)
	}
	for st, err := range statements {
		if err != nil {
			t.Fatal(err)
		}
		l.Add("app.sql", st)
	}
	return l
}

func everything(Verdict) bool { return true }

const application = `BEGIN
SELECT name FROM towns WHERE id = 7
SELECT name FROM towns WHERE id = 8
SELECT id FROM people WHERE name = 'Zewditu'
select id from people where name = 'Abebe' -- again
SELECT name FROM people ORDER BY lower(name || 'Zewditu')
INSERT INTO people VALUES (1, 'Zewditu', true, 'Harar'), (2, 'Abebe', false, NULL)
SELECT id FROM people ORDER BY 1
SELECT id FROM people ORDER BY no_such_column
COMMIT; SELECT name FROM people ORDER BY lower(name || 'Abebe')
`

func TestLinter_table(t *testing.T) {
	var out bytes.Buffer
	if err := newLinter(t, Options{}).addAll(t, application, "").Result().WriteTable(&out, everything); err != nil {
		t.Fatal(err)
	}
	want := `VERDICT    SEEN  WHERE       STATEMENT
forwarded     1  app.sql:1   BEGIN
forwarded     2  app.sql:2   SELECT name FROM towns WHERE id = …
rewritten     2  app.sql:4   SELECT id FROM people WHERE name = '…'
refused       2  app.sql:6   SELECT name FROM people ORDER BY lower(name || '…')
                             why:  WHY1
                             cure: CURE1
rewritten     1  app.sql:7   INSERT INTO people VALUES (…)
forwarded     1  app.sql:8   SELECT id FROM people ORDER BY …
refused       1  app.sql:9   SELECT id FROM people ORDER BY no_such_column
                             why:  column "no_such_column" does not exist (SQLSTATE 42703, undefined-column)
                             cure: CURE2
forwarded     1  app.sql:10  COMMIT

TOTAL          SEEN  DISTINCT
forwarded         5         4
rewritten         3         2
refused           3         2
all              11         8

    SEEN  DISTINCT  REFUSED BECAUSE
       2         1  REASON1
       1         1  column "no_such_column" does not exist (undefined-column)
`
	// What the compiler says in other tests may change without harm here.
	f := newLinter(t, Options{}).addAll(t, application, "").Result().Findings
	want = strings.NewReplacer(
		"WHY1", f[3].Refusal.Message+" (SQLSTATE "+f[3].Refusal.State+", "+string(f[3].Refusal.Code)+")", "CURE1", f[3].Refusal.Hint,
		"CURE2", f[6].Refusal.Hint, "REASON1", f[3].Refusal.Message+" ("+string(f[3].Refusal.Code)+")").Replace(want)
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("WriteTable (-want +got):\n%s", diff)
	}
}

func TestLinter_json(t *testing.T) {
	var out bytes.Buffer
	if err := newLinter(t, Options{}).addAll(t, application, "").Result().WriteJSON(&out, everything); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Statements []Finding
		Totals     Totals
		Reasons    []Reason `json:"refused_because"`
	}
	d := json.NewDecoder(&out)
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.Statements) != 8 || got.Totals.All != (Count{Seen: 11, Distinct: 8}) || got.Totals.Refused != (Count{Seen: 3, Distinct: 2}) {
		t.Errorf("WriteJSON = %d statements, %+v", len(got.Statements), got.Totals)
	}
	if r := got.Reasons[0]; r.Seen != 2 || r.Distinct != 1 || r.Message == "" || r.Code == "" {
		t.Errorf("the first reason is %+v", r)
	}
	if f := got.Statements[3]; f.Verdict != Refused || f.Line != 6 || f.File != "app.sql" || f.Refusal.Hint == "" || f.Refusal.State == "" {
		t.Errorf("the fourth statement is %+v", f)
	}
	out.Reset()
	if err := newLinter(t, Options{}).Result().WriteJSON(&out, everything); err != nil || strings.Contains(out.String(), "null") {
		t.Errorf("WriteJSON of nothing = %s, %v, want empty lists", out.String(), err)
	}
}

func TestResult_showsWhatIsAskedFor(t *testing.T) {
	r := newLinter(t, Options{}).addAll(t, application, "").Result()
	refused := func(v Verdict) bool { return v == Refused }
	var table, object bytes.Buffer
	if err := r.WriteTable(&table, refused); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&object, refused); err != nil {
		t.Fatal(err)
	}
	if s := table.String(); strings.Contains(s, "BEGIN") || !strings.Contains(s, "no_such_column") || !strings.Contains(s, "all              11         8") {
		t.Errorf("WriteTable = %s, want what is refused, and the totals of all", s)
	}
	if s := object.String(); strings.Contains(s, "BEGIN") || !strings.Contains(s, "no_such_column") || !strings.Contains(s, `"seen": 11`) {
		t.Errorf("WriteJSON = %s, want what is refused, and the totals of all", s)
	}
}

// secrets are statements that each hold the value, in every place where one can stand.
const secrets = `SELECT id FROM people WHERE name = 'Zewditu'
SELECT id FROM people WHERE name IN ('Zewditu', 'x') OR city = E'Zewditu' OR name = $$Zewditu$$
SELECT id FROM people /* Zewditu */ WHERE name = 'x' -- Zewditu
SELECT 'Zewditu' || lower(name) FROM people
INSERT INTO people (name) VALUES ('x'), ('Zewditu')
INSERT INTO people (name) VALUES (lower('Zewditu'))
SELECT name FROM people p 'Zewditu'
SELECT name FROM people WHERE name = 'O'Zewditu'
SELECT name FROM people WHERE name = 'O'Zewditu' AND ''
SELECT name FROM people WHERE name = 'Zewditu
SELECT name FROM people WHERE name = E'\u12Zewditu'
SELECT name FROM people WHERE 1Zewditu
SELECT name FROM people WHERE name = "x" 'Zewditu' UESCAPE 7
COPY people FROM STDIN WITH (NULL 'Zewditu')
PREPARE p AS SELECT id FROM people WHERE name = 'Zewditu' AND id = $1
EXECUTE p ('Zewditu')
DO 'BEGIN DELETE FROM people WHERE name = ''Zewditu''; END'
`

func TestLinter_showsNoLiteral(t *testing.T) {
	for _, o := range []Options{{}, {ShowLiterals: true}} {
		l := newLinter(t, o)
		for line := range strings.Lines(secrets) {
			l.Add("app.sql", workload.Statement{Text: []byte(strings.TrimSpace(line)), Line: 1, Seen: 1})
		}
		var out bytes.Buffer
		if err := l.Result().WriteTable(&out, everything); err != nil {
			t.Fatal(err)
		}
		if err := l.Result().WriteJSON(&out, everything); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "Zewditu"); got != o.ShowLiterals {
			t.Errorf("with %+v the value is shown: %t in\n%s", o, got, out.String())
		}
		if n := len(l.Result().Findings); n < 12 {
			t.Errorf("with %+v there are %d findings of 17 statements", o, n)
		}
	}
}

func TestLinter_brokenStatements(t *testing.T) {
	for _, tc := range []struct {
		sql   string
		want  Verdict
		shown string
		why   string
	}{
		{"SELEC name FROM people", Refused, "SELEC name FROM people …", `syntax error at or near "SELEC"`},
		{"SELECT name FROM people WHERE WHERE name = 'x'", Refused, "SELECT name FROM people WHERE WHERE name = …", `syntax error at or near "WHERE"`},
		{"SELECT name FROM people WHERE name = 'x' 'y'", Refused, "SELECT name FROM people WHERE name = …", `syntax error at or near "…"`},
		{"SELECT 1; SELECT name FROM people WHERE name = 'x", Refused, "SELECT …", `unterminated quoted string at or near "…"`},
		{"SELECT name FROM people WHERE name = 'x", Refused, "SELECT name FROM people WHERE name = …", `unterminated quoted string at or near "…"`},
		{"SELECT name FROM towns WHERE name = 'x", Forwarded, "SELECT name FROM towns WHERE name = …", ""},
		{"SELEC name FROM towns", Forwarded, "SELEC name FROM towns", ""},
	} {
		l := newLinter(t, Options{})
		l.Add("f", workload.Statement{Text: []byte(tc.sql), Line: 1, Seen: 1})
		got := l.Result().Findings[0]
		why := ""
		if got.Refusal != nil {
			why = got.Refusal.Message
		}
		if got.Verdict != tc.want || got.Statement != tc.shown || why != tc.why {
			t.Errorf("Add(%q) = %s %q because %q, want %s %q because %q", tc.sql, got.Verdict, got.Statement, why, tc.want, tc.shown, tc.why)
		}
	}
}

// The placeholders of pg_stat_statements are parameters.
func TestLinter_statStatements(t *testing.T) {
	const text = `calls,query
10,"SELECT id FROM people WHERE name = $1 AND city = $2 LIMIT $3"
20,"SELECT id FROM people WHERE name IN ($1 /*, ... */)"
30,"SELECT id FROM people WHERE name IN ($1, $2, $3)"
40,"INSERT INTO people (id, name) VALUES ($1, $2), ($3, $4)"
50,"SELECT INTERVAL $1, DATE $2, city FROM people WHERE id = $3"
60,"UPDATE people SET name = $1, city = $2 WHERE id = $3"
70,"SELECT name FROM people ORDER BY lower(name) LIMIT $1"
`
	r := newLinter(t, Options{}).addAll(t, text, "").Result()
	var got []Verdict
	for _, f := range r.Findings {
		got = append(got, f.Verdict)
		if f.Verdict == Refused && f.Seen != 70 {
			t.Errorf("%s is refused: %+v", f.Statement, f.Refusal)
		}
	}
	if want := (Totals{Forwarded: Count{50, 1}, Rewritten: Count{160, 5}, Refused: Count{70, 1}, All: Count{280, 7}}); r.Totals() != want {
		t.Errorf("Totals = %+v (%v), want %+v", r.Totals(), got, want)
	}
}

func TestLinter_knowsWhatWasPrepared(t *testing.T) {
	l := newLinter(t, Options{}).addAll(t, "PREPARE p AS SELECT id FROM people WHERE name = $1;\nEXECUTE p ('x');\nEXECUTE p ('x', 'y');\nEXECUTE other (1);\n", workload.Script)
	var got []Verdict
	for _, f := range l.Result().Findings {
		got = append(got, f.Verdict)
	}
	if diff := cmp.Diff([]Verdict{Rewritten, Rewritten, Refused, Forwarded}, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

func TestLinter_leavesOtherDatabasesOut(t *testing.T) {
	l := newLinter(t, Options{Database: "a"}).addAll(t,
		`{"db": "a", "sql": "SELECT 1"}`+"\n"+`{"db": "b", "sql": "SELECT 2"}`+"\n"+`{"sql": "SELECT a"}`, "")
	if r := l.Result(); len(r.Findings) != 2 || r.OtherDatabases != 1 {
		t.Errorf("findings = %+v and %d left out, want 2 and 1", r.Findings, r.OtherDatabases)
	}
}

func TestLinter_placesInMessagesOfSeveralStatements(t *testing.T) {
	l := newLinter(t, Options{})
	l.Add("f", workload.Statement{Text: []byte("SELECT 1;\n\n SELECT id FROM people\nWHERE name = 'x';"), Line: 10, Seen: 3})
	if f := l.Result().Findings; len(f) != 2 || f[1].Line != 12 || f[1].Seen != 3 {
		t.Errorf("findings = %+v, want the second at line 12, seen 3 times", f)
	}
}
