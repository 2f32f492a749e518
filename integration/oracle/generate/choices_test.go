package generate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChoices_areRepeated(t *testing.T) {
	t.Parallel()
	draw := func(c *Choices) []int {
		var got []int
		for range 50 {
			yes := 0
			if c.Chance(50) {
				yes = 1
			}
			got = append(got, c.N(10), yes, c.Weighted(5, 0, 3), c.N(1))
		}
		return got
	}
	first := Random(1, 2)
	want := draw(first)
	if diff := cmp.Diff(want, draw(Random(1, 2))); diff != "" {
		t.Errorf("the same seed drew other choices (-first +second):\n%s", diff)
	}
	if slices.Equal(want, draw(Random(1, 3))) {
		t.Error("another stream drew the same choices")
	}
	if diff := cmp.Diff(want, draw(Replay(first.Taken()))); diff != "" {
		t.Errorf("replayed choices (-want +got):\n%s", diff)
	}
}

func TestChoices_stayInRangeWhateverIsReplayed(t *testing.T) {
	t.Parallel()
	c := Replay([]uint32{99, 7, 1 << 31})
	if got := c.N(10); got != 9 {
		t.Errorf("N(10) of 99 = %d, want 9", got)
	}
	if got := c.Weighted(1, 1, 1); got != 1 {
		t.Errorf("Weighted of 7 = %d, want 1", got)
	}
	if c.Chance(0) {
		t.Error("Chance of an even choice = true, want false")
	}
	for range 3 {
		if got := c.N(10); got != 0 {
			t.Errorf("N(10) beyond the end = %d, want 0", got)
		}
	}
}

func TestChoices_followWeights(t *testing.T) {
	t.Parallel()
	c := Random(7, 7)
	counts := make([]int, 3)
	for range 10_000 {
		counts[c.Weighted(60, 0, 40)]++
	}
	if counts[1] != 0 || counts[0] < 5700 || counts[0] > 6300 {
		t.Errorf("10,000 draws weighted 60:0:40 gave %v", counts)
	}
}
