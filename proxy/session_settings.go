package proxy

import (
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
		// Go has a zone of its own by the name Local.
		zone, err := time.LoadLocation(value)
		s.canon.TimeZone, s.zoneUnknown = zone, err != nil || value == "Local"
	case "client_encoding":
		s.encoding = value
	case "standard_conforming_strings":
		s.backslash = value == "off"
	default:
		return false
	}
	return true
}
