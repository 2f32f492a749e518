package generate

import (
	"strings"
	"unicode/utf8"
)

// constant writes an expression over constants: what it gives is for a
// protected column, so each part of it is as secret as the whole.
func (s *statement) constant(sort Sort, compared bool) string {
	value := pick(s.Choices, s.w.pool(sort))
	if !compared {
		value = fitted(sort.Type, value)
	}
	s.tag("constant expression")
	if sort.Type.family() == Text {
		return s.constantText(value, sort)
	}
	typed := s.quoted(value) + "::" + string(sort.Type)
	switch s.N(6) {
	case 1:
		s.tag("CASE of constants")
		return "CASE WHEN 1 = 1 THEN " + typed + " ELSE NULL END"
	case 2:
		s.tag("NULLIF of constants")
		return "NULLIF(" + typed + ", " + quote(value) + ")"
	case 3:
		s.tag("GREATEST of constants")
		return "GREATEST(" + typed + ", " + typed + ")"
	case 4:
		if text, ok := arithmetic(sort.Type, value, typed); ok {
			s.tag("arithmetic of constants")
			return text
		}
	case 5:
		s.tag("nested cast")
		return s.quoted(value) + "::text::" + string(sort.Type)
	}
	s.tag("COALESCE of constants")
	if s.useParams && s.Chance(60) {
		return "COALESCE(" + s.parameter(sort, value) + ", " + typed + ")"
	}
	return "COALESCE(NULL, " + typed + ")"
}

func arithmetic(t Type, value, typed string) (string, bool) {
	switch t {
	case Int4, Int8, Numeric:
		return "(" + value + " + 0)", true
	case Date:
		return "(" + typed + " + 0)", true
	case Timestamp, Timestamptz:
		return "(" + typed + " + interval '1 hour')", true
	case Bool:
		return "(NOT " + typed + ")", true
	}
	return "", false
}

func (s *statement) constantText(value string, sort Sort) string {
	a, b := s.cut(value)
	whole := s.quoted(value)
	switch s.N(11) {
	case 1:
		s.tag("concatenation of constants")
		return s.quoted(a) + " || " + s.quoted(b)
	case 2:
		s.tag("function of constants")
		return "concat(" + s.quoted(a) + ", " + s.quoted(b) + ")"
	case 3:
		s.tag("CASE of constants")
		return "CASE WHEN " + pick(s.Choices, []string{"true", "1 = 2", "'a' < 'b'"}) + " THEN " + whole + " ELSE '' END"
	case 4:
		s.tag("function of constants")
		return pick(s.Choices, []string{"lower(", "upper(", "trim(", "initcap(", "btrim("}) + whole + ")"
	case 5:
		s.tag("NULLIF of constants")
		return "NULLIF(" + whole + ", '')"
	case 6:
		s.tag("function of constants")
		return pick(s.Choices, []string{"left(" + whole + ", 20)", "replace(" + whole + ", 'b', 'c')", "substr(" + whole + ", 1)", "rtrim(" + whole + ", 'e')"})
	case 7:
		s.tag("nested cast")
		return whole + "::text::varchar"
	case 8:
		s.tag("format of constants")
		return "format('%s%s', " + s.quoted(a) + ", " + s.quoted(b) + ")"
	case 9:
		s.tag("subquery of constants")
		return "(SELECT " + whole + ")"
	case 10:
		if s.useParams {
			s.tag("concatenation of a parameter")
			return s.parameter(sort, value) + " || ''"
		}
	}
	s.tag("COALESCE of constants")
	if s.useParams && s.Chance(60) {
		return "COALESCE(" + s.parameter(sort, value) + ", " + whole + ")"
	}
	return "COALESCE(NULL, " + whole + ", 'x')"
}

// cut splits a value in two, of which one keeps the mark by which a leak is seen.
func (s *statement) cut(value string) (string, string) {
	places := []int{0, len(value)}
	for at := range value {
		places = append(places, at)
	}
	at := pick(s.Choices, places)
	mark := strings.Index(strings.ToLower(value), s.w.marks.word)
	if mark >= 0 && at > mark && at < mark+len(s.w.marks.word) || !utf8.ValidString(value[:at]) {
		at = 0
	}
	return value[:at], value[at:]
}
