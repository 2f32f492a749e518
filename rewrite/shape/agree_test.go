package shape

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// failer is what a test and a property have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// compareReference fails unless the lexer agrees with the reference, in its
// tokens and in the values of plain strings.
func compareReference(t failer, sql string, conforming bool) {
	t.Helper()
	want, values, wantErr := referenceLex(sql, conforming)
	l := lexer{sql: []byte(sql), conforming: conforming}
	got := []bound{}
	for {
		tok, err := l.next()
		if (err != nil) && wantErr == nil {
			t.Errorf("lex(%q, %v): %v, the reference takes it", sql, conforming, err)
		}
		if err != nil {
			return
		}
		if tok.kind == tokEnd {
			break
		}
		got = append(got, bound{ourKind(tok), tok.start, tok.end})
		if ourKind(tok) != "string" || wantErr != nil || len(got) > len(values) {
			continue
		}
		value, err := l.appendString(nil, tok)
		if want := values[len(got)-1]; err != nil || string(value) != want {
			t.Errorf("value of %q (%v) = %q, %v, want %q", sql[tok.start:tok.end], conforming, value, err, want)
		}
	}
	if wantErr != nil {
		t.Errorf("lex(%q, %v) takes what the reference refuses", sql, conforming)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lex(%q, %v) (-reference +got):\n%s", sql, conforming, diff)
	}
}

func TestLexer_agreesWithTheReference(t *testing.T) {
	for _, sql := range lexerTexts {
		compareReference(t, sql, true)
		compareReference(t, sql, false)
	}
}

// every calls f with every text of up to n of the pieces.
func every(pieces []string, n int, f func(sql string)) {
	var more func(prefix string, n int)
	more = func(prefix string, n int) {
		f(prefix)
		if n == 0 {
			return
		}
		for _, p := range pieces {
			more(prefix+p, n-1)
		}
	}
	more("", n)
}

// Whatever surprises three bytes can hold, none is left to chance.
func TestLexer_agreesOnEveryShortText(t *testing.T) {
	for _, pieces := range [][]string{
		{"'", `\`, "\n", "e", "x", "0", "-"},
		{"$", "a", "1", "\xff", " "},
		{"1", ".", "e", "_", "+", "x", "0"},
		{"-", "+", "/", "*", "=", "@", "<"},
		{`"`, "u", "&", "'", "n", "b"},
		{":", ".", ";", "=", ">", "!"},
	} {
		every(pieces, 4, func(sql string) {
			compareReference(t, sql, true)
			compareReference(t, sql, false)
		})
		every(pieces, 3, func(sql string) { compareLexers(t, sql) })
	}
}

func TestLexer_propertyAgreesWithTheReference(t *testing.T) {
	pieces := rapid.SampledFrom(append(strings.Split(
		`'|''|\|\'|\\|\n|\x|\xc3\xa9|\u00e9|\ud83d|\ude00|\U0001f600|\0|\377|e'|E'|u&'|U&"|"|""|b'|n'|$|$$|$a$|$1|1|1.|.5|1e5|0x1|_|+|-|--|/*|*/|<|=|@|~|(|)|,|;|::|..|a|IN|é`, "|"),
		" ", "\n", "\t", "\r", "|"))
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		compareReference(t, text.Draw(t, "text"), rapid.Bool().Draw(t, "conforming"))
	})
}
