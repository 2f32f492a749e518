package canon_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// An oracleCase is a type with texts for it, some of them wrong.
type oracleCase struct {
	sqlType     string
	texts       []string
	count       int
	generate    func(*rand.Rand) string
	allSessions bool
}

func oracleCases() []oracleCase {
	cases := []oracleCase{
		{"text", []string{"", "a", " a ", "Émile", "a\nb"}, 50, randomWord, false},
		{"varchar(3)", []string{"", "abc", "abcd", "abc   ", "äöü", "äöüx", "äöü "}, 80, randomWord, false},
		{"char(4)", []string{"", "ab", "ab  ", "abcde", "abcd  ", "äö", "   "}, 80, randomWord, false},
		{"bpchar", []string{"", "ab", "ab  ", "   "}, 80, randomWord, false},
		{"citext", []string{"", "ab", "AB", "aB ", "ÄÖ", "äö", "İ", "i", "ẞ", "ß", "Σ", "σ", "ς", "Ǆ", "ǅ", "ǆ", "K", "k"}, 200, randomWord, false},
		{"bool", []string{"t", "f", "TRUE", "fal", " yes ", "no", "on", "off", "of", "o", "1", "0", "", "10", "truee", "y", "n", "2"}, 0, nil, false},
		{"int2", integers("32767", "-32768", "32768", "-32769"), 40, randomInteger, false},
		{"int4", integers("2147483647", "-2147483648", "2147483648", "-2147483649"), 60, randomInteger, false},
		{"int8", integers("9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "99999999999999999999"), 60, randomInteger, false},
		{"numeric", numerics(), 400, randomNumeric, false},
		{"numeric(5,2)", numerics("999.99", "999.994", "999.995", "-999.995", "0.005", "0.0049", "-0.001", "1000"), 200, randomNumeric, false},
		{"numeric(3,-2)", numerics("12345", "99949", "99950", "49", "50", "-50"), 100, randomNumeric, false},
		{"numeric(2,4)", numerics("0.0099", "0.00994", "0.00995", "0.01", "0.00004", "0.00005"), 100, randomNumeric, false},
		{"float8", floats(), 200, randomFloat64, true},
		{"float4", floats("16777216", "16777217", "3.4028235e38", "3.4028236e38", "1e-45", "7e-46", "8388608.5", "0.1"), 200, randomFloat32, true},
		{"uuid", []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
			"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "", "{", "{}", " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-"}, 20, randomUUID, false},
		{"bytea", []string{"", `\x`, `\x00ff`, `\xDEAD beef`, `\x0`, `\x0g`, `\xg0`, `\X00`, `abc`, `a\\b`, `a\000\377`, `a\400`, `a\`, `a\12`, "ä", `\x1 2`, "\\x12\n34"}, 100, randomBytea, false},
		{"json", jsons(), 300, randomJSON, false},
		{"jsonb", jsons(), 300, randomJSON, false},
		{"date", datetimes(), 300, randomDateTime, true},
		{"timestamp", append(datetimes(), "294276-12-31 23:59:59.999999"), 300, randomDateTime, true},
		{"timestamp(2)", []string{"2024-02-29 12:34:56.785"}, 80, randomDateTime, true},
		{"timestamp(0)", nil, 60, randomDateTime, true},
		{"timestamptz", datetimes(), 300, randomDateTime, true},
		{"timestamptz(3)", nil, 60, randomDateTime, true},
		{"time", datetimes(), 250, randomTime, true},
		{"time(1)", nil, 60, randomTime, true},
		{"timetz", datetimes(), 250, randomTime, true},
		{"interval", append(intervals(), "2562047788:00:54.775807", "9223372036854775807 us", "-9223372036854775808 us"), 350, randomInterval, true},
		{"interval(2)", intervals(), 100, randomInterval, true},
		{"text[]", arrays("a", "NULL", "null", `"null"`, `"a b"`, "a b", `a\ `, `"`, `"\"\\"`, `ä`), 300, randomArray("a", "NULL", `"x,y"`, `"{"`, "b c", `"\\"`, `\a`, ` "q" `, `""`), false},
		{"varchar(2)[]", arrays("a", "abc", `"ab  "`), 60, randomArray("a", "NULL", "abc", "ä "), false},
		{"int4[]", arrays("1", "x", "99999999999", " 7 "), 200, randomArray("1", "2", "NULL", "-3", "x"), false},
		{"numeric[]", arrays("1.0", "1.00", "NaN"), 200, randomArray("1.0", "1.00", "1", "NULL", "NaN", "2"), false},
		{"citext[]", arrays("a", "A"), 200, randomArray("a", "A", "NULL", "b"), false},
		{"bool[]", arrays("t", "true"), 60, randomArray("t", "f", "NULL", "x"), false},
		{"bytea[]", arrays(`"\\x00"`, `"\\x00ff"`), 60, randomArray(`"\\x00"`, "a", "NULL"), false},
		{"jsonb[]", arrays(`"{\"a\": 1.0}"`, "1"), 60, randomArray(`"{\"a\": 1.0}"`, `"{\"a\": 1.00}"`, "1", "NULL"), false},
		{"json[]", arrays(`"{\"a\": 1.0}"`, "1"), 60, randomArray(`"{\"a\": 1.0}"`, "1", "NULL"), false},
		{"timestamptz[]", arrays(`"2024-01-01 12:00+02"`, "2024-01-01"), 40, randomArray(`"2024-01-01 12:00+02"`, `"2024-01-01 10:00+00"`, "NULL", "infinity"), true},
		{"interval[]", arrays(`"1 mon"`, `"30 days"`), 60, randomArray(`"1 mon"`, `"30 days"`, "NULL", `"1:00"`), true},
		{"float8[]", arrays("0", "-0", "NaN"), 60, randomArray("0", "-0", "NaN", "1.5", "NULL"), true},
	}
	return cases
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func randomWord(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(6) {
		b.WriteString(pick(rng, "a", "B", " ", "ä", "Ö", "語", "b", " ", "\t"))
	}
	return b.String()
}

func integers(more ...string) []string {
	return append([]string{"0", "-0", "+5", " 7 ", "", " ", "-", "+", "1x", "x", "1 2", "0x10", "1_000", "007", "\t8\n", "--1"}, more...)
}

func randomInteger(rng *rand.Rand) string {
	n := rng.Int64() >> rng.IntN(63)
	if rng.IntN(2) == 0 {
		n = -n
	}
	return strconv.FormatInt(n, 10)
}

func numerics(more ...string) []string {
	return append([]string{
		"0", "-0", "0.0", "0.00", "1", "1.0", "1.00", "-1.50", ".5", "5.", ".", "", "-", "+1", "1e5", "1e-5", "1E+2", "1e", "1e+", "e5", "1.2.3", "NaN", "nan", "-NaN",
		"Infinity", "-infinity", "inf", "+inf", "-inf", " 12 ", "12x", "1 2", "1e131071", "1e131072", "1e-16383", "1e-16384", "0e-16384", "1e400000", "1e1073741823", "1e1073741822", "1e99999999999", "-1e-1073741823",
		"12345678901234567890.12345678901234567890", "0.00001", "10000", "9999", "99999999", "0.9999", "0.99995", "1_0", "0x1", "10e-1", "0.1e1", "100", "1e2",
	}, more...)
}

func randomNumeric(rng *rand.Rand) string {
	s := pick(rng, "", "", "-", "+")
	for range rng.IntN(pick(rng, 4, 12, 30)) {
		s += strconv.Itoa(pick(rng, 0, 0, 9, 9, rng.IntN(10)))
	}
	if rng.IntN(2) == 0 {
		s += "."
		for range rng.IntN(pick(rng, 4, 10, 25)) {
			s += strconv.Itoa(pick(rng, 0, 0, 9, 9, rng.IntN(10)))
		}
	}
	if rng.IntN(4) == 0 {
		s += fmt.Sprintf("e%d", rng.IntN(40)-20)
	}
	return s
}

func floats(more ...string) []string {
	return append([]string{
		"0", "-0", "1", "-1.5", "1e23", "1e22", "9007199254740993", "5e-324", "2e-324", "1.7976931348623157e308", "1.8e308", "-1e400", "1e-400", "0e-400", "NaN", "-nan", "inf", "+Infinity", "-INF",
		"", " ", "1x", ".", ".5", "5.", "1e", "1e+", "123456789012345", "1234567890123456", "1e14", "1e15", "1e16", "0.0001", "0.00001", "123456", "1234567", " 7 ", "1e5", "100000", "1000000", "0.1", "0.3",
		"4503599627370497.5", "9007199254740992.5", "1125899906842624.125", "2305843009213693952", "18446744073709551616", "8.5e22", "1_0", "3e+05",
	}, more...)
}

func randomFloat64(rng *rand.Rand) string {
	f := math.Float64frombits(rng.Uint64())
	switch rng.IntN(4) {
	case 0:
		f = float64(rng.IntN(100000)) / 100
	case 1:
		f = math.Ldexp(float64(rng.IntN(64)), rng.IntN(120))
	case 2:
		f = math.Float64frombits(uint64(rng.IntN(3000)) << 52)
	}
	return strconv.FormatFloat(f, pick[byte](rng, 'e', 'g'), pick(rng, -1, 17, 5), 64)
}

func randomFloat32(rng *rand.Rand) string {
	f := math.Float32frombits(rng.Uint32())
	switch rng.IntN(4) {
	case 0:
		f = float32(rng.IntN(100000)) / 100
	case 1:
		f = float32(math.Ldexp(float64(rng.IntN(64)), rng.IntN(60)))
	case 2:
		f = math.Float32frombits(uint32(rng.IntN(256)) << 23)
	}
	return strconv.FormatFloat(float64(f), pick[byte](rng, 'e', 'g'), pick(rng, -1, 9, 4), 32)
}

func randomUUID(rng *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", rng.Uint32(), rng.IntN(65536), rng.IntN(65536), rng.IntN(65536), rng.Uint64()>>16)
}

func randomBytea(rng *rand.Rand) string {
	s := pick(rng, "", `\x`, `\x`)
	for range rng.IntN(8) {
		s += pick(rng, "00", "ff", "7f", "5c", "27", " ", `\\`, `\101`, "a", `\`, "20")
	}
	return s
}

func jsons() []string {
	return []string{
		"", " ", "{}", "[]", "null", "true", "false", "nul", "1", "-1", "01", "1.", ".5", "1.50", "1.5e3", "1e-3", "-0", "-0.0", "+1", "1e", `""`, `"a"`, `"a`, `a`,
		`{"b": 1, "a": 2, "b": 3}`, `{"aa":1,"b":2,"":3}`, `{"a":1,}`, `[1,]`, `[,1]`, `{"a"}`, `{a:1}`, `{"a" 1}`, `[1 2]`, ` [ 1 , 2 ] `, `{"a":{"b":[1,2.50,{"c":null}]}}`,
		`"\u0041"`, `"\u0000"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\uZZZZ"`, `"\u12"`, `"\n\t\b\f\r\"\\\/"`, `"\x"`, "\"a\nb\"", "\"\u007f\"", `"ä"`, `"\u00e4"`,
		`1e131072`, `[1e400]`, `{"a":1.0}`, `{"a":1.00}`, `{"a":1}`, `100`, `1e2`, `100.0`, "\v1", "1 ,", "[[[[]]]]", `{"a":"\u001f\u007f"}`, "nullx", "truefalse", "[true,false,null]", "--1", "1-1", "1.5.5", `{"a":"1.00"}`, `{"a":"1.0"}`, `"1.00"`, `"a\"1.00"`, `"a\"1.0"`,
	}
}

func randomJSON(rng *rand.Rand) string { return randomJSONAt(rng, 3) }

func randomJSONAt(rng *rand.Rand, depth int) string {
	space := func() string { return pick(rng, "", "", " ", "\n") }
	if depth == 0 {
		return pick(rng, "1", "1.0", "1.00", "null", "true", `"a"`, `"b\n"`, "-2e3", "0.10", "{}", "[]", "x")
	}
	var parts []string
	object := rng.IntN(2) == 0
	for range rng.IntN(4) {
		v := space() + randomJSONAt(rng, rng.IntN(depth)) + space()
		if object {
			v = space() + strconv.Quote(pick(rng, "a", "b", "aa", "", "Z", "ä")) + space() + ":" + v
		}
		parts = append(parts, v)
	}
	if object {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func arrays(elems ...string) []string {
	all := []string{
		"{}", " { } ", "", "{", "}", "{}x", "{{}}", "{{},{}}", "{,}", "{a,}", "{,a}", "[1:2]={1,2}", "[0:1]={1,2}", "[-3:-2]={1,2}", "[2]={1,2}", "[2:1]={}", "[1:3]={1,2}", "[1:2] = {1,2}", " [1:2]={1,2}", "[1:2]{1,2}", "[1:2=", "[",
		"{{1,2},{1,2}}", "{{1,2},{1}}", "{{1},1}", "{1,{1}}", "[0:0][2:3]={{1,2}}", "{{{{{{1}}}}}}", "{{{{{{{1}}}}}}}", "{{1,NULL},{NULL,1}}", "{1}}", "{{1}", `{"1}`, `{"1"1}`, `{1"1"}`, `{1 1}`, `{\1}`, `{1\}`, "[1:2147483647]={1}", "[2147483647:2147483647]={1}", "1,2", "{NULL}", "{null,Null}",
		"[2147483646:2147483646]={1}", "[1:1][1:1][1:1][1:1][1:1][1:1][1:1]={1}", "[a:b]={1}", "[1:]={1}",
	}
	for _, e := range elems {
		all = append(all, "{"+e+"}", "{ "+e+" , "+e+"}", "{{"+e+"},{"+e+"}}", "[5:5]={"+e+"}")
	}
	return all
}

func randomArray(elems ...string) func(*rand.Rand) string {
	return func(rng *rand.Rand) string {
		dims := 1 + rng.IntN(3)
		lengths := make([]int, dims)
		bounds := ""
		declare := rng.IntN(3) == 0
		for i := range lengths {
			lengths[i] = 1 + rng.IntN(2)
			if declare {
				lower := rng.IntN(3) - 1
				bounds += fmt.Sprintf("[%d:%d]", lower, lower+lengths[i]-1)
			}
		}
		if declare {
			bounds += "="
		}
		var level func(int) string
		level = func(d int) string {
			if d == dims {
				return pick(rng, "", "", " ") + pick(rng, elems...) + pick(rng, "", "", " ")
			}
			parts := make([]string, lengths[d])
			for i := range parts {
				parts[i] = level(d + 1)
			}
			return "{" + strings.Join(parts, ",") + "}"
		}
		return bounds + level(0)
	}
}
