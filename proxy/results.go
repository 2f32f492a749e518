package proxy

import (
	"bytes"
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
)

// answering is the state of the server's side of a session. Only its goroutine uses it.
type answering struct {
	// cur is the head of the queue while have is true.
	cur  expect
	have bool
	// index is the place of the current statement in a Query.
	index int
	// inCopy says that the server reads COPY data.
	inCopy bool
	copies copyAnswers
	// spoiled says that the client has got an error in place of a result that the
	// server did give. What else comes is kept from it up to ReadyForQuery.
	spoiled bool

	opener opener
	fields wire.RowDescription
	params wire.ParameterDescription
	errs   wire.ErrorFields
	frame  []byte
}

// relayServer passes the server's frames to the client until one of them ends.
func (s *session) relayServer(ctx context.Context) error {
	holding := false
	defer func() {
		if holding {
			s.toClientTurn.Unlock()
		}
	}()
	for {
		if holding && !s.fromServer.Ready() {
			if err := s.toClient.Flush(); err != nil {
				return writingClient(err)
			}
			if s.endIfDrained() {
				return errTerminated
			}
			s.toClientTurn.Unlock()
			holding = false
		}
		h, err := s.fromServer.Next()
		if err != nil {
			return s.serverSide(err)
		}
		if !holding {
			s.toClientTurn.Lock()
			holding = true
		}
		if err := s.serverFrame(ctx, h); err != nil {
			return err
		}
	}
}

// writingClient is the error of a write to a client that went away.
func writingClient(error) error { return errTerminated }

func (s *session) serverFrame(ctx context.Context, h wire.Header) error {
	switch h.Type {
	case wire.TypeParameterStatus:
		return s.withAnswer(s.parameterStatus)
	case wire.TypeNotification:
		return s.forwardServer()
	}
	a := &s.answers
	if !a.have {
		a.have = s.queue.peek(&a.cur)
	}
	switch h.Type {
	case wire.TypeErrorResponse:
		return s.withAnswer(func(body []byte) error { return s.errorResponse(ctx, body) })
	case wire.TypeNoticeResponse:
		return s.withAnswer(func(body []byte) error { return s.notice(ctx, body) })
	}
	if !a.have {
		return s.forwardServer()
	}
	switch h.Type {
	case wire.TypeReadyForQuery:
		return s.withAnswer(s.readyForQuery)
	case wire.TypeRowDescription:
		return s.rowDescription(ctx)
	case wire.TypeParameterDescription:
		return s.parameterDescription()
	case wire.TypeDataRow:
		return s.dataRow(ctx)
	}
	return s.completion(ctx, h)
}

// completion handles the frames that end an answer, and those of COPY.
func (s *session) completion(ctx context.Context, h wire.Header) error {
	a := &s.answers
	switch h.Type {
	case wire.TypeParseComplete:
		if a.cur.refusal != nil {
			return errPoisonWorked()
		}
		if a.cur.parse != nil {
			a.cur.parse.commit()
		}
		return s.done()
	case wire.TypeBindComplete:
		if a.cur.refusal != nil {
			return errPoisonWorked()
		}
		if a.cur.portal != nil {
			a.cur.portal.commit()
		}
		return s.done()
	case wire.TypeCloseComplete:
		if !a.cur.own {
			s.closed()
		}
		return s.done()
	case wire.TypeNoData:
		a.cur.own = a.cur.own || a.cur.unrolled // a Query's answer has none
		return s.done()
	case wire.TypeCommandComplete:
		return s.commandComplete()
	case wire.TypeEmptyQueryResponse, wire.TypePortalSuspended:
		if a.cur.kind == expectExecute {
			a.cur.step.suspended(h.Type)
			return s.done()
		}
	case wire.TypeCopyInResponse, wire.TypeCopyOutResponse, wire.TypeCopyData, wire.TypeCopyDone:
		return s.serverCopy(ctx, h)
	}
	return s.relay()
}

// closed notes a CloseComplete.
func (s *session) closed() {
	cur := &s.answers.cur
	if cur.statement {
		s.registry.dropStatement(cur.named, cur.seq)
		return
	}
	s.registry.dropPortal(cur.named, cur.seq)
}

