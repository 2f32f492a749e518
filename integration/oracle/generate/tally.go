package generate

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pgveil/pgveil/integration/oracle"
)

// Tally counts verdicts, in all and by construct. The zero value is ready.
type Tally struct {
	total      count
	constructs map[string]*count
	refusals   map[string]int
}

type count struct{ same, errors, refused, wrong, leaked int }

// Leaked is the verdict's Why for a protected value that was seen in clear.
const Leaked = "LEAK: "

// Add counts a statement with its verdict.
func (t *Tally) Add(st Statement, v oracle.Verdict) {
	if t.constructs == nil {
		t.constructs, t.refusals = map[string]*count{}, map[string]int{}
	}
	t.total.add(v)
	for _, name := range st.Constructs {
		if t.constructs[name] == nil {
			t.constructs[name] = &count{}
		}
		t.constructs[name].add(v)
	}
	if v.Judgement == oracle.Refused {
		t.refusals[v.Code]++
	}
}

func (c *count) add(v oracle.Verdict) {
	switch {
	case strings.HasPrefix(v.Why, Leaked):
		c.leaked++
	case v.Judgement == oracle.Wrong:
		c.wrong++
	case v.Judgement == oracle.Refused:
		c.refused++
	case v.State != "":
		c.errors++
	default:
		c.same++
	}
}

func (c *count) sum() int { return c.same + c.errors + c.refused + c.wrong + c.leaked }

// Merge adds what another tally has counted.
func (t *Tally) Merge(o *Tally) {
	if t.constructs == nil {
		t.constructs, t.refusals = map[string]*count{}, map[string]int{}
	}
	t.total.merge(&o.total)
	for name, c := range o.constructs {
		if t.constructs[name] == nil {
			t.constructs[name] = &count{}
		}
		t.constructs[name].merge(c)
	}
	for code, n := range o.refusals {
		t.refusals[code] += n
	}
}

func (c *count) merge(o *count) {
	c.same, c.errors, c.refused = c.same+o.same, c.errors+o.errors, c.refused+o.refused
	c.wrong, c.leaked = c.wrong+o.wrong, c.leaked+o.leaked
}

// Same returns the share of statements that gave rows, and the same ones, in percent.
func (t *Tally) Same() float64 { return 100 * float64(t.total.same) / float64(max(1, t.total.sum())) }

// Errors returns the share of those that both sides answered with the same
// error, in percent. They prove little, so a generator should make few.
func (t *Tally) Errors() float64 {
	return 100 * float64(t.total.errors) / float64(max(1, t.total.sum()))
}

// Print writes the totals, the refusals by code and the constructs.
func (t *Tally) Print(w io.Writer) {
	c := t.total
	n := max(1, c.sum())
	fmt.Fprintf(w, "%d statements: same %d (%d %%), same error %d (%d %%), refused %d (%d %%), WRONG %d, LEAK %d\n",
		c.sum(), c.same, 100*c.same/n, c.errors, 100*c.errors/n, c.refused, 100*c.refused/n, c.wrong, c.leaked)
	for _, code := range byCount(t.refusals, func(n int) int { return n }) {
		fmt.Fprintf(w, "  refused %-28s %6d\n", code, t.refusals[code])
	}
	fmt.Fprintf(w, "  %-36s %7s %7s %7s %7s %7s\n", "construct", "same", "error", "refused", "WRONG", "LEAK")
	for _, name := range byCount(t.constructs, (*count).sum) {
		c := t.constructs[name]
		fmt.Fprintf(w, "  %-36s %7d %7d %7d %7d %7d\n", name, c.same, c.errors, c.refused, c.wrong, c.leaked)
	}
}

func byCount[V any](m map[string]V, n func(V) int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(n(m[b]), n(m[a])), cmp.Compare(a, b))
	})
}
