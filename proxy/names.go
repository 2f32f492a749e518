package proxy

import (
	"bytes"
	"fmt"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// SQL has its own ways to name statements and portals: PREPARE, EXECUTE and
// DEALLOCATE; DECLARE, FETCH, MOVE and CLOSE. To the server these are the names
// that Parse and Bind give, so the registry holds both. What PREPARE makes is a
// statement, a cursor is a portal.
//
// The server's side notes what a statement has made when it has completed. The
// client's side waits for that before it looks up a name, and within a message
// looks at the statements before as if they had completed: if one does not,
// nothing behind it runs.
//
// A name that the registry holds too long does no harm: the server says that
// there is none, or describes a result that is not the planned one, and then no
// row is passed on. One that it forgot too early would show sealed values. So
// it forgets on what the server has completed, and never on a guess.

// naming says that a statement makes, drops or uses a name in SQL.
type naming struct {
	kind namingKind
	// name is empty for a FETCH or MOVE, which take a parser to read.
	name string
	// sql is the text of a PREPARE, seen the state it was scanned in, flags what
	// its words say that running it may change.
	sql   []byte
	seen  *state
	flags shape.Flags
}

type namingKind uint8

const (
	// prepares is PREPARE, declares is DECLARE.
	prepares namingKind = iota
	declares
	closes
	closesAll
	executes
	// fetches is FETCH and MOVE.
	fetches
)

// changes reports whether the statement makes or drops a name.
func (n *naming) changes() bool { return n != nil && n.kind < executes }

// uses reports whether the statement runs what a name stands for.
func (n *naming) uses() bool { return n != nil && n.kind >= executes }

// namingOf returns what a statement does to names, nil for nothing.
func namingOf(at *state, sql []byte, stmt *shape.Statement) *naming {
	switch stmt.First {
	case "prepare":
		if stmt.Second != "" {
			const lasting = rewrite.ChangesSettings | rewrite.ChangesCatalog
			text := append([]byte(nil), sql[stmt.Start:stmt.End]...)
			return &naming{kind: prepares, name: stmt.Second, sql: text, seen: at, flags: stmt.Flags & lasting}
		}
	case "declare":
		return &naming{kind: declares, name: stmt.Second}
	case "close":
		if stmt.Second == "all" && sql[stmt.End-1] != '"' {
			return &naming{kind: closesAll}
		}
		return &naming{kind: closes, name: stmt.Second}
	case "discard":
		if stmt.Second == "all" {
			return &naming{kind: closesAll}
		}
	case "execute":
		return &naming{kind: executes, name: stmt.Second}
	case "fetch", "move":
		return &naming{kind: fetches}
	}
	return nil
}

// usesName reports whether a statement is EXECUTE, FETCH or MOVE itself, not
// one that has it inside.
func usesName(stmt *shape.Statement) bool {
	return stmt.First == "execute" || stmt.First == "fetch" || stmt.First == "move"
}

// settleNames waits for a statement under way that makes or drops a name. It
// reports false if the session has ended.
func (s *session) settleNames() bool {
	a := &s.asks
	if a.namedAt == 0 || !s.registry.hasPlanned() {
		return true
	}
	if !s.waitFor(a.namedAt) {
		return false
	}
	a.namedAt = 0
	return true
}

// unclearName reports whether EXECUTE of a name needs more than to be sent.
func (s *session) unclearName(name string, at *state) bool {
	st := s.registry.statement([]byte(name))
	if st == nil {
		return s.registry.hasPrepares()
	}
	return st.plan != nil || st.seen != at || !st.made && st.effect.naming != nil || !s.isSettled(st.seq)
}

// named notes what a completed statement has done to names. r is nil for one
// without a plan.
func (s *session) named(n *naming, r *run) {
	seq := s.answers.cur.seq
	switch n.kind {
	case prepares:
		s.registry.replaceStatement(madeBy(n, r), seq)
	case declares:
		if p := cursorOf(n, r); p != nil {
			s.registry.replacePortal(p, seq)
		} else {
			s.registry.dropPortal(n.name, seq)
		}
	case closes:
		s.registry.dropPortal(n.name, seq)
	case closesAll:
		s.registry.dropPortals(seq)
	}
}

// effectOf returns what running a statement changes for the session. Cursors
// are left out as long as none can be over what is protected.
func (s *session) effectOf(at *state, sql []byte, stmt *shape.Statement) effect {
	e := effectOf(at, sql, stmt)
	if e.naming != nil && e.naming.kind != prepares && e.naming.kind != executes && !s.registry.hasPlanned() {
		e.naming = nil
	}
	return e
}

// madeBy returns what a PREPARE makes.
func madeBy(n *naming, r *run) *statement {
	st := &statement{name: n.name, made: true, sql: n.sql, seen: n.seen, effect: effect{flags: n.flags}}
	if r != nil && r.plan != nil {
		st.prepare, st.plan = r.plan, planInside(r.plan)
		st.ctx, st.seen = r.planning, r.planning.state
	}
	return st
}

// planInside returns the plan of the statement that a PREPARE is of. Its text
// is at the server.
func planInside(prepare *rewrite.Plan) *rewrite.Plan {
	p := prepare.Prepared
	if p == nil {
		p = &rewrite.Prepared{Count: -1}
	}
	return &rewrite.Plan{
		Verdict: prepare.Verdict, Params: p.Params, ClientParams: p.ClientParams, Columns: p.Columns, Prepared: p,
	}
}

// cursorOf returns the cursor that a DECLARE makes, nil for one that shows
// nothing protected.
func cursorOf(n *naming, r *run) *portal {
	if r == nil || r.plan == nil || r.plan.Cursor == nil {
		return nil
	}
	c := r.plan.Cursor
	shown := &rewrite.Plan{Verdict: rewrite.Forward, Columns: c.Columns}
	return &portal{name: n.name, hold: c.Hold, run: &run{plan: shown, planning: r.planning}}
}

// statementNamed returns what EXECUTE of a name runs behind the statements of
// the same message, nil for what the registry does not know.
func (s *session) statementNamed(name string, before []run) *statement {
	for i := len(before) - 1; i >= 0; i-- {
		e := &before[i].effect
		switch {
		case e.naming != nil && e.naming.kind == prepares && e.naming.name == name:
			return madeBy(e.naming, &before[i])
		case e.drops == dropAll, e.drops == dropNamed && e.dropName == name:
			return nil
		}
	}
	return s.settledStatement([]byte(name))
}

// cursorNamed returns the cursor or portal of a name behind the statements of
// the same message, nil for none.
func (s *session) cursorNamed(name string, before []run) *portal {
	for i := len(before) - 1; i >= 0; i-- {
		n := before[i].effect.naming
		switch {
		case n == nil:
		case n.kind == declares && n.name == name:
			return cursorOf(n, &before[i])
		case n.kind == closes && n.name == name, n.kind == closesAll:
			return nil
		}
	}
	return s.settledPortal([]byte(name))
}

// planExecute plans an EXECUTE of what st is, nil for an unknown name. It
// returns nil where the statement is sent as it is.
func (s *session) planExecute(sql []byte, stmt *shape.Statement, st *statement) (*rewrite.Plan, error) {
	if r, refusal := s.renew(st); r != ready {
		return nil, refusal
	}
	plan := rewrite.PlanExecute(s.asks.planning.envFor(stmt), sql, stmt, st.asPrepared())
	if plan.Verdict == rewrite.Refuse {
		return nil, planRefusal(plan)
	}
	return plan, nil
}

// makesPlanned reports whether one of a message's statements prepares
// something protected.
func makesPlanned(before []run) bool {
	for i := range before {
		if p := before[i].plan; p != nil && p.Prepared != nil {
			return true
		}
	}
	return false
}

// executable checks that EXECUTE may run st, nil for an unknown name, as far
// as that can be told without planning.
func (s *session) executable(name string, st *statement) *pgerr.Error {
	switch {
	case st == nil:
		if s.registry.hasPrepares() {
			return unknownStatement(name)
		}
	case st.plan == nil && (st.made || !st.effect.naming.uses()):
		_, refusal := s.stillPlain(st)
		return refusal
	case !st.made && (st.plan == nil || st.effect.naming != nil || st.plan.Copy != nil || len(st.plan.Steps) > 0):
		return namesPlannedError("EXECUTE")
	}
	return nil
}

// asPrepared returns what EXECUTE must know of a statement with a plan.
func (st *statement) asPrepared() *rewrite.Prepared {
	if st.plan.Prepared != nil {
		return st.plan.Prepared
	}
	count := -1
	if st.plan.Verdict == rewrite.Rewrite {
		count = clientParams(st.plan)
	}
	return &rewrite.Prepared{
		Count: count, Name: st.name, Params: st.plan.Params, ClientParams: st.plan.ClientParams, Columns: st.plan.Columns,
	}
}

// fetchOf returns how the rows of a FETCH from p are shown, nil for one that
// shows nothing protected.
func fetchOf(p *portal, formats []int16) *run {
	if p == nil || p.run == nil {
		return nil
	}
	plan := &rewrite.Plan{Verdict: rewrite.Forward, Columns: p.run.plan.Columns}
	return &run{plan: plan, planning: p.run.planning, formats: formats}
}

// fetched returns the cursor or portal that a FETCH or MOVE names.
func (s *session) fetched(sql []byte, stmt *shape.Statement, before []run) (*portal, *pgerr.Error) {
	name, _, ok := rewrite.CursorName(sql, stmt)
	if !ok {
		return nil, unreadableFetch()
	}
	return s.cursorNamed(name, before), nil
}

// noteMade remembers that the session makes names for what is protected, or
// tried to.
func (s *session) noteMade(stmt *shape.Statement) {
	if stmt.First == "prepare" || stmt.First == "declare" {
		s.registry.expectNames(stmt.First == "prepare")
	}
}

// noteUnread is noteMade for a text that cannot be scanned and is refused.
func (s *session) noteUnread(sql []byte) {
	if bytes.Contains(asciiLower(sql), []byte("prepare")) {
		s.registry.expectNames(true)
	}
}

func unknownStatement(name string) *pgerr.Error {
	return &pgerr.Error{
		State:   "26000",
		Code:    pgerr.UnknownPrepared,
		Message: fmt.Sprintf("prepared statement %q does not exist", name),
		Detail:  "pgveil has not seen it being prepared, and does not send arguments that may be meant for a protected column.",
		Hint:    "Send PREPARE first. What a function has prepared cannot be executed in a session that prepares over protected tables.",
	}
}

func unreadableFetch() *pgerr.Error {
	return &pgerr.Error{
		State:   "42601",
		Code:    pgerr.CannotParse,
		Message: "syntax error",
		Detail:  "The statement cannot be read, and may name a cursor over a protected table.",
		Hint:    "Write FETCH or MOVE, a direction, FROM, and the cursor's name.",
	}
}