// commandComplete ends a statement of a Query, or an Execute.
func (s *session) commandComplete() error {
	a := &s.answers
	if a.inCopy {
		a.inCopy, a.copies.in = false, nil
		s.queue.endCopy()
	}
	switch a.cur.kind {
	case expectQuery:
		if a.index < len(a.cur.runs) {
			s.ran(&a.cur.runs[a.index].effect, &a.cur.runs[a.index])
		}
		a.index++
	case expectExecute:
		if p := a.cur.portal; p != nil && p.stmt != nil {
			s.ran(&p.stmt.effect, p.run)
		}
		return s.done()
	}
	return s.relay()
}

// ran notes what a statement that has run changed. r is nil for one without a plan.
func (s *session) ran(e *effect, r *run) {
	switch e.drops {
	case dropNamed:
		s.registry.dropStatement(e.dropName, s.answers.cur.seq)
	case dropAll:
		s.registry.dropStatements(s.answers.cur.seq)
	}
	if e.naming.changes() {
		s.named(e.naming, r)
	}
	if e.makes && r != nil {
		s.made.Store(r.plan.Made)
	}
}

// done passes on the frame that ends the current answer.
func (s *session) done() error {
	if err := s.relay(); err != nil {
		return err
	}
	s.queue.pop()
	s.answers.have = false
	return nil
}

// relay passes a frame on, unless it is not for the client.
func (s *session) relay() error {
	if s.answers.cur.own || s.answers.spoiled {
		if err := s.fromServer.Discard(); err != nil {
			return s.serverSide(err)
		}
		return nil
	}
	return s.forwardServer()
}

func (s *session) forwardServer() error {
	if err := s.fromServer.Forward(s.toClient); err != nil {
		return s.serverSide(err)
	}
	return nil
}

// withAnswer reads the frame's body and hands it on. The body is valid during the call.
func (s *session) withAnswer(f func([]byte) error) error {
	body, err := s.fromServer.Body()
	if err != nil {
		return s.serverSide(err)
	}
	return f(body)
}

// say sends the client a frame of pgveil's making.
func (s *session) say(frame []byte) error {
	s.answers.frame = keep(frame)
	if _, err := s.toClient.Write(frame); err != nil {
		return writingClient(err)
	}
	return nil
}

// keepBuffer is the largest buffer that a session keeps for the next frame.
const keepBuffer = 64 << 10

// keep returns a buffer to be used again, unless one long value has made it large.
func keep(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}

func (s *session) sayFrame(typ byte, body []byte) error {
	if err := s.toClient.Frame(typ, body); err != nil {
		return writingClient(err)
	}
	return nil
}

func (s *session) parameterStatus(body []byte) error {
	if name, value, err := wire.DecodeParameterStatus(body); err == nil {
		s.settings.Store(s.settings.Load().with(name, value))
	}
	return s.sayFrame(wire.TypeParameterStatus, body)
}

// readyForQuery ends a group.
func (s *session) readyForQuery(body []byte) error {
	a := &s.answers
	status, err := wire.DecodeReadyForQuery(body)
	if err != nil {
		return s.serverSide(err)
	}
	cur, spoiled := a.cur, a.spoiled
	a.have, a.index, a.inCopy, a.spoiled, a.copies = false, 0, false, false, copyAnswers{}
	if status == wire.Idle {
		s.registry.endTransaction(cur.seq)
		if ddl := s.ddl.Load(); ddl != 0 && ddl <= cur.seq {
			s.db.report()
			s.ddl.CompareAndSwap(ddl, 0)
		}
	}
	if spoiled && status == wire.InTransaction && s.failTransaction(status) {
		return nil
	}
	s.queue.ready(status)
	if cur.own && !cur.tellsReady {
		return nil
	}
	return s.sayFrame(wire.TypeReadyForQuery, body)
}

// failTransaction makes a transaction fail whose client was told an error that
// the server knows nothing of. It cannot when the client has sent more already:
// then the server has gone on. It reports whether the ReadyForQuery at hand is
// replaced by one that comes.
func (s *session) failTransaction(status byte) bool {
	if !s.takeTurn() {
		return false
	}
	defer s.toServerTurn.Unlock()
	if !s.queue.onlyHead() || s.toServer.Buffered() > 0 {
		return false
	}
	s.queue.ready(status)
	s.queue.push(expect{kind: expectQuery, own: true, tellsReady: true})
	frame, err := wire.AppendQuery(nil, []byte(poisonSQL))
	if err != nil {
		return false
	}
	_, _ = s.toServer.Write(frame) // if it fails, so does the next read
	_ = s.toServer.Flush()
	return true
}

