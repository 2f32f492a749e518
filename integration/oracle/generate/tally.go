package generate

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/integration/oracle/syntax"
)

// Tally counts verdicts: in all, by construct, by node of the parse tree, and
// refusals by code and by reason. The zero value is ready.
type Tally struct {
	total                    count
	constructs, nodes        counts
	codes, reasons, unparsed map[string]int
}

type count struct{ same, errors, refused, wrong, leaked int }

type counts map[string]*count

// Leaked is the verdict's Why for a protected value that was seen in clear.
const Leaked = "LEAK: "

// Add counts a statement with its verdict.
func (t *Tally) Add(st Statement, v oracle.Verdict) {
	t.init()
	t.total.add(v)
	for _, name := range st.Constructs {
		t.constructs.of(name).add(v)
	}
	seen := map[string]bool{}
	for _, step := range st.Steps {
		kinds, err := syntax.Kinds(step.SQL)
		if err != nil {
			t.unparsed[step.SQL]++
		}
		for _, kind := range kinds {
			seen[kind] = true
		}
	}
	for kind := range seen {
		t.nodes.of(kind).add(v)
	}
	if v.Judgement == oracle.Refused {
		t.codes[v.Code]++
		t.reasons[v.Code+": "+reason(v.Message)]++
	}
}

func (t *Tally) init() {
	if t.constructs == nil {
		t.constructs, t.nodes = counts{}, counts{}
		t.codes, t.reasons, t.unparsed = map[string]int{}, map[string]int{}, map[string]int{}
	}
}

func (c counts) of(name string) *count {
	if c[name] == nil {
		c[name] = &count{}
	}
	return c[name]
}

var (
	namedColumn = regexp.MustCompile(`(un)?protected columns? \S.*?( in | with | between | and | here|$)`)
	particular  = regexp.MustCompile(`"[^"]*"|\$[0-9]+|[0-9]+|\b(public|elsewhere)\.[^.]+\.\S+( Case\b)?|\bmade1\b`)
)

// reason is a refusal's message without the names in it.
func reason(message string) string {
	return particular.ReplaceAllString(namedColumn.ReplaceAllString(message, "${1}protected column$2"), "…")
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
	t.init()
	t.total.merge(&o.total)
	for name, c := range o.constructs {
		t.constructs.of(name).merge(c)
	}
	for name, c := range o.nodes {
		t.nodes.of(name).merge(c)
	}
	addAll(t.codes, o.codes)
	addAll(t.reasons, o.reasons)
	addAll(t.unparsed, o.unparsed)
}

func addAll(to, from map[string]int) {
	for name, n := range from {
		to[name] += n
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

// Unparsed returns a statement that PostgreSQL's grammar does not know, "" if
// there was none.
func (t *Tally) Unparsed() string {
	for sql := range t.unparsed {
		return sql
	}
	return ""
}

// NeverMade returns what of PostgreSQL's grammar no statement had.
func (t *Tally) NeverMade() []string {
	return slices.DeleteFunc(syntax.Grammar(), func(kind string) bool { return t.nodes[kind] != nil })
}

// Print writes the totals, the refusals by code and by reason, the constructs
// and the nodes.
func (t *Tally) Print(w io.Writer) {
	fmt.Fprintln(w, t.Summary())
	for _, code := range byCount(t.codes, func(n int) int { return n }) {
		fmt.Fprintf(w, "  refused %-28s %6d\n", code, t.codes[code])
	}
	fmt.Fprintf(w, "\nrefused, by reason\n")
	for _, why := range byCount(t.reasons, func(n int) int { return n }) {
		fmt.Fprintf(w, "  %6d %5.2f %%  %s\n", t.reasons[why], 100*float64(t.reasons[why])/float64(max(1, t.total.sum())), why)
	}
	t.constructs.print(w, "construct")
	t.nodes.print(w, "node of the parse tree")
	fmt.Fprintf(w, "\nnever made of PostgreSQL's grammar: %s\n", cmp.Or(strings.Join(t.NeverMade(), ", "), "nothing"))
}

// Summary returns the totals in one line.
func (t *Tally) Summary() string {
	c, n := t.total, max(1, t.total.sum())
	return fmt.Sprintf("%d statements: same %d (%d %%), same error %d (%d %%), refused %d (%d %%), WRONG %d, LEAK %d",
		c.sum(), c.same, 100*c.same/n, c.errors, 100*c.errors/n, c.refused, 100*c.refused/n, c.wrong, c.leaked)
}

func (c counts) print(w io.Writer, title string) {
	fmt.Fprintf(w, "\n  %-44s %7s %7s %7s %7s %7s\n", title, "same", "error", "refused", "WRONG", "LEAK")
	for _, name := range byCount(c, (*count).sum) {
		n := c[name]
		fmt.Fprintf(w, "  %-44s %7d %7d %7d %7d %7d\n", name, n.same, n.errors, n.refused, n.wrong, n.leaked)
	}
}

func byCount[V any](m map[string]V, n func(V) int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(n(m[b]), n(m[a])), cmp.Compare(a, b))
	})
}
