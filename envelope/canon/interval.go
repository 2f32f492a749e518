package canon

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// A span is an interval: its parts are kept apart, because a month has no
// fixed number of days, nor a day of hours.
type span struct {
	usec        int64
	days, month int32
}

func readSpan(v []byte) span {
	return span{usec: intValue(v[:8]), days: int32(intValue(v[8:12])), month: int32(intValue(v[12:16]))}
}

func (s span) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.usec))
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.days))
	return binary.BigEndian.AppendUint32(dst, uint32(s.month))
}

// The bits of an interval's modifier: which fields it keeps, above its precision.
const (
	rangeMonth  = 1 << 1
	rangeYear   = 1 << 2
	rangeDay    = 1 << 3
	rangeHour   = 1 << 10
	rangeMinute = 1 << 11
	rangeSecond = 1 << 12
	rangeFull   = 0x7FFF

	fullPrecision = 0xFFFF
)

// intervalLimit returns the fields and the precision of a modifier.
func (t Type) intervalLimit() (fields, precision int) {
	if t.Mod < 0 {
		return rangeFull, fullPrecision
	}
	return int(t.Mod) >> 16 & rangeFull, int(t.Mod) & fullPrecision
}

// limit drops the fields below the last that the modifier names, and rounds
// the seconds. Fields above the first stay.
// It reports whether the rounded seconds still fit.
func (s *span) limit(t Type) bool {
	fields, precision := t.intervalLimit()
	switch fields {
	case rangeYear:
		s.month, s.days, s.usec = s.month/12*12, 0, 0
	case rangeMonth, rangeYear | rangeMonth:
		s.days, s.usec = 0, 0
	case rangeDay:
		s.usec = 0
	case rangeHour, rangeDay | rangeHour:
		s.usec = s.usec / usecPerHour * usecPerHour
	case rangeMinute, rangeHour | rangeMinute, rangeDay | rangeHour | rangeMinute:
		s.usec = s.usec / usecPerMin * usecPerMin
	}
	if precision >= 6 {
		return true
	}
	// Half a second is the most that rounding adds.
	if s.usec > math.MaxInt64-usecPerSec/2 || s.usec < math.MinInt64+usecPerSec/2 {
		return false
	}
	s.usec = roundUsec(s.usec, int32(precision))
	return true
}

// appendLimited applies the modifier and appends the canonical form.
func (s span) appendLimited(dst []byte, t Type) ([]byte, error) {
	if !s.limit(t) {
		return nil, invalid(stateDateOverflow, "interval out of range")
	}
	return s.append(dst), nil
}

func intervalFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	return readSpan(b).appendLimited(dst, t)
}

// intervalEquality is the whole in microseconds, a month taken as 30 days and
// a day as 24 hours, as PostgreSQL compares intervals. That needs 128 bits.
func intervalEquality(dst, v []byte) []byte {
	s := readSpan(v)
	days := int64(s.month)*30 + int64(s.days)
	magnitude := uint64(days)
	if days < 0 {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, usecPerDay)
	if days < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	lo, carry := bits.Add64(lo, uint64(s.usec), 0)
	hi, _ = bits.Add64(hi, uint64(s.usec>>63), carry)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, hi), lo)
}

// spanFields are the parts of an interval as they are written. All have the
// sign of the part they come from.
type spanFields struct {
	year, month, day, hour int64
	minute, second, usec   int64
}

func (s span) fields() spanFields {
	u := s.usec
	return spanFields{
		year: int64(s.month / 12), month: int64(s.month % 12), day: int64(s.days),
		hour: u / usecPerHour, minute: u / usecPerMin % 60, second: u / usecPerSec % 60, usec: u % usecPerSec,
	}
}

func intervalToText(dst []byte, s *Settings, v []byte) []byte {
	f := readSpan(v).fields()
	switch s.intervalStyle() {
	case intervalVerbose:
		return f.appendVerbose(dst)
	case intervalSQL:
		return f.appendSQL(dst)
	case intervalISO:
		return f.appendISO(dst)
	}
	return f.appendPostgres(dst)
}

func abs(n int64) int {
	if n < 0 {
		n = -n
	}
	return int(n)
}

