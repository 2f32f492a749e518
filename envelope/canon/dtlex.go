package canon

// A fieldKind is what a piece of a date, time or interval looks like.
type fieldKind uint8

const (
	// fieldNumber is digits, perhaps with a point.
	fieldNumber fieldKind = iota + 1
	// fieldDate is digits with delimiters or text among them; a zone's name too.
	fieldDate
	// fieldTime is digits with colons.
	fieldTime
	// fieldWord is letters.
	fieldWord
	// fieldSigned is letters after a sign.
	fieldSigned
	// fieldZone is digits after a sign: a zone, or a signed number.
	fieldZone
)

const (
	maxFields = 25
	// Inputs longer than these are refused by PostgreSQL, white space not counted.
	maxDateText     = 129
	maxTimeText     = 128 + maxFields
	maxIntervalText = 256
)

// A field is a piece of the text; its bytes are buf[start:end] of the fields.
type field struct {
	kind       fieldKind
	start, end uint16
}

// fields is the text in pieces, in lower case.
type fields struct {
	buf  [maxIntervalText]byte
	used int
	list [maxFields]field
	n    int
}

func (f *fields) text(i int) []byte { return f.buf[f.list[i].start:f.list[i].end] }

// A fieldLexer cuts text into fields.
type fieldLexer struct {
	out   *fields
	in    []byte
	limit int
}

// split cuts text into fields; limit is the size of PostgreSQL's own buffer.
func (f *fields) split(text []byte, limit int) dateError {
	l := fieldLexer{out: f, in: text, limit: limit}
	for len(l.in) > 0 {
		c := l.in[0]
		if isSpace(c) {
			l.in = l.in[1:]
			continue
		}
		if f.n == maxFields {
			return dateFormat
		}
		start := f.used
		kind, ok := l.next(c)
		if !ok {
			return dateFormat
		}
		if kind == 0 {
			continue
		}
		f.list[f.n] = field{kind: kind, start: uint16(start), end: uint16(f.used)}
		f.n++
		// PostgreSQL ends each field with a byte of its own.
		l.limit--
	}
	return dateOK
}

// take moves one byte and then all that more takes, and reports whether there was room.
func (l *fieldLexer) take(more func(byte) bool) bool {
	for {
		if l.out.used+1 >= l.limit || l.out.used >= len(l.out.buf) {
			return false
		}
		c := l.in[0]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		l.out.buf[l.out.used] = c
		l.out.used++
		l.in = l.in[1:]
		if len(l.in) == 0 || !more(l.in[0]) {
			return true
		}
	}
}

func (l *fieldLexer) peek() byte {
	if len(l.in) == 0 {
		return 0
	}
	return l.in[0]
}

// next reads a field that begins with c. Kind 0 is punctuation, which only separates.
func (l *fieldLexer) next(c byte) (fieldKind, bool) {
	switch {
	case isDigit(c):
		return l.number()
	case c == '.':
		return fieldNumber, l.take(isDigit)
	case isAlpha(c):
		return l.word()
	case c == '+' || c == '-':
		return l.signed()
	case c > ' ' && c < 0x7f:
		l.in = l.in[1:]
		return 0, true
	}
	return 0, false
}

func (l *fieldLexer) number() (fieldKind, bool) {
	if !l.take(isDigit) {
		return 0, false
	}
	delim := l.peek()
	switch delim {
	case ':':
		return fieldTime, l.take(func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
	case '-', '/', '.':
	default:
		return fieldNumber, true
	}
	if !l.take(func(byte) bool { return false }) {
		return 0, false
	}
	if c := l.peek(); !isDigit(c) {
		// A month's name may follow, or nothing at all.
		if !isAlpha(c) && c != delim {
			return fieldDate, true
		}
		return fieldDate, l.take(func(c byte) bool { return isDigit(c) || isAlpha(c) || c == delim })
	}
	if !l.take(isDigit) {
		return 0, false
	}
	if l.peek() == delim {
		return fieldDate, l.take(func(c byte) bool { return isDigit(c) || c == delim })
	}
	if delim == '.' {
		return fieldNumber, true
	}
	return fieldDate, true
}

// word reads a word, or a date or a zone's name that begins with one.
func (l *fieldLexer) word() (fieldKind, bool) {
	start := l.out.used
	if !l.take(isAlpha) {
		return 0, false
	}
	switch c := l.peek(); {
	case c == '-' || c == '/' || c == '.':
	case c == '+' || isDigit(c):
		// After a word that is known, as in y2001m02, this begins a new field.
		if _, known := dateWord(l.out.buf[start:l.out.used]); known {
			return fieldWord, true
		}
	default:
		return fieldWord, true
	}
	return fieldDate, l.take(func(c byte) bool {
		switch c {
		case '+', '-', '/', '_', '.', ':':
			return true
		}
		return isDigit(c) || isAlpha(c)
	})
}

func (l *fieldLexer) signed() (fieldKind, bool) {
	if !l.take(func(byte) bool { return false }) {
		return 0, false
	}
	for isSpace(l.peek()) {
		l.in = l.in[1:]
	}
	switch c := l.peek(); {
	case isDigit(c):
		return fieldZone, l.take(func(c byte) bool { return isDigit(c) || c == ':' || c == '.' || c == '-' })
	case isAlpha(c):
		return fieldSigned, l.take(isAlpha)
	}
	return 0, false
}
