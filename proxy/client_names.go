package proxy

import (
	"context"
	"slices"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// This file is EXECUTE, FETCH and MOVE in the extended protocol. The arguments
// of an EXECUTE go to the server with its Parse, so it is planned then; what a
// FETCH names may be made later, so it is looked up when it is described and
// bound. Both are checked at each step: what the name stands for must not have
// changed since the step before.

// hasExecute reports whether a statement is EXPLAIN or CREATE TABLE AS of an
// EXECUTE, and notes then what it uses.
func (s *session) hasExecute(st *statement, at *state, stmt *shape.Statement) bool {
	name, ok := rewrite.Executed(st.sql, stmt)
	if ok {
		st.effect = effectOf(at, st.sql, stmt)
		st.effect.naming = &naming{kind: executes, name: name}
	}
	return ok
}

// parseExecute handles a Parse of EXECUTE, or of a statement that has it inside.
func (s *session) parseExecute(ctx context.Context, st *statement, body []byte, stmt *shape.Statement) error {
	m := &s.asks.parse
	name := st.effect.naming.name
	of := s.settledStatement([]byte(name))
	if refusal := s.executable(name, of); refusal != nil {
		return s.refuseParse(m.Name, s.refuse(refusal))
	}
	if of == nil || of.plan == nil {
		return s.passParse(st, body)
	}
	switch r, refusal := s.readyToPlan(ctx); r {
	case skipped:
		return nil
	case aborted:
		return s.refuseParse(m.Name, nil)
	case refused:
		return s.refuseParse(m.Name, s.refuse(refusal))
	}
	plan, err := s.planExecute(m.SQL, stmt, of)
	if err != nil {
		return s.refuseParse(m.Name, s.refuse(err))
	}
	st.of, st.effect.flags = of, executeFlags(stmt, st.effect.flags, of)
	return s.sendPlanned(ctx, st, body, stmt, plan)
}

// planAgain plans a statement anew in the session's planning.
func (s *session) planAgain(st *statement, stmt *shape.Statement) *rewrite.Plan {
	if st.of == nil {
		return s.db.opts.Compiler.Plan(s.asks.planning.envFor(stmt), st.sql, stmt, st.oids)
	}
	plan, err := s.planExecute(st.sql, stmt, st.of)
	if err != nil {
		return &rewrite.Plan{Refusal: pgerr.From(err)}
	}
	return plan
}

// bindUse handles a Bind of EXECUTE, FETCH or MOVE.
func (s *session) bindUse(ctx context.Context, st *statement, name, body []byte) error {
	source, refusal := s.boundSource(st)
	switch {
	case refusal != nil:
		return s.refuseBind(name, s.refuse(refusal))
	case st.effect.naming.kind == executes:
		return s.bindStatement(ctx, st, name, body)
	}
	p := &portal{name: string(name), stmt: st, reads: source}
	m := &s.asks.bind
	if source == nil || source.run == nil || m.Decode(body) != nil {
		s.addPortal(p)
		return s.pass(expect{kind: expectBind, portal: p}, wire.TypeBind, body)
	}
	p.run = fetchOf(source, slices.Clone(m.ResultFormats))
	s.addPortal(p)
	if err := s.pass(expect{kind: expectBind, portal: p}, wire.TypeBind, body); err != nil {
		return err
	}
	return s.describeOwn(p, name)
}

// boundSource returns what a FETCH or MOVE reads from now, nil for none. Of an
// EXECUTE it checks that the name still stands for what it was parsed for.
func (s *session) boundSource(st *statement) (*portal, *pgerr.Error) {
	n := st.effect.naming
	if n.kind == executes {
		of := s.settledStatement([]byte(n.name))
		switch {
		case st.of == nil && (of == nil || of.plan == nil):
			return nil, s.executable(n.name, of)
		case st.of != of:
			return nil, changedPlanError()
		}
		return nil, nil
	}
	if !s.registry.hasPlanned() {
		return nil, nil
	}
	stmts, err := s.rescan(st.sql, s.now())
	if err != nil || len(stmts) != 1 {
		return nil, unreadableFetch()
	}
	return s.fetched(st.sql, &stmts[0], nil)
}

// stillBound reports whether what a portal of EXECUTE, FETCH or MOVE was bound
// for is still what the name in it stands for.
func (s *session) stillBound(p *portal) bool {
	if !p.stmt.effect.naming.uses() {
		return true
	}
	source, refusal := s.boundSource(p.stmt)
	plain := (source == nil || source.run == nil) && (p.reads == nil || p.reads.run == nil)
	return refusal == nil && (plain || source == p.reads)
}
