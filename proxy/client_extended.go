package proxy

import (
	"bytes"
	"context"
	"slices"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// prepare handles a Parse.
func (s *session) prepare(ctx context.Context, body []byte) error {
	m := &s.asks.parse
	if m.Decode(body) != nil {
		return s.pass(expect{kind: expectParse}, wire.TypeParse, body) // the server's error
	}
	if !s.settleSettings() || !s.settleNames() {
		return nil
	}
	switch r, refusal := s.settleOwn(ctx); r {
	case skipped:
		return nil
	case refused:
		return s.refuseParse(m.Name, s.refuse(refusal))
	}
	at := s.now()
	stmts, err := s.scan(m.SQL, at, s.settings.Load().backslash)
	switch {
	case err != nil && rewrite.ReachesAnyhow(at.matcher, m.SQL):
		s.noteUnread(m.SQL)
		return s.refuseParse(m.Name, s.refuse(rewrite.Unreadable(m.SQL, err)))
	case err != nil:
		return s.pass(expect{kind: expectParse}, wire.TypeParse, body)
	}
	st := &statement{name: string(m.Name), sql: slices.Clone(m.SQL), oids: slices.Clone(m.OIDs), seen: at}
	var flags shape.Flags
	for i := range stmts {
		flags |= stmts[i].Flags
	}
	switch {
	case len(stmts) == 1 && stmts[0].First == "execute":
		st.effect = effectOf(at, m.SQL, &stmts[0])
		return s.parseExecute(ctx, st, body, &stmts[0])
	case flags&namesPlanned != 0 && len(stmts) == 1 && s.hasExecute(st, at, &stmts[0]):
		return s.parseExecute(ctx, st, body, &stmts[0])
	case flags&namesPlanned != 0 && (len(stmts) != 1 || !usesName(&stmts[0])):
		return s.refuseParse(m.Name, s.refuse(namesPlannedError("SQL")))
	case flags&rewrite.Reaches == 0:
		if len(stmts) == 1 {
			st.effect = effectOf(at, m.SQL, &stmts[0])
		}
		return s.passParse(st, body)
	case len(stmts) != 1:
		return s.refuseParse(m.Name, s.refuse(severalStatements()))
	}
	st.effect = effectOf(at, m.SQL, &stmts[0])
	return s.planParse(ctx, at, st, body, stmts)
}

func (s *session) passParse(st *statement, body []byte) error {
	s.pushParse(st)
	if err := s.toServer.Frame(wire.TypeParse, body); err != nil {
		return s.writingServer(err)
	}
	return nil
}

// pushParse notes a statement in the registry before its answer can come.
func (s *session) pushParse(st *statement) {
	s.registry.addStatement(st)
	st.seq = s.queue.last() + 1
	s.push(expect{kind: expectParse, parse: st})
}

// planParse sends a Parse that reaches something protected.
func (s *session) planParse(ctx context.Context, at *state, st *statement, body []byte, stmts []shape.Statement) error {
	m := &s.asks.parse
	switch r, refusal := s.readyToPlan(ctx); r {
	case skipped:
		return nil
	case aborted:
		return s.refuseParse(m.Name, nil)
	case refused:
		return s.refuseParse(m.Name, s.refuse(refusal))
	}
	stmt := &s.scannedIn(at, m.SQL, stmts)[0]
	s.noteMade(stmt)
	return s.sendPlanned(ctx, st, body, stmt, s.db.opts.Compiler.Plan(s.asks.planning.envFor(stmt), m.SQL, stmt, m.OIDs))
}

// sendPlanned sends a Parse as its plan says.
func (s *session) sendPlanned(ctx context.Context, st *statement, body []byte, stmt *shape.Statement, plan *rewrite.Plan) error {
	m := &s.asks.parse
	st.plan, st.ctx, st.seen = plan, s.asks.planning, s.asks.planning.state
	st.effect.makes = plan.Made != nil
	switch st.plan.Verdict {
	case rewrite.Forward:
		return s.passParse(st, body)
	case rewrite.Rewrite:
		var err error
		if st.steps, err = s.describeSteps(ctx, m.SQL, stmt, plan); err != nil {
			return s.refuseParse(m.Name, s.refuse(err))
		}
		if len(st.steps) < len(plan.Steps) {
			return nil // the client has been told an error
		}
		f := s.filler(ctx)
		sql, err := f.text(s.asks.sql[:0], m.SQL, stmt, st.plan, st.steps...)
		if err != nil {
			return s.refuseParse(m.Name, s.refuse(err))
		}
		s.asks.sql = keep(sql)
		sent := wire.Parse{Name: m.Name, SQL: sql, OIDs: givenTypes(st.sentTypes(), plan, st.steps)}
		s.registry.addStatement(st)
		st.seq = s.queue.last() + 1
		s.texts.note(st.seq, m.SQL, sql)
		return s.sendParse(expect{kind: expectParse, parse: st, rewritten: true}, &sent)
	}
	return s.refuseParse(m.Name, s.refuse(planRefusal(st.plan)))
}

// bind handles a Bind.
func (s *session) bind(ctx context.Context, body []byte) error {
	name, stmtName, err := wire.BindNames(body)
	if err != nil {
		return s.pass(expect{kind: expectBind}, wire.TypeBind, body)
	}
	if !s.settleNames() {
		return nil
	}
	switch r, refusal := s.settleOwn(ctx); r {
	case skipped:
		return nil
	case refused:
		return s.refuseBind(name, s.refuse(refusal))
	}
	st := s.registry.statement(stmtName)
	if st != nil && !s.isSettled(st.seq) {
		if !s.settle(st.seq) {
			return nil
		}
		st = s.registry.statement(stmtName)
	}
	switch {
	case st == nil:
		return s.passBind(name, nil, body)
	case st.effect.naming.uses():
		return s.bindUse(ctx, st, name, body)
	}
	return s.bindStatement(ctx, st, name, body)
}

// bindStatement handles a Bind of a statement that the registry knows.
func (s *session) bindStatement(ctx context.Context, st *statement, name, body []byte) error {
	switch r, refusal := s.current(ctx, st); r {
	case skipped:
		return nil
	case aborted:
		// The server counts parameters, then it checks the transaction, and only
		// then looks at them.
		if st.plan.Verdict != rewrite.Rewrite {
			return s.passBind(name, st, body)
		}
		return s.bindNulls(st, body)
	case refused:
		return s.refuseBind(name, s.refuse(refusal))
	}
	if st.plan == nil {
		return s.passBind(name, st, body)
	}
	return s.planBind(ctx, st, body)
}

// bindNulls sends a Bind that the server will refuse, without its values. One
// with the wrong number of parameters for the client has the wrong number
// there too.
func (s *session) bindNulls(st *statement, body []byte) error {
	m := &s.asks.bind
	if m.Decode(body) != nil {
		return s.pass(expect{kind: expectBind}, wire.TypeBind, poisonedBody(body))
	}
	n := len(st.plan.Params)
	for _, step := range st.steps {
		n += len(step.fields)
	}
	if got := len(m.Params); got != clientParams(st.plan) {
		if n == got {
			n++
		} else {
			n = got
		}
	}
	return s.sendBind(expect{kind: expectBind},
		&wire.Bind{Portal: m.Portal, Statement: m.Statement, Params: make([][]byte, n)})
}

func (s *session) isSettled(seq uint64) bool {
	return s.asks.open && seq >= s.asks.group || s.queue.isAnswered(seq)
}

// passBind sends a Bind as it is.
func (s *session) passBind(name []byte, st *statement, body []byte) error {
	e := expect{kind: expectBind}
	hides := s.registry.portal(name) != nil
	if hides || st != nil && (st.effect.lasting() || st.effect.naming != nil) {
		e.portal = &portal{name: string(name), stmt: st}
		s.addPortal(e.portal)
	}
	return s.pass(e, wire.TypeBind, body)
}

// current makes sure that a statement's plan is what it would be if it were
// prepared now.
func (s *session) current(ctx context.Context, st *statement) (readiness, *pgerr.Error) {
	if st.plan == nil {
		return s.stillPlain(st)
	}
	if r, refusal := s.readyToPlan(ctx); r != ready {
		return r, refusal
	}
	return s.renew(st)
}

// renew plans a statement again, if it was planned in another planning than
// the session's, which is current.
func (s *session) renew(st *statement) (readiness, *pgerr.Error) {
	if st.ctx == s.asks.planning {
		return ready, nil
	}
	stmts, err := s.rescan(st.sql, s.asks.planning.state)
	if err != nil || len(stmts) != 1 {
		return refused, changedPlanError()
	}
	was, plan := st.plan, s.planAgain(st, &stmts[0])
	if st.made {
		was = st.prepare
	}
	switch {
	case plan.Verdict == rewrite.Refuse:
		return refused, planRefusal(plan)
	case !interchangeable(was, plan):
		return refused, changedPlanError()
	}
	if st.made {
		st.prepare, plan = plan, planInside(plan)
	}
	st.plan, st.ctx, st.seen = plan, s.asks.planning, s.asks.planning.state
	return ready, nil
}

// stillPlain checks that a statement that was forwarded does not reach what
// has become protected since.
func (s *session) stillPlain(st *statement) (readiness, *pgerr.Error) {
	at := s.now()
	if st.seen == at {
		return ready, nil
	}
	stmts, err := s.rescan(st.sql, at)
	if err != nil {
		return refused, changedPlanError()
	}
	for i := range stmts {
		if stmts[i].Flags&rewrite.Reaches != 0 && stmts[i].First != "lock" {
			return refused, changedPlanError()
		}
	}
	st.seen = at
	return ready, nil
}

// planBind sends a Bind of a statement with a plan.
func (s *session) planBind(ctx context.Context, st *statement, body []byte) error {
	m := &s.asks.bind
	if m.Decode(body) != nil {
		return s.pass(expect{kind: expectBind}, wire.TypeBind, poisonedBody(body))
	}
	p := &portal{name: string(m.Portal), stmt: st}
	p.run = &run{plan: st.plan, planning: st.ctx, effect: st.effect, formats: slices.Clone(m.ResultFormats)}
	e := expect{kind: expectBind, portal: p, rewritten: st.plan.Verdict == rewrite.Rewrite}
	var err error
	if e.rewritten && len(m.Params) != clientParams(st.plan) {
		return s.bindNulls(st, body)
	}
	if e.rewritten {
		err = s.fillBind(ctx, e, m, st)
	} else {
		s.addPortal(p)
		err = s.pass(e, wire.TypeBind, body)
	}
	if err != nil {
		return err
	}
	return s.describeOwn(p, m.Portal)
}

// describeOwn asks what the result of a portal is that was just bound.
func (s *session) describeOwn(p *portal, name []byte) error {
	// The client may never ask what the result is, but pgveil must know, and every
	// time: the server resolves the names of a prepared statement anew when a
	// table has changed, and a column by the old name may be another one.
	frame, err := (&wire.Describe{Kind: wire.KindPortal, Name: name}).Append(s.asks.frame[:0])
	if err != nil {
		return err
	}
	s.asks.frame = keep(frame)
	s.push(expect{kind: expectDescribe, portal: p, own: true})
	return s.write(frame)
}

// addPortal notes the portal that the next frame makes.
func (s *session) addPortal(p *portal) {
	p.seq = s.queue.last() + 1
	s.registry.addPortal(p)
}

// fillBind sends a Bind with its parameters sealed.
func (s *session) fillBind(ctx context.Context, e expect, m *wire.Bind, st *statement) error {
	f := s.filler(ctx)
	sent := &s.asks.sent
	stmt, err := s.literalsOf(st)
	if err == nil {
		err = f.bind(sent, m, st, stmt)
	}
	if err != nil {
		return s.refuseBind(m.Portal, s.refuse(err))
	}
	for i := range sent.Params {
		if use := &st.plan.Params[i].Use; use.Role == rewrite.Stored && use.Target.Column.Search.Equality {
			e.portal.run.sealed = append(e.portal.run.sealed, sent.Params[i])
		}
	}
	if len(st.steps) > 0 {
		if err := f.givenParams(sent, st.plan, st.steps); err != nil {
			return s.refuseBind(m.Portal, s.refuse(err))
		}
		e.portal.waiting = cloneBind(m)
	}
	s.addPortal(e.portal)
	return s.sendBind(e, sent)
}

// poisonedBody returns a Bind that is as malformed as the client's but holds
// none of its parameters.
func poisonedBody(body []byte) []byte {
	portal := bytes.IndexByte(body, 0)
	statement := bytes.IndexByte(body[portal+1:], 0)
	return body[:portal+1+statement+1]
}

// clientParams returns how many parameters a statement has for the client.
func clientParams(p *rewrite.Plan) int {
	n := len(p.ClientParams)
	for i := range p.Params {
		n = max(n, p.Params[i].Client)
	}
	return n
}

// describe handles a Describe.
func (s *session) describe(_ context.Context, body []byte) error {
	var m wire.Describe
	e := expect{kind: expectDescribe}
	if !s.settleNames() {
		return nil
	}
	if m.Decode(body) == nil {
		if m.Kind == wire.KindStatement {
			e.statement, e.parse = true, s.settledStatement(m.Name)
			// The plan is taken now: a later Bind may renew it.
			switch st := e.parse; {
			case st == nil:
			case st.plan != nil:
				e.rewritten = st.plan.Verdict == rewrite.Rewrite
				e.described = &run{plan: st.plan, planning: st.ctx}
			case st.effect.naming.uses():
				source, refusal := s.boundSource(st)
				if refusal != nil {
					return s.refuseDescribe(s.refuse(refusal))
				}
				e.described = fetchOf(source, nil)
			}
		} else {
			e.portal = s.settledPortal(m.Name)
		}
	}
	return s.pass(e, wire.TypeDescribe, body)
}

func (s *session) settledStatement(name []byte) *statement {
	st := s.registry.statement(name)
	if st != nil && !s.isSettled(st.seq) && s.settle(st.seq) {
		st = s.registry.statement(name)
	}
	return st
}

func (s *session) settledPortal(name []byte) *portal {
	p := s.registry.portal(name)
	if p != nil && !s.isSettled(p.seq) && s.settle(p.seq) {
		p = s.registry.portal(name)
	}
	return p
}

// execute handles an Execute.
func (s *session) execute(ctx context.Context, body []byte) error {
	var m wire.Execute
	e := expect{kind: expectExecute}
	if !s.settleNames() {
		return nil
	}
	switch r, refusal := s.settleOwn(ctx); r {
	case skipped:
		return nil
	case refused:
		return s.refuseExecute(s.refuse(refusal))
	}
	if m.Decode(body) == nil {
		e.portal = s.settledPortal(m.Portal)
	}
	if e.portal.outdated() {
		return s.refuseExecute(s.refuse(policyChangedError()))
	}
	if e.portal != nil && e.portal.stmt != nil {
		if !s.stillBound(e.portal) {
			return s.refuseExecute(s.refuse(changedPlanError()))
		}
		if e.portal.waiting != nil {
			if goOn, err := s.executeSteps(ctx, e.portal); !goOn || err != nil {
				return err
			}
		}
		s.took(&e.portal.stmt.effect)
	}
	return s.pass(e, wire.TypeExecute, body)
}

// closeNamed handles a Close.
func (s *session) closeNamed(_ context.Context, body []byte) error {
	var m wire.Close
	e := expect{kind: expectClose}
	if m.Decode(body) == nil {
		e.statement, e.named = m.Kind == wire.KindStatement, string(m.Name)
	}
	return s.pass(e, wire.TypeClose, body)
}

func severalStatements() *pgerr.Error {
	return &pgerr.Error{
		State:   "42601",
		Code:    pgerr.CannotParse,
		Message: "cannot insert multiple commands into a prepared statement",
		Hint:    "Prepare them one by one.",
	}
}
