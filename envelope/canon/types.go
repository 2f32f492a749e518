package canon

import "strconv"

// A builtin is a row of pg_type as every PostgreSQL has it.
type builtin struct {
	kind       Kind
	oid, array uint32
	// name is the name in pg_type, sql the one in error messages.
	name, sql string
}

// builtins is indexed by Kind. citext is an extension's type: it has no fixed OID.
var builtins = [...]builtin{
	Text:        {Text, 25, 1009, "text", "text"},
	Varchar:     {Varchar, 1043, 1015, "varchar", "character varying"},
	Bpchar:      {Bpchar, 1042, 1014, "bpchar", "character"},
	Citext:      {Citext, 0, 0, "citext", "citext"},
	Bool:        {Bool, 16, 1000, "bool", "boolean"},
	Int2:        {Int2, 21, 1005, "int2", "smallint"},
	Int4:        {Int4, 23, 1007, "int4", "integer"},
	Int8:        {Int8, 20, 1016, "int8", "bigint"},
	Numeric:     {Numeric, 1700, 1231, "numeric", "numeric"},
	Float4:      {Float4, 700, 1021, "float4", "real"},
	Float8:      {Float8, 701, 1022, "float8", "double precision"},
	Date:        {Date, 1082, 1182, "date", "date"},
	Timestamp:   {Timestamp, 1114, 1115, "timestamp", "timestamp"},
	Timestamptz: {Timestamptz, 1184, 1185, "timestamptz", "timestamp with time zone"},
	Time:        {Time, 1083, 1183, "time", "time"},
	Timetz:      {Timetz, 1266, 1270, "timetz", "time with time zone"},
	Interval:    {Interval, 1186, 1187, "interval", "interval"},
	UUID:        {UUID, 2950, 2951, "uuid", "uuid"},
	Bytea:       {Bytea, 17, 1001, "bytea", "bytea"},
	JSON:        {JSON, 114, 199, "json", "json"},
	JSONB:       {JSONB, 3802, 3807, "jsonb", "jsonb"},
}

// firstUserOID is where PostgreSQL begins to number what users create.
const firstUserOID = 16384

// TypeOf returns the logical type for a row of pg_type: its OID, the modifier
// of the column, its name, and for an array type the OID and name of its
// elements, else 0 and "". Built-in types are known by their OID, so a user's
// own type that is named "text" is not mistaken for one; citext, which has
// another OID in every database, is known by its name. With OID 0 a built-in
// type is found by its name ("varchar", "_int4"), for use without a database.
// It reports false for a type that has no forms here.
func TypeOf(oid uint32, mod int32, name string, elemOID uint32, elemName string) (Type, bool) {
	if oid >= firstUserOID {
		switch {
		case name == "citext":
			return Type{Kind: Citext, OID: oid, Mod: -1}, true
		case elemName == "citext" && elemOID >= firstUserOID:
			return Type{Kind: Citext, Array: true, OID: oid, ElemOID: elemOID, Mod: -1}, true
		}
		return Type{}, false
	}
	for _, b := range builtins {
		switch {
		case b.oid == 0:
		case oid == b.oid, oid == 0 && name == b.name:
			return Type{Kind: b.kind, OID: b.oid, Mod: mod}, true
		case oid == b.array, oid == 0 && len(name) > 1 && name[0] == '_' && name[1:] == b.name:
			return Type{Kind: b.kind, Array: true, OID: b.array, ElemOID: b.oid, Mod: mod}, true
		}
	}
	return Type{}, false
}

// HasEquality reports whether PostgreSQL has an = for the type. json has none.
func (t Type) HasEquality() bool { return t.supported() && t.Kind != JSON }

// supported guards the entrances: the zero Type, and a Kind that is none.
func (t Type) supported() bool { return t.Kind != Unsupported && int(t.Kind) < len(builtins) }

// Elem returns the type of an array's elements.
func (t Type) Elem() Type { return Type{Kind: t.Kind, OID: t.ElemOID, Mod: t.Mod} }

// WithoutMod returns the type without its modifier: what a comparison is made in.
func (t Type) WithoutMod() Type {
	t.Mod = -1
	return t
}

// String returns the type's name as PostgreSQL's messages write it, with its
// modifier: "character varying(100)", "numeric(12,2)[]".
func (t Type) String() string {
	if !t.supported() {
		return "unsupported"
	}
	name := builtins[t.Kind].sql + t.modifier()
	if t.Array {
		name += "[]"
	}
	return name
}

func (t Type) modifier() string {
	switch t.Kind {
	case Varchar, Bpchar:
		if n, ok := t.charLimit(); ok {
			return "(" + strconv.Itoa(n) + ")"
		}
	case Numeric:
		if precision, scale, ok := t.numericLimit(); ok {
			return "(" + strconv.Itoa(precision) + "," + strconv.Itoa(scale) + ")"
		}
	case Timestamp, Timestamptz, Time, Timetz:
		if t.Mod >= 0 {
			return "(" + strconv.Itoa(int(t.Mod)) + ")"
		}
	}
	return ""
}

// varHeader is VARHDRSZ, which PostgreSQL adds to the modifiers of varlena types.
const varHeader = 4

// charLimit returns n of varchar(n) and bpchar(n).
func (t Type) charLimit() (n int, ok bool) {
	if t.Mod < varHeader {
		return 0, false
	}
	return int(t.Mod) - varHeader, true
}

// numericLimit returns p and s of numeric(p,s). s is negative or greater than p at times.
func (t Type) numericLimit() (precision, scale int, ok bool) {
	if t.Mod < varHeader {
		return 0, 0, false
	}
	m := t.Mod - varHeader
	return int(m>>16) & 0xffff, int(m&0x7ff^1024) - 1024, true
}
