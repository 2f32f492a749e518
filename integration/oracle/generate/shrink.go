package generate

// Shrink returns the simplest choices it finds for which fails is still true,
// starting from some for which it is. size is what is made small, for instance
// the length of the text that choices lead to. fails is called at most budget
// times.
func Shrink(taken []uint32, size func([]uint32) int, fails func([]uint32) bool, budget int) []uint32 {
	s := shrinker{best: taken, size: size, fails: fails, budget: budget}
	s.bestSize = size(taken)
	for improved := true; improved && s.budget > 0; {
		improved = false
		for width := max(1, len(s.best)/2); width > 0; width /= 2 {
			improved = s.pass(width, without) || improved
			improved = s.pass(width, zeroed) || improved
		}
		improved = s.pass(1, halved) || improved
	}
	return s.best
}

type shrinker struct {
	best     []uint32
	bestSize int
	size     func([]uint32) int
	fails    func([]uint32) bool
	budget   int
}

// pass applies a change to each run of width choices, from the end.
func (s *shrinker) pass(width int, change func(c []uint32, from, to int) []uint32) bool {
	improved := false
	for from := len(s.best) - width; from >= 0 && s.budget > 0; from -= width {
		if from+width > len(s.best) {
			continue
		}
		improved = s.try(change(s.best, from, from+width)) || improved
	}
	return improved
}

func (s *shrinker) try(c []uint32) bool {
	size := s.size(c)
	if size > s.bestSize || size == s.bestSize && !simpler(c, s.best) {
		return false
	}
	s.budget--
	if !s.fails(c) {
		return false
	}
	s.best, s.bestSize = c, size
	return true
}

func simpler(a, b []uint32) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func without(c []uint32, from, to int) []uint32 {
	return append(append([]uint32{}, c[:from]...), c[to:]...)
}

func zeroed(c []uint32, from, to int) []uint32 {
	out := append([]uint32{}, c...)
	clear(out[from:to])
	return out
}

func halved(c []uint32, from, to int) []uint32 {
	out := append([]uint32{}, c...)
	for i := from; i < to; i++ {
		out[i] /= 2
	}
	return out
}
