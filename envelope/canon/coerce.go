package canon

import (
	"bytes"
	"math"
	"strconv"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Coerce turns a canonical value of one type into that of another, as
// PostgreSQL does by itself when a value is assigned to a column, the column's
// modifier included. It refuses what PostgreSQL does only when asked by a cast,
// and what depends on the current time. The result is new memory.
//
// It is for values that are stored. An assignment rounds: for an integer column
// c, c = 1.5 is false for every row, but Coerce makes 2 of it.
func Coerce(from, to Type, s *Settings, v []byte) ([]byte, error) {
	switch {
	case !from.supported():
		return nil, errUnsupported(from)
	case !to.supported():
		return nil, errUnsupported(to)
	case from.Array != to.Array:
		if from.Array && isText(to.Kind) {
			return coerceToText(from, to, s, v)
		}
		return nil, errNoCast(from, to)
	case !from.Array:
		return coerceScalar(nil, from, to, s, v)
	}
	return mapArray(nil, from, to.ElemOID, v, func(dst, elem []byte) ([]byte, error) {
		return coerceScalar(dst, from.Elem(), to.Elem(), s, elem)
	})
}

// Assignable reports whether PostgreSQL lets values of one type be assigned to
// columns of another, whatever the values are.
func Assignable(from, to Type) bool {
	number := func(k Kind) bool { return isInt(k) || isFloat(k) || k == Numeric }
	switch {
	case !from.supported() || !to.supported():
		return false
	case from.Array != to.Array:
		return from.Array && isText(to.Kind)
	case from.Kind == to.Kind, isText(to.Kind), number(from.Kind) && number(to.Kind):
		return true
	case from.Kind == JSON && to.Kind == JSONB, from.Kind == JSONB && to.Kind == JSON:
		return true
	}
	switch from.Kind {
	case Date:
		return to.Kind == Timestamp || to.Kind == Timestamptz
	case Timestamp:
		return to.Kind == Timestamptz || to.Kind == Date || to.Kind == Time
	case Timestamptz:
		return to.Kind == Timestamp || to.Kind == Date || to.Kind == Time || to.Kind == Timetz
	case Time:
		return to.Kind == Timetz || to.Kind == Interval
	case Timetz, Interval:
		return to.Kind == Time
	}
	return false
}

func isText(k Kind) bool { return k == Text || k == Varchar || k == Bpchar || k == Citext }

func isInt(k Kind) bool { return k == Int2 || k == Int4 || k == Int8 }

func isFloat(k Kind) bool { return k == Float4 || k == Float8 }

func coerceScalar(dst []byte, from, to Type, s *Settings, v []byte) ([]byte, error) {
	if err := checkSize(from, v); err != nil {
		return nil, errDamaged(from)
	}
	switch {
	case from.Kind == to.Kind:
		return coerceModifier(dst, to, v)
	case isText(to.Kind):
		text, err := coerceToText(from, to, s, v)
		if err != nil {
			return nil, err
		}
		return append(dst, text...), nil
	case from.Kind == JSON && to.Kind == JSONB, from.Kind == JSONB && to.Kind == JSON:
		return scalarFromText(dst, to, s, v)
	case isInt(from.Kind) || isFloat(from.Kind) || from.Kind == Numeric:
		return coerceNumber(dst, from, to, v)
	}
	return coerceTime(dst, from, to, s, v)
}

// coerceModifier applies the modifier of the new type to a value of the same kind.
func coerceModifier(dst []byte, to Type, v []byte) ([]byte, error) {
	if to.Kind == JSONB {
		return scalarFromText(dst, to, nil, v)
	}
	return scalarFromBinary(dst, to, v)
}

// coerceToText writes a value as text. A bpchar loses its padding, and bool
// has a cast of its own, which writes words.
func coerceToText(from, to Type, s *Settings, v []byte) (text []byte, err error) {
	switch {
	case from.Array:
		text, err = arrayToText(nil, from, s, v)
	case from.Kind == Bpchar:
		text = bytes.TrimRight(v, " ")
	case from.Kind == Bool:
		text = strconv.AppendBool(nil, v[0] != 0)
	default:
		text, err = scalarToText(nil, from, s, v)
	}
	if err != nil {
		return nil, err
	}
	return scalarFromText(nil, to, s, text)
}

// coerceNumber converts among integers, numeric and floats.
func coerceNumber(dst []byte, from, to Type, v []byte) ([]byte, error) {
	switch {
	case isInt(from.Kind) && isInt(to.Kind):
		return appendInt(dst, to.Kind, intValue(v))
	case isInt(from.Kind) && isFloat(to.Kind):
		n := intValue(v)
		if to.Kind == Float4 {
			return appendFloat(dst, to.Kind, float64(float32(n))), nil
		}
		return appendFloat(dst, to.Kind, float64(n)), nil
	case isInt(from.Kind) && to.Kind == Numeric:
		return numericFromText(dst, to, intToText(nil, v))
	case isFloat(from.Kind) && isInt(to.Kind):
		return floatToInt(dst, to.Kind, floatValue(v))
	case isFloat(from.Kind) && isFloat(to.Kind):
		return floatToFloat(dst, to.Kind, floatValue(v))
	case isFloat(from.Kind) && to.Kind == Numeric:
		// Only the digits that the type surely holds go into the numeric.
		return numericFromText(dst, to, appendFloatText(nil, from.Kind, 0, floatValue(v)))
	case from.Kind == Numeric && isFloat(to.Kind):
		text, err := numericToText(nil, v)
		if err != nil {
			return nil, err
		}
		return floatFromText(dst, to.Kind, text)
	case from.Kind == Numeric && isInt(to.Kind):
		return numericToInt(dst, to.Kind, v)
	}
	return nil, errNoCast(from, to)
}

// floatToInt rounds half to even, as the hardware does.
func floatToInt(dst []byte, k Kind, f float64) ([]byte, error) {
	f = math.RoundToEven(f)
	// The first float beyond an int64 is a power of two, so both bounds are exact.
	if f != f || f < math.MinInt64 || f >= -math.MinInt64 {
		return nil, errRange(k)
	}
	return appendInt(dst, k, int64(f))
}

func floatToFloat(dst []byte, k Kind, f float64) ([]byte, error) {
	if k == Float4 && !math.IsInf(f, 0) {
		narrow := float64(float32(f))
		if math.IsInf(narrow, 0) || narrow == 0 && f != 0 {
			return nil, errRange(k)
		}
	}
	return appendFloat(dst, k, f), nil
}

// numericToInt rounds half away from zero, as numeric does.
func numericToInt(dst []byte, k Kind, v []byte) ([]byte, error) {
	d, err := readNumeric(v, nil)
	if err != nil {
		return nil, err
	}
	const longest = 20
	switch {
	case d.special == signNaN:
		return nil, invalid(pgerr.StateUnsupported, "cannot convert NaN to %s", builtins[k].sql)
	case d.special != 0:
		return nil, invalid(pgerr.StateUnsupported, "cannot convert infinity to %s", builtins[k].sql)
	case d.point > longest:
		return nil, errRange(k)
	}
	d.round(0)
	n, state := parseInt(d.appendText(nil))
	if state != "" {
		return nil, errRange(k)
	}
	return appendInt(dst, k, n)
}
