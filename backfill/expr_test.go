package backfill

import "testing"

func TestMentionsOf(t *testing.T) {
	for _, tc := range []struct {
		expr, column string
		want         mentions
	}{
		{"(name IS NOT NULL)", "name", mentions{NullTest: true}},
		{"((name)::text IS NULL)", "name", mentions{NullTest: true}},
		{"((((type)::text = 'contact'::text) AND (name IS NOT NULL)) OR ((type)::text <> 'contact'::text))", "name", mentions{NullTest: true}},
		{"((((type)::text = 'contact'::text) AND (name IS NOT NULL)) OR ((type)::text <> 'contact'::text))", "type", mentions{Other: true}},
		{"(length(name) > 3)", "name", mentions{Other: true}},
		{"((name IS NOT NULL) OR (name = 'x'::text))", "name", mentions{NullTest: true, Other: true}},
		{"(kind = 'name IS NOT'::text)", "name", mentions{}},
		{"(kind = 'it''s name'::text)", "name", mentions{}},
		{`(kind = E'\' || name || \''::text)`, "name", mentions{}},
		{`("My Col" IS NOT NULL)`, "My Col", mentions{NullTest: true}},
		{`("a""b" > 1)`, `a"b`, mentions{Other: true}},
		{"(surname > 1)", "name", mentions{}},
		{"((x)::name = y)", "name", mentions{}},
		{"(name IS NOT DISTINCT FROM 'x')", "name", mentions{Other: true}},
		{"(név IS NULL)", "név", mentions{NullTest: true}},
		{"(upper(name) IS NOT NULL)", "name", mentions{Other: true}},
		{"(upper((name)::text) IS NOT NULL)", "name", mentions{Other: true}},
		{"((name)::date IS NULL)", "name", mentions{Other: true}},
		{"(\"upper\"(name) IS NOT NULL)", "name", mentions{Other: true}},
		{"((x || name) IS NULL)", "name", mentions{Other: true}},
		{"(NOT (name IS NULL))", "name", mentions{NullTest: true}},
		{"(name IS NOT NULLABLE)", "name", mentions{Other: true}},
	} {
		if got := mentionsOf(tc.expr, tc.column); got != tc.want {
			t.Errorf("mentionsOf(%q, %q) = %+v, want %+v", tc.expr, tc.column, got, tc.want)
		}
	}
}

func TestConstant(t *testing.T) {
	const null = "<null>"
	for expr, want := range map[string]string{
		"'x'::text": "x", "'it''s'::character varying": "it's", "0": "0", "'-1'::integer": "-1", "(-1)": "-1",
		"'12.5'::numeric(12,2)": "12.5", "true": "true", "NULL::character varying": null, "'2020-01-01'::date": "2020-01-01",
		"'{}'::text[]": "{}", "'x'::character varying(20)": "x", "'{}'::jsonb": "{}", `'a'::"Odd".citext`: "a",
		"'2020-01-01 00:00:00'::timestamp without time zone": "2020-01-01 00:00:00", "3.25": "3.25", "''::text": "",
		`E'a\\b''c'::text`: `a\b'c`, `'a\b'::text`: `a\b`, `'\x0102'::bytea`: `\x0102`,
	} {
		value, isNull, ok := constant(expr)
		if isNull {
			value = null
		}
		if !ok || value != want {
			t.Errorf("constant(%q) = %q, %v, want %q", expr, value, ok, want)
		}
	}
	for _, expr := range []string{
		"now()", "CURRENT_DATE", "'x'::text || 'y'::text", "nextval('s'::regclass)", "upper('x'::text)",
		"('now'::text)::date", "ARRAY[]::text[]", "CURRENT_USER", "('x'::text)::character varying",
	} {
		if value, _, ok := constant(expr); ok {
			t.Errorf("constant(%q) = %q, want it refused", expr, value)
		}
	}
}

func TestIsTerm(t *testing.T) {
	for expr, want := range map[string]bool{
		"split_part(name, '.'::text, 2)": true, "split_part((name)::text, '.'::text, 2)": true,
		"split_part(name, '.'::text, 3)": false, "split_part(nom, '.'::text, 2)": false, "name": false,
		"lower(split_part(name, '.'::text, 2))": false,
	} {
		if got := isTerm(expr, "name"); got != want {
			t.Errorf("isTerm(%q) = %v, want %v", expr, got, want)
		}
	}
}
