// Package schematest compares a hand-written JSON Schema with the decoder of
// the same file, so that neither knows a key that the other does not.
package schematest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// Differences returns where schema and decoder differ in their keys. places
// names every mapping of the schema, by its path through properties, items and
// definitions ("" for the root), with texts in which the mapping has the
// unknown key "?". The decoder's keys are those of all texts together.
func Differences(schema []byte, decode func(text []byte) error, places map[string][]string) []string {
	var root map[string]any
	if err := json.Unmarshal(schema, &root); err != nil {
		return []string{"the schema is not JSON: " + err.Error()}
	}
	var differences []string
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	found := map[string][]string{}
	collect(root, "", found)
	for place, texts := range places {
		var known []string
		for _, text := range texts {
			keys, err := knownKeys(decode, text)
			if err != nil {
				differ("%v", err)
			}
			known = append(known, keys...)
		}
		slices.Sort(known)
		if known = slices.Compact(known); !slices.Equal(known, found[place]) {
			differ("keys of %q: the decoder has %q, the schema %q", place, known, found[place])
		}
	}
	for place := range found {
		if _, ok := places[place]; !ok {
			differ("the schema has a mapping %q that no text writes", place)
		}
	}
	slices.Sort(differences)
	return differences
}

// knownKeys asks the decoder which keys it would have taken.
func knownKeys(decode func([]byte) error, text string) ([]string, error) {
	problems, ok := errors.AsType[*strictyaml.Problems](decode([]byte(text)))
	if !ok {
		return nil, fmt.Errorf("decoding %s gives no problems", text)
	}
	for _, p := range *problems {
		if p.Why == `unknown key "?"` {
			return p.Known, nil
		}
	}
	return nil, fmt.Errorf("decoding %s does not report the unknown key: %w", text, problems)
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
