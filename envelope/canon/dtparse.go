package canon

import "time"

// A dateError is why a date, time or interval was not understood.
type dateError uint8

const (
	dateOK dateError = iota
	dateFormat
	// dateOverflow is a field out of range, dateSwapped one that another order
	// of day and month might explain.
	dateOverflow
	dateSwapped
	dateZoneRange
	dateZoneUnknown
	// dateClock is input that only a clock can answer.
	dateClock
)

// err turns e into the error for a client; k is the type that was read.
func (e dateError) err(k Kind) error {
	switch e {
	case dateOK:
		return nil
	case dateOverflow, dateSwapped:
		return invalid(stateDateOverflow, "date/time field value out of range")
	case dateZoneRange:
		return invalid(stateZoneOverflow, "time zone displacement out of range")
	case dateZoneUnknown:
		return invalid(stateParameter, "time zone not recognized")
	case dateClock:
		return errClock(k)
	}
	return invalid(stateDateFormat, "invalid input syntax for type %s", builtins[k].sql)
}

// A mask says which fields were seen.
type mask uint32

const (
	hasYear mask = 1 << iota
	hasMonth
	hasDay
	hasHour
	hasMinute
	hasSecond
	hasMillisecond
	hasMicrosecond
	hasZone
	hasDSTZone
	hasDynamicZone
	hasDSTMark
	hasYearDay
	hasWeekday
	hasAMPM
	hasEra
	hasReserved
	hasWeek
	hasDecade
	hasCentury
	hasMillennium

	hasDate    = hasYear | hasMonth | hasDay
	hasSeconds = hasSecond | hasMillisecond | hasMicrosecond
	hasTime    = hasHour | hasMinute | hasSeconds
)

// A dateParser reads a date and time, or with timeOnly a time alone, as
// PostgreSQL does: field by field from the left, where what a number means
// depends on the fields before it.
type dateParser struct {
	fields
	order    dateOrder
	timeOnly bool

	civil civilTime
	seen  mask
	// special is a reserved word such as infinity that stands for the whole.
	special int
	// prefix is the unit that the word before announced.
	prefix unit
	// twoDigits says that the year was written with one or two digits.
	twoDigits, textMonth, julian, bc bool
	// meridiem is 0, or 1 for AM and 2 for PM.
	meridiem int
	// offset is seconds east of UTC. zone, and abbrev within it, are resolved
	// once the date is known.
	offset int
	zone   *time.Location
	abbrev string
}

// parse reads text. It leaves the zone to finishDate and finishTime.
func (p *dateParser) parse(text []byte, limit int) dateError {
	if e := p.split(text, limit); e != dateOK {
		return e
	}
	for i := range p.n {
		found, e := p.field(i)
		if e != dateOK {
			return e
		}
		if found&p.seen != 0 {
			return dateFormat
		}
		p.seen |= found
	}
	if e := p.validate(); e != dateOK {
		return e
	}
	return p.applyMeridiem()
}

func (p *dateParser) field(i int) (mask, dateError) {
	text := p.text(i)
	switch p.list[i].kind {
	case fieldDate:
		return p.dateField(i, text)
	case fieldTime:
		return p.timeField(text)
	case fieldZone:
		offset, e := numericZone(text)
		p.offset = offset
		return hasZone, e
	case fieldNumber:
		if p.prefix != unitNone {
			return p.prefixed(text)
		}
		return p.number(i, text)
	}
	return p.word(i, text)
}

// timeField reads hh:mm:ss.
func (p *dateParser) timeField(text []byte) (mask, dateError) {
	if !p.timeOnly && p.prefix != unitNone {
		if p.prefix != unitTime {
			return 0, dateFormat
		}
		p.prefix = unitNone
	}
	clock, e := parseClock(text, false)
	if e != dateOK {
		return 0, e
	}
	if clock.hour > 1<<31-1 {
		return 0, dateOverflow
	}
	c := &p.civil
	c.hour, c.minute, c.second, c.usec = int(clock.hour), clock.minute, clock.second, clock.usec
	if !p.timeOnly && c.timeOverflows() {
		return 0, dateOverflow
	}
	return hasTime, dateOK
}

// dateField reads a field with delimiters: a date, a zone's name, or a time
// run together with a numeric zone.
func (p *dateParser) dateField(i int, text []byte) (mask, dateError) {
	if p.timeOnly {
		if i == 0 && p.n >= 2 && (p.list[p.n-1].kind == fieldDate || p.list[1].kind == fieldTime) {
			return p.date(text)
		}
		if isDigit(text[0]) {
			return p.timeWithZone(text, hasDate)
		}
		return p.namedZone(text)
	}
	switch {
	case p.prefix == unitJulian:
		return p.julianWithZone(text)
	case p.prefix == unitNone && p.seen&(hasMonth|hasDay) != hasMonth|hasDay:
		return p.date(text)
	case p.prefix != unitNone && p.prefix != unitTime:
		return 0, dateFormat
	case isDigit(text[0]), p.prefix != unitNone:
		p.prefix = unitNone
		return p.timeWithZone(text, 0)
	}
	return p.namedZone(text)
}

