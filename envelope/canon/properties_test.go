package canon_test

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/envelope/canon"
)

// Every date reads back from the text of every DateStyle, and is the date that
// Go's own calendar says.
func TestDate_readsItsOwnText(t *testing.T) {
	date := builtin(t, "date", -1)
	rapid.Check(t, func(r *rapid.T) {
		// From 4714 BC to the year 9999; beyond, the order of a date's parts can be unclear.
		days := rapid.Int32Range(-2451545, 2921939).Draw(r, "days")
		v := []byte{byte(days >> 24), byte(days >> 16), byte(days >> 8), byte(days)}
		for _, session := range sessions {
			s := session.canon(t)
			text := toText(t, date, s, v)
			// Under SQL and Postgres, YMD writes month first and reads year first.
			if strings.HasSuffix(session.dateStyle, "YMD") && !strings.HasPrefix(session.dateStyle, "ISO") {
				continue
			}
			if got := fromText(t, date, s, text); !bytes.Equal(got, v) {
				r.Fatalf("%v: date %d is %q, which reads as %x", session, days, text, got)
			}
		}
		day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days))
		if want := day.Format("2006-01-02"); day.Year() > 0 && toText(t, date, nil, v) != want {
			r.Fatalf("date %d = %s, want %s", days, toText(t, date, nil, v), want)
		}
	})
}

// A moment reads back from its text in every zone, even where the clocks are
// put back and a time of day comes twice, because ISO says the offset.
func TestTimestamptz_readsItsOwnText(t *testing.T) {
	typ := builtin(t, "timestamptz", -1)
	rapid.Check(t, func(r *rapid.T) {
		usec := rapid.Int64Range(-150000000000000000, 150000000000000000).Draw(r, "usec")
		v := binaryInt8(usec)
		zone, err := time.LoadLocation(sessions[rapid.IntRange(0, len(sessions)-1).Draw(r, "session")].timeZone)
		if err != nil {
			t.Fatal(err)
		}
		s := &canon.Settings{TimeZone: zone}
		text := toText(t, typ, s, v)
		if got := fromText(t, typ, s, text); !bytes.Equal(got, v) {
			r.Fatalf("%v: %d is %q, which reads as %x", zone, usec, text, got)
		}
		want := time.UnixMicro(usec + 946684800_000000).In(zone)
		if year := want.Year(); year > 0 && year < 10000 && !strings.HasPrefix(text, want.Format("2006-01-02 15:04:05")) {
			r.Fatalf("%v: %d is %q, want %v", zone, usec, text, want)
		}
	})
}

// A time of day that is skipped or comes twice is read as PostgreSQL reads it.
func TestTimestamptz_whenClocksChange(t *testing.T) {
	typ := builtin(t, "timestamptz", -1)
	tests := []struct{ zone, text, want string }{
		{"Europe/Berlin", "2024-03-31 01:59:59", "2024-03-31 00:59:59+00"},
		{"Europe/Berlin", "2024-03-31 02:00:00", "2024-03-31 01:00:00+00"},
		{"Europe/Berlin", "2024-03-31 02:59:59", "2024-03-31 01:59:59+00"},
		{"Europe/Berlin", "2024-03-31 03:00:00", "2024-03-31 01:00:00+00"},
		{"Europe/Berlin", "2024-10-27 01:59:59", "2024-10-26 23:59:59+00"},
		{"Europe/Berlin", "2024-10-27 02:00:00", "2024-10-27 01:00:00+00"},
		{"Europe/Berlin", "2024-10-27 02:59:59", "2024-10-27 01:59:59+00"},
		{"Europe/Berlin", "2024-10-27 03:00:00", "2024-10-27 02:00:00+00"},
		// Samoa left out 30 December 2011.
		{"Pacific/Apia", "2011-12-29 23:59:59", "2011-12-30 09:59:59+00"},
		{"Pacific/Apia", "2011-12-31 00:00:00", "2011-12-30 10:00:00+00"},
		{"Asia/Kathmandu", "2024-01-01 00:00", "2023-12-31 18:15:00+00"},
	}
	for _, tt := range tests {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := toText(t, typ, nil, fromText(t, typ, &canon.Settings{TimeZone: zone}, tt.text)); got != tt.want {
			t.Errorf("%s in %s = %s, want %s", tt.text, tt.zone, got, tt.want)
		}
	}
}

