package canon_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
)

// builtin returns a built-in type by the name that pg_type has for it.
func builtin(t testing.TB, name string, mod int32) canon.Type {
	t.Helper()
	typ, ok := canon.TypeOf(0, mod, name, 0, "")
	if !ok {
		t.Fatalf("TypeOf(%q) is not supported", name)
	}
	return typ
}

func citext() canon.Type { return canon.Type{Kind: canon.Citext, OID: 20001, Mod: -1} }

func citextArray() canon.Type {
	return canon.Type{Kind: canon.Citext, Array: true, OID: 20002, ElemOID: 20001, Mod: -1}
}

func fromText(t testing.TB, typ canon.Type, s *canon.Settings, text string) []byte {
	t.Helper()
	v, err := canon.FromText(typ, s, []byte(text))
	if err != nil {
		t.Fatalf("FromText(%v, %q): %v", typ, text, err)
	}
	return v
}

func toText(t testing.TB, typ canon.Type, s *canon.Settings, v []byte) string {
	t.Helper()
	text, err := canon.AppendText(nil, typ, s, v)
	if err != nil {
		t.Fatalf("AppendText(%v, %x): %v", typ, v, err)
	}
	return string(text)
}

func TestTypeOf(t *testing.T) {
	tests := []struct {
		oid      uint32
		name     string
		elemOID  uint32
		elemName string
		want     canon.Kind
		array    bool
	}{
		{25, "text", 0, "", canon.Text, false},
		{1043, "varchar", 0, "", canon.Varchar, false},
		{1015, "_varchar", 1043, "varchar", canon.Varchar, true},
		{3807, "_jsonb", 3802, "jsonb", canon.JSONB, true},
		{0, "timestamptz", 0, "", canon.Timestamptz, false},
		{0, "_int4", 23, "int4", canon.Int4, true},
		{17001, "citext", 0, "", canon.Citext, false},
		{17002, "_citext", 17001, "citext", canon.Citext, true},
		// What a user has called text is no text.
		{17003, "text", 0, "", canon.Unsupported, false},
		{17004, "_text", 17003, "text", canon.Unsupported, false},
		// Nor is a vector of integers an array of them, or money a numeric.
		{22, "int2vector", 21, "int2", canon.Unsupported, false},
		{790, "money", 0, "", canon.Unsupported, false},
		{19, "name", 18, "char", canon.Unsupported, false},
		{600, "point", 701, "float8", canon.Unsupported, false},
		{0, "", 0, "", canon.Unsupported, false},
	}
	for _, tt := range tests {
		got, ok := canon.TypeOf(tt.oid, -1, tt.name, tt.elemOID, tt.elemName)
		if ok != (tt.want != canon.Unsupported) || got.Kind != tt.want || got.Array != tt.array {
			t.Errorf("TypeOf(%d, %q, %d, %q) = %+v, %v, want kind %d, array %v", tt.oid, tt.name, tt.elemOID, tt.elemName, got, ok, tt.want, tt.array)
		}
		if ok && tt.array && (got.ElemOID == 0 || got.Elem().OID != got.ElemOID || got.Elem().Array) {
			t.Errorf("TypeOf(%d, %q).Elem() = %+v, want an element of OID %d", tt.oid, tt.name, got.Elem(), got.ElemOID)
		}
	}
}

// What is looked for is not rounded to the column's modifier.
func TestType_WithoutMod(t *testing.T) {
	typ := builtin(t, "numeric", 5<<16|2+4)
	if got := toText(t, typ, nil, fromText(t, typ, nil, "1.005")); got != "1.01" {
		t.Errorf("numeric(5,2) 1.005 = %s, want 1.01", got)
	}
	if got := toText(t, typ, nil, fromText(t, typ.WithoutMod(), nil, "1.005")); got != "1.005" {
		t.Errorf("numeric 1.005 = %s, want 1.005", got)
	}
	short := builtin(t, "varchar", 6)
	if got := string(fromText(t, short.WithoutMod(), nil, "abcd")); got != "abcd" {
		t.Errorf("varchar abcd = %q, want all of it", got)
	}
}

