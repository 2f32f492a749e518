package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pgveil/pgveil/internal/wire"
)

// join copies bytes both ways, undecoded, until both sides have ended or ctx
// is done. Between two sockets without TLS the kernel does the copying.
func (c *connection) join(ctx context.Context) error {
	c.told = true
	c.log.Debug("joining")
	client, server := c.client, c.up.conn
	if err := c.toClient.Flush(); err != nil {
		return fmt.Errorf("writing to the client: %w", err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()

	var fromClient, fromServer error
	var wg sync.WaitGroup
	wg.Go(func() {
		fromClient = guard(func() error { return copyAll(server, c.fromClient, client) })
		// A client that has only stopped asking still gets its answers.
		closeWrite(server)
	})
	fromServer = guard(func() error { return copyAll(client, c.up.from, server) })
	closeWrite(client)
	// Nobody is left to hear the client. It gets the time to read the server's
	// last word; after that it is not waited for.
	_ = client.SetReadDeadline(time.Now().Add(lastWords))
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(quiet(fromServer), quiet(fromClient))
}

// copyAll copies what was read ahead from src and then all that src sends.
func copyAll(dst net.Conn, ahead *wire.Reader, src net.Conn) error {
	if n := ahead.Buffered(); n > 0 {
		if _, err := io.CopyN(dst, ahead, int64(n)); err != nil {
			return err
		}
	}
	_, err := io.Copy(dst, src)
	return err
}

// quiet drops the errors with which connections end when their peers do.
func quiet(err error) error {
	var n *net.OpError
	if errors.As(err, &n) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || timedOut(err) {
		return nil
	}
	return err
}
