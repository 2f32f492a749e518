package generate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func length(c []uint32) int { return len(c) }

func TestShrink_findsTheLeast(t *testing.T) {
	t.Parallel()
	taken := []uint32{9, 3, 0, 17, 4, 4, 8, 1, 6, 2, 12}
	tests := []struct {
		name  string
		fails func([]uint32) bool
		want  []uint32
	}{
		{"one choice", func(c []uint32) bool { return slices.Contains(c, 17) }, []uint32{17}},
		{"a choice that may be smaller", func(c []uint32) bool { return slices.ContainsFunc(c, func(v uint32) bool { return v >= 4 }) }, []uint32{4}},
		{"two apart", func(c []uint32) bool { return slices.Contains(c, 3) && slices.Contains(c, 12) }, []uint32{3, 12}},
		{"a length", func(c []uint32) bool { return len(c) >= 3 }, []uint32{0, 0, 0}},
		{"nothing at all", func([]uint32) bool { return true }, []uint32{}},
	}
	for _, tt := range tests {
		got := Shrink(taken, length, tt.fails, 1000)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: Shrink() (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestShrink_keepsWhatFails(t *testing.T) {
	t.Parallel()
	taken := []uint32{1, 2, 3, 4}
	got := Shrink(taken, length, func(c []uint32) bool { return slices.Equal(c, taken) }, 1000)
	if !slices.Equal(got, taken) {
		t.Errorf("Shrink() = %v, want %v: nothing less fails", got, taken)
	}
}

func TestShrink_staysWithinItsBudget(t *testing.T) {
	t.Parallel()
	calls := 0
	got := Shrink(make([]uint32, 1000), length, func(c []uint32) bool { calls++; return len(c) > 900 }, 25)
	if calls > 25 {
		t.Errorf("fails was called %d times, want at most 25", calls)
	}
	if len(got) <= 900 {
		t.Errorf("Shrink() returned %d choices, which do not fail", len(got))
	}
}

// What is measured is the text, not the number of choices: fewer choices may make a longer one.
func TestShrink_neverGrows(t *testing.T) {
	t.Parallel()
	size := func(c []uint32) int { return 10 - min(len(c), 9) }
	taken := []uint32{1, 1, 1}
	got := Shrink(taken, size, func([]uint32) bool { return true }, 1000)
	if size(got) > size(taken) {
		t.Errorf("Shrink() = %v of size %d, want at most %d", got, size(got), size(taken))
	}
}
