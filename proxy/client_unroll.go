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
		return refusal == nil, s.sendUnrolled(m, r, m.text(i), &wire.Bind{}, refusal)
	}
	if !s.quietGroup() {
		return false, nil
	}
	answers, refused, err := s.runDirect(ctx, m.sql, stmt, r)
	if err != nil || answers == nil && refused == nil {
		return false, err
	}
	bind, text := &wire.Bind{}, []byte(poisonSQL)
	if refused == nil {
		text, refused = s.fillDirect(ctx, m.sql, stmt, r, answers, bind)
	}
	if refused != nil {
		return false, s.sendUnrolled(m, r, []byte(poisonSQL), &wire.Bind{}, s.refuse(refused))
	}
	return true, s.sendUnrolled(m, r, text, bind, nil)
}

// runDirect runs the steps of a statement that has no parameters. It returns
// neither answers nor a refusal where the client has been told an error.
func (s *session) runDirect(ctx context.Context, asked []byte, stmt *shape.Statement, r *run) (answers []*stepAnswer, refusal, err error) {
	for k := range r.plan.Steps {
		step := &r.plan.Steps[k]
		sql, refusal := s.stepText(ctx, asked, stmt, step)
		if refusal != nil {
			return nil, refusal, nil
		}
		f := stepFrames{s: s, answer: &stepAnswer{step: step}}
		f.addParse(sql, stepTypes(step, nil))
		f.addRun(&wire.Bind{}, step.Limit)
		if ok, err := f.send(asked, sql); !ok || err != nil {
			return nil, nil, err
		}
		if refusal := f.answer.within(); refusal != nil {
			return nil, refusal, nil
		}
		answers = append(answers, f.answer)
	}
	return answers, nil, nil
}

// fillDirect returns the text of a statement and its parameters in bind, or why
// it is refused.
func (s *session) fillDirect(ctx context.Context, asked []byte, stmt *shape.Statement, r *run, answers []*stepAnswer, bind *wire.Bind) ([]byte, error) {
	f := s.filler(ctx)
	text, err := f.text(nil, asked, stmt, r.plan, answers...)
	if err != nil {
		return nil, err
	}
	if err := f.givenParams(bind, r.plan, answers); err != nil {
		return nil, err
	}
	r.sealed = bind.Params
	return text, nil
}

// sendUnrolled sends one statement of a Query. A refused one is a poison.
func (s *session) sendUnrolled(m *message, r *run, text []byte, bind *wire.Bind, refusal *pgerr.Error) error {
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
		{expect{kind: expectClose, own: true}, &wire.Close{Kind: wire.KindStatement, Name: name}},
		{expect{kind: expectParse, own: true, shown: true, refusal: refusal}, &wire.Parse{Name: name, SQL: text}},
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
		if seq := s.push(f.owed); f.owed.kind == expectParse {
			s.texts.note(seq, m.sql, text)
		}
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
