package canon_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/envelope/canon"
)

// checkBinaries sends damaged binary values to both. PostgreSQL and
// FromBinary must take the same ones, for the same value.
func checkBinaries(t *testing.T, oracles []*oracle) {
	o := oracles[0]
	rng := rand.New(rand.NewPCG(3, 5))
	for _, c := range oracleCases() {
		t.Run(c.sqlType, func(t *testing.T) {
			o.t = t
			typ := o.typeOf(c.sqlType)
			for _, text := range c.texts {
				v, err := canon.FromText(typ, o.settings, []byte(text))
				if err != nil {
					continue
				}
				b, err := canon.AppendBinary(nil, typ, v)
				if err != nil {
					t.Fatal(err)
				}
				o.checkBinary(c.sqlType, typ, b)
				for range 4 {
					o.checkBinary(c.sqlType, typ, damage(rng, b))
				}
			}
		})
	}
}

func (o *oracle) checkBinary(sqlType string, typ canon.Type, b []byte) {
	o.t.Helper()
	if b == nil {
		b = []byte{} // nil is NULL
	}
	sql := fmt.Sprintf(`INSERT INTO pg_temp."t %s" VALUES ($1) RETURNING v, v`, sqlType)
	row, state := o.query(sql, []int16{0, 1}, [][]byte{b}, []int16{1})
	v, err := canon.FromBinary(typ, b)
	if got := stateOf(err); got != state {
		// A client is told that its value is wrong, where PostgreSQL has an internal error.
		internal := state == "XX000" && got == "22P03"
		// PostgreSQL wraps round where rounding an interval overflows.
		wrapped := sqlType == "interval(2)" && state == "" && got == "22008"
		if !internal && !wrapped {
			o.t.Errorf("%s: FromBinary(%x) = %x, SQLSTATE %q, want %q (server says %q)", sqlType, b, v, got, state, row)
		}
		return
	}
	if err != nil {
		return
	}
	text, err := canon.AppendText(nil, typ, o.settings, v)
	if err != nil || string(text) != string(row[0]) {
		o.t.Errorf("%s: AppendText(FromBinary(%x)) = %q, %v, want %q", sqlType, b, text, err, row[0])
	}
	back, err := canon.AppendBinary(nil, typ, v)
	if err != nil || !bytes.Equal(back, row[1]) {
		o.t.Errorf("%s: AppendBinary(FromBinary(%x)) = %x, %v, want %x", sqlType, b, back, err, row[1])
	}
}