func (f *spanFields) appendPostgres(dst []byte) []byte {
	none, before := true, false
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		if !none {
			dst = append(dst, ' ')
		}
		if before && n > 0 {
			dst = append(dst, '+')
		}
		dst = append(append(strconv.AppendInt(dst, n, 10), ' '), unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
		none, before = false, n < 0
	}
	part(f.year, "year")
	part(f.month, "mon")
	part(f.day, "day")
	if !none && !f.hasTime() {
		return dst
	}
	if !none {
		dst = append(dst, ' ')
	}
	if f.negativeTime() {
		dst = append(dst, '-')
	} else if before {
		dst = append(dst, '+')
	}
	return f.appendClock(dst, 2)
}

func (f *spanFields) hasTime() bool { return f.hour|f.minute|f.second|f.usec != 0 }

func (f *spanFields) negativeTime() bool {
	return f.hour < 0 || f.minute < 0 || f.second < 0 || f.usec < 0
}

// appendClock appends h:mm:ss without sign, the hours with at least width digits.
func (f *spanFields) appendClock(dst []byte, width int) []byte {
	dst = append(appendPadded(dst, abs(f.hour), width), ':')
	dst = append(appendPadded(dst, abs(f.minute), 2), ':')
	return appendSeconds(dst, abs(f.second), abs(f.usec), 2)
}

func (f *spanFields) appendVerbose(dst []byte) []byte {
	none, before := true, false
	dst = append(dst, '@')
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		// The first part's sign is said once, at the end.
		if none {
			none, before = false, n < 0
		}
		if before {
			n = -n
		}
		dst = append(append(strconv.AppendInt(append(dst, ' '), n, 10), ' '), unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
	}
	part(f.year, "year")
	part(f.month, "mon")
	part(f.day, "day")
	part(f.hour, "hour")
	part(f.minute, "min")
	if f.second != 0 || f.usec != 0 {
		dst = append(dst, ' ')
		switch negative := f.second < 0 || f.usec < 0; {
		case none:
			before = negative
		case negative != before:
			dst = append(dst, '-')
		}
		none = false
		dst = append(appendSeconds(dst, abs(f.second), abs(f.usec), 1), " sec"...)
		if abs(f.second) != 1 || f.usec != 0 {
			dst = append(dst, 's')
		}
	}
	if none {
		dst = append(dst, " 0"...)
	}
	if before {
		dst = append(dst, " ago"...)
	}
	return dst
}

func (f *spanFields) appendISO(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, 'P')
	part := func(n int64, unit byte) {
		if n != 0 {
			dst = append(strconv.AppendInt(dst, n, 10), unit)
		}
	}
	part(f.year, 'Y')
	part(f.month, 'M')
	part(f.day, 'D')
	if f.hasTime() {
		dst = append(dst, 'T')
		part(f.hour, 'H')
		part(f.minute, 'M')
		if f.second != 0 || f.usec != 0 {
			if f.second < 0 || f.usec < 0 {
				dst = append(dst, '-')
			}
			dst = append(appendSeconds(dst, abs(f.second), abs(f.usec), 1), 'S')
		}
	}
	if len(dst) == start+1 {
		dst = append(dst, "T0S"...)
	}
	return dst
}

func (f *spanFields) appendSQL(dst []byte) []byte {
	parts := [...]int64{f.year, f.month, f.day, f.hour, f.minute, f.second, f.usec}
	negative, positive := false, false
	for _, n := range parts {
		negative, positive = negative || n < 0, positive || n > 0
	}
	months, days := f.year != 0 || f.month != 0, f.day != 0
	if !negative && !positive {
		return append(dst, '0')
	}
	if negative && positive || months && (days || f.hasTime()) {
		return f.appendSQLSigned(dst)
	}
	if negative {
		dst = append(dst, '-')
	}
	switch {
	case months:
		dst = append(appendPadded(dst, abs(f.year), 1), '-')
		return appendPadded(dst, abs(f.month), 1)
	case days:
		dst = append(appendPadded(dst, abs(f.day), 1), ' ')
	}
	return f.appendClock(dst, 1)
}

// appendSQLSigned writes every part with its sign, for intervals that the SQL
// standard has no form for.
func (f *spanFields) appendSQLSigned(dst []byte) []byte {
	sign := func(negative bool) byte {
		if negative {
			return '-'
		}
		return '+'
	}
	dst = append(appendPadded(append(dst, sign(f.year < 0 || f.month < 0)), abs(f.year), 1), '-')
	dst = append(appendPadded(dst, abs(f.month), 1), ' ')
	dst = append(appendPadded(append(dst, sign(f.day < 0)), abs(f.day), 1), ' ')
	return f.appendClock(append(dst, sign(f.negativeTime())), 1)
}
