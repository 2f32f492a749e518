package canon_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// datetimes are texts for every type of date and time; most are wrong for some of them.
func datetimes() []string {
	return []string{
		"", " ", "2024-02-29", "2023-02-29", "2024-2-9", "1999-01-08", "January 8, 1999", "1/8/1999", "1/18/1999", "18/1/1999", "01/02/03", "1999-Jan-08", "Jan-08-1999", "08-Jan-1999", "99-Jan-08", "08-Jan-99", "Jan-08-99",
		"19990108", "990108", "1999.008", "J2451187", "January 8, 99 BC", "infinity", "-infinity", "+infinity", "epoch", "allballs", "INFINITY", "Epoch",
		"0001-01-01", "0000-01-01", "0001-01-01 BC", "4714-11-24 BC", "4714-11-23 BC", "4713-01-01 BC", "5874897-12-31", "5874898-01-01", "294277-01-01", "12345-06-07", "123456-06-07",
		"2024-01-01 00:00:00", "2024-01-01 24:00:00", "2024-01-01 24:00:01", "2024-01-01 23:59:60", "2024-01-01 23:59:60.5", "2024-01-01 23:60", "2024-01-01 25:00", "2024-01-01T12:34:56", "2024-01-01t123456", "20240101T123456", "20240101T123456.789-07", "20240101 123456", "20240101 1234",
		"2024-01-01 12:34:56.1234567", "2024-01-01 12:34:56.9999995", "2024-01-01 12:34:56.9999994", "2024-01-01 12:34:56.", "2024-01-01 12:34", "2024-01-01 12", "2024-01-01 12:34:56 AM", "2024-01-01 12:34:56 PM", "2024-01-01 1:00 pm", "2024-01-01 13:00 PM", "2024-01-01 00:30 am",
		"2024-01-01 12:00+02", "2024-01-01 12:00-0330", "2024-01-01 12:00+05:30:15", "2024-01-01 12:00+15:59", "2024-01-01 12:00+16", "2024-01-01 12:00 +2", "2024-01-01 12:00+123456", "2024-01-01 12:00Z", "2024-01-01 12:00 zulu", "2024-01-01 12:00 UTC", "2024-01-01 12:00 PST", "2024-07-01 12:00 PDT", "2024-01-01 12:00 PST DST", "2024-01-01 12:00 DST",
		"2024-07-01 12:00 America/New_York", "2024-01-01 12:00 america/new_york", "2024-01-01 12:00 Nowhere/Land", "2024-01-01 12:00 Nowhere", "2024-01-01 12:00 Europe/Berlin", "2024-01-01 12:00 Etc/GMT+5", "2024-01-01 12:00 EST5EDT", "2024-07-01 12:00 MSK", "2012-07-01 12:00 MSK", "2010-07-01 12:00 MSK", "2024-07-01 12:00 IST", "2016-07-01 12:00 VET",
		"2024-03-31 02:30", "2024-10-27 02:30", "2024-03-31 02:30 Europe/Berlin", "2024-10-27 02:30 Europe/Berlin", "2024-03-10 02:30", "2024-11-03 01:30", "1893-04-01 00:00", "1893-03-31 23:55", "2011-12-30 12:00", "1700-01-01 12:00", "2100-07-01 12:00", "9999-07-01 12:00", "2500-01-01 12:00:00.5", "1883-11-18 12:03:58", "1970-01-01 00:00:00.000001", "0044-03-15 12:00 BC",
		"Wed Dec 17 07:37:16 1997 PST", "Wed 17 Dec 07:37:16 1997", "12/17/1997 07:37:16 PST", "17/12/1997 07:37:16 CET", "17.12.1997 07:37:16 CET", "Sat Mar 2 12:00 2024", "mar 2 2024", "2 mar 2024", "2024 mar 2", "2024 2 mar", "March 2nd 2024", "2024-13-01", "2024-00-01", "2024-01-00", "2024-01-32", "31.12.2024", "12.31.2024", "2024.12.31", "1.2.3", "2024/12/31", "31/12/2024", "12/31/24",
		"y2001m02d04", "y2001m02d04h05mm06s07", "2001-02-04 h05mm06s07.5", "J2451187.5", "J2451187 12:00", "J2451187+02", "julian 2451187", "JD2451187", "J-5", "J99999999999", "2024001", "24001", "2024 001", "2024-366", "2023-366", "2024.366", "12:34", "12:34:56", "12:34:56.789012", "123456", "1234", "12", "123456.789", "T12:34:56", "t123456", "12:34 PM", "12:34:56 AM", "24:00", "24:00:00.1", "23:59:60", "23:59:61", "12:34:56+02", "12:34:56 +02:30", "123456-08", "12:34 UTC", "12:34 PST", "12:34 PDT", "12:34 America/New_York", "2024-07-01 12:34 America/New_York", "12:34 Etc/GMT+5", "12:34Z", "2024-07-01 12:34", "2024-07-01 12:34:56.789 Europe/Paris", "12:34:56 BC", "h12mm34s56", "00:00", "23:59:59.9999999", "-12:34", "12:34:56:78", "12:34.5", "1:2:3", "at 12:34", "on 2024-01-01 at 12:00", "12 : 34",
		"now", "today", "tomorrow", "yesterday", "now 12:00", "today 12:00", "2024-01-01 now", "2024-01-01 2024-01-01", "12:00 13:00", "2024-01-01 12:00 12:00", "2024-01-01, 12:00", "2024-01-01;12:00", "(2024-01-01)", "2024_01_01", "2024-01-01 BC AD", "99999999999-01-01", "2024-99999999999-01", "2024-01-01 99999999999:00", "2024-01-01 12:00+99999999999",
		"24-01-01", "70-01-01", "69-01-01", "0-1-1", "00-01-01", "1-1-1", "100-1-1", "0100-01-01", "Feb 30 2024", "Feb 2024", "2024", "Monday", "Mon 2024-01-01", "2024-01-01 xyz", "xyz", strings.Repeat("9", 200), strings.Repeat("1 ", 30), "2024-01-01" + strings.Repeat(" ", 300), "Thu Jan 01 00:00:00 1970 +00:00", "12:00 2024-01-01", "12:00 pm 2024-01-01", "ä", "2024-01-01ä", "10000-01-01 12:00", "epoch 12:00", "2024-01-01 epoch", "infinity infinity", "2024-01-01 12:34:56 bst", "2024-01-01 allballs", "04:05:06.789-8", "04:05:06-08:00:30",
	}
}

