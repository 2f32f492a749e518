package shape

// Cut returns where the first statement of a script ends, and where the text
// goes on behind its semicolon. Like psql it knows parentheses and the bodies of
// functions in SQL, and ends a statement at a backslash too, behind which a
// command of psql stands; rest is then the backslash. The last statement needs
// no semicolon.
//
// With an error, which is an [*Error], end and rest are where reading can go on:
// behind the next line that ends with a semicolon.
func Cut(sql []byte) (end, rest int, err error) {
	c := cutter{Scanner: Scanner{lex: lexer{sql: sql, conforming: true}}}
	for {
		t, err := c.lex.next()
		if err != nil {
			end, rest = recoverAt(sql, max(err.(*Error).Offset, 0))
			return end, rest, err
		}
		switch {
		case t.kind == tokEnd, c.is(t, '\\'):
			return t.start, t.start, nil
		case c.is(t, ';') && c.parens == 0 && c.blocks == 0:
			return t.start, t.end, nil
		}
		c.add(t)
	}
}

// cutter counts what may have semicolons inside.
type cutter struct {
	Scanner
	words          int
	create         bool
	parens, blocks int
}

func (c *cutter) add(t token) {
	switch {
	case c.is(t, '('):
		c.parens++
	case c.is(t, ')'):
		c.parens = max(c.parens-1, 0)
	}
	if t.kind != tokWord {
		return
	}
	c.words++
	switch {
	case c.words == 1:
		c.create = c.isWord(t, "create")
	case !c.create:
	case c.isWord(t, "begin"), c.blocks > 0 && c.isWord(t, "case"):
		c.blocks++
	case c.isWord(t, "end"):
		c.blocks = max(c.blocks-1, 0)
	}
}

// recoverAt returns the end of the first line behind an offset that ends with a
// semicolon, and where the next one begins.
func recoverAt(sql []byte, offset int) (end, rest int) {
	last := -1
	for i := offset; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == ';':
			last = i
		case c == '\n' && last >= 0:
			return last, i
		case !isSpace(c):
			last = -1
		}
	}
	if last >= 0 {
		return last, len(sql)
	}
	return len(sql), len(sql)
}
