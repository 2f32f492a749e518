package rewrite_test

import (
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"
	"golang.org/x/tools/txtar"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

func testEnv(t *testing.T, user string) *rewrite.Env {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/compare.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var pol, schema []byte
	for _, f := range archive.Files {
		switch f.Name {
		case "policy":
			pol = f.Data
		case "schema":
			schema = f.Data
		}
	}
	env := environment(t, pol, schema, user)
	return &env
}

func TestPlan_twinsShareOnePlan(t *testing.T) {
	twins := [][2]string{
		{"SELECT id FROM res_partner WHERE name = 'a'", "select id from res_partner where name = 'longer, with '' quote'"},
		{"SELECT id FROM res_partner WHERE id IN (1)", "SELECT id FROM res_partner WHERE id IN (1, 2, -3)"},
		{"SELECT id FROM res_partner WHERE name IN ('a')", "SELECT id FROM res_partner WHERE name IN ('a', NULL, 'c')"},
		{"INSERT INTO res_partner (id, name) VALUES (1, 'x')", "INSERT INTO res_partner (id, name) VALUES (1, NULL), (2, 'y'), (3, DEFAULT)"},
		{"UPDATE res_partner SET name = 'x' WHERE id = 1", "UPDATE res_partner SET name = E'\\x41' WHERE id = 77 -- why"},
		{"SELECT name FROM res_partner LIMIT 5", "SELECT name FROM res_partner LIMIT 50"},
	}
	env, c := testEnv(t, "admin"), rewrite.New(100)
	for _, twin := range twins {
		a, b := planOf(t, env, c, twin[0]), planOf(t, env, c, twin[1])
		if a.plan != b.plan {
			t.Errorf("Plan(%q) and Plan(%q) differ, want one plan", twin[0], twin[1])
		}
	}
}

func TestPlan_differsWhereALiteralDecides(t *testing.T) {
	pairs := [][2]string{
		{"SELECT id, name FROM res_partner ORDER BY 1", "SELECT id, name FROM res_partner ORDER BY 2"},
		{"SELECT id, name FROM res_partner GROUP BY 1", "SELECT id, name FROM res_partner GROUP BY 1, name"},
		{"SELECT city::varchar(2) FROM res_partner WHERE name = 'x'", "SELECT city::varchar(3) FROM res_partner WHERE name = 'x'"},
		{"SELECT id FROM res_partner WHERE name = 'x'", "SELECT id FROM res_partner WHERE name = 5"},
		{"SELECT id FROM res_partner WHERE name = 'x'", "SELECT id FROM res_partner WHERE \"name\" = 'x' AND id = 1"},
	}
	env, c := testEnv(t, "admin"), rewrite.New(100)
	for _, pair := range pairs {
		a, b := planOf(t, env, c, pair[0]), planOf(t, env, c, pair[1])
		if a.plan == b.plan {
			t.Errorf("Plan(%q) = Plan(%q), want two plans", pair[0], pair[1])
		}
	}
	// The typmod is part of the text that is sent, so each has its own.
	for _, n := range []string{"2", "3"} {
		sql := "SELECT city::varchar(" + n + ") FROM res_partner WHERE name = 'x'"
		if got := show(planOf(t, env, c, sql)); !strings.Contains(got, "varchar("+n+")") {
			t.Errorf("Plan(%q) = %s, want varchar(%s) in it", sql, got, n)
		}
	}
}

func TestPlan_dependsOnRoles(t *testing.T) {
	c := rewrite.New(100)
	const sql = "SELECT name FROM res_partner WHERE name = 'x'"
	for user, want := range map[string]string{
		"admin":  "as reveal",
		"clerk":  "as mask",
		"nobody": "refuse 42501",
		"blind":  "refuse 42501",
	} {
		if got := show(planOf(t, testEnv(t, user), c, sql)); !strings.Contains(got, want) {
			t.Errorf("Plan(%q) as %s = %s, want %q in it", sql, user, got, want)
		}
	}
}

func TestPlan_refusesWithBackslashStrings(t *testing.T) {
	env := testEnv(t, "admin")
	env.BackslashStrings = true
	got := show(planOf(t, env, rewrite.New(10), `SELECT id FROM res_partner WHERE name = 'a'`))
	if !strings.HasPrefix(got, "refuse 0A000 backslash-strings") {
		t.Errorf("Plan = %s, want a refusal", got)
	}
}

func TestPlan_knowsStatementsInTheMiddleOfAText(t *testing.T) {
	env, c := testEnv(t, "admin"), rewrite.New(10)
	sql := []byte(" SELECT 1 ; /* é */ UPDATE res_partner SET name = 'Ann' WHERE id = -4;")
	statements, err := shape.NewScanner([2]uint64{1, 2}).Scan(sql, true, rewrite.Matcher(env.Snapshot))
	if err != nil || len(statements) != 2 {
		t.Fatalf("Scan = %d statements, %v; want 2", len(statements), err)
	}
	st := &statements[1]
	got := show(planned{sql: string(sql), st: st, plan: c.Plan(env, sql, st, nil)})
	want := "rewrite\nUPDATE res_partner SET name = seal(name, 'Ann') WHERE id = (- 4)\n"
	if got != want {
		t.Errorf("Plan = %q, want %q", got, want)
	}
}

// TestPlan_everyPlanCanBeRead fills every rewritten statement of the pages and
// reads it back with PostgreSQL's grammar: what is cut must fit together.
func TestPlan_everyPlanCanBeRead(t *testing.T) {
	for _, file := range []string{"compare", "select", "write"} {
		p := openPage(t, "testdata/"+file+".txtar")
		for _, f := range p.archive.Files {
			if f.Name != "sql" {
				continue
			}
			got := planOf(t, &p.env, p.compiler, strings.TrimSpace(string(f.Data)))
			if got.plan == nil || got.plan.Verdict != rewrite.Rewrite {
				continue
			}
			text := fill(got)
			if _, err := pg.Parse(text); err != nil {
				t.Errorf("Plan(%q) sends %q: %v", f.Data, text, err)
			}
		}
	}
}

// fill writes the text of a plan with 'sealed' for each sealed literal.
func fill(p planned) string {
	var out strings.Builder
	value := func(u rewrite.Use, text string) string {
		if u.Role == rewrite.Verbatim || text == "DEFAULT" || text == "NULL" {
			return text
		}
		return "'sealed'"
	}
	for _, piece := range p.plan.Text {
		out.WriteString(piece.Text)
		switch {
		case piece.Slot < 0 && (piece.Word != "" || piece.Constant != nil):
			out.WriteString("'sealed'")
		case piece.Slot < 0:
		case p.st.Slots[piece.Slot].Form == shape.Rows:
			s := p.st.Slots[piece.Slot]
			for i, l := range s.Literals {
				out.WriteString(map[bool]string{true: ",", false: ""}[i%s.Width > 0])
				out.WriteString(map[bool]string{true: ",", false: ""}[i > 0 && i%s.Width == 0])
				out.WriteString(map[bool]string{true: "(", false: ""}[i%s.Width == 0])
				out.WriteString(value(piece.Uses[i%s.Width], p.sql[l.Start:l.End]))
				out.WriteString(map[bool]string{true: ")", false: ""}[i%s.Width == s.Width-1])
			}
		default:
			for i, l := range p.st.Slots[piece.Slot].Literals {
				if i > 0 {
					out.WriteString(", ")
				}
				out.WriteString(value(piece.Uses[0], p.sql[l.Start:l.End]))
			}
		}
	}
	return out.String()
}

func BenchmarkPlan_hit(b *testing.B) {
	t := &testing.T{}
	env, c := testEnv(t, "admin"), rewrite.New(100)
	sql := []byte("SELECT id, name FROM res_partner WHERE name IN ('a', 'b') AND id = 7 AND active = true ORDER BY id LIMIT 80")
	scanner, m := shape.NewScanner([2]uint64{1, 2}), rewrite.Matcher(env.Snapshot)
	b.ReportAllocs()
	for b.Loop() {
		statements, err := scanner.Scan(sql, true, m)
		if err != nil {
			b.Fatal(err)
		}
		if c.Plan(env, sql, &statements[0], nil).Verdict != rewrite.Rewrite {
			b.Fatal("want a rewrite")
		}
	}
}
