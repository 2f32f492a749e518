package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

func scanOne(t *testing.T, sql string) (*state, *shape.Statement) {
	t.Helper()
	stmts, err := shape.NewScanner([2]uint64{1, 2}).Scan([]byte(sql), true, nil)
	if err != nil || len(stmts) != 1 {
		t.Fatalf("Scan(%q) = %d statements, %v", sql, len(stmts), err)
	}
	return &state{snap: &snapshot{}}, &stmts[0]
}

func TestEffectOf_saysWhatStatementsDrop(t *testing.T) {
	for _, tc := range []struct {
		sql  string
		want effect
	}{
		{"DEALLOCATE s", effect{drops: dropNamed, dropName: "s"}},
		{`DEALLOCATE "S x"`, effect{drops: dropNamed, dropName: "S x"}},
		{"DEALLOCATE PREPARE s", effect{drops: dropNamed, dropName: "s"}},
		{`DEALLOCATE PREPARE "S"`, effect{drops: dropNamed, dropName: "S"}},
		{"DEALLOCATE prepare", effect{drops: dropNamed, dropName: "prepare"}},
		{"DEALLOCATE ALL", effect{drops: dropAll, dropName: "all"}},
		{"DEALLOCATE PREPARE ALL", effect{drops: dropAll, dropName: "all"}},
		{`DEALLOCATE "all"`, effect{drops: dropNamed, dropName: "all"}},
		{"DISCARD ALL", effect{flags: rewrite.ChangesSettings, drops: dropAll, naming: &naming{kind: closesAll}}},
		{"DECLARE C CURSOR FOR SELECT 1", effect{naming: &naming{kind: declares, name: "c"}}},
		{`CLOSE "C x"`, effect{naming: &naming{kind: closes, name: "C x"}}},
		{"CLOSE ALL", effect{naming: &naming{kind: closesAll}}},
		{`CLOSE "all"`, effect{naming: &naming{kind: closes, name: "all"}}},
		{"EXECUTE P(1)", effect{flags: rewrite.NamesStatement | rewrite.ChangesSettings, naming: &naming{kind: executes, name: "p"}}},
		{"MOVE 5 FROM c", effect{flags: rewrite.NamesStatement, naming: &naming{kind: fetches}}},
		{"DISCARD PLANS", effect{flags: rewrite.ChangesSettings}},
		{"ROLLBACK TO a", effect{flags: endsTransaction}},
		{"SET ROLE x", effect{flags: rewrite.ChangesSettings}},
		{"SELECT 1", effect{}},
	} {
		st, stmt := scanOne(t, tc.sql)
		got := effectOf(st, []byte(tc.sql), stmt)
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(effect{}, naming{})); diff != "" {
			t.Errorf("effectOf(%s):\n%s", tc.sql, diff)
		}
	}
}

func TestFlagsOf_expectsAnythingWithoutACatalog(t *testing.T) {
	_, stmt := scanOne(t, "SELECT 1")
	got := flagsOf(&state{}, stmt)
	if want := rewrite.ChangesSettings | rewrite.ChangesCatalog; got&want != want {
		t.Errorf("flagsOf = %b, want at least %b", got, want)
	}
}

func TestWithoutEnvelopes_hidesStoredValues(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"nothing here", "nothing here"},
		{`invalid input: "pv1.abc~d......AAA-_z"`, `invalid input: "(sealed)"`},
		{"pv1.a......b and pv1.c......d", "(sealed) and (sealed)"},
		{"", ""},
	} {
		if got := string(withoutEnvelopes([]byte(tc.text))); got != tc.want {
			t.Errorf("withoutEnvelopes(%q) = %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestSettings_followParameterStatus(t *testing.T) {
	s := newSettings(map[string]string{
		"DateStyle": "SQL, DMY", "TimeZone": "Africa/Addis_Ababa", "client_encoding": "UTF8", "standard_conforming_strings": "on",
	})
	if s.canon.DateStyle != "SQL, DMY" || s.canon.TimeZone.String() != "Africa/Addis_Ababa" || s.zoneUnknown || s.backslash {
		t.Errorf("settings = %+v", s)
	}
	if next := s.with("application_name", "x"); next != s {
		t.Error("a parameter that does not matter makes new settings")
	}
	next := s.with("TimeZone", "EST5EDT,J60,J300")
	if !next.zoneUnknown || s.zoneUnknown {
		t.Errorf("zoneUnknown = %t for a zone without rules (%t before), want true, false", next.zoneUnknown, s.zoneUnknown)
	}
	for name, east := range map[string]int{"<-03:30>+03:30": -12600, "<+03>-03": 10800, "<+05:45:10>-05:45:10": 20710, "<x>2": -7200, "-03:30": 12600, "XYZ+5": -18000} {
		at := s.with("TimeZone", name)
		if at.zoneUnknown {
			t.Errorf("the time zone %s is not known", name)
			continue
		}
		if _, got := time.Unix(0, 0).In(at.canon.TimeZone).Zone(); got != east {
			t.Errorf("the time zone %s is %d s east, want %d", name, got, east)
		}
	}
	if !newSettings(map[string]string{"TimeZone": "Local"}).zoneUnknown {
		t.Error("a zone by the name of Go's Local is taken for this machine's")
	}
	if !s.with("standard_conforming_strings", "off").backslash {
		t.Error("standard_conforming_strings = off is not followed")
	}
}

func TestScrubbed_movesPositionsAndDropsStoredValues(t *testing.T) {
	fields := wire.ErrorFields{
		{Code: 'M', Value: []byte("duplicate key")}, {Code: 'D', Value: []byte("Key (split_part(x, '.', 2))=(abc) already exists.")},
		{Code: 'P', Value: []byte("12")}, {Code: 'W', Value: []byte("COPY t, line 1: pv1.a.b")}, {Code: 'n', Value: []byte("people_key")},
		{Code: 'p', Value: []byte("3")}, {Code: 'q', Value: []byte("SELECT f(x)")},
	}
	scrubbed := func(rewritten bool, place string) string {
		var b strings.Builder
		to := func([]byte) []byte { return []byte(place) }
		if place == "" {
			to = func([]byte) []byte { return nil }
		}
		for _, f := range scrub(append(wire.ErrorFields(nil), fields...), rewritten, to) {
			fmt.Fprintf(&b, "%c=%s ", f.Code, f.Value)
		}
		return b.String()
	}
	const rest = "W=COPY t, line 1: (sealed) n=people_key p=3 q=SELECT f(x) "
	if got, want := scrubbed(true, "7"), "M=duplicate key P=7 "+rest; got != want {
		t.Errorf("of a rewritten statement is left %q, want %q", got, want)
	}
	if got, want := scrubbed(true, ""), "M=duplicate key "+rest; got != want {
		t.Errorf("of a rewritten statement whose place is unknown is left %q, want %q", got, want)
	}
	if got, want := scrubbed(false, "7"), "M=duplicate key P=12 "+rest; got != want {
		t.Errorf("of a statement in the client's words is left %q, want %q", got, want)
	}
	fields[len(fields)-1].Value = []byte("SELECT 'pv1.a.b'")
	if got := scrubbed(true, ""); strings.Contains(got, "q=") || strings.Contains(got, "p=") {
		t.Errorf("a function's text with a stored value is told: %s", got)
	}
}
