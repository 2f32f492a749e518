package canon

import "math"

// Shift returns the timestamp v of type t, with or without a zone, moved by an
// interval, as + does: first by its months, then by its days, then by its time.
// Months and days are counted on the session's calendar.
func Shift(t Type, s *Settings, v, interval []byte) ([]byte, error) {
	usec, by := intValue(v), readSpan(interval)
	if usec == timeInfinity || usec == timeMinusInfinity {
		return append([]byte(nil), v...), nil
	}
	for _, part := range []struct {
		n    int32
		move func(c *civilTime, n int)
	}{{by.month, (*civilTime).addMonths}, {by.days, (*civilTime).addDays}} {
		if part.n == 0 {
			continue
		}
		c := civilOf(usec)
		if t.Kind == Timestamptz {
			_, offset := zoneAt(usec, s.zone())
			c = civilOf(usec + int64(offset)*usecPerSec)
		}
		part.move(&c, int(part.n))
		offset := 0
		if t.Kind == Timestamptz {
			offset = localOffset(&c, s.zone())
		}
		var ok bool
		if usec, ok = c.timestamp(offset); !ok {
			return nil, errTimestampRange()
		}
	}
	sum, ok := addInts(usec, by.usec)
	if !ok || !validTimestamp(sum) {
		return nil, errTimestampRange()
	}
	return appendTimestamp(nil, sum), nil
}

// addMonths keeps the day where the month has it, and takes its last one else.
func (c *civilTime) addMonths(n int) {
	months := c.year*12 + c.month - 1 + n
	c.year = floorDiv(months, 12)
	c.month = months - c.year*12 + 1
	c.day = min(c.day, monthDays(c.year, c.month))
}

func (c *civilTime) addDays(n int) { c.setDate(c.days() + n) }

// Between returns the interval from one timestamp to another of the same type,
// as - does: in days and time.
func Between(from, to []byte) ([]byte, error) {
	a, b := intValue(to), intValue(from)
	for _, usec := range []int64{a, b} {
		if usec == timeInfinity || usec == timeMinusInfinity {
			return nil, invalid(stateDateOverflow, "cannot subtract infinite timestamps")
		}
	}
	usec := a - b // timestamps are far within 63 bits
	return span{usec: usec % usecPerDay, days: int32(usec / usecPerDay)}.append(nil), nil
}

// AddDays returns the date v moved by a number of days.
func AddDays(v []byte, n int64) ([]byte, error) {
	days := intValue(v)
	if days == dateInfinity || days == dateMinusInfinity {
		return append([]byte(nil), v...), nil
	}
	if days += n; days < math.MinInt32 || days > math.MaxInt32 || !validDate(int(days)) {
		return nil, errDateRange()
	}
	return appendDate(nil, int(days)), nil
}

// DaysBetween returns the number of days from one date to another.
func DaysBetween(from, to []byte) (int64, error) {
	a, b := intValue(to), intValue(from)
	for _, days := range []int64{a, b} {
		if days == dateInfinity || days == dateMinusInfinity {
			return 0, invalid(stateDateOverflow, "cannot subtract infinite dates")
		}
	}
	return a - b, nil
}

// AddIntervals returns the sum of two intervals, part by part.
func AddIntervals(a, b []byte) ([]byte, error) {
	x, y := readSpan(a), readSpan(b)
	usec, ok := addInts(x.usec, y.usec)
	days, month := int64(x.days)+int64(y.days), int64(x.month)+int64(y.month)
	if !ok || days != int64(int32(days)) || month != int64(int32(month)) {
		return nil, errIntervalRange()
	}
	return span{usec: usec, days: int32(days), month: int32(month)}.append(nil), nil
}

// NegateInterval returns the interval that undoes v.
func NegateInterval(v []byte) ([]byte, error) {
	s := readSpan(v)
	if s.usec == math.MinInt64 || s.days == math.MinInt32 || s.month == math.MinInt32 {
		return nil, errIntervalRange()
	}
	return span{usec: -s.usec, days: -s.days, month: -s.month}.append(nil), nil
}

// ShiftTime returns the time of day v moved by the hours and less of an
// interval, around the clock. sign is 1 or -1.
func ShiftTime(v, interval []byte, sign int64) []byte {
	usec := (intValue(v) + sign*(readSpan(interval).usec%usecPerDay)) % usecPerDay
	if usec < 0 {
		usec += usecPerDay
	}
	return appendTimestamp(nil, usec)
}

// TimeBetween returns the interval from one time of day to another.
func TimeBetween(from, to []byte) []byte {
	return span{usec: intValue(to) - intValue(from)}.append(nil)
}

// AddTime returns the timestamp v at a time of its day, which must be midnight.
func AddTime(v, clock []byte) ([]byte, error) {
	usec := intValue(v)
	if usec == timeInfinity || usec == timeMinusInfinity {
		return append([]byte(nil), v...), nil
	}
	if usec += intValue(clock); !validTimestamp(usec) {
		return nil, errTimestampRange()
	}
	return appendTimestamp(nil, usec), nil
}

func addInts(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func errIntervalRange() error { return invalid(stateDateOverflow, "interval out of range") }