// damage changes, cuts or lengthens b. It leaves alone the first byte of a
// jsonb and what makes a message as long as memory is large.
func damage(rng *rand.Rand, b []byte) []byte {
	b = append([]byte{}, b...)
	switch rng.IntN(4) {
	case 0:
		return append(b, byte(rng.IntN(256)))
	case 1:
		if len(b) > 0 {
			return b[:rng.IntN(len(b))]
		}
	case 2:
		if len(b) > 0 {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	default:
		for range 1 + rng.IntN(3) {
			if len(b) > 0 {
				b[rng.IntN(len(b))] = byte(rng.IntN(256))
			}
		}
	}
	return b
}

// coercions are pairs of types that an assignment converts between.
var coercions = []struct {
	from, to string
	texts    []string
}{
	{"int2", "int4", []string{"1", "-32768"}},
	{"int8", "int4", []string{"1", "2147483647", "2147483648", "-2147483649"}},
	{"int8", "int2", []string{"1", "32768"}},
	{"int4", "numeric(5,1)", []string{"12", "9999", "10000", "-9999"}},
	{"int8", "numeric", []string{"0", "9223372036854775807", "-9223372036854775808"}},
	{"int8", "float8", []string{"9007199254740993", "-1"}},
	{"int8", "float4", []string{"16777217", "9223372036854775807"}},
	{"int4", "float4", []string{"16777217"}},
	{"numeric", "int4", []string{"1.5", "2.5", "-1.5", "0.4", "2147483647.4", "2147483647.5", "NaN", "Infinity", "1e30"}},
	{"numeric", "int8", []string{"9223372036854775807.4", "9223372036854775807.5", "-9223372036854775808.4", "-9223372036854775808.5"}},
	{"numeric", "int2", []string{"32767.49", "-32768.5", "99999999999999999999"}},
	{"numeric", "float8", []string{"0.1", "1e400", "1e-400", "NaN", "Infinity", "-Infinity"}},
	{"numeric", "float4", []string{"0.1", "1e40", "1e-50", "NaN"}},
	{"numeric", "numeric(4,1)", []string{"1.25", "999.94", "999.95", "NaN", "Infinity"}},
	{"float8", "numeric", []string{"0.1", "1e300", "123456789.123456789", "NaN", "inf", "-inf", "1e-7", "-0"}},
	{"float4", "numeric", []string{"0.1", "1e30", "123456789", "NaN", "inf"}},
	{"float8", "int4", []string{"0.5", "1.5", "2.5", "-0.5", "2147483647.4", "2147483647.5", "NaN", "inf"}},
	{"float8", "int8", []string{"9223372036854775807", "-9223372036854775808", "9.2233720368547748e18"}},
	{"float4", "int2", []string{"32767.4", "32768", "-32768.5"}},
	{"float8", "float4", []string{"0.1", "1e40", "1e-50", "inf", "NaN", "-0"}},
	{"float4", "float8", []string{"0.1", "inf", "NaN", "-0"}},
	{"text", "varchar(3)", []string{"abc", "abcd", "ab   "}},
	{"text", "char(3)", []string{"a", "abcd", "ab   "}},
	{"char(5)", "text", []string{"ab", "", " a "}},
	{"char(5)", "varchar(3)", []string{"ab", "abcd"}},
	{"char(5)", "char(2)", []string{"ab", "abc"}},
	{"char(5)", "citext", []string{"Ab"}},
	{"citext", "text", []string{"Ab"}},
	{"varchar", "citext", []string{"Ab "}},
	{"varchar", "char(4)", []string{"Ab "}},
	{"bool", "text", []string{"t", "f"}},
	{"int4", "varchar(2)", []string{"12", "123"}},
	{"numeric", "text", []string{"1.50", "NaN"}},
	{"date", "text", []string{"2024-02-03", "infinity"}},
	{"timestamptz", "text", []string{"2024-07-03 12:00+00"}},
	{"interval", "varchar", []string{"1 day -1 hour"}},
	{"jsonb", "text", []string{`{"a":1}`}},
	{"uuid", "varchar(40)", []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{"bytea", "text", []string{`\x00ff`}},
	{"int4[]", "text", []string{"{1,NULL}", "[0:0]={1}"}},
	{"date", "timestamp", []string{"2024-02-03", "infinity", "-infinity", "294277-01-01", "4714-11-24 BC"}},
	{"date", "timestamptz", []string{"2024-02-03", "2024-07-03", "infinity", "2011-12-30", "294277-01-01"}},
	{"timestamp", "date", []string{"2024-02-03 23:59:59.999999", "infinity", "-infinity", "1999-12-31 12:00", "4714-11-24 00:00 BC"}},
	{"timestamp", "timestamptz(0)", []string{"2024-02-03 12:00:00.5", "2024-07-03 12:00", "infinity", "2024-03-31 02:30", "2024-10-27 02:30"}},
	{"timestamp", "timestamp(1)", []string{"2024-02-03 12:00:00.55", "1999-02-03 12:00:00.55"}},
	{"timestamp", "time(0)", []string{"2024-02-03 12:00:00.5", "1999-02-03 23:59:59.7"}},
	{"timestamptz", "date", []string{"2024-02-03 23:59:59+00", "2024-07-03 00:30+00", "infinity"}},
	{"timestamptz", "timestamp", []string{"2024-02-03 23:59:59+00", "2024-07-03 00:30+00", "-infinity"}},
	{"timestamptz", "time", []string{"2024-02-03 23:59:59+00", "2024-07-03 00:30+00"}},
	{"timestamptz", "timetz", []string{"2024-02-03 23:59:59+00", "2024-07-03 00:30+00"}},
	{"time", "interval", []string{"12:34:56.5", "24:00"}},
	{"time", "timetz", []string{"12:34:56.5"}},
	{"timetz", "time(0)", []string{"12:34:56.5+02"}},
	{"interval", "time", []string{"25:00", "-1:00", "1 day 2:00", "1 mon"}},
	{"interval", "interval(1)", []string{"0.55 s", "-0.55 s"}},
	{"json", "jsonb", []string{`{"b":1,"a":2,"b":3}`, `"\u0000"`}},
	{"jsonb", "json", []string{`{"b":1,"a":2}`}},
	{"int4[]", "int8[]", []string{"{1,NULL}", "{}", "[2:3]={1,2}"}},
	{"varchar[]", "varchar(2)[]", []string{"{ab,abc}", `{"ab ",NULL}`}},
	{"text[]", "citext[]", []string{"{ab,NULL}"}},
	{"int4", "bool", []string{"1"}},
	{"text", "int4", []string{"1"}},
	{"timestamp", "timetz", []string{"2024-01-01"}},
	{"bool", "int4", []string{"t"}},
	{"uuid", "bytea", []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{"int4", "int4[]", []string{"1"}},
	{"interval", "numeric", []string{"1 day"}},
}

// checkCoercions makes the same assignments in both.
func checkCoercions(t *testing.T, oracles []*oracle) {
	for _, o := range oracles {
		o.t = t
		types := map[string]canon.Type{}
		for _, c := range coercions {
			for _, name := range []string{c.from, c.to} {
				if _, ok := types[name]; !ok {
					types[name] = o.typeOf(name)
				}
			}
			for _, text := range c.texts {
				o.checkCoerce(c.from, c.to, types[c.from], types[c.to], text)
			}
		}
	}
}

func (o *oracle) checkCoerce(from, to string, fromType, toType canon.Type, text string) {
	o.t.Helper()
	sql := fmt.Sprintf(`INSERT INTO pg_temp."t %s" SELECT $1::text::%s RETURNING v`, to, from)
	row, state := o.query(sql, []int16{1}, [][]byte{[]byte(text)}, nil)
	v, err := canon.FromText(fromType, o.settings, []byte(text))
	if err != nil {
		o.t.Errorf("FromText(%s, %q): %v", from, text, err)
		return
	}
	got, err := canon.Coerce(fromType, toType, o.settings, v)
	// Where PostgreSQL has no assignment at all it says so in its own way.
	state = strings.Replace(state, "42804", "42846", 1)
	if s := stateOf(err); s != state {
		if s != "0A000" {
			o.t.Errorf("%s: Coerce(%s %q) = %x, SQLSTATE %q, want %q", o.name(to), from, text, got, s, state)
		}
		return
	}
	if err != nil {
		return
	}
	if b, err := canon.AppendBinary(nil, toType, got); err != nil || !bytes.Equal(b, row[0]) {
		o.t.Errorf("%s: Coerce(%s %q) = %x, %v, want %x", o.name(to), from, text, b, err, row[0])
	}
}

// checkIntervalFields checks the modifiers that say what a bare number is.
func checkIntervalFields(t *testing.T, oracles []*oracle) {
	for _, o := range oracles[:3] {
		o.t = t
		for _, fields := range []string{"year", "month", "year to month", "day", "hour", "minute", "second", "second(1)", "day to hour", "day to minute", "day to second", "hour to minute", "hour to second(2)", "minute to second"} {
			sqlType := "interval " + fields
			typ := o.typeOf(sqlType)
			for _, text := range []string{"1", "-7", "1.5", "1-2", "1 2:03:04.567", "2:03", "4:05.678", "-2:03", "3 4", "1 year 2 months 3 days 4:05:06.789", "13 months", "-13 months", "x", "P1Y2M3DT4H5M6.789S"} {
				row, state := o.query(fmt.Sprintf(`INSERT INTO pg_temp."t %s" VALUES ('%s') RETURNING v`, sqlType, text), []int16{1}, nil, nil)
				v, err := canon.FromText(typ, o.settings, []byte(text))
				if got := stateOf(err); got != state {
					t.Errorf("%s: FromText(%q) = SQLSTATE %q, want %q", o.name(sqlType), text, got, state)
				} else if err == nil && !bytes.Equal(v, row[0]) {
					t.Errorf("%s: FromText(%q) = %s, want %s", o.name(sqlType), text, hex.EncodeToString(v), hex.EncodeToString(row[0]))
				}
			}
		}
	}
}