func (p *dateParser) namedZone(text []byte) (mask, dateError) {
	p.zone, p.abbrev = findZone(text), ""
	if p.zone == nil {
		return 0, dateZoneUnknown
	}
	return hasZone, dateOK
}

// timeWithZone reads hhmmss-zz.
func (p *dateParser) timeWithZone(text []byte, assumed mask) (mask, dateError) {
	if p.seen&hasTime == hasTime {
		return 0, dateFormat
	}
	at := 0
	for at < len(text) && text[at] != '-' {
		at++
	}
	if at == len(text) {
		return 0, dateFormat
	}
	offset, e := numericZone(text[at:])
	if e != dateOK {
		return 0, e
	}
	p.offset = offset
	found, e := p.runTogether(text[:at], p.seen|assumed)
	return found | hasZone, e
}

// julianWithZone reads a Julian day with a numeric zone behind it.
func (p *dateParser) julianWithZone(text []byte) (mask, dateError) {
	day, rest, ok := leadingInt(text)
	if !ok || day < 0 {
		return 0, dateOverflow
	}
	p.civil.setDate(int(day) - julianEpoch)
	p.julian, p.prefix = true, unitNone
	offset, e := numericZone(rest)
	p.offset = offset
	return hasDate | hasTime | hasZone, e
}

// prefixed reads a number that follows a unit, as in y2001m02d04.
func (p *dateParser) prefixed(text []byte) (mask, dateError) {
	value, rest, ok := leadingInt(text)
	if !ok {
		return 0, dateOverflow
	}
	prefix := p.prefix
	if len(rest) > 0 && (rest[0] != '.' || prefix != unitJulian && prefix != unitTime && prefix != unitSecond) {
		return 0, dateFormat
	}
	p.prefix, p.special = unitNone, 0
	c, v := &p.civil, int(value)
	switch prefix {
	case unitYear:
		c.year = v
		return hasYear, dateOK
	case unitMonth:
		if p.seen&hasMonth != 0 && p.seen&hasHour != 0 {
			c.minute = v
			return hasMinute, dateOK
		}
		c.month = v
		return hasMonth, dateOK
	case unitDay:
		c.day = v
		return hasDay, dateOK
	case unitHour:
		c.hour = v
		return hasHour, dateOK
	case unitMinute:
		c.minute = v
		return hasMinute, dateOK
	case unitSecond:
		c.second = v
		if len(rest) == 0 {
			return hasSecond, dateOK
		}
		var e dateError
		c.usec, e = fractionUsec(rest)
		return hasSeconds, e
	case unitJulian:
		return p.julianDay(v, rest)
	case unitTime:
		found, e := p.runTogether(text, p.seen|hasDate)
		if e == dateOK && found != hasTime {
			e = dateFormat
		}
		return found, e
	}
	return 0, dateFormat
}

// julianDay takes a Julian day, with a fraction of it as the time.
func (p *dateParser) julianDay(day int, fraction []byte) (mask, dateError) {
	if day < 0 {
		return 0, dateOverflow
	}
	p.civil.setDate(day - julianEpoch)
	p.julian = true
	if len(fraction) == 0 {
		return hasDate, dateOK
	}
	f, e := parseFraction(fraction)
	p.civil.setDayUsec(int64(f * usecPerDay))
	return hasDate | hasTime, e
}

// word reads a word: a zone's abbreviation first, then what PostgreSQL's own
// words mean, then a zone's name.
func (p *dateParser) word(i int, text []byte) (mask, dateError) {
	if kind, offset, zone := zoneAbbrev(text); kind != 0 {
		return p.abbreviation(text, kind, offset, zone)
	}
	w, known := dateWord(text)
	if !known {
		found, e := p.namedZone(text)
		if e != dateOK {
			e = dateFormat
		}
		return found, e
	}
	switch w.kind {
	case wordIgnored:
		return 0, dateOK
	case wordReserved:
		return p.reserved(w.value)
	case wordDST:
		p.offset += w.value
		return hasDSTMark | hasDSTZone, dateOK
	case wordAMPM:
		p.meridiem = w.value + 1
		return hasAMPM, dateOK
	case wordEra:
		p.bc = w.value == 1
		return hasEra, dateOK
	case wordUnit:
		p.prefix = unit(w.value)
		return 0, dateOK
	case wordISOTime:
		return 0, p.isoTime(i)
	case wordMonth:
		if !p.timeOnly {
			return p.monthName(w.value), dateOK
		}
	case wordWeekday:
		if !p.timeOnly {
			return hasWeekday, dateOK
		}
	}
	return 0, dateFormat
}

// isoTime takes the T between date and time, if a time can follow.
func (p *dateParser) isoTime(i int) dateError {
	if !p.timeOnly && p.seen&hasDate != hasDate || i+1 >= p.n {
		return dateFormat
	}
	switch p.list[i+1].kind {
	case fieldNumber, fieldTime, fieldDate:
		p.prefix = unitTime
		return dateOK
	}
	return dateFormat
}

