package canon

import (
	"bytes"
	"math"
	"strconv"
)

// leadingInt reads an int32 with a sign from the front of text and returns
// what follows. It reports false where the number is out of range. Without a
// digit the value is 0 and everything follows.
func leadingInt(text []byte) (value int64, rest []byte, ok bool) {
	value, rest, ok = leadingInt64(text)
	return value, rest, ok && value == int64(int32(value))
}

func leadingInt64(text []byte) (value int64, rest []byte, ok bool) {
	i, negative := 0, false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		i++
	}
	start := i
	ok = true
	for ; i < len(text) && isDigit(text[i]); i++ {
		d := int64(text[i] - '0')
		if value < (math.MinInt64+d)/10 {
			ok = false
		}
		value = value*10 - d
	}
	if i == start {
		return 0, text, true
	}
	if !negative {
		if value == math.MinInt64 {
			ok = false
		}
		value = -value
	}
	return value, text[i:], ok
}

// parseFraction reads a point and the digits behind it, to the end of text.
func parseFraction(text []byte) (float64, dateError) {
	f, rest := leadingFraction(text)
	if len(rest) > 0 {
		return 0, dateFormat
	}
	return f, dateOK
}

// leadingFraction reads a point and digits and returns what follows.
func leadingFraction(text []byte) (float64, []byte) {
	const exact = 15 // digits that a float64 holds, and whose power of ten it holds too
	i, n, scale := 1, int64(0), 1.0
	for ; i < len(text) && isDigit(text[i]); i++ {
		if i <= exact {
			n = n*10 + int64(text[i]-'0')
			scale *= 10
		}
	}
	if i-1 <= exact {
		return float64(n) / scale, text[i:]
	}
	f, _ := strconv.ParseFloat(string(text[:i]), 64)
	return f, text[i:]
}

// fractionUsec reads a fraction of a second, rounded to microseconds.
func fractionUsec(text []byte) (int, dateError) {
	f, e := parseFraction(text)
	return int(math.RoundToEven(f * usecPerSec)), e
}

// A clock is a time of day or the time part of an interval.
type clock struct {
	hour                 int64
	minute, second, usec int
}

// parseClock reads hh:mm, hh:mm:ss and mm:ss.fff; with minutes, hh:mm means mm:ss.
func parseClock(text []byte, minutes bool) (c clock, e dateError) {
	hour, rest, ok := leadingInt64(text)
	if !ok {
		return c, dateOverflow
	}
	if len(rest) == 0 || rest[0] != ':' {
		return c, dateFormat
	}
	minute, rest, ok := leadingInt(rest[1:])
	if !ok {
		return c, dateOverflow
	}
	second := int64(0)
	switch {
	case len(rest) == 0 && !minutes:
	case len(rest) == 0 || rest[0] == '.':
		if len(rest) > 0 {
			if c.usec, e = fractionUsec(rest); e != dateOK {
				return c, e
			}
		}
		if hour != int64(int32(hour)) {
			return c, dateOverflow
		}
		hour, minute, second = 0, hour, minute
	case rest[0] == ':':
		if second, rest, ok = leadingInt(rest[1:]); !ok {
			return c, dateOverflow
		}
		if len(rest) > 0 && rest[0] != '.' {
			return c, dateFormat
		}
		if len(rest) > 0 {
			if c.usec, e = fractionUsec(rest); e != dateOK {
				return c, e
			}
		}
	default:
		return c, dateFormat
	}
	if hour < 0 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return c, dateOverflow
	}
	c.hour, c.minute, c.second = hour, int(minute), int(second)
	return c, dateOK
}

// numericZone reads ±hh, ±hhmm, ±hh:mm and ±hh:mm:ss, and returns seconds east of UTC.
func numericZone(text []byte) (offset int, e dateError) {
	const maxHours = 15
	if len(text) == 0 || text[0] != '+' && text[0] != '-' {
		return 0, dateFormat
	}
	hours, rest, ok := leadingInt(text[1:])
	if !ok {
		return 0, dateZoneRange
	}
	var minutes, seconds int64
	switch {
	case len(rest) > 0 && rest[0] == ':':
		if minutes, rest, ok = leadingInt(rest[1:]); !ok {
			return 0, dateZoneRange
		}
		if len(rest) > 0 && rest[0] == ':' {
			if seconds, rest, ok = leadingInt(rest[1:]); !ok {
				return 0, dateZoneRange
			}
		}
	case len(rest) == 0 && len(text) > 3:
		hours, minutes = hours/100, hours%100
	}
	if hours < 0 || hours > maxHours || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59 {
		return 0, dateZoneRange
	}
	if len(rest) > 0 {
		return 0, dateFormat
	}
	offset = int((hours*60+minutes)*60 + seconds)
	if text[0] == '-' {
		offset = -offset
	}
	return offset, dateOK
}

// number reads a number that no word announced.
func (p *dateParser) number(i int, text []byte) (mask, dateError) {
	point := bytes.IndexByte(text, '.')
	if p.timeOnly {
		switch {
		case point >= 0 && i == 0 && p.n >= 2 && p.list[p.n-1].kind == fieldDate:
			return p.date(text)
		case point > 2, point < 0 && len(text) > 4:
			return p.runTogether(text, p.seen|hasDate)
		case point >= 0:
			return 0, dateFormat
		}
		return p.datePart(text, false, p.seen|hasDate)
	}
	switch {
	case point >= 0 && p.seen&hasDate == 0:
		return p.date(text)
	case point > 2:
		return p.runTogether(text, p.seen)
	case len(text) >= 6 && (p.seen&hasDate == 0 || p.seen&hasTime == 0):
		return p.runTogether(text, p.seen)
	}
	return p.datePart(text, p.textMonth, p.seen)
}

