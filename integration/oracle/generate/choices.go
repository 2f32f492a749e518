// Package generate writes SQL statements at random, for the oracle to judge.
//
// A [World] is a schema with a policy and data: tables with plain and
// protected columns of many types, some of which share a domain. A [Statement]
// is composed over a World from the constructs of PostgreSQL's SELECT, INSERT,
// UPDATE, DELETE and MERGE. Both are functions of their [Choices] alone: the
// same choices make the same text, and fewer or smaller choices a shorter one,
// which is how [Shrink] finds the least statement that still fails.
//
// Every value that is only ever meant for a protected column bears a mark that
// [World.Leak] recognises in what the server was given to see.
package generate

import (
	"math/rand/v2"
	"slices"
)

// Choices is a source of decisions that remembers them. The decision 0 is
// always the simplest.
type Choices struct {
	random *rand.Rand // nil: replay, then 0 for ever
	replay []uint32
	taken  []uint32
}

// Random returns choices that depend on the seeds alone.
func Random(seed, stream uint64) *Choices {
	return &Choices{random: rand.New(rand.NewPCG(seed, stream))}
}

// Replay returns choices that were taken before. Beyond their end, all are 0.
func Replay(taken []uint32) *Choices { return &Choices{replay: taken} }

// Taken returns a copy of what was decided so far.
func (c *Choices) Taken() []uint32 { return slices.Clone(c.taken) }

// N returns a number from 0 to n-1.
func (c *Choices) N(n int) int {
	return c.decide(n, func(r *rand.Rand) int { return r.IntN(n) })
}

// Chance says yes in so many of a hundred cases.
func (c *Choices) Chance(percent int) bool {
	return c.decide(2, func(r *rand.Rand) int {
		if r.IntN(100) < percent {
			return 1
		}
		return 0
	}) == 1
}

// Weighted returns an index of weights, as often as its weight says.
func (c *Choices) Weighted(weights ...int) int {
	return c.decide(len(weights), func(r *rand.Rand) int {
		sum := 0
		for _, w := range weights {
			sum += w
		}
		at := r.IntN(sum)
		for i, w := range weights {
			if at -= w; at < 0 {
				return i
			}
		}
		return 0
	})
}

func (c *Choices) decide(n int, draw func(*rand.Rand) int) int {
	v := 0
	switch {
	case n <= 1:
		return 0 // nothing to decide, nothing to remember
	case c.random != nil:
		v = draw(c.random)
	case len(c.taken) < len(c.replay):
		v = int(c.replay[len(c.taken)]) % n
	}
	c.taken = append(c.taken, uint32(v))
	return v
}

func pick[T any](c *Choices, of []T) T { return of[c.N(len(of))] }
