package shape

import (
	"bytes"
	"fmt"
	"math"
)

// Error says why a text could not be scanned. It holds no part of the text.
type Error struct {
	// Offset is the byte at which the scanner gave up.
	Offset int
	Reason string
}

// Error returns the reason with its place.
func (e *Error) Error() string {
	return fmt.Sprintf("scanning statement at byte %d: %s", e.Offset, e.Reason)
}

// tokenKind says what a token is. Operators and punctuation are one kind: they
// are told apart by their text.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	// tokWord is an unquoted identifier or a keyword.
	tokWord
	// tokNational is the N of N'x'. PostgreSQL reads it as the keyword NCHAR, and 'x' as a string behind it.
	tokNational
	// tokQuoted is "x", tokUnicodeQuoted U&"x".
	tokQuoted
	tokUnicodeQuoted
	// tokString is 'x', tokEscape E'x', tokDollar $$x$$, tokUnicode U&'x'.
	tokString
	tokEscape
	tokDollar
	tokUnicode
	tokBits
	// tokInteger is a number without fraction and exponent, of any size.
	tokInteger
	tokFloat
	tokParam
	tokOperator
)

// token is one token of the text. It has four fields, because the compiler
// keeps no larger struct in registers, and a third of a scan is handing tokens on.
type token struct {
	kind tokenKind
	// extra is the number of a tokParam, and the escape character of a
	// tokUnicode or tokUnicodeQuoted once UESCAPE has been looked for.
	extra      int32
	start, end int
}

// lexer is PostgreSQL's scan.l (version 17), rule by rule. It reads UTF-8 or
// any encoding whose multibyte characters hold no ASCII bytes.
type lexer struct {
	sql []byte
	pos int
	// conforming is standard_conforming_strings: a backslash in '…' is a plain character.
	conforming bool
}

func (l *lexer) fail(offset int, reason string) error {
	return &Error{Offset: offset, Reason: reason}
}

// at returns the byte at i, 0 behind the end. No text holds a 0 byte.
func (l *lexer) at(i int) byte {
	if i < len(l.sql) {
		return l.sql[i]
	}
	return 0
}

// next returns the next token and moves behind it.
func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	start := l.pos
	if start >= len(l.sql) {
		return token{kind: tokEnd, start: start, end: start}, nil
	}
	t, err := l.token(start)
	if err != nil {
		return token{}, err
	}
	t.start = start
	l.pos = t.end
	return t, nil
}

// token reads the token that begins at i.
func (l *lexer) token(i int) (token, error) {
	switch c := l.sql[i]; classes[c] {
	case classIdent:
		return l.word(i)
	case classDigit:
		return l.number(i)
	case classOperator:
		return l.operator(i)
	default:
		switch {
		case c == '\'' && l.conforming:
			end, err := l.quoted(i+1, true)
			return token{kind: tokString, end: end}, err
		case c == '\'':
			end, err := l.escaped(i + 1)
			return token{kind: tokEscape, end: end}, err
		case c == '"':
			end, err := l.identifier(i + 1)
			return token{kind: tokQuoted, end: end}, err
		case c == '$':
			return l.dollar(i)
		case c == '.' && classes[l.at(i+1)] == classDigit:
			return l.number(i)
		case c == '.' && l.at(i+1) == '.', c == ':' && (l.at(i+1) == ':' || l.at(i+1) == '='):
			return token{kind: tokOperator, end: i + 2}, nil
		}
		return token{kind: tokOperator, end: i + 1}, nil
	}
}

// word reads what begins with a letter: a word, or a string with a letter before it.
func (l *lexer) word(i int) (token, error) {
	switch l.at(i + 1) {
	case '\'':
		switch l.sql[i] {
		case 'e', 'E':
			end, err := l.escaped(i + 2)
			return token{kind: tokEscape, end: end}, err
		case 'b', 'B', 'x', 'X':
			end, err := l.quoted(i+2, false)
			return token{kind: tokBits, end: end}, err
		case 'n', 'N':
			return token{kind: tokNational, end: i + 1}, nil
		}
	case '&':
		if l.sql[i]|0x20 != 'u' {
			break
		}
		switch l.at(i + 2) {
		case '"':
			end, err := l.identifier(i + 3)
			return token{kind: tokUnicodeQuoted, end: end}, err
		case '\'':
			if !l.conforming {
				return token{}, l.fail(i, "U& string while standard_conforming_strings is off")
			}
			end, err := l.quoted(i+3, true)
			return token{kind: tokUnicode, end: end}, err
		}
	}
	j := i + 1
	for j < len(l.sql) && isIdentPart(l.sql[j]) {
		j++
	}
	return token{kind: tokWord, end: j}, nil
}

