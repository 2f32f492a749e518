package canon

// A wordKind says what a word means within a date or time.
type wordKind uint8

const (
	wordReserved wordKind = iota + 1
	wordMonth
	wordWeekday
	wordUnit
	wordIgnored
	wordAMPM
	wordEra
	wordDST
	wordISOTime
	// The kinds of zone abbreviations.
	wordZone
	wordDSTZone
	wordDynamicZone
)

// A word is an entry of the tables of words.
type word struct {
	kind  wordKind
	value int
}

// Values of reserved words.
const (
	reservedEarly = iota + 1
	reservedLate
	reservedEpoch
	reservedZulu
	reservedClock
)

// A unit is a unit of time, or what a letter before a number says of it.
type unit int

const (
	unitNone unit = iota
	unitYear
	unitMonth
	unitDay
	unitHour
	unitMinute
	unitSecond
	unitMillisecond
	unitMicrosecond
	unitWeek
	unitDecade
	unitCentury
	unitMillennium
	unitJulian
	unitTime
	// unitOther is a unit that is known but means nothing in input.
	unitOther
)

// wordLength is how many characters of a word PostgreSQL looks at.
const wordLength = 10

// dateWords are the words within dates and times, cut to wordLength.
var dateWords = map[string]word{
	"-infinity": {wordReserved, reservedEarly}, "infinity": {wordReserved, reservedLate},
	"epoch": {wordReserved, reservedEpoch}, "allballs": {wordReserved, reservedZulu},
	"now": {wordReserved, reservedClock}, "today": {wordReserved, reservedClock},
	"tomorrow": {wordReserved, reservedClock}, "yesterday": {wordReserved, reservedClock},
	"jan": {wordMonth, 1}, "january": {wordMonth, 1}, "feb": {wordMonth, 2}, "february": {wordMonth, 2},
	"mar": {wordMonth, 3}, "march": {wordMonth, 3}, "apr": {wordMonth, 4}, "april": {wordMonth, 4},
	"may": {wordMonth, 5}, "jun": {wordMonth, 6}, "june": {wordMonth, 6}, "jul": {wordMonth, 7},
	"july": {wordMonth, 7}, "aug": {wordMonth, 8}, "august": {wordMonth, 8}, "sep": {wordMonth, 9},
	"sept": {wordMonth, 9}, "september": {wordMonth, 9}, "oct": {wordMonth, 10}, "october": {wordMonth, 10},
	"nov": {wordMonth, 11}, "november": {wordMonth, 11}, "dec": {wordMonth, 12}, "december": {wordMonth, 12},
	"sun": {wordWeekday, 0}, "sunday": {wordWeekday, 0}, "mon": {wordWeekday, 1}, "monday": {wordWeekday, 1},
	"tue": {wordWeekday, 2}, "tues": {wordWeekday, 2}, "tuesday": {wordWeekday, 2}, "wed": {wordWeekday, 3},
	"weds": {wordWeekday, 3}, "wednesday": {wordWeekday, 3}, "thu": {wordWeekday, 4}, "thur": {wordWeekday, 4},
	"thurs": {wordWeekday, 4}, "thursday": {wordWeekday, 4}, "fri": {wordWeekday, 5}, "friday": {wordWeekday, 5},
	"sat": {wordWeekday, 6}, "saturday": {wordWeekday, 6},
	"at": {wordIgnored, 0}, "on": {wordIgnored, 0}, "am": {wordAMPM, 0}, "pm": {wordAMPM, 1},
	"ad": {wordEra, 0}, "bc": {wordEra, 1}, "dst": {wordDST, 3600}, "t": {wordISOTime, int(unitTime)},
	"y": {wordUnit, int(unitYear)}, "m": {wordUnit, int(unitMonth)}, "d": {wordUnit, int(unitDay)},
	"h": {wordUnit, int(unitHour)}, "mm": {wordUnit, int(unitMinute)}, "s": {wordUnit, int(unitSecond)},
	"j": {wordUnit, int(unitJulian)}, "jd": {wordUnit, int(unitJulian)}, "julian": {wordUnit, int(unitJulian)},
	"dow": {wordUnit, int(unitOther)}, "doy": {wordUnit, int(unitOther)},
	"isodow": {wordUnit, int(unitOther)}, "isoyear": {wordUnit, int(unitOther)},
}

func dateWord(text []byte) (word, bool) {
	w, ok := dateWords[string(text[:min(len(text), wordLength)])]
	return w, ok
}

// intervalUnits are the units of intervals, cut to wordLength.
var intervalUnits = map[string]unit{
	"c": unitCentury, "cent": unitCentury, "centuries": unitCentury, "century": unitCentury,
	"d": unitDay, "day": unitDay, "days": unitDay,
	"dec": unitDecade, "decade": unitDecade, "decades": unitDecade, "decs": unitDecade,
	"h": unitHour, "hour": unitHour, "hours": unitHour, "hr": unitHour, "hrs": unitHour,
	"m": unitMinute, "min": unitMinute, "mins": unitMinute, "minute": unitMinute, "minutes": unitMinute,
	"microsecon": unitMicrosecond, "us": unitMicrosecond, "usec": unitMicrosecond,
	"usecond": unitMicrosecond, "useconds": unitMicrosecond, "usecs": unitMicrosecond,
	"mil": unitMillennium, "mils": unitMillennium, "millennia": unitMillennium, "millennium": unitMillennium,
	"millisecon": unitMillisecond, "ms": unitMillisecond, "msec": unitMillisecond,
	"msecond": unitMillisecond, "mseconds": unitMillisecond, "msecs": unitMillisecond,
	"mon": unitMonth, "mons": unitMonth, "month": unitMonth, "months": unitMonth,
	"s": unitSecond, "sec": unitSecond, "second": unitSecond, "seconds": unitSecond, "secs": unitSecond,
	"w": unitWeek, "week": unitWeek, "weeks": unitWeek,
	"y": unitYear, "year": unitYear, "years": unitYear, "yr": unitYear, "yrs": unitYear,
	"qtr": unitOther, "quarter": unitOther, "timezone": unitOther, "timezone_h": unitOther, "timezone_m": unitOther,
}

func intervalUnit(text []byte) (unit, bool) {
	u, ok := intervalUnits[string(text[:min(len(text), wordLength)])]
	return u, ok
}
