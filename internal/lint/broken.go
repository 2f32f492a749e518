package lint

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/workload"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// In a statement that is no SQL, a literal is not always to be told from the
// rest: the Brien of 'O'Brien' is a word. So nothing of it is shown from its
// first literal on, unless literals were asked for.

// broken is a text that cannot be read, with the statements before end, where
// reading stopped.
type broken struct {
	text       []byte
	end        int
	statements []shape.Statement
}

// addUnread takes a text that cannot be scanned. The server is asked only about
// one that names nothing protected.
func (l *Linter) addUnread(file string, sent workload.Statement, scan error) {
	b := broken{text: sent.Text}
	var at *shape.Error
	if errors.As(scan, &at) {
		b.end = min(at.Offset, len(sent.Text))
	}
	b.statements, _ = l.scanner.Scan(sent.Text[:b.end], true, nil) // none is fine
	f := Finding{Verdict: Forwarded, Seen: sent.Seen, File: file, Line: sent.Line}
	var refusal *pgerr.Error
	if rewrite.ReachesAnyhow(l.matcher, sent.Text) {
		refusal = rewrite.Unreadable(sent.Text, scan)
		f.Verdict, f.Refusal = Refused, refusalOf(refusal)
	}
	l.keepBroken(f, b, refusal)
}

// keepBroken keeps a finding of a text that is no SQL.
func (l *Linter) keepBroken(f Finding, b broken, refusal *pgerr.Error) {
	shown, literal := b.show()
	if l.options.ShowLiterals {
		shown = strings.Join(strings.Fields(string(b.text)), " ")
	} else if f.Refusal != nil && refusal.Position > utf8.RuneCount(b.text[:literal]) {
		f.Refusal.Message = withoutNear(f.Refusal.Message)
	}
	sum := sha256.Sum256([]byte(shown))
	l.keep([2]uint64{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}, f, func() []byte { return []byte(shown) })
}

// show returns what stands before the first literal, and where that begins.
func (b *broken) show() (shown string, literal int) {
	var text []byte
	literal = b.end
	for i := range b.statements {
		st := b.statements[i]
		if len(st.Slots) > 0 {
			literal = st.Slots[0].Start
			st.End, st.Slots = literal, nil
		}
		text = append(shape.AppendShown(text, b.text, &st, false), ' ')
		if literal < b.end {
			break
		}
	}
	return string(text) + "…", literal
}

// near is what PostgreSQL repeats of a statement in a syntax error.
var near = regexp.MustCompile(`(?s) at or near ".*"$`)

func withoutNear(message string) string { return near.ReplaceAllString(message, ` at or near "…"`) }
