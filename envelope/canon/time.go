package canon

import "encoding/binary"

// maxZoneOffset is the limit, itself excluded, of a zone's seconds from UTC.
const maxZoneOffset = 16 * 3600

// timeFromText reads time and timetz. The canonical form of timetz has its
// zone behind the time, in seconds west of UTC.
func timeFromText(dst []byte, t Type, s *Settings, text []byte) ([]byte, error) {
	p := dateParser{timeOnly: true}
	_, p.order = s.dateStyle()
	e := p.parse(text, maxDateText)
	if e == dateOK {
		e = p.finishTime(s.zone(), t.Kind == Timetz)
	}
	if e != dateOK {
		return nil, e.err(t.Kind)
	}
	dst = appendTimestamp(dst, roundUsec(p.civil.dayUsec(), t.Mod))
	if t.Kind == Timetz {
		dst = binary.BigEndian.AppendUint32(dst, uint32(int32(-p.offset)))
	}
	return dst, nil
}

func timeFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	usec := intValue(b[:8])
	if usec < 0 || usec > usecPerDay {
		return nil, invalid(stateDateOverflow, "time out of range")
	}
	if t.Kind == Timetz {
		if west := intValue(b[8:]); west <= -maxZoneOffset || west >= maxZoneOffset {
			return nil, invalid(stateZoneOverflow, "time zone displacement out of range")
		}
	}
	return append(appendTimestamp(dst, roundUsec(usec, t.Mod)), b[8:]...), nil
}

func timeToText(dst, v []byte) []byte {
	var c civilTime
	c.setDayUsec(intValue(v))
	return c.appendClock(dst)
}

func timetzToText(dst, v []byte) []byte {
	return appendOffset(timeToText(dst, v[:8]), -int(intValue(v[8:])))
}
