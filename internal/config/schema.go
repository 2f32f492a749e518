package config

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of pgveil.yaml, for editors.
func Schema() []byte { return slices.Clone(schema) }