func randomDateTime(rng *rand.Rand) string {
	date := randomDate(rng)
	switch rng.IntN(6) {
	case 0:
		return date
	case 1:
		return randomTime(rng) + " " + date
	}
	s := date + pick(rng, " ", " ", "T", ", ", "  ") + randomTime(rng)
	if rng.IntN(8) == 0 {
		s += pick(rng, " BC", " AD", " Mon", " 2020")
	}
	return s
}

func randomDate(rng *rand.Rand) string {
	year := pick(rng, 2024, 1999, 1582, 1900, 2000, 33, 7, 99, 12024, 1970, 1+rng.IntN(3000))
	month, day := 1+rng.IntN(12), 1+rng.IntN(31)
	if rng.IntN(15) == 0 {
		month, day = rng.IntN(40), rng.IntN(40)
	}
	name := pick(rng, "Jan", "feb", "MARCH", "apr", "May", "june", "Jul", "August", "sept", "oct", "Nov", "december")
	yearText := fmt.Sprintf(pick(rng, "%d", "%04d", "%02d"), year)
	parts := pick(rng,
		[]string{yearText, fmt.Sprintf("%02d", month), fmt.Sprintf("%02d", day)},
		[]string{yearText, fmt.Sprint(month), fmt.Sprint(day)},
		[]string{fmt.Sprint(month), fmt.Sprint(day), yearText},
		[]string{fmt.Sprintf("%02d", day), fmt.Sprintf("%02d", month), yearText},
		[]string{fmt.Sprint(day), name, yearText},
		[]string{name, fmt.Sprint(day), yearText},
		[]string{yearText, name, fmt.Sprint(day)},
		[]string{yearText, fmt.Sprintf("%03d", rng.IntN(400))},
	)
	return strings.Join(parts, pick(rng, "-", "/", ".", " ", "-", ""))
}

func randomTime(rng *rand.Rand) string {
	h, m, s := rng.IntN(25), rng.IntN(60), rng.IntN(60)
	text := pick(rng,
		fmt.Sprintf("%02d:%02d:%02d", h, m, s), fmt.Sprintf("%d:%02d", h, m), fmt.Sprintf("%02d%02d%02d", h, m, s),
		fmt.Sprintf("%02d:%02d:%02d.%06d", h, m, s, rng.IntN(1000000)), fmt.Sprintf("%02d:%02d:%02d.%d", h, m, s, rng.IntN(100000000)),
		fmt.Sprintf("%d:%d:%d", h, rng.IntN(70), rng.IntN(70)),
	)
	if rng.IntN(6) == 0 {
		text += pick(rng, " am", " PM", "pm")
	}
	if rng.IntN(2) == 0 {
		text += pick(rng, "", " ") + pick(rng, "+00", "+02", "-0330", "+05:30", "-08:00:15", "Z", "UTC", "PST", "CEST", "msk", "Europe/London", "Asia/Kathmandu", "America/Caracas", "Australia/Lord_Howe", "GMT", "EST5EDT", "nst")
	}
	return text
}

