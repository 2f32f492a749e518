package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// TypeName is a type as the policy writes it, with the name that pg_type has for it.
type TypeName struct {
	// Name is the name in pg_type: "varchar" for character varying, "int4" for integer.
	Name string
	// Mods are the modifiers as written: 12 and 2 of numeric(12,2).
	Mods []int
	// Array says that the type is an array of Name.
	Array bool
}

// spellings lead from what SQL allows to the name in pg_type.
var spellings = map[string]string{
	"text": "text", "citext": "citext",
	"varchar": "varchar", "character varying": "varchar",
	"bpchar": "bpchar", "char": "bpchar", "character": "bpchar",
	"bool": "bool", "boolean": "bool",
	"int2": "int2", "smallint": "int2",
	"int4": "int4", "int": "int4", "integer": "int4",
	"int8": "int8", "bigint": "int8",
	"numeric": "numeric", "decimal": "numeric",
	"float4": "float4", "real": "float4",
	"float8": "float8", "double precision": "float8",
	"date": "date", "timestamp": "timestamp", "timestamp without time zone": "timestamp",
	"timestamptz": "timestamptz", "timestamp with time zone": "timestamptz",
	"time": "time", "time without time zone": "time",
	"timetz": "timetz", "time with time zone": "timetz",
	"interval": "interval", "uuid": "uuid", "bytea": "bytea", "json": "json", "jsonb": "jsonb",
}

// modifiers is how many modifiers a type takes at most.
var modifiers = map[string]int{
	"varchar": 1, "bpchar": 1, "numeric": 2, "timestamp": 1, "timestamptz": 1, "time": 1, "timetz": 1, "interval": 1,
}

// typeForm is name (modifiers) rest [], as in "timestamp(3) with time zone[]".
var typeForm = regexp.MustCompile(`^([a-z][a-z0-9 ]*?)\s*(?:\(\s*([0-9]+(?:\s*,\s*[0-9]+)?)\s*\))?\s*((?:with|without) time zone)?\s*((?:\[\])*)$`)

// ParseType reads a type as SQL writes it. It knows the types that can be
// protected, and arrays of them.
func ParseType(s string) (TypeName, error) {
	m := typeForm.FindStringSubmatch(strings.Join(strings.Fields(strings.ToLower(s)), " "))
	if m == nil {
		return TypeName{}, fmt.Errorf("%q is not a type", s)
	}
	written := strings.TrimSpace(m[1] + " " + m[3])
	name, ok := spellings[written]
	if !ok {
		return TypeName{}, fmt.Errorf("%q is not a type that can be protected (%s)",
			written, strictyaml.Suggest(written, slices.Sorted(maps.Keys(spellings))))
	}
	t := TypeName{Name: name, Array: m[4] != ""}
	for digits := range strings.SplitSeq(m[2], ",") {
		if digits == "" {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(digits))
		if err != nil || n > 10<<20 {
			return TypeName{}, fmt.Errorf("modifier %s of %s is too large", strings.TrimSpace(digits), name)
		}
		t.Mods = append(t.Mods, n)
	}
	if len(t.Mods) > modifiers[name] {
		return TypeName{}, fmt.Errorf("%s takes %d modifiers, not %d", name, modifiers[name], len(t.Mods))
	}
	return t, nil
}

// isText reports whether the type belongs to the text family.
func (t TypeName) isText() bool {
	return !t.Array && slices.Contains([]string{"text", "varchar", "bpchar", "citext"}, t.Name)
}

// family is equal for types whose equal values are sealed as equal.
func (t TypeName) family() string {
	name := t.Name
	if name == "varchar" {
		name = "text"
	}
	if t.Array {
		name += "[]"
	}
	return name
}

// hasYear reports whether MaskYear makes sense for the type.
func (t TypeName) hasYear() bool {
	return !t.Array && slices.Contains([]string{"date", "timestamp", "timestamptz"}, t.Name)
}

// hasOrder reports whether values of the type can be sought by range or sorted.
func (t TypeName) hasOrder() bool {
	return !t.Array && !slices.Contains([]string{"bool", "json", "jsonb", "bytea"}, t.Name)
}

// hasEquality is false for json, which has no = in PostgreSQL.
func (t TypeName) hasEquality() bool { return t.Name != "json" }
