package shape

import (
	"bytes"
	"unicode/utf8"
)

// quoted returns the end of a string whose content begins at i and in which
// backslashes are plain. doubled says that ” stands for a quote, which is not
// so for bit strings.
func (l *lexer) quoted(i int, doubled bool) (int, error) {
	start := i
	for {
		n := bytes.IndexByte(l.sql[i:], '\'')
		if n < 0 {
			return 0, l.fail(start-1, "unterminated quoted string")
		}
		i += n + 1
		if doubled && l.at(i) == '\'' {
			i++
			continue
		}
		next := l.continuation(i)
		if next < 0 {
			return i, nil
		}
		i = next
	}
}

// continuation returns where the content goes on, if the string that ends at i
// is continued: by another quote with white space between that holds a new
// line. Else -1.
func (l *lexer) continuation(i int) int {
	newline := false
	for i < len(l.sql) {
		switch c := l.sql[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case isSpace(c):
			i++
		case c == '-' && l.at(i+1) == '-':
			i = l.lineEnd(i)
		case c == '\'' && newline:
			return i + 1
		default:
			return -1
		}
	}
	return -1
}

// escaped returns the end of a string with backslash escapes whose content
// begins at i. It refuses what PostgreSQL refuses: malformed \u escapes, and
// bytes escaped one by one that are not UTF-8 together.
func (l *lexer) escaped(i int) (int, error) {
	start, check := i, false
	for i < len(l.sql) {
		switch l.sql[i] {
		case '\\':
			e, err := l.escape(i)
			if err != nil {
				return 0, err
			}
			check = check || e.raw && (e.value == 0 || e.value >= 0x80)
			i = e.end
		case '\'':
			i++
			if l.at(i) == '\'' {
				i++
				continue
			}
			next := l.continuation(i)
			if next >= 0 {
				i = next
				continue
			}
			if check && !l.validEscaped(start, i) {
				return 0, l.fail(start, "escaped bytes are not UTF-8")
			}
			return i, nil
		default:
			i++
		}
	}
	return 0, l.fail(start-1, "unterminated quoted string")
}

// validEscaped reports whether the string whose content begins at i, and which
// ends at end, is UTF-8 without zeros.
func (l *lexer) validEscaped(i, end int) bool {
	value := l.appendEscaped(nil, i, end)
	return utf8.Valid(value) && bytes.IndexByte(value, 0) < 0
}

// backslash is one escape of an E string.
type backslash struct {
	value rune
	// raw says that value is one byte of the result, not a character.
	raw bool
	end int
}

// escape reads the escape at i, both halves of a surrogate pair at once.
func (l *lexer) escape(i int) (backslash, error) {
	switch c := l.at(i + 1); c {
	case 0: // behind the end: the caller finds the string unterminated
		return backslash{value: '\\', end: i + 1}, nil
	case 'u', 'U':
		return l.unicodeEscape(i)
	case 'x':
		v, end := l.hex(i+2, 2)
		if end == i+2 {
			return backslash{value: 'x', raw: true, end: end}, nil
		}
		return backslash{value: v & 0xff, raw: true, end: end}, nil
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v, end := rune(0), i+1
		for ; end < i+4 && '0' <= l.at(end) && l.at(end) <= '7'; end++ {
			v = v<<3 | rune(l.sql[end]-'0')
		}
		return backslash{value: v & 0xff, raw: true, end: end}, nil
	default:
		return backslash{value: rune(unescaped(c)), raw: true, end: i + 2}, nil
	}
}

// unescaped returns what a backslash before c stands for.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	}
	return c
}

// unicodeEscape reads \uXXXX or \UXXXXXXXX, and the second half if it is the
// first of a surrogate pair.
func (l *lexer) unicodeEscape(i int) (backslash, error) {
	first, end := l.codePoint(i)
	switch {
	case end < 0:
		return backslash{}, l.fail(i, "invalid Unicode escape")
	case isSecondSurrogate(first):
		return backslash{}, l.fail(i, "invalid Unicode surrogate pair")
	case isFirstSurrogate(first):
		second, secondEnd := rune(0), -1
		if l.at(end) == '\\' && (l.at(end+1)|0x20) == 'u' {
			second, secondEnd = l.codePoint(end)
		}
		if secondEnd < 0 || !isSecondSurrogate(second) {
			return backslash{}, l.fail(i, "invalid Unicode surrogate pair")
		}
		return backslash{value: joinSurrogates(first, second), end: secondEnd}, nil
	case first <= 0 || first > utf8.MaxRune:
		return backslash{}, l.fail(i, "invalid Unicode escape value")
	}
	return backslash{value: first, end: end}, nil
}

// codePoint reads the digits of the \u or \U at i; the end is -1 if there are too few.
func (l *lexer) codePoint(i int) (rune, int) {
	width := 4
	if l.at(i+1) == 'U' {
		width = 8
	}
	v, end := l.hex(i+2, width)
	if end != i+2+width {
		return 0, -1
	}
	return v, end
}

// hex reads up to width hexadecimal digits. A value over 31 bits is negative.
func (l *lexer) hex(i, width int) (rune, int) {
	v, end := rune(0), i
	for ; end < i+width; end++ {
		d := hexValue(l.at(end))
		if d < 0 {
			break
		}
		v = v<<4 | rune(d)
	}
	return v, end
}

// identifier returns the end of a quoted identifier whose content begins at i.
func (l *lexer) identifier(i int) (int, error) {
	start := i
	for {
		n := bytes.IndexByte(l.sql[i:], '"')
		if n < 0 {
			return 0, l.fail(start-1, "unterminated quoted identifier")
		}
		i += n + 1
		if l.at(i) == '"' {
			i++
			continue
		}
		if i == start+1 {
			return 0, l.fail(start-1, "zero-length quoted identifier")
		}
		return i, nil
	}
}

// hexValue returns the value of a hexadecimal digit, -1 for none.
func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func isFirstSurrogate(r rune) bool  { return 0xD800 <= r && r <= 0xDBFF }
func isSecondSurrogate(r rune) bool { return 0xDC00 <= r && r <= 0xDFFF }

func joinSurrogates(first, second rune) rune {
	return (first&0x3FF)<<10 + 0x10000 + second&0x3FF
}
