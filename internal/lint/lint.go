// Package lint says of the statements of a workload what a session would do
// with them: forward them, rewrite them, or refuse them, and why. It asks the
// compiler, as a session does, and sends nothing.
//
// A [Linter] takes the statements one by one and keeps one [Finding] for all
// that are alike. Its [Result] has them with totals, and prints itself as a
// table (table.go) or as JSON.
package lint

import (
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/workload"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// Verdict is what a session does with a statement.
type Verdict string

// The verdicts.
const (
	Forwarded Verdict = "forwarded"
	Rewritten Verdict = "rewritten"
	Refused   Verdict = "refused"
)

// Finding is what was found of statements that differ in literals only.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	// Seen is how often they were sent.
	Seen int64 `json:"seen"`
	// File and Line are where the first of them begins.
	File string `json:"file"`
	Line int    `json:"line"`
	// Statement is the first of them in one line, without literals unless they were asked for.
	Statement string   `json:"statement"`
	Refusal   *Refusal `json:"refusal,omitempty"`
}

// Refusal is why a statement is refused, and what to do.
type Refusal struct {
	Code    pgerr.Code `json:"code"`
	State   string     `json:"sqlstate"`
	Message string     `json:"message"`
	Detail  string     `json:"detail,omitempty"`
	Hint    string     `json:"hint,omitempty"`
}

// Options say what a Linter takes and shows.
type Options struct {
	// Database leaves out statements that were sent to another one; empty for none.
	Database string
	// ShowLiterals repeats the values of statements.
	ShowLiterals bool
}

// Linter collects findings. One goroutine may use it.
type Linter struct {
	env      *rewrite.Env
	options  Options
	compiler *rewrite.Compiler
	scanner  *shape.Scanner
	matcher  shape.Matcher
	// prepared are the statements over something protected that PREPARE made.
	prepared map[string]*rewrite.Prepared

	result Result
	known  map[key]int
}

// key tells findings apart: one shape may have several plans.
type key struct {
	shape   [2]uint64
	verdict Verdict
	message string
}

// maxPlans bounds the compiler's cache: a workload has some thousand shapes.
const maxPlans = 20_000

// New returns a Linter for the sessions of an environment.
func New(env *rewrite.Env, o Options) *Linter {
	return &Linter{
		env: env, options: o, compiler: rewrite.New(maxPlans), scanner: shape.NewScanner([2]uint64{}),
		matcher: rewrite.Matcher(env.Snapshot), prepared: map[string]*rewrite.Prepared{}, known: map[key]int{},
	}
}

// Result returns what was found so far.
func (l *Linter) Result() *Result { return &l.result }

// Add takes what was sent at one time, from a file of that name.
func (l *Linter) Add(file string, sent workload.Statement) {
	if l.options.Database != "" && sent.Database != "" && sent.Database != l.options.Database {
		l.result.OtherDatabases += sent.Seen
		return
	}
	statements, err := l.scanner.Scan(sent.Text, true, l.matcher)
	if err != nil {
		l.addUnread(file, sent, err)
		return
	}
	for i := range statements {
		st := &statements[i]
		f := Finding{Verdict: Forwarded, Seen: sent.Seen, File: file, Line: sent.Line + lines(sent.Text[:st.Start])}
		plan := l.plan(sent.Text, st)
		if plan != nil {
			f.Verdict, f.Refusal = verdictOf(plan), refusalOf(plan.Refusal)
		}
		if f.Refusal != nil && f.Refusal.Code == pgerr.CannotParse {
			l.keepBroken(f, broken{text: sent.Text, end: st.End, statements: statements[i : i+1]}, plan.Refusal)
			continue
		}
		l.keep(st.Hash, f, func() []byte { return shape.AppendShown(nil, sent.Text, st, l.options.ShowLiterals) })
	}
}

// plan plans a statement as a session does, nil for one that needs no plan.
func (l *Linter) plan(sql []byte, st *shape.Statement) *rewrite.Plan {
	if of := l.prepared[st.Second]; st.First == "execute" && of != nil {
		return rewrite.PlanExecute(l.env, sql, st, of)
	}
	if rewrite.FlagsOf(st)&rewrite.Reaches == 0 || st.First == "lock" {
		return nil
	}
	plan := l.compiler.Plan(l.env, sql, st, nil)
	if plan.Prepared != nil {
		l.prepared[plan.Prepared.Name] = plan.Prepared
	}
	return plan
}

func verdictOf(p *rewrite.Plan) Verdict {
	switch p.Verdict {
	case rewrite.Forward:
		return Forwarded
	case rewrite.Rewrite:
		return Rewritten
	}
	return Refused
}

// keep adds a finding, or counts one that is known.
func (l *Linter) keep(hash [2]uint64, f Finding, show func() []byte) {
	k := key{shape: hash, verdict: f.Verdict}
	if f.Refusal != nil {
		k.message = f.Refusal.Message
	}
	if i, ok := l.known[k]; ok {
		l.result.Findings[i].Seen += f.Seen
		return
	}
	f.Statement = string(show())
	l.known[k] = len(l.result.Findings)
	l.result.Findings = append(l.result.Findings, f)
}

// refusalOf turns an error into what is shown of it.
func refusalOf(e *pgerr.Error) *Refusal {
	if e == nil {
		return nil
	}
	return &Refusal{Code: e.Code, State: e.State, Message: e.Message, Detail: e.Detail, Hint: e.Hint}
}

// lines counts the line ends of a text.
func lines(text []byte) (n int) {
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}
