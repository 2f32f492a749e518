package canon_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pgveil/pgveil/envelope/canon"
)

// Recorded from PostgreSQL 15: what to_json and to_jsonb make of values.
func TestAppendJSON_recorded(t *testing.T) {
	rows := []struct {
		session    sessionSettings
		name, text string
		// wantB is what to_jsonb makes of it, "" for the same.
		wantJSON, wantB string
	}{
		{session: isoMDY, name: "text", text: "a\"b\\c\n\x01é", wantJSON: `"a\"b\\c\n\u0001é"`},
		{session: isoMDY, name: "text", text: "", wantJSON: `""`},
		{session: isoMDY, name: "bool", text: "t", wantJSON: `true`},
		{session: isoMDY, name: "bool", text: "f", wantJSON: `false`},
		{session: isoMDY, name: "int8", text: "-12", wantJSON: `-12`},
		{session: isoMDY, name: "numeric", text: "1.50", wantJSON: `1.50`},
		{session: isoMDY, name: "numeric", text: "NaN", wantJSON: `"NaN"`},
		{session: isoMDY, name: "float8", text: "-Infinity", wantJSON: `"-Infinity"`},
		{session: isoMDY, name: "float8", text: "1e20", wantJSON: `1e+20`, wantB: `100000000000000000000`},
		{session: postgresDMY, name: "date", text: "1990-05-17", wantJSON: `"1990-05-17"`},
		{session: germanDMY, name: "date", text: "0044-03-15 BC", wantJSON: `"0044-03-15 BC"`},
		{session: sqlDMY, name: "date", text: "infinity", wantJSON: `"infinity"`},
		{session: sqlDMY, name: "timestamp", text: "2024-07-01 12:00:00.5", wantJSON: `"2024-07-01T12:00:00.5"`},
		{session: isoMDY, name: "timestamptz", text: "2024-07-01 12:00+00", wantJSON: `"2024-07-01T12:00:00+00:00"`},
		{session: germanDMY, name: "timestamptz", text: "2024-07-01 12:00+00", wantJSON: `"2024-07-01T17:30:00+05:30"`},
		{session: postgresMDY, name: "timestamptz", text: "1850-07-01 12:00+00", wantJSON: `"1850-07-01T07:03:58-04:56:02"`},
		{session: isoMDY, name: "timestamptz", text: "-infinity", wantJSON: `"-infinity"`},
		{session: sqlDMY, name: "time", text: "12:34:56.7", wantJSON: `"12:34:56.7"`},
		{session: germanDMY, name: "interval", text: "1 day 2 hours", wantJSON: `"P1DT2H"`},
		{session: sqlDMY, name: "bytea", text: `\x00ff61`, wantJSON: `"\\000\\377a"`},
		{session: isoMDY, name: "json", text: `{"b": 1.0,"a":1}`, wantJSON: `{"b": 1.0,"a":1}`, wantB: `{"a": 1, "b": 1.0}`},
		{session: isoMDY, name: "jsonb", text: `{"b": 1.0,"a":1}`, wantJSON: `{"a": 1, "b": 1.0}`},
		{session: isoMDY, name: "_int4", text: `{{1,2},{3,NULL}}`, wantJSON: `[[1,2],[3,null]]`, wantB: `[[1, 2], [3, null]]`},
		{session: isoMDY, name: "_int4", text: `{}`, wantJSON: `[]`},
		{session: isoMDY, name: "_text", text: `[2:3]={a,"b\"c"}`, wantJSON: `["a","b\"c"]`, wantB: `["a", "b\"c"]`},
		{session: isoMDY, name: "_date", text: `{2024-01-02,NULL}`, wantJSON: `["2024-01-02",null]`, wantB: `["2024-01-02", null]`},
	}
	for _, r := range rows {
		typ, ok := canon.TypeOf(0, -1, r.name, 0, "")
		if !ok {
			t.Fatalf("TypeOf(%s) is not supported", r.name)
		}
		s := r.session.canon(t)
		v, err := canon.FromText(typ, &canon.Settings{}, []byte(r.text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := canon.AppendJSON(nil, typ, s, v); err != nil || string(got) != r.wantJSON {
			t.Errorf("%v: AppendJSON(%s %q) = %s, %v, want %s", r.session, r.name, r.text, got, err, r.wantJSON)
		}
		want := r.wantB
		if want == "" {
			want = r.wantJSON
		}
		if got, err := canon.AppendJSONB(nil, typ, s, v); err != nil || string(got) != want {
			t.Errorf("%v: AppendJSONB(%s %q) = %s, %v, want %s", r.session, r.name, r.text, got, err, want)
		}
	}
}

// What was sealed as one type and is read as another must not become JSON.
func TestAppendJSON_damaged(t *testing.T) {
	for _, name := range []string{"bool", "int4", "date", "timestamptz", "_int4"} {
		typ, _ := canon.TypeOf(0, -1, name, 0, "")
		if got, err := canon.AppendJSON(nil, typ, nil, []byte("xyz")); err == nil {
			t.Errorf("AppendJSON(%s, 3 bytes) = %s, want an error", name, got)
		}
	}
}

// checkJSON compares to_json and to_jsonb of every value that both take.
func checkJSON(t *testing.T, oracles []*oracle) {
	for _, c := range oracleCases() {
		rng := rand.New(rand.NewPCG(3, 5))
		texts := append([]string{}, c.texts...)
		for range c.count / 4 {
			texts = append(texts, c.generate(rng))
		}
		asked := oracles
		if !c.allSessions {
			asked = oracles[:2]
		}
		for _, o := range asked {
			o.t = t
			typ := o.typeOf(c.sqlType)
			for _, text := range texts {
				o.checkJSON(c.sqlType, typ, text)
			}
		}
	}
}

func (o *oracle) checkJSON(sqlType string, typ canon.Type, text string) {
	o.t.Helper()
	v, err := canon.FromText(typ, o.settings, []byte(text))
	if err != nil {
		return
	}
	forms := map[string]func([]byte, canon.Type, *canon.Settings, []byte) ([]byte, error){
		"to_json": canon.AppendJSON, "to_jsonb": canon.AppendJSONB,
	}
	for function, form := range forms {
		row, state := o.query(fmt.Sprintf(`SELECT %s($1::text::%s)`, function, sqlType), []int16{0}, [][]byte{[]byte(text)}, nil)
		got, err := form([]byte("x"), typ, o.settings, v)
		switch {
		case state != "":
			if err == nil {
				o.t.Errorf("%s: %s(%q) = %s, want SQLSTATE %s", o.name(sqlType), function, text, got, state)
			}
		case err != nil || string(got[1:]) != string(row[0]):
			o.t.Errorf("%s: %s(%q) = %s, %v, want %s", o.name(sqlType), function, text, got, err, row[0])
		}
	}
}
