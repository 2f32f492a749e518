package proxy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// copyVocabulary is COPY as clients send it: knowing that the server takes the
// data, or not knowing; whole, broken off, refused, and without any COPY.
var copyVocabulary = []string{
	`Q COPY people (name, birth) FROM STDIN|d x` + "\t1932-08-07\n|c",
	`Q COPY people (name, birth) FROM STDIN|d x` + "\t19|d 32-08-07\ny\t|d \\N\n|c",
	`Q COPY people (name, birth) FROM STDIN|d x` + "\tno date\n|d y\t\\N\n|d z\t\\N\n|c",
	`Q COPY people (name, birth) FROM STDIN|d x` + "\n|f no more\x00",
	`Q COPY people (name, birth) FROM STDIN|f no more` + "\x00",
	`Q COPY people (name, phone) FROM STDIN|d x` + "\t0001\n|d y\t\\N\n|c",
	`Q COPY nosuch FROM STDIN|d x` + "\n|c",
	`Q COPY people (name) FROM STDIN; SELECT 1; COPY towns FROM STDIN; SELECT 2|d x` + "\n|c|d 60\tx\n|c",
	`Q COPY people (birth) FROM STDIN; COPY people (name) FROM STDIN|d no date` + "\n|c|d y\n|c",
	`Q COPY towns FROM STDIN; COPY people (birth) FROM STDIN|d 61` + "\tx\n|c|d x\n|c",
	`Q COPY towns FROM STDIN|d 1` + "\tdouble\n|d 2\tx\n|c",
	`P - COPY people (name, birth) FROM STDIN|B - -|D P -|E - 0|S|d x` + "\t\\N\n|c|S",
	`P - COPY people (name, birth) FROM STDIN|B - -|E - 0|d x` + "\tno date\n|c|B - s 0001|S",
	`P - COPY people (name, birth) FROM STDIN|B - -|E - 0|S|d x` + "\tno date\n|d y\n|c|S",
	`P - COPY people (name, birth) FROM STDIN|B - -|E - 0|c|E - 0|S`,
	`P - COPY towns FROM STDIN|B - -|E - 0|S|d 1` + "\tdouble\n|c|S",
	`P c COPY people (name) FROM STDIN`, `B c c|E c 0|d x` + "\n|c", `B c c|E c 0|f x` + "\x00",
	`P c COPY (SELECT name FROM people ORDER BY id) TO STDOUT`, `Q COPY (SELECT name, birth FROM people ORDER BY id) TO STDOUT; SELECT 3`,
	`Q COPY people (name) TO STDOUT (FORMAT csv); COPY people (name) FROM STDIN|d x` + "\n|c",
	"d stray\n", "c", "f stray\x00", "d stray\n|c|S",
}

// Whatever a client sends of COPY, and when, the session answers as PostgreSQL does.
func TestCopy_randomScriptsAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	const scripts, length = 120, 20
	words := slices.Concat(copyVocabulary, copyVocabulary, []string{
		"Q BEGIN", "Q COMMIT", "Q ROLLBACK", "Q SAVEPOINT a", "Q ROLLBACK TO a", "Q SELECT 1/0", "Q SELECT name FROM people ORDER BY id",
		"P s SELECT name, birth FROM people WHERE phone = $1", "B - s 0001|E - 0", "Q DISCARD ALL", "S", "S", "S", "H", "Q SET datestyle TO 'German'",
	})
	for seed := range uint64(scripts) {
		r := rand.New(rand.NewPCG(seed, 2))
		var frames []string
		for range length {
			frames = append(frames, strings.Split(words[r.IntN(len(words))], "|")...)
		}
		frames = append(frames, "S", "Q ROLLBACK", "Q SELECT name, birth FROM people ORDER BY id", "Q DELETE FROM people WHERE id > 2; DELETE FROM towns WHERE id > 2", "Q SELECT 'end'")
		ours, theirs := dialScript(t, s.addr, "officer"), dialScriptTo(t, s.pg.Addr(), "officer", "twin")
		for rest := frames; len(rest) > 0; {
			n := min(1+r.IntN(length), len(rest))
			ours.send(rest[:n]...)
			theirs.send(rest[:n]...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(theirs.readToEnd(false), ours.readToEnd(false)); diff != "" {
			t.Errorf("seed %d: %q: PostgreSQL -, through pgveil +:\n%s", seed, frames, diff)
			return
		}
		_, _ = ours.conn.Close(), theirs.conn.Close()
	}
}
