package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseType(t *testing.T) {
	for in, want := range map[string]TypeName{
		"text":                           {Name: "text"},
		"VARCHAR":                        {Name: "varchar"},
		"varchar(100)":                   {Name: "varchar", Mods: []int{100}},
		"character  varying ( 20 )":      {Name: "varchar", Mods: []int{20}},
		"char(3)":                        {Name: "bpchar", Mods: []int{3}},
		"numeric(12,2)":                  {Name: "numeric", Mods: []int{12, 2}},
		"numeric(12, 2)":                 {Name: "numeric", Mods: []int{12, 2}},
		"numeric(7)":                     {Name: "numeric", Mods: []int{7}},
		"int":                            {Name: "int4"},
		"double precision":               {Name: "float8"},
		"timestamp with time zone":       {Name: "timestamptz"},
		"timestamp(3) without time zone": {Name: "timestamp", Mods: []int{3}},
		"timestamptz(0)":                 {Name: "timestamptz", Mods: []int{0}},
		"time with time zone":            {Name: "timetz"},
		"int[]":                          {Name: "int4", Array: true},
		"varchar(10)[][]":                {Name: "varchar", Mods: []int{10}, Array: true},
		"jsonb":                          {Name: "jsonb"},
	} {
		got, err := ParseType(in)
		if err != nil {
			t.Errorf("ParseType(%q): %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseType(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseType_refuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "is not a type",
		"numeric(12":             "is not a type",
		"numeric(1,2,3)":         "is not a type",
		"varchar(-1)":            "is not a type",
		"money":                  "not a type that can be protected",
		"numerc":                 `did you mean "numeric"?`,
		"oid":                    "not a type that can be protected",
		"date(3)":                "date takes 0 modifiers, not 1",
		"varchar(1,2)":           "varchar takes 1 modifiers, not 2",
		"varchar(99999999999)":   "too large",
		"date with time zone":    "not a type that can be protected",
		"text; drop table x":     "is not a type",
		"varchar(10) [ 3 ]":      "is not a type",
		"timestamptz with zones": "not a type that can be protected",
	} {
		got, err := ParseType(in)
		if err == nil {
			t.Errorf("ParseType(%q) = %+v, want an error with %q", in, got, want)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("ParseType(%q) = %v, want it to say %q", in, err, want)
		}
	}
}
