// Package eval computes PostgreSQL's scalar functions, operators and casts, for
// values that only the proxy may see. It finds the function that PostgreSQL
// would find, among pg_catalog's own, and gives the value or the SQLSTATE that
// PostgreSQL would give. What it cannot do exactly it refuses.
//
// Only immutable functions are here, and stable ones that depend on nothing but
// the [Settings]. Each is compared with a server's on generated values.
//
// [Evaluate] computes an expression; [Check] only types it. The rules by which
// PostgreSQL chooses among functions of one name are in resolve.go, the implicit
// conversions in convert.go; the functions are in one file for each family, as
// tables of signatures.
package eval

import (
	"github.com/pgveil/pgveil/envelope/canon"
)

// Value is a value of a type.
type Value struct {
	// Type is zero for a string literal, or a parameter, of unknown type: Data is
	// its text then.
	Type canon.Type
	Null bool
	// Data is the canonical form.
	Data []byte
}

// Settings are what results depend on beside the operands.
type Settings struct {
	// Forms are what text forms depend on: DateStyle, TimeZone, IntervalStyle and others.
	Forms *canon.Settings
	// ZoneUnknown says that the session's time zone is none that Forms could name.
	ZoneUnknown bool
	Locale      Locale
}

// Locale is how a database orders and folds text by default. The zero Locale is
// not known, and everything that depends on it is refused.
type Locale struct {
	// Provider is 'c' for the C library, 'i' for ICU, 'b' for PostgreSQL's own.
	Provider byte
	// Collate and CType are the names of the locale, as "C" or "en_US.UTF-8".
	Collate, CType string
	// UTF8 says that the database's encoding is UTF8.
	UTF8 bool
}

// of returns a value of a built-in type.
func of(kind canon.Kind, data []byte) Value { return Value{Type: typeOf(kind), Data: data} }

func textValue(s []byte) (Value, error) { return of(canon.Text, s), nil }

func boolValue(b bool) Value {
	if b {
		return of(canon.Bool, []byte{1})
	}
	return of(canon.Bool, []byte{0})
}

func null(t canon.Type) Value { return Value{Type: t, Null: true} }

// isTrue says that a value of type bool is true.
func (v Value) isTrue() bool { return !v.Null && len(v.Data) == 1 && v.Data[0] != 0 }
