package eval

import (
	"slices"

	"github.com/pgveil/pgveil/envelope/canon"
)

// A routine is one function or operator of a name. Where PostgreSQL has it and
// this package does not compute it, run is nil: it takes part in the choice,
// and is refused if it wins.
type routine struct {
	name   string
	args   []canon.Kind
	result canon.Kind
	// variadic says that the last argument may be repeated.
	variadic bool
	// lax says that it takes NULLs; a routine is strict by default.
	lax bool
	run func(*Settings, []Value) (Value, error)
}

// takes returns the kinds of a call with n arguments, nil if there is none.
func (r *routine) takes(n int) []canon.Kind {
	switch {
	case len(r.args) == n:
		return r.args
	case !r.variadic || n < len(r.args):
		return nil
	}
	kinds := slices.Clone(r.args)
	for len(kinds) < n {
		kinds = append(kinds, r.args[len(r.args)-1])
	}
	return kinds
}

// A candidate is a routine as a call would use it.
type candidate struct {
	*routine
	kinds []canon.Kind
}

// choose picks the routine that PostgreSQL would call for operands of these
// kinds: func_get_detail and func_select_candidate of parse_func.c. The second
// result says that there were several to choose from.
func choose(all []*routine, given []canon.Kind) (chosen *candidate, several bool) {
	var list []*candidate
	for _, r := range all {
		kinds := r.takes(len(given))
		if kinds == nil {
			continue
		}
		if slices.Equal(kinds, given) {
			return &candidate{r, kinds}, false
		}
		if fits(kinds, given) {
			list = append(list, &candidate{r, kinds})
		}
	}
	if len(list) > 1 {
		list = narrow(list, given)
	}
	if len(list) == 1 {
		return list[0], false
	}
	return nil, len(list) > 1
}

// fits says that the operands can be converted implicitly.
func fits(kinds, given []canon.Kind) bool {
	for i, k := range kinds {
		if !implicitly(given[i], k) {
			return false
		}
	}
	return true
}

// narrow goes through PostgreSQL's rules one by one; each keeps the candidates
// that suit best.
func narrow(list []*candidate, given []canon.Kind) []*candidate {
	list = best(list, func(c *candidate) int {
		return count(given, func(i int) bool { return given[i] != unknown && c.kinds[i] == given[i] })
	})
	if len(list) == 1 {
		return list
	}
	list = best(list, func(c *candidate) int {
		return count(given, func(i int) bool {
			return given[i] != unknown && (c.kinds[i] == given[i] || category(c.kinds[i]) == category(given[i]) && preferred(c.kinds[i]))
		})
	})
	if len(list) == 1 || !slices.Contains(given, unknown) {
		return list
	}
	list = byCategory(list, given)
	if len(list) == 1 {
		return list
	}
	return assumeAlike(list, given)
}

func count(given []canon.Kind, suits func(int) bool) (n int) {
	for i := range given {
		if suits(i) {
			n++
		}
	}
	return n
}

// best keeps the candidates with the highest score.
func best(list []*candidate, score func(*candidate) int) []*candidate {
	var kept []*candidate
	top := -1
	for _, c := range list {
		switch s := score(c); {
		case s > top:
			top, kept = s, []*candidate{c}
		case s == top:
			kept = append(kept, c)
		}
	}
	return kept
}

// byCategory decides of what category the operands of unknown type are: string
// if any candidate takes one there, else what all candidates take.
func byCategory(list []*candidate, given []canon.Kind) []*candidate {
	categories := make([]byte, len(given))
	wantPreferred := make([]bool, len(given))
	for i, k := range given {
		if k != unknown {
			continue
		}
		conflict := false
		for _, c := range list {
			cat, pref := category(c.kinds[i]), preferred(c.kinds[i])
			switch {
			case categories[i] == 0:
				categories[i], wantPreferred[i] = cat, pref
			case categories[i] == cat:
				wantPreferred[i] = wantPreferred[i] || pref
			case cat == 'S':
				categories[i], wantPreferred[i] = cat, pref
			case categories[i] != 'S':
				conflict = true
			}
		}
		if conflict && categories[i] != 'S' {
			return list
		}
	}
	var kept []*candidate
	for _, c := range list {
		suits := true
		for i, k := range given {
			if k == unknown {
				suits = suits && category(c.kinds[i]) == categories[i] && (!wantPreferred[i] || preferred(c.kinds[i]))
			}
		}
		if suits {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return list
	}
	return kept
}

// assumeAlike takes the operands of unknown type to be of the one type that
// all others have.
func assumeAlike(list []*candidate, given []canon.Kind) []*candidate {
	known := canon.Unsupported
	for _, k := range given {
		switch {
		case k == unknown:
		case known == unknown:
			known = k
		case known != k:
			return list
		}
	}
	if known == unknown {
		return list
	}
	alike := make([]canon.Kind, len(given))
	for i := range alike {
		alike[i] = known
	}
	var kept []*candidate
	for _, c := range list {
		if fits(c.kinds, alike) {
			kept = append(kept, c)
		}
	}
	if len(kept) == 1 {
		return kept
	}
	return list
}

// chooseOperator picks an operator: oper and left_oper of parse_oper.c. An
// operand of unknown type is first taken to be of the other's type.
func chooseOperator(all []*routine, given []canon.Kind) (chosen *candidate, several bool) {
	if len(given) == 2 && given[0] != given[1] {
		alike := slices.Clone(given)
		switch {
		case given[0] == unknown:
			alike[0] = given[1]
		case given[1] == unknown:
			alike[1] = given[0]
		}
		for _, r := range all {
			if slices.Equal(r.args, alike) {
				return &candidate{r, r.args}, false
			}
		}
	}
	return choose(all, given)
}
