package generate

import (
	"strings"
	"testing"

	"github.com/pgveil/pgveil/integration/oracle"
)

func TestTally(t *testing.T) {
	t.Parallel()
	var a, b Tally
	join := Statement{Constructs: []string{"join", "ORDER BY"}}
	a.Add(join, oracle.Verdict{Judgement: oracle.Same})
	a.Add(join, oracle.Verdict{Judgement: oracle.Same, State: "23505"})
	a.Add(Statement{}, oracle.Verdict{Judgement: oracle.Refused, Code: "computed-value"})
	b.Add(join, oracle.Verdict{Judgement: oracle.Refused, Code: "not-applied"})
	b.Add(join, oracle.Verdict{Judgement: oracle.Refused, Code: "not-applied"})
	b.Add(Statement{Constructs: []string{"*"}}, oracle.Verdict{Why: "rows"})
	b.Add(Statement{Constructs: []string{"*"}}, oracle.Verdict{Why: Leaked + "x"})
	b.Add(Statement{}, oracle.Verdict{Judgement: oracle.Same})
	a.Merge(&b)

	var out strings.Builder
	a.Print(&out)
	for _, want := range []string{
		"8 statements: same 2 (25 %), same error 1 (12 %), refused 3 (37 %), WRONG 1, LEAK 1\n",
		"refused not-applied                       2\n  refused computed-value                    1\n",
		"  join                                       1       1       2       0       0\n",
		"  *                                          0       0       0       1       1\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("Print() has no %q:\n%s", want, out.String())
		}
	}
	if a.Same() != 25 || a.Errors() != 12.5 {
		t.Errorf("Same, Errors = %v, %v, want 25, 12.5", a.Same(), a.Errors())
	}
}

func TestTally_empty(t *testing.T) {
	t.Parallel()
	var a Tally
	a.Merge(&Tally{})
	if a.Same() != 0 || a.Errors() != 0 {
		t.Errorf("Same, Errors = %v, %v of no statement, want 0, 0", a.Same(), a.Errors())
	}
}