func TestType_String(t *testing.T) {
	tests := []struct {
		typ  canon.Type
		want string
	}{
		{builtin(t, "varchar", 104), "character varying(100)"},
		{builtin(t, "_bpchar", 7), "character(3)[]"},
		{builtin(t, "numeric", 12<<16|2+4), "numeric(12,2)"},
		{builtin(t, "numeric", 3<<16|(0x7ff&-2)+4), "numeric(3,-2)"},
		{builtin(t, "timestamptz", 3), "timestamp with time zone(3)"},
		{builtin(t, "int8", -1), "bigint"},
		{citextArray(), "citext[]"},
		{canon.Type{}, "unsupported"},
	}
	for _, tt := range tests {
		if got := tt.typ.String(); got != tt.want {
			t.Errorf("String() = %q, want %q", got, tt.want)
		}
	}
}

// Texts that PostgreSQL takes for equal values must be sealed under one term.
func TestAppendEquality(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	dmy := &canon.Settings{DateStyle: "SQL, DMY", TimeZone: berlin}
	tests := []struct {
		typ    canon.Type
		equal  []string
		others []string
	}{
		{builtin(t, "numeric", -1), []string{"1", "1.0", "1.00", "01", "1e0", "10e-1"}, []string{"1.01", "-1", "10", "NaN", "Infinity"}},
		{builtin(t, "numeric", -1), []string{"0", "-0", "0.000", "0e10"}, []string{"0.001"}},
		{builtin(t, "numeric", -1), []string{"NaN", "nan"}, []string{"Infinity"}},
		{builtin(t, "float8", -1), []string{"0", "-0", "0e5"}, []string{"5e-324"}},
		{builtin(t, "float4", -1), []string{"0.1", "0.1000000001"}, []string{"0.2", "NaN"}},
		{builtin(t, "bpchar", -1), []string{"a", "a ", "a   "}, []string{" a", "A", ""}},
		{builtin(t, "text", -1), []string{"a"}, []string{"a ", "A", "á", "a\u0301"}},
		{builtin(t, "text", -1), []string{"\u00e1"}, []string{"a\u0301"}},
		{citext(), []string{"Straße", "STRAßE"}, []string{"strasse", "straße "}},
		{citext(), []string{"ÉÅЖ", "éåж"}, []string{"eaж"}},
		// Characters alone, never by context: a final sigma stays one.
		{citext(), []string{"ΟΔΟΣ", "οδοσ"}, []string{"οδος"}},
		{builtin(t, "interval", -1), []string{"1 mon", "30 days", "720 hours", "29 days 24 hours", "2 mons -30 days"}, []string{"31 days", "1 mon 00:00:00.000001"}},
		{builtin(t, "interval", -1), []string{"178956970 years 7 months", "2147483647 mons"}, []string{"-2147483647 mons"}},
		{builtin(t, "timetz", -1), []string{"12:00+02", "12:00:00+02:00"}, []string{"10:00+00", "12:00+03"}},
		{builtin(t, "timestamptz", -1), []string{"01/02/2024 12:00", "2024-02-01 11:00Z", "1 feb 2024 06:00 EST"}, []string{"02/01/2024 12:00"}},
		{builtin(t, "date", -1), []string{"01/02/2024", "2024-02-01", "20240201", "1-Feb-24"}, []string{"02/01/2024"}},
		{builtin(t, "jsonb", -1), []string{`{"a":1.0,"b":[2]}`, `{"b":[2.00],"a":1}`, `{"a":9,"b":[2],"a":1.000}`}, []string{`{"a":1.1,"b":[2]}`, `{"a":"1.0","b":[2]}`, `{"a":"1.00","b":[2]}`}},
		{builtin(t, "jsonb", -1), []string{`100`, `1e2`, `100.00`}, []string{`10`, `"100"`, `[100]`}},
		{builtin(t, "_numeric", -1), []string{"{1,NULL}", "{1.0,null}"}, []string{"{1}", "{NULL,1}", "{{1,NULL}}", "[0:1]={1,NULL}", "{}"}},
		{citextArray(), []string{"{A,b}", "{a,B}"}, []string{"{ab}", "{b,a}"}},
		{builtin(t, "bytea", -1), []string{`\x6162`, "ab", `\141b`}, []string{`\x6163`, ""}},
		{builtin(t, "uuid", -1), []string{"A0EEBC999C0B4EF8BB6D6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}, []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"}},
	}
	for _, tt := range tests {
		form := func(text string) string {
			e, err := canon.AppendEquality(nil, tt.typ, fromText(t, tt.typ, dmy, text))
			if err != nil {
				t.Fatalf("AppendEquality(%v, %q): %v", tt.typ, text, err)
			}
			return hex.EncodeToString(e)
		}
		want := form(tt.equal[0])
		for _, text := range tt.equal {
			if got := form(text); got != want {
				t.Errorf("%v: equality form of %q = %s, want %s as of %q", tt.typ, text, got, want, tt.equal[0])
			}
		}
		for _, text := range tt.others {
			if form(text) == want {
				t.Errorf("%v: %q and %q have one equality form", tt.typ, text, tt.equal[0])
			}
		}
	}
}

