package shape

import (
	"bytes"
	"encoding/binary"
)

const (
	// maxName is the longest identifier and operator, in bytes (NAMEDATALEN - 1).
	maxName = 63
	// keepLiterals and keepBytes bound what a Scanner keeps between two texts.
	keepLiterals = 16 << 10
	keepBytes    = 1 << 20
	// keepWords bounds the words a Scanner remembers so as not to allocate them again.
	keepWords = 1 << 10
)

// A Scanner turns texts into statements. It keeps its buffers, so that it
// allocates nothing once they have grown. One goroutine may use it at a time.
type Scanner struct {
	seed  [2]uint64
	words map[string]string

	lex     lexer
	matcher Matcher

	statements []Statement
	slots      []Slot
	literals   []Literal
	// slotEnds has for each statement where its slots end, literalEnds for each slot where its literals end.
	slotEnds, literalEnds []int

	// shape is the shape of the open statement: its tokens, each with a mark for its kind.
	shape []byte
	// buf holds a word or a decoded string for a moment.
	buf []byte

	open state
}

// state is what is known of the statement that is being scanned.
type state struct {
	Statement
	started bool
	// depth counts the parentheses and brackets that are open.
	depth int
	// tokens counts the tokens since the first word, that one included.
	tokens int
	// body says that strings hold code: the statement is DO or CREATE.
	body bool
	// create says that BEGIN ATOMIC takes the rest of the text; atomic that it has come.
	create, atomic bool
	// last is the token before this one, sign where it is a sign.
	last last
	sign int
}

// last is what the next token must know of the one before it.
type last uint8

const (
	lastOther last = iota
	lastDot
	lastBegin
	lastSign
)

// NewScanner returns a Scanner whose hashes depend on the seed. Hashes of two
// Scanners agree if their seeds do. The seed must be random and secret:
// clients who know it could look for statements that share a hash.
func NewScanner(seed [2]uint64) *Scanner {
	return &Scanner{seed: seed, words: make(map[string]string)}
}

// Scan splits a text into statements, each with its shape and its slots. Empty
// statements are left out. The text is UTF-8, or in another encoding whose
// multibyte characters hold no ASCII bytes; m may be nil. The result is valid
// until the next Scan.
//
// The error is an [*Error]: PostgreSQL would not read this text, or might read
// it differently.
//
// An identifier with U& escapes reaches m as it is meant. Words inside
// dollar-quoted strings count as words of the statement; in DO and CREATE those
// inside every string do. They reach m folded and as they are written, since
// a quote may stand around them.
func (s *Scanner) Scan(sql []byte, standardConformingStrings bool, m Matcher) ([]Statement, error) {
	s.reset()
	if i := bytes.IndexByte(sql, 0); i >= 0 {
		return nil, &Error{Offset: i, Reason: "a zero byte"}
	}
	s.lex = lexer{sql: sql, conforming: standardConformingStrings}
	s.matcher = m
	defer func() { s.lex.sql, s.matcher = nil, nil }()
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch {
		case t.kind == tokEnd:
			s.finish()
			s.link()
			return s.statements, nil
		case s.is(t, ';') && s.open.depth == 0 && !s.open.atomic:
			s.finish()
		default:
			if err := s.add(t); err != nil {
				return nil, err
			}
		}
	}
}

// reset forgets the text before, and buffers that a huge one left behind.
func (s *Scanner) reset() {
	if cap(s.literals) > keepLiterals || cap(s.slots) > keepLiterals || cap(s.statements) > keepLiterals {
		s.literals, s.slots, s.statements, s.slotEnds, s.literalEnds = nil, nil, nil, nil, nil
	}
	if cap(s.shape) > keepBytes || cap(s.buf) > keepBytes {
		s.shape, s.buf = nil, nil
	}
	s.statements, s.slots, s.literals = s.statements[:0], s.slots[:0], s.literals[:0]
	s.slotEnds, s.literalEnds = s.slotEnds[:0], s.literalEnds[:0]
	s.begin()
}

// begin makes ready for the next statement.
func (s *Scanner) begin() {
	s.shape = s.shape[:0]
	s.open = state{sign: -1}
}

// finish closes the open statement, if there is one.
func (s *Scanner) finish() {
	if s.open.started {
		s.open.Hash = sipHash(s.seed, s.shape)
		s.statements = append(s.statements, s.open.Statement)
		s.slotEnds = append(s.slotEnds, len(s.slots))
	}
	s.begin()
}

// link hands the slots to their statements and the literals to their slots,
// now that the buffers grow no more.
func (s *Scanner) link() {
	from := 0
	for i := range s.slots {
		to := s.literalEnds[i]
		s.slots[i].Literals = s.literals[from:to:to]
		from = to
	}
	from = 0
	for i := range s.statements {
		to := s.slotEnds[i]
		s.statements[i].Slots = s.slots[from:to:to]
		from = to
	}
}

// is reports whether t is the one-byte operator or punctuation c.
func (s *Scanner) is(t token, c byte) bool {
	return t.kind == tokOperator && t.end == t.start+1 && s.lex.sql[t.start] == c
}

