package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// writer writes a policy as a person could: mappings over lines or in braces,
// words in quotes or not, short forms where they mean the same.
type writer struct {
	t *rapid.T
	b strings.Builder
}

func (w *writer) flip(what string) bool { return rapid.Bool().Draw(w.t, what) }

// pair is a key with the text of its value, or with what is written below it.
type pair struct {
	key, value string
	below      []pair
}

func (w *writer) write(pairs []pair, indent string) {
	for _, p := range pairs {
		w.b.WriteString(indent + w.key(p.key) + ":")
		switch {
		case p.below == nil:
			w.b.WriteString(" " + p.value + "\n")
		case len(p.below) == 0 || w.flip("flow"):
			w.b.WriteString(" " + w.flow(p.below) + "\n")
		default:
			w.b.WriteString("\n")
			w.write(p.below, indent+"  ")
		}
	}
}

func (w *writer) flow(pairs []pair) string {
	var parts []string
	for _, p := range pairs {
		value := p.value
		if p.below != nil {
			value = w.flow(p.below)
		}
		parts = append(parts, w.key(p.key)+": "+value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (w *writer) key(name string) string {
	if name == "*" || w.flip("quoted key") {
		return strconv.Quote(name)
	}
	return name
}

func (w *writer) texts(all []string) string {
	var parts []string
	for _, s := range all {
		parts = append(parts, strconv.Quote(s))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (w *writer) policy(p *Policy) string {
	roles, tables := []pair{}, []pair{}
	for _, r := range p.Roles {
		roles = append(roles, pair{key: r.Name, below: w.role(r)})
	}
	for _, t := range p.Tables {
		columns := []pair{}
		for _, c := range t.Columns {
			columns = append(columns, pair{key: c.Name, below: w.column(c)})
		}
		name := t.Name
		if t.Schema != "public" || w.flip("schema") {
			name = t.Schema + "." + name
		}
		tables = append(tables, pair{key: name, below: columns})
	}
	top := []pair{
		{key: "version", value: "1"}, {key: "roles", below: roles}, {key: "tables", below: tables},
		{key: "access", below: w.access(p.Default)},
		{key: "limits", below: []pair{{key: "dictionary", value: strconv.Itoa(p.Limits.Dictionary)}}},
	}
	w.write(rapid.Permutation(top).Draw(w.t, "order"), "")
	return w.b.String()
}

func (w *writer) role(r Role) []pair {
	pairs := []pair{{key: "users", value: w.texts(r.Users)}, {key: "member_of", value: w.texts(r.MemberOf)}}
	claims := []pair{}
	for _, path := range slices.Sorted(maps.Keys(r.Claims)) {
		claims = append(claims, pair{key: path, value: strconv.Quote(r.Claims[path])})
	}
	return append(pairs, pair{key: "claims", below: claims})
}

func (w *writer) column(c *Column) []pair {
	pairs := []pair{}
	add := func(key, value string) { pairs = append(pairs, pair{key: key, value: value}) }
	if c.Type != "" {
		add("type", c.Type)
	}
	if s := w.search(c.Search); s != "[]" || w.flip("empty search") {
		add("search", s)
	}
	if c.Search.Order {
		add("acknowledge", "[order]")
	}
	if c.Mask.Kind != MaskDefault {
		pairs = append(pairs, w.mask(c.Mask))
	}
	if c.Domain != c.String() {
		add("domain", c.Domain)
	}
	if c.Keyset != "default" || w.flip("default keyset") {
		add("keyset", c.Keyset)
	}
	if c.Pad > 0 || w.flip("no padding") {
		add("pad", strconv.Itoa(c.Pad))
	}
	if c.NoDictionary || w.flip("dictionary") {
		add("dictionary", strconv.FormatBool(!c.NoDictionary))
	}
	if c.Access != nil {
		pairs = append(pairs, pair{key: "access", below: w.access(c.Access)})
	}
	return rapid.Permutation(pairs).Draw(w.t, "column order")
}

func (w *writer) search(s Search) string {
	var words []string
	for word, on := range map[string]bool{"equality": s.Equality, "substring": s.Substring, "range": s.Range, "order": s.Order && s.OrderPrefix == 0} {
		if on {
			words = append(words, word)
		}
	}
	if s.OrderPrefix > 0 {
		words = append(words, fmt.Sprintf("{order: {prefix: %d}}", s.OrderPrefix))
	}
	return "[" + strings.Join(words, ", ") + "]"
}

var maskNames = map[MaskKind]string{
	MaskAll: "all", MaskInitials: "initials", MaskYear: "year", MaskEmail: "email",
	MaskKeepLast: "keep_last", MaskKeepFirst: "keep_first", MaskText: "text",
}

func (w *writer) mask(m Mask) pair {
	switch m.Kind {
	case MaskText:
		return pair{key: "mask", below: []pair{{key: "text", value: strconv.Quote(m.Text)}}}
	case MaskKeepFirst, MaskKeepLast:
		return pair{key: "mask", below: []pair{{key: maskNames[m.Kind], value: strconv.Itoa(m.N)}}}
	default:
		return pair{key: "mask", value: maskNames[m.Kind]}
	}
}

var readNames = map[Read]string{Reveal: "reveal", Masked: "mask", Seal: "seal", Null: "null", Deny: "deny"}

func (w *writer) access(all map[string]Access) []pair {
	pairs := []pair{}
	for _, role := range slices.Sorted(maps.Keys(all)) {
		a := all[role]
		brings := a.Read == Reveal
		if a.Filter == brings && a.Write == brings && a.Mask.Kind == MaskDefault && w.flip("short") {
			pairs = append(pairs, pair{key: role, value: readNames[a.Read]})
			continue
		}
		long := []pair{{key: "read", value: readNames[a.Read]}}
		if a.Filter != brings || w.flip("filter") {
			long = append(long, pair{key: "filter", value: strconv.FormatBool(a.Filter)})
		}
		if a.Write != brings || w.flip("write") {
			long = append(long, pair{key: "write", value: strconv.FormatBool(a.Write)})
		}
		if a.Mask.Kind != MaskDefault {
			long = append(long, w.mask(a.Mask))
		}
		pairs = append(pairs, pair{key: role, below: rapid.Permutation(long).Draw(w.t, "access order")})
	}
	return pairs
}

func drawWrittenMask(t *rapid.T) Mask {
	m := Mask{Kind: rapid.SampledFrom([]MaskKind{MaskDefault, MaskAll, MaskInitials, MaskEmail, MaskYear, MaskKeepFirst, MaskKeepLast, MaskText}).Draw(t, "mask")}
	switch m.Kind {
	case MaskText:
		m.Text = rapid.StringMatching(`[A-Za-z(){}:,# *-]{0,8}[A-Za-z]`).Draw(t, "text")
	case MaskKeepFirst, MaskKeepLast:
		m.N = rapid.IntRange(1, 64).Draw(t, "n")
	}
	return m
}

func drawAccess(t *rapid.T, roles []Role) map[string]Access {
	all := map[string]Access{}
	for _, name := range append([]string{"*"}, roleNames(roles)...) {
		if !rapid.Bool().Draw(t, "has access") {
			continue
		}
		a := Access{
			Read:   rapid.SampledFrom([]Read{Reveal, Masked, Seal, Null, Deny}).Draw(t, "read"),
			Filter: rapid.Bool().Draw(t, "filter"), Write: rapid.Bool().Draw(t, "write"),
		}
		if a.Read == Masked {
			a.Mask = drawWrittenMask(t)
		}
		all[name] = a
	}
	return all
}

func roleNames(roles []Role) []string {
	var names []string
	for _, r := range roles {
		names = append(names, r.Name)
	}
	return names
}

func drawPolicy(t *rapid.T) *Policy {
	name := rapid.StringMatching(`[a-z][a-z0-9_]{2,8}`).Filter(func(s string) bool {
		return s != "true" && s != "false" && s != "null" && !strings.HasPrefix(s, "pg_") && s != "pgveil" && !slices.Contains(systemColumns, s)
	})
	word := rapid.StringMatching(`[A-Za-z0-9ÄÖé@. :'"-]{0,6}[a-z]`)
	p := &Policy{Limits: Limits{Dictionary: rapid.IntRange(0, maxDictionary).Draw(t, "dictionary")}}
	for _, n := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID[string]).Draw(t, "roles") {
		r := Role{
			Name: n, Users: rapid.SliceOfNDistinct(word, 1, 3, rapid.ID[string]).Draw(t, "users"),
			MemberOf: rapid.SliceOfNDistinct(word, 0, 2, rapid.ID[string]).Draw(t, "member of"), Claims: map[string]string{},
		}
		for _, path := range rapid.SliceOfNDistinct(name, 0, 2, rapid.ID[string]).Draw(t, "claims") {
			r.Claims[path] = word.Draw(t, "claim")
		}
		p.Roles = append(p.Roles, r)
	}
	p.Default = drawAccess(t, p.Roles)
	for _, n := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID[string]).Draw(t, "tables") {
		table := &Table{Schema: rapid.SampledFrom([]string{"public", "app"}).Draw(t, "schema"), Name: n}
		for _, c := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID[string]).Draw(t, "columns") {
			table.Columns = append(table.Columns, drawColumn(t, table, c, p.Roles))
		}
		p.Tables = append(p.Tables, table)
	}
	return p
}

func drawColumn(t *rapid.T, table *Table, name string, roles []Role) *Column {
	c := &Column{Schema: table.Schema, Table: table.Name, Name: name, Mask: drawWrittenMask(t)}
	c.Search = Search{
		Equality: rapid.Bool().Draw(t, "equality"), Substring: rapid.Bool().Draw(t, "substring"),
		Range: rapid.Bool().Draw(t, "range"), Order: rapid.Bool().Draw(t, "order"),
	}
	if c.Search.Order {
		c.Search.OrderPrefix = rapid.IntRange(0, 3).Draw(t, "prefix")
	}
	c.Domain = rapid.SampledFrom([]string{c.String(), "own_" + table.Schema + table.Name + "_" + name}).Draw(t, "domain")
	c.Keyset = rapid.SampledFrom([]string{"default", "people"}).Draw(t, "keyset")
	c.Pad = rapid.SampledFrom([]int{0, 16, maxPad}).Draw(t, "pad")
	c.NoDictionary = rapid.Bool().Draw(t, "no dictionary")
	if rapid.Bool().Draw(t, "own access") {
		c.Access = drawAccess(t, roles)
	}
	return c
}

// Whatever is written, in whatever style, is what is read.
func TestLoad_readsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawPolicy(t)
		text := (&writer{t: t}).policy(want)
		got, err := Load("p", []byte(text))
		if err != nil {
			t.Fatalf("Load:\n%v\nof:\n%s", err, text)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Policy{}, Table{}), cmpopts.IgnoreFields(Policy{}, "Version"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Load (-want +got):\n%s\nof:\n%s", diff, text)
		}
		again, err := Load("p", []byte((&writer{t: t}).policy(want)))
		if err != nil || again.Version != got.Version {
			t.Errorf("the same policy in another style has another version: %v", err)
		}
	})
}