func TestAppendEquality_refusesJSON(t *testing.T) {
	for _, name := range []string{"json", "_json"} {
		typ := builtin(t, name, -1)
		if typ.HasEquality() {
			t.Errorf("HasEquality(%v) = true", typ)
		}
		if _, err := canon.AppendEquality(nil, typ, []byte("1")); stateOf(err) != "42883" {
			t.Errorf("AppendEquality(%v) = %v, want SQLSTATE 42883", typ, err)
		}
	}
}

// The OID of citext differs between databases; a restored dump must be found all the same.
func TestAppendEquality_leavesOutOIDs(t *testing.T) {
	here, there := citextArray(), citextArray()
	there.ElemOID, there.OID = 30001, 30002
	a, errA := canon.AppendEquality(nil, here, fromText(t, here, nil, "{a,B}"))
	b, errB := canon.AppendEquality(nil, there, fromText(t, there, nil, "{A,b}"))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("AppendEquality = %x, %v and %x, %v, want the same", a, errA, b, errB)
	}
	sent, err := canon.AppendBinary(nil, there, fromText(t, here, nil, "{a}"))
	if err != nil || !bytes.Contains(sent, []byte{0, 0, 0x75, 0x31}) {
		t.Errorf("AppendBinary = %x, %v, want the OID 30001 of this database", sent, err)
	}
}

// Nothing that tells of a value may be in an error: errors reach clients and logs.
func TestFromText_errorsHoldNoValue(t *testing.T) {
	const secret = "Zyxwv98765"
	for _, name := range []string{"bool", "int2", "int4", "int8", "numeric", "float4", "float8", "date", "timestamp", "timestamptz", "time", "timetz", "interval", "uuid", "json", "jsonb", "_int4", "_text", "_date"} {
		for _, text := range []string{secret, "{" + secret, "2024-01-01 12:00 Area/" + secret, secret + "{}", `{"a": ` + secret + "}", "98765e" + secret} {
			v, err := canon.FromText(builtin(t, name, -1), nil, []byte(text))
			if err == nil {
				t.Errorf("FromText(%s, %q) = %x, want an error", name, text, v)
				continue
			}
			var e *pgerr.Error
			if !errors.As(err, &e) || e.Code == "" || e.State == "" || e.Message == "" {
				t.Errorf("FromText(%s, %q) = %#v, want a *pgerr.Error with state, code and message", name, text, err)
				continue
			}
			all := e.Message + e.Detail + e.Hint
			if e.Cause != nil {
				all += e.Cause.Error()
			}
			if strings.Contains(strings.ToLower(all), "zyxwv") || strings.Contains(all, "98765") {
				t.Errorf("FromText(%s): %q holds the value", name, all)
			}
		}
	}
	_, err := canon.FromText(builtin(t, "varchar", 7), nil, []byte(secret))
	if want := "value too long for type character varying(3) (SQLSTATE 22001, invalid-value)"; err == nil || err.Error() != want {
		t.Errorf("FromText(varchar(3)) = %v, want %s", err, want)
	}
}

