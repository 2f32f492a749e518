package eval

import (
	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval/tree"
)

// Kinds of operands that are no types of values: of unknown type, which the
// zero Kind stands for, and those that a signature takes instead of a type.
const (
	unknown     = canon.Unsupported
	anyNonArray = canon.Kind(200) // anynonarray: any type that is known and no array
	anyValue    = canon.Kind(201) // "any", as of concat
	otherType   = canon.Kind(202) // a type of category U that no operand here is of
)

// A typeInfo is what the rules of resolution need of a row of pg_type.
type typeInfo struct {
	kind      canon.Kind
	name      string
	category  byte
	preferred bool
}

var typeInfos = [...]typeInfo{
	{canon.Text, "text", 'S', true},
	{canon.Varchar, "varchar", 'S', false},
	{canon.Bpchar, "bpchar", 'S', false},
	{canon.Bool, "bool", 'B', true},
	{canon.Int2, "int2", 'N', false},
	{canon.Int4, "int4", 'N', false},
	{canon.Int8, "int8", 'N', false},
	{canon.Numeric, "numeric", 'N', false},
	{canon.Float4, "float4", 'N', false},
	{canon.Float8, "float8", 'N', true},
	{canon.Date, "date", 'D', false},
	{canon.Timestamp, "timestamp", 'D', false},
	{canon.Timestamptz, "timestamptz", 'D', true},
	{canon.Time, "time", 'D', false},
	{canon.Timetz, "timetz", 'D', false},
	{canon.Interval, "interval", 'T', true},
	{canon.UUID, "uuid", 'U', false},
	{canon.Bytea, "bytea", 'U', false},
	{canon.JSON, "json", 'U', false},
	{canon.JSONB, "jsonb", 'U', false},
	{anyNonArray, "anynonarray", 'P', false},
	{anyValue, "any", 'P', false},
	{otherType, "other", 'U', false},
}

var (
	infoByKind = indexTypes(func(t typeInfo) canon.Kind { return t.kind })
	infoByName = indexTypes(func(t typeInfo) string { return t.name })
)

func indexTypes[K comparable](key func(typeInfo) K) map[K]typeInfo {
	m := map[K]typeInfo{}
	for _, t := range typeInfos {
		m[key(t)] = t
	}
	return m
}

func category(k canon.Kind) byte  { return infoByKind[k].category }
func preferred(k canon.Kind) bool { return infoByKind[k].preferred }

// typeOf returns the built-in type of a kind, without a modifier.
func typeOf(k canon.Kind) canon.Type {
	t, _ := canon.TypeOf(0, -1, infoByKind[k].name, 0, "")
	return t
}

// scalarType returns the type that a tree names. Arrays, and types that are not
// PostgreSQL's own, are none of this package's.
func scalarType(t tree.Type) (canon.Type, bool) {
	if t == (tree.Type{}) {
		return canon.Type{}, true
	}
	c, ok := canon.TypeOf(t.OID, t.Mod, t.Name, t.Elem, t.ElemName)
	_, known := infoByKind[c.Kind]
	return c, ok && known && !c.Array
}

func treeType(t canon.Type) tree.Type {
	if t.Kind == unknown {
		return tree.Type{}
	}
	return tree.Type{OID: t.OID, Mod: t.Mod, Name: infoByKind[t.Kind].name}
}

// sqlName returns a type's name as messages write it.
func sqlName(k canon.Kind) string {
	if k == unknown {
		return "unknown"
	}
	return typeOf(k).String()
}
