package canon

import (
	"bytes"
	"math"
	"math/bits"
)

// intervalFromText reads all four styles: words, SQL's year-month and
// day-time, and ISO 8601 with designators and without.
func intervalFromText(dst []byte, t Type, s *Settings, text []byte) ([]byte, error) {
	p := intervalParser{}
	p.keep, _ = t.intervalLimit()
	e := p.split(text, maxIntervalText)
	if e == dateOK {
		e = p.parse(s.intervalStyle() == intervalSQL)
	}
	if e == dateFormat {
		// PostgreSQL tries ISO 8601 with the text as it is, white space and all.
		p = intervalParser{}
		e = p.parseISO(text)
	}
	switch {
	case e == dateOverflow:
		return nil, invalid(stateIntervalRange, "interval field value out of range")
	case e != dateOK:
		return nil, e.err(Interval)
	}
	months := p.years*12 + p.months
	if months != int64(int32(months)) {
		return nil, invalid(stateDateOverflow, "interval out of range")
	}
	return span{usec: p.usec, days: int32(p.days), month: int32(months)}.appendLimited(dst, t)
}

// An intervalParser adds up an interval. years, months and days stay within an int32.
type intervalParser struct {
	fields
	// keep are the fields of the modifier. They decide what a bare number means.
	keep int

	usec                int64
	days, months, years int64

	seen   mask
	unit   unit
	before bool
	// negate applies the sign in front to every field, as SQL has it.
	negate bool
}

// parse reads the fields from the right, because a unit follows its number.
func (p *intervalParser) parse(sqlStyle bool) dateError {
	if sqlStyle && p.n > 0 && p.text(0)[0] == '-' {
		p.negate = true
		for i := 1; i < p.n; i++ {
			if c := p.text(i)[0]; c == '-' || c == '+' {
				p.negate = false
			}
		}
	}
	for i := p.n - 1; i >= 0; i-- {
		found, e := p.field(p.list[i].kind, p.text(i))
		if e != dateOK {
			return e
		}
		if found&p.seen != 0 {
			return dateFormat
		}
		p.seen |= found
	}
	if p.seen == 0 {
		return dateFormat
	}
	if p.before {
		if p.usec == math.MinInt64 || p.days == math.MinInt32 || p.months == math.MinInt32 || p.years == math.MinInt32 {
			return dateOverflow
		}
		p.usec, p.days, p.months, p.years = -p.usec, -p.days, -p.months, -p.years
	}
	return dateOK
}

func (p *intervalParser) field(kind fieldKind, text []byte) (mask, dateError) {
	switch kind {
	case fieldTime:
		e := p.clock(text, false)
		return hasTime, e
	case fieldZone:
		if bytes.IndexByte(text, ':') >= 0 && p.clock(text[1:], text[0] == '-') == dateOK {
			return hasTime, dateOK
		}
		return p.number(text)
	case fieldDate, fieldNumber:
		return p.number(text)
	}
	if string(text) == "ago" {
		p.before, p.unit = true, unitOther
		return 0, dateOK
	}
	u, ok := intervalUnit(text)
	if !ok {
		return 0, dateFormat
	}
	p.unit = u
	return 0, dateOK
}

// clock reads hh:mm:ss. A number before it counts days.
func (p *intervalParser) clock(text []byte, negative bool) dateError {
	c, e := parseClock(text, p.keep == rangeMinute|rangeSecond)
	if e != dateOK {
		return e
	}
	p.usec = int64(c.usec)
	if !p.add(c.hour, usecPerHour) || !p.add(int64(c.minute), usecPerMin) || !p.add(int64(c.second), usecPerSec) {
		return dateOverflow
	}
	if negative || p.negate {
		p.usec = -p.usec
	}
	p.unit = unitDay
	return dateOK
}

// add adds n units of so many microseconds, and reports whether it fits.
func (p *intervalParser) add(n, unit int64) bool {
	hi, lo := bits.Mul64(uint64(max(n, -n)), uint64(unit))
	if hi != 0 || lo > math.MaxInt64 || n == math.MinInt64 {
		return n == math.MinInt64 && unit == 1 && p.addUsec(n)
	}
	if n < 0 {
		return p.addUsec(-int64(lo))
	}
	return p.addUsec(int64(lo))
}

func (p *intervalParser) addUsec(n int64) bool {
	sum := p.usec + n
	if (sum > p.usec) != (n > 0) && n != 0 {
		return false
	}
	p.usec = sum
	return true
}

// addFraction adds a fraction of a unit, rounded to microseconds.
func (p *intervalParser) addFraction(f float64, unit int64) bool {
	f *= float64(unit)
	usec := int64(f)
	switch f -= float64(usec); {
	case f > 0.5:
		usec++
	case f < -0.5:
		usec--
	}
	return p.addUsec(usec)
}

