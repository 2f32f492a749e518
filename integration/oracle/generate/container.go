package generate

import (
	"fmt"
	"strings"
)

// containerOf writes a value that holds others: a row, an array, JSON, a text.
func (s *statement) containerOf(sc *scope) (string, Sort, bool) {
	col, sort, ok := s.column(sc, func(o Sort) bool { return !o.Container })
	if !ok {
		return "", Sort{}, false
	}
	s.tag("container")
	row := s.row(sc)
	kind := s.N(13)
	if row == "" && (kind < 5 || kind == 11) {
		kind = 6
	}
	switch kind {
	case 0:
		s.tag("row_to_json")
		return pick(s.Choices, []string{"row_to_json(", "to_json(", "to_jsonb("}) + row + ")", container(), true
	case 1:
		s.tag("whole row")
		s.textOnly = true
		return row, container(), true
	case 2:
		s.tag("cast of a row")
		return row + "::text", container(), true
	case 3:
		s.tag("field of a row")
		return s.field(sc, row)
	case 4:
		s.tag("key of JSON of a row")
		return "to_jsonb(" + row + ") - 'id'", container(), true
	case 5:
		s.tag("ROW()")
		s.textOnly = true
		return "ROW(" + col + ", " + s.anyColumn(sc) + pick(s.Choices, []string{"", ", 1", ", NULL"}) + ")", container(), true
	case 6:
		s.tag("json_build_object")
		f := pick(s.Choices, []string{"json_build_object", "jsonb_build_object"})
		return f + "('k', " + col + ", 'other', " + s.anyColumn(sc) + ")", container(), true
	case 7:
		s.tag("json_build_array")
		return "json_build_array(" + col + ", 1, " + s.anyColumn(sc) + ")", container(), true
	case 8:
		s.tag("to_json of a column")
		return pick(s.Choices, []string{"to_json(", "to_jsonb("}) + col + ")", container(), true
	case 9:
		s.tag("ARRAY[] of columns")
		s.textOnly = s.textOnly || sort.Type == Citext
		return "ARRAY[" + col + ", " + s.same(sc, sort, false) + "]", container(), true
	case 10:
		s.tag("concatenation of a column")
		return s.concatenation(sc, col), container(), true
	case 11:
		s.tag("row_to_json of a subquery")
		return "(SELECT row_to_json(q) FROM (SELECT " + col + " AS v, " + s.anyColumn(sc) + " AS w) AS q)", container(), true
	default:
		return s.arraySubquery(sc), container(), true
	}
}

// row returns a relation whose whole row may be named, "" if there is none.
func (s *statement) row(sc *scope) string {
	var refs []string
	for _, r := range sc.rels {
		if r.ref != "" && !sc.has(strings.Trim(r.ref, `"`)) {
			refs = append(refs, r.ref)
		}
	}
	if len(refs) == 0 {
		return ""
	}
	return pick(s.Choices, refs)
}

func (s *statement) field(sc *scope, row string) (string, Sort, bool) {
	for _, r := range sc.rels {
		if r.ref == row && len(r.cols) > 0 {
			col := pick(s.Choices, r.cols)
			return "(" + row + ")." + Ident(col.Name), col.Sort, true
		}
	}
	return "", Sort{}, false
}

func (s *statement) anyColumn(sc *scope) string {
	col, _, ok := s.column(sc, func(o Sort) bool { return !o.Container })
	if !ok {
		return "1"
	}
	return col
}

func (s *statement) concatenation(sc *scope, col string) string {
	return pick(s.Choices, []string{
		col + "::text || '-x'", "'<' || " + col + " || '>'", "concat(" + col + ", ' ', " + s.anyColumn(sc) + ")",
		"concat_ws(', ', " + col + ", " + s.anyColumn(sc) + ")", "format('%s/%s', " + col + ", " + s.anyColumn(sc) + ")",
		"concat(VARIADIC ARRAY['a', " + col + "::text])",
	})
}

func (s *statement) arraySubquery(outer *scope) string {
	s.tag("ARRAY(subquery)")
	inner := &scope{outer: outer}
	table := s.base(inner)
	col, _, ok := s.qualified(inner, func(o Sort) bool { return !o.Container && o.Type != TextArray && o.Type != Citext })
	keys := inner.keys()
	if !ok || keys == "" {
		return "ARRAY(SELECT 1)"
	}
	return "ARRAY(SELECT " + col + " FROM " + table + " ORDER BY " + keys + ")"
}

// containerAggregate gathers the values of a group, in the order of its keys.
func (s *statement) containerAggregate(sc *scope) (string, Sort, bool) {
	keys := sc.keys()
	col, sort, ok := s.column(sc, func(o Sort) bool { return !o.Container && o.Type != TextArray })
	if keys == "" || !ok {
		return "", Sort{}, false
	}
	s.tag("container aggregate")
	order := " ORDER BY " + keys
	row := s.row(sc)
	switch s.N(7) {
	case 1:
		s.tag("string_agg")
		if sort.Type.family() == Text {
			return "string_agg(" + col + ", ', '" + order + ")", container(), true
		}
		return "string_agg(" + col + "::text, ', '" + order + ")", container(), true
	case 2:
		s.tag("json_agg")
		return pick(s.Choices, []string{"json_agg(", "jsonb_agg("}) + col + order + ")", container(), true
	case 3:
		if row != "" {
			s.tag("json_agg of rows")
			return pick(s.Choices, []string{"json_agg(", "jsonb_agg("}) + row + order + ")", container(), true
		}
	case 4:
		s.tag("json_object_agg")
		return "json_object_agg(" + strings.Split(keys, ", ")[0] + ", " + col + order + ")", container(), true
	case 5:
		if row != "" {
			s.tag("array_agg of rows")
			s.textOnly = true
			return "array_agg(" + row + order + ")", container(), true
		}
	case 6:
		s.tag("json_agg of built objects")
		return fmt.Sprintf("json_agg(json_build_object('v', %s, 'w', %s)%s)", col, s.anyColumn(sc), order), container(), true
	}
	s.tag("array_agg")
	s.textOnly = s.textOnly || sort.Type == Citext
	return "array_agg(" + col + order + ")", container(), true
}
