package schematest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/strictyaml"
	"github.com/pgveil/pgveil/internal/strictyaml/schematest"
)

// decode knows a: {b, c} and d.
func decode(text []byte) error {
	doc, root := strictyaml.Parse("f", text)
	ignore := func(strictyaml.Node) {}
	root.Fields(
		strictyaml.Field{Key: "a", Read: func(n strictyaml.Node) {
			n.Fields(strictyaml.Field{Key: "b", Read: ignore}, strictyaml.Field{Key: "c", Read: ignore})
		}},
		strictyaml.Field{Key: "d", Read: ignore},
	)
	return doc.Err()
}

var places = map[string][]string{"": {`{"?": 1}`}, "a": {`{a: {"?": 1}}`}}

func TestDifferences(t *testing.T) {
	for _, tc := range []struct {
		name, schema string
		want         []string
	}{
		{"none", `{"additionalProperties": false, "properties": {"d": {}, "a": {"additionalProperties": false, "properties": {"c": {}, "b": {}}}}}`, nil},
		{"a key that only the schema has", `{"additionalProperties": false, "properties": {"d": {}, "e": {}, "a": {"oneOf": [{"additionalProperties": false, "properties": {"c": {}, "b": {}}}]}}}`,
			[]string{`keys of "": the decoder has ["a" "d"], the schema ["a" "d" "e"]`}},
		{"a key that only the decoder has", `{"additionalProperties": false, "properties": {"d": {}, "a": {"additionalProperties": false, "properties": {"c": {}}}}}`,
			[]string{`keys of "a": the decoder has ["b" "c"], the schema ["c"]`}},
		{"a schema that allows anything", `{"properties": {"d": {}, "a": {"additionalProperties": false, "properties": {"c": {}, "b": {}}}}}`,
			[]string{`keys of "": the decoder has ["a" "d"], the schema ["a" "additionalProperties is not false" "d"]`}},
		{"a mapping that no text writes", `{"additionalProperties": false, "properties": {"a": {"additionalProperties": false, "properties": {"c": {}, "b": {}}}, "d": {"items": {"additionalProperties": false, "properties": {"x": {}}}}}, "$defs": {"e": {"properties": {"y": {}}, "additionalProperties": false}}}`,
			[]string{`the schema has a mapping "d" that no text writes`, `the schema has a mapping "e" that no text writes`}},
		{"no JSON", `{`, []string{"the schema is not JSON: unexpected end of JSON input"}},
	} {
		if diff := cmp.Diff(tc.want, schematest.Differences([]byte(tc.schema), decode, places)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestDifferences_reportsTextsThatTestNothing(t *testing.T) {
	schema := []byte(`{"additionalProperties": false, "properties": {"a": {}, "d": {}}}`)
	got := schematest.Differences(schema, decode, map[string][]string{"": {`{a: {b: 1}}`}})
	if len(got) != 2 || got[0] != "decoding {a: {b: 1}} gives no problems" {
		t.Errorf("Differences = %q, want that the text gives no problems", got)
	}
}
