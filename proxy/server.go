package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Options are what a Server is made of. The zero value of each limit is its default.
type Options struct {
	// ClientTLS offers TLS to clients; nil refuses their SSLRequest. Its ClientAuth
	// and ClientCAs say whether clients need a certificate.
	ClientTLS *tls.Config
	// RequireTLS refuses clients that stay without TLS, but for those on a Unix socket.
	RequireTLS bool
	// Upstream is how the server is reached.
	Upstream Upstream
	// Lookup finds a protected database by name. Connections to any other are
	// joined to the server byte for byte. It is called by many goroutines.
	Lookup func(database string) (*Database, bool)

	// MaxMessageBeforeAuth bounds a message until the client is authenticated; 64 KiB.
	MaxMessageBeforeAuth int
	// MaxMessage bounds a client's message after that; 1 GiB.
	MaxMessage int
	// MaxConnections bounds the sessions at one time; 0 for no bound but the server's own.
	MaxConnections int
	// LoginTimeout is how long a client may take to get its first ReadyForQuery; 1 min.
	LoginTimeout time.Duration
	// DrainTimeout is how long Serve waits for busy sessions at the end; 30 s.
	DrainTimeout time.Duration
	// Log is where sessions are logged; nil for nowhere.
	Log *zap.Logger
}

const (
	defaultBeforeAuth   = 64 << 10
	defaultLoginTimeout = time.Minute
	defaultDrainTimeout = 30 * time.Second
	// bufferSize is what each of a session's four buffers may grow to.
	bufferSize = 32 << 10
	// lastWords is how long a client may take to hear why it is turned away.
	lastWords = 2 * time.Second
)

// Server accepts clients and brings each to its server. Any number of
// goroutines may call its methods.
type Server struct {
	opts Options
	// seen numbers the connections, for the log.
	seen atomic.Uint64
	// connections are all, sessions those past their startup message.
	connections, sessions atomic.Int64
}

// New returns a Server. It starts nothing.
func New(o Options) *Server {
	if o.MaxMessageBeforeAuth <= 0 {
		o.MaxMessageBeforeAuth = defaultBeforeAuth
	}
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = defaultLoginTimeout
	}
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = defaultDrainTimeout
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Lookup == nil {
		o.Lookup = func(string) (*Database, bool) { return nil, false }
	}
	if o.ClientTLS != nil {
		o.ClientTLS = clientTLS(o.ClientTLS)
	}
	return &Server{opts: o}
}

// Sessions returns how many clients are past their startup message.
func (s *Server) Sessions() int { return int(s.sessions.Load()) }

// Serve accepts clients from the listeners until ctx is done or a listener
// breaks, and closes the listeners. Sessions that are idle, or become so, are
// then told to go (57P01); the others, and connections that are only joined,
// are cut after the drain timeout. When Serve returns, nothing of any
// connection is left. It returns nil after ctx is done.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// hard outlives ctx by the time that draining may take.
	hard, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	broken := make(chan error, len(listeners))
	var accepting, open sync.WaitGroup
	for _, l := range listeners {
		accepting.Go(func() {
			if err := s.accept(ctx, hard, l, &open); ctx.Err() == nil {
				broken <- fmt.Errorf("accepting on %s: %w", l.Addr(), err)
				stop()
			}
		})
	}
	<-ctx.Done()
	for _, l := range listeners {
		_ = l.Close()
	}
	accepting.Wait()
	close(broken)

	timer := time.AfterFunc(s.opts.DrainTimeout, cut)
	defer timer.Stop()
	open.Wait()
	return <-broken
}

// accept runs until the listener is closed or breaks for good.
func (s *Server) accept(ctx, hard context.Context, l net.Listener, open *sync.WaitGroup) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return err
			}
			// Out of file descriptors, most likely: those that are open must get on.
			s.opts.Log.Warn("accepting a connection", zap.NamedError("err", err))
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		open.Go(func() { s.handle(ctx, hard, conn) })
	}
}

// handle is the whole life of one connection.
func (s *Server) handle(drain, hard context.Context, nc net.Conn) {
	s.connections.Add(1)
	defer s.connections.Add(-1)
	c := &connection{srv: s, raw: nc, log: s.opts.Log.With(zap.Uint64("session", s.seen.Add(1)))}
	defer c.close()
	keepAlive(nc)
	c.useClient(nc)
	err := guard(func() error { return c.serve(drain, hard) })
	c.goodbye(drain, err)
}

// admit counts a session in, or says why not. What was counted in is to be
// counted out by the caller, whatever is returned.
func (s *Server) admit() error {
	if n := s.sessions.Add(1); s.opts.MaxConnections > 0 && n > int64(s.opts.MaxConnections) {
		return tooMany()
	}
	return nil
}

// crowded reports whether even connections that said nothing yet are too
// many. Like PostgreSQL, which allows twice as many of them, so that cancel
// requests get through when all sessions are taken.
func (s *Server) crowded() bool {
	most := int64(s.opts.MaxConnections)
	return most > 0 && s.connections.Load() > 2*most+8
}

func tooMany() error {
	return &pgerr.Error{
		State:   stateTooMany,
		Code:    pgerr.TooManyConnections,
		Message: "sorry, too many clients already",
		Detail:  "pgveil's limit on connections is reached.",
	}
}

const (
	stateTooMany       = "53300"
	stateLoginRefused  = "28000"
	stateQueryCanceled = "57014"
)

func shuttingDown() *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateDraining,
		Code:    pgerr.Draining,
		Message: "terminating connection due to administrator command",
		Detail:  "pgveil is shutting down.",
		Hint:    "Connect again.",
	}
}

// keepAlive finds peers that vanished. Go has switched Nagle's delay off already.
func keepAlive(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4,
		})
	}
}
