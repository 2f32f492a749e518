package canon_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/envelope/canon"
)

// The tables of the other files were recorded from PostgreSQL 15.18, under the
// settings of these sessions. They hold where no server can be asked; where one
// can, TestOracle asks it.
var (
	isoMDY      = sessions[0]
	sqlDMY      = sessions[1]
	postgresMDY = sessions[2]
	germanDMY   = sessions[3]
	postgresDMY = sessions[4]
	sqlYMD      = sessions[5]
	isoYMD      = sessions[6]
)

// recorded is a text and what PostgreSQL made of it: the value in text and in
// binary, or ERROR and the SQLSTATE.
type recorded struct {
	session sessionSettings
	text    string
	want    string
	binary  string
}

func checkRecorded(t *testing.T, typ canon.Type, rows []recorded) {
	t.Helper()
	for _, r := range rows {
		s := r.session.canon(t)
		v, err := canon.FromText(typ, s, []byte(r.text))
		if state, isError := strings.CutPrefix(r.want, "ERROR "); isError || err != nil {
			if stateOf(err) != state {
				t.Errorf("%v: FromText(%v, %q) = %x, %v, want %s", r.session, typ, r.text, v, err, r.want)
			}
			continue
		}
		if got, err := canon.AppendText(nil, typ, s, v); err != nil || string(got) != r.want {
			t.Errorf("%v: AppendText(FromText(%v, %q)) = %q, %v, want %q", r.session, typ, r.text, got, err, r.want)
		}
		if got, err := canon.AppendBinary(nil, typ, v); err != nil || hex.EncodeToString(got) != r.binary {
			t.Errorf("%v: AppendBinary(FromText(%v, %q)) = %x, %v, want %s", r.session, typ, r.text, got, err, r.binary)
		}
		sent, err := hex.DecodeString(r.binary)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := canon.FromBinary(typ, sent); err != nil || !bytes.Equal(got, v) {
			t.Errorf("FromBinary(%v, %s) = %x, %v, want %x", typ, r.binary, got, err, v)
		}
	}
}

// recordedBinary is a binary value and its text, or ERROR and the SQLSTATE.
type recordedBinary struct{ binary, want string }

func checkBinary(t *testing.T, typ canon.Type, rows []recordedBinary) {
	t.Helper()
	for _, r := range rows {
		sent, err := hex.DecodeString(r.binary)
		if err != nil {
			t.Fatal(err)
		}
		v, err := canon.FromBinary(typ, sent)
		if state, isError := strings.CutPrefix(r.want, "ERROR "); isError || err != nil {
			if stateOf(err) != state {
				t.Errorf("FromBinary(%v, %s) = %x, %v, want %s", typ, r.binary, v, err, r.want)
			}
			continue
		}
		if got, err := canon.AppendText(nil, typ, isoMDY.canon(t), v); err != nil || string(got) != r.want {
			t.Errorf("AppendText(FromBinary(%v, %s)) = %q, %v, want %q", typ, r.binary, got, err, r.want)
		}
	}
}

// recordedCoercion is an assignment of a value, by its text, to another type.
type recordedCoercion struct {
	session sessionSettings
	from    canon.Type
	text    string
	to      canon.Type
	want    string
}

func (r recordedCoercion) check(t *testing.T) {
	t.Helper()
	s := r.session.canon(t)
	got, err := canon.Coerce(r.from, r.to, s, fromText(t, r.from, s, r.text))
	if state, isError := strings.CutPrefix(r.want, "ERROR "); isError || err != nil {
		if stateOf(err) != state {
			t.Errorf("%v: Coerce(%v %q to %v) = %x, %v, want %s", r.session, r.from, r.text, r.to, got, err, r.want)
		}
		return
	}
	if text := toText(t, r.to, s, got); text != r.want {
		t.Errorf("%v: Coerce(%v %q to %v) = %q, want %q", r.session, r.from, r.text, r.to, text, r.want)
	}
	if _, err := canon.FromBinary(r.to, got); r.to.Kind != canon.JSONB && err != nil {
		t.Errorf("Coerce(%v %q to %v) = %x, which is not canonical: %v", r.from, r.text, r.to, got, err)
	}
}
