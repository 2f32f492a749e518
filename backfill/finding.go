package backfill

import (
	"fmt"
	"strings"
)

// Severity says how much a finding matters.
type Severity int

// The severities. Apply goes on only where there is no Error.
const (
	// Info tells what apply will do.
	Info Severity = iota
	// Warning is a weakness that somebody should know of.
	Warning
	// Error stops apply.
	Error
)

func (s Severity) String() string { return [...]string{"info", "warning", "error"}[s] }

// Finding is what Check has to say of one place.
type Finding struct {
	Severity Severity
	// Where is schema.table.column, schema.table, or "" for the whole database.
	Where string
	// What was found, and the Cure, which may be empty for Info.
	What, Cure string
}

// String returns the finding in one line.
func (f Finding) String() string {
	s := f.Severity.String() + ": "
	if f.Where != "" {
		s += f.Where + ": "
	}
	s += f.What
	if f.Cure != "" {
		s += " (" + f.Cure + ")"
	}
	return s
}

// RefusedError says why Apply did not begin.
type RefusedError struct {
	// Findings are those of severity Error.
	Findings []Finding
}

func (e *RefusedError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return fmt.Sprintf("the database is not ready to be sealed:\n%s", strings.Join(lines, "\n"))
}

// findings collects what is found.
type findings []Finding

func (f *findings) add(s Severity, where, what, cure string) {
	*f = append(*f, Finding{Severity: s, Where: where, What: what, Cure: cure})
}

func (f findings) errors() []Finding {
	var errs []Finding
	for _, one := range f {
		if one.Severity == Error {
			errs = append(errs, one)
		}
	}
	return errs
}
