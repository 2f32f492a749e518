package canon

import (
	"math"
	"strconv"
)

// parseISO reads ISO 8601: P1Y2M3DT4H5M6S, P0001-02-03T04:05:06 and P00010203T040506.
func (p *intervalParser) parseISO(text []byte) dateError {
	if len(text) < 2 || text[0] != 'P' {
		return dateFormat
	}
	r := isoReader{in: text[1:]}
	// first says that no part was read since P or T.
	first, date := true, true
	for len(r.in) > 0 {
		if r.in[0] == 'T' {
			r.in, first, date = r.in[1:], true, false
			continue
		}
		n, e := r.number()
		if e != dateOK {
			return e
		}
		if date {
			date, e = p.isoDate(&r, n, first)
			if !date {
				first = true
				if e == dateOK {
					continue
				}
			}
		} else {
			e = p.isoTime(&r, n, first)
		}
		if e != dateOK {
			return e
		}
		first = false
	}
	return dateOK
}

// An isoReader reads the numbers of an ISO 8601 interval.
type isoReader struct{ in []byte }

// An isoNumber is a number with the count of its digits before the point.
type isoNumber struct {
	value    int64
	fraction float64
	width    int
}

// number reads what C's strtod reads, but for the words.
func (r *isoReader) number() (n isoNumber, e dateError) {
	i := 0
	digits := func() int {
		start := i
		for i < len(r.in) && isDigit(r.in[i]) {
			i++
		}
		return i - start
	}
	if i < len(r.in) && r.in[i] == '-' {
		i++
	}
	n.width = digits()
	count := n.width
	if i < len(r.in) && r.in[i] == '.' {
		i++
		count += digits()
	}
	if count == 0 {
		return n, dateFormat
	}
	if mantissa := i; i < len(r.in) && (r.in[i] == 'e' || r.in[i] == 'E') {
		if i++; i < len(r.in) && (r.in[i] == '-' || r.in[i] == '+') {
			i++
		}
		if digits() == 0 {
			i = mantissa
		}
	}
	f, err := strconv.ParseFloat(string(r.in[:i]), 64)
	if err != nil {
		return n, dateFormat
	}
	if f < -1e15 || f > 1e15 {
		return n, dateOverflow
	}
	whole, fraction := math.Modf(f)
	n.value, n.fraction = int64(whole), fraction
	r.in = r.in[i:]
	return n, dateOK
}

// unit reads the byte after a number, 0 at the end.
func (r *isoReader) unit() byte {
	if len(r.in) == 0 {
		return 0
	}
	c := r.in[0]
	r.in = r.in[1:]
	return c
}

func fitting(ok bool) dateError {
	if ok {
		return dateOK
	}
	return dateOverflow
}

// isoDate adds a part of the date, and reports whether more of it can come:
// the form without designators is read in one go.
func (p *intervalParser) isoDate(r *isoReader, n isoNumber, first bool) (more bool, e dateError) {
	switch unit := r.unit(); unit {
	case 'Y':
		return true, fitting(p.addYears(n.value, n.fraction, 1))
	case 'M':
		return true, fitting(p.addMonths(n.value, n.fraction))
	case 'W':
		return true, fitting(p.addDays(n.value, n.fraction, 7))
	case 'D':
		return true, fitting(p.addDays(n.value, n.fraction, 1))
	case 0, 'T':
		if n.width == 8 && first {
			ok := addTo(&p.years, n.value/10000, 1) && addTo(&p.months, n.value/100%100, 1) &&
				p.addDays(n.value%100, n.fraction, 1)
			return false, fitting(ok)
		}
		if !first {
			return true, dateFormat
		}
		return false, fitting(p.addYears(n.value, n.fraction, 1))
	case '-':
		if !first {
			return true, dateFormat
		}
		return false, p.isoDateParts(r, n)
	}
	return true, dateFormat
}

// isoDateParts reads the months and days of yyyy-mm-dd, up to the T.
func (p *intervalParser) isoDateParts(r *isoReader, years isoNumber) dateError {
	if !p.addYears(years.value, years.fraction, 1) {
		return dateOverflow
	}
	months, e := r.number()
	if e != dateOK {
		return e
	}
	if !p.addMonths(months.value, months.fraction) {
		return dateOverflow
	}
	switch r.unit() {
	case 0, 'T':
		return dateOK
	case '-':
	default:
		return dateFormat
	}
	days, e := r.number()
	if e != dateOK {
		return e
	}
	if !p.addDays(days.value, days.fraction, 1) {
		return dateOverflow
	}
	if c := r.unit(); c != 0 && c != 'T' {
		return dateFormat
	}
	return dateOK
}

// isoTime adds a part of the time.
func (p *intervalParser) isoTime(r *isoReader, n isoNumber, first bool) dateError {
	switch unit := r.unit(); unit {
	case 'H':
		return fitting(p.addTime(n.value, n.fraction, usecPerHour))
	case 'M':
		return fitting(p.addTime(n.value, n.fraction, usecPerMin))
	case 'S':
		return fitting(p.addTime(n.value, n.fraction, usecPerSec))
	case 0:
		if n.width == 6 && first {
			return fitting(p.add(n.value/10000, usecPerHour) && p.add(n.value/100%100, usecPerMin) &&
				p.add(n.value%100, usecPerSec) && p.addFraction(n.fraction, 1))
		}
		if !first {
			return dateFormat
		}
		return fitting(p.addTime(n.value, n.fraction, usecPerHour))
	case ':':
		if !first {
			return dateFormat
		}
		return p.isoClock(r, n)
	}
	return dateFormat
}

// isoClock reads the minutes and seconds of hh:mm:ss, to the end.
func (p *intervalParser) isoClock(r *isoReader, hours isoNumber) dateError {
	if !p.addTime(hours.value, hours.fraction, usecPerHour) {
		return dateOverflow
	}
	minutes, e := r.number()
	if e != dateOK {
		return e
	}
	if !p.addTime(minutes.value, minutes.fraction, usecPerMin) {
		return dateOverflow
	}
	switch r.unit() {
	case 0:
		return dateOK
	case ':':
	default:
		return dateFormat
	}
	seconds, e := r.number()
	if e != dateOK {
		return e
	}
	if !p.addTime(seconds.value, seconds.fraction, usecPerSec) {
		return dateOverflow
	}
	if len(r.in) > 0 {
		return dateFormat
	}
	return dateOK
}
