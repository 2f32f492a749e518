package policy

import (
	"testing"

	"github.com/pgveil/pgveil/internal/strictyaml/schematest"
)

func TestSchema_knowsTheKeysThatLoadKnows(t *testing.T) {
	decode := func(text []byte) error {
		_, err := Load("p", text)
		return err
	}
	differences := schematest.Differences(Schema(), decode, map[string][]string{
		"":                    {`{"?": 1}`},
		"limits":              {`{limits: {"?": 1}}`},
		"role":                {`{roles: {r: {"?": 1}}}`},
		"access":              {`{access: {"*": {"?": 1}}}`},
		"mask":                {`{tables: {t: {c: {mask: {"?": 1}}}}}`},
		"column":              {`{tables: {t: {c: {"?": 1}}}}`},
		"column.search":       {`{tables: {t: {c: {search: [{"?": 1}]}}}}`},
		"column.search.order": {`{tables: {t: {c: {search: [{order: {"?": 1}}]}}}}`},
	})
	for _, d := range differences {
		t.Error(d)
	}
}

func TestSchema_isACopy(t *testing.T) {
	Schema()[0] = 'x'
	if Schema()[0] != '{' {
		t.Error("changing what Schema returned changed the schema")
	}
}
