package generate

import (
	"fmt"
	"strings"
)

// selection writes a SELECT as a client would send it, and says whether the
// order of its rows is decided.
func (s *statement) selection(depth int) (text string, ordered bool) {
	with := s.with(depth)
	switch s.Weighted(50, 15, 12, 8, 5, 4, 3, 3, 3) {
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
	case 7:
		s.tag("VALUES alone")
		sort := Sort{Type: pick(s.Choices, []Type{Text, Int4, Date})}
		return with + "VALUES (" + s.literal(sort, false) + ", 1), (" + s.literal(sort, false) + ", " + pick(s.Choices, []string{"2", "NULL"}) + ") ORDER BY 2", false
	case 8:
		if text, ok := s.windows(); ok {
			return with + text, false
		}
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
		order = col + pick(s.Choices, []string{"", " DESC", " NULLS FIRST", " ASC", " DESC NULLS LAST", " USING <"}) + ", " + order
	}
	text += " ORDER BY " + order
	switch s.Weighted(50, 26, 10, 14) {
	case 1:
		s.tag("LIMIT")
		limit := fmt.Sprint(s.N(6))
		if s.useParams && s.Chance(30) {
			s.tag("LIMIT parameter")
			s.params, s.sorts = append(s.params, []byte(limit)), append(s.sorts, Sort{Type: Int8, Container: true})
			limit = fmt.Sprintf("$%d", len(s.params))
		}
		text += " LIMIT " + limit
	case 2:
		s.tag("OFFSET")
		text += fmt.Sprintf(" LIMIT %d OFFSET %d", 1+s.N(5), s.N(4))
	case 3:
		s.tag("FETCH")
		text += fmt.Sprintf(" FETCH FIRST %d ROWS %s", 1+s.N(4), pick(s.Choices, []string{"ONLY", "ONLY", "WITH TIES"}))
		if strings.HasSuffix(text, "TIES") {
			return text, true // takes no SKIP LOCKED
		}
	}
	return text + s.locking(sc), true
}

func (s *statement) locking(sc *scope) string {
	if len(sc.rels) != 1 || sc.rels[0].table == nil || sc.rels[0].table.base != "" || !s.Chance(8) {
		return ""
	}
	s.tag("FOR UPDATE")
	return pick(s.Choices, []string{" FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE NOWAIT", " FOR KEY SHARE SKIP LOCKED", " FOR UPDATE OF " + sc.rels[0].ref})
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
	if s.Chance(35) {
		recursive = "RECURSIVE "
	}
	for range 1 + s.N(2) {
		name := s.alias()
		if recursive == "" && s.Chance(15) {
			s.tag("CTE shadows a table")
			name = Ident(pick(s.Choices, s.w.Tables).Name)
			if s.shadowedRef(name) {
				continue
			}
		}
		kind := s.Weighted(60, 15, 15)
		if recursive != "" && s.Chance(70) {
			kind = 1
		}
		switch {
		case kind == 1 && recursive != "":
			text, cols := s.recursive(name)
			parts = append(parts, name+" AS ("+text+")"+s.searchOrCycle())
			s.ctes = append(s.ctes, rel{ref: name, cols: cols})
		case kind == 2:
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

// searchOrCycle writes what may stand behind a recursive CTE.
func (s *statement) searchOrCycle() string {
	if !s.Chance(15) {
		return ""
	}
	s.tag("SEARCH and CYCLE")
	return pick(s.Choices, []string{
		" SEARCH DEPTH FIRST BY id SET ord", " SEARCH BREADTH FIRST BY id, n SET ord", " CYCLE id SET again USING path", " CYCLE v SET again USING path",
		" CYCLE id, n SET again TO 'y' DEFAULT 'n' USING path",
	})
}

// windows writes window functions over named windows.
func (s *statement) windows() (string, bool) {
	from, sc := s.from(nil, 0)
	keys := sc.keys()
	part, sort, ok := s.column(sc, searchable)
	if keys == "" || !ok {
		return "", false
	}
	s.tag("WINDOW clause")
	if sort.protected() {
		s.tag("PARTITION BY a protected column")
	}
	col, _, _ := s.column(sc, anySort)
	f := pick(s.Choices, []string{"lag(" + col + ")", "first_value(" + col + ")", "count(" + col + ")", "nth_value(" + col + ", 2)", "rank()"})
	return "SELECT " + keys + ", " + f + " OVER w, count(*) OVER (w" + s.frame() + ") FROM " + from +
		" WINDOW w AS (PARTITION BY " + part + " ORDER BY " + keys + ")", true
}
