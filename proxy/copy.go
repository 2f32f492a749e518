package proxy

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/proxy/copyrows"
	"github.com/pgveil/pgveil/rewrite"
)

// COPY between client and server. Its data goes through the side of the
// session that reads it: COPY FROM is sealed on the client's side (here, first
// half), COPY TO opened on the server's (second half). What rows are made of
// is copyrows'.
//
// A client may send COPY data before it knows whether the server takes any,
// and go on when the server has long said that it does not. PostgreSQL ignores
// data outside COPY. pgveil does not even send it: only CopyInResponse tells
// whether it must be sealed.

// copyIn is a COPY FROM STDIN that the server has begun. The server's side
// makes it, and hands it over through the queue.
type copyIn struct {
	// run has the plan, and is nil where the data is passed on as it is.
	run *run
	// refusal is why the COPY was made to fail. The server is told to fail it, and
	// this is put in the place of its error.
	refusal atomic.Pointer[pgerr.Error]

	// The client's side's own: rows is nil before the first frame, failed says that the
	// server was told.
	rows   *copyrows.Rows
	fill   *filler
	failed bool
}

// clientCopy handles CopyData, CopyDone and CopyFail.
func (s *session) clientCopy(ctx context.Context, h wire.Header) error {
	c := s.takesCopy()
	ends := h.Type != wire.TypeCopyData
	if c == nil || c.failed {
		if c != nil && ends {
			s.queue.leaveCopy(c)
		}
		if err := s.fromClient.Discard(); err != nil {
			return clientSide(err)
		}
		return nil
	}
	if !ends && !s.asks.inCopy {
		s.asks.inCopy = true
		s.queue.push(expect{kind: expectCopyData})
	}
	if c.run == nil || h.Type == wire.TypeCopyFail {
		if ends {
			s.queue.push(expect{kind: expectCopyEnd})
			s.queue.leaveCopy(c)
		}
		return s.forwardClient()
	}
	return s.withBody(ctx, func(ctx context.Context, body []byte) error {
		if ends {
			return s.endCopyIn(ctx, c)
		}
		return s.copyInData(ctx, c, body)
	})
}

// takesCopy returns the COPY that the server takes data for, nil for none. It
// waits until that is known.
func (s *session) takesCopy() *copyIn {
	c, known := s.queue.copyNow()
	if known {
		return c
	}
	if s.asks.open && s.toServer.Frame(wire.TypeFlush, nil) != nil || s.toServer.Flush() != nil {
		return nil // the server is gone, and the session ends
	}
	return s.queue.waitCopy()
}

// copyInData seals a message of COPY data.
func (s *session) copyInData(ctx context.Context, c *copyIn, body []byte) error {
	if err := s.beginCopyIn(ctx, c); err != nil {
		return s.failCopyIn(c, err)
	}
	return s.failCopyIn(c, c.rows.Write(body))
}

// endCopyIn handles CopyDone.
func (s *session) endCopyIn(ctx context.Context, c *copyIn) error {
	err := s.beginCopyIn(ctx, c)
	if err == nil {
		err = c.rows.Finish()
	}
	if err != nil {
		err := s.failCopyIn(c, err)
		s.queue.leaveCopy(c)
		return err
	}
	s.queue.push(expect{kind: expectCopyEnd})
	s.queue.leaveCopy(c)
	if err := s.toServer.Frame(wire.TypeCopyDone, nil); err != nil {
		return s.writingServer(err)
	}
	return nil
}

// beginCopyIn makes what seals the data, once.
func (s *session) beginCopyIn(ctx context.Context, c *copyIn) error {
	if refusal := c.refusal.Load(); refusal != nil {
		return refusal
	}
	if c.rows != nil {
		c.fill.ctx = ctx
		return nil
	}
	set := s.settings.Load()
	c.fill = &filler{ctx: ctx, planning: c.run.planning, settings: set, forms: c.run.planning.forms(set)}
	change, err := sealer(c.fill, c.run.plan.Copy)
	if err != nil {
		return err
	}
	emit := func(rows []byte) error {
		if err := s.toServer.Frame(wire.TypeCopyData, rows); err != nil {
			return s.writingServer(err)
		}
		return nil
	}
	c.rows = copyrows.New(c.run.plan.Copy, change, emit, s.fromClient.Limit(), s.endsCSV())
	return nil
}

// failCopyIn makes a COPY fail because of err, unless that is nil or an error
// of the connection. Whatever else the client sends for it is dropped.
func (s *session) failCopyIn(c *copyIn, err error) error {
	var refusal *pgerr.Error
	if err == nil || !errors.As(err, &refusal) && errors.Is(err, errWritingServer) {
		return err
	}
	c.refusal.Store(s.refuse(err))
	c.failed, c.rows, c.fill = true, nil, nil
	frame, err := wire.AppendCopyFail(s.asks.frame[:0], "pgveil refused the data")
	if err != nil {
		return err
	}
	s.asks.frame = keep(frame)
	s.queue.push(expect{kind: expectCopyEnd})
	return s.write(frame)
}

// endsCSV reports whether the server takes a line \. for the end of CSV data.
// PostgreSQL 18 does not any more.
func (s *session) endsCSV() bool {
	major, _, _ := strings.Cut(s.parameters["server_version"], ".")
	n, err := strconv.Atoi(major)
	return err == nil && n < 18
}