// date reads a date with delimiters. The month may be a name.
func (p *dateParser) date(text []byte) (found mask, e dateError) {
	seen, textMonth := p.seen, false
	take := func(m mask, e dateError) dateError {
		if e == dateOK && seen&m != 0 {
			e = dateFormat
		}
		seen |= m
		found |= m
		return e
	}
	// A name is unambiguous, so it is read before any number.
	if e := eachDatePart(text, func(start, end int) dateError {
		part := text[start:end]
		if !isAlpha(part[0]) {
			return dateOK
		}
		w, _ := dateWord(part)
		if w.kind == wordIgnored {
			return dateOK
		}
		if w.kind != wordMonth {
			return dateFormat
		}
		p.civil.month, textMonth = w.value, true
		return take(hasMonth, dateOK)
	}); e != dateOK {
		return 0, e
	}
	if e := eachDatePart(text, func(start, end int) dateError {
		part := text[start:end]
		if isAlpha(part[0]) {
			if w, _ := dateWord(part); w.kind == wordIgnored {
				return dateFormat
			}
			return dateOK
		}
		return take(p.datePart(part, textMonth, seen))
	}); e != dateOK {
		return 0, e
	}
	if seen&^(hasYearDay|hasZone) != hasDate {
		return 0, dateFormat
	}
	return found, dateOK
}

// eachDatePart calls f with the place of every run of digits and every run of letters.
func eachDatePart(text []byte, f func(start, end int) dateError) dateError {
	for i := 0; i < len(text); {
		for i < len(text) && !isDigit(text[i]) && !isAlpha(text[i]) {
			i++
		}
		if i == len(text) {
			return dateFormat
		}
		start, class := i, isAlpha
		if isDigit(text[i]) {
			class = isDigit
		}
		for i < len(text) && class(text[i]) {
			i++
		}
		if e := f(start, i); e != dateOK {
			return e
		}
		// PostgreSQL drops the character after a part, whatever it is.
		i++
	}
	return dateOK
}

// datePart reads one number of a date. Which part it is follows from those
// that were seen and from the order in DateStyle.
func (p *dateParser) datePart(text []byte, textMonth bool, seen mask) (mask, dateError) {
	value, rest, ok := leadingInt(text)
	switch {
	case !ok:
		return 0, dateOverflow
	case len(rest) == len(text):
		return 0, dateFormat
	case len(rest) > 0 && rest[0] != '.':
		return 0, dateFormat
	case len(rest) > 0 && len(text)-len(rest) > 2:
		return p.runTogether(text, seen|hasDate)
	case len(rest) > 0:
		var e dateError
		if p.civil.usec, e = fractionUsec(rest); e != dateOK {
			return 0, e
		}
	}
	c, v := &p.civil, int(value)
	if len(text) == 3 && seen&hasDate == hasYear && v >= 1 && v <= 366 {
		c.yearDay = v
		return hasYearDay | hasMonth | hasDay, dateOK
	}
	found := hasDay
	switch long := len(text) >= 3; seen & hasDate {
	case 0:
		switch {
		case long || p.order == orderYMD:
			found = hasYear
		case p.order == orderMDY:
			found = hasMonth
		}
	case hasYear, hasDay:
		found = hasMonth
	case hasMonth:
		if textMonth && (long || p.order == orderYMD) {
			found = hasYear
		}
	case hasYear | hasMonth:
		if textMonth && long && p.twoDigits {
			// What was taken for a year of two digits was the day.
			c.day, c.year, p.twoDigits = c.year, v, false
			return hasDay, dateOK
		}
	case hasMonth | hasDay:
		found = hasYear
	case hasDate:
		return p.runTogether(text, seen)
	default:
		return 0, dateFormat
	}
	switch found {
	case hasYear:
		c.year, p.twoDigits = v, len(text) <= 2
	case hasMonth:
		c.month = v
	default:
		c.day = v
	}
	return found, dateOK
}

// runTogether reads a date or time without delimiters: yymmdd, yyyymmdd,
// hhmmss, hhmm, the times with a fraction of the second.
func (p *dateParser) runTogether(text []byte, seen mask) (mask, dateError) {
	c := &p.civil
	digits := text
	if point := bytes.IndexByte(text, '.'); point >= 0 {
		// What follows the digits of the fraction is not looked at.
		f, _ := leadingFraction(text[point:])
		c.usec = int(math.RoundToEven(f * usecPerSec))
		digits = text[:point]
	} else if seen&hasDate != hasDate && len(text) >= 6 {
		n := len(text)
		c.day, c.month, c.year = atoi(text[n-2:]), atoi(text[n-4:n-2]), atoi(text[:n-4])
		if n == 6 {
			p.twoDigits = true
		}
		return hasDate, dateOK
	}
	if seen&hasTime == hasTime {
		return 0, dateFormat
	}
	switch len(digits) {
	case 6:
		c.hour, c.minute, c.second = atoi(digits[:2]), atoi(digits[2:4]), atoi(digits[4:])
	case 4:
		c.hour, c.minute, c.second = atoi(digits[:2]), atoi(digits[2:]), 0
	default:
		return 0, dateFormat
	}
	return hasTime, dateOK
}

// atoi reads what digits there are in front; beyond an int32 it is as good as any wrong number.
func atoi(text []byte) int {
	value, _, ok := leadingInt(text)
	if !ok {
		return -1
	}
	return int(value)
}
