package eval

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
)

// Every character that is folded at all is folded as the server folds it.
func TestCase_everyCharacter(t *testing.T) {
	for _, s := range servers(t)[:2] {
		s.t = t
		for _, name := range []string{"lower", "upper", "initcap"} {
			var texts, got [][]byte
			for r := rune(1); r < 0x20000; r++ {
				text := []byte(string(r) + "A" + string(r) + "b")
				if !utf8.ValidRune(r) {
					continue
				}
				v, err := functions[name][0].run(s.settings, []Value{of(canon.Text, text)})
				if answerOf(t, v, err).state != pgerr.StateUnsupported {
					texts, got = append(texts, text), append(got, v.Data)
				}
			}
			if len(texts) < 5000 {
				t.Errorf("only %d characters were folded in locale %s", len(texts), s.settings.Locale.CType)
			}
			for i, want := range s.mapped(name, texts) {
				if string(want) != string(got[i]) {
					t.Errorf("%s(%q) = %q, want %q in locale %s", name, texts[i], got[i], want, s.settings.Locale.CType)
				}
			}
		}
	}
}

// mapped returns what the server makes of many texts at once.
func (s *server) mapped(name string, texts [][]byte) [][]byte {
	s.t.Helper()
	in := canon.AppendTextArray(nil, func(yield func([]byte, bool) bool) {
		for _, text := range texts {
			if !yield(text, false) {
				return
			}
		}
	})
	sql := "SELECT array_agg(" + name + "(x) ORDER BY n) FROM unnest($1::text[]) WITH ORDINALITY AS u (x, n)"
	a := s.ask(sql, nil, [][]byte{in})
	var out [][]byte
	array := canon.Type{Kind: canon.Text, Array: true, OID: 1009, ElemOID: 25, Mod: -1}
	if err := canon.Elements(array, a.data, func(v []byte, _ bool) error { out = append(out, v); return nil }); err != nil || len(out) != len(texts) {
		s.t.Fatalf("%s: %d texts, %v", sql, len(out), err)
	}
	return out
}

// What the locale's rules are not known for is refused.
func TestCase_refusesUnknownLocales(t *testing.T) {
	for _, tt := range []struct {
		locale Locale
		text   string
		want   string
	}{
		{Locale{}, "a", "0A000"},
		{Locale{Provider: 'c', CType: "tr_TR.UTF-8", UTF8: true}, "I", "0A000"},
		{Locale{Provider: 'i', CType: "tr", UTF8: true}, "I", "0A000"},
		{Locale{Provider: 'i', CType: "en-US", UTF8: true}, "I", ""},
		{Locale{Provider: 'i', CType: "en-US", UTF8: true}, "\u00c4", "0A000"},
		{Locale{Provider: 'c', CType: "en_US.UTF-8", UTF8: true}, "\u00c4", ""},
		{Locale{Provider: 'c', CType: "en_US.ISO-8859-1"}, "\u00c4", "0A000"},
		{Locale{Provider: 'c', CType: "C"}, "\u00c4", "0A000"},
		{Locale{Provider: 'c', CType: "en_US.UTF-8", UTF8: true}, "\u10d0", "0A000"},
	} {
		t.Run(fmt.Sprintf("%+v %s", tt.locale, tt.text), func(t *testing.T) {
			v, err := functions["lower"][0].run(&Settings{Locale: tt.locale}, []Value{of(canon.Text, []byte(tt.text))})
			if got := answerOf(t, v, err); got.state != tt.want {
				t.Errorf("lower(%q) = %v, want SQLSTATE %q", tt.text, got, tt.want)
			}
		})
	}
}
