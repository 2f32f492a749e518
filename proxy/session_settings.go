package proxy

import (
	"regexp"
	"strconv"
	"time"

	"github.com/pgveil/pgveil/envelope/canon"
)

// settings are the session's settings that PostgreSQL reports by itself, as
// far as pgveil needs them. They are immutable.
type settings struct {
	canon canon.Settings
	// zoneUnknown says that the time zone is one that Go has no rules for.
	zoneUnknown bool
	encoding    string
	// backslash says that standard_conforming_strings is off.
	backslash bool
}

func newSettings(parameters map[string]string) *settings {
	var s settings
	for name, value := range parameters {
		s.set(name, value)
	}
	return &s
}

// with returns the settings after a ParameterStatus, s itself if it is about
// something else.
func (s *settings) with(name, value string) *settings {
	next := *s
	if !next.set(name, value) {
		return s
	}
	return &next
}

func (s *settings) set(name, value string) bool {
	switch name {
	case "DateStyle":
		s.canon.DateStyle = value
	case "IntervalStyle":
		s.canon.IntervalStyle = value
	case "TimeZone":
		zone := zoneOf(value)
		s.canon.TimeZone, s.zoneUnknown = zone, zone == nil
	case "client_encoding":
		s.encoding = value
	case "standard_conforming_strings":
		s.backslash = value == "off"
	default:
		return false
	}
	return true
}

var fixedZone = regexp.MustCompile(`^(?:<([^<>]*)>|([A-Za-z]*))([-+]?)([0-9]{1,2})(?::([0-9]{2})(?::([0-9]{2}))?)?$`)

// zoneOf returns a time zone as PostgreSQL names it, nil for one that has no
// rules here. SET TimeZone TO -3.5 makes one by the name <-03:30>+03:30, which
// is that far west of Greenwich; -03:30, as a string, is that far east.
func zoneOf(name string) *time.Location {
	if zone, err := time.LoadLocation(name); err == nil && name != "Local" { // Go's own name
		return zone
	}
	m := fixedZone.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	seconds := 0
	for _, part := range m[4:] {
		n, _ := strconv.Atoi(part) // digits, or nothing
		seconds = seconds*60 + n
	}
	if m[3] != "-" {
		seconds = -seconds
	}
	return time.FixedZone(m[1]+m[2], seconds)
}
