package policy

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// keyName is what a keyset or a domain may be called.
var keyName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`)

var systemColumns = []string{"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}

// column reads what the policy says of one column. It always returns a
// column, so that later checks find it.
func (l *loader) column(t *Table, key strictyaml.Node, name string, value strictyaml.Node) *Column {
	c := &Column{Schema: t.Schema, Table: t.Name, Name: name, Keyset: defaultKeyset}
	c.Domain = c.String()
	places := columnPlaces{key: key, domain: key}
	if err := checkName(name); err != nil {
		key.Report(err.Error(), "")
	}
	if slices.Contains(systemColumns, name) {
		key.Report(fmt.Sprintf("%s is a system column", name), "")
	}
	if value.IsEmpty() {
		key.Report("nothing is said of this column", "write {} to have it stored and read only")
		return c
	}

	var acknowledge, typeAt, search, mask strictyaml.Node
	value.Fields(
		strictyaml.Field{Key: "type", Read: func(n strictyaml.Node) { typeAt = n; c.Type, _ = n.Text() }},
		strictyaml.Field{Key: "search", Read: func(n strictyaml.Node) { search = n; c.Search = readSearch(n) }},
		strictyaml.Field{Key: "mask", Read: func(n strictyaml.Node) { mask = n; c.Mask = readMask(n) }},
		strictyaml.Field{Key: "domain", Read: func(n strictyaml.Node) { places.domain = n; readName(n, &c.Domain) }},
		strictyaml.Field{Key: "keyset", Read: func(n strictyaml.Node) { readName(n, &c.Keyset) }},
		strictyaml.Field{Key: "pad", Read: func(n strictyaml.Node) { c.Pad, _ = n.Int(0, maxPad) }},
		strictyaml.Field{Key: "dictionary", Read: func(n strictyaml.Node) {
			allowed, ok := n.Bool()
			c.NoDictionary = ok && !allowed
		}},
		strictyaml.Field{Key: "acknowledge", Read: func(n strictyaml.Node) { acknowledge = n }},
		strictyaml.Field{Key: "access", Read: func(n strictyaml.Node) { c.Access = l.columnAccess(n) }},
	)
	l.columns[c] = places
	checkAcknowledged(c, search, acknowledge)
	checkType(c, typeAt, search, mask)
	return c
}

func readName(n strictyaml.Node, name *string) {
	s, ok := n.Text()
	if ok && !keyName.MatchString(s) {
		n.Report(fmt.Sprintf("%q cannot be a name here", s), "letters, digits, _, - and ., at most 128")
		return
	}
	if ok {
		*name = s
	}
}

var searchKinds = []string{"equality", "substring", "range", "order"}

func readSearch(n strictyaml.Node) Search {
	var s Search
	n.Items(func(item strictyaml.Node) {
		if item.IsMap() {
			item.Fields(strictyaml.Field{Key: "order", Required: true, Read: func(n strictyaml.Node) {
				s.markOnce(n, "order")
				n.Fields(strictyaml.Field{Key: "prefix", Required: true, Read: func(n strictyaml.Node) {
					s.OrderPrefix, _ = n.Int(1, maxMaskKeep)
				}})
			}})
			return
		}
		if kind, ok := item.Word(searchKinds...); ok {
			s.markOnce(item, kind)
		}
	})
	return s
}

func (s *Search) markOnce(n strictyaml.Node, kind string) {
	mark := map[string]*bool{
		"equality": &s.Equality, "substring": &s.Substring, "range": &s.Range, "order": &s.Order,
	}[kind]
	if *mark {
		n.Report(fmt.Sprintf("%q is here twice", kind), "")
	}
	*mark = true
}

var maskWords = map[string]MaskKind{
	"all": MaskAll, "initials": MaskInitials, "year": MaskYear, "email": MaskEmail,
}

func readMask(n strictyaml.Node) Mask {
	if !n.IsMap() {
		word, _ := n.Word("initials", "year", "email", "all")
		return Mask{Kind: maskWords[word]}
	}
	var m Mask
	count := 0
	keep := func(kind MaskKind) func(strictyaml.Node) {
		return func(n strictyaml.Node) {
			count++
			m.Kind = kind
			m.N, _ = n.Int(1, maxMaskKeep)
		}
	}
	n.Fields(
		strictyaml.Field{Key: "keep_last", Read: keep(MaskKeepLast)},
		strictyaml.Field{Key: "keep_first", Read: keep(MaskKeepFirst)},
		strictyaml.Field{Key: "text", Read: func(n strictyaml.Node) {
			count++
			m.Kind = MaskText
			m.Text, _ = n.Text()
		}},
	)
	if count > 1 {
		n.Report("a mask has one form", "write keep_last, keep_first or text")
	}
	if count == 0 {
		n.Report("a mask needs a form", "write keep_last, keep_first or text")
	}
	return m
}

// columnAccess reads the access of one column. It is a mapping of roles, since
// who it is for must be written out.
func (l *loader) columnAccess(n strictyaml.Node) map[string]Access {
	if n.IsScalar() && !n.IsEmpty() {
		n.Report("must say for which role", `write {role: reveal}, or {"*": reveal} for everyone else`)
		return nil
	}
	return l.accessMap(n)
}

func (l *loader) accessMap(n strictyaml.Node) map[string]Access {
	all := map[string]Access{}
	n.Entries(func(key strictyaml.Node, role string, value strictyaml.Node) {
		if role != everyone {
			l.roleRefs = append(l.roleRefs, roleRef{key, role})
		}
		all[role] = readAccess(value)
	})
	return all
}

var readWords = map[string]Read{"reveal": Reveal, "mask": Masked, "seal": Seal, "null": Null, "deny": Deny}

func readWord(n strictyaml.Node) (Read, bool) {
	word, ok := n.Word("reveal", "mask", "seal", "null", "deny")
	return readWords[word], ok
}

// readAccess reads reveal, mask, seal, null or deny, which bring their rights
// with them, or a map that names what is read and overrides the rights.
func readAccess(n strictyaml.Node) Access {
	if !n.IsMap() {
		read, _ := readWord(n)
		return Access{Read: read, Filter: read == Reveal, Write: read == Reveal}
	}
	var a Access
	var filter, write, mask *strictyaml.Node
	n.Fields(
		strictyaml.Field{Key: "read", Required: true, Read: func(n strictyaml.Node) {
			a.Read, _ = readWord(n)
			a.Filter, a.Write = a.Read == Reveal, a.Read == Reveal
		}},
		strictyaml.Field{Key: "filter", Read: func(n strictyaml.Node) { filter = &n }},
		strictyaml.Field{Key: "write", Read: func(n strictyaml.Node) { write = &n }},
		strictyaml.Field{Key: "mask", Read: func(n strictyaml.Node) { mask = &n }},
	)
	if filter != nil {
		a.Filter, _ = filter.Bool()
	}
	if write != nil {
		a.Write, _ = write.Bool()
	}
	if mask != nil {
		a.Mask = readMask(*mask)
		if a.Read != Masked {
			mask.Report("a mask is only for read: mask", "")
		}
	}
	return a
}
