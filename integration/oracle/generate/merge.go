package generate

import (
	"fmt"
	"strings"
)

// mergeInto writes MERGE.
func (s *statement) mergeInto() string {
	s.tag("MERGE")
	t, text, sc := s.target()
	target := sc.rels[0]
	source := s.mergeSource(sc)
	from := sc.rels[1]
	key := from.ref + "." + Ident(from.cols[0].Name)
	on := target.ref + ".id = " + key
	if mine, sort, ok := s.qualified(&scope{rels: sc.rels[:1]}, searchable); ok && s.Chance(25) {
		if theirs, _, ok := s.qualified(&scope{rels: sc.rels[1:]}, sort.fits); ok {
			s.tag("MERGE ON a column")
			on += " AND " + mine + " = " + theirs // by the key too, or the rows that match are chance
		}
	}
	text = s.mergeWith() + "MERGE INTO " + text + " USING " + source + " ON " + on
	// All but the last of a kind need a condition, or the next is never reached.
	for left := s.N(2); left >= 0; left-- {
		text += s.whenMatched(t, sc, left > 0 || s.Chance(40))
	}
	for left := s.N(3) - 1; left >= 0; left-- {
		text += s.whenNotMatched(t, &scope{rels: sc.rels[1:]}, key, left > 0 || s.Chance(30))
	}
	return text
}

// mergeWith writes a CTE that the merge does not need; WITH RECURSIVE is not allowed.
func (s *statement) mergeWith() string {
	if !s.Chance(10) {
		return ""
	}
	s.tag("MERGE with a CTE")
	text, _ := s.query(nil, 0)
	return "WITH " + s.alias() + " AS (" + text + ") "
}

func (s *statement) mergeSource(sc *scope) string {
	switch s.Weighted(60, 20, 20) {
	case 1:
		s.tag("MERGE USING VALUES")
		return s.valuesItem(sc)
	case 2:
		s.tag("MERGE USING a subquery")
		inner := &scope{}
		table := s.table(inner, pick(s.Choices, s.w.Tables))
		id := inner.rels[0].ref + "." + Ident(inner.rels[0].cols[0].Name)
		items, cols := s.columnItems(inner, 1+s.N(2))
		alias := s.alias()
		sc.rels = append(sc.rels, rel{ref: alias, keyed: true, cols: append([]Column{{Name: "k", Sort: Sort{Type: Int4}}}, cols...)})
		return "(SELECT " + id + " AS k, " + items + " FROM " + table + ") AS " + alias
	}
	return s.table(sc, pick(s.Choices, s.w.Tables))
}

func (s *statement) whenMatched(t *Table, sc *scope, condition bool) string {
	text := " WHEN MATCHED"
	if condition {
		text += " AND " + s.mergeCondition(sc)
	}
	switch s.Weighted(60, 20, 15) {
	case 1:
		return text + " THEN DELETE"
	case 2:
		return text + " THEN DO NOTHING"
	}
	return text + " THEN UPDATE SET " + s.assignments(t, sc, 0)
}

func (s *statement) mergeCondition(sc *scope) string {
	if col, sort, ok := s.qualified(sc, searchable); ok {
		return col + pick(s.Choices, []string{" = ", " <> "}) + s.literal(sort, true)
	}
	return "true"
}

func (s *statement) whenNotMatched(t *Table, source *scope, key string, condition bool) string {
	text := " WHEN NOT MATCHED"
	if condition {
		text += " AND " + s.mergeCondition(source)
	}
	if s.Chance(15) {
		return text + " THEN DO NOTHING"
	}
	cols := s.someColumns(t)
	var values []string
	for _, col := range cols {
		from, _, ok := s.qualified(source, col.fits)
		switch {
		case col.Name == "id":
			values = append(values, "500 + "+key)
		case ok && s.Chance(60):
			values = append(values, from)
		default:
			values = append(values, s.stored(col, true))
		}
	}
	over := pick(s.Choices, []string{"", "", " OVERRIDING USER VALUE"})
	return fmt.Sprintf("%s THEN INSERT (%s)%s VALUES (%s)", text, names(cols), over, strings.Join(values, ", "))
}
