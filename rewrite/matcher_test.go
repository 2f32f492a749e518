package rewrite

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/rewrite/shape"
)

// The table by length and first letter must never hide a word.
func TestMatcher_findsWhatWasAdded(t *testing.T) {
	word := rapid.OneOf(rapid.StringMatching(`[a-z_]{1,8}`), rapid.StringMatching(`[A-Zé"0-9 ]{0,70}`))
	rapid.Check(t, func(t *rapid.T) {
		m, want := newMatcher(), map[string]shape.Flags{}
		for _, w := range rapid.SliceOf(word).Draw(t, "words") {
			f := shape.Flags(1) << rapid.IntRange(0, 3).Draw(t, "flag")
			m.add(w, f)
			want[w] |= f
		}
		asked := rapid.SliceOf(word).Draw(t, "others")
		for w := range want {
			asked = append(asked, w)
		}
		for _, w := range asked {
			if got := m.Match([]byte(w)); got != want[w] {
				t.Errorf("Match(%q) = %b, want %b", w, got, want[w])
			}
		}
	})
}