// Every style's text of an interval reads back as the same interval.
func TestInterval_readsItsOwnText(t *testing.T) {
	typ := builtin(t, "interval", -1)
	rapid.Check(t, func(r *rapid.T) {
		v := binaryInt8(rapid.Int64Range(-1e15, 1e15).Draw(r, "usec"))
		for _, name := range []string{"days", "months"} {
			n := rapid.Int32Range(-100000, 100000).Draw(r, name)
			v = append(v, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		}
		for _, style := range []string{"postgres", "postgres_verbose", "iso_8601", "sql_standard"} {
			s := &canon.Settings{IntervalStyle: style}
			text := toText(t, typ, s, v)
			if got := fromText(t, typ, s, text); !bytes.Equal(got, v) {
				r.Fatalf("%s: %x is %q, which reads as %x", style, v, text, got)
			}
		}
	})
}

// Intervals are equal if and only if their lengths are, a month being 30 days
// and a day 24 hours; the lengths do not fit into 64 bits.
func TestInterval_equalityIsLength(t *testing.T) {
	typ := builtin(t, "interval", -1)
	length := func(usec int64, days, months int32) *big.Int {
		sum := big.NewInt(int64(months)*30 + int64(days))
		sum.Mul(sum, big.NewInt(86400_000000))
		return sum.Add(sum, big.NewInt(usec))
	}
	draw := func(r *rapid.T, name string) ([]byte, *big.Int) {
		usec := rapid.Int64().Draw(r, name+" usec")
		days, months := rapid.Int32().Draw(r, name+" days"), rapid.Int32().Draw(r, name+" months")
		if rapid.Bool().Draw(r, name+" near") {
			usec, days, months = int64(months%3)*86400_000000, days%40, months%3
		}
		v := binaryInt8(usec)
		v = append(v, byte(days>>24), byte(days>>16), byte(days>>8), byte(days))
		v = append(v, byte(months>>24), byte(months>>16), byte(months>>8), byte(months))
		return v, length(usec, days, months)
	}
	rapid.Check(t, func(r *rapid.T) {
		a, lengthA := draw(r, "a")
		b, lengthB := draw(r, "b")
		ea, _ := canon.AppendEquality(nil, typ, a)
		eb, _ := canon.AppendEquality(nil, typ, b)
		if got, want := bytes.Equal(ea, eb), lengthA.Cmp(lengthB) == 0; got != want {
			r.Fatalf("%x = %x is %v, want %v", a, b, got, want)
		}
		// The form is the length itself, in two's complement.
		got := new(big.Int).SetBytes(ea)
		if ea[0] >= 0x80 {
			got.Sub(got, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		if len(ea) != 16 || got.Cmp(lengthA) != 0 {
			r.Fatalf("AppendEquality(%x) = %x, want %v", a, ea, lengthA)
		}
	})
}

// numeric(p,s) rounds half away from zero, and refuses what then has too many digits.
func TestNumeric_rounding(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		precision, scale := rapid.IntRange(1, 15).Draw(r, "precision"), rapid.IntRange(0, 10).Draw(r, "scale")
		text := rapid.StringMatching(`-?[0-9]{1,8}\.[0-9]{1,12}`).Draw(r, "text")
		typ := builtin(t, "numeric", int32(precision<<16|scale+4))
		exact, _ := new(big.Rat).SetString(text)
		want := exact.FloatString(scale) // rounds half away from zero
		rounded, _ := new(big.Rat).SetString(want)
		limit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(precision-scale, 0))), nil))
		if precision < scale {
			limit.SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-precision)), nil))
		}
		v, err := canon.FromText(typ, nil, []byte(text))
		if rounded.Cmp(limit) >= 0 || rounded.Cmp(new(big.Rat).Neg(limit)) <= 0 {
			if stateOf(err) != "22003" {
				r.Fatalf("FromText(%v, %q) = %x, %v, want SQLSTATE 22003", typ, text, v, err)
			}
			return
		}
		if rounded.Sign() == 0 {
			want = strings.TrimPrefix(want, "-")
		}
		if err != nil || toText(t, typ, nil, v) != want {
			r.Fatalf("FromText(%v, %q) = %x, %v, want %s", typ, text, v, err, want)
		}
	})
}

