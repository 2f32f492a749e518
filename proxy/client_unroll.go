package proxy

import (
	"context"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// A Query with a statement that needs a step cannot be sent as a Query: the
// step must run behind the statements before it and in the same transaction,
// and a Query ends its own when nobody has begun another. So its statements are
// sent one by one in the extended protocol with a single Sync behind the last.
// To PostgreSQL that is the same implicit transaction, and the server's side
// passes on what a Query would have been answered.

// unrolledName names the statement that one of a Query's is sent as. Its portal
// is the unnamed one, which a Query drops too.
const unrolledName = "pgveil query"

// unroll sends the statements of a Query one by one.
func (s *session) unroll(ctx context.Context, m *message, e *expect, stmts []shape.Statement) error {
	for i := range e.runs {
		switch stmts[i].First {
		case "copy", "fetch", "move":
			// COPY would read the client's data up to the wrong end, and FETCH of a
			// binary cursor has its own format in a Query only.
			return s.refuseQuery(s.refuse(stepBesideError(stmts[i].First)))
		}
	}
	for i := range e.runs {
		var refusal *pgerr.Error
		if e.refusal != nil && i == e.refused {
			refusal = e.refusal
		}
		goOn, err := s.unrollOne(ctx, m, &e.runs[i], i, &stmts[i], refusal)
		if err != nil {
			return err
		}
		if !goOn {
			break
		}
	}
	s.boundary(expect{kind: expectSync})
	if err := s.toServer.Frame(wire.TypeSync, nil); err != nil {
		return s.writingServer(err)
	}
	return nil
}

// unrollOne sends one statement of a Query. It reports false where the rest
// need not be sent.
func (s *session) unrollOne(ctx context.Context, m *message, r *run, i int, stmt *shape.Statement, refusal *pgerr.Error) (bool, error) {
	if r.plan == nil || len(r.plan.Steps) == 0 {
		if err := s.sendUnrolledParse(m.sql, m.text(i), refusal); err != nil {
			return false, err
		}
		return refusal == nil, s.sendUnrolled(r, &wire.Bind{})
	}
	if !s.quietGroup() {
		return false, nil
	}
	bind, refused, err := s.runDirect(ctx, m.sql, stmt, r)
	switch {
	case err != nil || bind == nil && refused == nil:
		return false, err
	case refused != nil:
		return false, s.sendUnrolledParse(nil, []byte(poisonSQL), s.refuse(refused))
	}
	return true, s.sendUnrolled(r, bind)
}

// runDirect sends the Parse of a statement that has no parameters of the
// client's, so that what is wrong with it is found before anything runs, and
// then runs its steps. It returns the Bind that is due, or why the statement is
// refused, or neither where the client has been told an error.
func (s *session) runDirect(ctx context.Context, asked []byte, stmt *shape.Statement, r *run) (bind *wire.Bind, refusal, err error) {
	described, refusal := s.describeSteps(ctx, asked, stmt, r.plan)
	if refusal != nil || len(described) < len(r.plan.Steps) {
		return nil, refusal, nil
	}
	text, refusal := s.filler(ctx).text(nil, asked, stmt, r.plan, described...)
	if refusal != nil {
		return nil, refusal, nil
	}
	if err := s.sendUnrolledParse(asked, text, nil); err != nil {
		return nil, nil, err
	}
	var answers []*stepAnswer
	for k := range r.plan.Steps {
		sql, refusal := s.stepText(ctx, asked, stmt, &r.plan.Steps[k])
		if refusal != nil {
			return nil, refusal, nil
		}
		f := stepFrames{s: s, answer: &stepAnswer{step: &r.plan.Steps[k]}}
		ok, refusal, err := f.run(asked, sql, described[k], &wire.Bind{})
		if !ok || refusal != nil || err != nil {
			return nil, refusal, err
		}
		answers = append(answers, f.answer)
	}
	bind = &wire.Bind{}
	if refusal := s.filler(ctx).givenParams(bind, r.plan, answers); refusal != nil {
		return nil, refusal, nil
	}
	r.sealed = bind.Params
	return bind, nil, nil
}

// sendUnrolledParse sends the Parse of one statement of a Query. A refused one
// is a poison.
func (s *session) sendUnrolledParse(asked, text []byte, refusal *pgerr.Error) error {
	name := []byte(unrolledName)
	frames, err := (&wire.Close{Kind: wire.KindStatement, Name: name}).Append(s.asks.frame[:0])
	if err == nil {
		frames, err = (&wire.Parse{Name: name, SQL: text}).Append(frames)
	}
	if err != nil {
		return err
	}
	s.push(expect{kind: expectClose, own: true})
	s.texts.note(s.push(expect{kind: expectParse, own: true, shown: true, refusal: refusal}), asked, text)
	s.asks.frame = keep(frames)
	return s.write(frames)
}

// sendUnrolled sends what runs the statement that was parsed last.
func (s *session) sendUnrolled(r *run, bind *wire.Bind) error {
	p := &portal{stmt: &statement{effect: r.effect}}
	if r.plan != nil {
		p.run = r
	}
	name := []byte(unrolledName)
	bind.Statement = name
	frames := s.asks.frame[:0]
	for _, f := range []struct {
		owed expect
		appender
	}{
		{expect{kind: expectBind, own: true, shown: true, portal: p}, bind},
		{expect{kind: expectDescribe, portal: p, unrolled: true}, &wire.Describe{Kind: wire.KindPortal}},
		{expect{kind: expectExecute, portal: p}, &wire.Execute{}},
		{expect{kind: expectClose, own: true}, &wire.Close{Kind: wire.KindStatement, Name: name}},
	} {
		var err error
		if frames, err = f.Append(frames); err != nil {
			return err
		}
		if f.owed.kind == expectExecute {
			s.took(&r.effect)
		}
		s.push(f.owed)
	}
	s.asks.frame = keep(frames)
	return s.write(frames)
}

// text returns what is sent for a statement without steps.
func (m *message) text(i int) []byte {
	if i+1 < len(m.starts) {
		return m.out[m.starts[i] : m.starts[i+1]-len("; ")]
	}
	return m.out[m.starts[i]:]
}

func stepBesideError(word string) *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Unsupported,
		Message: "cannot run " + word + " in one message with a statement that computes values for protected columns",
		Detail:  "Such a message is sent to the server one statement at a time.",
		Hint:    "Send the two statements one after the other.",
	}
}