func TestFromText_refusesTheClock(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ typ, text string }{
		{"date", "now"}, {"date", "Today"}, {"timestamp", "tomorrow"}, {"timestamptz", "yesterday 12:00"}, {"time", "now"}, {"_date", "{today}"},
		// The offset of a zone with daylight saving is known only with the date.
		{"timetz", "12:00"},
	}
	for _, tt := range tests {
		_, err := canon.FromText(builtin(t, tt.typ, -1), &canon.Settings{TimeZone: berlin}, []byte(tt.text))
		var e *pgerr.Error
		if !errors.As(err, &e) || e.State != pgerr.StateUnsupported || e.Code != pgerr.ClockInput || e.Hint == "" {
			t.Errorf("FromText(%s, %q) = %v, want a refusal with a cure", tt.typ, tt.text, err)
		}
	}
	if got := toText(t, builtin(t, "timetz", -1), nil, fromText(t, builtin(t, "timetz", -1), nil, "12:00")); got != "12:00:00+00" {
		t.Errorf("timetz 12:00 in UTC = %s", got)
	}
}

func TestFromText_refusesBadEncoding(t *testing.T) {
	for _, name := range []string{"text", "varchar", "bpchar", "json", "jsonb", "bytea", "int4", "_text"} {
		for _, text := range []string{"a\x00b", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"} {
			if _, err := canon.FromText(builtin(t, name, -1), nil, []byte(text)); stateOf(err) != "22021" {
				t.Errorf("FromText(%s, %q) = %v, want SQLSTATE 22021", name, text, err)
			}
		}
	}
	for _, name := range []string{"text", "varchar", "json"} {
		if _, err := canon.FromBinary(builtin(t, name, -1), []byte("a\x00")); stateOf(err) != "22021" {
			t.Errorf("FromBinary(%s) = %v, want SQLSTATE 22021", name, err)
		}
	}
}

