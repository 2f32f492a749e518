package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Own is a relation that a session sees for itself: a temporary one, or one
// that its open transaction has made or changed, which the service user cannot
// see yet. It is as the session's own connection described it.
type Own struct {
	OID     uint32      `json:"oid"`
	Schema  string      `json:"schema"`
	Name    string      `json:"name"`
	Kind    string      `json:"kind"`
	Columns []OwnColumn `json:"columns"`
	// Definition is the query of a view, in which names are as the session's
	// search path has them; Relations and Functions are what it depends on.
	Definition string   `json:"definition"`
	Relations  []uint32 `json:"relations"`
	Functions  []string `json:"functions"`
	// Rules and Triggers say that it has such of its own.
	Rules    bool `json:"rules"`
	Triggers bool `json:"triggers"`
	// Sealed are its columns by attnum, from 1, where they hold sealed values:
	// what the statement that made it copied. It may be shorter than Columns.
	Sealed []*Protected `json:"-"`
	// Tainted says why it may not be used, empty for most.
	Tainted string `json:"-"`
}

// OwnColumn is a column of such a relation.
type OwnColumn struct {
	Num        int16  `json:"num"`
	Name       string `json:"name"`
	Type       uint32 `json:"type"`
	Mod        int32  `json:"mod"`
	NotNull    bool   `json:"not_null"`
	HasDefault bool   `json:"has_default"`
	Generated  bool   `json:"generated"`
}

// Overlay returns the snapshot as the session sees it that owns these
// relations. It shares everything else with s, the snapshot of the database.
func (s *Snapshot) Overlay(own []Own) *Snapshot {
	o := &Snapshot{
		relations: s.relations, byOID: s.byOID, types: s.types, tainted: s.tainted, settings: s.settings,
		problems: s.problems, functions: s.functions, retyped: s.retyped, added: s.added, locale: s.locale,
		own: map[relationName]*Relation{}, ownByOID: map[uint32]*Relation{}, names: map[string]struct{}{},
	}
	sum := sha256.New()
	for i := range own {
		o.addOwn(&own[i])
		described, _ := json.Marshal(&own[i]) // plain data
		fmt.Fprintf(sum, "%s %q", described, own[i].Tainted)
		for _, p := range own[i].Sealed {
			if p != nil {
				fmt.Fprintf(sum, "%s %v", p.Column, p.Logical)
			}
			sum.Write([]byte{0})
		}
	}
	o.Version = s.Version + "+" + hex.EncodeToString(sum.Sum(nil)[:16])
	o.taintOwn(own)
	return o
}

func (s *Snapshot) addOwn(from *Own) {
	r := &Relation{
		OID: from.OID, Schema: from.Schema, Name: from.Name, Tainted: from.Tainted,
		Own: true, Temporary: IsTemporary(from.Schema), byName: make(map[string]int, len(from.Columns)),
	}
	if from.Kind != "" {
		r.Kind = from.Kind[0]
	}
	for _, c := range from.Columns {
		column := Column{Name: c.Name, Num: c.Num, NotNull: c.NotNull, HasDefault: c.HasDefault, Draws: c.HasDefault, Generated: c.Generated}
		column.Type = s.types.byOID[c.Type]
		column.Type.OID, column.Type.Mod = c.Type, c.Mod
		if n := int(c.Num); n >= 1 && n <= len(from.Sealed) {
			column.Protected = from.Sealed[n-1]
		}
		r.byName[c.Name] = len(r.Columns)
		r.Columns = append(r.Columns, column)
	}
	s.own[relationName{r.Schema, r.Name}] = r
	s.ownByOID[r.OID] = r
}

// taintOwn closes the views among the session's own relations that lead to
// something protected, and the functions whose bodies name what only this
// session has sealed values in, until there are no more.
func (s *Snapshot) taintOwn(own []Own) {
	s.tainted = maps.Clone(s.tainted)
	for again := true; again; {
		again = false
		for i := range own {
			again = s.taintView(&own[i]) || again
		}
		for _, r := range s.own {
			if r.Tainted != "" || r.Protects() {
				s.names[r.Name] = struct{}{}
			}
		}
		for _, f := range s.functions {
			again = s.taintFunction(f) || again
		}
	}
}

// taintView closes a view that leads to something protected.
func (s *Snapshot) taintView(view *Own) bool {
	r := s.ownByOID[view.OID]
	over := s.leadsTo(view)
	if r.Definition != "" || over == "" {
		return false
	}
	r.Definition = strings.TrimRight(view.Definition, "; \n")
	if r.Tainted == "" {
		r.Tainted = "it is a view over " + over
	}
	switch {
	case view.Triggers:
		r.Diverted = "it has triggers"
	case view.Rules:
		r.Diverted = "it has rules"
	}
	return true
}

// taintFunction closes a function that names one of the session's own.
func (s *Snapshot) taintFunction(f *function) bool {
	if _, ok := s.tainted[f.name]; ok || len(s.names) == 0 {
		return false
	}
	names := slices.Sorted(maps.Keys(s.names))
	i := slices.IndexFunc(names, f.namesIdentifier)
	if i < 0 {
		return false
	}
	s.tainted[f.name] = "its body names " + names[i]
	s.names[f.name] = struct{}{}
	return true
}

// leadsTo returns what protected thing a view is over, "" for none.
func (s *Snapshot) leadsTo(view *Own) string {
	if view.Definition == "" {
		return ""
	}
	for _, oid := range view.Relations {
		if r := s.Relation(oid); r != nil && oid != view.OID && (r.Tainted != "" || r.Protects()) {
			return r.Schema + "." + r.Name
		}
	}
	for _, name := range view.Functions {
		if _, ok := s.TaintedFunction(name); ok {
			return "a function that reaches a protected table"
		}
	}
	return ""
}

// OwnNames yields the names of the session's own relations, and of the
// functions that only they close.
func (s *Snapshot) OwnNames() map[string]struct{} {
	names := maps.Clone(s.names)
	for name := range s.own {
		names[name.name] = struct{}{}
	}
	return names
}

// Current returns what a protected column is in this snapshot, where p may
// come from an older one, nil if values that were sealed for p are not values
// of it any more.
func (s *Snapshot) Current(p *Protected) *Protected {
	r := s.relations[relationName{p.Column.Schema, p.Column.Table}]
	if r == nil {
		return nil
	}
	c := r.Column(p.Column.Name)
	if c == nil || c.Protected == nil {
		return nil
	}
	now := c.Protected
	if now.DomainID != p.DomainID || now.Column.Search != p.Column.Search || now.Column.Pad != p.Column.Pad ||
		now.Column.Keyset != p.Column.Keyset {
		return nil
	}
	return s.Retyped(now, p.Logical)
}

// IsTemporary says that a schema's name is that of a session's temporary one.
func IsTemporary(schema string) bool {
	return schema == tempAlias || strings.HasPrefix(schema, tempPrefix)
}
