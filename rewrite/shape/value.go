package shape

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// maxBasedDigits is the most digits of a hexadecimal, octal or binary number
// that is too large for int8. PostgreSQL's numeric holds no more decimal ones.
const maxBasedDigits = 131072

// AppendValue appends the value of a literal of the text that was scanned: the
// decoded content of a string, the decimal form of a number with its sign but
// without underscores, the binary digits of a bit string, true or false. NULL
// and DEFAULT have none, which is an error, and so has what PostgreSQL would
// refuse, or read in two ways depending on its version (\v in an E string).
func AppendValue(dst, sql []byte, lit Literal, standardConformingStrings bool) ([]byte, error) {
	switch lit.Kind {
	case True:
		return append(dst, "true"...), nil
	case False:
		return append(dst, "false"...), nil
	}
	l := lexer{sql: sql[:lit.End], pos: lit.Start, conforming: standardConformingStrings}
	negative := l.at(l.pos) == '-'
	if negative || l.at(l.pos) == '+' {
		l.pos++
	}
	t, err := l.next()
	if err != nil {
		return dst, err
	}
	switch {
	case t.kind == tokInteger:
		return l.appendInteger(dst, t, negative)
	case t.kind == tokFloat || t.kind == tokBits:
		return l.appendDigits(dst, t, negative)
	case lit.Kind != String:
		return dst, l.fail(lit.Start, "no value")
	case t.kind == tokUnicode:
		if err := l.takeUEscape(&t); err != nil {
			return dst, err
		}
	case t.kind == tokEscape && l.verticalTab(t):
		return dst, l.fail(t.start, `\v in a string means different things to different server versions`)
	}
	return l.appendString(dst, t)
}

// appendInteger appends an integer in decimal.
func (l *lexer) appendInteger(dst []byte, t token, negative bool) ([]byte, error) {
	text := l.sql[t.start:t.end]
	if v, ok := parseInteger(text); ok {
		if negative && v != 0 {
			dst = append(dst, '-')
		}
		return strconv.AppendUint(dst, v, 10), nil
	}
	if negative {
		dst = append(dst, '-')
	}
	digits, base := splitBase(text)
	if base == 10 {
		return appendWithout(dst, digits, '_'), nil
	}
	if len(digits) > maxBasedDigits {
		return dst, l.fail(t.start, "number too large")
	}
	n, ok := new(big.Int).SetString(string(appendWithout(nil, digits, '_')), base)
	if !ok {
		return dst, l.fail(t.start, "malformed integer")
	}
	return n.Append(dst, 10), nil
}

// appendDigits appends a number with a fraction, or the digits of a bit string.
func (l *lexer) appendDigits(dst []byte, t token, negative bool) ([]byte, error) {
	if t.kind == tokFloat {
		if negative {
			dst = append(dst, '-')
		}
		return appendWithout(dst, l.sql[t.start:t.end], '_'), nil
	}
	from := len(dst)
	dst = l.appendPlain(dst, t.start+2, t.end)
	digits := dst[from:]
	if l.sql[t.start]|0x20 == 'x' {
		return l.appendNibbles(dst[:from], bytes.Clone(digits), t.start)
	}
	for _, c := range digits {
		if c != '0' && c != '1' {
			return dst, l.fail(t.start, "invalid binary digit")
		}
	}
	return dst, nil
}

// appendNibbles appends the four binary digits of each hexadecimal one.
func (l *lexer) appendNibbles(dst, digits []byte, start int) ([]byte, error) {
	for _, c := range digits {
		v := hexValue(c)
		if v < 0 {
			return dst, l.fail(start, "invalid hexadecimal digit")
		}
		for bit := 3; bit >= 0; bit-- {
			dst = append(dst, '0'+byte(v>>bit)&1)
		}
	}
	return dst, nil
}

// appendString appends the content of a string token.
func (l *lexer) appendString(dst []byte, t token) ([]byte, error) {
	switch t.kind {
	case tokString:
		return l.appendPlain(dst, t.start+1, t.end), nil
	case tokDollar:
		return append(dst, dollarContent(l.sql[t.start:t.end])...), nil
	case tokEscape:
		content := t.start + 1
		if l.sql[t.start] != '\'' {
			content++
		}
		return l.appendEscaped(dst, content, t.end), nil
	case tokUnicode:
		return l.appendUnicode(dst, t)
	}
	return dst, l.fail(t.start, "no string")
}

// appendPlain appends a string without escapes: i is behind its first quote, end behind its last.
func (l *lexer) appendPlain(dst []byte, i, end int) []byte {
	for {
		n := bytes.IndexByte(l.sql[i:end], '\'')
		dst = append(dst, l.sql[i:i+n]...)
		i += n + 1
		switch {
		case i >= end:
			return dst
		case l.sql[i] == '\'':
			dst = append(dst, '\'')
			i++
		default:
			i = l.continuation(i)
		}
	}
}

