package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// typeName is a type as it is written: its name in pg_type without the array
// underscore, the modifier, and whether it is an array of them.
type typeName struct {
	schema, name string
	mod          int32
	array        bool
}

// spellings are SQL's names for types, as the parser resolves them.
func spellings() map[string]string {
	return map[string]string{
		"character varying": "varchar", "char varying": "varchar", "national character varying": "varchar",
		"character": "bpchar", "char": "bpchar", "nchar": "bpchar", "national character": "bpchar",
		"boolean": "bool", "smallint": "int2", "integer": "int4", "int": "int4", "bigint": "int8",
		"decimal": "numeric", "dec": "numeric", "real": "float4", "float": "float8", "double precision": "float8",
		"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
		"time without time zone": "time", "time with time zone": "timetz", "bit varying": "varbit",
	}
}

// ParseType reads a type as a policy or a schema writes it, such as
// "numeric(12,2)", "character varying (100)", "timestamp(3) with time zone" or
// "public.citext[]", and returns its schema ("" if none was written), its name
// in pg_type (with the underscore of an array type) and its modifier, -1 for
// none. It knows only how types are spelled, not which ones exist.
func ParseType(text string) (schema, name string, mod int32, err error) {
	t, err := parseTypeName(text)
	if err != nil {
		return "", "", -1, err
	}
	if t.array {
		t.name = "_" + t.name
	}
	return t.schema, t.name, t.mod, nil
}

func parseTypeName(text string) (typeName, error) {
	t := typeName{mod: -1}
	rest := strings.ToLower(strings.Join(strings.Fields(text), " "))
	if before, ok := strings.CutSuffix(rest, "[]"); ok {
		t.array, rest = true, strings.TrimRight(before, " ")
		for strings.HasSuffix(rest, "[]") { // PostgreSQL does not count dimensions
			rest = strings.TrimSuffix(rest, "[]")
		}
	}

	var args []int
	if open := strings.IndexByte(rest, '('); open >= 0 {
		end := strings.IndexByte(rest, ')')
		if end < open {
			return t, fmt.Errorf("type %q: parentheses do not match", text)
		}
		for arg := range strings.SplitSeq(rest[open+1:end], ",") {
			n, err := strconv.Atoi(strings.TrimSpace(arg))
			if err != nil {
				return t, fmt.Errorf("type %q: modifier %q is not a number", text, strings.TrimSpace(arg))
			}
			args = append(args, n)
		}
		rest = strings.TrimSpace(strings.TrimSpace(rest[:open]) + " " + strings.TrimSpace(rest[end+1:]))
	}

	if before, after, ok := strings.Cut(rest, "."); ok {
		t.schema, rest = before, after
	}
	bare := rest == "character" || rest == "char" || rest == "nchar" || rest == "national character"
	if s, ok := spellings()[rest]; ok {
		rest = s
	}
	if rest == "" || strings.ContainsAny(rest, " ()[],'\"") {
		return t, fmt.Errorf("type %q: not a type name", text)
	}
	t.name = rest
	if bare && len(args) == 0 {
		args = []int{1} // CHAR alone is CHAR(1), bpchar alone has no limit
	}
	mod, err := TypeModifier(t.name, args)
	if err != nil {
		return t, fmt.Errorf("type %q: %w", text, err)
	}
	t.mod = mod
	return t, nil
}

// TypeModifier packs the arguments of a type as its typmodin function does.
func TypeModifier(name string, args []int) (int32, error) {
	const header = 4 // VARHDRSZ
	if len(args) == 0 {
		return -1, nil
	}
	between := func(i, low, high int) bool { return i < len(args) && args[i] >= low && args[i] <= high }
	switch name {
	case "varchar", "bpchar":
		if len(args) == 1 && between(0, 1, 10485760) {
			return int32(args[0] + header), nil
		}
	case "numeric":
		if len(args) == 1 {
			args = append(args, 0)
		}
		if len(args) == 2 && between(0, 1, 1000) && between(1, -1000, 1000) {
			return int32((args[0]<<16 | args[1]&0x7ff) + header), nil
		}
	case "timestamp", "timestamptz", "time", "timetz":
		if len(args) == 1 && between(0, 0, 6) {
			return int32(args[0]), nil
		}
	case "interval":
		const fullRange = 0x7fff
		if len(args) == 1 && between(0, 0, 6) {
			return int32(fullRange<<16 | args[0]), nil
		}
	case "bit", "varbit":
		if len(args) == 1 && between(0, 1, 83886080) {
			return int32(args[0]), nil
		}
	}
	return -1, fmt.Errorf("type %s cannot have the modifier %v", name, args)
}
