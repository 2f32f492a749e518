package rewrite_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// TestPlan_odoo plans every statement that a real Odoo was seen to send, under
// the policy for its schema, and compares what becomes of them with a list
// that a person has read. Every rewritten text must be one that PostgreSQL's
// grammar reads.
func TestPlan_odoo(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	env := environment(t, read("../configs/openg2p.yaml"), read("testdata/odoo/schema.txt"), "odoo")
	c, scanner, m := rewrite.New(2000), shape.NewScanner([2]uint64{1, 2}), rewrite.Matcher(env.Snapshot)

	counts := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(read("testdata/odoo/statements.sql")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		sql := lines.Bytes()
		statements, err := scanner.Scan(sql, true, m)
		if err != nil {
			t.Fatalf("Scan(%.200q): %v", sql, err)
		}
		for i := range statements {
			st := &statements[i]
			counts[planOdoo(t, &env, c, sql, st)]++
		}
	}

	got := summary(counts)
	const golden = "testdata/odoo/summary.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(golden)), got); diff != "" {
		t.Errorf("what becomes of Odoo's statements (-want +got)\n%s", diff)
	}
}

// planOdoo returns what becomes of one statement, in a line.
func planOdoo(t *testing.T, env *rewrite.Env, c *rewrite.Compiler, sql []byte, st *shape.Statement) string {
	t.Helper()
	if rewrite.FlagsOf(st)&rewrite.Reaches == 0 {
		return "untouched"
	}
	p := planned{sql: string(sql), st: st, plan: c.Plan(env, sql, st, nil)}
	switch p.plan.Verdict {
	case rewrite.Forward:
		return "forwarded"
	case rewrite.Refuse:
		return "refused: " + p.plan.Refusal.Message
	}
	if text := fill(p); !readable(text) {
		t.Errorf("Plan(%q) sends %q, which PostgreSQL cannot read", sql[st.Start:st.End], text)
	}
	return "rewritten"
}

func readable(text string) bool {
	_, err := pg.Parse(text)
	return err == nil
}

// summary prints the counts, totals first.
func summary(counts map[string]int) string {
	var out strings.Builder
	refused := 0
	var reasons []string
	for what, n := range counts {
		if strings.HasPrefix(what, "refused") {
			refused += n
			reasons = append(reasons, what)
		}
	}
	for _, what := range []string{"untouched", "forwarded", "rewritten"} {
		fmt.Fprintf(&out, "%5d %s\n", counts[what], what)
	}
	fmt.Fprintf(&out, "%5d refused, of which\n", refused)
	slices.SortFunc(reasons, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for _, what := range reasons {
		fmt.Fprintf(&out, "%5d %s\n", counts[what], strings.TrimPrefix(what, "refused: "))
	}
	return out.String()
}
