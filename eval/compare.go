package eval

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
)

// An order compares two canonical values of one kind.
type order func(s *Settings, a, b []byte) (int, error)

// orderOf returns the order of a kind's values, nil where PostgreSQL has none
// or this package does not know it.
func orderOf(k canon.Kind) order {
	switch k {
	case canon.Text, canon.Varchar:
		return compareText
	case canon.Bpchar:
		return func(s *Settings, a, b []byte) (int, error) {
			return compareText(s, bytes.TrimRight(a, " "), bytes.TrimRight(b, " "))
		}
	case canon.Bool, canon.UUID, canon.Bytea:
		return func(_ *Settings, a, b []byte) (int, error) { return bytes.Compare(a, b), nil }
	case canon.Int2, canon.Int4, canon.Int8, canon.Date, canon.Timestamp, canon.Timestamptz, canon.Time:
		return func(_ *Settings, a, b []byte) (int, error) { return cmp.Compare(integer(a), integer(b)), nil }
	case canon.Float4, canon.Float8:
		return func(_ *Settings, a, b []byte) (int, error) { return compareFloats(float(a), float(b)), nil }
	case canon.Numeric:
		return compareNumerics
	case canon.Interval:
		return func(_ *Settings, a, b []byte) (int, error) { return compareIntervals(a, b), nil }
	case canon.Timetz:
		return func(_ *Settings, a, b []byte) (int, error) { return compareTimetz(a, b), nil }
	}
	return nil
}

// compareText orders by the database's collation, which is known here only
// where that is the order of bytes.
func compareText(s *Settings, a, b []byte) (int, error) {
	if !s.Locale.bytewise() {
		return 0, unserved("the order of two strings under this database's collation")
	}
	return bytes.Compare(a, b), nil
}

// compareFloats has NaN equal to itself and above all others.
func compareFloats(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	}
	return cmp.Compare(a, b)
}

// compareIntervals counts 30 days for a month and 24 hours for a day.
func compareIntervals(a, b []byte) int {
	const day = 24 * 60 * 60 * 1_000_000
	split := func(v []byte) (days, usec int64) {
		usec, days = integer(v[:8]), integer(v[8:12])+30*integer(v[12:16])
		days, usec = days+usec/day, usec%day
		if usec < 0 {
			days, usec = days-1, usec+day
		}
		return days, usec
	}
	daysA, usecA := split(a)
	daysB, usecB := split(b)
	return cmp.Or(cmp.Compare(daysA, daysB), cmp.Compare(usecA, usecB))
}

// compareTimetz compares the moments, then the zones.
func compareTimetz(a, b []byte) int {
	at := func(v []byte) (moment, zone int64) {
		zone = integer(v[8:12])
		return integer(v[:8]) + zone*1_000_000, zone
	}
	momentA, zoneA := at(a)
	momentB, zoneB := at(b)
	return cmp.Or(cmp.Compare(momentA, momentB), cmp.Compare(zoneA, zoneB))
}

// integer reads a canonical integer of 2, 4 or 8 bytes.
func integer(v []byte) int64 {
	switch len(v) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	}
	return int64(binary.BigEndian.Uint64(v))
}

// float reads a canonical float of 4 or 8 bytes.
func float(v []byte) float64 {
	if len(v) == 4 {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(v)))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(v))
}

// comparisons are = <> < <= > >= of each type with itself, and among the types
// that PostgreSQL compares with one another, in the wider of the two.
func comparisons() []*routine {
	var list []*routine
	tests := map[string]func(int) bool{
		"=": func(c int) bool { return c == 0 }, "<>": func(c int) bool { return c != 0 },
		"<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
		">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
	}
	for name, test := range tests {
		for _, t := range typeInfos {
			switch t.kind {
			case canon.Varchar, canon.JSON, anyValue, anyNonArray, otherType: // compared as text; not at all
			default:
				list = append(list, &routine{name: name, args: []canon.Kind{t.kind, t.kind}, result: canon.Bool, run: compare(name, t.kind, test)})
			}
		}
		for _, family := range [][]canon.Kind{
			{canon.Int2, canon.Int4, canon.Int8}, {canon.Float4, canon.Float8},
			{canon.Date, canon.Timestamp, canon.Timestamptz},
		} {
			list = append(list, acrossTypes(name, family, test)...)
		}
	}
	return list
}

// compare returns the comparison of two values of one kind.
func compare(name string, k canon.Kind, test func(int) bool) run {
	if name == "=" || name == "<>" {
		return func(_ *Settings, v []Value) (Value, error) {
			same, err := equal(k, v[0].Data, v[1].Data)
			return boolValue(same == (name == "=")), err
		}
	}
	o := orderOf(k)
	if o == nil {
		return nil
	}
	return func(s *Settings, v []Value) (Value, error) {
		c, err := o(s, v[0].Data, v[1].Data)
		return boolValue(test(c)), err
	}
}

// equal asks for the form that decides equality. Every collation that a
// database can have by default calls strings of different bytes different.
func equal(k canon.Kind, a, b []byte) (bool, error) {
	formA, err := canon.AppendEquality(nil, typeOf(k), a)
	if err != nil {
		return false, err
	}
	formB, err := canon.AppendEquality(nil, typeOf(k), b)
	return bytes.Equal(formA, formB), err
}

// acrossTypes are the comparisons between different types of a family, which is
// given from the narrowest to the widest.
func acrossTypes(name string, family []canon.Kind, test func(int) bool) []*routine {
	var list []*routine
	for i, l := range family {
		for k, r := range family {
			if i == k {
				continue
			}
			wide := family[max(i, k)]
			list = append(list, &routine{name: name, args: []canon.Kind{l, r}, result: canon.Bool, run: func(s *Settings, v []Value) (Value, error) {
				a, err := widen(s, v[0], wide)
				if err != nil {
					return Value{}, err
				}
				b, err := widen(s, v[1], wide)
				if err != nil {
					return Value{}, err
				}
				c, err := orderOf(wide)(s, a, b)
				return boolValue(test(c)), err
			}})
		}
	}
	return list
}

func widen(s *Settings, v Value, to canon.Kind) ([]byte, error) {
	if err := s.zoneKnown(typeOf(to)); err != nil {
		return nil, err
	}
	data, err := canon.Coerce(v.Type, typeOf(to), s.Forms, v.Data)
	var refusal *pgerr.Error
	if errors.As(err, &refusal) && refusal.State == stateDatetime {
		return nil, unserved("a comparison with a date beyond the last timestamp")
	}
	return data, err
}
