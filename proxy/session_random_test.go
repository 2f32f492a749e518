package proxy

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vocabulary is what random scripts are made of: everything that moves the
// state of a session, over sealed and plain tables.
var vocabulary = []string{
	"Q BEGIN", "Q COMMIT", "Q ROLLBACK", "Q SAVEPOINT a", "Q ROLLBACK TO a", "Q SELECT 1/0", "Q SELECT name FROM people ORDER BY id",
	"Q SELECT 1; SELECT name FROM people WHERE phone = '0001'; SELECT 1/0; SELECT 2", "Q SET ROLE officer", "Q RESET ROLE",
	"Q SET datestyle TO 'SQL, DMY'", "Q RESET datestyle", "Q DEALLOCATE ALL", "Q DISCARD ALL", "Q DEALLOCATE s",
	"Q INSERT INTO people (name, phone) VALUES ('x', '0001')", "Q UPDATE people SET birth = '1932-08-07' WHERE phone = '0001'",
	"P s SELECT name, birth FROM people WHERE phone = $1", "P s SELECT id FROM people WHERE name = $1", "P - SELECT birth FROM people WHERE phone = $1",
	"P t SELECT name2 FROM towns WHERE id = $1", "P - SELECT 1/0", "P - BEGIN", "P - COMMIT", "P - ROLLBACK", "P - SET LOCAL datestyle TO 'German'",
	"P - INSERT INTO people (name, phone) VALUES ('y', $1) RETURNING name", "P s DEALLOCATE t", "P - DISCARD ALL",
	"B - - 0001", "B p s 0001", "B p s 0002", "B q s 0001", "B - t 1", "B - -", "B p t 1", "B p s",
	"D S s", "D P p", "D P -", "D S -", "D S t",
	"E p 1", "E p 0", "E q 0", "E - 0", "E - 1", "C P p", "C S s", "C S t", "C P -",
	"S", "S", "S", "S", "H",
}

// Whatever a client sends in whatever order, the session answers as PostgreSQL
// does, and ends in the same state.
func TestSession_randomScriptsAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	const scripts, length = 150, 30
	for seed := range uint64(scripts) {
		r := rand.New(rand.NewPCG(seed, 1))
		var frames []string
		for range length {
			frames = append(frames, vocabulary[r.IntN(len(vocabulary))])
		}
		frames = append(frames, "S", "Q ROLLBACK", "Q SELECT 'end'")
		ours, theirs := dialScript(t, s.addr, "officer"), dialScriptTo(t, s.pg.Addr(), "officer", "twin")
		// In one go, and in pieces: the answers to a piece are on their way while
		// the next is planned.
		for rest := frames; len(rest) > 0; {
			n := min(1+r.IntN(length), len(rest))
			ours.send(rest[:n]...)
			theirs.send(rest[:n]...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(theirs.readToEnd(), ours.readToEnd()); diff != "" {
			t.Errorf("seed %d: %q: PostgreSQL -, through pgveil +:\n%s", seed, frames, diff)
			return
		}
		_, _ = ours.conn.Close(), theirs.conn.Close()
	}
}

// readToEnd reads up to the answer of SELECT 'end'.
func (c *script) readToEnd() []string {
	c.t.Helper()
	var got []string
	for {
		word, typ := c.next()
		if word != "" {
			got = append(got, word)
		}
		if word == "D:end" {
			for typ != 'Z' {
				_, typ = c.next()
			}
			return got
		}
	}
}
