package catalog

import "strings"

// Sealable reports whether values of this type can be sealed. Arrays are
// sealed as one value.
func (t Type) Sealable() bool {
	name := t.Name
	if t.Elem != 0 {
		name = t.ElemName
	}
	switch name {
	case "text", "varchar", "bpchar", "citext", "bool", "int2", "int4", "int8", "numeric", "float4", "float8",
		"date", "timestamp", "timestamptz", "time", "timetz", "interval", "uuid", "bytea", "json", "jsonb":
		return true
	}
	return false
}

// StoredAsIs reports whether a sealed column of this type keeps its declared
// type. All others are stored as text.
func (t Type) StoredAsIs() bool {
	return t.Elem == 0 && (t.Name == "text" || t.Name == "citext" || t.Name == "varchar" && t.Mod == -1)
}

// holdsText reports whether values of another type may have been kept in this one.
func (t Type) holdsText() bool {
	return t.Elem == 0 && (t.Name == "text" || t.Name == "varchar" || t.Name == "bpchar" || t.Name == "citext")
}

// typeTable finds types by OID, by name and by element.
type typeTable struct {
	byOID   map[uint32]Type
	byName  map[relationName]uint32
	nameOf  map[uint32]relationName
	arrayOf map[uint32]uint32
}

func newTypeTable() typeTable {
	return typeTable{byOID: map[uint32]Type{}, byName: map[relationName]uint32{}, nameOf: map[uint32]relationName{}, arrayOf: map[uint32]uint32{}}
}

func (tt *typeTable) add(schema string, t Type) {
	tt.byOID[t.OID] = t
	tt.byName[relationName{schema, t.Name}] = t.OID
	tt.nameOf[t.OID] = relationName{schema, t.Name}
}

// link completes array types with the names of their elements, once all are there.
func (tt *typeTable) link() {
	for oid, t := range tt.byOID {
		if t.Elem == 0 {
			continue
		}
		t.ElemName = tt.byOID[t.Elem].Name
		tt.byOID[oid] = t
		// int2vector and oidvector are arrays too, but int2[] is _int2.
		if strings.HasPrefix(t.Name, "_") {
			tt.arrayOf[t.Elem] = oid
		}
	}
}

// Type returns the type of an OID, without a modifier.
func (s *Snapshot) Type(oid uint32) (Type, bool) {
	t, ok := s.types.byOID[oid]
	return t, ok
}

// TypeName returns the schema and the name in pg_type of a type.
func (s *Snapshot) TypeName(oid uint32) (schema, name string, ok bool) {
	n, ok := s.types.nameOf[oid]
	return n.schema, n.name, ok
}

// TypeByName returns the type that a name in pg_type means: "int4", "varchar",
// "_text". With schema "" the first one along searchPath. SQL's own spellings
// ("integer") are the parser's to resolve.
func (s *Snapshot) TypeByName(searchPath []string, schema, name string) (Type, bool) {
	for at := range schemas(searchPath, schema) {
		if oid, ok := s.types.byName[relationName{at, name}]; ok {
			return s.types.byOID[oid], true
		}
	}
	return Type{}, false
}

// ArrayOf returns the array type whose elements are of the type elem.
func (s *Snapshot) ArrayOf(elem uint32) (Type, bool) {
	t, ok := s.types.byOID[s.types.arrayOf[elem]]
	return t, ok
}

// resolve finds the type that a policy or a schema text writes. "" is searched
// for in public too, where extensions such as citext usually are.
func (s *Snapshot) resolve(text string) (Type, error) {
	schema, name, mod, err := ParseType(text)
	if err != nil {
		return Type{}, err
	}
	t, ok := s.TypeByName([]string{"pg_catalog", "public"}, schema, name)
	if !ok && schema == "" {
		t, ok = s.anyTypeNamed(name)
	}
	if !ok {
		return Type{}, &unknownTypeError{text}
	}
	t.Mod = mod
	return t, nil
}

func (s *Snapshot) anyTypeNamed(name string) (found Type, ok bool) {
	for at, oid := range s.types.byName {
		if at.name != name {
			continue
		}
		if ok {
			return Type{}, false // two of that name: the policy must say which
		}
		found, ok = s.types.byOID[oid], true
	}
	return found, ok
}

type unknownTypeError struct{ name string }

func (e *unknownTypeError) Error() string { return "type \"" + e.name + "\" does not exist" }
