package proxy

import (
	"context"
	"fmt"
	"slices"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// A plan may have steps: queries that are run before its statement, on the
// client's connection and in its transaction, and whose rows the statement is
// given. They go as a probe does, in the extended protocol and with a name of
// pgveil's own, but never with a Sync: what comes next must find the same
// transaction. An error of a step is the statement's own error and is shown in
// its place; the server then skips up to the client's Sync, or, where there is
// none, to one of pgveil's.
//
// The rows are given to the statement as parameters, an array for each column
// (fill_given.go), so its text is the same whatever the rows are.

// stepName names a step's statement and portal.
const stepName = "pgveil step"

// maxStepBytes bounds what is held of one step's rows.
const maxStepBytes = 64 << 20

// stepAnswer collects what a step gives. The server's side fills it before the
// step's last entry is answered, and the client's side reads it after.
type stepAnswer struct {
	step *rewrite.Step
	// params are the types of the step's parameters, fields its columns.
	params []uint32
	fields []stepField
	// rows are DataRows. Without room for more there are none, and tooLarge is set.
	rows     [][]byte
	size     int
	tooLarge bool
}

// stepField is the type of a column.
type stepField struct {
	oid uint32
	mod int32
}

func (a *stepAnswer) row(body []byte) {
	a.size += len(body)
	switch {
	case a.tooLarge:
	case a.size > maxStepBytes:
		a.rows, a.tooLarge = nil, true
	default:
		a.rows = append(a.rows, slices.Clone(body))
	}
}

// suspended notes the frame that ends the rows: with PortalSuspended there are more.
func (a *stepAnswer) suspended(typ byte) {
	if a != nil && typ == wire.TypePortalSuspended {
		a.rows, a.tooLarge = nil, true
	}
}

// sameTypes reports whether a step still has the columns that were described.
func (a *stepAnswer) sameTypes(described *stepAnswer) bool {
	return slices.EqualFunc(a.fields, described.fields, func(x, y stepField) bool { return x.oid == y.oid })
}

// stepFields takes the description of a step's result.
func (s *session) stepFields(body []byte) error {
	a := &s.answers
	if err := a.fields.Decode(body); err != nil {
		return s.serverSide(err)
	}
	step := a.cur.step
	for i := range a.fields.Fields {
		step.fields = append(step.fields, stepField{a.fields.Fields[i].TypeOID, a.fields.Fields[i].Mod})
	}
	s.queue.pop()
	a.have = false
	return nil
}

// stepParams takes the types of a step's parameters.
func (s *session) stepParams(body []byte) error {
	a := &s.answers
	if err := a.params.Decode(body); err != nil {
		return s.serverSide(err)
	}
	a.cur.step.params = slices.Clone(a.params.OIDs)
	return nil
}

// stepFrames are the frames of one step, with what is expected for each.
type stepFrames struct {
	s      *session
	answer *stepAnswer
	frames []byte
	owed   []expect
	// parse is the place of the Parse among them.
	parse int
	err   error
}

// appender is a frame for the server.
type appender interface {
	Append([]byte) ([]byte, error)
}

func (f *stepFrames) add(kind expectKind, m appender) {
	f.addFor(f.answer, kind, m)
}

// addFor adds a frame whose answer belongs elsewhere than to the step.
func (f *stepFrames) addFor(answer *stepAnswer, kind expectKind, m appender) {
	if f.err == nil {
		f.frames, f.err = m.Append(f.frames)
		f.owed = append(f.owed, expect{kind: kind, own: true, shown: true, step: answer})
	}
}

// addParse adds what makes a step known to the server and describes it.
func (f *stepFrames) addParse(sql []byte, oids []uint32) {
	name := []byte(stepName)
	f.add(expectClose, &wire.Close{Kind: wire.KindStatement, Name: name})
	f.parse = len(f.owed)
	f.add(expectParse, &wire.Parse{Name: name, SQL: sql, OIDs: oids})
	f.add(expectDescribe, &wire.Describe{Kind: wire.KindStatement, Name: name})
}

// addRun adds what runs it.
func (f *stepFrames) addRun(b *wire.Bind, limit int) {
	name := []byte(stepName)
	b.Portal, b.Statement, b.ResultFormats = name, name, nil
	f.add(expectBind, b)
	f.add(expectExecute, &wire.Execute{Portal: name, MaxRows: int32(limit + 1)})
	f.add(expectClose, &wire.Close{Kind: wire.KindPortal, Name: name})
}

// send sends the frames and waits for the answers. It reports false where the
// client has been told an error, or the session has ended. asked is the
// client's text and sql that of the step.
func (f *stepFrames) send(asked, sql []byte) (bool, error) {
	s := f.s
	f.add(expectClose, &wire.Close{Kind: wire.KindStatement, Name: []byte(stepName)})
	if f.err != nil {
		return false, fmt.Errorf("making a step: %w", f.err)
	}
	var last uint64
	for i, e := range f.owed {
		last = s.push(e)
		if i == f.parse {
			s.texts.note(last, asked, sql)
		}
	}
	f.frames, _ = wire.EndFrame(wire.BeginFrame(f.frames, wire.TypeFlush), len(f.frames)) // five bytes
	if err := s.write(f.frames); err != nil {
		return false, err
	}
	if err := s.toServer.Flush(); err != nil {
		return false, s.writingServer(err)
	}
	return s.queue.waitAnswered(last) && !s.queue.isSkipping(), nil
}

// run sends the frames that run a step which was described before, behind those
// that were added. It reports false where the client has been told an error, and
// a refusal where what the step gave cannot be used.
func (f *stepFrames) run(asked, sql []byte, described *stepAnswer, bind *wire.Bind) (bool, error, error) {
	step := f.answer.step
	f.addParse(sql, stepTypes(step, described))
	f.addRun(bind, step.Limit)
	if ok, err := f.send(asked, sql); !ok || err != nil {
		return false, nil, err
	}
	if refusal := f.answer.within(); refusal != nil {
		return true, refusal, nil
	}
	if !f.answer.sameTypes(described) {
		return true, changedPlanError(), nil
	}
	return true, nil, nil
}

// quietGroup waits for what the client has sent before in the same group, whose
// effects a step must see. It reports false where the server skips: then it has
// told an error already.
func (s *session) quietGroup() bool {
	return !s.asks.open || s.waitFor(s.queue.last()) && !s.queue.isSkipping()
}

// stepText returns the text of a step.
func (s *session) stepText(ctx context.Context, asked []byte, stmt *shape.Statement, step *rewrite.Step) ([]byte, error) {
	return s.filler(ctx).pieces(nil, asked, stmt, step.Text)
}

// stepTypes returns the types to declare for a step's parameters: those that
// the client declared, or that the server found before.
func stepTypes(step *rewrite.Step, described *stepAnswer) []uint32 {
	oids := make([]uint32, len(step.Params))
	for i := range step.Params {
		oids[i] = step.Params[i].OID
		if described != nil && i < len(described.params) {
			oids[i] = described.params[i]
		}
	}
	return oids
}

// within checks that a step gave no more than it may.
func (a *stepAnswer) within() *pgerr.Error {
	step := a.step
	if !a.tooLarge && len(a.rows) <= step.Limit {
		return nil
	}
	e := &pgerr.Error{
		State:   "54000",
		Code:    pgerr.StepTooLarge,
		Message: "too many computed values for protected columns in one statement",
		Detail:  fmt.Sprintf("They are read, sealed and written in one transaction, up to %d rows and %d MB. Nothing was written.", step.Limit, maxStepBytes>>20),
		Hint:    "Write the rows in several statements, with a condition or LIMIT, or raise limits.dictionary in the policy.",
	}
	for i := range step.Columns {
		if p := step.Columns[i].Target; p != nil {
			e.Schema, e.Table, e.Column = p.Column.Schema, p.Column.Table, p.Column.Name
		}
	}
	return e
}
