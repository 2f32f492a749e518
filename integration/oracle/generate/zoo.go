package generate

// syntaxOf writes a value in one of the grammar's rarer forms, over a plain
// text and a plain number.
func (s *statement) syntaxOf(sc *scope) (string, Sort) {
	text, _, ok := s.column(sc, plain(Text))
	if !ok {
		text = "'some text'"
	}
	number, _, ok := s.column(sc, plain(Int4))
	if !ok {
		number = "7"
	}
	s.tag("rarer syntax")
	switch s.N(5) {
	case 0:
		return pick(s.Choices, []string{
			"CURRENT_USER::text", "CURRENT_ROLE::text", "SESSION_USER::text", "USER::text", "CURRENT_SCHEMA::text", text + ` COLLATE "C"`, "CURRENT_CATALOG::text",
			"substring(" + text + " FROM 1 FOR 2)", "overlay(" + text + " PLACING 'x' FROM 1 FOR 1)", "trim(both ' ' FROM " + text + ")",
			"concat(VARIADIC ARRAY['a', " + text + "])", "(ARRAY['a', " + text + "])[2]", "xmlserialize(CONTENT xmlelement(NAME a, " + number + ") AS text)",
			"xmlserialize(DOCUMENT xmlparse(DOCUMENT '<a/>') AS text)", "xmlforest(" + number + " AS f)::text", "xmlconcat('<a/>', '<b/>')::text",
			"xmlpi(NAME php)::text", "xmlroot('<a/>'::xml, VERSION '1.0')::text", "(row_to_json(ROW(" + number + ", 1)))::text", "normalize(" + text + ", NFC)",
		}), Sort{Type: Text}
	case 1:
		return pick(s.Choices, []string{
			"(ARRAY[1, 2, " + number + "])[1]", "GREATEST(" + number + ", 3)", "LEAST(" + number + ", 3)", "position('a' IN " + text + ")",
			"extract(day FROM make_interval(days => " + number + " % 100))::int", "(B'101')::int", "length(B'1' || X'1F')", "(1.5)::int", "1e2::int",
			"(ROW(1, " + number + ")).f2", "array_length((ARRAY[1, 2, 3, " + number + "])[1:2], 1)", number + " OPERATOR(pg_catalog.+) 1", "@ -5",
		}), Sort{Type: Int4}
	case 2:
		return pick(s.Choices, []string{
			"(" + number + " BETWEEN 2 AND 4)", "(" + number + " NOT BETWEEN 2 AND 4)", "(" + number + " BETWEEN SYMMETRIC 4 AND 2)",
			"(" + number + " NOT BETWEEN SYMMETRIC 4 AND 2)", "(" + text + " SIMILAR TO 'p%')", "(" + text + " NOT LIKE 'p%' ESCAPE '!')",
			"('<a/>'::xml IS DOCUMENT)", "(" + number + " > ALL (SELECT 2))", "(" + number + " < ANY (SELECT 4 UNION SELECT 5))", "(" + text + " ILIKE 'P%')",
			"((" + number + ", 1) < (3, 2))", "((" + number + " > 3) IS NOT UNKNOWN)", "((" + number + " > 3) IS FALSE)", "((" + number + " > 3) IS NOT TRUE)",
			"((" + number + ", " + text + ") IS NULL)",
			"((DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (DATE '2024-01-15', INTERVAL '3' DAY))", "(" + number + " = ALL (ARRAY[1, " + number + "]))",
		}), Sort{Type: Bool}
	case 3:
		return pick(s.Choices, []string{
			"CURRENT_DATE", "(DATE '2024-02-28' + 1)", "(TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE 'UTC')::date", "LOCALTIMESTAMP::date",
			"CURRENT_TIMESTAMP::date", "(CURRENT_DATE + LOCALTIME)::date", "(CURRENT_DATE + CURRENT_TIME)::date", "('2024-01-01'::timestamptz)::date",
		}), Sort{Type: Date}
	default:
		return s.orderedSet(sc, number)
	}
}

// orderedSet writes a subquery with an aggregate over what generate_series makes.
func (s *statement) orderedSet(sc *scope, number string) (string, Sort) {
	over := "generate_series(1, 5) AS g(n)"
	return pick(s.Choices, []string{
		"(SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY n) FROM " + over + ")", "(SELECT mode() WITHIN GROUP (ORDER BY n) FROM " + over + ")",
		"(SELECT count(DISTINCT n % 2) FILTER (WHERE n > 1)::int FROM " + over + ")",
		"(SELECT sum(n)::int FROM " + over + " WHERE n < abs(" + number + "))",
	}), Sort{Type: Int4}
}
