package canon_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/envelope/canon"
)

// fuzzType makes a type from fuzzed bytes; arrays have citext's OIDs at times.
func fuzzType(kind uint8, array bool, mod int16) canon.Type {
	typ := canon.Type{Kind: canon.Kind(kind%uint8(canon.JSONB)) + 1, Array: array, OID: 20001, Mod: -1}
	if array {
		typ.ElemOID = 25
	}
	if mod >= 0 {
		typ.Mod = int32(mod % 200)
	}
	return typ
}

// checkCanonical checks what must hold of every canonical value.
func checkCanonical(t *testing.T, typ canon.Type, v []byte) {
	t.Helper()
	sent, err := canon.AppendBinary(nil, typ, v)
	if err != nil {
		t.Fatalf("AppendBinary(%v, %x): %v", typ, v, err)
	}
	back, err := canon.FromBinary(typ, sent)
	if err != nil || !bytes.Equal(back, v) {
		t.Fatalf("FromBinary(%v, AppendBinary(%x)) = %x, %v", typ, v, back, err)
	}
	text, err := canon.AppendText(nil, typ, nil, v)
	if err != nil {
		t.Fatalf("AppendText(%v, %x): %v", typ, v, err)
	}
	again, err := canon.FromText(typ, nil, text)
	if err != nil {
		t.Fatalf("FromText(%v, AppendText(%x) = %q): %v", typ, v, text, err)
	}
	if !typ.HasEquality() {
		return
	}
	e1, err1 := canon.AppendEquality(nil, typ, v)
	e2, err2 := canon.AppendEquality(nil, typ, again)
	if err1 != nil || err2 != nil || !bytes.Equal(e1, e2) {
		t.Fatalf("AppendEquality(%v, %x) = %x, %v, but %x, %v after %q", typ, v, e1, err1, e2, err2, text)
	}
}

func FuzzFromBinary(f *testing.F) {
	f.Add(uint8(0), false, int16(-1), []byte("text"))
	f.Add(uint8(canon.Numeric-1), false, int16(-1), []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(uint8(canon.Numeric-1), false, int16(-1), []byte{0, 2, 0x7f, 0xff, 0x40, 0, 0, 9, 0, 0, 0, 1})
	f.Add(uint8(canon.Interval-1), false, int16(2), bytes.Repeat([]byte{0x80}, 16))
	f.Add(uint8(canon.JSONB-1), false, int16(-1), []byte("\x01{\"b\":1,\"a\":[1e3]}"))
	f.Add(uint8(canon.Int4-1), true, int16(-1), []byte("\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff\xff\xff"))
	f.Add(uint8(canon.Text-1), true, int16(-1), []byte("\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00\x01\xff\xff\xff\xf0\x00\x00\x00\x02 a"))
	f.Fuzz(func(t *testing.T, kind uint8, array bool, mod int16, b []byte) {
		typ := fuzzType(kind, array, mod)
		v, err := canon.FromBinary(typ, b)
		if err != nil {
			if v != nil {
				t.Fatalf("FromBinary(%v, %x) = %x with an error", typ, b, v)
			}
			return
		}
		checkCanonical(t, typ, v)
	})
}

func FuzzFromText(f *testing.F) {
	for _, c := range oracleCases() {
		for i, text := range c.texts {
			if i%8 == 0 && len(text) < 60 {
				f.Add(uint8(canon.Text-1), false, int16(-1), text)
				f.Add(uint8(i), strings.HasPrefix(text, "{"), int16(i-9), text)
			}
		}
	}
	for _, text := range []string{"2024-02-29 12:34:56.789+02", "Wed Dec 17 07:37:16 1997 PST", "J2451187 12:00", "infinity", "12:00 pm"} {
		for kind := canon.Date; kind <= canon.Timetz; kind++ {
			f.Add(uint8(kind-1), false, int16(-1), text)
		}
	}
	for _, text := range []string{"1 year 2 mons ago", "P1Y2M3DT4H5M6.7S", "-1-2 +3 -4:05:06"} {
		f.Add(uint8(canon.Interval-1), false, int16(-1), text)
	}
	f.Fuzz(func(t *testing.T, kind uint8, array bool, mod int16, text string) {
		typ := fuzzType(kind, array, mod)
		v, err := canon.FromText(typ, nil, []byte(text))
		if err != nil {
			if v != nil {
				t.Fatalf("FromText(%v, %q) = %x with an error", typ, text, v)
			}
			return
		}
		checkCanonical(t, typ, v)
	})
}

// A few bytes that claim to be a large array must not make it.
func TestFromBinary_noAllocationBomb(t *testing.T) {
	header := func(dims ...uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(dims)))
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, 25)
		for _, d := range dims {
			b = binary.BigEndian.AppendUint32(b, d)
			b = binary.BigEndian.AppendUint32(b, 1)
		}
		return b
	}
	text := builtin(t, "_text", -1)
	tests := map[string]func() error{
		"dimensions": func() error { _, err := canon.FromBinary(text, header(100_000_000)); return err },
		"product":    func() error { _, err := canon.FromBinary(text, header(65536, 65536, 65536, 65536)); return err },
		"negative":   func() error { _, err := canon.FromBinary(text, header(0xffffffff)); return err },
		"element":    func() error { _, err := canon.FromBinary(text, append(header(1), 0x7f, 0xff, 0xff, 0xff)); return err },
		"numeric": func() error {
			_, err := canon.FromBinary(builtin(t, "numeric", -1), []byte{0xff, 0xff, 0, 0, 0, 0, 0, 0})
			return err
		},
		"bounds": func() error { _, err := canon.FromText(text, nil, []byte("[1:100000000]={a}")); return err },
		"exponent": func() error {
			_, err := canon.FromText(builtin(t, "numeric", -1), nil, []byte("1e999999999"))
			return err
		},
		"small": func() error {
			_, err := canon.FromText(builtin(t, "numeric", -1), nil, []byte("1e-999999999"))
			return err
		},
		"dims in value": func() error { _, err := canon.AppendText(nil, text, nil, header(100_000_000)); return err },
	}
	for name, f := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := f()
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 64<<10 {
			t.Errorf("%s: %v after allocating %d bytes, want an error and hardly any", name, err, used)
		}
	}
}

