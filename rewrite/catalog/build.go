package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pgveil/pgveil/policy"
)

// Build makes a Snapshot from a text, for tests that have no database. Each
// line is a relation, a function or a comment:
//
//	public.res_partner(id int4 not null default, name varchar(100), birthdate date)
//	view public.adults(id int4, name varchar) tainted it is a view over public.res_partner as SELECT id, name FROM public.res_partner
//	tainted function find_partner its body names res_partner
//	setting function become
//	added function lower
//	replaced public.res_partner res_partner_code_key UNIQUE (code)
//	diverted public.adults it has INSTEAD OF triggers
//	# a comment
//
// A relation is a table unless the line begins with view, matview, foreign,
// partitioned or sequence. Behind a column's type may stand `not null`,
// `default`, `draws` (a default from a sequence), `generated`, and `sealing` for a protected column whose rows are
// not all sealed. A protected column gets the type of the line as its logical
// type and is stored as apply would store it; its domain's identifier is the
// name in the policy.
func Build(pol *policy.Policy, text string) (*Snapshot, error) {
	s := newSnapshot()
	builtinTypes(&s.types)
	sum := sha256.Sum256([]byte(pol.Version + "\x00" + text))
	s.Version = hex.EncodeToString(sum[:16])

	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "--") {
			continue
		}
		if err := s.buildLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	s.protectBuilt(pol)
	s.finish(pol)
	return s, nil
}

// sealingMark is set on built columns between parsing and protecting them.
const sealingMark = " sealing"

func (s *Snapshot) buildLine(line string) error {
	if rest, ok := strings.CutPrefix(line, "tainted function "); ok {
		name, reason, _ := strings.Cut(rest, " ")
		s.tainted[name] = reason
		return nil
	}
	if rest, ok := strings.CutPrefix(line, "added "); ok {
		kind, name, _ := strings.Cut(rest, " ")
		s.added[addedName{kind, name}] = struct{}{}
		return nil
	}
	if rest, ok := strings.CutPrefix(line, "setting function "); ok {
		s.settings[rest] = struct{}{}
		return nil
	}

	if rest, ok := strings.CutPrefix(line, "replaced "); ok {
		words := strings.SplitN(rest, " ", 3)
		if len(words) != 3 {
			return fmt.Errorf("%q is not replaced schema.table name definition", line)
		}
		schema, table, _ := strings.Cut(words[0], ".")
		s.replace(replaced{schema: schema, table: table, name: words[1], definition: words[2]})
		return nil
	}

	if rest, ok := strings.CutPrefix(line, "diverted "); ok {
		return s.buildDiverted(rest)
	}

	head, rest, ok := strings.Cut(line, "(")
	end := strings.LastIndex(rest, ")")
	if !ok || end < 0 {
		return fmt.Errorf("%q is not schema.name(column type, …)", line)
	}
	r := &Relation{OID: uint32(16384 + 8*len(s.relations)), Kind: 'r'}
	words := strings.Fields(head)
	if len(words) == 2 {
		kinds := map[string]byte{"table": 'r', "view": 'v', "matview": 'm', "foreign": 'f', "partitioned": 'p', "sequence": 'S'}
		if r.Kind, ok = kinds[words[0]]; !ok {
			return fmt.Errorf("%q is not a kind of relation", words[0])
		}
		words = words[1:]
	}
	if len(words) != 1 {
		return fmt.Errorf("%q is not schema.name", head)
	}
	if r.Schema, r.Name, ok = strings.Cut(words[0], "."); !ok {
		r.Schema, r.Name = "public", words[0]
	}
	columns, reason := rest[:end], strings.TrimSpace(rest[end+1:])
	// A reason may have parentheses of its own.
	if before, after, ok := strings.Cut(rest, ") tainted "); ok {
		columns, reason = before, "tainted "+after
	}
	if reason != "" {
		if r.Tainted, ok = strings.CutPrefix(reason, "tainted "); !ok {
			return fmt.Errorf("%q behind the columns", reason)
		}
		r.Tainted, r.Definition, _ = strings.Cut(r.Tainted, " as ")
	}
	for i, text := range splitColumns(columns) {
		c, err := s.buildColumn(text)
		if err != nil {
			return err
		}
		c.Num = int16(i + 1)
		r.Columns = append(r.Columns, c)
	}
	s.add(r)
	return nil
}

