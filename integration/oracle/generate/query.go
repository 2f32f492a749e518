package generate

import (
	"fmt"
	"strings"
)

// query writes a query for use inside of a statement: every column of its
// result has a name of its own.
func (s *statement) query(outer *scope, depth int) (string, []Column) {
	if depth > 0 {
		switch s.Weighted(75, 12, 6) {
		case 1:
			return s.setOperation(depth)
		case 2:
			return s.grouped(outer, depth)
		}
	}
	from, sc := s.from(outer, depth)
	items, cols := s.columnItems(sc, 1+s.N(3))
	text := "SELECT " + items + " FROM " + from
	if s.Chance(60) {
		text += " WHERE " + s.condition(sc, depth)
	}
	return text + s.limited(sc), cols
}

// limited ends a query with LIMIT, where an order decides what that gives.
func (s *statement) limited(sc *scope) string {
	keys := sc.keys()
	if keys == "" || !s.Chance(15) {
		return ""
	}
	s.tag("LIMIT in a subquery")
	return " ORDER BY " + keys + fmt.Sprintf(" LIMIT %d", 1+s.N(5))
}

// columnItems writes n expressions with names c0, c1, …
func (s *statement) columnItems(sc *scope, n int) (string, []Column) {
	var items []string
	var cols []Column
	for i := range n {
		text, sort := s.expression(sc, 1)
		name := fmt.Sprintf("c%d", i)
		items = append(items, text+" AS "+name)
		cols = append(cols, Column{Name: name, Sort: sort})
	}
	return strings.Join(items, ", "), cols
}

// querySelecting writes a query whose columns are of given sorts.
func (s *statement) querySelecting(outer *scope, sorts []Sort, depth int) string {
	from, sc := s.from(outer, depth)
	var items []string
	for _, sort := range sorts {
		text, _, ok := s.column(sc, func(o Sort) bool { return o == sort })
		if !ok {
			text, _, ok = s.column(sc, sort.fits)
		}
		switch {
		case !ok && s.Chance(50):
			text = "NULL::" + string(sort.Type)
		case !ok:
			text = s.literal(sort, false)
			if !strings.Contains(text, "::") {
				text += "::" + string(sort.Type)
			}
		}
		items = append(items, text)
	}
	text := "SELECT " + strings.Join(items, ", ") + " FROM " + from
	if s.Chance(60) {
		text += " WHERE " + s.condition(sc, depth-1)
	}
	return text
}

// setOperation combines two queries.
func (s *statement) setOperation(depth int) (string, []Column) {
	from, sc := s.from(nil, depth-1)
	var items []string
	var sorts []Sort
	var cols []Column
	for i := range 1 + s.N(3) {
		text, sort, ok := s.column(sc, func(o Sort) bool { return o.searchable() || s.wild && !o.Container })
		if !ok {
			text, sort = "1", Sort{Type: Int4}
		}
		cols = append(cols, Column{Name: fmt.Sprintf("c%d", i), Sort: sort})
		items, sorts = append(items, fmt.Sprintf("%s AS c%d", text, i)), append(sorts, sort)
	}
	op := pick(s.Choices, []string{"UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"})
	s.tag(op)
	left := "SELECT " + strings.Join(items, ", ") + " FROM " + from
	if s.Chance(40) {
		left += " WHERE " + s.condition(sc, depth-1)
	}
	text := left + " " + op + " " + s.querySelecting(nil, sorts, depth-1)
	if s.Chance(25) {
		op := pick(s.Choices, []string{" UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT "})
		s.tag("several set operations")
		if s.Chance(30) {
			text = "SELECT * FROM (" + s.querySelecting(nil, sorts, 0) + ") AS " + s.alias() + "(" + names(cols) + ")" + op + "(" + text + ")"
		} else {
			text = "(" + text + ")" + op + s.querySelecting(nil, sorts, 0)
		}
	}
	if !sorts[0].protected() && sorts[0].Type != JSONB && s.Chance(15) {
		s.tag("set operation with ORDER BY")
		text += " ORDER BY 1"
	}
	// The types that come of both sides may differ from the left one's.
	return text, cols
}

