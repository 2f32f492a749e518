package proxy

import (
	"context"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// run is one statement that the server runs: how its result is read, and what
// it changes.
type run struct {
	// plan is nil for a statement that reaches nothing protected. The text of one
	// with a plan may be the client's own, and only its result be read otherwise.
	plan     *rewrite.Plan
	planning *planning
	effect   effect
	// sealed are the parameters of a portal that were sealed to be stored.
	sealed [][]byte
	// formats are the result formats of a portal; none in the simple protocol.
	formats []int16
	// cells say how a row is read. The server's side makes them.
	cells []cell
	// cachedForms are those of the settings formsOf.
	formsOf     *settings
	cachedForms *canon.Settings
}

// query handles a Query: one or more statements in the simple protocol.
func (s *session) query(ctx context.Context, body []byte) error {
	sql, err := wire.DecodeQuery(body)
	if err != nil {
		return s.passQuery(expect{kind: expectQuery}, body) // the server's error
	}
	if !s.settleSettings() || !s.settleNames() {
		return nil
	}
	switch r, refusal := s.settleOwn(ctx); r {
	case skipped:
		return nil
	case refused:
		return s.refuseQuery(s.refuse(refusal))
	}
	st := s.now()
	stmts, err := s.scan(sql, st, s.settings.Load().backslash)
	if err != nil {
		if !rewrite.ReachesAnyhow(st.matcher, sql) {
			return s.passQuery(expect{kind: expectQuery}, body)
		}
		s.noteUnread(sql)
		return s.refuseQuery(s.refuse(rewrite.Unreadable(sql, err)))
	}
	var flags shape.Flags
	for i := range stmts {
		flags |= stmts[i].Flags
	}
	if flags&(rewrite.Reaches|namesPlanned) == 0 && (len(stmts) == 1 || !s.asks.own.guarded()) {
		return s.forwardQuery(st, sql, body, stmts)
	}
	return s.planQuery(ctx, st, sql, body, stmts)
}

// settleSettings waits for a change of settings that is under way, because the
// text of the next statement may be read differently after it. It reports
// false if the session has ended.
func (s *session) settleSettings() bool {
	a := &s.asks
	if !a.touched {
		return true
	}
	if !s.waitFor(a.touchedAt) {
		return false
	}
	if status, quiet, _ := s.queue.state(); quiet && status == wire.Idle && !a.open {
		// Nothing is left that could change them back, but something may have.
		a.touched, a.dirty = false, true
	}
	return true
}

func (s *session) passQuery(e expect, body []byte) error {
	s.boundary(e)
	if err := s.toServer.Frame(wire.TypeQuery, body); err != nil {
		return s.writingServer(err)
	}
	return nil
}

// refuseQuery sends a poison in place of a whole Query.
func (s *session) refuseQuery(refusal *pgerr.Error) error {
	return s.sendQuery(expect{kind: expectQuery, refusal: refusal}, nil, []byte(poisonSQL))
}

// sendQuery sends a text of pgveil's in place of what the client asked.
func (s *session) sendQuery(e expect, asked, sql []byte) error {
	frame, err := wire.AppendQuery(s.asks.frame[:0], sql)
	if err != nil {
		return err
	}
	s.asks.frame = keep(frame)
	s.texts.note(s.boundary(e), asked, sql)
	return s.write(frame)
}

// forwardQuery sends a Query none of whose statements needs a plan.
func (s *session) forwardQuery(st *state, sql, body []byte, stmts []shape.Statement) error {
	e := expect{kind: expectQuery}
	lasting := false
	for i := range stmts {
		effect := s.effectOf(st, sql, &stmts[i])
		lasting = lasting || effect.lasting()
		if e.runs == nil && (effect.drops != dropNothing || effect.naming.changes()) {
			e.runs = make([]run, len(stmts))
		}
	}
	if !lasting {
		return s.passQuery(e, body)
	}
	effects := make([]effect, len(stmts))
	for i := range stmts {
		effects[i] = s.effectOf(st, sql, &stmts[i])
		if e.runs != nil {
			e.runs[i].effect = effects[i]
		}
	}
	for i := range effects {
		s.took(&effects[i])
	}
	return s.passQuery(e, body)
}

// planQuery sends a Query at least one of whose statements needs a plan.
func (s *session) planQuery(ctx context.Context, at *state, sql, body []byte, stmts []shape.Statement) error {
	r, refusal := s.readyToPlan(ctx)
	if r == skipped {
		return nil // the server would ignore it
	}
	if r == ready {
		stmts = s.scannedIn(at, sql, stmts)
	}
	m := message{session: s, sql: sql, readiness: r, refusal: refusal}
	m.out = s.asks.sql[:0]
	e := expect{kind: expectQuery}
	for i := range stmts {
		run, refusal := m.add(ctx, &stmts[i], e.runs)
		e.runs = append(e.runs, run)
		if refusal != nil {
			e.refusal, e.refused = s.refuse(refusal), i
			break
		}
	}
	if e.refusal != nil && e.refusal.Code == pgerr.CannotParse {
		// PostgreSQL reads a message to its end before it runs any of it.
		return s.refuseQuery(e.refusal)
	}
	s.asks.sql = keep(m.out)
	if m.steps {
		return s.unroll(ctx, &m, &e, stmts)
	}
	for i := range e.runs {
		s.took(&e.runs[i].effect)
	}
	if m.changed {
		return s.sendQuery(e, sql, m.out)
	}
	return s.passQuery(e, body)
}

// message puts together the text that is sent for a Query.
type message struct {
	session   *session
	sql       []byte
	readiness readiness
	refusal   *pgerr.Error
	out       []byte
	// changed says that out is not what the client sent.
	changed bool
	// starts are the places in out where the statements begin.
	starts []int
	// steps says that a statement has steps, whose text is not in out.
	steps bool
	// unsettled says that a statement before may change the role, the search
	// path or how text is read; ended that it may end a failed transaction.
	unsettled, ended bool
	// made says that a statement before makes something that must be looked at,
	// moved that names may mean something else behind it, some of them the
	// session's own.
	made, moved bool
}

// unsettles reports whether names may mean something else behind a statement.
func unsettles(r *run, stmt *shape.Statement) bool {
	return r.effect.flags&rewrite.ChangesSettings != 0 || changesNames(&r.effect, stmt) && (r.plan != nil || stmt.Second == "schema")
}

// changesNames reports whether a statement is DDL after which a name may mean
// another relation.
func changesNames(e *effect, stmt *shape.Statement) bool {
	index := stmt.First == "create" && (stmt.Second == "index" || stmt.Second == "unique")
	return e.flags&rewrite.ChangesCatalog != 0 && !index
}

// endsAll reports whether a statement does nothing but end the transaction.
func endsAll(stmt *shape.Statement) bool {
	switch stmt.First {
	case "commit", "end", "rollback", "abort":
		return true
	}
	return false
}

// add appends a statement, or what is sent instead, and a refusal if that is a
// poison. before are the statements before it.
func (m *message) add(ctx context.Context, stmt *shape.Statement, before []run) (run, error) {
	s := m.session
	if len(m.starts) > 0 {
		m.out = append(m.out, ';', ' ')
	}
	m.starts = append(m.starts, len(m.out))
	at := s.now()
	text := m.sql[stmt.Start:stmt.End]
	r := run{effect: effectOf(at, m.sql, stmt)}
	defer func() {
		m.unsettled = m.unsettled || unsettles(&r, stmt)
		m.ended = m.ended || r.effect.flags&endsTransaction != 0
		m.made = m.made || r.effect.makes
		m.moved = m.moved || r.effect.flags&(rewrite.ChangesSettings|endsTransaction) != 0 || changesNames(&r.effect, stmt)
	}()
	source, refusal := m.source(stmt, before)
	switch {
	case m.made && !endsAll(stmt):
		return run{}, m.poison(madeInMessageError())
	case m.moved && s.asks.own.guarded() && !endsAll(stmt) && stmt.First != "drop":
		return run{}, m.poison(settingsInMessageError())
	case refusal != nil:
		return run{}, m.poison(refusal)
	case stmt.Flags&rewrite.Reaches == 0 && !source.planned():
		m.out = append(m.out, text...)
		return r, nil
	case m.unsettled && stmt.First != "drop", m.readiness == aborted && m.ended:
		return run{}, m.poison(settingsInMessageError())
	case m.readiness == aborted:
		m.out, m.changed = append(m.out, poisonSQL...), true
		return run{}, nil
	case m.readiness == refused:
		return run{}, m.poison(m.refusal)
	}
	if err := m.plan(&r, stmt, source); err != nil {
		return run{}, m.poison(err)
	}
	r.effect.makes = r.plan.Made != nil
	switch r.plan.Verdict {
	case rewrite.Forward:
		m.out = append(m.out, text...)
		return r, nil
	case rewrite.Rewrite:
		if len(r.plan.Steps) > 0 {
			m.steps, m.changed = true, true
			return r, nil
		}
		start := len(m.out)
		f := s.filler(ctx)
		var err error
		if m.out, err = f.text(m.out, m.sql, stmt, r.plan); err != nil {
			m.out = m.out[:start]
			return run{}, m.poison(err)
		}
		m.changed = true
		return r, nil
	}
	return run{}, m.poison(planRefusal(r.plan))
}

// plan plans a statement.
func (m *message) plan(r *run, stmt *shape.Statement, source source) (err error) {
	s := m.session
	switch {
	case source.reads != nil:
		fetch := fetchOf(source.reads, nil)
		r.plan, r.planning = fetch.plan, fetch.planning
	case source.runs != nil:
		r.plan, err = s.planExecute(m.sql, stmt, source.runs)
		r.planning, r.effect.flags = s.asks.planning, executeFlags(stmt, r.effect.flags, source.runs)
	default:
		s.noteMade(stmt)
		r.planning = s.asks.planning
		r.plan = s.db.opts.Compiler.Plan(r.planning.envFor(stmt), m.sql, stmt, nil)
	}
	return err
}

// executeFlags returns what a statement may do that executes st: no more than
// st itself, unless it makes something of the result.
func executeFlags(stmt *shape.Statement, flags shape.Flags, st *statement) shape.Flags {
	if stmt.First == "execute" {
		return st.effect.flags
	}
	return flags | st.effect.flags
}

// source is what an EXECUTE, FETCH or MOVE takes its result from, if that has
// a plan.
type source struct {
	runs  *statement
	reads *portal
}

func (s source) planned() bool { return s.runs != nil || s.reads != nil }

// source finds what a statement uses by name. It refuses a statement that has
// such a one inside.
func (m *message) source(stmt *shape.Statement, before []run) (source, *pgerr.Error) {
	s := m.session
	switch {
	case stmt.First == "execute":
		return m.executed(stmt.Second, before)
	case usesName(stmt):
		if !s.registry.hasPlanned() {
			return source{}, nil
		}
		p, refusal := s.fetched(m.sql, stmt, before)
		if refusal != nil {
			return source{}, refusal
		}
		if p.outdated() {
			return source{}, policyChangedError()
		}
		if p != nil && p.run != nil {
			return source{reads: p}, nil
		}
	case stmt.Flags&namesPlanned != 0, stmt.Flags&saysExecute != 0 && makesPlanned(before):
		if name, ok := rewrite.Executed(m.sql, stmt); ok {
			return m.executed(name, before)
		}
		return source{}, namesPlannedError(stmt.First)
	}
	return source{}, nil
}

// executed finds what EXECUTE of a name runs.
func (m *message) executed(name string, before []run) (source, *pgerr.Error) {
	st := m.session.statementNamed(name, before)
	if refusal := m.session.executable(name, st); refusal != nil {
		return source{}, refusal
	}
	if st != nil && st.plan != nil {
		return source{runs: st}, nil
	}
	return source{}, nil
}

// poison appends a poison and returns the error that is shown for it.
func (m *message) poison(refusal error) error {
	m.out, m.changed = append(m.out, poisonSQL...), true
	return refusal
}

// planRefusal returns why a plan refuses.
func planRefusal(p *rewrite.Plan) *pgerr.Error {
	if p.Refusal != nil {
		return p.Refusal
	}
	return &pgerr.Error{
		State:   pgerr.StateInternal,
		Code:    pgerr.Internal,
		Message: "internal error in pgveil: a refusal without a reason",
	}
}
