package policy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestMask_Apply(t *testing.T) {
	for _, tc := range []struct {
		mask     Mask
		in, want string
	}{
		{Mask{}, "abc", "***"},
		{Mask{Kind: MaskAll}, "", ""},
		{Mask{Kind: MaskAll}, "Ünïcode", "*******"},
		{Mask{Kind: MaskKeepLast, N: 4}, "+251985488789", "*********8789"},
		{Mask{Kind: MaskKeepLast, N: 4}, "8789", "****"},
		{Mask{Kind: MaskKeepLast, N: 4}, "789", "***"},
		{Mask{Kind: MaskKeepLast, N: 2}, "日本語", "*本語"},
		{Mask{Kind: MaskKeepLast}, "abc", "***"},
		{Mask{Kind: MaskKeepFirst, N: 2}, "NID-1", "NI***"},
		{Mask{Kind: MaskKeepFirst, N: 5}, "NID-1", "*****"},
		{Mask{Kind: MaskInitials}, "SHARMA, JOSÉ", "S. J."},
		{Mask{Kind: MaskInitials}, "S. J.", "S. J."},
		{Mask{Kind: MaskInitials}, "  o'brien \t Ánna-Maria ", "o. Á."},
		{Mask{Kind: MaskInitials}, "SHARMA,JOSÉ", "S. J."},
		{Mask{Kind: MaskInitials}, "محمد علي", "م. ع."},
		{Mask{Kind: MaskInitials}, "አበበ ቢቂላ", "አ. ቢ."},
		{Mask{Kind: MaskInitials}, "4711 17", "*"},
		{Mask{Kind: MaskInitials}, "", ""},
		{Mask{Kind: MaskEmail}, "jose@example.org", "j***@example.org"},
		{Mask{Kind: MaskEmail}, "@example.org", "****@example.org"},
		{Mask{Kind: MaskEmail}, "a@b@example.org", "a***@example.org"},
		{Mask{Kind: MaskEmail}, "jose", "****"},
		{Mask{Kind: MaskText, Text: "hidden"}, "abc", "hidden"},
		{Mask{Kind: MaskYear}, "1991-03-06", "1991-01-01"},
		{Mask{Kind: MaskYear}, "1991-03-06 12:30:59.25", "1991-01-01 00:00:00"},
		{Mask{Kind: MaskYear}, "1991-03-06 12:30:59+05:30", "1991-01-01 00:00:00+05:30"},
		{Mask{Kind: MaskYear}, "0044-03-15 BC", "0044-01-01 BC"},
		{Mask{Kind: MaskYear}, "12345-03-15", "12345-01-01"},
		{Mask{Kind: MaskYear}, "infinity", "infinity"},
		{Mask{Kind: MaskYear}, "06/03/1991", "**********"},
		{Mask{Kind: MaskYear}, "1991-03-06 Bonn", "***************"},
		{Mask{Kind: MaskYear}, "secret", "******"},
	} {
		if got := tc.mask.Apply(tc.in); got != tc.want {
			t.Errorf("%+v.Apply(%q) = %q, want %q", tc.mask, tc.in, got, tc.want)
		}
	}
}

func drawMask(t *rapid.T) Mask {
	return Mask{
		Kind: MaskKind(rapid.IntRange(int(MaskDefault), int(MaskText)).Draw(t, "kind")),
		N:    rapid.IntRange(0, 6).Draw(t, "n"),
		Text: rapid.String().Draw(t, "text"),
	}
}

// drawValue favours the characters that masks look at.
func drawValue(t *rapid.T) string {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab@.*, É-1;/'")), 0, 12, -1),
		rapid.StringMatching(`[0-9]{3,5}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([+-][0-9]{2}(:[0-9]{2})?)?)?( BC)?`),
	).Draw(t, "value")
}

// A masked value that is written back is recognised by being its own mask.
func TestMask_Apply_isIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, s := drawMask(t), drawValue(t)
		once := m.Apply(s)
		if twice := m.Apply(once); twice != once {
			t.Errorf("%+v.Apply(%q) = %q, applied again %q", m, s, once, twice)
		}
	})
}

func TestMask_Apply_hidesAtLeastOneCharacter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9A-Z]{1,10}`).Draw(t, "value")
		m := Mask{Kind: rapid.SampledFrom([]MaskKind{MaskDefault, MaskAll, MaskKeepLast, MaskKeepFirst}).Draw(t, "kind"), N: rapid.IntRange(0, 12).Draw(t, "n")}
		got := m.Apply(s)
		if got == s {
			t.Errorf("%+v.Apply(%q) shows the value", m, s)
		}
		if utf8.RuneCountInString(got) != utf8.RuneCountInString(s) {
			t.Errorf("%+v.Apply(%q) = %q, want the same length", m, s, got)
		}
		shown := len(strings.ReplaceAll(got, maskRune, ""))
		if m.Kind <= MaskAll && shown > 0 || shown > m.N {
			t.Errorf("%+v.Apply(%q) = %q shows %d characters", m, s, got, shown)
		}
	})
}

func TestMask_Apply_yearIsADateOfTheSameYear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[12][0-9]{3}-[01][0-9]-[0-3][0-9]`).Draw(t, "date")
		if got := (Mask{Kind: MaskYear}).Apply(s); got != s[:4]+"-01-01" {
			t.Errorf("year mask of %q = %q, want %s-01-01", s, got, s[:4])
		}
	})
}