// addTo adds n times scale to one of the parts that are an int32.
func addTo(part *int64, n, scale int64) bool {
	if n != int64(int32(n)) {
		return false
	}
	product := n * scale
	sum := *part + product
	if product != int64(int32(product)) || sum != int64(int32(sum)) {
		return false
	}
	*part = sum
	return true
}

// defaultUnit is what the modifier says that a bare number counts.
func (p *intervalParser) defaultUnit() unit {
	switch p.keep {
	case rangeYear:
		return unitYear
	case rangeMonth, rangeYear | rangeMonth:
		return unitMonth
	case rangeDay:
		return unitDay
	case rangeHour, rangeDay | rangeHour:
		return unitHour
	case rangeMinute, rangeHour | rangeMinute, rangeDay | rangeHour | rangeMinute:
		return unitMinute
	}
	return unitSecond
}

// number reads a number, or SQL's years-months, and adds it.
func (p *intervalParser) number(text []byte) (mask, dateError) {
	if p.unit == unitNone {
		p.unit = p.defaultUnit()
	}
	value, rest, ok := leadingInt64(text)
	if !ok {
		return 0, dateOverflow
	}
	fraction := 0.0
	switch {
	case len(rest) == 0:
	case rest[0] == '-':
		months, rest, ok := leadingInt(rest[1:])
		if !ok || months < 0 || months >= 12 {
			return 0, dateOverflow
		}
		if len(rest) > 0 {
			return 0, dateFormat
		}
		if text[0] == '-' {
			months = -months
		}
		if value > math.MaxInt64/12-1 || value < math.MinInt64/12+1 {
			return 0, dateOverflow
		}
		value, p.unit = value*12+months, unitMonth
	case rest[0] == '.':
		var e dateError
		if fraction, e = parseFraction(rest); e != dateOK {
			return 0, e
		}
		if text[0] == '-' {
			fraction = -fraction
		}
	default:
		return 0, dateFormat
	}
	if p.negate {
		value, fraction = min(value, -value), min(fraction, -fraction)
	}
	return p.addUnit(value, fraction)
}

// addUnit adds value and fraction of the unit at hand.
func (p *intervalParser) addUnit(value int64, fraction float64) (found mask, e dateError) {
	fits := false
	switch p.unit {
	case unitMicrosecond:
		found, fits = hasMicrosecond, p.addTime(value, fraction, 1)
	case unitMillisecond:
		found, fits = hasMillisecond, p.addTime(value, fraction, 1000)
	case unitSecond:
		found, fits = hasSecond, p.addTime(value, fraction, usecPerSec)
		if fraction != 0 {
			found = hasSeconds
		}
	case unitMinute:
		found, fits = hasMinute, p.addTime(value, fraction, usecPerMin)
	case unitHour:
		found, fits = hasHour, p.addTime(value, fraction, usecPerHour)
		p.unit = unitDay // for the number before it
	case unitDay:
		found, fits = hasDay, p.addDays(value, fraction, 1)
	case unitWeek:
		found, fits = hasWeek, p.addDays(value, fraction, 7)
	case unitMonth:
		found, fits = hasMonth, p.addMonths(value, fraction)
	case unitYear:
		found, fits = hasYear, p.addYears(value, fraction, 1)
	case unitDecade:
		found, fits = hasDecade, p.addYears(value, fraction, 10)
	case unitCentury:
		found, fits = hasCentury, p.addYears(value, fraction, 100)
	case unitMillennium:
		found, fits = hasMillennium, p.addYears(value, fraction, 1000)
	default:
		return 0, dateFormat
	}
	if !fits {
		return 0, dateOverflow
	}
	return found, dateOK
}

func (p *intervalParser) addTime(value int64, fraction float64, unit int64) bool {
	return p.add(value, unit) && p.addFraction(fraction, unit)
}

// addDays adds days or weeks; what is left of a day is time.
func (p *intervalParser) addDays(value int64, fraction float64, scale int64) bool {
	return addTo(&p.days, value, scale) && p.addDayFraction(fraction, scale)
}

func (p *intervalParser) addDayFraction(fraction float64, scale int64) bool {
	fraction *= float64(scale)
	days := int64(fraction)
	return addTo(&p.days, days, 1) && p.addFraction(fraction-float64(days), usecPerDay)
}

func (p *intervalParser) addMonths(value int64, fraction float64) bool {
	return addTo(&p.months, value, 1) && p.addDayFraction(fraction, 30)
}

// addYears rounds what is left of a year to months.
func (p *intervalParser) addYears(value int64, fraction float64, scale int64) bool {
	return addTo(&p.years, value, scale) &&
		addTo(&p.months, int64(math.RoundToEven(fraction*float64(scale)*12)), 1)
}
