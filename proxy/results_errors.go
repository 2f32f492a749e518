package proxy

import (
	"bytes"

	"github.com/pgveil/pgveil/internal/wire"
)

// sayScrubbed passes on what the server says about a statement that reaches
// something protected: without stored values, and where pgveil wrote the text,
// without it and positions in it. Names that drivers read, such as the
// constraint's, stay.
func (s *session) sayScrubbed(typ byte, fields wire.ErrorFields, rewritten bool) error {
	frame, err := scrub(fields, rewritten).Append(s.answers.frame[:0], typ)
	if err != nil {
		return s.serverSide(err)
	}
	return s.say(frame)
}

// scrub drops fields and replaces values in place.
func scrub(fields wire.ErrorFields, rewritten bool) wire.ErrorFields {
	kept := fields[:0]
	for _, f := range fields {
		switch f.Code {
		case 'P', 'p', 'q', 'W':
			if rewritten {
				continue
			}
			f.Value = withoutEnvelopes(f.Value) // COPY's context holds the line
		case 'M', 'H':
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
