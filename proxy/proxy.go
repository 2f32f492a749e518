// Package proxy is one client's life: accept, TLS, authentication, relay,
// plan, seal, open, cancel, drain.
//
// A [Server] accepts connections and brings each to the point where both
// sides are authenticated: a pair. A pair whose database is not protected is
// joined byte for byte; any other becomes a session, which relays frames and
// plans the statements that reach protected columns.
package proxy

import (
	"net"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/wire"
)

// pair is a client and a server that have agreed: the server has sent its
// first ReadyForQuery, and it was forwarded to the client.
type pair struct {
	// client and server are the connections beneath, for deadlines and closing.
	client, server net.Conn
	// fromClient and fromServer may hold bytes that were read ahead.
	fromClient, fromServer *wire.Reader
	toClient, toServer     *wire.Writer
	// user and database are those of the startup message.
	user, database string
	// parameters are the ParameterStatus values seen so far.
	parameters map[string]string
	// db is the protected database.
	db  *Database
	log *zap.Logger
}
