package canon

import (
	"bytes"
	"unicode/utf8"
)

// FromText returns the canonical form of what a session wrote as text: what the
// type's input function and the assignment to a column with t's modifier would
// make of it under s. s may be nil for the defaults. The result is new memory.
// The error is a *pgerr.Error with PostgreSQL's SQLSTATE and never tells the value.
//
// A value that is only compared with a column is not assigned to it: give
// t.WithoutMod(), or 1.005 would be rounded before it is looked for.
func FromText(t Type, s *Settings, text []byte) ([]byte, error) {
	return AppendFromText(nil, t, s, text)
}

// AppendFromText is FromText appending to dst, which a caller can use again.
func AppendFromText(dst []byte, t Type, s *Settings, text []byte) ([]byte, error) {
	if !t.supported() {
		return nil, errUnsupported(t)
	}
	// PostgreSQL checks the encoding of everything that it receives as text
	// before any input function sees it.
	if !validText(text) {
		return nil, errEncoding()
	}
	if t.Array {
		return arrayFromText(dst, t, s, text)
	}
	return scalarFromText(dst, t, s, text)
}

func scalarFromText(dst []byte, t Type, s *Settings, text []byte) ([]byte, error) {
	switch t.Kind {
	case Text, Citext:
		return append(dst, text...), nil
	case Varchar, Bpchar:
		return appendFitted(dst, t, text)
	case Bool:
		return boolFromText(dst, text)
	case Int2, Int4, Int8:
		return intFromText(dst, t.Kind, text)
	case Numeric:
		return numericFromText(dst, t, text)
	case Float4, Float8:
		return floatFromText(dst, t.Kind, text)
	case Date:
		return dateFromText(dst, s, text)
	case Timestamp, Timestamptz:
		return timestampFromText(dst, t, s, text)
	case Time, Timetz:
		return timeFromText(dst, t, s, text)
	case Interval:
		return intervalFromText(dst, t, s, text)
	case UUID:
		return uuidFromText(dst, text)
	case Bytea:
		return byteaFromText(dst, text)
	case JSON:
		return jsonFromText(dst, text)
	case JSONB:
		return jsonbFromText(dst, text)
	}
	return nil, errUnsupported(t)
}

// FromBinary returns the canonical form of a value in the binary wire form, as
// the type's receive function would take it: checked in full, against t's
// modifier too. The result is new memory.
func FromBinary(t Type, b []byte) ([]byte, error) { return AppendFromBinary(nil, t, b) }

// AppendFromBinary is FromBinary appending to dst.
func AppendFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	if !t.supported() {
		return nil, errUnsupported(t)
	}
	if t.Array {
		return arrayFromBinary(dst, t, b)
	}
	return scalarFromBinary(dst, t, b)
}

func scalarFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	switch t.Kind {
	case Text, Citext, Varchar, Bpchar, JSON:
		if !validText(b) {
			return nil, errEncoding()
		}
		return scalarFromText(dst, t, nil, b)
	case JSONB:
		if len(b) == 0 {
			return nil, errShort(t)
		}
		if b[0] != jsonbVersion {
			return nil, errBinary(t)
		}
		if !validText(b[1:]) {
			return nil, errEncoding()
		}
		return jsonbFromText(dst, b[1:])
	case Numeric:
		return numericFromBinary(dst, t, b)
	case Bytea:
		return append(dst, b...), nil
	}
	// The other kinds have one size each.
	if err := checkSize(t, b); err != nil {
		return nil, err
	}
	switch t.Kind {
	case Bool:
		return append(dst, boolByte(b[0] != 0)), nil
	case Date:
		return dateFromBinary(dst, b)
	case Timestamp, Timestamptz:
		return timestampFromBinary(dst, t, b)
	case Time, Timetz:
		return timeFromBinary(dst, t, b)
	case Interval:
		return intervalFromBinary(dst, t, b)
	}
	return append(dst, b...), nil
}

