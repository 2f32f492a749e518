package shape

import "bytes"

// appendWord appends an identifier or keyword as PostgreSQL reads it.
func (l *lexer) appendWord(dst []byte, t token) ([]byte, error) {
	from := len(dst)
	switch t.kind {
	case tokNational:
		return append(dst, "nchar"...), nil
	case tokWord:
		dst = appendFolded(dst, l.sql[t.start:t.end])
	case tokQuoted:
		dst = appendUndoubled(dst, l.sql[t.start+1:t.end-1], '"')
	default:
		var err error
		if dst, err = l.appendUnicodeName(dst, t); err != nil {
			return dst, err
		}
	}
	return dst[:from+clip(dst[from:])], nil
}

// appendFolded appends a word in lower case. Like the server with UTF-8 it folds ASCII only.
func appendFolded(dst, word []byte) []byte {
	from := len(dst)
	dst = append(dst, word...)
	for i, c := range dst[from:] {
		if 'A' <= c && c <= 'Z' {
			dst[from+i] = c | 0x20
		}
	}
	return dst
}

// appendUndoubled appends text with every doubled quote made one.
func appendUndoubled(dst, text []byte, quote byte) []byte {
	for {
		i := bytes.IndexByte(text, quote)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i+1]...)
		text = text[i+2:]
	}
}

// clip returns how much of a name the server keeps: the whole characters in its first 63 bytes.
func clip(name []byte) int {
	if len(name) <= maxName {
		return len(name)
	}
	n := 0
	for {
		w := charLen(name[n])
		if n+w > maxName {
			return n
		}
		n += w
	}
}

// charLen returns the length of the UTF-8 character that begins with c, as PostgreSQL reckons it.
func charLen(c byte) int {
	switch {
	case c&0xe0 == 0xc0:
		return 2
	case c&0xf0 == 0xe0:
		return 3
	case c&0xf8 == 0xf0:
		return 4
	}
	return 1
}

// matchBody matches the words inside a string that may hold code.
func (s *Scanner) matchBody(t token) error {
	if s.matcher == nil || t.kind != tokDollar && !s.open.body {
		return nil
	}
	switch t.kind {
	case tokDollar:
		return s.matchWords(dollarContent(s.lex.sql[t.start:t.end]))
	case tokString, tokEscape, tokUnicode:
		var err error
		s.buf, err = s.lex.appendString(s.buf[:0], t)
		if err != nil {
			return err
		}
		return s.matchWords(s.buf)
	}
	return nil
}

// matchWords matches every word of a text in whatever language: folded, as it
// is written, and in the pieces between dollar signs, because $tag$ may stand
// before it. What stands between double quotes is matched whole too.
func (s *Scanner) matchWords(text []byte) error {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case classes[c] == classIdent:
			end := i + 1
			for end < len(text) && isIdentPart(text[end]) {
				end++
			}
			s.matchSpelled(text[i:end])
			i = end
		case c == '"':
			if err := s.matchQuoted(text, i); err != nil {
				return err
			}
			i++
		default:
			i++
		}
	}
	return nil
}

// matchSpelled matches a run of letters, digits and dollar signs.
func (s *Scanner) matchSpelled(run []byte) {
	s.matchBoth(run)
	for bytes.IndexByte(run, '$') >= 0 {
		piece, rest, _ := bytes.Cut(run, []byte("$"))
		s.matchBoth(piece)
		if run = rest; bytes.IndexByte(run, '$') < 0 {
			s.matchBoth(run)
		}
	}
}

// matchBoth matches a word folded and as it is written.
func (s *Scanner) matchBoth(word []byte) {
	if len(word) == 0 {
		return
	}
	// The tail of the shape is scratch space: buf may hold the text itself.
	from := len(s.shape)
	s.shape = appendFolded(s.shape, word)
	folded := s.shape[from:]
	s.match(folded[:clip(folded)])
	if !bytes.Equal(folded, word) {
		s.match(word[:clip(word)])
	}
	s.shape = s.shape[:from]
}

const (
	// quotedWindow and unicodeWindow bound how far the end of a quoted identifier
	// is looked for in code, or a body full of quotes would cost the square of
	// its length. A name has 63 bytes, each of which takes 2 or 8 to write.
	quotedWindow  = 2*maxName + 2
	unicodeWindow = 8*maxName + 64
)

// matchQuoted matches what stands between the double quote at i and the next
// one, as a plain or as a U& identifier.
func (s *Scanner) matchQuoted(text []byte, i int) error {
	if i >= 2 && text[i-1] == '&' && text[i-2]|0x20 == 'u' {
		return s.matchUnicode(text, i-2)
	}
	l := lexer{sql: text[:min(len(text), i+quotedWindow)], pos: i}
	t := token{kind: tokQuoted, start: i}
	var err error
	if t.end, err = l.identifier(i + 1); err != nil {
		s.matchLong(l.sql[i+1:])
		return nil
	}
	return s.matchIn(&l, t)
}

// matchUnicode matches the U& identifier at i. In code that cannot be read
// there may be any name, so that is an error.
func (s *Scanner) matchUnicode(text []byte, i int) error {
	l := lexer{sql: text[:min(len(text), i+unicodeWindow)], pos: i, conforming: true}
	t, err := l.next()
	if err != nil {
		return err
	}
	l.sql = text // UESCAPE may stand behind a long comment
	if err := l.takeUEscape(&t); err != nil {
		return err
	}
	return s.matchIn(&l, t)
}

// matchIn matches an identifier or keyword without taking it into the shape.
func (s *Scanner) matchIn(l *lexer, t token) error {
	from := len(s.shape)
	var err error
	if s.shape, err = l.appendWord(s.shape, t); err == nil {
		s.match(s.shape[from:])
	}
	s.shape = s.shape[:from]
	return err
}

// matchLong matches what the server would keep of a name that goes on beyond text.
func (s *Scanner) matchLong(text []byte) {
	from := len(s.shape)
	for i := 0; i < len(text); i++ {
		s.shape = append(s.shape, text[i])
		if text[i] == '"' {
			i++
		}
	}
	if name := s.shape[from:]; len(name) > 0 {
		s.match(name[:clip(name)])
	}
	s.shape = s.shape[:from]
}

// dollarContent returns what stands between the tags of $tag$x$tag$.
func dollarContent(text []byte) []byte {
	tag := bytes.IndexByte(text[1:], '$') + 2
	return text[tag : len(text)-tag]
}
