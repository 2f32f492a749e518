package policy

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of a policy file, for
// editors. The file's rules are wider than a schema can say: Load decides.
func Schema() []byte { return slices.Clone(schema) }
