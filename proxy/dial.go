package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
)

// Upstream is how the server is reached.
type Upstream struct {
	// Address is host:port or, with a slash, a Unix socket: the socket file, or a
	// folder, in which it is named .s.PGSQL.5432.
	Address string
	// Mode is libpq's sslmode. A Unix socket has no TLS, whatever the mode.
	Mode TLSMode
	// TLS holds the roots to trust (nil for the system's), the certificate to
	// show, and a ServerName other than the address's host; nil for none of these.
	TLS *tls.Config
}

// connectTimeout is shorter than the login's, so that a client hears of a
// server that cannot be reached before it is out of time itself.
const connectTimeout = 10 * time.Second

// link is a connection to the server.
type link struct {
	conn net.Conn
	from *wire.Reader
	to   *wire.Writer
	tls  bool
	// release gives up the login's hold on the connection. It is false when the
	// login is over already, and the connection with it.
	release func() bool
}

// attempt is one way to reach the server that a TLS mode allows.
type attempt struct {
	askTLS bool
	// orPlain goes on without TLS where the server has none.
	orPlain bool
}

// attempts returns the ways to try, one after the other, exactly as libpq does.
func (u *Upstream) attempts() ([]attempt, error) {
	if isPath(u.Address) {
		return []attempt{{}}, nil
	}
	switch u.Mode {
	case TLSDisable:
		return []attempt{{}}, nil
	case TLSAllow:
		return []attempt{{}, {askTLS: true}}, nil
	case TLSPrefer:
		return []attempt{{askTLS: true, orPlain: true}, {}}, nil
	case TLSRequire, TLSVerifyCA, TLSVerifyFull:
		return []attempt{{askTLS: true}}, nil
	}
	return nil, fmt.Errorf("%q is not a TLS mode", u.Mode)
}

// connect reaches the server, sends it the client's startup message as it is,
// and waits until it has begun to answer. A server that refuses at once is
// tried without TLS, or with it, where the mode allows both.
func (c *connection) connect(ctx context.Context, startup *wire.Startup) error {
	attempts, err := c.srv.opts.Upstream.attempts()
	if err != nil {
		return serverAway(err)
	}
	for i, a := range attempts {
		last := i == len(attempts)-1
		var refused bool
		c.up, refused, err = c.srv.opts.Upstream.start(ctx, a, startup)
		switch {
		case err == nil && (!refused || last || !c.up.tls && a.askTLS):
			c.up.from.SetLimit(c.srv.opts.MaxMessageBeforeAuth)
			return nil
		case err != nil && (last || ctx.Err() != nil):
			return err
		case err != nil && !a.askTLS:
			return err // nobody is there: TLS would not help
		case err == nil:
			_ = c.up.conn.Close()
			c.up = nil
		}
	}
	return err
}

// start is one attempt. refused says that the server's first frame, which is
// not consumed, is an error.
func (u *Upstream) start(ctx context.Context, a attempt, startup *wire.Startup) (l *link, refused bool, err error) {
	l, err = u.dial(ctx, a)
	if err != nil {
		return nil, false, err
	}
	if _, err := l.conn.Write(startup.Raw); err != nil {
		_ = l.conn.Close()
		return nil, false, serverAway(fmt.Errorf("sending the startup message: %w", err))
	}
	first, err := l.from.Peek()
	if err != nil {
		_ = l.conn.Close()
		return nil, false, serverAway(fmt.Errorf("waiting for the server's first answer: %w", err))
	}
	return l, first == wire.TypeErrorResponse, nil
}

// dial connects, with TLS where the attempt has it. Every wait on the
// connection ends with ctx until the link is released.
func (u *Upstream) dial(ctx context.Context, a attempt) (*link, error) {
	network, address := "tcp", u.Address
	if isPath(address) {
		network, address = "unix", socketPath(address)
	}
	dialer := net.Dialer{Timeout: connectTimeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, serverAway(fmt.Errorf("connecting to the server: %w", err))
	}
	keepAlive(conn)
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	l := &link{conn: conn, release: release}
	if a.askTLS {
		if err := l.startTLS(ctx, u, a.orPlain); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	l.from, l.to = wire.NewReader(l.conn, bufferSize), wire.NewWriter(l.conn, bufferSize)
	return l, nil
}

// startTLS asks the server for TLS and makes it the way to the server.
func (l *link) startTLS(ctx context.Context, u *Upstream, orPlain bool) error {
	if _, err := l.conn.Write(wire.AppendSSLRequest(nil)); err != nil {
		return serverAway(fmt.Errorf("asking the server for TLS: %w", err))
	}
	// One byte and no more: what follows it in clear is left to TLS, which
	// refuses it. It could have been put there by somebody in between.
	var answer [1]byte
	if _, err := io.ReadFull(l.conn, answer[:]); err != nil {
		return serverAway(fmt.Errorf("asking the server for TLS: %w", err))
	}
	switch answer[0] {
	case 'S':
	case 'N':
		if orPlain {
			return nil
		}
		return noTLS()
	default:
		return serverAway(fmt.Errorf("the server answered %q when asked for TLS", answer[0]))
	}
	encrypted := tls.Client(l.conn, u.serverTLS())
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return serverAway(fmt.Errorf("agreeing on TLS with the server: %w", err))
	}
	l.conn, l.tls = encrypted, true
	return nil
}

// serverAway is what a client learns of a server that cannot be reached. The
// cause, which names hosts, is for the log.
func serverAway(cause error) *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateServerGone,
		Code:    pgerr.ServerAway,
		Message: "the database server cannot be reached at the moment",
		Hint:    "Try again later; the log of pgveil has the cause.",
		Cause:   cause,
	}
}
