package shape

// maxDepth bounds how deep a statement may be, in tokens. The grammar builds
// trees of any depth. C code that then walks one of 100,000 operators or writes
// out one of 1,500 queries, one inside the other, runs out of a thread's stack of
// 8 MB, and that ends the process.
const maxDepth = 4_000

// TooDeep reports whether the parse tree of a text may be too deep for the C
// code that reads and writes trees. Whoever parses what a stranger has written
// asks it first.
func TooDeep(sql []byte) bool { return deeper(sql, maxDepth) }

// deeper reports whether the parse tree of a text may be deeper than limit.
// It counts tokens, of which every level of a tree takes at least one, and ten
// for a query; so it errs on the side of yes. What PostgreSQL keeps in lists adds no level: the
// count begins anew at a comma, AND, OR, WHEN, THEN and ELSE. Joins and set
// operations are chains that go on over those.
func deeper(sql []byte, limit int) bool {
	if len(sql) <= limit {
		return false // most are
	}
	d := depth{levels: make([]level, 1, 16)}
	s := Scanner{lex: lexer{sql: sql, conforming: true}}
	for {
		t, err := s.lex.next()
		if err != nil || t.kind == tokEnd {
			break // the grammar stops there too
		}
		d.add(&s, t)
	}
	for len(d.levels) > 1 {
		d.close()
	}
	return d.levels[0].depth() > limit
}

// depth is how deep the tree of the tokens so far may be. Each level is what
// stands between parentheses, brackets, or CASE and END.
type depth struct {
	levels []level
	// dot says that the token before was one, behind which any word is a name.
	dot bool
}

type level struct {
	// tokens is the depth of the list's item that is being read. A chain nests to
	// the left and what stands in a word's operand to the right, so all that the
	// item has adds up.
	tokens int
	// deepest is the depth of the deepest item before.
	deepest int
	// chained counts joins and set operations.
	chained int
}

// queryWeight is how many tokens a query counts: its level takes as much stack
// as those of so many operators.
const queryWeight = 10

// next begins the next item.
func (l *level) next() { l.deepest, l.tokens = max(l.deepest, l.tokens), 0 }

func (l level) depth() int { return max(l.deepest, l.tokens) + l.chained }

func (d *depth) add(s *Scanner, t token) {
	top, name := &d.levels[len(d.levels)-1], d.dot
	d.dot = s.is(t, '.')
	word := func(w string) bool { return !name && s.isWord(t, w) }
	switch {
	case s.is(t, '('), s.is(t, '['), word("case"):
		d.levels = append(d.levels, level{})
	case s.is(t, ')'), s.is(t, ']'), word("end"):
		d.close()
	case s.is(t, ','), word("and"), word("or"), word("when"), word("then"), word("else"):
		top.next()
	case word("join"), word("union"), word("intersect"), word("except"):
		top.next()
		top.chained++
	case word("select"), word("values"), word("with"):
		top.tokens += queryWeight
	default:
		top.tokens++
	}
}

// close ends a level, which becomes part of the item that it stands in.
func (d *depth) close() {
	last := len(d.levels) - 1
	if last == 0 {
		return // END, or a parenthesis that does not match
	}
	d.levels[last-1].tokens += d.levels[last].depth() + 1
	d.levels = d.levels[:last]
}
