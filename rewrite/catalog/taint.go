package catalog

import (
	"slices"

	"github.com/pgveil/pgveil/policy"
)

// taint closes every relation and function that leads to a protected relation.
// Each round looks along all edges, until a round finds nothing new.
func (s *Snapshot) taint(pol *policy.Policy, all reach) {
	s.taintFamilies(all.inherits)

	t := &tainter{Snapshot: s, reached: map[uint32]string{}, tainted: map[uint32]bool{}, names: map[string]string{}}
	for _, table := range pol.Tables {
		t.names[table.Name] = table.Schema + "." + table.Name
	}
	for oid, r := range s.byOID {
		if r.Tainted != "" || r.Protects() {
			t.reach(oid, r)
		}
	}
	for t.again = true; t.again; {
		t.again = false
		for _, f := range all.functions {
			t.function(f)
		}
		for _, r := range all.rules {
			t.rule(r)
		}
	}
	s.findSettings(all.functions)
	s.functions = all.functions
}

// taintFamilies closes protected tables that have partitions, parents or
// children, and those with them: their rows are also rows of the others.
func (s *Snapshot) taintFamilies(inherits []inheritance) {
	next := map[uint32][]uint32{}
	for _, i := range inherits {
		next[i.child] = append(next[i.child], i.parent)
		next[i.parent] = append(next[i.parent], i.child)
	}
	for oid, r := range s.byOID {
		if !r.Protects() && r.Tainted == "" || len(next[oid]) == 0 {
			continue
		}
		todo := []uint32{oid}
		for seen := map[uint32]bool{oid: true}; len(todo) > 0; todo = todo[1:] {
			if member := s.byOID[todo[0]]; member != nil && member.Tainted == "" {
				member.Tainted = "it shares rows by inheritance with " + r.Schema + "." + r.Name
				if member == r {
					member.Tainted = "it has partitions, parents or children"
				}
			}
			for _, n := range next[todo[0]] {
				if !seen[n] {
					seen[n] = true
					todo = append(todo, n)
				}
			}
		}
	}
}

type tainter struct {
	*Snapshot

	// reached are the relations that lead to something protected, with their
	// names for people; tainted are functions.
	reached map[uint32]string
	tainted map[uint32]bool
	// names are the identifiers that a function's body must not have.
	names map[string]string
	again bool
}

func (t *tainter) reach(oid uint32, r *Relation) {
	t.reached[oid] = r.Schema + "." + r.Name
	t.names[r.Name] = t.reached[oid]
	t.again = true
}

func (t *tainter) rule(r rule) {
	relation := t.byOID[r.relation]
	if relation == nil || relation.Tainted != "" {
		return
	}
	over, ok := t.reached[r.ref]
	what := "a view over "
	if r.refIsFunction {
		over, ok = "a function that reaches a protected table", t.tainted[r.ref]
	}
	if !ok {
		return
	}
	if relation.Kind != 'v' && relation.Kind != 'm' {
		what = "a relation with a rule on "
	}
	relation.Tainted = "it is " + what + over
	t.reach(r.relation, relation)
}

func (t *tainter) function(f *function) {
	if t.tainted[f.oid] {
		return
	}
	reason := t.whyTainted(f)
	if reason == "" {
		return
	}
	t.tainted[f.oid], t.again = true, true
	t.names[f.name] = "function " + f.name
	if _, ok := t.Snapshot.tainted[f.name]; !ok {
		t.Snapshot.tainted[f.name] = reason
	}
}

func (t *tainter) whyTainted(f *function) string {
	for _, oid := range f.rowTypes {
		if name, ok := t.reached[oid]; ok {
			return "it takes or gives rows of " + name
		}
	}
	if slices.ContainsFunc(f.calls, func(oid uint32) bool { return t.tainted[oid] }) {
		return "it is an aggregate over a function that reaches a protected table"
	}
	if f.hidesNames() {
		return "its body has identifiers with Unicode escapes"
	}
	first := "" // in the order of the alphabet, so that the same catalog always gives the same reason
	for name, shown := range t.names {
		if f.namesIdentifier(name) && (first == "" || shown < first) {
			first = shown
		}
	}
	if first == "" {
		return ""
	}
	return "its body names " + first
}

// findSettings collects the functions that may change settings, themselves or
// through one that they call.
func (s *Snapshot) findSettings(functions []*function) {
	for again := true; again; {
		again = false
		for _, f := range functions {
			if _, ok := s.settings[f.name]; ok {
				continue
			}
			changes := f.changesSettings()
			for name := range s.settings {
				changes = changes || f.namesIdentifier(name)
			}
			if changes {
				s.settings[f.name] = struct{}{}
				again = true
			}
		}
	}
}
