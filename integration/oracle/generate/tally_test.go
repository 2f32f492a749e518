package generate

import (
	"slices"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/integration/oracle"
)

func sent(sql string, constructs ...string) Statement {
	return Statement{Steps: []Step{{Statement: oracle.Statement{SQL: sql}}}, Constructs: constructs}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var a, b Tally
	join := sent("SELECT 1 FROM a FULL JOIN b ON true", "join", "ORDER BY")
	a.Add(join, oracle.Verdict{Judgement: oracle.Same})
	a.Add(join, oracle.Verdict{Judgement: oracle.Same, State: "23505"})
	a.Add(sent("SELECT 1"), oracle.Verdict{
		Judgement: oracle.Refused, Code: "computed-value", Message: `cannot use protected column public.Other Table.quo"te in operator ~`,
	})
	refused := oracle.Verdict{Judgement: oracle.Refused, Code: "not-applied", Message: `relation "x1" is not known`}
	b.Add(join, refused)
	refused.Message = `relation "y" is not known`
	b.Add(join, refused)
	b.Add(sent("SELECT 1", "*"), oracle.Verdict{Why: "rows"})
	b.Add(sent("SELECT 1", "*"), oracle.Verdict{Why: Leaked + "x"})
	b.Add(sent("SELEC 1"), oracle.Verdict{Judgement: oracle.Same})
	a.Merge(&b)

	var out strings.Builder
	a.Print(&out)
	for _, want := range []string{
		"8 statements: same 2 (25 %), same error 1 (12 %), refused 3 (37 %), WRONG 1, LEAK 1\n",
		"refused not-applied                       2\n  refused computed-value                    1\n",
		"  2 25.00 %  not-applied: relation … is not known\n", "  1 12.50 %  computed-value: cannot use protected column in operator ~\n",
		"  join                                               1       1       2       0       0\n",
		"  *                                                  0       0       0       1       1\n",
		"  JoinExpr/JOIN_FULL                                 1       1       2       0       0\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("Print() has no %q:\n%s", want, out.String())
		}
	}
	if a.Same() != 25 || a.Errors() != 12.5 {
		t.Errorf("Same, Errors = %v, %v, want 25, 12.5", a.Same(), a.Errors())
	}
	if missing := a.NeverMade(); slices.Contains(missing, "JoinExpr/JOIN_FULL") || !slices.Contains(missing, "JoinExpr/JOIN_LEFT") {
		t.Errorf("NeverMade() = %q, want all but what was made", missing)
	}
	if got := a.Unparsed(); got != "SELEC 1" {
		t.Errorf("Unparsed() = %q, want what is no SQL", got)
	}
}

func TestTally_empty(t *testing.T) {
	t.Parallel()
	var a Tally
	a.Merge(&Tally{})
	if a.Same() != 0 || a.Errors() != 0 || a.Unparsed() != "" {
		t.Errorf("Same, Errors, Unparsed = %v, %v, %q of no statement, want none", a.Same(), a.Errors(), a.Unparsed())
	}
}
