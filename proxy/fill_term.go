package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
)

// term appends the equality term of a value that a column is compared with.
func (f *filler) term(dst []byte, in *input, col *column) ([]byte, error) {
	to := col.typ
	to.Mod = -1 // a comparison cuts and rounds nothing
	v, from, err := f.canonical(in, to)
	if err != nil {
		return dst, err
	}
	return f.termOf(dst, from, to, v, col)
}

// termOf appends the term of v, a value of type from, among values of type to,
// or noTerm if none of them can be equal to it.
func (f *filler) termOf(dst []byte, from, to canon.Type, v []byte, col *column) ([]byte, error) {
	v, ok, err := f.comparable(from, to, v)
	if err != nil {
		return dst, err
	}
	if !ok {
		return append(dst, noTerm...), nil
	}
	eq, err := canon.AppendEquality(f.equality[:0], to, v)
	if err != nil {
		return dst, err
	}
	f.equality = eq
	return col.codec.Term(f.ctx, dst, eq)
}

// terms appends the array of the terms of an array's elements, in text form.
func (f *filler) terms(dst []byte, in *input, col *column) ([]byte, error) {
	if col.typ.Array {
		return dst, notComparable(in.typ, col.typ)
	}
	to := col.typ
	to.Mod = -1
	list, from, err := f.canonical(in, canon.Type{Kind: to.Kind, Array: true, ElemOID: to.OID, Mod: -1})
	if err != nil {
		return dst, err
	}
	if !from.Array {
		return dst, &pgerr.Error{
			State:   "42809",
			Code:    pgerr.UnsupportedCast,
			Message: "op ANY/ALL (array) requires array on right side",
		}
	}
	elem := from.Elem()
	dst = append(dst, '{')
	first := true
	err = canon.Elements(from, list, func(v []byte, null bool) error {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if null {
			dst = append(dst, "NULL"...)
			return nil
		}
		var err error
		dst, err = f.termOf(dst, elem, to, v, col)
		return err
	})
	return append(dst, '}'), err
}

// family groups the types that PostgreSQL compares with one another; rank is
// the order in which the lower is converted to the higher.
func family(t canon.Type) (family string, rank int) {
	if t.Array {
		return "", 0
	}
	switch t.Kind {
	case canon.Varchar, canon.Text:
		return "text", 2
	case canon.Bpchar:
		return "text", 1
	case canon.Citext:
		return "text", 3
	case canon.Int2:
		return "number", 1
	case canon.Int4:
		return "number", 2
	case canon.Int8:
		return "number", 3
	case canon.Numeric:
		return "number", 4
	case canon.Float4:
		return "number", 5
	case canon.Float8:
		return "number", 6
	case canon.Date:
		return "date", 1
	case canon.Timestamp:
		return "date", 2
	case canon.Timestamptz:
		return "date", 3
	}
	return "", 0
}

// comparable converts a value to the type that a column is compared in. It
// reports false if no value of that type is equal to it.
func (f *filler) comparable(from, to canon.Type, v []byte) ([]byte, bool, error) {
	if from.Kind == to.Kind && from.Array == to.Array {
		return v, true, nil
	}
	fromFamily, low := family(from)
	toFamily, high := family(to)
	switch {
	case fromFamily == "" || fromFamily != toFamily:
		return nil, false, notComparable(from, to)
	case to.Kind == canon.Citext, from.Kind == canon.Citext:
		// Against text, PostgreSQL compares the case too; the terms do not hold it.
		return nil, false, unservedComparison(from, to)
	case to.Kind == canon.Numeric && low > high:
		return nil, false, unservedComparison(from, to)
	}
	if err := f.zoneKnown(from); err != nil {
		return nil, false, err
	}
	if err := f.zoneKnown(to); err != nil {
		return nil, false, err
	}
	if to.Kind == canon.Float4 {
		double := builtinType("float8")
		v, err := f.coerce(from, double, v)
		if err != nil {
			return nil, false, err
		}
		return f.exact(double, to, v)
	}
	if low <= high {
		w, err := f.coerce(from, to, v)
		return w, err == nil, err
	}
	return f.exact(from, to, v)
}

func (f *filler) coerce(from, to canon.Type, v []byte) ([]byte, error) {
	if from == to {
		return v, nil
	}
	return canon.Coerce(from, to, f.forms, v)
}

// exact converts a value to a narrower type, and reports false if something
// of it is lost: PostgreSQL compares in the wider type, where no value of the
// narrower one is equal to it then.
func (f *filler) exact(from, to canon.Type, v []byte) ([]byte, bool, error) {
	if to.Kind == canon.Int8 && beyondExact(from, v) {
		return nil, false, unservedComparison(from, to)
	}
	w, err := f.coerce(from, to, v)
	if outOfRange(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	back, err := f.coerce(to, from, w)
	if err != nil {
		return nil, false, err
	}
	a, err := canon.AppendEquality(nil, from, v)
	if err != nil {
		return nil, false, err
	}
	b, err := canon.AppendEquality(nil, from, back)
	if err != nil {
		return nil, false, err
	}
	return w, bytes.Equal(a, b), nil
}

// beyondExact reports whether several bigints are converted to the same float as v.
func beyondExact(from canon.Type, v []byte) bool {
	switch {
	case from.Kind == canon.Float8 && len(v) == 8:
		return math.Abs(math.Float64frombits(binary.BigEndian.Uint64(v))) >= 1<<53
	case from.Kind == canon.Float4 && len(v) == 4:
		return math.Abs(float64(math.Float32frombits(binary.BigEndian.Uint32(v)))) >= 1<<24
	}
	return false
}

func outOfRange(err error) bool {
	var refusal *pgerr.Error
	return errors.As(err, &refusal) && (refusal.State == "22003" || refusal.State == "22008")
}

func notComparable(from, to canon.Type) error {
	return &pgerr.Error{
		State:   "42883",
		Code:    pgerr.UnsupportedCast,
		Message: fmt.Sprintf("operator does not exist: %s = %s", to, from),
		Hint:    "No operator matches the given name and argument types. You might need to add explicit type casts.",
	}
}

func unservedComparison(from, to canon.Type) error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.UnsupportedCast,
		Message: fmt.Sprintf("cannot compare a protected column of type %s with a value of type %s", to, from),
		Detail:  "PostgreSQL would convert the column, and several of its values to the same one.",
		Hint:    fmt.Sprintf("Cast the value to %s.", to),
	}
}