// sealer returns the change of COPY FROM.
func sealer(f *filler, c *rewrite.Copy) (copyrows.Change, error) {
	cols := make([]*column, len(c.Columns))
	for i := range c.Columns {
		if target := c.Columns[i].Use.Target; target != nil {
			col, err := f.planning.state.column(target)
			if err != nil {
				return nil, err
			}
			cols[i] = col
		}
	}
	in := &input{binary: c.Format == rewrite.CopyBinary}
	return func(dst []byte, i int, value []byte) ([]byte, bool, error) {
		in.text = value
		dst, err := f.stored(dst, in, &c.Columns[i].Use, cols[i])
		return dst, false, err
	}, nil
}

// stateCanceled is the SQLSTATE of a COPY that was told to fail.
const stateCanceled = "57014"

// copyAnswers is the state of the server's side for COPY.
type copyAnswers struct {
	// in is the COPY FROM that the server reads the data of, out what opens the
	// rows of a COPY TO; nil for none.
	in  *copyIn
	out *copyrows.Rows
}

// refusal returns why the COPY was made to fail, nil if it was not, or if the
// server's error is another.
func (c *copyAnswers) refusal(state []byte) *pgerr.Error {
	if c.in == nil || string(state) != stateCanceled {
		return nil
	}
	return c.in.refusal.Load()
}

// serverCopy handles the frames of COPY.
func (s *session) serverCopy(ctx context.Context, h wire.Header) error {
	a := &s.answers
	switch h.Type {
	case wire.TypeCopyInResponse:
		return s.withAnswer(s.copyInResponse)
	case wire.TypeCopyOutResponse:
		if r := a.cur.copies(a.index); r != nil && !a.spoiled {
			return s.withAnswer(func(body []byte) error { return s.copyOutResponse(ctx, r, body) })
		}
	case wire.TypeCopyData:
		if a.copies.out != nil && !a.spoiled {
			return s.withAnswer(func(body []byte) error { return s.opened(a.copies.out.Write(body)) })
		}
	case wire.TypeCopyDone:
		out := a.copies.out
		a.copies.out = nil
		if out != nil && !a.spoiled {
			if err := s.opened(out.Finish()); err != nil {
				return err
			}
		}
	}
	return s.relay()
}

// copies returns the run whose COPY data must be changed, nil for none.
func (e *expect) copies(index int) *run {
	if r := e.run(index); r != nil && r.plan.Copy != nil {
		return r
	}
	return nil
}

// copyInResponse begins a COPY FROM.
func (s *session) copyInResponse(body []byte) error {
	a := &s.answers
	if a.spoiled {
		return s.abandonCopy()
	}
	c := &copyIn{run: a.cur.copies(a.index)}
	a.inCopy, a.copies.in = true, c
	if c.run != nil && !agrees(c.run.plan.Copy, true, body) {
		// The client is told when it sends its data.
		c.refusal.Store(errMismatch)
		s.db.report()
	}
	s.queue.beginCopy(c)
	return s.sayFrame(wire.TypeCopyInResponse, body)
}

// agrees reports whether the server begins the COPY that was planned.
func agrees(c *rewrite.Copy, from bool, body []byte) bool {
	binary, columns, err := wire.DecodeCopyResponse(body)
	return err == nil && c.From == from && columns == len(c.Columns) && binary == (c.Format == rewrite.CopyBinary)
}

// abandonCopy makes a COPY FROM fail that the client never hears of, because it
// has got an error in place of a result before it.
func (s *session) abandonCopy() error {
	if !s.toServerTurn.TryLock() {
		// The client has sent more, and its side waits for an answer that never comes.
		return &pgerr.Error{
			State:   pgerr.StateInternal,
			Code:    pgerr.Internal,
			Message: "the session cannot go on after a result that was withheld",
			Hint:    "Connect again.",
		}
	}
	defer s.toServerTurn.Unlock()
	s.answers.inCopy = true
	frame, err := wire.AppendCopyFail(nil, "pgveil refused the statement before")
	if err != nil {
		return err
	}
	_, _ = s.toServer.Write(frame) // if it fails, so does the next read
	_ = s.toServer.Flush()
	return nil
}

// copyOutResponse begins a COPY TO.
func (s *session) copyOutResponse(ctx context.Context, r *run, body []byte) error {
	c := r.plan.Copy
	if !agrees(c, false, body) {
		return s.spoil(errMismatch)
	}
	show, err := s.shower(ctx, r)
	if err != nil {
		return s.spoil(err)
	}
	emit := func(rows []byte) error { return s.sayFrame(wire.TypeCopyData, rows) }
	s.answers.copies.out = copyrows.New(c, show, emit, wire.MaxBody, false)
	return s.sayFrame(wire.TypeCopyOutResponse, body)
}

// opened tells the client an error in the place of the rest of the rows,
// unless it is nil or an error of the connection.
func (s *session) opened(err error) error {
	var refusal *pgerr.Error
	if errors.As(err, &refusal) {
		s.answers.copies.out = nil
		return s.spoil(err)
	}
	return err
}

// shower returns the change of COPY TO.
func (s *session) shower(ctx context.Context, r *run) (copyrows.Change, error) {
	c, set := r.plan.Copy, s.settings.Load()
	format := int16(0)
	if c.Format == rewrite.CopyBinary {
		format = 1
	}
	cells := make([]cell, len(c.Columns))
	for i := range c.Columns {
		if !c.Columns[i].Result.Opens() {
			continue
		}
		var err error
		if cells[i], err = makeCell(r, &c.Columns[i].Result, format); err != nil {
			return nil, err
		}
	}
	o := &s.answers.opener
	return func(dst []byte, i int, value []byte) ([]byte, bool, error) {
		shown, err := o.show(ctx, &cells[i], value, r, set)
		return append(dst, shown...), shown == nil, err
	}, nil
}
