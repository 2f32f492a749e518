package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// session relays between a client and a server that have agreed, and plans
// what reaches protected columns.
//
// Two goroutines do the work. The client's side (client*.go) reads the client,
// plans, and is the one that writes to the server. The server's side
// (results*.go) reads the server, opens cells, and is the one that writes to
// the client: an error of pgveil's own reaches the client in the place of an
// answer of the server. Between them is a queue of the answers that the server
// owes.
//
// pgveil does not model what an error does to a transaction, a pipeline or a
// portal. Where it refuses a frame it sends the server a poison instead, which
// fails there, and puts its own error in the place of the server's.
type session struct {
	*pair
	queue    *queue
	registry *registry
	texts    texts
	// settings are what the server last reported. The server's side writes them.
	settings atomic.Pointer[settings]
	// ddl is the number of the last frame that may change the catalog, until the
	// change was reported to the Database.
	ddl atomic.Uint64
	// made is what a completed statement has made, until the client's side has
	// looked at it.
	made atomic.Pointer[rewrite.Made]

	// toServerTurn is held while toServer is written to or a frame of the client
	// is being planned, toClientTurn while toClient is. Neither is held while a
	// side waits for its next frame.
	toServerTurn, toClientTurn sync.Mutex

	draining atomic.Bool
	// terminated says that the client has ended the session, so that the server's end is no failure.
	terminated atomic.Bool
	// saidGoodbye says that the server has ended the session by an error of its own.
	saidGoodbye atomic.Bool

	// client and results are the state of the two sides.
	asks    asking
	answers answering
}

func newSession(p *pair) *session {
	s := &session{pair: p, queue: newQueue(wire.Idle), registry: newRegistry()}
	s.settings.Store(newSettings(p.parameters))
	s.asks = asking{dirty: true, scanner: shape.NewScanner(p.db.seed)}
	s.asks.words.registry = s.registry
	return s
}

// errTerminated ends the client's side after a Terminate or a clean end.
var errTerminated = errors.New("the client has ended the session")

// errWritingServer ends the client's side when the server is gone.
var errWritingServer = errors.New("the server does not take what is sent")

// goodbyeTimeout bounds the last words to a client that does not read.
const goodbyeTimeout = 2 * time.Second

// run relays until one side ends or ctx is done. Then it closes both
// connections and waits: when run returns, nothing of the session is left. It
// returns what ended the session, nil for a clean goodbye.
func (s *session) run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stop := context.AfterFunc(ctx, s.unblock)
	defer stop()

	var wg sync.WaitGroup
	wg.Go(func() {
		err := guard(func() error { return s.relayClient(ctx) })
		switch {
		case errors.Is(err, errWritingServer):
			return // the server's side learns why, and tells the client
		case errors.Is(err, errTerminated):
			// The server answers what it was asked before, and then ends.
			s.closeServerWrite()
			return
		}
		end(err)
	})
	err := guard(func() error { return s.relayServer(ctx) })
	s.queue.close()
	end(err)
	wg.Wait()

	err = context.Cause(ctx)
	s.goodbye(err)
	_ = s.server.Close()
	_ = s.client.Close()
	if errors.Is(err, io.EOF) || errors.Is(err, errTerminated) {
		return nil
	}
	return err
}

// guard turns a panic into an error, so that it ends one session and not the process.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &pgerr.Error{
				State:   pgerr.StateInternal,
				Code:    pgerr.Internal,
				Message: "internal error in pgveil",
				Hint:    "This is a bug. The session has ended; others go on.",
				Cause:   fmt.Errorf("panic: %v\n%s", r, debug.Stack()),
			}
		}
	}()
	return f()
}

// unblock makes every wait of both sides end, while the client can still be
// told why.
func (s *session) unblock() {
	s.queue.close()
	_ = s.server.Close()
	_ = s.client.SetReadDeadline(time.Unix(1, 0))
	_ = s.client.SetWriteDeadline(time.Now().Add(goodbyeTimeout))
}

// goodbye tells the client why the session ends, unless the server has. Both
// sides have ended.
func (s *session) goodbye(err error) {
	s.toClientTurn.Lock() // drain may be at it
	defer s.toClientTurn.Unlock()
	var refusal *pgerr.Error
	if s.saidGoodbye.Swap(true) || !errors.As(err, &refusal) {
		_ = s.toClient.Flush()
		return
	}
	if refusal.State == pgerr.StateInternal {
		s.log.Error("session ended", zap.String("code", string(refusal.Code)), zap.Error(refusal.Cause))
	}
	_, _ = s.toClient.Write(wire.AppendError(nil, wire.FatalSeverity, refusal))
	_ = s.toClient.Flush()
}

// drain ends the session as PostgreSQL does when it shuts down, as soon as it
// is between transactions. It may be called from any goroutine, and waits for
// a client that is just being written to.
func (s *session) drain() {
	s.draining.Store(true)
	s.toClientTurn.Lock()
	defer s.toClientTurn.Unlock()
	s.endIfDrained()
}

// endIfDrained is called with toClientTurn held.
func (s *session) endIfDrained() bool {
	status, quiet, _ := s.queue.state()
	if !s.draining.Load() || !quiet || status != wire.Idle || s.saidGoodbye.Load() {
		return false
	}
	s.saidGoodbye.Store(true)
	_ = s.client.SetWriteDeadline(time.Now().Add(goodbyeTimeout))
	_, _ = s.toClient.Write(wire.AppendError(nil, wire.FatalSeverity, &pgerr.Error{
		State:   pgerr.StateDraining,
		Code:    pgerr.Draining,
		Message: "terminating connection due to administrator command",
		Detail:  "pgveil is shutting down.",
		Hint:    "Connect again.",
	}))
	_ = s.toClient.Flush()
	_ = s.server.Close() // ends the server's side, and with it the session
	return true
}

// closeServerWrite tells the server that no more comes.
func (s *session) closeServerWrite() {
	s.terminated.Store(true)
	if half, ok := s.server.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = s.server.Close()
}

// clientSide says that an error arose while reading the client, so that the
// server is not blamed for it.
func clientSide(err error) error {
	var refusal *pgerr.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.Is(err, io.EOF):
		return errTerminated
	}
	return fmt.Errorf("reading the client: %w", err)
}

// serverSide is the error of a server that went away.
func (s *session) serverSide(err error) error {
	var refusal *pgerr.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case s.saidGoodbye.Load(), s.terminated.Load(), errors.Is(err, net.ErrClosed):
		return io.EOF
	}
	return &pgerr.Error{
		State:   pgerr.StateServerGone,
		Code:    pgerr.ServerGone,
		Message: "the database server closed the connection",
		Hint:    "Connect again.",
		Cause:   err,
	}
}
