package shape

import (
	"unicode"
	"unicode/utf8"
)

// AppendShown appends a statement of sql to dst in one line, for people:
// without comments, white space as one blank, and, unless literals is set, … in
// the place of every literal, however many a list has. What cannot be printed
// becomes a question mark.
func AppendShown(dst, sql []byte, st *Statement, literals bool) []byte {
	s := shower{dst: dst, text: sql, literals: literals, slots: st.Slots}
	s.lex = lexer{sql: sql[:st.End], pos: st.Start, conforming: true}
	for end := st.Start; ; {
		t, err := s.lex.next()
		if err != nil || t.kind == tokEnd {
			return s.dst // it was scanned before, so there is no error
		}
		if t.start > end {
			s.dst = append(s.dst, ' ')
		}
		end = s.show(t)
	}
}

// shower writes a statement token by token.
type shower struct {
	Scanner
	dst, text []byte
	literals  bool
	// slots are those that have not come yet.
	slots []Slot
	// plain says that TRUE and FALSE are syntax here: IS TRUE, ON true.
	plain bool
}

// show appends a token, or the slot that begins with it, and returns its end.
func (s *shower) show(t token) int {
	plain := s.plain
	s.plain = s.isWord(t, "is") || s.isWord(t, "not") || s.isWord(t, "on")
	if len(s.slots) > 0 && s.slots[0].Start == t.start {
		slot := s.slots[0]
		s.slots, s.lex.pos = s.slots[1:], slot.End
		s.slot(slot)
		return slot.End
	}
	if !s.literals && !plain && (s.isWord(t, "true") || s.isWord(t, "false")) {
		s.dst = append(s.dst, "…"...)
	} else {
		s.print(s.text[t.start:t.end])
	}
	return t.end
}

func (s *shower) slot(slot Slot) {
	switch kind := slot.Literals[0].Kind; {
	case s.literals:
		s.print(s.text[slot.Start:slot.End])
	case slot.Form == Rows:
		s.dst = append(s.dst, "(…)"...)
	case slot.Form == List, kind != String && kind != Bits:
		s.dst = append(s.dst, "…"...)
	default:
		s.dst = append(s.dst, "'…'"...)
	}
}

// print appends text as a terminal may show it.
func (s *shower) print(text []byte) {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			r = ' '
		case r == utf8.RuneError && n == 1 || !unicode.IsPrint(r):
			r = '?'
		}
		s.dst = utf8.AppendRune(s.dst, r)
		text = text[n:]
	}
}
