package canon

import (
	"encoding/binary"
	"math"
)

const (
	dateInfinity      = math.MaxInt32
	dateMinusInfinity = math.MinInt32
	// minDate is 24 November 4714 BC, endDate the day after 31 December 5874897.
	minDate = -julianEpoch
	endDate = 2147483494 - julianEpoch
)

func errDateRange() error { return invalid(stateDateOverflow, "date out of range") }

func appendDate(dst []byte, days int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(int32(days)))
}

func dateFromText(dst []byte, s *Settings, text []byte) ([]byte, error) {
	if days, ok := plainDate(text); ok {
		return appendDate(dst, days), nil
	}
	p := dateParser{}
	_, p.order = s.dateStyle()
	e := p.parse(text, maxDateText)
	if e == dateOK {
		e = p.finishDate(s.zone())
	}
	if e != dateOK {
		return nil, e.err(Date)
	}
	switch p.special {
	case reservedEarly:
		return appendDate(dst, dateMinusInfinity), nil
	case reservedLate:
		return appendDate(dst, dateInfinity), nil
	case reservedEpoch:
		return appendDate(dst, unixEpochDays), nil
	}
	if !p.civil.validJulian() || !validDate(p.civil.days()) {
		return nil, errDateRange()
	}
	return appendDate(dst, p.civil.days()), nil
}

func validDate(days int) bool { return minDate <= days && days < endDate }

// plainDate reads yyyy-mm-dd, which means the same under every DateStyle. It
// leaves all else, wrong dates too, to the long way.
func plainDate(text []byte) (days int, ok bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	for i, c := range text {
		if i != 4 && i != 7 && !isDigit(c) {
			return 0, false
		}
	}
	year, month, day := atoi(text[:4]), atoi(text[5:7]), atoi(text[8:])
	if year == 0 || month < 1 || month > 12 || day < 1 || day > monthDays(year, month) {
		return 0, false
	}
	return civilDays(year, month, day), true
}

func dateFromBinary(dst, b []byte) ([]byte, error) {
	days := int(intValue(b))
	if days != dateInfinity && days != dateMinusInfinity && !validDate(days) {
		return nil, errDateRange()
	}
	return append(dst, b...), nil
}

func dateToText(dst []byte, s *Settings, v []byte) []byte {
	days := int(intValue(v))
	switch days {
	case dateInfinity:
		return append(dst, "infinity"...)
	case dateMinusInfinity:
		return append(dst, "-infinity"...)
	}
	var c civilTime
	c.setDate(days)
	st, order := s.dateStyle()
	dst = c.appendDate(dst, st, order)
	return c.appendEra(dst)
}

// eraYear is the year as it is written, before or after Christ.
func (c *civilTime) eraYear() int {
	if c.year > 0 {
		return c.year
	}
	return 1 - c.year
}

func (c *civilTime) appendEra(dst []byte) []byte {
	if c.year <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendDate appends the date in numbers.
func (c *civilTime) appendDate(dst []byte, st style, order dateOrder) []byte {
	if st == styleISO {
		dst = append(appendPadded(dst, c.eraYear(), 4), '-')
		dst = append(appendPadded(dst, c.month, 2), '-')
		return appendPadded(dst, c.day, 2)
	}
	first, second, separator := c.month, c.day, byte('-')
	switch {
	case st == styleGerman:
		first, second, separator = c.day, c.month, '.'
	case order == orderDMY:
		first, second = c.day, c.month
	}
	if st == styleSQL {
		separator = '/'
	}
	dst = append(appendPadded(dst, first, 2), separator)
	dst = append(appendPadded(dst, second, 2), separator)
	return appendPadded(dst, c.eraYear(), 4)
}
