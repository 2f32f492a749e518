package generate

import (
	"fmt"
	"strings"
)

// condition writes a boolean over a scope.
func (s *statement) condition(sc *scope, depth int) string {
	if depth > 0 {
		switch s.Weighted(60, 12, 8, 6, 5, 5) {
		case 1:
			return s.condition(sc, depth-1) + " AND " + s.condition(sc, depth-1)
		case 2:
			return "(" + s.condition(sc, depth-1) + " OR " + s.condition(sc, depth-1) + ")"
		case 3:
			return "NOT (" + s.condition(sc, depth-1) + ")"
		case 4:
			return s.exists(sc, depth)
		case 5:
			if text, ok := s.comparedExpression(sc, depth); ok {
				return text
			}
		}
	}
	col, sort, ok := s.column(sc, anySort)
	if !ok {
		return pick(s.Choices, []string{"true", "1 = 1", "false"})
	}
	if s.wild && sort.protected() && s.Chance(30) {
		return s.wildCondition(sc, col, sort)
	}
	if !sort.searchable() {
		s.tag("IS NULL")
		return col + pick(s.Choices, []string{" IS NOT NULL", " IS NULL"})
	}
	if sort.Type == Bool && s.Chance(40) {
		s.tag("bool as a condition")
		return pick(s.Choices, []string{
			col, "NOT " + col, col + " IS TRUE", col + " IS NOT FALSE", col + " IS UNKNOWN", col + " IS FALSE", col + " IS NOT TRUE", col + " IS NOT UNKNOWN",
		})
	}
	if !sort.protected() && s.Chance(30) {
		return s.plainCondition(col, sort)
	}
	return s.comparison(sc, col, sort, depth)
}

// comparison compares a searchable column for equality, in some form.
func (s *statement) comparison(sc *scope, col string, sort Sort, depth int) string {
	switch s.Weighted(30, 12, 8, 14, 14, 10, 8, 8, 6) {
	case 0:
		s.tag("= literal")
		return col + " = " + s.literal(sort, true)
	case 1:
		s.tag("<>")
		return col + pick(s.Choices, []string{" <> ", " != "}) + s.literal(sort, true)
	case 2:
		s.tag("literal = column")
		return s.literal(sort, true) + " = " + col
	case 3:
		s.tag("IN list")
		return col + pick(s.Choices, []string{" IN (", " NOT IN ("}) + s.list(sort) + ")"
	case 4:
		return col + s.array(sort)
	case 5:
		s.tag("IS DISTINCT FROM")
		return col + pick(s.Choices, []string{" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "}) + s.same(sc, sort, true)
	case 6:
		s.tag("IS NULL")
		return col + pick(s.Choices, []string{" IS NOT NULL", " IS NULL"})
	case 7:
		if depth > 0 {
			return s.inSubquery(col, sort, depth)
		}
		return col + " = " + s.same(sc, sort, true)
	default:
		return s.rowComparison(sc, col, sort)
	}
}

func (s *statement) list(sort Sort) string {
	var values []string
	for range 1 + s.N(3) {
		values = append(values, s.literal(sort, true))
	}
	if s.Chance(10) {
		values = append(values, "NULL")
	}
	return strings.Join(values, ", ")
}

// array writes "= ANY" over an array in one of its forms.
func (s *statement) array(sort Sort) string {
	op := pick(s.Choices, []string{" = ANY", " = ANY", " <> ALL", " = SOME", " = ALL", " <> ANY"})
	if sort.Type == TextArray {
		s.tag("IN list")
		return " IN (" + s.list(sort) + ")"
	}
	form := s.N(3)
	if form == 0 {
		s.tag("= ANY (ARRAY[])")
		return op + " (ARRAY[" + s.list(sort) + "]" + pick(s.Choices, []string{"::" + string(sort.Type) + "[]", "::" + string(sort.Type.family()) + "[]"}) + ")"
	}
	var elements []string
	for range s.N(3) {
		value := pick(s.Choices, s.w.pool(sort))
		value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
		elements = append(elements, `"`+value+`"`)
	}
	if s.Chance(15) {
		elements = append(elements, "NULL")
	}
	text := "{" + strings.Join(elements, ",") + "}"
	if s.useParams {
		s.tag("= ANY (parameter)")
		s.params = append(s.params, []byte(text))
		s.sorts = append(s.sorts, Sort{Type: sort.Type.family() + "[]", Container: true})
		return fmt.Sprintf("%s ($%d)", op, len(s.params))
	}
	s.tag("= ANY ('{…}')")
	if form == 2 {
		return op + " (" + quote(text) + "::" + string(sort.Type) + "[])"
	}
	return op + " (" + quote(text) + ")"
}

// inSubquery looks for a column among those of its sort.
func (s *statement) inSubquery(col string, sort Sort, depth int) string {
	text := s.querySelecting(nil, []Sort{sort}, depth-1)
	switch s.N(4) {
	case 0:
		s.tag("IN (subquery)")
		return col + " IN (" + text + ")"
	case 1:
		s.tag("NOT IN (subquery)")
		return col + " NOT IN (" + text + ")"
	case 2:
		s.tag("= ANY (subquery)")
		return col + " = ANY (" + text + ")"
	default:
		s.tag("<> ALL (subquery)")
		return col + " <> ALL (" + text + ")"
	}
}

