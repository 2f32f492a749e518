package canon

import "encoding/binary"

// coerceTime converts among dates, times and intervals.
func coerceTime(dst []byte, from, to Type, s *Settings, v []byte) ([]byte, error) {
	switch {
	case from.Kind == Date && (to.Kind == Timestamp || to.Kind == Timestamptz):
		return dateToTimestamp(dst, to, s, int(intValue(v)))
	case from.Kind == Timestamp && to.Kind == Timestamptz:
		return timestampToZoned(dst, to, s, intValue(v))
	case from.Kind == Timestamp, from.Kind == Timestamptz:
		return timestampTo(dst, from, to, s, intValue(v))
	case from.Kind == Time && to.Kind == Timetz:
		return timeToZoned(dst, to, s, v)
	case from.Kind == Time && to.Kind == Interval:
		return span{usec: intValue(v)}.appendLimited(dst, to)
	case from.Kind == Timetz && to.Kind == Time:
		return appendTimestamp(dst, roundUsec(intValue(v[:8]), to.Mod)), nil
	case from.Kind == Interval && to.Kind == Time:
		usec := readSpan(v).usec % usecPerDay
		if usec < 0 {
			usec += usecPerDay
		}
		return appendTimestamp(dst, roundUsec(usec, to.Mod)), nil
	}
	return nil, errNoCast(from, to)
}

// dateToTimestamp is the midnight at which a day begins, in the session's zone.
func dateToTimestamp(dst []byte, to Type, s *Settings, days int) ([]byte, error) {
	switch days {
	case dateInfinity:
		return appendTimestamp(dst, timeInfinity), nil
	case dateMinusInfinity:
		return appendTimestamp(dst, timeMinusInfinity), nil
	}
	var c civilTime
	c.setDate(days)
	offset := 0
	if to.Kind == Timestamptz {
		offset = localOffset(&c, s.zone())
	}
	usec, ok := c.timestamp(offset)
	// The day itself must be in range, even where the zone would bring it back.
	if !ok || days >= endTimestamp/usecPerDay {
		return nil, invalid(stateDateOverflow, "date out of range for timestamp")
	}
	return appendTimestamp(dst, usec), nil
}

// timestampToZoned reads a timestamp as the session's clocks show it.
func timestampToZoned(dst []byte, to Type, s *Settings, usec int64) ([]byte, error) {
	if usec != timeInfinity && usec != timeMinusInfinity {
		c := civilOf(usec)
		var ok bool
		if usec, ok = c.timestamp(localOffset(&c, s.zone())); !ok {
			return nil, errTimestampRange()
		}
	}
	return appendRounded(dst, to, usec)
}

// timestampTo takes a part of a timestamp, with or without a zone. An infinite
// one has no time of day; PostgreSQL makes NULL of it, which is no value.
func timestampTo(dst []byte, from, to Type, s *Settings, usec int64) ([]byte, error) {
	if usec == timeInfinity || usec == timeMinusInfinity {
		return infiniteTo(dst, from, to, usec)
	}
	offset := 0
	if from.Kind == Timestamptz {
		_, offset = zoneAt(usec, s.zone())
	}
	c := civilOf(usec + int64(offset)*usecPerSec)
	switch to.Kind {
	case Date:
		return appendDate(dst, c.days()), nil
	case Timestamp:
		local, ok := c.timestamp(0)
		if !ok {
			return nil, errTimestampRange()
		}
		return appendRounded(dst, to, local)
	case Time:
		return appendTimestamp(dst, roundUsec(c.dayUsec(), to.Mod)), nil
	case Timetz:
		if from.Kind == Timestamptz {
			dst = appendTimestamp(dst, roundUsec(c.dayUsec(), to.Mod))
			return binary.BigEndian.AppendUint32(dst, uint32(int32(-offset))), nil
		}
	}
	return nil, errNoCast(from, to)
}

func infiniteTo(dst []byte, from, to Type, usec int64) ([]byte, error) {
	switch {
	case to.Kind == Timestamp:
		return appendTimestamp(dst, usec), nil
	case to.Kind == Date && usec == timeInfinity:
		return appendDate(dst, dateInfinity), nil
	case to.Kind == Date:
		return appendDate(dst, dateMinusInfinity), nil
	}
	return nil, errNoCast(from, to)
}

// timeToZoned gives a time the offset of the session's zone, if that does not
// depend on today's date.
func timeToZoned(dst []byte, to Type, s *Settings, v []byte) ([]byte, error) {
	offset, ok := settledOffset(s.zone())
	if !ok {
		return nil, errClock(Timetz)
	}
	dst = appendTimestamp(dst, roundUsec(intValue(v), to.Mod))
	return binary.BigEndian.AppendUint32(dst, uint32(int32(-offset))), nil
}
