package generate

import (
	"slices"
	"strings"
	"testing"
)

// bare are the protected values that anything could be: a truth value, nothing, zero.
func bare(value string) bool {
	return slices.Contains([]string{"", "0", "0.00", "t", "f", "NULL", "null", "$1", "{}"}, value)
}

// A leak that is not seen is worse than none that is looked for: every value of
// a protected column is found, as each of its variants, in a line of the log.
func TestWorld_LeakFindsEveryValue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		w, c := NewWorld(seed), Random(seed, 9)
		for _, typ := range types() {
			for _, value := range w.marks.pool(c, typ, true) {
				for range 4 {
					form := variant(c, typ, value, true)
					if bare(value) || strings.HasPrefix(form, "{") && typ == UUID {
						continue
					}
					line := "2026-01-02 10:00:00.123 UTC [4711] u@d LOG:  execute: SELECT 1 WHERE a = '" + form + "' OR true"
					if w.Leak([]byte(line)) == "" {
						t.Errorf("seed %d: Leak(%q) found nothing of the %s %q", seed, line, typ, value)
					}
				}
			}
		}
	}
}

func TestWorld_LeakFindsNothingElse(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		w, c := NewWorld(seed), Random(seed, 9)
		digits := w.marks.digits
		lines := []string{
			"2026-11-23 22:10:00.394 UTC [39471] u@d LOG:  statement: SELECT 1",
			"VALUES ('pv1.AB" + digits + "7x......AAAA" + digits + "1-_9')",
			"split_part(c, '.', 2) = 'x" + digits + "1'", "a" + digits + "12", "pid " + secretYear, "LIMIT 3947",
		}
		for _, typ := range types() {
			lines = append(lines, w.marks.pool(c, typ, false)...)
		}
		for _, line := range lines {
			if leak := w.Leak([]byte(line)); leak != "" {
				t.Errorf("seed %d: Leak(%q) = %q, want none", seed, line, leak)
			}
		}
	}
}

func TestVariant_keepsWhatIsStored(t *testing.T) {
	t.Parallel()
	c := Random(1, 1)
	for _, typ := range []Type{Text, Citext, TextArray} {
		for range 50 {
			if got := variant(c, typ, "Some Value", false); got != "Some Value" {
				t.Fatalf("variant(%s) = %q, want it as it is: that is what readers see", typ, got)
			}
		}
	}
	seen := map[string]bool{}
	for range 100 {
		seen[variant(c, Citext, "Abc", true)] = true
	}
	if len(seen) != 3 {
		t.Errorf("variants of citext in a comparison: %v, want three cases", seen)
	}
}

func TestFitted_cutsCharactersNotBytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("日", 30)
	if got := fitted(Short, long); got != strings.Repeat("日", 24) {
		t.Errorf("fitted(%s) = %q", Short, got)
	}
	if got := fitted(Varchar, long); got != long {
		t.Errorf("fitted(%s) = %q, want all of it", Varchar, got)
	}
}
