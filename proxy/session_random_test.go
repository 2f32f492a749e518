package proxy

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vocabulary is what random scripts are made of: everything that moves the
// state of a session, over sealed and plain tables. DISCARD ALL stands alone: it
// must not run behind another statement of a pipeline, and pgveil's probe is one.
var vocabulary = []string{
	"Q BEGIN", "Q COMMIT", "Q ROLLBACK", "Q SAVEPOINT a", "Q ROLLBACK TO a", "Q SELECT 1/0", "Q SELECT name FROM people ORDER BY id",
	"Q SELECT 1; SELECT name FROM people WHERE phone = '0001'; SELECT 1/0; SELECT 2", "Q SET ROLE officer", "Q RESET ROLE",
	"Q SET datestyle TO 'SQL, DMY'", "Q RESET datestyle", "Q DEALLOCATE ALL", "S|Q DISCARD ALL", "Q DEALLOCATE s",
	"Q INSERT INTO people (name, phone) VALUES ('x', '0001')", "Q UPDATE people SET birth = '1932-08-07' WHERE phone = '0001'",
	"P s SELECT name, birth FROM people WHERE phone = $1", "P s SELECT id FROM people WHERE name = $1", "P - SELECT birth FROM people WHERE phone = $1",
	"P t SELECT name2 FROM towns WHERE id = $1", "P - SELECT 1/0", "P - BEGIN", "P - COMMIT", "P - ROLLBACK", "P - SET LOCAL datestyle TO 'German'",
	"P - INSERT INTO people (name, phone) VALUES ('y', $1) RETURNING name", "P s DEALLOCATE t", "S|P - DISCARD ALL|B - -|E - 0|S",
	"B - - 0001", "B p s 0001", "B p s 0002", "B q s 0001", "B - t 1", "B - -", "B p t 1", "B p s",
	"D S s", "D P p", "D P -", "D S -", "D S t",
	"E p 1", "E p 0", "E q 0", "E - 0", "E - 1", "C P p", "C S s", "C S t", "C P -",
	"S", "S", "S", "S", "H",
}

// named is what moves the names that SQL and the protocol share.
var named = []string{
	"Q BEGIN", "Q BEGIN", "Q COMMIT", "Q ROLLBACK", "Q SAVEPOINT a", "Q ROLLBACK TO a", "Q SELECT 1/0", "S|Q DISCARD ALL",
	"Q PREPARE n AS SELECT name FROM people WHERE phone = $1", "Q PREPARE n AS SELECT name2 FROM towns WHERE id::text = $1",
	"P - PREPARE n AS SELECT birth FROM people WHERE phone = $1|B - -|E - 0", "Q PREPARE s AS SELECT id, birth FROM people WHERE name = $1",
	"Q PREPARE n AS SELECT phone FROM people WHERE phone = $1; EXECUTE n('0002')", "Q DEALLOCATE n; PREPARE n AS SELECT 5",
	"Q EXECUTE n('0001')", "Q EXECUTE n('0001')", "Q EXECUTE s('0001')", "Q DEALLOCATE n", "Q DEALLOCATE s", "Q DEALLOCATE ALL", "C S n", "C S s",
	"P s SELECT name, birth FROM people WHERE phone = $1", "P s SELECT name2 FROM towns WHERE id::text = $1", "B c s 0001", "B p s 0001",
	"Q DECLARE c CURSOR FOR SELECT name, birth FROM people ORDER BY id", "Q DECLARE c CURSOR FOR SELECT name2, id FROM towns ORDER BY id",
	"Q DECLARE c CURSOR WITH HOLD FOR SELECT birth FROM people ORDER BY id", "Q DECLARE c CURSOR WITH HOLD FOR SELECT name2 FROM towns ORDER BY id",
	"P - DECLARE c CURSOR FOR SELECT phone FROM people WHERE phone <> $1|B - - 0002|E - 0", "Q CLOSE c; DECLARE c CURSOR FOR SELECT phone FROM people ORDER BY id; FETCH c",
	"Q FETCH c", "Q FETCH ALL FROM c", "Q FETCH 1 FROM p", "Q MOVE ABSOLUTE 0 IN c", "Q FETCH c; MOVE c; FETCH 1 FROM c",
	"P f FETCH 1 FROM c|D S f|B x f|D P x|E x 0|C P x|C S f", "P - FETCH c|B - -|E - 0", "D P c", "E c 1", "E p 1", "C P c", "Q CLOSE c", "Q CLOSE ALL",
	"S", "S", "S", "S", "H",
}

// refusable is what pgveil refuses where PostgreSQL alone fails too, as nosuch
// does not exist there. They fail differently, but must do the same to the
// session.
var refusable = []string{
	"Q SELECT nosuch(name) FROM people", "P - SELECT nosuch(name) FROM people", "P s SELECT nosuch(name) FROM people",
	"Q INSERT INTO towns VALUES (50, 'x'); SELECT nosuch(name) FROM people; SELECT 3",
}

// Whatever a client sends in whatever order, the session answers as PostgreSQL
// does, and ends in the same state.
func TestSession_randomScriptsAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	runRandom(t, s, vocabulary, false)
}

// A refusal does to the transaction, the pipeline and the rest of a message
// what PostgreSQL's own error would do.
func TestSession_randomRefusalsActAsPostgreSQLsErrors(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	runRandom(t, s, vocabulary, true)
}

// Names in SQL mean what they mean to the server, whatever made, dropped and
// rolled them back.
func TestSession_randomNamesAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	runRandom(t, s, named, false)
}

func runRandom(t *testing.T, s *sealed, vocabulary []string, refusals bool) {
	t.Helper()
	const scripts, length = 150, 30
	for seed := range uint64(scripts) {
		r := rand.New(rand.NewPCG(seed, 1))
		var frames []string
		for range length {
			word := vocabulary[r.IntN(len(vocabulary))]
			if i := r.IntN(12); refusals && i < len(refusable) {
				word = refusable[i]
			}
			frames = append(frames, strings.Split(word, "|")...)
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
		if diff := cmp.Diff(theirs.readToEnd(refusals), ours.readToEnd(refusals)); diff != "" {
			t.Errorf("seed %d: %q: PostgreSQL -, through pgveil +:\n%s", seed, frames, diff)
			return
		}
		_, _ = ours.conn.Close(), theirs.conn.Close()
	}
}

// readToEnd reads up to the answer of SELECT 'end'. With refusals, the errors
// of a refusal and of what it stands for are told alike.
func (c *script) readToEnd(refusals bool) []string {
	c.t.Helper()
	var got []string
	for {
		word, typ := c.next()
		switch {
		case refusals && (word == "E:0A000" || word == "E:42883"):
			got = append(got, "E:refused")
		case word != "":
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
