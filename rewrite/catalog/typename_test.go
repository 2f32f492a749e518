package catalog

import "testing"

func TestParseType(t *testing.T) {
	for _, tc := range []struct {
		text, schema, name string
		mod                int32
	}{
		{"int4", "", "int4", -1},
		{"Integer", "", "int4", -1},
		{"varchar", "", "varchar", -1},
		{"character varying (100)", "", "varchar", 104},
		{"CHARACTER  VARYING(1)[]", "", "_varchar", 5},
		{"char", "", "bpchar", 5},
		{"char(3)", "", "bpchar", 7},
		{"bpchar", "", "bpchar", -1},
		{"numeric(12,2)", "", "numeric", 786438},
		{"decimal( 5 )", "", "numeric", 327684},
		{"numeric(3,-2)", "", "numeric", 3<<16 | (2046) + 4},
		{"timestamp(3) with time zone", "", "timestamptz", 3},
		{"timestamp without time zone", "", "timestamp", -1},
		{"time(0)", "", "time", 0},
		{"double precision", "", "float8", -1},
		{"interval(2)", "", "interval", 0x7fff<<16 | 2},
		{"date[][]", "", "_date", -1},
		{"public.citext", "public", "citext", -1},
		{"bit(8)", "", "bit", 8},
	} {
		schema, name, mod, err := ParseType(tc.text)
		if err != nil || schema != tc.schema || name != tc.name || mod != tc.mod {
			t.Errorf("ParseType(%q) = %q, %q, %d, %v, want %q, %q, %d", tc.text, schema, name, mod, err, tc.schema, tc.name, tc.mod)
		}
	}
}

func TestParseType_refuses(t *testing.T) {
	for _, text := range []string{
		"", "[]", "numeric(x)", "numeric(1,2,3)", "numeric(0)", "varchar()", "varchar(1", "varchar)1(", "date(1)",
		"int4; drop table t", "timestamp(7)", `"Quoted"`, "two words",
	} {
		if _, name, mod, err := ParseType(text); err == nil {
			t.Errorf("ParseType(%q) = %q, %d, want an error", text, name, mod)
		}
	}
}
