package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// message is what every message of ours can do.
type message interface {
	Decode(body []byte) error
	Append(dst []byte) ([]byte, error)
}

// theirs are messages as pgproto3 writes them, with ours beside.
func theirs() []struct {
	name string
	from interface{ Encode([]byte) ([]byte, error) }
	into message
	want message
} {
	return []struct {
		name string
		from interface{ Encode([]byte) ([]byte, error) }
		into message
		want message
	}{
		{"Parse", &pgproto3.Parse{Name: "s1", Query: "SELECT $1", ParameterOIDs: []uint32{23, 0, 4294967295}},
			&Parse{}, &Parse{Name: []byte("s1"), SQL: []byte("SELECT $1"), OIDs: []uint32{23, 0, 4294967295}}},
		{"Parse, empty", &pgproto3.Parse{}, &Parse{}, &Parse{}},
		{"Bind", &pgproto3.Bind{
			DestinationPortal: "p", PreparedStatement: "s1", ParameterFormatCodes: []int16{0, 1, 1},
			Parameters: [][]byte{[]byte("text"), nil, {}}, ResultFormatCodes: []int16{1, 0},
		}, &Bind{}, &Bind{
			Portal: []byte("p"), Statement: []byte("s1"), ParamFormats: []int16{0, 1, 1},
			Params: [][]byte{[]byte("text"), nil, {}}, ResultFormats: []int16{1, 0},
		}},
		{"Bind, one format for all", &pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{1}, {2}}},
			&Bind{}, &Bind{ParamFormats: []int16{1}, Params: [][]byte{{1}, {2}}}},
		{"Bind, empty", &pgproto3.Bind{}, &Bind{}, &Bind{}},
		{"Describe", &pgproto3.Describe{ObjectType: 'S', Name: "s1"}, &Describe{}, &Describe{Kind: KindStatement, Name: []byte("s1")}},
		{"Close", &pgproto3.Close{ObjectType: 'P', Name: ""}, &Close{}, &Close{Kind: KindPortal}},
		{"Execute", &pgproto3.Execute{Portal: "p", MaxRows: 7}, &Execute{}, &Execute{Portal: []byte("p"), MaxRows: 7}},
		{"RowDescription", &pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
			{Name: []byte("a"), TableOID: 16384, TableAttributeNumber: 3, DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1},
			{Name: []byte(""), DataTypeOID: 23, DataTypeSize: 4, TypeModifier: 9, Format: 1},
		}}, &RowDescription{}, &RowDescription{Fields: []Field{
			{Name: []byte("a"), TableOID: 16384, Num: 3, TypeOID: 25, Size: -1, Mod: -1},
			{TypeOID: 23, Size: 4, Mod: 9, Format: 1},
		}}},
		{"RowDescription, empty", &pgproto3.RowDescription{}, &RowDescription{}, &RowDescription{}},
		{"ParameterDescription", &pgproto3.ParameterDescription{ParameterOIDs: []uint32{20, 25}},
			&ParameterDescription{}, &ParameterDescription{OIDs: []uint32{20, 25}}},
		{"SASLInitialResponse", &pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("n,,n=,r=x")},
			&SASLInitial{}, &SASLInitial{Mechanism: []byte("SCRAM-SHA-256"), Data: []byte("n,,n=,r=x")}},
	}
}

