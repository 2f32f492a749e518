package rewrite_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/workload"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// traced is one message of the trace.
type traced struct{ Conn, Phase, SQL string }

// odooTrace returns what a real Odoo was seen to send, in order.
func odooTrace(tb testing.TB) []traced {
	tb.Helper()
	packed, err := os.ReadFile("testdata/odoo/trace.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	// Lines of text are one format that keeps each object as it is.
	_, lines, err := workload.Read(bytes.NewReader(packed), workload.Lines)
	if err != nil {
		tb.Fatal(err)
	}
	var all []traced
	for l, err := range lines {
		if err != nil {
			tb.Fatal(err)
		}
		var one traced
		if err := json.Unmarshal(l.Text, &one); err != nil {
			tb.Fatalf("line %d: %v", l.Line, err)
		}
		all = append(all, one)
	}
	return all
}

func odooEnv(tb testing.TB) *rewrite.Env {
	tb.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		return data
	}
	env := environment(tb, read("../configs/openg2p.yaml"), read("testdata/odoo/schema.txt"), "odoo")
	env.Copies, env.Commands = true, true
	return &env
}

// traceTotals say what became of a trace.
type traceTotals struct {
	messages, statements int
	// counts by what becomes of a statement, as planOdoo says it.
	counts map[string]int
	shapes map[[2]uint64]bool
	// plans are all that came; the first time that one comes it was made.
	plans           map[*rewrite.Plan]bool
	served, refused cacheUse
}

// cacheUse counts how often the cache was asked, and how often it made a plan.
type cacheUse struct{ asked, made int }

func (u cacheUse) hitRate() float64 { return 100 * float64(u.asked-u.made) / float64(u.asked) }

// TestPlan_odooTrace plans what a real Odoo sent in the order in which it did,
// with one plan cache, and compares what becomes of it, and how often the cache
// knew the shape, with a page that a person has read.
func TestPlan_odooTrace(t *testing.T) {
	env := odooEnv(t)
	c, scanner, m := rewrite.New(2000), shape.NewScanner([2]uint64{1, 2}), rewrite.Matcher(env.Snapshot)
	total := traceTotals{counts: map[string]int{}, shapes: map[[2]uint64]bool{}, plans: map[*rewrite.Plan]bool{}}
	for _, sent := range odooTrace(t) {
		sql := []byte(sent.SQL)
		statements, err := scanner.Scan(sql, true, m)
		if err != nil {
			t.Fatalf("Scan(%.200q): %v", sql, err)
		}
		total.messages++
		for i := range statements {
			total.add(t, env, c, sql, &statements[i])
		}
	}

	const golden = "testdata/odoo/trace.txt"
	got := total.String()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("what becomes of Odoo's trace (-want +got)\n%s", diff)
	}
}

func (total *traceTotals) add(t *testing.T, env *rewrite.Env, c *rewrite.Compiler, sql []byte, st *shape.Statement) {
	t.Helper()
	total.statements++
	if rewrite.FlagsOf(st)&rewrite.Reaches == 0 {
		total.counts["untouched"]++
		return
	}
	total.shapes[st.Hash] = true
	plan := c.Plan(env, sql, st, nil)
	fresh := !total.plans[plan]
	total.plans[plan] = true
	use := &total.served
	if plan.Verdict == rewrite.Refuse {
		use = &total.refused
	}
	use.asked++
	if fresh {
		use.made++
	}
	switch plan.Verdict {
	case rewrite.Forward:
		total.counts["forwarded"]++
	case rewrite.Refuse:
		total.counts["refused: "+plan.Refusal.Message]++
	default:
		total.counts["rewritten"]++
		if text := fill(planned{sql: string(sql), st: st, plan: plan}); fresh && !readable(text) {
			t.Errorf("Plan(%q) sends %q, which PostgreSQL cannot read", sql[st.Start:st.End], text)
		}
	}
}

func (total *traceTotals) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%5d messages with %d statements, of which\n", total.messages, total.statements)
	out.WriteString(summary(total.counts))
	fmt.Fprintf(&out, "\n%5d statements were planned, of %d shapes:\n", total.served.asked+total.refused.asked, len(total.shapes))
	fmt.Fprintf(&out, "%5d forwarded or rewritten; the cache knew the plan of %.1f %%, %d were made\n", total.served.asked, total.served.hitRate(), total.served.made)
	fmt.Fprintf(&out, "%5d refused; the cache knew %.1f %%, %d were made anew, because a refusal may depend on any literal\n",
		total.refused.asked, total.refused.hitRate(), total.refused.made)
	return out.String()
}
