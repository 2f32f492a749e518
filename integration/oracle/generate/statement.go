package generate

import (
	"slices"
	"strings"

	"github.com/pgveil/pgveil/integration/oracle"
)

// Statement is one that was generated, or several that belong together.
type Statement struct {
	// Steps are sent one after the other in one session.
	Steps []Step
	// User runs it: [Clerk], [Outsider], or "" for who may read everything.
	User string
	// Writes says that it may change tables.
	Writes bool
	// TextOnly says that its results cannot be compared in binary, as they hold
	// OIDs that every server gives out for itself.
	TextOnly bool
	// Constructs are what it is made of.
	Constructs []string
	// Taken are the choices that make it again.
	Taken []uint32
}

// Step is what is sent at once.
type Step struct {
	oracle.Statement
	// Ordered says that the order of its rows is decided.
	Ordered bool
	// Explains says that its rows are those of EXPLAIN.
	Explains bool
	// Output is what its columns are, where that is known.
	Output []Sort
	// Hidden says that its user must not see a protected value in it, in whatever form.
	Hidden bool
}

// String returns all of its steps.
func (s Statement) String() string {
	var b strings.Builder
	for i, step := range s.Steps {
		if i > 0 {
			b.WriteString(";\n")
		}
		b.WriteString(step.String())
	}
	return b.String()
}

// step ends what is sent at once, with the parameters that it took.
func (s *statement) step(sql string) *Step {
	step := Step{Statement: oracle.Statement{SQL: sql, Params: s.params}}
	if s.declared {
		for _, sort := range s.sorts {
			step.Types = append(step.Types, oidOf(sort))
		}
	}
	if len(s.params) > 0 {
		s.tag("parameters")
	}
	s.params, s.sorts, s.ctes = nil, nil, slices.Clone(s.made)
	s.steps = append(s.steps, step)
	return &s.steps[len(s.steps)-1]
}

// Statement writes the statement that choices lead to.
func (w *World) Statement(c *Choices) Statement {
	const depth = 2
	s := &statement{Choices: c, w: w, useParams: c.Chance(35), wild: c.Chance(15)}
	s.declared = s.useParams && s.Chance(25)
	if s.declared {
		s.tag("parameters of declared types")
	}
	out := Statement{}
	switch s.Weighted(50, 28, 2, 14, 6) {
	case 1:
		s.step(s.write(depth))
		out.Writes = true
	case 2:
		s.tag("EXPLAIN")
		s.explain(depth)
	case 3:
		s.session()
		out.Writes = true
	case 4:
		out.User = s.asRole()
	default:
		text, ordered := s.selection(depth)
		s.step(text).Ordered = ordered
	}
	for _, tag := range s.tags {
		out.Writes = out.Writes || strings.HasPrefix(tag, "data-modifying")
	}
	out.Steps, out.Constructs, out.TextOnly, out.Taken = s.steps, s.tags, s.textOnly, c.Taken()
	return out
}

func (s *statement) explain(depth int) {
	options := pick(s.Choices, []string{"(COSTS OFF)", "(VERBOSE, COSTS OFF)", "(ANALYZE, TIMING OFF, SUMMARY OFF)", "(FORMAT json)", ""})
	var text string
	if s.Chance(25) && !strings.Contains(options, "ANALYZE") {
		s.tag("EXPLAIN of a write")
		text = s.write(depth)
	} else {
		text, _ = s.selection(depth)
	}
	s.step("EXPLAIN " + options + " " + text).Explains = true
}

// oidOf returns the OID of a type that is PostgreSQL's own, 0 for others.
func oidOf(sort Sort) uint32 {
	oids := map[Type]uint32{
		Text: 25, Varchar: 1043, Short: 1043, Int4: 23, Int8: 20, Numeric: 1700, Date: 1082, Timestamp: 1114, Timestamptz: 1184,
		Bool: 16, UUID: 2950, JSONB: 3802, Float8: 701, TextArray: 1009, "int4[]": 1007, "date[]": 1182, "int8[]": 1016,
	}
	return oids[sort.Type]
}
