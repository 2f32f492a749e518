package proxy

import (
	"bytes"
	"context"
	"strconv"

	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
)

// sayScrubbed passes on what the server says about a message of which pgveil
// wrote a part, or that reaches something protected: without stored values, and
// with places in the client's text instead of those in pgveil's. Names that
// drivers read, such as the constraint's, stay. r is nil for a statement that
// reaches nothing protected.
func (s *session) sayScrubbed(ctx context.Context, typ byte, fields wire.ErrorFields, r *run) error {
	asked, sent, rewritten := s.textsOf(&s.answers.cur)
	key := s.keyDetail(ctx, fields, r, sent)
	kept := scrub(fields, rewritten, func(position []byte) []byte { return clientPosition(asked, sent, position) })
	if key != nil {
		kept = append(kept, wire.ErrorField{Code: 'D', Value: key})
	}
	frame, err := kept.Append(s.answers.frame[:0], typ)
	if err != nil {
		return s.serverSide(err)
	}
	return s.say(frame)
}

// textsOf returns what was asked and sent where the server may find fault with
// what cur expects the answer of. The texts are nil if they are not known any more.
func (s *session) textsOf(cur *expect) (asked, sent []byte, rewritten bool) {
	if asked, sent, ok := s.texts.of(cur.seq); ok {
		return asked, sent, true
	}
	if cur.portal == nil || cur.portal.stmt == nil || cur.portal.stmt.plan == nil || cur.portal.stmt.plan.Verdict != rewrite.Rewrite {
		return nil, nil, false
	}
	// PREPARE, DECLARE and their like are only read when they are run.
	asked, sent, _ = s.texts.of(cur.portal.stmt.seq)
	return asked, sent, true
}

// scrub drops fields and replaces values in place. place turns a position in
// what was sent into one in the client's text, nil for none.
func scrub(fields wire.ErrorFields, rewritten bool, place func([]byte) []byte) wire.ErrorFields {
	kept := fields[:0]
	for _, f := range fields {
		switch f.Code {
		case 'P':
			if rewritten {
				f.Value = place(f.Value)
			}
			if f.Value == nil {
				continue
			}
		case 'p', 'q':
			if mentionsStored(fields.Field('q')) {
				continue // a function's own text, and the place in it
			}
		case 'M', 'H', 'W': // COPY's context holds the line
			f.Value = withoutEnvelopes(f.Value)
		case 'D':
			if mentionsStored(f.Value) {
				continue
			}
		}
		kept = append(kept, f)
	}
	return kept
}

// clientPosition returns the field for a position in the client's text, nil for none.
func clientPosition(asked, sent, position []byte) []byte {
	n, err := strconv.Atoi(string(position))
	if err != nil || sent == nil {
		return nil
	}
	if n, ok := rewrite.ClientPosition(string(asked), string(sent), n); ok {
		return strconv.AppendInt(nil, int64(n), 10)
	}
	return nil
}

var (
	envelopeMark = []byte("pv1.")
	termMark     = []byte("split_part")
)

// mentionsStored reports whether a text may hold a stored value or a term.
func mentionsStored(text []byte) bool {
	return bytes.Contains(text, envelopeMark) || bytes.Contains(text, termMark)
}

// withoutEnvelopes puts a word in the place of each envelope in a text.
func withoutEnvelopes(text []byte) []byte {
	if !bytes.Contains(text, envelopeMark) {
		return text
	}
	var out []byte
	for {
		i := bytes.Index(text, envelopeMark)
		if i < 0 {
			return append(out, text...)
		}
		out = append(append(out, text[:i]...), "(sealed)"...)
		for text = text[i:]; len(text) > 0 && inEnvelope(text[0]); {
			text = text[1:]
		}
	}
}

// inEnvelope reports whether a character may be part of an envelope.
func inEnvelope(c byte) bool {
	switch c {
	case '-', '_', '.', '~':
		return true
	}
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