// The canonical form is sealed, so it is a stored format: these bytes never change.
func TestFromText_canonicalVectors(t *testing.T) {
	tests := []struct {
		typ  canon.Type
		text string
		want string
	}{
		{builtin(t, "text", -1), "Añ", "41c3b1"},
		{builtin(t, "bpchar", 8), "ab", "61622020"},
		{builtin(t, "varchar", 6), "ab   ", "6162"},
		{citext(), "Ab", "4162"},
		{builtin(t, "bool", -1), "yes", "01"},
		{builtin(t, "int2", -1), "-2", "fffe"},
		{builtin(t, "int4", -1), "258", "00000102"},
		{builtin(t, "int8", -1), "-1", "ffffffffffffffff"},
		{builtin(t, "numeric", -1), "12345.670", "000300010000000300010929" + "1a2c"},
		{builtin(t, "numeric", -1), "-0.0001", "0001ffff400000040001"},
		{builtin(t, "numeric", -1), "NaN", "00000000c0000000"},
		{builtin(t, "float4", -1), "1.5", "3fc00000"},
		{builtin(t, "float8", -1), "-0", "8000000000000000"},
		{builtin(t, "date", -1), "2000-01-02", "00000001"},
		{builtin(t, "date", -1), "-infinity", "80000000"},
		{builtin(t, "timestamp", -1), "2000-01-01 00:00:01", "00000000000f4240"},
		{builtin(t, "timestamptz", -1), "2000-01-01 01:00:00+01", "0000000000000000"},
		{builtin(t, "time", -1), "00:00:00.000002", "0000000000000002"},
		{builtin(t, "timetz", -1), "00:00+01", "0000000000000000fffff1f0"},
		{builtin(t, "interval", -1), "1 mon 2 days 00:00:00.000003", "00000000000000030000000200000001"},
		{builtin(t, "uuid", -1), "00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899aabbccddeeff"},
		{builtin(t, "bytea", -1), `\x00ff`, "00ff"},
		{builtin(t, "json", -1), `{ "a":1.0}`, hex.EncodeToString([]byte(`{ "a":1.0}`))},
		{builtin(t, "jsonb", -1), `{"bb":1.0, "a":"\u0041"}`, hex.EncodeToString([]byte(`{"a": "A", "bb": 1.0}`))},
		{builtin(t, "_int2", -1), "[2:3]={7,NULL}", "00000001" + "00000001" + "00000015" + "00000002" + "00000002" + "00000002" + "0007" + "ffffffff"},
		{builtin(t, "_text", -1), "{}", "00000000" + "00000000" + "00000019"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(fromText(t, tt.typ, nil, tt.text)); got != tt.want {
			t.Errorf("FromText(%v, %q) = %s, want %s", tt.typ, tt.text, got, tt.want)
		}
	}
}

func TestElements(t *testing.T) {
	typ := builtin(t, "_text", -1)
	v := fromText(t, typ, nil, `[0:1][1:2]={{a,NULL},{"b c",""}}`)
	var got []string
	err := canon.Elements(typ, v, func(elem []byte, null bool) error {
		if null {
			got = append(got, "null")
		} else {
			got = append(got, string(elem)+".")
		}
		return nil
	})
	if diff := cmp.Diff([]string{"a.", "null", "b c.", "."}, got); diff != "" || err != nil {
		t.Errorf("Elements: %v, (-want +got)\n%s", err, diff)
	}
	stop := errors.New("stop")
	calls := 0
	if err := canon.Elements(typ, v, func([]byte, bool) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("Elements = %v after %d calls, want the error of the first", err, calls)
	}
	for _, damaged := range [][]byte{nil, v[:len(v)-1], append(bytes.Clone(v), 0), {0xff}} {
		if err := canon.Elements(typ, damaged, func([]byte, bool) error { return nil }); stateOf(err) != pgerr.StateDamaged {
			t.Errorf("Elements(%x) = %v, want SQLSTATE %s", damaged, err, pgerr.StateDamaged)
		}
	}
	if err := canon.Elements(builtin(t, "text", -1), v, func([]byte, bool) error { return nil }); err == nil {
		t.Error("Elements of a text succeeded")
	}
}

func TestAppendTextArray(t *testing.T) {
	tests := []struct {
		elems []string
		want  string
	}{
		{nil, "{}"},
		{[]string{"a"}, "{a}"},
		{[]string{"", "NULL", "<null>", `a"b\c`, "a b", "{", ",", "nullx"}, `{"","NULL",NULL,"a\"b\\c","a b","{",",",nullx}`},
	}
	typ := builtin(t, "_text", -1)
	for _, tt := range tests {
		seq := func(yield func([]byte, bool) bool) {
			for _, e := range tt.elems {
				if !yield([]byte(e), e == "<null>") {
					return
				}
			}
		}
		text := canon.AppendTextArray([]byte("x"), seq)
		if string(text) != "x"+tt.want {
			t.Errorf("AppendTextArray(%q) = %s, want x%s", tt.elems, text, tt.want)
		}
		binary := canon.AppendTextArrayBinary([]byte("x"), seq)
		if want := append([]byte("x"), fromText(t, typ, nil, tt.want)...); !bytes.Equal(binary, want) {
			t.Errorf("AppendTextArrayBinary(%q) = %x, want %x", tt.elems, binary, want)
		}
	}
}

// What was opened but is no value of the type is reported, and never shown.
func TestAppendText_refusesDamaged(t *testing.T) {
	for _, name := range []string{"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "date", "timestamp", "timestamptz", "time", "timetz", "interval", "uuid", "_int4", "_numeric"} {
		typ := builtin(t, name, -1)
		for _, v := range [][]byte{nil, {1, 2, 3}, bytes.Repeat([]byte{1}, 17), bytes.Repeat([]byte{0xff}, 40)} {
			for what, f := range map[string]func([]byte, canon.Type, []byte) ([]byte, error){
				"AppendText":     func(dst []byte, t canon.Type, v []byte) ([]byte, error) { return canon.AppendText(dst, t, nil, v) },
				"AppendEquality": canon.AppendEquality,
			} {
				if _, err := f(nil, typ, v); stateOf(err) != pgerr.StateDamaged {
					t.Errorf("%s(%s, %x) = %v, want SQLSTATE %s", what, name, v, err, pgerr.StateDamaged)
				}
			}
		}
	}
}

func TestUnsupported(t *testing.T) {
	for _, none := range []canon.Type{{}, {Array: true}, {Kind: 200}, {Kind: 200, Array: true}} {
		checkUnsupported(t, none)
	}
}

func checkUnsupported(t *testing.T, none canon.Type) {
	t.Helper()
	empty := make([]byte, 12) // an array without elements
	_, err1 := canon.FromText(none, nil, []byte("{}"))
	_, err2 := canon.FromBinary(none, empty)
	_, err3 := canon.AppendText(nil, none, nil, empty)
	_, err4 := canon.AppendBinary(nil, none, empty)
	_, err5 := canon.AppendEquality(nil, none, empty)
	_, err6 := canon.Coerce(none, none, nil, empty)
	_, err7 := canon.Coerce(builtin(t, "_text", -1), none, nil, empty)
	err8 := canon.Elements(none, empty, func([]byte, bool) error { return nil })
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8} {
		if err == nil {
			t.Errorf("call %d took a value of %+v", i+1, none)
		}
	}
}

