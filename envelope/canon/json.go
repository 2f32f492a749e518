package canon

import (
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds nesting. PostgreSQL's bound is its stack, which holds some
// thousands of levels; what is deeper is refused with PostgreSQL's SQLSTATE.
const maxJSONDepth = 5000

// jsonFromText checks the syntax and keeps the text as it is, as json_in does.
func jsonFromText(dst, text []byte) ([]byte, error) {
	l := jsonLexer{in: text, kind: JSON}
	if err := l.skipValue(0); err != nil {
		return nil, err
	}
	if err := l.end(); err != nil {
		return nil, err
	}
	return append(dst, text...), nil
}

// A jsonLexer reads JSON text, which is valid UTF-8, by RFC 8259.
type jsonLexer struct {
	in   []byte
	at   int
	kind Kind
}

func (l *jsonLexer) syntax() error { return errSyntax(l.kind) }

// peek skips white space and returns the next byte, 0 at the end.
func (l *jsonLexer) peek() byte {
	for l.at < len(l.in) {
		switch c := l.in[l.at]; c {
		case ' ', '\t', '\n', '\r':
			l.at++
		default:
			return c
		}
	}
	return 0
}

func (l *jsonLexer) end() error {
	if l.peek() != 0 {
		return l.syntax()
	}
	return nil
}

// take reads c if it is next.
func (l *jsonLexer) take(c byte) bool {
	if l.peek() != c {
		return false
	}
	l.at++
	return true
}

func (l *jsonLexer) deeper(depth int) error {
	if depth >= maxJSONDepth {
		return invalid(stateDepth, "stack depth limit exceeded")
	}
	return nil
}

// skipValue reads one value of any kind and checks its syntax.
func (l *jsonLexer) skipValue(depth int) error {
	if err := l.deeper(depth); err != nil {
		return err
	}
	switch c := l.peek(); c {
	case '{':
		return l.members('}', func() error {
			if err := l.skipString(); err != nil {
				return err
			}
			if !l.take(':') {
				return l.syntax()
			}
			return l.skipValue(depth + 1)
		})
	case '[':
		return l.members(']', func() error { return l.skipValue(depth + 1) })
	case '"':
		return l.skipString()
	default:
		_, err := l.literal()
		return err
	}
}

// members reads from an opening bracket to the closing one, with each in between.
func (l *jsonLexer) members(closing byte, each func() error) error {
	l.at++
	if l.take(closing) {
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if l.take(closing) {
			return nil
		}
		if !l.take(',') {
			return l.syntax()
		}
	}
}

// literal reads true, false, null or a number.
func (l *jsonLexer) literal() ([]byte, error) {
	start := l.at
	for l.at < len(l.in) && isJSONWord(l.in[l.at]) {
		l.at++
	}
	word := l.in[start:l.at]
	switch string(word) {
	case "true", "false", "null":
		return word, nil
	}
	if !isJSONNumber(word) {
		return nil, l.syntax()
	}
	return word, nil
}

func isJSONWord(c byte) bool {
	return isDigit(c) || isAlpha(c) || c == '-' || c == '+' || c == '.' || c == '_' || c >= utf8.RuneSelf
}

// isJSONNumber is the grammar of RFC 8259: no leading zero, no leading plus,
// digits on both sides of the point.
func isJSONNumber(b []byte) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		return i > start
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '-' || b[i] == '+') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(b)
}

// skipString reads a string without working out its escapes. \u escapes are
// taken as they are, lone surrogates and \u0000 too: json keeps its text.
func (l *jsonLexer) skipString() error {
	if !l.take('"') {
		return l.syntax()
	}
	for l.at < len(l.in) {
		c := l.in[l.at]
		l.at++
		switch {
		case c == '"':
			return nil
		case c < ' ':
			return l.syntax()
		case c != '\\':
			continue
		}
		if l.at == len(l.in) {
			return l.syntax()
		}
		c = l.in[l.at]
		l.at++
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if _, ok := l.hex4(); !ok {
				return l.syntax()
			}
		default:
			return l.syntax()
		}
	}
	return l.syntax()
}

// hex4 reads the four digits of a \u escape.
func (l *jsonLexer) hex4() (rune, bool) {
	if len(l.in)-l.at < 4 {
		return 0, false
	}
	var r rune
	for _, c := range l.in[l.at : l.at+4] {
		d := hexDigit(c)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	l.at += 4
	return r, true
}

// readString reads a string and appends what it stands for to dst, with the
// rules of jsonb: surrogates come in pairs, and U+0000 cannot be stored.
func (l *jsonLexer) readString(dst []byte) ([]byte, error) {
	start := l.at + 1
	if err := l.skipString(); err != nil {
		return nil, err
	}
	in := l.in[start : l.at-1]
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			dst = append(dst, in[i])
			continue
		}
		i++
		switch in[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, used, err := l.unicode(in[i:])
			if err != nil {
				return nil, err
			}
			dst = utf8.AppendRune(dst, r)
			i += used - 1
		default:
			dst = append(dst, in[i])
		}
	}
	return dst, nil
}

// unicode reads uXXXX, and the other half of a surrogate pair, and returns the
// number of bytes they take.
func (l *jsonLexer) unicode(in []byte) (r rune, used int, err error) {
	sub := jsonLexer{in: in, at: 1}
	r, _ = sub.hex4()
	if r == 0 {
		return 0, 0, invalid(stateEscape, "unsupported Unicode escape sequence")
	}
	if !utf16.IsSurrogate(r) {
		return r, sub.at, nil
	}
	if sub.at+6 <= len(in) && in[sub.at] == '\\' && in[sub.at+1] == 'u' {
		sub.at += 2
		low, _ := sub.hex4()
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, sub.at, nil
		}
	}
	return 0, 0, l.syntax()
}
