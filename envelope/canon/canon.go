// Package canon knows the forms of a PostgreSQL value: the text that a session
// writes and reads under its DateStyle, TimeZone and IntervalStyle, the binary
// wire form, and two forms of its own: the canonical form, which is what is
// sealed, and the equality form, which is equal for values that PostgreSQL's
// = calls equal.
//
// The canonical form of text, varchar, bpchar and citext is the value in
// UTF-8; of json and jsonb its text; of every other type the form of the type's
// binary send function. Arrays are in the binary form of array_send, over the
// canonical forms of their elements.
package canon

import "time"

// Kind is a supported type, apart from its OID (citext has another in every database).
type Kind uint8

// The supported kinds.
const (
	Unsupported Kind = iota
	Text
	Varchar
	Bpchar
	Citext
	Bool
	Int2
	Int4
	Int8
	Numeric
	Float4
	Float8
	Date
	Timestamp
	Timestamptz
	Time
	Timetz
	Interval
	UUID
	Bytea
	JSON
	JSONB
)

// Type is a logical type.
type Type struct {
	Kind Kind
	// Array says that this is an array with elements of Kind.
	Array bool
	// OID is the type's own, ElemOID that of an array's elements, else 0.
	OID, ElemOID uint32
	// Mod is atttypmod, -1 for none; for an array it is that of its elements.
	Mod int32
}

// Settings are the session settings that text forms depend on. The zero value
// stands for PostgreSQL's defaults: ISO MDY, UTC, postgres, hex, 1.
type Settings struct {
	// DateStyle and IntervalStyle as ParameterStatus reports them: "ISO, MDY", "postgres".
	DateStyle, IntervalStyle string
	// TimeZone is nil for UTC.
	TimeZone *time.Location
	// ByteaOutput is "hex" or "escape".
	ByteaOutput string
	// ExtraFloatDigits is nil for the default, 1.
	ExtraFloatDigits *int
}
