package generate

import (
	"fmt"
	"strings"
)

// expression writes one value over a scope.
func (s *statement) expression(sc *scope, depth int) (string, Sort) {
	col, sort, ok := s.column(sc, anySort)
	if !ok {
		sort = Sort{Type: Int4}
		return s.literal(sort, false) + "::int4", sort
	}
	if s.wild && sort.protected() && s.Chance(30) {
		return s.wildExpression(col, sort)
	}
	if depth <= 0 {
		return col, sort
	}
	switch s.Weighted(52, 6, 6, 5, 5, 5, 4, 5, 4, 7, 3, 2) {
	case 1:
		s.tag("CASE")
		return s.caseOf(sc, col, sort, depth), sort
	case 2:
		s.tag("COALESCE")
		return "COALESCE(" + col + ", " + s.same(sc, sort, false) + ")", sort
	case 3:
		if !sort.searchable() {
			return col, sort
		}
		s.tag("NULLIF")
		return "NULLIF(" + col + ", " + s.same(sc, sort, true) + ")", sort
	case 4:
		s.tag("cast to its own type")
		return s.cast(col, sort), sort
	case 5:
		return s.scalarSubquery(sc, sort, depth)
	case 6:
		s.tag("condition as a value")
		return "(" + s.condition(sc, depth-1) + ")", Sort{Type: Bool}
	case 7:
		return s.window(sc)
	case 8:
		return s.plainExpression(sc)
	case 9:
		if s.noContainers {
			return col, sort
		}
		if text, of, ok := s.containerOf(sc); ok {
			return text, of
		}
		return col, sort
	case 10:
		return s.syntaxOf(sc)
	case 11:
		if sort.Type.family() != Text || sort.Container {
			return col, sort
		}
		s.tag("cast between text types")
		sort.Type = pick(s.Choices, []Type{Text, Varchar})
		return s.cast(col, sort), sort
	default:
		return col, sort
	}
}

func (s *statement) cast(col string, sort Sort) string {
	if sort.Container {
		return col
	}
	if s.Chance(50) {
		return "CAST(" + col + " AS " + string(sort.Type) + ")"
	}
	return col + "::" + string(sort.Type)
}

// caseOf writes a CASE whose arms are of one sort.
func (s *statement) caseOf(sc *scope, col string, sort Sort, depth int) string {
	text := "CASE WHEN " + s.condition(sc, depth-1) + " THEN " + col
	if s.Chance(30) {
		text += " WHEN " + s.condition(sc, depth-1) + " THEN " + s.same(sc, sort, false)
	}
	if s.Chance(60) {
		text += " ELSE " + s.same(sc, sort, false)
	}
	return text + " END"
}

// same returns a column or literal of a sort.
func (s *statement) same(sc *scope, sort Sort, compared bool) string {
	if s.Chance(30) {
		if col, _, ok := s.column(sc, sort.fits); ok {
			return col
		}
	}
	if s.Chance(8) {
		return "NULL"
	}
	return s.literal(sort, compared)
}

// plainExpression computes over plain columns.
func (s *statement) plainExpression(sc *scope) (string, Sort) {
	s.tag("plain expression")
	if col, _, ok := s.column(sc, plain(Text)); ok && s.Chance(50) {
		return pick(s.Choices, []string{"lower(" + col + ")", col + " || '-x'", "left(" + col + ", 3)"}), Sort{Type: Text}
	}
	col, _, ok := s.column(sc, plain(Int4))
	if !ok {
		col = "7"
	}
	return pick(s.Choices, []string{"(" + col + " % 10) + 1", "-(" + col + " % 7)", "abs(" + col + " / 3)"}), Sort{Type: Int4}
}

// wildExpression does with a protected column what only plain PostgreSQL can do.
func (s *statement) wildExpression(col string, sort Sort) (string, Sort) {
	s.tag("wild expression")
	switch s.N(9) {
	case 0:
		return "upper(" + col + "::text)", Sort{Type: Text}
	case 1:
		return col + " || '-x'", Sort{Type: Text}
	case 2:
		return "length(" + col + "::text)", Sort{Type: Int4}
	case 3:
		return "ROW(" + col + ", 1)", Sort{Type: Text}
	case 4:
		return "to_jsonb(" + col + ")", Sort{Type: JSONB}
	case 5:
		return "ARRAY[" + col + "]", Sort{Type: TextArray}
	case 6:
		return "GREATEST(" + col + ", " + s.literal(sort, true) + ")", sort
	case 7:
		return col + "::text", Sort{Type: Text}
	default:
		return "format('%s', " + col + ")", Sort{Type: Text}
	}
}

// scalarSubquery reads one value of a table by its key.
func (s *statement) scalarSubquery(sc *scope, sort Sort, depth int) (string, Sort) {
	s.tag("scalar subquery")
	inner := &scope{outer: sc}
	table := s.base(inner)
	col, found, ok := s.qualified(inner, sort.fits)
	if !ok {
		if col, found, ok = s.qualified(inner, anySort); !ok {
			return "NULL", sort
		}
	}
	key := fmt.Sprint(1 + s.N(6))
	if outer, _, ok := s.qualified(sc, plain(Int4)); ok && s.Chance(50) {
		s.tag("correlated subquery")
		key = outer
	}
	if !inner.rels[0].keyed {
		return "(SELECT " + col + " FROM " + table + " WHERE false)", found
	}
	return "(SELECT " + col + " FROM " + table + " WHERE " + inner.rels[0].ref + "." + Ident(inner.rels[0].cols[0].Name) + " = " + key + ")", found
}

// window writes a window function with a total order.
func (s *statement) window(sc *scope) (string, Sort) {
	order := sc.keys()
	if order == "" {
		s.tag("window count")
		return "count(*) OVER ()", Sort{Type: Int8}
	}
	over := "(ORDER BY " + order + s.frame() + ")"
	if part, sort, ok := s.column(sc, searchable); ok && s.Chance(50) {
		s.tag("PARTITION BY")
		if sort.protected() {
			s.tag("PARTITION BY a protected column")
		}
		over = "(PARTITION BY " + part + " ORDER BY " + order + s.frame() + ")"
	}
	s.tag("window function")
	col, sort, ok := s.column(sc, anySort)
	if ok && s.Chance(40) {
		return pick(s.Choices, []string{"lag", "lead", "first_value", "last_value"}) + "(" + col + ") OVER " + over, sort
	}
	return pick(s.Choices, []string{"row_number()", "count(*)", "rank()"}) + " OVER " + over, Sort{Type: Int8}
}

// frame writes a window's frame, or nothing.
func (s *statement) frame() string {
	if !s.Chance(20) {
		return ""
	}
	s.tag("window frame")
	return pick(s.Choices, []string{
		" ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS UNBOUNDED PRECEDING", " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
		" RANGE UNBOUNDED PRECEDING", " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW", " GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES",
	})
}

// keys returns what tells all rows of the scope apart, "" if nothing does.
func (sc *scope) keys() string {
	var keys []string
	for _, r := range sc.rels {
		if !r.keyed || r.ref == "" {
			return ""
		}
		keys = append(keys, r.ref+"."+Ident(r.cols[0].Name))
	}
	return strings.Join(keys, ", ")
}