func TestCodecs_agreeWithPgproto3(t *testing.T) {
	for _, tc := range theirs() {
		frame, err := tc.from.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.into.Decode(frame[5:]); err != nil {
			t.Errorf("%s: Decode = %v", tc.name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, tc.into, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s decoded differently (-want +got):\n%s", tc.name, diff)
		}
		prefix := []byte("before")
		again, err := tc.into.Append(prefix)
		if err != nil || !bytes.Equal(again, append(prefix, frame...)) {
			t.Errorf("%s: Append = %q, %v, want %q", tc.name, again, err, frame)
		}
	}
}

// A NULL must stay NULL and an empty value empty, decoded and encoded.
func TestBind_tellsNullFromEmpty(t *testing.T) {
	in := &Bind{Params: [][]byte{nil, {}, []byte("x")}}
	frame, err := in.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out Bind
	if err := out.Decode(frame[5:]); err != nil {
		t.Fatal(err)
	}
	if out.Params[0] != nil || out.Params[1] == nil || len(out.Params[1]) != 0 {
		t.Errorf("decoded %#v, want NULL, empty, x", out.Params)
	}
}

// Every message cut short, every message with a byte too many, and every count
// or length that claims more than is there must be an error.
func TestCodecs_refuseWhatDoesNotFit(t *testing.T) {
	for _, tc := range theirs() {
		frame, err := tc.from.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		body := frame[5:]
		for n := range len(body) {
			wantMalformed(t, tc.name+", cut", tc.into.Decode(body[:n:n]), body[:n])
		}
		longer := append(bytes.Clone(body), 0)
		wantMalformed(t, tc.name+", longer", tc.into.Decode(longer), longer)
	}
	for name, tc := range map[string]struct {
		into message
		body string
	}{
		"Parse with 65535 types in no bytes":      {&Parse{}, "\x00\x00\xff\xff"},
		"Bind with 65535 parameters in no bytes":  {&Bind{}, "\x00\x00\x00\x00\xff\xff"},
		"Bind with a parameter of 2 GB":           {&Bind{}, "\x00\x00\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00"},
		"Bind with a parameter of -2":             {&Bind{}, "\x00\x00\x00\x00\x00\x01\xff\xff\xff\xfe\x00\x00"},
		"Bind with 2 formats for 1 parameter":     {&Bind{}, "\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00\x00\x00\x01x\x00\x00"},
		"Bind with 65535 result formats in none":  {&Bind{}, "\x00\x00\x00\x00\x00\x00\xff\xff"},
		"Describe of neither":                     {&Describe{}, "Xname\x00"},
		"Close of neither":                        {&Close{}, "\x00name\x00"},
		"RowDescription with 65535 columns":       {&RowDescription{}, "\xff\xff"},
		"ParameterDescription with 65535 in none": {&ParameterDescription{}, "\xff\xff"},
		"SASL data of 2 GB":                       {&SASLInitial{}, "SCRAM\x00\x7f\xff\xff\xff"},
	} {
		wantMalformed(t, name, tc.into.Decode([]byte(tc.body)), []byte(tc.body))
	}
}

func wantMalformed(t *testing.T, what string, err error, body []byte) {
	t.Helper()
	var e *pgerr.Error
	if !errors.As(err, &e) || e.State != "08P01" || e.Code != pgerr.ProtocolBroken {
		t.Errorf("%s: Decode(%q) = %v, want 08P01", what, body, err)
	}
}

// What cannot be said in the protocol must not be cut down to something else.
func TestAppend_refusesWhatTheProtocolCannotSay(t *testing.T) {
	for name, m := range map[string]message{
		"65536 parameters":           &Bind{Params: make([][]byte, 65536)},
		"65536 parameter formats":    &Bind{ParamFormats: make([]int16, 65536)},
		"65536 types":                &Parse{OIDs: make([]uint32, 65536)},
		"65536 columns":              &RowDescription{Fields: make([]Field, 65536)},
		"a zero byte in SQL":         &Parse{SQL: []byte("SELECT 1\x00; DROP")},
		"a zero byte in a name":      &Describe{Kind: 'S', Name: []byte("a\x00b")},
		"a zero byte in a portal":    &Execute{Portal: []byte("a\x00b")},
		"a zero byte in a statement": &Bind{Statement: []byte("a\x00b")},
	} {
		if got, err := m.Append([]byte("kept")); err == nil || string(got) != "kept" {
			t.Errorf("%s: Append = %d bytes, %v, want an error and what was there", name, len(got), err)
		}
	}
	if got, err := AppendQuery(nil, []byte("SELECT 1\x00")); err == nil {
		t.Errorf("AppendQuery with a zero byte = %q, want an error", got)
	}
	most := &Bind{Params: make([][]byte, 65535)}
	frame, err := most.Append(nil)
	if err != nil {
		t.Fatalf("65535 parameters: %v", err)
	}
	var again Bind
	if err := again.Decode(frame[5:]); err != nil || len(again.Params) != 65535 {
		t.Errorf("65535 parameters decode to %d, %v", len(again.Params), err)
	}
}

func TestDecode_reusesMemory(t *testing.T) {
	frame, err := (&Bind{Statement: []byte("s"), ParamFormats: []int16{0, 1}, Params: [][]byte{{1}, {2}}, ResultFormats: []int16{1}}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var m Bind
	if allocs := testing.AllocsPerRun(100, func() {
		if err := m.Decode(frame[5:]); err != nil {
			t.Fatal(err)
		}
	}); allocs > 0 {
		t.Errorf("decoding a Bind again allocates %v times, want none", allocs)
	}
}

func TestBindNames(t *testing.T) {
	frame, err := (&Bind{Portal: []byte("p"), Statement: []byte("s")}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if portal, statement, err := BindNames(frame[5:]); string(portal) != "p" || string(statement) != "s" || err != nil {
		t.Errorf("BindNames = %q, %q, %v, want p, s", portal, statement, err)
	}
	for _, body := range []string{"", "p", "p\x00s"} {
		if _, _, err := BindNames([]byte(body)); err == nil {
			t.Errorf("BindNames(%q) gave no error", body)
		}
	}
}

func TestFormat_abbreviations(t *testing.T) {
	tests := []struct {
		formats []int16
		i       int
		want    int16
	}{{nil, 0, 0}, {nil, 5, 0}, {[]int16{1}, 0, 1}, {[]int16{1}, 5, 1}, {[]int16{0, 1}, 0, 0}, {[]int16{0, 1}, 1, 1}, {[]int16{1, 1}, 2, 0}}
	for _, tc := range tests {
		if got := Format(tc.formats, tc.i); got != tc.want {
			t.Errorf("Format(%v, %d) = %d, want %d", tc.formats, tc.i, got, tc.want)
		}
	}
}

func TestDataRow_walksAndRebuilds(t *testing.T) {
	values := [][]byte{[]byte("one"), nil, {}, bytes.Repeat([]byte("x"), 70000)}
	frame, err := (&pgproto3.DataRow{Values: values}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	var row DataRow
	if err := row.Reset(frame[5:]); err != nil || row.Left() != len(values) {
		t.Fatalf("Reset = %v, Left = %d", err, row.Left())
	}
	rebuilt := BeginRow([]byte("kept"), row.Left())
	var got [][]byte
	for row.Next() {
		got = append(got, row.Value())
		rebuilt = AppendValue(rebuilt, row.Value())
	}
	if err := row.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Errorf("cells differ (-want +got):\n%s", diff)
	}
	rebuilt, err = EndFrame(rebuilt, len("kept"))
	if err != nil || string(rebuilt) != "kept"+string(frame) {
		t.Errorf("the row was rebuilt to %d bytes, %v, want %d", len(rebuilt), err, 4+len(frame))
	}
}

func TestDataRow_unsoundRows(t *testing.T) {
	for _, body := range []string{
		"", "\x00", "\x00\x01", "\xff\xff", "\x00\x01\x00\x00\x00\x05abc", "\x00\x01\x7f\xff\xff\xff", "\x00\x01\xff\xff\xff\xfe",
		"\x00\x01\x00\x00\x00\x01ab", "\x00\x00x", "\x00\x02\xff\xff\xff\xff\x00\x00\x00\x09",
	} {
		var row DataRow
		err := row.Reset([]byte(body))
		if err == nil {
			for row.Next() {
			}
			err = row.Err()
		}
		wantMalformed(t, "DataRow", err, []byte(body))
	}
}

// A caller that stops in the middle must not be told that the row was sound.
func TestDataRow_unfinishedIsNotSound(t *testing.T) {
	frame, err := (&pgproto3.DataRow{Values: [][]byte{[]byte("a"), []byte("b")}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	var row DataRow
	if err := row.Reset(frame[5:]); err != nil || !row.Next() {
		t.Fatal(err)
	}
	if row.Err() == nil {
		t.Error("Err after the first of two cells = nil")
	}
}

func TestServerMessages_agreeWithPgproto3(t *testing.T) {
	frame, _ := (&pgproto3.ParameterStatus{Name: "TimeZone", Value: "UTC"}).Encode(nil)
	if name, value, err := DecodeParameterStatus(frame[5:]); name != "TimeZone" || value != "UTC" || err != nil {
		t.Errorf("DecodeParameterStatus = %q, %q, %v", name, value, err)
	}
	if again, err := AppendParameterStatus(nil, "TimeZone", "UTC"); !bytes.Equal(again, frame) || err != nil {
		t.Errorf("AppendParameterStatus = %q, %v, want %q", again, err, frame)
	}
	for _, status := range []byte{Idle, InTransaction, Failed} {
		frame, _ := (&pgproto3.ReadyForQuery{TxStatus: status}).Encode(nil)
		if got, err := DecodeReadyForQuery(frame[5:]); got != status || err != nil {
			t.Errorf("DecodeReadyForQuery = %c, %v, want %c", got, err, status)
		}
		if again := AppendReadyForQuery(nil, status); !bytes.Equal(again, frame) {
			t.Errorf("AppendReadyForQuery = %q, want %q", again, frame)
		}
	}
	for _, body := range []string{"", "X", "II"} {
		if _, err := DecodeReadyForQuery([]byte(body)); err == nil {
			t.Errorf("DecodeReadyForQuery(%q) gave no error", body)
		}
	}
	frame, _ = (&pgproto3.CommandComplete{CommandTag: []byte("INSERT 0 5")}).Encode(nil)
	if tag, err := DecodeCommandTag(frame[5:]); string(tag) != "INSERT 0 5" || err != nil {
		t.Errorf("DecodeCommandTag = %q, %v", tag, err)
	}
	frame, _ = (&pgproto3.Query{String: "SELECT 'ü'"}).Encode(nil)
	if sql, err := DecodeQuery(frame[5:]); string(sql) != "SELECT 'ü'" || err != nil {
		t.Errorf("DecodeQuery = %q, %v", sql, err)
	}
	if again, err := AppendQuery(nil, []byte("SELECT 'ü'")); !bytes.Equal(again, frame) || err != nil {
		t.Errorf("AppendQuery = %q, %v, want %q", again, err, frame)
	}
	for _, body := range []string{"", "no end", "two\x00ends\x00", "more\x00x"} {
		if _, err := DecodeQuery([]byte(body)); err == nil {
			t.Errorf("DecodeQuery(%q) gave no error; the rest would run unseen", body)
		}
	}
}

func TestAuthSASLRequest(t *testing.T) {
	frame, err := (&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	kind, data, err := DecodeAuthentication(frame[5:])
	if kind != AuthSASL || err != nil {
		t.Fatalf("DecodeAuthentication = %d, %v, want %d", kind, err, AuthSASL)
	}
	var m AuthSASLRequest
	if err := m.Decode(data); err != nil || !cmp.Equal(m.Mechanisms, []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}) {
		t.Errorf("Decode = %q, %v", m.Mechanisms, err)
	}
	if again, err := m.Append(nil); !bytes.Equal(again, frame) || err != nil {
		t.Errorf("Append = %q, %v, want %q", again, err, frame)
	}
	for _, data := range []string{"", "SCRAM", "SCRAM\x00", "SCRAM\x00\x00x"} {
		if err := m.Decode([]byte(data)); err == nil {
			t.Errorf("Decode(%q) gave no error", data)
		}
	}
	if _, _, err := DecodeAuthentication([]byte{0, 0, 0}); err == nil {
		t.Error("DecodeAuthentication of three bytes gave no error")
	}
}

func TestErrors_agreeWithPgproto3(t *testing.T) {
	e := &pgerr.Error{
		State: "42501", Code: "a-code", Message: "no", Detail: "because", Hint: "ask",
		Schema: "s", Table: "t", Column: "c", Constraint: "n", Where: "line 1", Cause: errors.New("the log's alone"),
	}
	frame := AppendError([]byte("kept"), ErrorSeverity, e)[len("kept"):]
	var got pgproto3.ErrorResponse
	if frame[0] != 'E' || got.Decode(frame[5:]) != nil {
		t.Fatalf("pgproto3 does not understand %q", frame)
	}
	want := pgproto3.ErrorResponse{
		Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "42501", Message: "no", Detail: "because", Hint: "ask (pgveil: a-code)",
		SchemaName: "s", TableName: "t", ColumnName: "c", ConstraintName: "n", Where: "line 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the error differs (-want +got):\n%s", diff)
	}

	fields, err := DecodeError(nil, frame[5:])
	if err != nil {
		t.Fatal(err)
	}
	if c := fields.Field('C'); string(c) != "42501" || fields.Field('P') != nil {
		t.Errorf("Field(C) = %q, Field(P) = %q", c, fields.Field('P'))
	}
	if again, err := fields.Append(nil, TypeErrorResponse); !bytes.Equal(again, frame) || err != nil {
		t.Errorf("Append = %q, %v, want %q", again, err, frame)
	}
	for _, body := range []string{"", "M", "Mtext", "Mtext\x00", "\x00x"} {
		if _, err := DecodeError(nil, []byte(body)); err == nil {
			t.Errorf("DecodeError(%q) gave no error", body)
		}
	}
}

func TestAppendError_saysTheCodeOnceAndTheCauseNever(t *testing.T) {
	for _, e := range []*pgerr.Error{
		{State: "0A000", Code: "a-code", Message: "no"},
		{State: "0A000", Code: "a-code", Message: "no", Detail: "why"},
		{State: "0A000", Code: "a-code", Message: "no", Hint: "how"},
		{State: "0A000", Code: "a-code", Message: "no\x00 way", Detail: "why", Hint: "how", Cause: errors.New("secret host")},
	} {
		frame := AppendError(nil, FatalSeverity, e)
		fields, err := DecodeError(nil, frame[5:])
		if err != nil {
			t.Errorf("%+v: %v", e, err)
			continue
		}
		if n := strings.Count(string(frame), "(pgveil: a-code)"); n != 1 {
			t.Errorf("%+v: the code is there %d times, want once", e, n)
		}
		if strings.Contains(string(frame), "secret") || string(fields.Field('V')) != "FATAL" {
			t.Errorf("%+v became %q", e, frame)
		}
	}
	if frame := AppendError(nil, ErrorSeverity, &pgerr.Error{State: "XX000", Message: "no"}); strings.Contains(string(frame), "pgveil") {
		t.Errorf("without a code: %q", frame)
	}
}
