package proxy

import (
	"testing"
	"time"

	"github.com/pgveil/pgveil/internal/wire"
)

// The server's answer can be here before the client's side has let go of its
// turn. A transaction whose result was withheld must fail then too.
func TestFailTransaction_waitsForTheTurn(t *testing.T) {
	for _, tc := range []struct {
		name string
		// held is how long the client's side holds its turn, in the way of until.
		held time.Duration
		more bool // the client has sent another Query
		want bool
	}{
		{"the turn is free", 0, false, true},
		{"the client's side is about to let go", time.Millisecond, false, true},
		{"the client has sent more", time.Minute, true, false},
		{"the client's side waits for an answer itself", time.Minute, false, false},
	} {
		s := unwired(t, unwiredSchema)
		s.push(expect{kind: expectQuery})
		if tc.more {
			s.push(expect{kind: expectQuery})
		}
		if tc.held > 0 {
			s.toServerTurn.Lock()
			time.AfterFunc(min(tc.held, 10*handOver), s.toServerTurn.Unlock)
		}
		start := time.Now()
		if got := s.failTransaction(wire.InTransaction); got != tc.want {
			t.Errorf("%s: failTransaction = %v, want %v", tc.name, got, tc.want)
		}
		if took := time.Since(start); tc.more && took >= handOver {
			t.Errorf("%s: it waited %v for nothing", tc.name, took)
		}
		var next expect
		if tc.want && (!s.queue.peek(&next) || !next.own || !next.tellsReady) {
			t.Errorf("%s: no answer is expected that takes the place of this one", tc.name)
		}
	}
}
