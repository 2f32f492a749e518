package proxy

import (
	"context"

	"github.com/pgveil/pgveil/internal/wire"
)

// run returns the run whose rows come now, nil if they are forwarded.
func (e *expect) run(index int) *run {
	switch e.kind {
	case expectQuery:
		if index < len(e.runs) && e.runs[index].plan != nil {
			return &e.runs[index]
		}
	case expectExecute, expectDescribe, expectBind:
		if e.portal != nil {
			return e.portal.run
		}
	}
	return nil
}

// planned reports whether what the server says is about a statement that
// reaches something protected.
func (e *expect) planned(index int) bool {
	if e.parse != nil {
		return e.rewritten || e.described != nil
	}
	return e.step != nil || e.run(index) != nil
}

// dataRow handles a row.
func (s *session) dataRow(ctx context.Context) error {
	a := &s.answers
	switch {
	case a.cur.probe != nil:
		return s.withAnswer(s.probeRow)
	case a.cur.step != nil:
		return s.withAnswer(func(body []byte) error { a.cur.step.row(body); return nil })
	case a.cur.own || a.spoiled:
		return s.relay()
	}
	r := a.cur.run(a.index)
	if r == nil || r.plan.Columns == nil {
		return s.forwardServer()
	}
	if r.cells == nil {
		cells, err := makeCells(r, func(i int) int16 { return wire.Format(r.formats, i) })
		if err != nil {
			return s.spoilDiscarding(err)
		}
		r.cells = cells
	}
	body, err := s.fromServer.Body()
	if err != nil {
		return s.serverSide(err)
	}
	frame, err := a.opener.row(ctx, a.frame[:0], body, r, s.settings.Load())
	if err != nil {
		return s.spoil(err)
	}
	return s.say(frame)
}

func (s *session) spoilDiscarding(err error) error {
	if derr := s.fromServer.Discard(); derr != nil {
		return s.serverSide(derr)
	}
	return s.spoil(err)
}

// probeRow takes the answer of pgveil's own query.
func (s *session) probeRow(body []byte) error {
	var row wire.DataRow
	if err := row.Reset(body); err != nil {
		return s.serverSide(err)
	}
	if row.Next() {
		s.answers.cur.probe.row = append([]byte(nil), row.Value()...)
	}
	return nil
}

// rowDescription handles the description of a result.
func (s *session) rowDescription(ctx context.Context) error {
	a := &s.answers
	switch {
	case a.cur.step != nil:
		return s.withAnswer(s.stepFields)
	case a.cur.kind == expectDescribe:
		return s.describedRows()
	}
	r := a.cur.run(a.index)
	if r == nil || a.cur.own || a.spoiled {
		return s.relay()
	}
	body, err := s.fromServer.Body()
	if err != nil {
		return s.serverSide(err)
	}
	return s.sayFields(ctx, r, body)
}

// sayFields checks and passes on the description of a Query's result.
func (s *session) sayFields(_ context.Context, r *run, body []byte) error {
	a := &s.answers
	if err := a.fields.Decode(body); err != nil {
		return s.serverSide(err)
	}
	if !r.agree(a.fields.Fields) {
		return s.spoil(errMismatch)
	}
	if r.plan.Columns == nil {
		return s.sayFrame(wire.TypeRowDescription, body)
	}
	cells, err := makeCells(r, func(i int) int16 { return a.fields.Fields[i].Format })
	if err != nil {
		return s.spoil(err)
	}
	r.cells = cells
	return s.sayPatched(r)
}

// sayPatched passes on the decoded description with the types that the client is to see.
func (s *session) sayPatched(r *run) error {
	a := &s.answers
	for i := range r.plan.Columns {
		c := &r.plan.Columns[i]
		if !c.Opens() {
			continue
		}
		f, t := &a.fields.Fields[i], shownTo(r, c)
		if c.Container != nil && f.Num != 0 {
			f.TableOID, f.Num = 0, 0 // to the client it is an expression, such as a cast
		}
		if t.oid == 0 {
			continue
		}
		f.TypeOID, f.Size, f.Mod = t.oid, t.len, t.mod
	}
	frame, err := a.fields.Append(a.frame[:0])
	if err != nil {
		return s.serverSide(err)
	}
	return s.say(frame)
}
