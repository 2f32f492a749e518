package proxy

import (
	"io"
	"net"
	"runtime"
	"testing"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/wire"
)

// A session that has asked one short question and waits must stay small, or
// the connections of a pool that mostly idles cost more than their work.
func TestSession_isSmallWhileItWaits(t *testing.T) {
	const sessions, most = 300, 20 << 10
	db := unwired(t, unwiredSchema).db
	body := append([]byte("SELECT abalance FROM pgbench_accounts WHERE aid = 12345"), 0)
	open := make([]*session, sessions)

	before := heap()
	for i := range open {
		client, server := net.Pipe()
		s := newSession(&pair{
			client: client, server: server,
			fromClient: wire.NewReader(client, bufferSize), fromServer: wire.NewReader(server, bufferSize),
			toClient: wire.NewWriter(io.Discard, bufferSize), toServer: wire.NewWriter(io.Discard, bufferSize),
			parameters: map[string]string{"client_encoding": "UTF8", "standard_conforming_strings": "on"},
			db:         db, log: zap.NewNop(),
		})
		if err := s.query(t.Context(), body); err != nil {
			t.Fatal(err)
		}
		s.queue.ready(wire.Idle)
		if err := s.toClient.Frame(wire.TypeReadyForQuery, []byte{wire.Idle}); err != nil {
			t.Fatal(err)
		}
		open[i] = s
	}
	if got := (heap() - before) / sessions; got > most {
		t.Errorf("an idle session holds %d bytes, want at most %d", got, most)
	}
	runtime.KeepAlive(open)
}

// heap returns how many bytes are reachable.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers have let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
