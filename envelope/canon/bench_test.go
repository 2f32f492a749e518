package canon_test

import (
	"strconv"
	"testing"

	"github.com/pgveil/pgveil/envelope/canon"
)

func itoa(n int) string { return strconv.Itoa(n) }

// hotTypes are on the path of every row: with a dst that has room, they must not allocate.
var hotTypes = []struct {
	name string
	mod  int32
	text string
	hot  bool
}{
	{"text", -1, "Rosario Villanueva de la Cruz", true},
	{"varchar", 104, "Rosario Villanueva de la Cruz", true},
	{"bpchar", 14, "AB12", true},
	{"bool", -1, "t", true},
	{"int4", -1, "123456", true},
	{"int8", -1, "-9000000000", true},
	{"date", -1, "1984-02-29", true},
	{"timestamp", -1, "2024-02-29 12:34:56.789", true},
	{"timestamptz", -1, "2024-02-29 12:34:56.789+00", true},
	{"time", -1, "12:34:56", true},
	{"interval", -1, "1 year 2 mons 04:05:06", true},
	{"uuid", -1, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true},
	{"bytea", -1, `\x00ff00ff`, true},
	{"numeric", -1, "12345.67", true},
	{"float8", -1, "0.1", false},
	{"json", -1, `{"a": [1, 2.0, "x"]}`, false},
	{"jsonb", -1, `{"a": [1, 2.0, "x"]}`, false},
	{"_text", -1, `{a,"b c",NULL}`, false},
}

func TestHotPath_doesNotAllocate(t *testing.T) {
	s := &canon.Settings{DateStyle: "ISO, DMY"}
	dst := make([]byte, 0, 256)
	for _, h := range hotTypes {
		if !h.hot {
			continue
		}
		typ := builtin(t, h.name, h.mod)
		text, v := []byte(h.text), fromText(t, typ, s, h.text)
		for what, f := range map[string]func() ([]byte, error){
			"AppendFromText":   func() ([]byte, error) { return canon.AppendFromText(dst, typ, s, text) },
			"AppendFromBinary": func() ([]byte, error) { return canon.AppendFromBinary(dst, typ, v) },
			"AppendText":       func() ([]byte, error) { return canon.AppendText(dst, typ, s, v) },
			"AppendBinary":     func() ([]byte, error) { return canon.AppendBinary(dst, typ, v) },
			"AppendEquality":   func() ([]byte, error) { return canon.AppendEquality(dst, typ, v) },
		} {
			if n := testing.AllocsPerRun(20, func() { _, _ = f() }); n > 0 {
				t.Errorf("%s(%s) allocates %v times", what, h.name, n)
			}
		}
	}
}

func BenchmarkFromText(b *testing.B) {
	for _, h := range hotTypes {
		typ, text, dst := builtin(b, h.name, h.mod), []byte(h.text), make([]byte, 0, 256)
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := canon.AppendFromText(dst, typ, nil, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendText(b *testing.B) {
	for _, h := range hotTypes {
		typ, dst := builtin(b, h.name, h.mod), make([]byte, 0, 256)
		v := fromText(b, typ, nil, h.text)
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := canon.AppendText(dst, typ, nil, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEquality(b *testing.B) {
	for _, h := range hotTypes {
		if h.name == "json" {
			continue
		}
		typ, dst := builtin(b, h.name, h.mod), make([]byte, 0, 256)
		v := fromText(b, typ, nil, h.text)
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := canon.AppendEquality(dst, typ, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
