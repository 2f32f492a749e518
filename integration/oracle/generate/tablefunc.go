package generate

import (
	"fmt"
	"strings"
)

// tableFunction puts a function into the scope.
func (s *statement) tableFunction(sc *scope) string {
	s.tag("function in FROM")
	alias := s.alias()
	number, text := Sort{Type: Int4}, Sort{Type: Text}
	add := func(keyed bool, cols ...Column) {
		sc.rels = append(sc.rels, rel{ref: alias, keyed: keyed, cols: cols})
	}
	switch s.N(8) {
	case 1:
		s.tag("unnest")
		add(false, Column{Name: "u", Sort: text})
		return "unnest(" + s.textArray() + ") AS " + alias + "(u)"
	case 2:
		s.tag("WITH ORDINALITY")
		add(false, Column{Name: "u", Sort: text}, Column{Name: "o", Sort: Sort{Type: Int8}})
		return "unnest(" + s.textArray() + ") WITH ORDINALITY AS " + alias + "(u, o)"
	case 3:
		s.tag("ROWS FROM")
		add(false, Column{Name: "x", Sort: number}, Column{Name: "y", Sort: number})
		return "ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS " + alias + "(x, y)"
	case 4:
		s.tag("columns of a record function")
		add(true, Column{Name: "k", Sort: number}, Column{Name: "v", Sort: text})
		return `json_to_recordset('[{"k": 1, "v": "a"}, {"k": 2}]') AS ` + alias + "(k int, v text)"
	case 5:
		s.tag("XMLTABLE")
		add(true, Column{Name: "n", Sort: number}, Column{Name: "v", Sort: text})
		lateral := pick(s.Choices, []string{"", "LATERAL "})
		return lateral + "XMLTABLE('/r/v' PASSING ('<r><v>a</v><v>b</v></r>'::xml) COLUMNS n FOR ORDINALITY, v text PATH '.' NOT NULL) AS " + alias
	case 6:
		if col, _, ok := s.qualified(sc, func(o Sort) bool { return o.Type.family() == Text && (!o.protected() || s.wild) }); ok {
			s.tag("LATERAL function")
			add(false, Column{Name: "u", Sort: container()})
			return pick(s.Choices, []string{"LATERAL ", ""}) + "regexp_split_to_table(" + col + ", ' ') AS " + alias + "(u)"
		}
	}
	add(true, Column{Name: "g", Sort: number})
	return fmt.Sprintf("generate_series(1, %d) AS %s(g)", 1+s.N(4), alias)
}

// textArray writes an array of plain values: a literal, a parameter or ARRAY[].
func (s *statement) textArray() string {
	values := []string{"plain", "b", ""}[:1+s.N(3)]
	if s.useParams && s.Chance(60) {
		s.params = append(s.params, []byte("{"+strings.Join(values[:1], ",")+"}"))
		s.sorts = append(s.sorts, Sort{Type: TextArray, Container: true})
		return fmt.Sprintf("$%d::text[]", len(s.params))
	}
	if s.Chance(50) {
		return "ARRAY['" + strings.Join(values, "', '") + "']"
	}
	return `'{plain,"b c"}'::text[]`
}

// sampled adds TABLESAMPLE of all rows to a table.
func (s *statement) sampled(t *Table) string {
	if t.base != "" || !s.Chance(3) {
		return ""
	}
	s.tag("TABLESAMPLE")
	return pick(s.Choices, []string{" TABLESAMPLE SYSTEM (100)", " TABLESAMPLE BERNOULLI (100) REPEATABLE (7)"})
}