func TestJSON_depthIsBounded(t *testing.T) {
	for _, name := range []string{"json", "jsonb"} {
		typ := builtin(t, name, -1)
		deep := func(n int) []byte { return []byte(strings.Repeat(`{"a":[`, n) + strings.Repeat("]}", n)) }
		if _, err := canon.FromText(typ, nil, deep(1000)); err != nil {
			t.Errorf("%s of depth 2000: %v", name, err)
		}
		if _, err := canon.FromText(typ, nil, deep(1_000_000)); stateOf(err) != "54001" {
			t.Errorf("%s of depth 2,000,000: %v, want SQLSTATE 54001", name, err)
		}
	}
}

// A number of nine bytes can stand for 131,072 digits.
func TestJSONB_sizeIsBounded(t *testing.T) {
	text := "[" + strings.Repeat("1e131071,", 600) + "1]"
	if _, err := canon.FromText(builtin(t, "jsonb", -1), nil, []byte(text)); stateOf(err) != "54000" {
		t.Errorf("FromText(jsonb) = %v, want SQLSTATE 54000", err)
	}
}

// Rounding to a modifier twice is rounding once: a value that was opened and
// is written back stays what it is.
func TestModifier_isIdempotent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		precision, scale := rapid.IntRange(1, 20).Draw(r, "precision"), rapid.IntRange(-5, 20).Draw(r, "scale")
		typ := builtin(t, "numeric", int32(precision<<16|scale&0x7ff+4))
		text := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,12})?`).Draw(r, "text")
		v, err := canon.FromText(typ, nil, []byte(text))
		if err != nil {
			return
		}
		again, err := canon.Coerce(builtin(t, "numeric", -1), typ, nil, v)
		if err != nil || !bytes.Equal(again, v) {
			r.Fatalf("%v: Coerce(%q as %x) = %x, %v", typ, text, v, again, err)
		}
	})
}

// Two jsonb texts are equal whatever the order of their keys, the white space
// and the zeros behind the point.
func TestJSONB_equalityIgnoresSpelling(t *testing.T) {
	typ := builtin(t, "jsonb", -1)
	rapid.Check(t, func(r *rapid.T) {
		pairs := rapid.MapOf(rapid.StringMatching(`[a-c]{0,2}`), rapid.IntRange(-50, 50)).Draw(r, "object")
		spell := func(label string) string {
			var members []string
			keys := make([]string, 0, len(pairs))
			for k := range pairs {
				keys = append(keys, k)
			}
			if len(keys) > 0 {
				keys = rapid.Permutation(keys).Draw(r, label)
			}
			for _, k := range keys {
				members = append(members, rapid.SampledFrom([]string{"", " ", "\n"}).Draw(r, label)+`"`+k+`":`+itoa(pairs[k])+rapid.SampledFrom([]string{"", ".0", ".000"}).Draw(r, label))
			}
			return "{" + strings.Join(members, ",") + "}"
		}
		a, errA := canon.AppendEquality(nil, typ, fromText(t, typ, nil, spell("a")))
		b, errB := canon.AppendEquality(nil, typ, fromText(t, typ, nil, spell("b")))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			r.Fatalf("equality forms %s and %s, %v, %v", a, b, errA, errB)
		}
	})
}
