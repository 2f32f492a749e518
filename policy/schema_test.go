package policy

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where a mapping of the schema can be written: a file with a key "?" in it.
var places = map[string]string{
	"":                    `{"?": 1}`,
	"limits":              `{limits: {"?": 1}}`,
	"role":                `{roles: {r: {"?": 1}}}`,
	"access":              `{access: {"*": {"?": 1}}}`,
	"mask":                `{tables: {t: {c: {mask: {"?": 1}}}}}`,
	"column":              `{tables: {t: {c: {"?": 1}}}}`,
	"column.search":       `{tables: {t: {c: {search: [{"?": 1}]}}}}`,
	"column.search.order": `{tables: {t: {c: {search: [{order: {"?": 1}}]}}}}`,
}

// knownKeys asks the decoder which keys it knows at a place.
func knownKeys(t *testing.T, text string) []string {
	t.Helper()
	_, err := Load("p", []byte(text))
	var problems *Problems
	if !errors.As(err, &problems) {
		t.Fatalf("Load(%s) = %v, want problems", text, err)
	}
	for _, p := range *problems {
		if p.Why == `unknown key "?"` {
			return slices.Sorted(slices.Values(p.Known))
		}
	}
	t.Fatalf("Load(%s) does not report the unknown key: %v", text, err)
	return nil
}

func TestSchema_knowsTheKeysThatLoadKnows(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	found := map[string][]string{}
	collectKeys(root, "", found)
	for place, text := range places {
		if diff := cmp.Diff(knownKeys(t, text), found[place]); diff != "" {
			t.Errorf("keys of %q (-Load +Schema):\n%s", place, diff)
		}
	}
	for place := range found {
		if _, ok := places[place]; !ok {
			t.Errorf("the schema has a mapping %q that this test does not write", place)
		}
	}
}

// collectKeys gathers the properties of every mapping of a schema by its path;
// definitions stand under their own name.
func collectKeys(node any, path string, found map[string][]string) {
	object, ok := node.(map[string]any)
	if !ok {
		return
	}
	if properties, ok := object["properties"].(map[string]any); ok {
		for name, p := range properties {
			found[path] = append(found[path], name)
			collectKeys(p, join(path, name), found)
		}
		slices.Sort(found[path])
		if object["additionalProperties"] != false {
			found[path] = append(found[path], "additionalProperties is not false")
		}
	}
	collectKeys(object["items"], path, found)
	for _, alternatives := range []string{"oneOf", "anyOf", "allOf"} {
		if list, ok := object[alternatives].([]any); ok {
			for _, a := range list {
				collectKeys(a, path, found)
			}
		}
	}
	if definitions, ok := object["$defs"].(map[string]any); ok {
		for name, d := range definitions {
			collectKeys(d, name, found)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func TestSchema_isACopy(t *testing.T) {
	Schema()[0] = 'x'
	if Schema()[0] != '{' {
		t.Error("changing what Schema returned changed the schema")
	}
}
