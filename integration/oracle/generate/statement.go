package generate

import "strings"

// Statement is one that was generated.
type Statement struct {
	SQL    string
	Params [][]byte
	// Ordered says that the order of its rows is decided.
	Ordered bool
	// Writes says that it may change tables, Explains that its rows are those of EXPLAIN.
	Writes, Explains bool
	// Constructs are what it is made of.
	Constructs []string
	// Taken are the choices that make it again.
	Taken []uint32
}

// Statement writes the statement that choices lead to.
func (w *World) Statement(c *Choices) Statement {
	const depth = 2
	s := &statement{Choices: c, w: w, useParams: c.Chance(35), wild: c.Chance(18)}
	out := Statement{}
	switch s.Weighted(60, 34, 2, 2, 2) {
	case 1:
		out.SQL, out.Writes = s.write(depth), true
	case 2:
		s.tag("EXPLAIN")
		text, _ := s.selection(depth)
		out.SQL, out.Explains = "EXPLAIN (COSTS OFF) "+text, true
	case 3:
		s.tag("CREATE TABLE AS")
		text, _ := s.selection(1)
		out.SQL, out.Writes = "CREATE TABLE copy1 AS "+text, true
	case 4:
		s.tag("SELECT INTO")
		from, sc := s.from(nil, 1)
		items, _ := s.columnItems(sc, 2)
		out.SQL, out.Writes = "SELECT "+items+" INTO copy2 FROM "+from, true
	default:
		out.SQL, out.Ordered = s.selection(depth)
	}
	if s.useParams && len(s.params) > 0 {
		s.tag("parameters")
	}
	for _, tag := range s.tags {
		out.Writes = out.Writes || strings.HasPrefix(tag, "data-modifying")
	}
	out.Params, out.Constructs, out.Taken = s.params, s.tags, c.Taken()
	return out
}