// fixedSize returns the size of a kind's canonical form, 0 where it varies.
func fixedSize(k Kind) int {
	switch k {
	case Bool:
		return 1
	case Int2:
		return 2
	case Int4, Float4, Date:
		return 4
	case Int8, Float8, Timestamp, Timestamptz, Time:
		return 8
	case Timetz:
		return 12
	case Interval, UUID:
		return 16
	}
	return 0
}

// checkSize refuses a value of the wrong size as PostgreSQL does: too short is
// a broken message, too long a bad value.
func checkSize(t Type, b []byte) error {
	switch n := fixedSize(t.Kind); {
	case n == 0 || len(b) == n:
		return nil
	case len(b) < n:
		return errShort(t)
	default:
		return errBinary(t)
	}
}

// AppendText appends what the type's output function writes for the canonical
// value v under s; s may be nil for the defaults. It fails only on a v that is
// no canonical value of t.
func AppendText(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	if !t.supported() {
		return nil, errUnsupported(t)
	}
	if t.Array {
		return arrayToText(dst, t, s, v)
	}
	return scalarToText(dst, t, s, v)
}

func scalarToText(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	if err := checkSize(t, v); err != nil {
		return nil, errDamaged(t)
	}
	switch t.Kind {
	case Text, Varchar, Bpchar, Citext, JSON, JSONB:
		return append(dst, v...), nil
	case Bool:
		if v[0] != 0 {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	case Int2, Int4, Int8:
		return intToText(dst, v), nil
	case Numeric:
		return numericToText(dst, v)
	case Float4, Float8:
		return floatToText(dst, t.Kind, s, v), nil
	case Date:
		return dateToText(dst, s, v), nil
	case Timestamp:
		return timestampToText(dst, s, v), nil
	case Timestamptz:
		return timestamptzToText(dst, s, v), nil
	case Time:
		return timeToText(dst, v), nil
	case Timetz:
		return timetzToText(dst, v), nil
	case Interval:
		return intervalToText(dst, s, v), nil
	case UUID:
		return uuidToText(dst, v), nil
	case Bytea:
		return byteaToText(dst, s, v), nil
	}
	return nil, errUnsupported(t)
}

// AppendBinary appends the binary wire form of the canonical value v.
func AppendBinary(dst []byte, t Type, v []byte) ([]byte, error) {
	if !t.supported() {
		return nil, errUnsupported(t)
	}
	if t.Array {
		return arrayToBinary(dst, t, v)
	}
	return scalarToBinary(dst, t, v)
}

func scalarToBinary(dst []byte, t Type, v []byte) ([]byte, error) {
	if err := checkSize(t, v); err != nil {
		return nil, errDamaged(t)
	}
	if t.Kind == JSONB {
		dst = append(dst, jsonbVersion)
	}
	return append(dst, v...), nil
}

// AppendEquality appends the equality form of the canonical value v: two values
// of one type have the same form if and only if PostgreSQL's = says that they
// are equal. Text is compared byte by byte, as PostgreSQL compares it under
// every deterministic collation: there is no Unicode normalisation. It fails
// for a type that has no =.
func AppendEquality(dst []byte, t Type, v []byte) ([]byte, error) {
	if !t.HasEquality() {
		return nil, errNoEquality(t)
	}
	if t.Array {
		return arrayEquality(dst, t, v)
	}
	return scalarEquality(dst, t, v)
}

func scalarEquality(dst []byte, t Type, v []byte) ([]byte, error) {
	if err := checkSize(t, v); err != nil {
		return nil, errDamaged(t)
	}
	switch t.Kind {
	case Bpchar:
		return append(dst, bytes.TrimRight(v, " ")...), nil
	case Citext:
		return appendLower(dst, v), nil
	case Numeric:
		return numericEquality(dst, v)
	case Float4, Float8:
		return floatEquality(dst, v), nil
	case Interval:
		return intervalEquality(dst, v), nil
	case JSONB:
		return jsonbEquality(dst, v), nil
	}
	return append(dst, v...), nil
}

// validText reports whether PostgreSQL takes b as text in UTF-8.
func validText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