func intervals() []string {
	return []string{
		"", "1 day", "-1 day", "1 day ago", "1 year 2 mons 3 days 04:05:06", "@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago", "P1Y2M3DT4H5M6S", "P1Y2M3W4DT5H", "P0001-02-03T04:05:06", "P00010203T040506", "P-1Y-2M", "P1.5Y", "P1.5M", "P1.5W", "P1.5D", "PT1.5H", "PT-1.5S", "PT0S", "P", "PT", "P1", "P1Y2", "P1X", "p1y", "P1Y ", "PT1E2S", "P1e15Y", "P1e16Y",
		"1-2", "-1-2", "1-2 3 4:05:06", "-1-2 +3 -4:05:06", "+1-2 -3 +4:05:06", "-1 1:00:00", "1 1:00", "1:00", "-1:00", "1:00:00.5", "-0:00:01", "1:2.5", "12", "-12", "1.5", "-1.5", "1.5 days", "1.5 weeks", "1.5 months", "-1.5 months", "1.5 years", "1.1 years", "0.04 years", "1.5 decades", "2 centuries", "3 millennia", "1 c", "1 mil", "1 qtr", "1 quarter", "1 timezone", "1 ms", "1.5 us", "2.5 us", "0.5 us", "-0.6 us", "1 microseconds", "1 msec 5 us", "1 sec 5 ms", "1.5 sec 5 ms", "1 day 1 day", "1 sec 1 sec", "1 hour 5", "5 1 hour", "1 2 3", "1 foo", "foo", "ago", "1 ago", "1 day ago 2 hours", "100:00:00", "100:60", "1:00:60", "1:00:61", "2147483647 days", "2147483648 days", "-2147483648 days", "-2147483648 days ago", "2147483647 months", "178956970 years 7 months", "178956970 years 8 months", "178956971 years", "2562047788:00:54.775808", "9223372036854775808 us", "9223372036854775807 us 1 ms", "1000000 centuries", "30 days", "1 mon", "1 month -30 days", "24:00", "1 day -24:00", "@ 0", "0", "00:00", "1 year -1 mon", "-1 year 1 mon 1 day", "1 mon -1 day 1:00", "-1 mon +1 day -1:00:00.1", "1 day 0:00:00.000001", "-0.000001 s", "infinity", "-infinity", "1e5 days", "1,5 days", "1 day, 2 hours", "P1Y-2M", "-P1Y", "P1Y1DT1H1M1.000001S", "1 W", "1w 2d", "1h30m", "90 m", "5y", "5yr 3mon", "1 decade 2 decs", "0.1 month", "0.01 day", "-0.5 week", "1.999999999 sec", "0.9999999 sec", "12:34:56.7890125", "-12:34:56.7890125", "T1:00", "PT1:2:3", "PT010203", "P1-2-3", "P1-2T1", "P20010203", "P20010203T010203.5",
		strings.Repeat("1", 300), strings.Repeat("1 day ", 30),
	}
}

func randomInterval(rng *rand.Rand) string {
	number := func() string {
		s := pick(rng, "", "", "-", "+") + fmt.Sprint(rng.IntN(pick(rng, 3, 40, 2000)))
		if rng.IntN(3) == 0 {
			s += fmt.Sprintf(".%d", rng.IntN(1000))
		}
		return s
	}
	switch rng.IntN(5) {
	case 0:
		s := "P"
		for _, u := range []string{"Y", "M", "W", "D"} {
			if rng.IntN(2) == 0 {
				s += strings.TrimPrefix(number(), "+") + u
			}
		}
		if rng.IntN(2) == 0 {
			s += "T" + strings.TrimPrefix(number(), "+") + pick(rng, "H", "M", "S")
		}
		return s
	case 1:
		return fmt.Sprintf("%s%d-%d %s%d %s%d:%02d:%02d", pick(rng, "", "-", "+"), rng.IntN(20), rng.IntN(13), pick(rng, "", "-", "+"), rng.IntN(50), pick(rng, "", "-", "+"), rng.IntN(50), rng.IntN(60), rng.IntN(60))
	}
	var parts []string
	for range 1 + rng.IntN(4) {
		parts = append(parts, number()+pick(rng, " ", "")+pick(rng, "year", "mons", "days", "h", "mins", "sec", "week", "ms", "us", "decade", "y", "month", "d"))
	}
	if rng.IntN(3) == 0 {
		parts = append(parts, pick(rng, "", "-", "+")+fmt.Sprintf("%d:%02d:%02d.%d", rng.IntN(40), rng.IntN(60), rng.IntN(60), rng.IntN(2000)))
	}
	if rng.IntN(6) == 0 {
		parts = append(parts, "ago")
	}
	return pick(rng, "", "", "@ ") + strings.Join(parts, " ")
}
