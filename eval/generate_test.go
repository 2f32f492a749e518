package eval

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/pgveil/pgveil/envelope/canon"
)

var someKinds = []canon.Kind{
	canon.Text, canon.Varchar, canon.Bpchar, canon.Bool, canon.Int2, canon.Int4, canon.Int8, canon.Numeric, canon.Float8,
	canon.Date, canon.Timestamp, canon.Timestamptz, canon.Time, canon.Interval, canon.UUID, canon.Bytea,
}

// samples are values that rules have edges at.
var samples = map[canon.Kind][]string{
	canon.Text: {"", " ", "a", "A", "ab", "  ab  ", "abcabc", "Hello World", "o'brien", "x,y,z", "tab\tand\nline", "é", "ÀÉÎ straße", "Ω αβγ Σ", "Жук ёж",
		"Աբգ", "ሰላም ዓለም", "你好", "🙂x🙂", "e\u0301", "mIxEd cAsE 12ab", "foo-bar_baz", "2024-01-31", "12", "-5", "3.14", "\u00a0x\u00a0", "ªº", "t", "no"},
	canon.Int2:    {"0", "1", "-1", "2", "32767", "-32768", "100"},
	canon.Int4:    {"0", "1", "-1", "2", "3", "-2", "5", "10", "2147483647", "-2147483648", "65536", "70"},
	canon.Int8:    {"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "4294967296", "7"},
	canon.Numeric: {"0", "0.00", "1", "-1", "1.5", "-2.5", "0.5", "10", "1e10", "123456789.123456789", "0.0001", "1e-20", "99999", "10000", "NaN", "7.000", "-0.05"},
	canon.Float4:  {"0", "1", "-1.5", "1e30", "NaN", "Infinity"},
	canon.Float8:  {"0", "-0", "1", "-1.5", "0.1", "2.5", "1e300", "1e-300", "NaN", "Infinity", "-Infinity", "123456.789"},
	canon.Date:    {"2024-02-29", "2024-03-31", "1999-12-31", "2000-01-01", "0001-01-01", "infinity", "-infinity", "2024-10-27", "1890-05-17", "5874897-12-31"},
	canon.Timestamp: {"2024-02-29 12:34:56.789", "2024-03-31 02:30:00", "1999-12-31 23:59:59.999999", "2000-01-01", "infinity", "-infinity",
		"0044-03-15 12:00:00 BC", "2024-10-27 02:30:00", "294276-12-31 23:59:59"},
	canon.Timestamptz: {"2024-02-29 12:34:56.789+00", "2024-03-31 01:30:00+00", "1999-12-31 23:59:59.999999+03", "2000-01-01 00:00:00-08", "infinity", "-infinity",
		"2024-10-27 00:30:00+00", "2024-11-03 05:30:00+00", "1850-01-01 00:00:00+00"},
	canon.Time:   {"00:00:00", "12:34:56.789", "23:59:59.999999", "24:00:00"},
	canon.Timetz: {"00:00:00+00", "12:34:56.789-08", "23:59:59+05:30"},
	canon.Interval: {"0", "1 day", "1 mon", "-1 mon", "1 year 2 mons", "30 days", "24:00:00", "1 day -24:00:00", "-3 days 04:05:06.789", "100 years", "12:00:00", "1 mon -1 day",
		"178000000 years", "-00:00:00.000001"},
	canon.UUID:  {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"},
	canon.Bytea: {"", `\x00`, `\xdeadbeef`, "abc"},
	canon.JSON:  {"{}", `{"a": 1}`, "null"},
	canon.JSONB: {"{}", `{"a": 1}`, `{"a": 1.0}`, "[1, 2]", "null", `"x"`},
	canon.Bool:  {"true", "false"},
}

// generate makes the text of a value.
// small asks for integers that count something.
func generate(k canon.Kind, small bool, rng *rand.Rand) string {
	list := samples[k]
	switch k {
	case canon.Varchar, canon.Bpchar, canon.Text:
		list = samples[canon.Text]
		if rng.IntN(4) == 0 {
			return randomText(rng)
		}
	case canon.Int2:
		if rng.IntN(3) == 0 {
			return strconv.Itoa(rng.IntN(1<<16) - 1<<15)
		}
	case canon.Int4:
		if small {
			return strconv.Itoa(rng.IntN(25) - 8)
		}
		switch rng.IntN(4) {
		case 0:
			return strconv.Itoa(int(int32(rng.Uint32())))
		case 1, 2:
			return strconv.Itoa(rng.IntN(25) - 8)
		}
	case canon.Int8:
		if rng.IntN(3) == 0 {
			return strconv.FormatInt(int64(rng.Uint64()), 10)
		}
	case canon.Numeric:
		if rng.IntN(2) == 0 {
			return randomNumeric(rng)
		}
	case canon.Float8:
		if rng.IntN(3) == 0 {
			return fmt.Sprintf("%g", rng.NormFloat64()*1000)
		}
	case canon.Date:
		if rng.IntN(2) == 0 {
			return fmt.Sprintf("%04d-%02d-%02d", 1800+rng.IntN(400), 1+rng.IntN(12), 1+rng.IntN(28))
		}
	case canon.Timestamp:
		if rng.IntN(2) == 0 {
			return randomTimestamp(rng)
		}
	case canon.Timestamptz:
		if rng.IntN(2) == 0 {
			return randomTimestamp(rng) + "+00"
		}
	case canon.Interval:
		if rng.IntN(2) == 0 {
			return fmt.Sprintf("%d months %d days %d seconds", rng.IntN(50)-20, rng.IntN(90)-40, rng.IntN(200000)-90000)
		}
	}
	return list[rng.IntN(len(list))]
}

func randomTimestamp(rng *rand.Rand) string {
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%03d", 1900+rng.IntN(200), 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60), rng.IntN(1000))
}

func randomText(rng *rand.Rand) string {
	alphabet := []rune("abcABC xyzÄöß 0129_-.,éЖжΩω人🙂'")
	var b strings.Builder
	for range rng.IntN(10) {
		b.WriteRune(alphabet[rng.IntN(len(alphabet))])
	}
	return b.String()
}

func randomNumeric(rng *rand.Rand) string {
	digits := func(n int) string {
		var b strings.Builder
		for range 1 + rng.IntN(n) {
			b.WriteByte(byte('0' + rng.IntN(10)))
		}
		return b.String()
	}
	s := digits(15)
	if rng.IntN(2) == 0 {
		s += "." + digits(12)
	}
	if rng.IntN(3) == 0 {
		s = "-" + s
	}
	return s
}
