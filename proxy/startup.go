package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
)

// tlsHandshake is the first byte of a TLS record that opens a connection. No
// startup message begins with it: its length would be far too large.
const tlsHandshake = 0x16

// negotiate reads what opens the connection, agrees on encryption, and
// returns the message that says what the client wants: a session or a cancel.
func (c *connection) negotiate(ctx context.Context) (*wire.Startup, error) {
	first, err := c.fromClient.Peek()
	if err != nil {
		return nil, fmt.Errorf("reading the client's first byte: %w", err)
	}
	if first == tlsHandshake {
		if err := c.directTLS(ctx); err != nil {
			return nil, err
		}
	}
	asked := map[wire.StartupKind]bool{}
	for {
		startup, err := wire.ReadStartup(c.fromClient)
		if err != nil {
			return nil, fmt.Errorf("reading the startup message: %w", err)
		}
		switch startup.Kind {
		case wire.StartupSSL, wire.StartupGSSENC:
			if asked[startup.Kind] || c.encrypted() {
				return nil, protocolBroken("encryption was asked for twice", "")
			}
			asked[startup.Kind] = true
			if err := c.answerEncryption(ctx, startup.Kind); err != nil {
				return nil, err
			}
		case wire.StartupCancel:
			// In clear as well: libpq encrypts its cancel requests from version 17 on only.
			return startup, nil
		default:
			return startup, c.checkEncryption()
		}
	}
}

// answerEncryption answers an SSLRequest or a GSSENCRequest.
func (c *connection) answerEncryption(ctx context.Context, kind wire.StartupKind) error {
	// What is there already was not sent in answer to us and is not encrypted:
	// somebody in between may have put it there, to be taken for the client's
	// once TLS is up (CVE-2021-23214, CVE-2021-23222).
	if c.fromClient.Buffered() > 0 {
		return protocolBroken("received unencrypted data after a request for encryption",
			"This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
	}
	accept := kind == wire.StartupSSL && c.srv.opts.ClientTLS != nil && !c.local()
	answer := byte('N')
	if accept {
		answer = 'S'
	}
	if _, err := c.client.Write([]byte{answer}); err != nil {
		return fmt.Errorf("answering a request for encryption: %w", err)
	}
	if !accept {
		return nil
	}
	return c.startTLS(ctx, c.raw)
}

// checkEncryption refuses a client that should have asked for TLS.
func (c *connection) checkEncryption() error {
	if c.encrypted() || c.local() || !c.srv.opts.RequireTLS {
		return nil
	}
	return &pgerr.Error{
		State:   stateLoginRefused,
		Code:    pgerr.TLSRequired,
		Message: "connection requires TLS",
		Detail:  "pgveil is configured to refuse clients without encryption.",
		Hint:    "Connect with sslmode=require or stricter.",
	}
}

func (c *connection) encrypted() bool {
	_, ok := c.client.(*tls.Conn)
	return ok
}

// local reports whether the client is on a Unix socket, where PostgreSQL has no TLS either.
func (c *connection) local() bool {
	_, ok := c.raw.(*net.UnixConn)
	return ok
}

// names returns the user and the database that a startup message asks for, by
// PostgreSQL's rules: the database defaults to the user.
func names(s *wire.Startup) (user, database string) {
	user, database = s.Param("user"), s.Param("database")
	if database == "" {
		database = user
	}
	return user, database
}

// maxName is the length, in bytes, to which PostgreSQL cuts a database's name.
const maxName = 63

// protected looks a database up as the server will: it cuts names that are
// too long, so that "x…xyz" may lead to the database "x…x".
func (s *Server) protected(database string) (*Database, bool) {
	db, ok := s.opts.Lookup(database)
	if !ok && len(database) > maxName {
		return s.opts.Lookup(database[:maxName])
	}
	return db, ok
}

// isReplication reports whether the server will take the connection for a
// replication one: "database", or what parse_bool takes for true. When that is
// unclear the connection counts as an ordinary one, which is planned.
func isReplication(value string) bool {
	if value == "" {
		return false
	}
	lower := strings.ToLower(value)
	return value == "database" || lower == "on" || lower == "1" ||
		strings.HasPrefix("true", lower) || strings.HasPrefix("yes", lower)
}

func protocolBroken(message, detail string) *pgerr.Error {
	return &pgerr.Error{State: pgerr.StateProtocol, Code: pgerr.ProtocolBroken, Message: message, Detail: detail}
}

// readAhead is a connection of which bytes were read already.
type readAhead struct {
	net.Conn
	r io.Reader
}

func (c *readAhead) Read(p []byte) (int, error) { return c.r.Read(p) }