func (s *Snapshot) buildDiverted(rest string) error {
	name, why, _ := strings.Cut(rest, " ")
	schema, view, _ := strings.Cut(name, ".")
	r := s.relations[relationName{schema, view}]
	if r == nil {
		return fmt.Errorf("diverted: no relation %q stands above", name)
	}
	r.Diverted = why
	return nil
}

// splitColumns splits at commas outside parentheses.
func splitColumns(text string) []string {
	var columns []string
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				columns = append(columns, text[start:i])
				start = i + 1
			}
		}
	}
	if strings.TrimSpace(text[start:]) != "" {
		columns = append(columns, text[start:])
	}
	return columns
}

func (s *Snapshot) buildColumn(text string) (Column, error) {
	var c Column
	sealing := false
	text = strings.TrimSpace(text)
	for trimmed := true; trimmed; {
		trimmed = false
		for word, set := range map[string]*bool{
			" not null": &c.NotNull, " default": &c.HasDefault, " generated": &c.Generated, " draws": &c.Draws, sealingMark: &sealing,
		} {
			if before, ok := strings.CutSuffix(text, word); ok {
				text, *set, trimmed = before, true, true
			}
		}
	}
	name, typ, ok := strings.Cut(text, " ")
	if !ok {
		return c, fmt.Errorf("column %q has no type", text)
	}
	c.Name = name
	var err error
	if c.Type, err = s.resolve(typ); err != nil {
		return c, fmt.Errorf("column %q: %w", name, err)
	}
	c.Protected = &Protected{Ready: !sealing}
	return c, nil
}

// protectBuilt turns the marks that buildColumn left into what the policy says.
func (s *Snapshot) protectBuilt(pol *policy.Policy) {
	for _, r := range s.relations {
		for i := range r.Columns {
			c := &r.Columns[i]
			mark := c.Protected
			c.Protected = nil
			said := policyColumn(pol, r.Schema, r.Name, c.Name)
			if said == nil {
				continue
			}
			mark.Column, mark.Logical, mark.DomainID = said, c.Type, said.Domain
			c.Protected = mark
			c.Type = s.storedType(c.Type)
		}
	}
	for _, t := range pol.Tables {
		r := s.relations[relationName{t.Schema, t.Name}]
		if r == nil {
			continue
		}
		for _, c := range t.Columns {
			if r.Column(c.Name) == nil {
				s.problem(c, r, "the column does not exist")
			}
		}
	}
}

func policyColumn(pol *policy.Policy, schema, table, name string) *policy.Column {
	for _, t := range pol.Tables {
		if t.Schema != schema || t.Name != table {
			continue
		}
		for _, c := range t.Columns {
			if c.Name == name {
				return c
			}
		}
	}
	return nil
}

// problem records what is wrong and closes the relation, if there is one.
func (s *Snapshot) problem(c *policy.Column, r *Relation, what string) {
	s.problems = append(s.problems, Problem{Column: c, What: what})
	if r != nil && r.Tainted == "" {
		r.Tainted = "column " + c.Name + ": " + what
	}
}

// storedType is the type in which a sealed column of this type is stored.
func (s *Snapshot) storedType(logical Type) Type {
	if logical.StoredAsIs() {
		return logical
	}
	name := "text"
	if logical.Elem == 0 && logical.Name == "varchar" {
		name = "varchar"
	}
	t, _ := s.TypeByName(nil, systemSchema, name)
	return t
}
