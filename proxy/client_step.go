package proxy

import (
	"context"
	"slices"

	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// This file is steps in the extended protocol. At Parse a step is described:
// the types of its columns belong in the statement's text. A Bind binds the
// statement to no rows, so that it can be described. Execute runs the step, and
// binds the portal anew with what it gave: that is when the statement would have
// read what it writes.

// describeSteps learns the types of a plan's steps. It returns fewer answers
// than there are steps where the client has been told an error instead.
func (s *session) describeSteps(ctx context.Context, asked []byte, stmt *shape.Statement, plan *rewrite.Plan) ([]*stepAnswer, error) {
	var answers []*stepAnswer
	for i := range plan.Steps {
		step := &plan.Steps[i]
		sql, err := s.stepText(ctx, asked, stmt, step)
		if err != nil {
			return nil, err
		}
		f := stepFrames{s: s, answer: &stepAnswer{step: step}}
		f.addParse(sql, stepTypes(step, nil))
		if ok, err := f.send(asked, sql); !ok || err != nil {
			return answers, err
		}
		answers = append(answers, f.answer)
	}
	return answers, nil
}

// sentTypes returns the types to declare for a statement's own parameters. One
// that a step uses too has the type there that the server found for it.
func (st *statement) sentTypes() []uint32 {
	oids := make([]uint32, len(st.plan.Params))
	for i, p := range st.plan.Params {
		if oids[i] = p.OID; p.OID == 0 && p.Use.Role == rewrite.Verbatim {
			oids[i] = st.stepParam(st.plan, p.Client)
		}
	}
	return oids
}

// cloneBind returns a Bind that does not alias the frame it was read from.
func cloneBind(m *wire.Bind) *wire.Bind {
	c := &wire.Bind{
		Portal: slices.Clone(m.Portal), Statement: slices.Clone(m.Statement),
		ParamFormats: slices.Clone(m.ParamFormats), ResultFormats: slices.Clone(m.ResultFormats),
		Params: make([][]byte, len(m.Params)),
	}
	for i, v := range m.Params {
		c.Params[i] = slices.Clone(v)
	}
	return c
}

// executeSteps runs the steps of a portal that is about to be executed, and
// binds it again. It reports false where the Execute must not be sent: an error
// took its place.
func (s *session) executeSteps(ctx context.Context, p *portal) (bool, error) {
	if !s.quietGroup() {
		return true, nil // the server ignores the Execute, and so does the queue
	}
	m, st := p.waiting, p.stmt
	switch r, refusal := s.readyToPlan(ctx); {
	case r == refused:
		return false, s.refuseExecute(s.refuse(refusal))
	case r != ready:
		return true, nil // the server refuses or ignores it
	case s.settledStatement(m.Statement) != st || st.ctx.state != s.asks.planning.state:
		return false, s.refuseExecute(s.refuse(changedPlanError()))
	}
	answers, refusal, err := s.runBound(ctx, p)
	switch {
	case err != nil:
		return false, err
	case refusal != nil:
		return false, s.refuseExecute(s.refuse(refusal))
	case answers == nil:
		return false, nil
	}
	return s.bindGiven(ctx, p, answers)
}

// runBound runs the steps of a portal with its parameters. It returns no
// answers where the client has been told an error.
func (s *session) runBound(ctx context.Context, p *portal) ([]*stepAnswer, error, error) {
	m, st := p.waiting, p.stmt
	stmts, err := s.rescan(st.sql, s.asks.planning.state)
	if err != nil || len(stmts) != 1 {
		return nil, changedPlanError(), nil
	}
	var answers []*stepAnswer
	for i := range st.plan.Steps {
		step := &st.plan.Steps[i]
		sql, err := s.stepText(ctx, st.sql, &stmts[0], step)
		if err != nil {
			return nil, err, nil
		}
		bind := &wire.Bind{}
		if err := s.filler(ctx).params(bind, m, st, &stmts[0], step.Params); err != nil {
			return nil, err, nil
		}
		f := stepFrames{s: s, answer: &stepAnswer{step: step}}
		if i == 0 {
			// The server may have dropped the portal, and binding it again must not
			// bring it back.
			f.addFor(&stepAnswer{}, expectDescribe, &wire.Describe{Kind: wire.KindPortal, Name: m.Portal})
		}
		ok, refusal, err := f.run(st.sql, sql, st.steps[i], bind)
		if !ok || refusal != nil || err != nil {
			return nil, refusal, err
		}
		answers = append(answers, f.answer)
	}
	return answers, nil, nil
}

// bindGiven binds a portal to what its steps gave.
func (s *session) bindGiven(ctx context.Context, p *portal, answers []*stepAnswer) (bool, error) {
	m, st, sent := p.waiting, p.stmt, &s.asks.sent
	f := s.filler(ctx)
	stmt, err := s.literalsOf(st)
	if err == nil {
		err = f.bind(sent, m, st, stmt)
	}
	if err == nil {
		err = f.givenParams(sent, st.plan, answers)
	}
	if err != nil {
		return false, s.refuseExecute(s.refuse(err))
	}
	p.waiting, p.run.sealed = nil, append(p.run.sealed, sent.Params[len(st.plan.Params):]...)
	closing, err := (&wire.Close{Kind: wire.KindPortal, Name: m.Portal}).Append(nil)
	if err != nil {
		return false, err
	}
	s.push(expect{kind: expectClose, own: true})
	if err := s.write(closing); err != nil {
		return false, err
	}
	if err := s.sendBind(expect{kind: expectBind, own: true, shown: true, step: answers[0]}, sent); err != nil {
		return false, err
	}
	return true, s.describeOwn(p, m.Portal)
}
