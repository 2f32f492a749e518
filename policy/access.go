package policy

import (
	"maps"
	"slices"
	"strings"
)

// everyone is the name of the access of those who have no other.
const everyone = "*"

// Table returns a table of the policy, or nil.
func (p *Policy) Table(schema, name string) *Table { return p.byName[tableName{schema, name}] }

// Column returns a protected column, or nil.
func (p *Policy) Column(schema, table, column string) *Column {
	if t := p.Table(schema, table); t != nil {
		return t.Column(column)
	}
	return nil
}

// Column returns a protected column of the table, or nil.
func (t *Table) Column(name string) *Column { return t.byName[name] }

// RolesOf returns the roles of a session: each that one of its selectors
// matches. The selectors are its users, the database roles it is a member of,
// and its claims, all of which must be there. That a database user is a
// superuser plays no part.
func (p *Policy) RolesOf(id Identity) RoleSet {
	var set RoleSet
	for i, r := range p.Roles {
		if r.matches(id) {
			set.bits |= 1 << i
		}
	}
	return set
}

func (r *Role) matches(id Identity) bool {
	if slices.Contains(r.Users, id.User) {
		return true
	}
	for _, name := range r.MemberOf {
		if slices.Contains(id.MemberOf, name) {
			return true
		}
	}
	for path, want := range r.Claims {
		if !claimHolds(id.Claims, path, want) {
			return false
		}
	}
	return len(r.Claims) > 0
}

// claimHolds looks a claim up by the whole path as one name first, since a
// claim's name may be an address with dots, then by its parts.
func claimHolds(claims map[string]any, path, want string) bool {
	if value, ok := claims[path]; ok {
		return claimIs(value, want)
	}
	name, rest, ok := strings.Cut(path, ".")
	if !ok {
		return false
	}
	inner, ok := claims[name].(map[string]any)
	return ok && claimHolds(inner, rest, want)
}

func claimIs(value any, want string) bool {
	switch v := value.(type) {
	case string:
		return v == want
	case bool:
		return v && want == "true" || !v && want == "false"
	case []any:
		return slices.ContainsFunc(v, func(element any) bool {
			s, ok := element.(string)
			return ok && s == want
		})
	}
	return false
}

// Access returns what a session with these roles may do with a column. The
// column's own access stands over the policy's, role by role. Several roles
// add up: whoever may filter or write as one of them may, and the best way to
// read wins, with the mask of the role that gave it. Where none of the roles
// has an entry, "*" holds; where that is missing, the session reads sealed
// strings and does nothing else. With Read Masked the Mask is the one to apply.
func (p *Policy) Access(c *Column, rs RoleSet) Access {
	var sum Access
	found := false
	for i := range p.Roles {
		if rs.bits&(1<<i) == 0 {
			continue
		}
		if a, ok := p.entry(c, p.Roles[i].Name); ok {
			found = true
			sum = sum.plus(c.resolve(a))
		}
	}
	if found {
		return sum
	}
	if a, ok := p.entry(c, everyone); ok {
		return c.resolve(a)
	}
	return Access{Read: Seal}
}

func (p *Policy) entry(c *Column, role string) (Access, bool) {
	if a, ok := c.Access[role]; ok {
		return a, true
	}
	a, ok := p.Default[role]
	return a, ok
}

// plus adds up the rights of two roles; at equal Read the first one's mask stays.
func (a Access) plus(b Access) Access {
	a.Filter = a.Filter || b.Filter
	a.Write = a.Write || b.Write
	if b.Read > a.Read {
		a.Read, a.Mask = b.Read, b.Mask
	}
	return a
}

// resolve fills in the mask that a role with read: mask sees.
func (c *Column) resolve(a Access) Access {
	switch {
	case a.Read != Masked:
		a.Mask = Mask{}
	case a.Mask.Kind == MaskDefault && c.Mask.Kind == MaskDefault:
		a.Mask = Mask{Kind: MaskAll}
	case a.Mask.Kind == MaskDefault:
		a.Mask = c.Mask
	}
	return a
}

// RoleNames returns the names of the roles in the set, in the order of the file.
func (p *Policy) RoleNames(rs RoleSet) []string {
	var names []string
	for i, r := range p.Roles {
		if rs.bits&(1<<i) != 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

// Keysets returns the names of the keysets that the policy's columns use, sorted.
func (p *Policy) Keysets() []string {
	names := map[string]bool{}
	for _, t := range p.Tables {
		for _, c := range t.Columns {
			names[c.Keyset] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
