package catalog

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pgveil/pgveil/policy"
)

// Snapshot is a database's catalog at one moment, joined with the policy and
// with what apply recorded. It is immutable; any number of goroutines may use it.
type Snapshot struct {
	// Version changes whenever anything that a plan depends on has changed, and
	// equals what the function Version says of the same state.
	Version string

	relations map[relationName]*Relation
	byOID     map[uint32]*Relation
	types     typeTable
	// tainted are functions by name, with the reason.
	tainted map[string]string
	// settings are functions by name that may change session settings.
	settings map[string]struct{}
	// added are functions, operators and casts that are not PostgreSQL's own.
	added    map[addedName]struct{}
	locale   Locale
	problems []Problem
	names    map[string]struct{}
	// functions are the user's, kept for overlays.
	functions []*function

	// own are the relations of an overlay, which go before those of the database;
	// nil in a snapshot of the database.
	own      map[relationName]*Relation
	ownByOID map[uint32]*Relation

	// retyped remembers what Retyped returned. It is a cache, not a part of what
	// the snapshot says, and overlays share it.
	retyped *sync.Map
}

type relationName struct{ schema, name string }

// Problem is a place where the database is not what the policy needs.
// Statements that reach the table are refused while it lasts.
type Problem struct {
	// Column is what the policy says.
	Column *policy.Column
	// What is wrong, in a few words that fit behind "cannot use … because".
	What string
}

const (
	systemSchema = "pg_catalog"
	tempAlias    = "pg_temp"
	tempPrefix   = "pg_temp_"
)

func newSnapshot() *Snapshot {
	return &Snapshot{
		relations: map[relationName]*Relation{},
		byOID:     map[uint32]*Relation{},
		types:     newTypeTable(),
		tainted:   map[string]string{},
		settings:  map[string]struct{}{},
		names:     map[string]struct{}{},
		retyped:   &sync.Map{},
		added:     map[addedName]struct{}{},
	}
}

// schemas yields the schemas in which a name is looked for. searchPath is the
// effective one, as current_schemas(true) reports it; a path without
// pg_catalog is searched behind it, as PostgreSQL does.
func schemas(searchPath []string, schema string) iter.Seq[string] {
	return func(yield func(string) bool) {
		switch {
		case schema == tempAlias:
			for _, s := range searchPath {
				if strings.HasPrefix(s, tempPrefix) {
					yield(s)
					return
				}
			}
			return
		case schema != "":
			yield(schema)
			return
		}
		if !slices.Contains(searchPath, systemSchema) && !yield(systemSchema) {
			return
		}
		for _, s := range searchPath {
			if !yield(s) {
				return
			}
		}
	}
}

// Lookup returns the relation that a name in a statement means, or nil. With
// schema "" it is the first one along searchPath, which is what
// current_schemas(true) gives in the session; pg_temp is the session's own
// temporary schema.
func (s *Snapshot) Lookup(searchPath []string, schema, name string) *Relation {
	for at := range schemas(searchPath, schema) {
		if r, ok := s.own[relationName{at, name}]; ok {
			return r
		}
		if r, ok := s.relations[relationName{at, name}]; ok && s.ownByOID[r.OID] == nil {
			return r
		}
	}
	return nil
}

// Relation returns the relation of an OID, or nil.
func (s *Snapshot) Relation(oid uint32) *Relation {
	if r, ok := s.ownByOID[oid]; ok {
		return r
	}
	return s.byOID[oid]
}

// Relations yields every relation of the database, in no order.
func (s *Snapshot) Relations() iter.Seq[*Relation] { return maps.Values(s.relations) }

// TaintedFunction reports whether any function of this name, in whatever
// schema, reaches a protected relation, and why that is thought.
func (s *Snapshot) TaintedFunction(name string) (reason string, ok bool) {
	reason, ok = s.tainted[name]
	return reason, ok
}

// TaintedFunctions yields every such function with its reason.
func (s *Snapshot) TaintedFunctions() iter.Seq2[string, string] { return maps.All(s.tainted) }

// SettingFunctions yields the names of functions that may change settings of
// the session, beside set_config.
func (s *Snapshot) SettingFunctions() iter.Seq[string] { return maps.Keys(s.settings) }

// Names yields every identifier that a statement cannot contain without being
// looked at: protected relations, tables of the policy that do not exist yet,
// tainted relations and tainted functions. Of an overlay it yields those that
// the snapshot beneath does not have.
func (s *Snapshot) Names() iter.Seq[string] { return maps.Keys(s.names) }

// Problems says where the database is not what the policy needs.
func (s *Snapshot) Problems() []Problem { return s.problems }

func (s *Snapshot) add(r *Relation) {
	r.byName = make(map[string]int, len(r.Columns))
	for i := range r.Columns {
		r.byName[r.Columns[i].Name] = i
	}
	s.relations[relationName{r.Schema, r.Name}] = r
	s.byOID[r.OID] = r
}

// finish collects the names, when all relations and taints are known.
func (s *Snapshot) finish(pol *policy.Policy) {
	for _, t := range pol.Tables {
		s.names[t.Name] = struct{}{}
	}
	for _, r := range s.relations {
		if r.Tainted != "" || r.Protects() {
			s.names[r.Name] = struct{}{}
		}
	}
	for name := range s.tainted {
		s.names[name] = struct{}{}
	}
}