// Access agrees with what the documentation says, word by word.
func TestPolicy_Access_agreesWithItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := Load("p", []byte((&writer{t: t}).policy(drawPolicy(t))))
		if err != nil {
			t.Fatal(err)
		}
		roles := RoleSet{bits: rapid.Uint64Range(0, 1<<len(p.Roles)-1).Draw(t, "roles")}
		for _, table := range p.Tables {
			for _, c := range table.Columns {
				if got, want := p.Access(c, roles), accessByDefinition(p, c, p.RoleNames(roles)); got != want {
					t.Errorf("Access(%s) of %v = %+v, want %+v", c, p.RoleNames(roles), got, want)
				}
			}
		}
	})
}

func accessByDefinition(p *Policy, c *Column, roles []string) Access {
	var entries []Access
	find := func(role string) {
		if a, ok := c.Access[role]; ok {
			entries = append(entries, a)
		} else if a, ok := p.Default[role]; ok {
			entries = append(entries, a)
		}
	}
	for _, role := range roles {
		find(role)
	}
	if len(entries) == 0 {
		find("*")
	}
	if len(entries) == 0 {
		return Access{Read: Seal}
	}
	var sum Access
	for _, a := range entries {
		sum.Filter = sum.Filter || a.Filter
		sum.Write = sum.Write || a.Write
		sum.Read = max(sum.Read, a.Read)
	}
	if sum.Read == Masked {
		first := entries[slices.IndexFunc(entries, func(a Access) bool { return a.Read == Masked })]
		for _, m := range []Mask{first.Mask, c.Mask, {Kind: MaskAll}} {
			if m.Kind != MaskDefault {
				sum.Mask = m
				break
			}
		}
	}
	return sum
}