// skip moves over white space and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.sql) {
		switch c := l.sql[l.pos]; {
		case isSpace(c):
			l.pos++
		case c == '-' && l.at(l.pos+1) == '-':
			l.pos = l.lineEnd(l.pos)
		case c == '/' && l.at(l.pos+1) == '*':
			if err := l.comment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// lineEnd returns where the line of i ends.
func (l *lexer) lineEnd(i int) int {
	for i < len(l.sql) && l.sql[i] != '\n' && l.sql[i] != '\r' {
		i++
	}
	return i
}

// comment moves over a /* comment */, in which others may nest.
func (l *lexer) comment() error {
	start, depth := l.pos, 0
	for i := start; i+1 < len(l.sql); {
		switch {
		case l.sql[i] == '/' && l.sql[i+1] == '*':
			depth++
			i += 2
		case l.sql[i] == '*' && l.sql[i+1] == '/':
			depth--
			i += 2
			if depth == 0 {
				l.pos = i
				return nil
			}
		default:
			i++
		}
	}
	return l.fail(start, "unterminated comment")
}

// operator reads a run of operator characters, cut where a comment begins
// and, for SQL's own characters, before a sign: "=-1" is = and -1.
func (l *lexer) operator(i int) (token, error) {
	j, special := i, false
	for j < len(l.sql) && classes[l.sql[j]] == classOperator {
		if j > i && (l.sql[j] == '-' && l.at(j+1) == '-' || l.sql[j] == '/' && l.at(j+1) == '*') {
			break
		}
		j++
	}
	for _, c := range l.sql[i : j-1] {
		special = special || notInSQL(c)
	}
	for !special && j > i+1 && (l.sql[j-1] == '+' || l.sql[j-1] == '-') {
		j--
	}
	if j-i > maxName {
		return token{}, l.fail(i, "operator too long")
	}
	return token{kind: tokOperator, end: j}, nil
}

// notInSQL reports whether an operator that holds c may end with a sign.
func notInSQL(c byte) bool {
	switch c {
	case '~', '!', '@', '#', '^', '&', '|', '`', '?', '%':
		return true
	}
	return false
}

// number reads an integer or a number with a fraction or an exponent. Anything
// that sticks to it is an error, as in PostgreSQL since version 15; before, 1a
// was 1 AS a.
func (l *lexer) number(i int) (token, error) {
	if base := l.at(i+1) | 0x20; l.sql[i] == '0' && (base == 'x' || base == 'o' || base == 'b') {
		end := l.digits(i+2, base)
		if end == i+2 || isIdentPart(l.at(end)) {
			return token{}, l.fail(i, "malformed integer")
		}
		return token{kind: tokInteger, end: end}, nil
	}
	kind := tokInteger
	j := l.digits(i, 0)
	if l.at(j) == '.' {
		if l.at(j+1) == '.' && j > i { // 1..2 is 1, .., 2
			return token{kind: tokInteger, end: j}, nil
		}
		kind = tokFloat
		j = l.digits(j+1, 0)
	}
	if l.at(j)|0x20 == 'e' {
		exponent := j + 1
		if c := l.at(exponent); c == '+' || c == '-' {
			exponent++
		}
		end := l.digits(exponent, 0)
		if end == exponent {
			return token{}, l.fail(i, "trailing junk after number")
		}
		kind, j = tokFloat, end
	}
	if classes[l.at(j)] == classIdent {
		return token{}, l.fail(i, "trailing junk after number")
	}
	return token{kind: kind, end: j}, nil
}

// digits returns the end of the digits at i, which may have single underscores
// between them, and one before the first of a hexadecimal, octal or binary number.
func (l *lexer) digits(i int, base byte) int {
	j := i
	for {
		k := j
		if l.at(k) == '_' && (j > i || base != 0) {
			k++
		}
		if !isDigitOf(l.at(k), base) {
			return j
		}
		j = k + 1
	}
}

// isDigitOf reports whether c is a digit of base x, o or b, or of a decimal number.
func isDigitOf(c, base byte) bool {
	switch base {
	case 'x':
		return hexValue(c) >= 0
	case 'o':
		return '0' <= c && c <= '7'
	case 'b':
		return c == '0' || c == '1'
	}
	return '0' <= c && c <= '9'
}

// dollar reads $1, $$x$$, $tag$x$tag$, or a $ alone.
func (l *lexer) dollar(i int) (token, error) {
	j := i + 1
	if classes[l.at(j)] == classDigit {
		n := 0
		for ; classes[l.at(j)] == classDigit; j++ {
			n = n*10 + int(l.sql[j]-'0')
			if n > math.MaxInt32 {
				return token{}, l.fail(i, "parameter number too large")
			}
		}
		if classes[l.at(j)] == classIdent {
			return token{}, l.fail(i, "trailing junk after parameter")
		}
		return token{kind: tokParam, end: j, extra: int32(n)}, nil
	}
	if classes[l.at(j)] == classIdent {
		for isIdentPart(l.at(j)) && l.sql[j] != '$' {
			j++
		}
	}
	if l.at(j) != '$' {
		return token{kind: tokOperator, end: i + 1}, nil
	}
	j++
	body := bytes.Index(l.sql[j:], l.sql[i:j])
	if body < 0 {
		return token{}, l.fail(i, "unterminated dollar-quoted string")
	}
	return token{kind: tokDollar, end: j + body + j - i}, nil
}

// class sorts bytes by what token they begin.
type class uint8

const (
	classOther class = iota
	classIdent
	classDigit
	classOperator
)

// classes is the class of each byte.
var classes = func() (t [256]class) {
	for c := range t {
		switch b := byte(c); {
		case 'a' <= b|0x20 && b|0x20 <= 'z', b == '_', b >= 0x80:
			t[c] = classIdent
		case '0' <= b && b <= '9':
			t[c] = classDigit
		case bytes.IndexByte([]byte("~!@#^&|`?+-*/%<>="), b) >= 0:
			t[c] = classOperator
		}
	}
	return t
}()

func isIdentPart(c byte) bool {
	k := classes[c]
	return k == classIdent || k == classDigit || c == '$'
}

func isSpace(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '\f', '\v':
		return true
	}
	return false
}
