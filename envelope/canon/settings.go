package canon

import (
	"strings"
	"time"
)

// A style is the output half of DateStyle.
type style uint8

const (
	styleISO style = iota
	styleSQL
	stylePostgres
	styleGerman
)

// A dateOrder is the input half of DateStyle. It also orders the output of some styles.
type dateOrder uint8

const (
	orderMDY dateOrder = iota
	orderDMY
	orderYMD
)

// dateStyle takes DateStyle apart. Parts that are missing have PostgreSQL's
// defaults; German alone means day first.
func (s *Settings) dateStyle() (style, dateOrder) {
	if s == nil || s.DateStyle == "" || s.DateStyle == "ISO, MDY" {
		return styleISO, orderMDY
	}
	st, order, ordered := styleISO, orderMDY, false
	for part := range strings.SplitSeq(s.DateStyle, ",") {
		part = strings.TrimSpace(part)
		is := func(words ...string) bool {
			for _, w := range words {
				if strings.EqualFold(part, w) {
					return true
				}
			}
			return false
		}
		switch {
		case is("iso"):
			st = styleISO
		case is("sql"):
			st = styleSQL
		case is("postgres"):
			st = stylePostgres
		case is("german"):
			st = styleGerman
			if !ordered {
				order = orderDMY
			}
		case is("mdy", "us", "noneuro", "noneuropean"):
			order, ordered = orderMDY, true
		case is("dmy", "euro", "european"):
			order, ordered = orderDMY, true
		case is("ymd"):
			order, ordered = orderYMD, true
		}
	}
	return st, order
}

// An intervalStyle is IntervalStyle.
type intervalStyle uint8

const (
	intervalPostgres intervalStyle = iota
	intervalVerbose
	intervalSQL
	intervalISO
)

func (s *Settings) intervalStyle() intervalStyle {
	switch {
	case s == nil || s.IntervalStyle == "" || s.IntervalStyle == "postgres":
		return intervalPostgres
	case strings.EqualFold(s.IntervalStyle, "postgres_verbose"):
		return intervalVerbose
	case strings.EqualFold(s.IntervalStyle, "sql_standard"):
		return intervalSQL
	case strings.EqualFold(s.IntervalStyle, "iso_8601"):
		return intervalISO
	}
	return intervalPostgres
}

func (s *Settings) zone() *time.Location {
	if s == nil || s.TimeZone == nil {
		return time.UTC
	}
	return s.TimeZone
}

func (s *Settings) byteaEscape() bool { return s != nil && strings.EqualFold(s.ByteaOutput, "escape") }

func (s *Settings) extraFloatDigits() int {
	if s == nil || s.ExtraFloatDigits == nil {
		return 1
	}
	return *s.ExtraFloatDigits
}
