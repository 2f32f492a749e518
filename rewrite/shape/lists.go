package shape

import "encoding/binary"

// list takes the literals behind IN as one slot, if there is nothing else
// between its parentheses. If there is, it takes nothing, and the tokens are
// read again one by one.
func (s *Scanner) list() error {
	saved := s.save()
	first, ok, err := s.row(false)
	if !ok || err != nil {
		s.restore(saved)
		return err
	}
	lits := s.literals[first:]
	s.slots = append(s.slots, Slot{
		Form: List, Start: lits[0].Start, End: lits[len(lits)-1].end(), Sign: lits[0].Start,
	})
	s.literalEnds = append(s.literalEnds, len(s.literals))
	s.shape = append(s.shape, "o(\x00lo)\x00"...)
	s.taken()
	return nil
}

// rows takes the rows behind VALUES as one slot, if they hold nothing but
// literals and have one width.
func (s *Scanner) rows() error {
	saved := s.save()
	start, width := -1, 0
	for {
		open := s.lex.pos
		first, ok, err := s.row(true)
		if !ok || err != nil {
			s.restore(saved)
			return err
		}
		if start < 0 {
			start, width = s.rowStart(open), len(s.literals)-first
		}
		if len(s.literals)-first != width {
			s.restore(saved)
			return nil
		}
		after := s.lex.pos
		t, err := s.next()
		if err != nil {
			return err
		}
		if !s.is(t, ',') {
			s.lex.pos = after
			break
		}
	}
	s.slots = append(s.slots, Slot{Form: Rows, Start: start, End: s.lex.pos, Sign: start, Width: width})
	s.literalEnds = append(s.literalEnds, len(s.literals))
	s.shape = binary.LittleEndian.AppendUint32(append(s.shape, 'r'), uint32(width))
	s.taken()
	return nil
}

// rowStart returns where the ( of the row behind pos stands.
func (s *Scanner) rowStart(pos int) int {
	l := s.lex
	l.pos = pos
	_ = l.skip() // it was skipped before
	return l.pos
}

// taken notes that the open statement goes on to where the lexer stands.
func (s *Scanner) taken() {
	s.open.End = s.lex.pos
	s.open.tokens = max(s.open.tokens, 2)
}

// mark is a place to go back to.
type mark struct{ pos, literals int }

func (s *Scanner) save() mark { return mark{s.lex.pos, len(s.literals)} }

func (s *Scanner) restore(m mark) {
	s.lex.pos = m.pos
	s.literals = s.literals[:m.literals]
}

// row reads ( literal, … ). It returns the index of the first literal, and
// false if something else stands there.
func (s *Scanner) row(values bool) (int, bool, error) {
	first := len(s.literals)
	t, err := s.next()
	if err != nil || !s.is(t, '(') {
		return first, false, err
	}
	for {
		ok, t, err := s.element(values)
		if !ok || err != nil {
			return first, false, err
		}
		if s.is(t, ')') {
			return first, true, nil
		}
		if !s.is(t, ',') {
			return first, false, nil
		}
	}
}

// element reads one literal of a list with its sign and its cast, and returns the token behind it.
func (s *Scanner) element(values bool) (bool, token, error) {
	t, err := s.next()
	if err != nil {
		return false, t, err
	}
	lit := Literal{Start: t.start}
	negative := s.is(t, '-')
	if signed := negative || s.is(t, '+'); signed {
		if t, err = s.next(); err != nil || t.kind != tokInteger && t.kind != tokFloat {
			return false, t, err
		}
	}
	if lit.Kind = s.listKind(t, negative, values); lit.Kind == 0 {
		return false, t, nil
	}
	lit.End = t.end
	if err := s.elementWords(t); err != nil {
		return false, t, err
	}
	if t, err = s.next(); err != nil {
		return false, t, err
	}
	if s.isCast(t) {
		if t, err = s.castName(&lit); err != nil || lit.CastEnd == 0 {
			return false, t, err
		}
	}
	s.literals = append(s.literals, lit)
	return true, t, nil
}

// listKind returns the kind of a literal of a list, 0 for what is none.
func (s *Scanner) listKind(t token, negative, values bool) Kind {
	switch {
	case t.kind == tokString, t.kind == tokEscape, t.kind == tokDollar, t.kind == tokUnicode,
		t.kind == tokBits, t.kind == tokInteger, t.kind == tokFloat:
		return s.kind(t, negative)
	case s.isWord(t, "null"):
		return Null
	case s.isWord(t, "true"):
		return True
	case s.isWord(t, "false"):
		return False
	case values && s.isWord(t, "default"):
		return Default
	}
	return 0
}

// elementWords matches what is a word, or holds words.
func (s *Scanner) elementWords(t token) error {
	if t.kind == tokWord {
		return s.matchIn(&s.lex, t)
	}
	return s.matchBody(t)
}

func (s *Scanner) isCast(t token) bool {
	return t.kind == tokOperator && t.end == t.start+2 && s.lex.sql[t.start] == ':' && s.lex.sql[t.start+1] == ':'
}

// castName reads name or schema.name into the literal's cast, which stays
// empty if something else stands there. It returns the token behind it.
func (s *Scanner) castName(lit *Literal) (token, error) {
	start := -1
	for range 2 {
		t, err := s.next()
		if err != nil || t.kind != tokWord && t.kind != tokQuoted && t.kind != tokUnicodeQuoted {
			lit.CastStart, lit.CastEnd = 0, 0
			return t, err
		}
		if start < 0 {
			start = t.start
		}
		lit.CastStart, lit.CastEnd = start, t.end
		if err := s.matchIn(&s.lex, t); err != nil {
			return t, err
		}
		if t, err = s.next(); err != nil || !s.is(t, '.') {
			return t, err
		}
	}
	lit.CastStart, lit.CastEnd = 0, 0 // a.b.c is no type
	return token{}, nil
}

// end returns the end of the literal with its cast.
func (l *Literal) end() int { return max(l.End, l.CastEnd) }