// appendEscaped appends a string with backslash escapes, which were checked
// when it was scanned: i is behind its first quote, end behind its last.
func (l *lexer) appendEscaped(dst []byte, i, end int) []byte {
	for i < end {
		switch c := l.sql[i]; c {
		case '\\':
			e, err := l.escape(i)
			if err != nil {
				return dst
			}
			if e.raw {
				dst = append(dst, byte(e.value))
			} else {
				dst = utf8.AppendRune(dst, e.value)
			}
			i = e.end
		case '\'':
			i++
			switch {
			case i >= end:
			case l.sql[i] == '\'':
				dst = append(dst, '\'')
				i++
			default:
				i = l.continuation(i)
			}
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// verticalTab reports whether an E string holds the escape \v: a vertical tab
// to PostgreSQL since version 16, a v before.
func (l *lexer) verticalTab(t token) bool {
	for i := t.start; i+1 < t.end; i++ {
		if l.sql[i] != '\\' {
			continue
		}
		if l.sql[i+1] == 'v' {
			return true
		}
		i++
	}
	return false
}

// takeUEscape finds the escape character of a U& token behind which the lexer
// stands, and takes the UESCAPE clause into the token, if there is one.
func (l *lexer) takeUEscape(t *token) error {
	t.extra = '\\'
	end := l.pos
	word, err := l.next()
	if err != nil {
		return err
	}
	if word.kind != tokWord || !bytes.EqualFold(l.sql[word.start:word.end], []byte("uescape")) {
		l.pos = end
		return nil
	}
	char, err := l.next()
	if err != nil {
		return err
	}
	if char.kind != tokString && char.kind != tokEscape && char.kind != tokDollar {
		return l.fail(char.start, "UESCAPE without a simple string")
	}
	var room [8]byte
	value, err := l.appendString(room[:0], char)
	if err != nil {
		return err
	}
	if len(value) != 1 || hexValue(value[0]) >= 0 || isSpace(value[0]) ||
		bytes.IndexByte([]byte(`+'"`), value[0]) >= 0 {
		return l.fail(char.start, "invalid Unicode escape character")
	}
	t.extra, t.end = int32(value[0]), char.end
	return nil
}

// appendUnicode appends the content of a U& string.
func (l *lexer) appendUnicode(dst []byte, t token) ([]byte, error) {
	end, err := l.quoted(t.start+3, true)
	if err != nil {
		return dst, err
	}
	from := len(dst)
	dst = l.appendPlain(dst, t.start+3, end)
	return l.unescapeUnicode(dst, from, t)
}

// appendUnicodeName appends the content of a U& identifier.
func (l *lexer) appendUnicodeName(dst []byte, t token) ([]byte, error) {
	end, err := l.identifier(t.start + 3)
	if err != nil {
		return dst, err
	}
	from := len(dst)
	dst = appendUndoubled(dst, l.sql[t.start+3:end-1], '"')
	return l.unescapeUnicode(dst, from, t)
}

// unescapeUnicode replaces the escapes of a U& token in dst[from:], in place:
// no escape is shorter than what it stands for.
func (l *lexer) unescapeUnicode(dst []byte, from int, t token) ([]byte, error) {
	in, out := lexer{sql: dst}, dst[:from]
	escape, first := byte(t.extra), rune(0)
	for i := from; i < len(dst); {
		if dst[i] != escape || in.at(i+1) == escape {
			if first != 0 {
				return dst, l.fail(t.start, "invalid Unicode surrogate pair")
			}
			if dst[i] == escape {
				i++
			}
			out = append(out, dst[i])
			i++
			continue
		}
		r, end := in.hex(i+1, 4)
		ok := end == i+5
		if in.at(i+1) == '+' {
			r, end = in.hex(i+2, 6)
			ok = end == i+8
		}
		switch {
		case !ok, r <= 0, r > utf8.MaxRune:
			return dst, l.fail(t.start, "invalid Unicode escape")
		case (first != 0) != isSecondSurrogate(r):
			return dst, l.fail(t.start, "invalid Unicode surrogate pair")
		case first != 0:
			out = utf8.AppendRune(out, joinSurrogates(first, r))
			first = 0
		case isFirstSurrogate(r):
			first = r
		default:
			out = utf8.AppendRune(out, r)
		}
		i = end
	}
	if first != 0 {
		return dst, l.fail(t.start, "invalid Unicode surrogate pair")
	}
	return out, nil
}

// fitsInt8 reports whether an integer is one to PostgreSQL, and not numeric.
func fitsInt8(text []byte, negative bool) bool {
	v, ok := parseInteger(text)
	return ok && (v <= math.MaxInt64 || negative && v == 1<<63)
}

// parseInteger returns the value of an integer token, false if it takes more than 64 bits.
func parseInteger(text []byte) (uint64, bool) {
	digits, base := splitBase(text)
	v := uint64(0)
	for _, c := range digits {
		if c == '_' {
			continue
		}
		d := uint64(hexValue(c))
		if v > (math.MaxUint64-d)/uint64(base) {
			return 0, false
		}
		v = v*uint64(base) + d
	}
	return v, true
}

// splitBase returns the digits of an integer token and their base.
func splitBase(text []byte) ([]byte, int) {
	if len(text) > 2 {
		switch text[1] | 0x20 {
		case 'x':
			return text[2:], 16
		case 'o':
			return text[2:], 8
		case 'b':
			return text[2:], 2
		}
	}
	return text, 10
}

// appendWithout appends text without the byte drop.
func appendWithout(dst, text []byte, drop byte) []byte {
	for _, c := range text {
		if c != drop {
			dst = append(dst, c)
		}
	}
	return dst
}