func (s *statement) rowComparison(sc *scope, col string, sort Sort) string {
	s.tag("row comparison")
	other, otherSort, ok := s.column(sc, searchable)
	if !ok {
		return col + " IS NULL"
	}
	row := func() string { return "(" + s.literal(sort, true) + ", " + s.literal(otherSort, true) + ")" }
	pair := "(" + col + ", " + other + ")"
	sorts := []Sort{sort, otherSort}
	switch s.N(10) {
	case 1:
		s.tag("IN of rows")
		return pair + " IN (" + row() + ", " + row() + ")"
	case 2:
		return pair + " <> " + row()
	case 3:
		s.tag("row IN (subquery)")
		return pair + pick(s.Choices, []string{" IN (", " NOT IN (", " = ANY ("}) + s.querySelecting(nil, sorts, 0) + ")"
	case 4:
		s.tag("row IS DISTINCT FROM")
		return pair + " IS DISTINCT FROM " + row()
	case 5:
		s.tag("row = (subquery)")
		inner := &scope{}
		table := s.table(inner, pick(s.Choices, s.w.Tables))
		return pair + " = (SELECT " + s.sameQualified(inner, sort) + ", " + s.sameQualified(inner, otherSort) + " FROM " + table + " LIMIT 0)"
	case 6:
		s.tag("row of columns")
		return pair + " = (" + s.same(sc, sort, true) + ", " + s.same(sc, otherSort, true) + ")"
	case 7:
		s.tag("ROW() comparison")
		return "ROW(" + col + ", " + other + ") = ROW" + row()
	case 8:
		s.tag("row IN (VALUES)")
		return pair + " IN (VALUES " + row() + ", " + row() + ")"
	case 9:
		if s.wild {
			s.tag("row order")
			return pair + " < " + row()
		}
	}
	return pair + " = " + row()
}

// exists asks for a related row.
func (s *statement) exists(sc *scope, depth int) string {
	s.tag("EXISTS")
	inner := &scope{outer: sc}
	table := s.base(inner)
	where := s.condition(inner, depth-1)
	if b, sort, ok := s.qualified(inner, searchable); ok && s.Chance(70) {
		if a, _, ok := s.qualified(sc, sort.fits); ok {
			s.tag("correlated subquery")
			where = a + " = " + b + " AND " + where
		}
	}
	return pick(s.Choices, []string{"EXISTS", "NOT EXISTS"}) + " (SELECT 1 FROM " + table + " WHERE " + where + ")"
}

// comparedExpression compares what is not a bare column.
func (s *statement) comparedExpression(sc *scope, depth int) (string, bool) {
	before := len(s.params)
	text, sort := s.expression(sc, depth-1)
	if !sort.searchable() || strings.Contains(text, "OVER") || sort.Type == TextArray {
		s.undo(before)
		return "", false
	}
	s.tag("expression = literal")
	return text + pick(s.Choices, []string{" = ", " <> ", " IS DISTINCT FROM "}) + s.literal(sort, true), true
}

func (s *statement) plainCondition(col string, sort Sort) string {
	s.tag("plain condition")
	switch sort.Type.family() {
	case Text:
		return col + pick(s.Choices, []string{" LIKE 'p%'", " ILIKE '%N%'", " > 'a'", " ~ '^p'"})
	case Int4:
		return col + pick(s.Choices, []string{" > 2", " BETWEEN 2 AND 5", " <= 4", " % 2 = 0"})
	case JSONB, TextArray, UUID, Bool, Citext:
		return col + " IS NOT NULL"
	default:
		return col + pick(s.Choices, []string{" > ", " <= "}) + s.literal(sort, true)
	}
}

// wildCondition asks of a protected column what equality does not answer.
func (s *statement) wildCondition(sc *scope, col string, sort Sort) string {
	s.tag("wild condition")
	switch s.N(11) {
	case 8:
		return col + pick(s.Choices, []string{" NOT BETWEEN ", " BETWEEN SYMMETRIC ", " NOT BETWEEN SYMMETRIC "}) + s.literal(sort, true) + " AND " + s.literal(sort, true)
	case 9:
		return col + pick(s.Choices, []string{" = ", " > "}) + pick(s.Choices, []string{"ALL", "ANY"}) + " (" + s.querySelecting(nil, []Sort{sort}, 0) + ")"
	case 10:
		return "(" + col + ")::text" + pick(s.Choices, []string{" ILIKE ", " SIMILAR TO ", " NOT LIKE "}) + quote("%"+s.w.marks.word+"%")
	case 0:
		return col + "::text LIKE " + quote("%"+s.w.marks.word+"%")
	case 1:
		return col + " > " + s.literal(sort, true)
	case 2:
		return col + " BETWEEN " + s.literal(sort, true) + " AND " + s.literal(sort, true)
	case 3:
		return "lower(" + col + "::text) = " + s.literal(sort, true)
	case 4:
		other, _, ok := s.column(sc, func(o Sort) bool { return o.Type.family() == sort.Type.family() && o.Domain != sort.Domain })
		if !ok {
			other = "'x'"
		}
		return col + " = " + other
	case 5:
		return col + "::text ~ 'a'"
	case 6:
		return s.literal(sort, true) + " < ANY (SELECT " + col + ")"
	default:
		return "length(" + col + "::text) > 3"
	}
}