// Floats are written with as few digits as read back as the same float.
func TestFloat_readsItsOwnText(t *testing.T) {
	float8, float4 := builtin(t, "float8", -1), builtin(t, "float4", -1)
	rapid.Check(t, func(r *rapid.T) {
		bits := rapid.Uint64().Draw(r, "bits")
		if f := math.Float64frombits(bits); f == f {
			v := binaryInt8(int64(bits))
			text := toText(t, float8, nil, v)
			if got := fromText(t, float8, nil, text); !bytes.Equal(got, v) {
				r.Fatalf("float8 %x is %q, which reads as %x", v, text, got)
			}
		}
		if f := math.Float32frombits(uint32(bits)); f == f {
			v := binaryInt8(int64(bits))[4:]
			text := toText(t, float4, nil, v)
			if got := fromText(t, float4, nil, text); !bytes.Equal(got, v) {
				r.Fatalf("float4 %x is %q, which reads as %x", v, text, got)
			}
		}
	})
}

func TestInt_agreesWithStrconv(t *testing.T) {
	sizes := map[string]int{"int2": 16, "int4": 32, "int8": 64}
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringMatching(`[-+]?[0-9]{1,20}`).Draw(r, "text")
		for name, size := range sizes {
			typ := builtin(t, name, -1)
			want, wantErr := strconv.ParseInt(text, 10, size)
			v, err := canon.FromText(typ, nil, []byte(text))
			if wantErr != nil {
				if stateOf(err) != "22003" {
					r.Fatalf("FromText(%s, %q) = %x, %v, want SQLSTATE 22003", name, text, v, err)
				}
				continue
			}
			if err != nil || toText(t, typ, nil, v) != strconv.FormatInt(want, 10) {
				r.Fatalf("FromText(%s, %q) = %x, %v, want %d", name, text, v, err, want)
			}
		}
	})
}

// Any list of strings reads back from its literal, and the binary form is the same array.
func TestTextArray_readsItsOwnText(t *testing.T) {
	typ := builtin(t, "_text", -1)
	rapid.Check(t, func(r *rapid.T) {
		elems := rapid.SliceOf(rapid.StringMatching(`[a-zA-Z{}",\\ \t\nä]{0,6}|null|NULL`)).Draw(r, "elems")
		seq := func(yield func([]byte, bool) bool) {
			for _, e := range elems {
				if !yield([]byte(e), e == "null") {
					return
				}
			}
		}
		v := fromText(t, typ, nil, string(canon.AppendTextArray(nil, seq)))
		if b := canon.AppendTextArrayBinary(nil, seq); !bytes.Equal(b, v) {
			r.Fatalf("%q is %x in text and %x in binary", elems, v, b)
		}
		i := 0
		if err := canon.Elements(typ, v, func(elem []byte, null bool) error {
			if null != (elems[i] == "null") || !null && string(elem) != elems[i] {
				r.Fatalf("element %d is %q, %v, want %q", i, elem, null, elems[i])
			}
			i++
			return nil
		}); err != nil || i != len(elems) {
			r.Fatalf("%d elements, %v, want %d", i, err, len(elems))
		}
	})
}

func binaryInt8(n int64) []byte {
	var v []byte
	for shift := 56; shift >= 0; shift -= 8 {
		v = append(v, byte(n>>shift))
	}
	return v
}