func TestSettings_dateStyleNames(t *testing.T) {
	date := builtin(t, "date", -1)
	v := fromText(t, date, nil, "2024-02-01")
	for style, want := range map[string]string{
		"": "2024-02-01", "ISO, DMY": "2024-02-01", "iso": "2024-02-01", "SQL, MDY": "02/01/2024", "SQL,DMY": "01/02/2024", "sql, european": "01/02/2024",
		"Postgres, MDY": "02-01-2024", "Postgres, DMY": "01-02-2024", "German": "01.02.2024", "German, DMY": "01.02.2024", "SQL, YMD": "02/01/2024",
	} {
		if got := toText(t, date, &canon.Settings{DateStyle: style}, v); got != want {
			t.Errorf("date under %q = %s, want %s", style, got, want)
		}
	}
	orders := map[string]string{"German": "2024-02-01", "ISO, DMY": "2024-02-01", "ISO, MDY": "2024-01-02", "ISO, US": "2024-01-02", "German, MDY": "2024-01-02", "MDY, German": "2024-01-02"}
	for style, want := range orders {
		got := toText(t, date, nil, fromText(t, date, &canon.Settings{DateStyle: style}, "01/02/2024"))
		if got != want {
			t.Errorf("01/02/2024 under %q = %s, want %s", style, got, want)
		}
	}
}

// A dst with room is used; what stands in it stays.
func TestAppend_keepsDst(t *testing.T) {
	s := &canon.Settings{}
	for _, name := range []string{"text", "int4", "numeric", "date", "timestamptz", "interval", "jsonb", "_int4", "float8", "bytea", "uuid"} {
		typ := builtin(t, name, -1)
		text := map[string]string{"text": "x", "int4": "7", "numeric": "1.50", "date": "2024-02-03", "timestamptz": "2024-02-03 04:05:06+00", "interval": "1 day", "jsonb": `{"a": 1}`, "_int4": "{1,NULL}", "float8": "1.5", "bytea": `\x00`, "uuid": "00112233-4455-6677-8899-aabbccddeeff"}[name]
		v := fromText(t, typ, s, text)
		prefix := []byte("prefix")
		room := slices.Grow(bytes.Clone(prefix), 100)
		for what, f := range map[string]func([]byte) ([]byte, error){
			"AppendText":     func(dst []byte) ([]byte, error) { return canon.AppendText(dst, typ, s, v) },
			"AppendBinary":   func(dst []byte) ([]byte, error) { return canon.AppendBinary(dst, typ, v) },
			"AppendEquality": func(dst []byte) ([]byte, error) { return canon.AppendEquality(dst, typ, v) },
			"AppendFromText": func(dst []byte) ([]byte, error) { return canon.AppendFromText(dst, typ, s, []byte(text)) },
			"AppendFromBinary": func(dst []byte) ([]byte, error) {
				b, err := canon.AppendBinary(nil, typ, v)
				if err != nil {
					return nil, err
				}
				return canon.AppendFromBinary(dst, typ, b)
			},
		} {
			alone, err1 := f(nil)
			after, err2 := f(room)
			if err1 != nil || err2 != nil || string(after) != "prefix"+string(alone) || &after[0] != &room[0] {
				t.Errorf("%s(%s) = %q, %v after a prefix, %q, %v alone", what, name, after, err2, alone, err1)
			}
		}
	}
}