// handOver is how long the client's side may hold its turn after it has
// flushed: it only has to be scheduled once more.
const handOver = 20 * time.Millisecond

// takeTurn takes toServerTurn from a client's side that has nothing more to
// send. On a busy machine the server's answer is here before that side has come
// to let go. It is not simply waited for: that side may hold its turn and wait
// for an answer.
func (s *session) takeTurn() bool {
	for until := time.Now().Add(handOver); !s.toServerTurn.TryLock(); time.Sleep(handOver / 1000) {
		if !s.queue.onlyHead() || time.Now().After(until) {
			return false
		}
	}
	return true
}

// errorResponse handles an error of the server.
func (s *session) errorResponse(ctx context.Context, body []byte) error {
	a := &s.answers
	fields, err := wire.DecodeError(a.errs, body)
	if err != nil {
		return s.serverSide(err)
	}
	a.errs = fields
	severity := fields.Field('V')
	if severity == nil {
		severity = fields.Field('S')
	}
	fatal := !bytes.Equal(severity, []byte("ERROR"))
	if fatal {
		s.saidGoodbye.Store(true)
	}
	if fatal || !a.have {
		return s.sayFrame(wire.TypeErrorResponse, body)
	}
	cur, index, inCopy, spoiled := a.cur, a.index, a.inCopy, a.spoiled
	if cur.probe != nil {
		cur.probe.state, cur.probe.message = string(fields.Field('C')), string(fields.Field('M'))
	}
	s.queue.fail(inCopy)
	refused := a.copies.refusal(fields.Field('C'))
	a.inCopy, a.copies = false, copyAnswers{}
	if cur.kind != expectQuery && cur.kind != expectSync && cur.kind != expectFunction {
		a.have = false
	}
	switch {
	case spoiled, cur.own && !cur.shown && (cur.probe == nil || !cur.probe.shown):
		return nil
	case cur.refusal != nil && isPoisoned(fields.Field('C')) && (cur.kind != expectQuery || index == cur.refused):
		return s.say(wire.AppendError(a.frame[:0], wire.ErrorSeverity, cur.refusal))
	case refused != nil:
		return s.say(wire.AppendError(a.frame[:0], wire.ErrorSeverity, refused))
	}
	if !cur.planned(index) && !s.texts.has(cur.seq) {
		return s.sayFrame(wire.TypeErrorResponse, body)
	}
	return s.sayScrubbed(ctx, wire.TypeErrorResponse, fields, cur.run(index))
}

func (s *session) notice(ctx context.Context, body []byte) error {
	a := &s.answers
	if !a.have {
		return s.sayFrame(wire.TypeNoticeResponse, body)
	}
	if a.cur.own && !a.cur.shown {
		return nil
	}
	if !a.cur.planned(a.index) && !s.texts.has(a.cur.seq) {
		return s.sayFrame(wire.TypeNoticeResponse, body)
	}
	fields, err := wire.DecodeError(a.errs, body)
	if err != nil {
		return s.serverSide(err)
	}
	a.errs = fields
	return s.sayScrubbed(ctx, wire.TypeNoticeResponse, fields, a.cur.run(a.index))
}

// spoil tells the client an error in place of the rest of a result.
func (s *session) spoil(err error) error {
	a := &s.answers
	refusal := pgerr.From(err)
	s.log.Warn("result withheld", zap.String("code", string(refusal.Code)), zap.NamedError("err", refusal.Cause))
	if refusal.Code == pgerr.ResultMismatch {
		s.db.report()
	}
	if a.spoiled {
		return nil
	}
	a.spoiled = true
	return s.say(wire.AppendError(a.frame[:0], wire.ErrorSeverity, refusal))
}

// errPoisonWorked ends a session in which what must fail did not.
func errPoisonWorked() error {
	return &pgerr.Error{
		State:   pgerr.StateInternal,
		Code:    pgerr.Internal,
		Message: "internal error in pgveil: the server accepted a refused statement",
	}
}