// grouped writes a query with GROUP BY.
func (s *statement) grouped(outer *scope, depth int) (string, []Column) {
	s.tag("GROUP BY")
	from, sc := s.from(outer, depth-1)
	var keys, items []string
	var cols []Column
	for range 1 + s.N(2) {
		col, sort, ok := s.column(sc, func(o Sort) bool { return o.searchable() || s.wild })
		if !ok {
			continue
		}
		if sort.protected() {
			s.tag("GROUP BY a protected column")
		}
		name := fmt.Sprintf("c%d", len(cols))
		items, cols = append(items, col+" AS "+name), append(cols, Column{Name: name, Sort: sort})
		keys = append(keys, col)
		if s.Chance(20) {
			s.tag("GROUP BY place")
			keys[len(keys)-1] = fmt.Sprint(len(items))
		}
	}
	for range 1 + s.N(2) {
		text, sort := s.aggregate(sc)
		name := fmt.Sprintf("c%d", len(cols))
		items, cols = append(items, text+" AS "+name), append(cols, Column{Name: name, Sort: sort})
	}
	text := " FROM " + from
	if s.Chance(40) {
		text += " WHERE " + s.condition(sc, depth-1)
	}
	if len(keys) > 0 {
		by := strings.Join(keys, ", ")
		if kind := s.Weighted(74, 5, 5, 5, 4, 3, 2); kind > 0 {
			s.tag("grouping sets")
			by = []string{
				"ROLLUP (" + by + ")", "CUBE (" + by + ")", "GROUPING SETS ((" + by + "), ())", "GROUPING SETS (" + by + ")",
				"DISTINCT ROLLUP (" + by + "), CUBE (" + keys[0] + ")", keys[0] + ", GROUPING SETS (ROLLUP (" + by + "), ())",
			}[kind-1]
			if s.Chance(40) && !onlyDigits(keys[0]) {
				s.tag("GROUPING()")
				name := fmt.Sprintf("c%d", len(cols))
				items, cols = append(items, "GROUPING("+keys[0]+") AS "+name), append(cols, Column{Name: name, Sort: Sort{Type: Int4}})
			}
		}
		text += " GROUP BY " + by
	}
	return "SELECT " + strings.Join(items, ", ") + text + s.having(sc), cols
}

func onlyDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

func (s *statement) having(sc *scope) string {
	switch s.Weighted(70, 15, 8) {
	case 1:
		s.tag("HAVING")
		return fmt.Sprintf(" HAVING count(*) > %d", s.N(3))
	case 2:
		s.tag("HAVING")
		text, _ := s.aggregate(sc)
		return " HAVING " + text + " IS NOT NULL"
	default:
		return ""
	}
}

func (s *statement) aggregate(sc *scope) (string, Sort) {
	text, sort := "count(*)", Sort{Type: Int8}
	col, of, ok := s.column(sc, anySort)
	switch kind := s.Weighted(20, 18, 18, 10, 10, 8, 18); {
	case !ok || kind == 0:
	case kind == 1:
		s.tag("count(column)")
		text = "count(" + col + ")"
	case kind == 2 && of.searchable():
		s.tag("count(DISTINCT column)")
		text = "count(DISTINCT " + col + ")"
	case kind == 3:
		if plainCol, _, ok := s.column(sc, plain(Int4)); ok {
			s.tag("plain aggregate")
			text = "sum(" + plainCol + " % 10)"
		}
	case kind == 4:
		if plainCol, of, ok := s.column(sc, plain(Date)); ok {
			s.tag("plain aggregate")
			text, sort = "max("+plainCol+")", of
		}
	case kind == 5 && s.wild:
		s.tag("wild aggregate")
		text, sort = pick(s.Choices, []string{"min", "max", "sum"})+"("+col+")", of
	case kind == 6 && !s.noContainers:
		if all, of, ok := s.containerAggregate(sc); ok {
			text, sort = all, of
		}
	}
	if s.Chance(20) {
		s.tag("FILTER")
		text += " FILTER (WHERE " + s.condition(sc, 0) + ")"
	}
	return text, sort
}
