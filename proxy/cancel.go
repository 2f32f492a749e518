package proxy

import (
	"context"
	"fmt"
	"io"

	"github.com/pgveil/pgveil/internal/wire"
)

// cancel forwards a cancel request to the server on a connection of its own.
// The key in it is the server's, so this works whichever pgveil the session
// to be cancelled goes through. The client learns nothing of the outcome, by
// the protocol; it waits for the connection to close, which happens once the
// server has taken the request.
func (c *connection) cancel(ctx context.Context, request *wire.Startup) error {
	c.told = true // no answer is expected, not even an error
	attempts, err := c.srv.opts.Upstream.attempts()
	if err != nil {
		return serverAway(err)
	}
	for _, a := range attempts {
		if err = c.sendCancel(ctx, a, request); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	c.log.Debug("cancel request forwarded")
	return nil
}

func (c *connection) sendCancel(ctx context.Context, a attempt, request *wire.Startup) error {
	l, err := c.srv.opts.Upstream.dial(ctx, a)
	if err != nil {
		return err
	}
	defer l.conn.Close()
	defer l.release()
	if _, err := l.conn.Write(request.Raw); err != nil {
		return serverAway(fmt.Errorf("sending a cancel request: %w", err))
	}
	// The server closes when it has signalled its process. How it closes does not matter.
	_, _ = io.CopyN(io.Discard, l.conn, 1)
	return nil
}