// monthName takes a month's name. A number before it that was taken for a
// month was the day.
func (p *dateParser) monthName(month int) mask {
	found := hasMonth
	c := &p.civil
	if p.seen&hasMonth != 0 && !p.textMonth && p.seen&hasDay == 0 && c.month >= 1 && c.month <= 31 {
		c.day = c.month
		found = hasDay
	}
	p.textMonth = true
	c.month = month
	return found
}

func (p *dateParser) abbreviation(text []byte, kind wordKind, offset int, zone string) (mask, dateError) {
	switch kind {
	case wordZone:
		p.offset = offset
		return hasZone, dateOK
	case wordDSTZone:
		p.offset = offset
		return hasZone | hasDSTZone, dateOK
	}
	if p.zone = findZone([]byte(zone)); p.zone == nil {
		return 0, dateZoneUnknown
	}
	p.abbrev = string(text)
	return hasZone | hasDynamicZone, dateOK
}

func (p *dateParser) reserved(value int) (mask, dateError) {
	switch value {
	case reservedClock:
		return 0, dateClock
	case reservedZulu:
		p.civil.setDayUsec(0)
		p.offset = 0
		return hasTime | hasZone, dateOK
	}
	if p.timeOnly {
		return 0, dateFormat
	}
	p.special = value
	return hasReserved, dateOK
}

// validate checks the date's fields, as far as there are any.
func (p *dateParser) validate() dateError {
	c := &p.civil
	if p.seen&hasYear != 0 && !p.julian {
		switch {
		case p.bc:
			if c.year <= 0 {
				return dateOverflow
			}
			c.year = 1 - c.year
		case p.twoDigits:
			if c.year < 0 {
				return dateOverflow
			}
			if c.year < 70 {
				c.year += 2000
			} else if c.year < 100 {
				c.year += 1900
			}
		case c.year <= 0:
			return dateOverflow
		}
	}
	if p.seen&hasYearDay != 0 {
		c.setDate(civilDays(c.year, 1, 1) + c.yearDay - 1)
	}
	if p.seen&hasMonth != 0 && (c.month < 1 || c.month > 12) {
		return dateSwapped
	}
	if p.seen&hasDay != 0 && (c.day < 1 || c.day > 31) {
		return dateSwapped
	}
	if p.seen&hasDate == hasDate && c.day > monthDays(c.year, c.month) {
		return dateOverflow
	}
	return dateOK
}

func (p *dateParser) applyMeridiem() dateError {
	c := &p.civil
	switch {
	case p.meridiem != 0 && c.hour > 12:
		return dateOverflow
	case p.meridiem == 1 && c.hour == 12:
		c.hour = 0
	case p.meridiem == 2 && c.hour != 12:
		c.hour += 12
	}
	return dateOK
}

// finishDate checks that there is a date, and finds the offset if no number
// gave it; session is the session's zone.
func (p *dateParser) finishDate(session *time.Location) dateError {
	if p.special != 0 {
		return dateOK
	}
	if p.seen&hasDate != hasDate {
		return dateFormat
	}
	if p.seen&hasDSTMark != 0 && (p.zone != nil || p.seen&hasZone == 0) {
		return dateFormat
	}
	p.resolveZone(session)
	return dateOK
}

func (p *dateParser) resolveZone(session *time.Location) {
	switch {
	case p.zone != nil && p.abbrev != "":
		p.offset = abbrevOffset(&p.civil, p.abbrev, p.zone)
	case p.zone != nil:
		p.offset = localOffset(&p.civil, p.zone)
	case p.seen&hasZone == 0:
		p.offset = localOffset(&p.civil, session)
	}
}

// finishTime checks that there is a time, and finds the offset. A zone whose
// clocks change needs the date; without one, PostgreSQL asks its clock.
func (p *dateParser) finishTime(session *time.Location, zoned bool) dateError {
	if p.civil.timeOverflows() {
		return dateOverflow
	}
	if p.seen&hasTime != hasTime {
		return dateFormat
	}
	if p.seen&hasDSTMark != 0 && (p.zone != nil || p.seen&hasZone == 0) {
		return dateFormat
	}
	named := p.zone != nil && p.abbrev == ""
	if named {
		if offset, ok := constantOffset(p.zone); ok {
			p.offset = offset
			return dateOK
		}
	}
	switch {
	case p.seen&hasDate == hasDate:
		p.resolveZone(session)
		return dateOK
	case named, p.seen&hasDate != 0 && (p.zone != nil || p.seen&hasZone == 0):
		return dateFormat
	case !zoned, p.zone == nil && p.seen&hasZone != 0:
		return dateOK
	case p.zone != nil:
		// An abbreviation whose meaning changed: its meaning today is asked for.
		session = p.zone
	}
	offset, ok := settledOffset(session)
	p.offset = offset
	if !ok {
		return dateClock
	}
	return dateOK
}
