package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
)

// connection is a client from accept to close, and the server it is brought
// to. Its life, in files: negotiate (startup.go, tls.go), connect (dial.go),
// authenticate (auth.go), then join (passthrough.go) or a session
// (session.go); or a cancel request (cancel.go).
type connection struct {
	srv *Server
	// raw is the client's socket; client is that, or TLS over it.
	raw, client net.Conn
	fromClient  *wire.Reader
	toClient    *wire.Writer
	// up is the server's side, nil before it is connected.
	up  *link
	log *zap.Logger
	// told says that the client has got the last word already, from the server
	// or from its session.
	told bool
}

// useClient makes nc the way to the client, for a client that is not authenticated yet.
func (c *connection) useClient(nc net.Conn) {
	c.client = nc
	c.fromClient = wire.NewReader(nc, bufferSize)
	c.fromClient.SetLimit(c.srv.opts.MaxMessageBeforeAuth)
	c.toClient = wire.NewWriter(nc, bufferSize)
}

func (c *connection) close() {
	_ = c.client.Close()
	if c.up != nil {
		_ = c.up.conn.Close()
	}
}

// serve takes the connection to its end. A login ends when drain is done,
// everything when hard is. What it returns is for goodbye.
func (c *connection) serve(drain, hard context.Context) error {
	if c.srv.crowded() {
		return tooMany()
	}
	deadline := time.Now().Add(c.srv.opts.LoginTimeout)
	ctx, cancel := context.WithDeadline(drain, deadline)
	defer cancel()
	// Every wait for the client ends with ctx; every wait for the server does by link.
	release := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	defer release()

	startup, err := c.negotiate(ctx)
	if err != nil {
		return err
	}
	if startup.Kind == wire.StartupCancel {
		return c.cancel(ctx, startup)
	}
	defer c.srv.sessions.Add(-1)
	if err := c.srv.admit(); err != nil {
		return err
	}
	p, err := c.login(ctx, startup)
	if err != nil && ctx.Err() != nil {
		// Both sides' waits have ended for this reason: neither peer is to blame.
		return fmt.Errorf("logging in: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	if !release() || !c.up.release() {
		return context.Cause(ctx)
	}
	c.fromClient.SetLimit(c.srv.opts.MaxMessage)
	c.up.from.SetLimit(wire.MaxBody)
	if p == nil {
		return c.join(hard)
	}
	c.told = true
	return runSession(drain, hard, newSession(p))
}

// runSession runs a session and, once drain is done, asks it to end.
func runSession(drain, hard context.Context, s *session) error {
	asked := make(chan struct{})
	stop := context.AfterFunc(drain, func() {
		defer close(asked)
		_ = guard(func() error { s.drain(); return nil })
	})
	err := s.run(hard)
	if !stop() {
		<-asked
	}
	return err
}

// login brings the client to its server and lets them authenticate. It
// returns nil for a connection that is to be joined.
func (c *connection) login(ctx context.Context, startup *wire.Startup) (*pair, error) {
	user, database := names(startup)
	c.log = c.log.With(zap.String("user", user), zap.String("database", database))
	db, protected := c.srv.protected(database)
	protected = protected && !isReplication(startup.Param("replication"))

	if err := c.connect(ctx, startup); err != nil {
		return nil, err
	}
	if !protected && !c.up.tls {
		// Without TLS the server offers nothing that a relay would have to change.
		return nil, nil
	}
	if err := c.relayAuthentication(ctx); err != nil || !protected {
		return nil, err
	}
	p := &pair{
		client: c.client, server: c.up.conn,
		fromClient: c.fromClient, fromServer: c.up.from,
		toClient: c.toClient, toServer: c.up.to,
		user: user, database: database, db: db, log: c.log,
		parameters: map[string]string{},
	}
	return p, c.relayUntilReady(p.parameters)
}

// goodbye tells the client, where it can still be told, and the log why the
// connection ended. drain is done while the server shuts down.
func (c *connection) goodbye(drain context.Context, err error) {
	refusal := c.reason(drain, err)
	if refusal == nil {
		c.log.Debug("connection ended", zap.NamedError("err", err))
		return
	}
	level := zap.InfoLevel
	switch refusal.State {
	case pgerr.StateInternal:
		level = zap.ErrorLevel
	case pgerr.StateServerGone:
		level = zap.WarnLevel
	}
	if refusal.Cause != nil {
		err = fmt.Errorf("%w: %w", err, refusal.Cause)
	}
	c.log.Log(level, "connection ended", zap.String("code", string(refusal.Code)), zap.NamedError("err", err))
	if !c.told {
		c.tell(refusal)
	}
}

// reason returns what to tell a client, nil where there is nobody to tell: it
// left, or the server has told it.
func (c *connection) reason(drain context.Context, err error) *pgerr.Error {
	var refusal *pgerr.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case err == nil || c.told:
		return nil
	case drain.Err() != nil:
		return shuttingDown()
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return &pgerr.Error{
			State:   stateQueryCanceled,
			Code:    pgerr.LoginTimeout,
			Message: "canceling authentication due to timeout",
			Cause:   err,
		}
	}
	return nil
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// tell sends a FATAL error and makes sure that it can arrive: closing a socket
// with unread input would make the kernel throw away what was just written.
func (c *connection) tell(refusal *pgerr.Error) {
	_ = c.raw.SetDeadline(time.Now().Add(lastWords))
	if _, err := c.toClient.Write(wire.AppendError(nil, wire.FatalSeverity, refusal)); err != nil {
		return
	}
	if err := c.toClient.Flush(); err != nil {
		return
	}
	closeWrite(c.client)
	_, _ = io.CopyN(io.Discard, c.raw, 1<<20) // ends when the client hangs up, or in time
}

// closeWrite tells the peer that nothing more comes.
func closeWrite(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
