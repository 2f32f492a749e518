package proxy

import (
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
)

// describedRows answers a Describe by the result's description.
func (s *session) describedRows() error {
	a := &s.answers
	r := s.described()
	if r == nil {
		return s.done()
	}
	body, err := s.fromServer.Body()
	if err != nil {
		return s.serverSide(err)
	}
	cur := a.cur
	s.queue.pop()
	a.have = false
	if err := a.fields.Decode(body); err != nil {
		return s.serverSide(err)
	}
	if !r.agree(a.fields.Fields) {
		return s.spoil(errMismatch)
	}
	switch {
	case cur.own || a.spoiled:
		return nil
	case r.plan.Columns == nil:
		return s.sayFrame(wire.TypeRowDescription, body)
	}
	return s.sayPatched(r)
}

// described returns the run that a Describe is of, nil if it has no plan.
func (s *session) described() *run {
	cur := &s.answers.cur
	if cur.portal != nil {
		return cur.portal.run
	}
	return cur.described
}

// parameterDescription answers a Describe of a statement. The client's
// parameters have other numbers than the server's, and other types.
func (s *session) parameterDescription() error {
	a := &s.answers
	if a.cur.step != nil {
		return s.withAnswer(s.stepParams)
	}
	if a.cur.own || a.spoiled || a.cur.described == nil || !a.cur.rewritten {
		return s.relay()
	}
	body, err := s.fromServer.Body()
	if err != nil {
		return s.serverSide(err)
	}
	if err := a.params.Decode(body); err != nil {
		return s.serverSide(err)
	}
	plan := a.cur.described.plan
	m := wire.ParameterDescription{OIDs: make([]uint32, clientParams(plan))}
	for i := range m.OIDs {
		m.OIDs[i] = clientType(plan, a.cur.parse, i, a.params.OIDs)
	}
	frame, err := m.Append(a.frame[:0])
	if err != nil {
		return s.serverSide(err)
	}
	return s.say(frame)
}

// clientType returns the type of the client's parameter i as the client is
// told it: the one it declared, else the one that a protected column gives
// it, else the one that the server found.
func clientType(plan *rewrite.Plan, st *statement, i int, server []uint32) uint32 {
	if i < len(st.oids) && st.oids[i] != 0 && st.oids[i] != unknownOID {
		return st.oids[i]
	}
	if i < len(plan.ClientParams) && plan.ClientParams[i].OID != 0 {
		return plan.ClientParams[i].OID
	}
	for n := range plan.Params {
		if p := &plan.Params[n]; p.Client == i+1 && p.Use.Role == rewrite.Verbatim && n < len(server) {
			return server[n]
		}
	}
	if oid := st.stepParam(plan, i+1); oid != 0 {
		return oid
	}
	return textOID
}
