package proxy

import (
	"context"
	"fmt"
	"time"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// asking is the state of the client's side of a session. Only its goroutine uses it.
type asking struct {
	scanner *shape.Scanner
	words   sessionWords
	// group is the number of the first frame since the last Sync or Query; open
	// says that there is one, so that the server may be in the midst of an
	// implicit transaction and may skip.
	group uint64
	open  bool
	// mixedAt is the number of the last Query in an open group, 0 for none. It
	// ends the group unless the server skips, which only its answer tells.
	mixedAt uint64
	// ended says that since the last Sync or Query a transaction may have ended,
	// so that the last ReadyForQuery does not tell whether it has failed.
	ended bool
	// inCopy says that the frame before was COPY data.
	inCopy bool

	// The session's role and search path are known as of planning unless dirty.
	planning *planning
	identity *identity
	dirty    bool
	// touched says that a statement has changed settings in a transaction that
	// may still be open: when that ends, or on an error, they change back.
	// touchedAt is the number of the last frame that may have changed them, there
	// or back.
	touched   bool
	touchedAt uint64
	// moved says that since the last probe a frame was sent that may have changed
	// touched settings back; errors is how many errors there were at that probe.
	moved    bool
	errors   uint64
	probedAt time.Time
	// namedAt is the number of the last frame that makes or drops a name in SQL, 0
	// when it is known to be answered.
	namedAt uint64
	// own is what is known of relations that only this session sees.
	own owning
	// forms are the text forms of formsOf and formsIn.
	forms   *canon.Settings
	formsOf *settings
	formsIn *planning

	// Buffers for frames that are decoded and made.
	parse wire.Parse
	bind  wire.Bind
	sent  wire.Bind
	frame []byte
	sql   []byte
}

// relayClient passes the client's frames to the server until the client ends,
// which is errTerminated, or something fails.
func (s *session) relayClient(ctx context.Context) error {
	holding := false
	defer func() {
		if holding {
			s.toServerTurn.Unlock()
		}
	}()
	for {
		if holding && !s.fromClient.Ready() {
			if err := s.toServer.Flush(); err != nil {
				return s.writingServer(err)
			}
			s.toServerTurn.Unlock()
			holding = false
		}
		h, err := s.fromClient.Next()
		if err != nil {
			return clientSide(err)
		}
		if !holding {
			s.toServerTurn.Lock()
			holding = true
		}
		if err := s.waitRoom(); err != nil {
			return err
		}
		if err := s.clientFrame(ctx, h); err != nil {
			return err
		}
	}
}

// waitRoom holds a client back that pipelines more than the queue takes.
func (s *session) waitRoom() error {
	if !s.queue.full() {
		return nil
	}
	if err := s.toServer.Flush(); err != nil {
		return s.writingServer(err)
	}
	if !s.queue.waitRoom() {
		return errTerminated
	}
	return nil
}

// writingServer is the error of a write to the server.
func (s *session) writingServer(err error) error {
	return fmt.Errorf("%w: %w", errWritingServer, err)
}

func (s *session) clientFrame(ctx context.Context, h wire.Header) error {
	if h.Type != wire.TypeCopyData {
		s.asks.inCopy = false
	}
	switch h.Type {
	case wire.TypeQuery:
		return s.withBody(ctx, s.query)
	case wire.TypeParse:
		return s.withBody(ctx, s.prepare)
	case wire.TypeBind:
		return s.withBody(ctx, s.bind)
	case wire.TypeDescribe:
		return s.withBody(ctx, s.describe)
	case wire.TypeExecute:
		return s.withBody(ctx, s.execute)
	case wire.TypeClose:
		return s.withBody(ctx, s.closeNamed)
	case wire.TypeSync:
		s.boundary(expect{kind: expectSync})
	case wire.TypeFunctionCall:
		s.boundary(expect{kind: expectFunction})
	case wire.TypeCopyData, wire.TypeCopyDone, wire.TypeCopyFail:
		return s.clientCopy(ctx, h)
	case wire.TypeTerminate:
		s.terminated.Store(true) // before the server can know, and close
		if err := s.forwardClient(); err != nil {
			return err
		}
		_ = s.toServer.Flush() // the session ends in any case
		return errTerminated
	}
	// Flush needs no answer, and what no client may send is the server's to refuse.
	return s.forwardClient()
}

func (s *session) forwardClient() error {
	if err := s.fromClient.Forward(s.toServer); err != nil {
		return clientSide(err)
	}
	return nil
}

// withBody reads the frame's body and hands it on. The body is valid during the call.
func (s *session) withBody(ctx context.Context, f func(context.Context, []byte) error) error {
	body, err := s.fromClient.Body()
	if err != nil {
		return clientSide(err)
	}
	return f(ctx, body)
}

// pass sends a frame as the client sent it, and expects e for it.
func (s *session) pass(e expect, typ byte, body []byte) error {
	s.push(e)
	if err := s.toServer.Frame(typ, body); err != nil {
		return s.writingServer(err)
	}
	return nil
}

// write sends a frame of pgveil's making.
func (s *session) write(frame []byte) error {
	if _, err := s.toServer.Write(frame); err != nil {
		return s.writingServer(err)
	}
	return nil
}

// push notes what is expected for a frame that is sent next, and returns its number.
func (s *session) push(e expect) uint64 {
	seq, _ := s.queue.push(e) // a session that has ended is found out by the write
	if !s.asks.open {
		s.asks.open, s.asks.group = true, seq
	}
	return seq
}

// boundary pushes a frame after which the server is between commands. A
// transaction that was implicit ends here.
func (s *session) boundary(e expect) uint64 {
	seq, _ := s.queue.push(e)
	s.asks.ended = false
	if s.asks.open && e.kind != expectSync {
		s.asks.mixedAt = seq
	} else {
		s.asks.open, s.asks.mixedAt = false, 0
	}
	if s.asks.touched {
		if status, _, _ := s.queue.state(); status != wire.InTransaction {
			s.asks.moved, s.asks.touchedAt = true, seq
		}
	}
	return seq
}

// regroup finds out whether a Query has ended the open group. It reports false
// if the session has ended.
func (s *session) regroup() bool {
	a := &s.asks
	if !a.open || a.mixedAt == 0 || a.mixedAt != s.queue.last() {
		return true
	}
	if !s.waitFor(a.mixedAt) {
		return false
	}
	if !s.queue.isSkipping() {
		a.open, a.mixedAt = false, 0
	}
	return true
}

// settle waits until the frame of that number is answered, if it belongs to an
// earlier group: what the registry says of it is only true then.
func (s *session) settle(seq uint64) bool {
	if s.asks.open && seq >= s.asks.group || s.queue.isAnswered(seq) {
		return true
	}
	return s.waitFor(seq)
}

// waitFor waits until the frame of that number is answered.
func (s *session) waitFor(seq uint64) bool {
	if s.queue.isAnswered(seq) {
		return true
	}
	if s.asks.open && s.toServer.Frame(wire.TypeFlush, nil) != nil || s.toServer.Flush() != nil {
		return false
	}
	return s.queue.waitAnswered(seq)
}

// took notes what a statement may change that is run by the frame sent next.
func (s *session) took(e *effect) {
	a := &s.asks
	seq := s.queue.last() + 1
	if e.flags&rewrite.ChangesSettings != 0 {
		a.dirty, a.touched, a.touchedAt = true, true, seq
	}
	if e.makes {
		a.own.madeAt = seq
	}
	if e.makes || e.flags&rewrite.ChangesCatalog != 0 {
		// A new temporary table makes a schema that is searched first.
		a.dirty, a.touched, a.touchedAt = true, true, seq
		s.ddl.Store(seq)
	}
	if e.naming.changes() {
		a.namedAt = seq
	}
	if e.flags&endsTransaction != 0 {
		a.ended = true
		if a.touched {
			a.moved, a.touchedAt = true, seq
		}
	}
}
