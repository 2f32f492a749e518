package lint

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Result is what was found of a workload.
type Result struct {
	// Findings in the order in which the statements were first seen.
	Findings []Finding
	// OtherDatabases counts what was left out because it was sent elsewhere.
	OtherDatabases int64
}

// Count is how often something was seen, and with how many different statements.
type Count struct {
	Seen     int64 `json:"seen"`
	Distinct int   `json:"distinct"`
}

func (c *Count) add(f *Finding) {
	c.Seen += f.Seen
	c.Distinct++
}

// Totals count by verdict.
type Totals struct {
	Forwarded Count `json:"forwarded"`
	Rewritten Count `json:"rewritten"`
	Refused   Count `json:"refused"`
	All       Count `json:"all"`
}

// Reason is one reason for refusals.
type Reason struct {
	Code    pgerr.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
	Count
}

// Totals returns the counts by verdict.
func (r *Result) Totals() (t Totals) {
	for i := range r.Findings {
		f := &r.Findings[i]
		t.All.add(f)
		switch f.Verdict {
		case Forwarded:
			t.Forwarded.add(f)
		case Rewritten:
			t.Rewritten.add(f)
		default:
			t.Refused.add(f)
		}
	}
	return t
}

// Reasons returns the reasons for refusals, that of the most statements first.
func (r *Result) Reasons() []Reason {
	known := map[string]int{}
	reasons := []Reason{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Refusal == nil {
			continue
		}
		at, ok := known[f.Refusal.Message]
		if !ok {
			at = len(reasons)
			known[f.Refusal.Message] = at
			reasons = append(reasons, Reason{Code: f.Refusal.Code, Message: f.Refusal.Message, Hint: f.Refusal.Hint})
		}
		reasons[at].add(f)
	}
	slices.SortFunc(reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Seen, a.Seen), cmp.Compare(b.Distinct, a.Distinct), cmp.Compare(a.Message, b.Message))
	})
	return reasons
}

// asked returns the findings of some verdicts.
func (r *Result) asked(f func(Verdict) bool) []Finding {
	findings := []Finding{}
	for i := range r.Findings {
		if f(r.Findings[i].Verdict) {
			findings = append(findings, r.Findings[i])
		}
	}
	return findings
}

// WriteJSON writes one object: the findings that are asked for, and the totals
// of all.
func (r *Result) WriteJSON(w io.Writer, asked func(Verdict) bool) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Statements     []Finding `json:"statements"`
		Totals         Totals    `json:"totals"`
		Reasons        []Reason  `json:"refused_because"`
		OtherDatabases int64     `json:"other_databases"`
	}{r.asked(asked), r.Totals(), r.Reasons(), r.OtherDatabases})
}
