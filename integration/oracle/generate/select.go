package generate

import (
	"fmt"
	"strings"
)

// selection writes a SELECT as a client would send it, and says whether the
// order of its rows is decided.
func (s *statement) selection(depth int) (text string, ordered bool) {
	with := s.with(depth)
	switch s.Weighted(50, 15, 12, 8, 5, 4, 3) {
	case 1:
		text, _ = s.grouped(nil, depth)
		return with + text, false
	case 2:
		text, _ = s.setOperation(depth)
		return with + text, false
	case 3:
		return with + s.distinct(depth), false
	case 4:
		return with + s.distinctOn(depth), false
	case 5:
		s.tag("SELECT of literals")
		return with + "SELECT " + s.literal(Sort{Type: Text}, false) + ", " + s.literal(Sort{Type: Date}, false) + "::date", false
	case 6:
		s.tag("TABLE")
		return with + "TABLE " + pick(s.Choices, s.w.Tables).Ref(), false
	}
	text, ordered = s.simple(depth)
	return with + text, ordered
}

// simple writes SELECT … FROM … WHERE … ORDER BY … LIMIT … FOR ….
func (s *statement) simple(depth int) (string, bool) {
	from, sc := s.from(nil, depth)
	text := "SELECT " + s.items(sc, depth) + " FROM " + from
	if s.Chance(75) {
		text += " WHERE " + s.condition(sc, depth)
	}
	keys := sc.keys()
	if keys == "" || !s.Chance(45) {
		return text + s.locking(sc), false
	}
	s.tag("ORDER BY")
	order := keys
	if col, sort, ok := s.column(sc, func(o Sort) bool { return !o.protected() || s.wild && s.Chance(20) }); ok && s.Chance(50) {
		if sort.protected() {
			s.tag("wild ORDER BY")
		}
		// By a bare name ORDER BY may mean a column of the output.
		order = col + pick(s.Choices, []string{"", " DESC", " NULLS FIRST"}) + ", " + order
	}
	text += " ORDER BY " + order
	switch s.Weighted(50, 30, 10, 10) {
	case 1:
		s.tag("LIMIT")
		text += fmt.Sprintf(" LIMIT %d", s.N(6))
	case 2:
		s.tag("OFFSET")
		text += fmt.Sprintf(" LIMIT %d OFFSET %d", 1+s.N(5), s.N(4))
	case 3:
		s.tag("FETCH")
		text += fmt.Sprintf(" FETCH FIRST %d ROWS ONLY", 1+s.N(4))
	}
	return text + s.locking(sc), true
}

func (s *statement) locking(sc *scope) string {
	if len(sc.rels) != 1 || sc.rels[0].table == nil || sc.rels[0].table.base != "" || !s.Chance(8) {
		return ""
	}
	s.tag("FOR UPDATE")
	return pick(s.Choices, []string{" FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE NOWAIT"})
}

// items writes the output of a SELECT.
func (s *statement) items(sc *scope, depth int) string {
	switch s.Weighted(60, 20, 15) {
	case 1:
		s.tag("*")
		return "*"
	case 2:
		if r := pick(s.Choices, sc.rels); r.ref != "" {
			s.tag("t.*")
			return r.ref + ".*"
		}
	}
	var items []string
	for range 1 + s.N(4) {
		text, _ := s.expression(sc, depth)
		if s.Chance(25) {
			text += " AS " + Ident(pick(s.Choices, columnNames()))
		}
		items = append(items, text)
	}
	return strings.Join(items, ", ")
}

func (s *statement) distinct(depth int) string {
	s.tag("DISTINCT")
	from, sc := s.from(nil, depth-1)
	var items []string
	for range 1 + s.N(3) {
		if text, sort, ok := s.column(sc, func(o Sort) bool { return o.searchable() || s.wild }); ok {
			items = append(items, text)
			if sort.protected() {
				s.tag("DISTINCT of a protected column")
			}
		}
	}
	if len(items) == 0 {
		items = []string{"1"}
	}
	text := "SELECT DISTINCT " + strings.Join(items, ", ") + " FROM " + from
	if s.Chance(50) {
		text += " WHERE " + s.condition(sc, depth-1)
	}
	return text
}

func (s *statement) distinctOn(depth int) string {
	from, sc := s.from(nil, 0)
	keys := sc.keys()
	on, sort, ok := s.column(sc, func(o Sort) bool { return !o.protected() || o.Equality && s.Chance(30) })
	if keys == "" || !ok {
		return s.distinct(depth)
	}
	s.tag("DISTINCT ON")
	if sort.protected() {
		s.tag("DISTINCT ON a protected column")
	}
	items, _ := s.columnItems(sc, 1+s.N(2))
	return "SELECT DISTINCT ON (" + on + ") " + items + " FROM " + from + " ORDER BY " + on + ", " + keys
}

// with writes WITH, or nothing.
func (s *statement) with(depth int) string {
	if depth <= 0 || !s.Chance(15) {
		return ""
	}
	var parts []string
	recursive := ""
	for range 1 + s.N(2) {
		name := s.alias()
		if s.Chance(10) {
			s.tag("CTE shadows a table")
			name = Ident(pick(s.Choices, s.w.Tables).Name)
			if s.shadowedRef(name) {
				continue
			}
		}
		switch s.Weighted(60, 15, 15) {
		case 1:
			text, cols := s.recursive(name)
			recursive = "RECURSIVE "
			parts = append(parts, name+" AS ("+text+")")
			s.ctes = append(s.ctes, rel{ref: name, cols: cols})
		case 2:
			s.tag("data-modifying CTE")
			text, cols := s.returningWrite()
			parts = append(parts, name+" AS ("+text+")")
			s.ctes = append(s.ctes, rel{ref: name, cols: cols})
		default:
			s.tag("CTE")
			text, cols := s.query(nil, depth-1)
			parts = append(parts, name+" AS "+pick(s.Choices, []string{"", "MATERIALIZED ", "NOT MATERIALIZED "})+"("+text+")")
			s.ctes = append(s.ctes, rel{ref: name, cols: cols})
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "WITH " + recursive + strings.Join(parts, ", ") + " "
}

func (s *statement) shadowedRef(ref string) bool {
	for _, c := range s.ctes {
		if c.ref == ref {
			return true
		}
	}
	return false
}

// recursive walks from ids to refs.
func (s *statement) recursive(name string) (string, []Column) {
	s.tag("recursive CTE")
	t := pick(s.Choices, s.w.Tables)
	col := pick(s.Choices, t.Columns[2:])
	ref := "b." + Ident(col.Name)
	again := ref
	if s.Chance(40) {
		again = "r.v"
	}
	union := "UNION ALL"
	if col.searchable() && s.Chance(25) {
		union = "UNION"
	}
	table := t.Ref()
	if t.Schema == "public" {
		table = "public." + table
	}
	text := fmt.Sprintf("SELECT b.id AS id, 1 AS n, %s AS v FROM %s AS b WHERE b.id <= %d %s SELECT b.id, r.n + 1, %s FROM %s AS b JOIN %s AS r ON b.ref = r.id WHERE r.n < 3",
		ref, table, 1+s.N(3), union, again, table, name)
	return text, []Column{{Name: "id", Sort: Sort{Type: Int4}}, {Name: "n", Sort: Sort{Type: Int4}}, {Name: "v", Sort: col.Sort}}
}
