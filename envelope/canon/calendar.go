package canon

import "strconv"

const (
	usecPerSec  = 1_000_000
	usecPerMin  = 60 * usecPerSec
	usecPerHour = 60 * usecPerMin
	usecPerDay  = 24 * usecPerHour
	secPerDay   = 24 * 60 * 60
)

// pgEpochDays is 2000-01-01, PostgreSQL's day zero, in days after 1970-01-01.
const pgEpochDays = 10957

// julianEpoch is PostgreSQL's day zero in Julian days.
const julianEpoch = 2451545

// A civilTime is a moment on a calendar and a clock, in no particular zone.
// Year 0 is 1 BC. Between parsing and validation a field may hold anything.
type civilTime struct {
	year, month, day     int
	hour, minute, second int
	usec                 int
	yearDay              int
}

// civilDays returns the days from 2000-01-01 to a date of the Gregorian
// calendar, which is taken to have been in use always. It counts years from
// the first of March, so that a leap day is a year's last.
func civilDays(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146097 + dayOfEra - 719468 - pgEpochDays
}

// civilDate is the inverse of civilDays.
func civilDate(days int) (year, month, day int) {
	days += 719468 + pgEpochDays
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*shifted+2)/5 + 1
	month, year = shifted+3, yearOfEra+era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// setDate sets the date to that many days after 2000-01-01.
func (c *civilTime) setDate(days int) { c.year, c.month, c.day = civilDate(days) }

// days returns the date in days after 2000-01-01.
func (c *civilTime) days() int { return civilDays(c.year, c.month, c.day) }

// dayUsec returns the time of day.
func (c *civilTime) dayUsec() int64 {
	return int64((c.hour*60+c.minute)*60+c.second)*usecPerSec + int64(c.usec)
}

// setDayUsec sets the time of day.
func (c *civilTime) setDayUsec(usec int64) {
	c.usec = int(usec % usecPerSec)
	seconds := int(usec / usecPerSec)
	c.hour, c.minute, c.second = seconds/3600, seconds/60%60, seconds%60
}

// civilOf returns the civil time of microseconds after 2000-01-01.
func civilOf(usec int64) (c civilTime) {
	days := usec / usecPerDay
	if usec %= usecPerDay; usec < 0 {
		usec += usecPerDay
		days--
	}
	c.setDate(int(days))
	c.setDayUsec(usec)
	return c
}

// validJulian reports whether PostgreSQL can count the date's days at all.
func (c *civilTime) validJulian() bool {
	return (c.year > -4713 || c.year == -4713 && c.month >= 11) &&
		(c.year < 5874898 || c.year == 5874898 && c.month < 6)
}

// timeOverflows reports whether the fields are beyond 24:00:00. A leap second
// is taken, and becomes the next minute.
func (c *civilTime) timeOverflows() bool {
	if c.hour < 0 || c.hour > 24 || c.minute < 0 || c.minute > 59 || c.second < 0 || c.second > 60 ||
		c.usec < 0 || c.usec > usecPerSec {
		return true
	}
	return c.dayUsec() > usecPerDay
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func monthDays(year, month int) int {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// appendPadded appends n, which is not negative, with at least width digits.
func appendPadded(dst []byte, n, width int) []byte {
	for limit := pow10(width - 1); n < limit && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// appendClock appends hh:mm:ss with the fraction that is needed.
func (c *civilTime) appendClock(dst []byte) []byte {
	dst = append(appendPadded(dst, c.hour, 2), ':')
	dst = append(appendPadded(dst, c.minute, 2), ':')
	return appendSeconds(dst, c.second, c.usec, 2)
}

// appendSeconds appends seconds of at least width digits, and up to six of their fraction.
func appendSeconds(dst []byte, second, usec, width int) []byte {
	dst = appendPadded(dst, second, width)
	if usec == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), usec, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