// isWord reports whether t is the unquoted word, which is in lower case.
func (s *Scanner) isWord(t token, word string) bool {
	if t.kind != tokWord || t.end-t.start != len(word) {
		return false
	}
	for i := range len(word) {
		if s.lex.sql[t.start+i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// next returns the next token. The UESCAPE behind a U& token belongs to it.
func (s *Scanner) next() (token, error) {
	t, err := s.lex.next()
	if err != nil || t.kind != tokUnicode && t.kind != tokUnicodeQuoted {
		return t, err
	}
	return t, s.lex.takeUEscape(&t)
}

// add takes a token into the open statement.
func (s *Scanner) add(t token) error {
	o := &s.open
	if !o.started {
		o.started, o.Start = true, t.start
	}
	o.End = t.end
	before, sign := o.last, o.sign
	o.last, o.sign = lastOther, -1
	switch t.kind {
	case tokWord, tokNational, tokQuoted, tokUnicodeQuoted:
		return s.addWord(t, before)
	case tokOperator:
		s.addOperator(t)
	case tokParam:
		o.Params = max(o.Params, int(t.extra))
		s.shape = binary.LittleEndian.AppendUint32(append(s.shape, 'p'), uint32(t.extra))
	default:
		if before != lastSign {
			sign = -1
		}
		return s.addLiteral(t, sign)
	}
	if o.tokens > 0 {
		o.tokens++
	}
	return nil
}

// addOperator takes an operator or punctuation.
func (s *Scanner) addOperator(t token) {
	o, text := &s.open, s.lex.sql[t.start:t.end]
	s.shape = append(append(append(s.shape, 'o'), text...), 0)
	if len(text) > 1 {
		return
	}
	switch text[0] {
	case '(', '[':
		o.depth++
	case ')', ']':
		o.depth = max(o.depth-1, 0)
	case '.':
		o.last = lastDot
	case '+', '-':
		o.last, o.sign = lastSign, t.start
	}
}

// addLiteral takes a literal outside a list as a slot.
func (s *Scanner) addLiteral(t token, sign int) error {
	lit := Literal{Start: t.start, End: t.end, Kind: s.kind(t, false)}
	slot := Slot{Form: Single, Start: t.start, End: t.end, Sign: t.start}
	if sign >= 0 && (lit.Kind == Integer || lit.Kind == Float) {
		slot.Sign = sign
	}
	s.literals = append(s.literals, lit)
	s.slots = append(s.slots, slot)
	s.literalEnds = append(s.literalEnds, len(s.literals))
	s.shape = append(s.shape, 's', byte(lit.Kind))
	if s.open.tokens > 0 {
		s.open.tokens++
	}
	return s.matchBody(t)
}

// kind returns the kind of a literal token. negative says that a minus stands before it.
func (s *Scanner) kind(t token, negative bool) Kind {
	switch t.kind {
	case tokInteger:
		if fitsInt8(s.lex.sql[t.start:t.end], negative) {
			return Integer
		}
		return Float
	case tokFloat:
		return Float
	case tokBits:
		return Bits
	}
	return String
}

// addWord takes an identifier or a keyword, and the list behind IN and VALUES.
func (s *Scanner) addWord(t token, before last) error {
	o := &s.open
	mark := byte('w')
	if t.kind == tokQuoted || t.kind == tokUnicodeQuoted {
		mark = 'q'
	}
	s.shape = append(s.shape, mark)
	from := len(s.shape)
	var err error
	if s.shape, err = s.lex.appendWord(s.shape, t); err != nil {
		return err
	}
	word := s.shape[from:]
	s.match(word)
	s.count(word, mark == 'w')
	s.shape = append(s.shape, 0)
	if t.kind != tokWord {
		return nil
	}
	switch {
	case o.create && s.isWord(t, "begin"):
		o.last = lastBegin
	case before == lastBegin && s.isWord(t, "atomic"):
		o.atomic = true
	case before == lastDot: // a name, even if it reads "in" or "values"
	case s.isWord(t, "in"):
		return s.list()
	case s.isWord(t, "values"):
		return s.rows()
	}
	return nil
}

// count notes the first two words of a statement.
func (s *Scanner) count(word []byte, unquoted bool) {
	o := &s.open
	if o.tokens == 0 {
		if !unquoted || !s.onlyParentheses() {
			o.tokens = 2 // there is no first word
			return
		}
		o.First = s.intern(word)
		o.create = o.First == "create"
		o.body = o.create || o.First == "do"
	} else if o.tokens == 1 {
		o.Second = s.intern(word)
	}
	o.tokens++
}

// onlyParentheses reports whether nothing but ( stands before the word that
// was just added to the shape.
func (s *Scanner) onlyParentheses() bool {
	rest := s.shape
	for len(rest) > 3 && rest[0] == 'o' && rest[1] == '(' {
		rest = rest[3:]
	}
	return rest[0] == 'w'
}

// intern returns word as a string, the same one for a word seen before.
func (s *Scanner) intern(word []byte) string {
	if known, ok := s.words[string(word)]; ok {
		return known
	}
	if len(s.words) >= keepWords {
		clear(s.words)
	}
	w := string(word)
	s.words[w] = w
	return w
}

// match asks the Matcher.
func (s *Scanner) match(word []byte) {
	if s.matcher != nil {
		s.open.Flags |= s.matcher.Match(word)
	}
}
