package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a file, and where.
type Problem struct {
	// File is the name that was given to [Parse].
	File string
	// Line and Column count from 1; 0 where File is not a file but a flag or a
	// variable of the environment.
	Line, Column int
	// Path leads to the value, e.g. tables.res_partner.phone.search[0]. It is
	// empty for the file as a whole.
	Path string
	// Why says what is wrong; Hint, which may be empty, what to write instead.
	Why, Hint string
	// Known are the keys that could have stood here, where the key was unknown.
	Known []string
}

// String returns the problem on one line: file:line:column: path: why (hint).
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	} else {
		b.WriteString(p.File + ": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Why)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems is everything that is wrong in a file, by position.
type Problems []Problem

// Error returns the problems, one on each line.
func (p *Problems) Error() string {
	lines := make([]string, len(*p))
	for i, problem := range *p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) sort() {
	slices.SortStableFunc(*p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// OneOf lists words for a person: a, b or c.
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Suggest returns a hint that leads from a mistyped word to a known one: the
// nearest if there is one near, else all of them.
func Suggest(word string, known []string) string {
	best, distance := "", min(len(word)/4+2, len(word))
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) > 0:
		return "known here: " + OneOf(known)
	default:
		return ""
	}
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours that lead from a to b.
func editDistance(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := row[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			next[j] = min(row[j]+1, next[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
