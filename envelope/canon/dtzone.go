package canon

import (
	"bytes"
	"strings"
	"time"
)

// unixEpochDays is 1970-01-01 in days after 2000-01-01.
const unixEpochDays = -pgEpochDays

// localOffset returns the seconds east of UTC that a zone's clocks are at when
// they show c. A time that a change of the clocks skips is read with the
// offset before it, a time that comes twice with the one after it.
func localOffset(c *civilTime, zone *time.Location) int {
	if zone == time.UTC || !c.validJulian() {
		return 0
	}
	local := localSeconds(c)
	// Clocks change at most once in 48 hours, so the next change after the day
	// before is the only one that can matter.
	before := time.Unix(local-secPerDay, 0).In(zone)
	_, offsetBefore := before.Zone()
	_, end := before.ZoneBounds()
	if end.IsZero() {
		return offsetBefore
	}
	_, offsetAfter := end.Zone()
	change := end.Unix()
	asBefore, asAfter := local-int64(offsetBefore), local-int64(offsetAfter)
	switch {
	case asBefore < change && asAfter < change:
		return offsetBefore
	case asBefore > change && asAfter >= change:
		return offsetAfter
	case asBefore > asAfter:
		return offsetBefore
	}
	return offsetAfter
}

// localSeconds is c read as UTC, in Unix time.
func localSeconds(c *civilTime) int64 {
	return int64(c.days()-unixEpochDays)*secPerDay + int64((c.hour*60+c.minute)*60+c.second)
}

// abbrevOffset returns the offset that an abbreviation meant last, at the time
// c in a zone, else first after it. If the zone never used it, it is as if
// the zone itself had been given.
func abbrevOffset(c *civilTime, abbrev string, zone *time.Location) int {
	offset := localOffset(c, zone)
	abbrev = strings.ToUpper(abbrev)
	at := time.Unix(localSeconds(c)-int64(offset), 0).In(zone)
	for t := at; ; {
		name, o := t.Zone()
		if name == abbrev {
			return o
		}
		start, _ := t.ZoneBounds()
		if start.IsZero() {
			break
		}
		t = start.Add(-time.Second)
	}
	// A zone with daylight saving goes on for ever, but one period of 400 years says all.
	for t, n := at, 0; n < 1000; n++ {
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break
		}
		if name, o := end.Zone(); name == abbrev {
			return o
		}
		t = end
	}
	return offset
}

// constantOffset returns the offset of a zone whose clocks have never changed.
func constantOffset(zone *time.Location) (offset int, ok bool) {
	t := time.Unix(0, 0).In(zone)
	start, end := t.ZoneBounds()
	_, offset = t.Zone()
	return offset, start.IsZero() && end.IsZero()
}

// settledOffset returns the offset of a zone whose clocks do not change any
// more, whatever the day is today.
func settledOffset(zone *time.Location) (offset int, ok bool) {
	t := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).In(zone)
	_, end := t.ZoneBounds()
	_, offset = t.Zone()
	return offset, end.IsZero()
}

// findZone finds a zone by its name in the IANA database, which may be in any
// case, as PostgreSQL takes it. Zones in POSIX form (UTC+3) are not taken, nor
// names that mean another zone on every machine.
func findZone(name []byte) *time.Location {
	lower := string(bytes.ToLower(name))
	switch {
	case lower == "local", lower == "localtime", lower == "posixrules", lower == "factory", lower == "",
		strings.HasPrefix(lower, "right/"), strings.HasPrefix(lower, "posix/"):
		return nil
	}
	for _, candidate := range [...]string{irregularZones[lower], strings.ToUpper(lower), titleZone(lower), zoneAfterSlash(lower)} {
		if zone, err := time.LoadLocation(candidate); err == nil && candidate != "" {
			return zone
		}
	}
	return nil
}

// irregularZones are the names that no rule spells.
var irregularZones = map[string]string{
	"america/argentina/comodrivadavia": "America/Argentina/ComodRivadavia",
	"america/knox_in":                  "America/Knox_IN",
	"antarctica/dumontdurville":        "Antarctica/DumontDUrville",
	"antarctica/mcmurdo":               "Antarctica/McMurdo",
	"australia/act":                    "Australia/ACT",
	"australia/lhi":                    "Australia/LHI",
	"australia/nsw":                    "Australia/NSW",
	"brazil/denoronha":                 "Brazil/DeNoronha",
	"chile/easterisland":               "Chile/EasterIsland",
	"gb-eire":                          "GB-Eire",
	"mexico/bajanorte":                 "Mexico/BajaNorte",
	"mexico/bajasur":                   "Mexico/BajaSur",
}

// titleZone writes a zone's name as nearly all are written: America/New_York.
func titleZone(lower string) string {
	out := []byte(lower)
	start := 0
	for i := 0; i <= len(out); i++ {
		if i < len(out) && isAlpha(out[i]) {
			continue
		}
		switch part := lower[start:i]; {
		case part == "of", part == "es", part == "au":
		case len(part) > 0:
			out[start] -= 'a' - 'A'
		}
		start = i + 1
	}
	return string(out)
}

// zoneAfterSlash writes the areas that are capitals: Etc/GMT+5, US/Pacific.
func zoneAfterSlash(lower string) string {
	area, place, ok := strings.Cut(lower, "/")
	switch {
	case !ok:
		return titleZone(lower)
	case area == "etc":
		return "Etc/" + strings.ToUpper(place)
	case area == "us":
		return "US/" + titleZone(place)
	}
	return titleZone(lower)
}
