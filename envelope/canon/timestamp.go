package canon

import (
	"encoding/binary"
	"math"
	"time"
)

const (
	timeInfinity      = math.MaxInt64
	timeMinusInfinity = math.MinInt64
	// minTimestamp is the begin of minDate; endTimestamp is the end of the year 294276.
	minTimestamp = -211813488000000000
	endTimestamp = 9223371331200000000
)

func errTimestampRange() error { return invalid(stateDateOverflow, "timestamp out of range") }

func validTimestamp(usec int64) bool { return minTimestamp <= usec && usec < endTimestamp }

func appendTimestamp(dst []byte, usec int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(usec))
}

func timestampFromText(dst []byte, t Type, s *Settings, text []byte) ([]byte, error) {
	p := dateParser{}
	_, p.order = s.dateStyle()
	e := p.parse(text, maxTimeText)
	if e == dateOK {
		e = p.finishDate(s.zone())
	}
	if e != dateOK {
		return nil, e.err(t.Kind)
	}
	switch p.special {
	case reservedEarly:
		return appendTimestamp(dst, timeMinusInfinity), nil
	case reservedLate:
		return appendTimestamp(dst, timeInfinity), nil
	case reservedEpoch:
		return appendTimestamp(dst, unixEpochDays*usecPerDay), nil
	}
	if t.Kind == Timestamp {
		p.offset = 0
	}
	usec, ok := p.civil.timestamp(p.offset)
	if !ok {
		return nil, errTimestampRange()
	}
	return appendRounded(dst, t, usec)
}

// appendRounded applies the modifier. What rounds up to beyond the last
// timestamp is refused: PostgreSQL stores it, but cannot read its own dump of it.
func appendRounded(dst []byte, t Type, usec int64) ([]byte, error) {
	rounded := roundUsec(usec, t.Mod)
	if rounded != usec && !validTimestamp(rounded) {
		return nil, errTimestampRange()
	}
	return appendTimestamp(dst, rounded), nil
}

// timestamp returns the microseconds since 2000 of a civil time that is offset
// seconds east of UTC, and whether that is in range.
func (c *civilTime) timestamp(offset int) (usec int64, ok bool) {
	if !c.validJulian() {
		return 0, false
	}
	days := int64(c.days())
	if days < minTimestamp/usecPerDay-1 || days > endTimestamp/usecPerDay {
		return 0, false
	}
	clock := c.dayUsec()
	usec = days * usecPerDay
	// PostgreSQL lets hours be any number at some places, so the sum may wrap.
	if sum := usec + clock; clock >= 0 && sum >= usec {
		usec = sum - int64(offset)*usecPerSec
		return usec, validTimestamp(usec)
	}
	return 0, false
}

// roundUsec rounds half away from zero to mod digits of the second, if mod says so.
func roundUsec(usec int64, mod int32) int64 {
	if mod < 0 || mod >= 6 || usec == timeInfinity || usec == timeMinusInfinity {
		return usec
	}
	unit := int64(pow10(int(6 - mod)))
	if usec >= 0 {
		return (usec + unit/2) / unit * unit
	}
	return -((-usec + unit/2) / unit * unit)
}

func timestampFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	usec := intValue(b)
	if usec == timeInfinity || usec == timeMinusInfinity {
		return append(dst, b...), nil
	}
	if !validTimestamp(usec) {
		return nil, errTimestampRange()
	}
	return appendRounded(dst, t, usec)
}

// appendInfinity appends the word for an infinite timestamp.
func appendInfinity(dst []byte, usec int64) ([]byte, bool) {
	switch usec {
	case timeInfinity:
		return append(dst, "infinity"...), true
	case timeMinusInfinity:
		return append(dst, "-infinity"...), true
	}
	return dst, false
}

func timestampToText(dst []byte, s *Settings, v []byte) []byte {
	usec := intValue(v)
	if dst, infinite := appendInfinity(dst, usec); infinite {
		return dst
	}
	c := civilOf(usec)
	st, order := s.dateStyle()
	return c.appendEra(c.appendDateTime(dst, st, order))
}

func timestamptzToText(dst []byte, s *Settings, v []byte) []byte {
	usec := intValue(v)
	if dst, infinite := appendInfinity(dst, usec); infinite {
		return dst
	}
	abbrev, offset := zoneAt(usec, s.zone())
	c := civilOf(usec + int64(offset)*usecPerSec)
	st, order := s.dateStyle()
	dst = c.appendDateTime(dst, st, order)
	switch {
	case st == styleISO:
		dst = appendOffset(dst, offset)
	default: // a zone that is set as an offset may have no name
		const longest = 10
		dst = append(append(dst, ' '), abbrev[:min(len(abbrev), longest)]...)
	}
	return c.appendEra(dst)
}

// zoneAt returns what a zone's clocks were at, and called, at a moment.
func zoneAt(usec int64, zone *time.Location) (abbrev string, offset int) {
	seconds := usec / usecPerSec
	if usec%usecPerSec < 0 {
		seconds--
	}
	return time.Unix(seconds-unixEpochDays*secPerDay, 0).In(zone).Zone()
}

// appendDateTime appends date and time, without zone and era.
func (c *civilTime) appendDateTime(dst []byte, st style, order dateOrder) []byte {
	if st != stylePostgres {
		dst = c.appendDate(dst, st, order)
		return c.appendClock(append(dst, ' '))
	}
	const (
		weekdays = "SatSunMonTueWedThuFri"
		months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
	)
	// 2000-01-01 was a Saturday.
	weekday := c.days() % 7
	if weekday < 0 {
		weekday += 7
	}
	dst = append(append(dst, weekdays[3*weekday:][:3]...), ' ')
	month := months[3*(c.month-1):][:3]
	if order == orderDMY {
		dst = append(appendPadded(dst, c.day, 2), ' ')
		dst = append(dst, month...)
	} else {
		dst = append(append(dst, month...), ' ')
		dst = appendPadded(dst, c.day, 2)
	}
	dst = c.appendClock(append(dst, ' '))
	return appendPadded(append(dst, ' '), c.eraYear(), 4)
}

// appendOffset appends ±hh, ±hh:mm or ±hh:mm:ss.
func appendOffset(dst []byte, offset int) []byte {
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = appendPadded(append(dst, sign), offset/3600, 2)
	if offset%3600 != 0 {
		dst = appendPadded(append(dst, ':'), offset/60%60, 2)
	}
	if offset%60 != 0 {
		dst = appendPadded(append(dst, ':'), offset%60, 2)
	}
	return dst
}
