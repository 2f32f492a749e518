// Package schematest compares a hand-written JSON Schema with the decoder of
// the same file, so that neither knows a key that the other does not.
package schematest

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// Compare fails the test where schema and decoder differ in their keys. places
// names every mapping of the schema, by its path through properties, items and
// definitions ("" for the root), with texts in which the mapping has the
// unknown key "?". The decoder's keys are those of all texts together.
func Compare(t *testing.T, schema []byte, decode func(text []byte) error, places map[string][]string) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	found := map[string][]string{}
	collect(root, "", found)
	for place, texts := range places {
		var known []string
		for _, text := range texts {
			known = append(known, knownKeys(t, decode, text)...)
		}
		slices.Sort(known)
		if diff := cmp.Diff(slices.Compact(known), found[place]); diff != "" {
			t.Errorf("keys of %q (-decoder +schema):\n%s", place, diff)
		}
	}
	for place := range found {
		if _, ok := places[place]; !ok {
			t.Errorf("the schema has a mapping %q that this test does not write", place)
		}
	}
}

// knownKeys asks the decoder which keys it would have taken.
func knownKeys(t *testing.T, decode func([]byte) error, text string) []string {
	t.Helper()
	var problems *strictyaml.Problems
	if err := decode([]byte(text)); !errors.As(err, &problems) {
		t.Fatalf("decoding %s: %v, want problems", text, err)
	}
	for _, p := range *problems {
		if p.Why == `unknown key "?"` {
			return p.Known
		}
	}
	t.Fatalf("decoding %s does not report the unknown key: %v", text, problems)
	return nil
}

func collect(node any, path string, found map[string][]string) {
	object, ok := node.(map[string]any)
	if !ok {
		return
	}
	if properties, ok := object["properties"].(map[string]any); ok {
		for name, p := range properties {
			found[path] = append(found[path], name)
			collect(p, join(path, name), found)
		}
		if object["additionalProperties"] != false {
			found[path] = append(found[path], "additionalProperties is not false")
		}
		slices.Sort(found[path])
		found[path] = slices.Compact(found[path])
	}
	collect(object["items"], path, found)
	for _, alternatives := range []string{"oneOf", "anyOf", "allOf"} {
		list, _ := object[alternatives].([]any)
		for _, alternative := range list {
			collect(alternative, path, found)
		}
	}
	definitions, _ := object["$defs"].(map[string]any)
	for name, d := range definitions {
		collect(d, name, found)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
