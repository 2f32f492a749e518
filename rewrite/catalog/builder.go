package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pgveil/pgveil/policy"
)

// Builder makes a Snapshot of objects that somebody else has read, such as a
// file of definitions, where there is no server to ask. What it does not add is
// not there. One goroutine may use it.
type Builder struct {
	s     *Snapshot
	reach reach
	last  uint32
}

// NewBuilder returns a Builder that knows PostgreSQL's own types.
func NewBuilder() *Builder {
	b := &Builder{s: newSnapshot(), last: 16383}
	builtinTypes(&b.s.types)
	return b
}

func (b *Builder) oid() uint32 {
	b.last++
	return b.last
}

// AddType adds a type of the database's own, such as an enum, and its array.
func (b *Builder) AddType(schema, name string) {
	if _, ok := b.s.types.byName[relationName{schema, name}]; ok {
		return
	}
	elem := b.oid()
	b.s.types.add(schema, Type{OID: elem, Mod: -1, Name: name, Len: -1})
	array := b.oid()
	b.s.types.add(schema, Type{OID: array, Mod: -1, Name: "_" + name, Elem: elem, ElemName: name, Len: -1})
	b.s.types.arrayOf[elem] = array
}

// Type returns the type that a name in pg_type means, with the modifier that
// the arguments give, or its array. A type that nobody added becomes one of the
// schema that is named, or of the first of searchPath: only protected columns
// must have one that pgveil knows.
func (b *Builder) Type(searchPath []string, schema, name string, args []int, array bool) (Type, error) {
	t, ok := b.s.TypeByName(searchPath, schema, name)
	if !ok && schema == "" {
		t, ok = b.s.anyTypeNamed(name)
	}
	if !ok {
		if schema == "" && len(searchPath) > 0 {
			schema = searchPath[0]
		}
		b.AddType(schema, name)
		t, _ = b.s.TypeByName(nil, schema, name)
	}
	mod, err := TypeModifier(t.Name, args)
	if err != nil && t.OID < 16000 { // arguments of an extension's type are its own
		return Type{}, err
	}
	if array {
		if t, ok = b.s.ArrayOf(t.OID); !ok {
			return Type{}, &unknownTypeError{name + "[]"}
		}
	}
	t.Mod = mod
	return t, nil
}

// AddRelation adds a relation and gives it its OID. Its columns get their
// numbers in order. One of the same name is replaced.
func (b *Builder) AddRelation(r *Relation) {
	r.OID = b.oid()
	for i := range r.Columns {
		r.Columns[i].Num = int16(i + 1)
	}
	b.s.add(r)
}

// Lookup finds a relation as [Snapshot.Lookup] does.
func (b *Builder) Lookup(searchPath []string, schema, name string) *Relation {
	return b.s.Lookup(searchPath, schema, name)
}

// AddInheritance says that a relation is a child or a partition of another.
func (b *Builder) AddInheritance(child, parent *Relation) {
	b.reach.inherits = append(b.reach.inherits, inheritance{child: child.OID, parent: parent.OID})
}

// AddFunction adds a function. body is what it runs, empty for one in C;
// rowTypes are the relations whose rows it takes or gives; calls are functions
// that it runs without naming them, as an aggregate does.
func (b *Builder) AddFunction(name, body string, rowTypes []*Relation, calls []string) {
	f := &function{oid: b.oid(), name: name, body: strings.ToLower(body)}
	f.words = words(f.body)
	for _, r := range rowTypes {
		f.rowTypes = append(f.rowTypes, r.OID)
	}
	for _, call := range calls {
		for _, known := range b.reach.functions {
			if known.name == call {
				f.calls = append(f.calls, known.oid)
			}
		}
	}
	b.reach.functions = append(b.reach.functions, f)
}

// AddRule says that a view, or a rule of a relation, uses relations, and
// functions by these names.
func (b *Builder) AddRule(relation *Relation, uses []*Relation, functions map[string]bool) {
	for _, used := range uses {
		if used != relation {
			b.reach.rules = append(b.reach.rules, rule{relation: relation.OID, ref: used.OID})
		}
	}
	for _, f := range b.reach.functions {
		if functions[f.name] {
			b.reach.rules = append(b.reach.rules, rule{relation: relation.OID, ref: f.oid, refIsFunction: true})
		}
	}
}

// Snapshot joins what was added with a policy, as after apply. The Builder must
// not be used any more.
func (b *Builder) Snapshot(pol *policy.Policy) *Snapshot {
	b.s.protect(pol, recorded{})
	b.s.taint(pol, b.reach)
	b.s.finish(pol)
	var all []string
	for _, r := range b.s.relations {
		all = append(all, fmt.Sprintf("%q %q %c %v %q %q", r.Schema, r.Name, r.Kind, r.Columns, r.Tainted, r.Definition))
	}
	slices.Sort(all)
	b.s.Version = fmt.Sprintf("%s %q", pol.Version, all) // AsApplied makes it short
	return b.s.AsApplied()
}

// AsApplied returns the snapshot as it will be once apply has sealed every
// column that the policy names. Where the database is not what the policy needs
// it stays so.
func (s *Snapshot) AsApplied() *Snapshot {
	sum := sha256.Sum256([]byte(s.Version + " as applied"))
	a := &Snapshot{
		Version: hex.EncodeToString(sum[:16]), relations: maps.Clone(s.relations), byOID: maps.Clone(s.byOID),
		types: s.types, tainted: s.tainted, settings: s.settings, problems: s.problems, names: s.names, retyped: &sync.Map{}, functions: s.functions,
	}
	for name, r := range s.relations {
		if !r.Protects() {
			continue
		}
		applied := *r
		applied.Columns = append([]Column(nil), r.Columns...)
		for i := range applied.Columns {
			c := &applied.Columns[i]
			if c.Protected == nil || c.Protected.Ready {
				continue
			}
			p := *c.Protected
			p.Ready = true
			if p.DomainID == "" {
				p.DomainID = p.Column.Domain
			}
			c.Protected, c.Type = &p, a.storedType(p.Logical)
		}
		a.relations[name], a.byOID[r.OID] = &applied, &applied
	}
	return a
}

// String says which column and what, for people.
func (p Problem) String() string { return fmt.Sprintf("%s: %s", p.Column, p.What) }
