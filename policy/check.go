package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// checkRoleNames runs last, because access may stand above roles.
func (l *loader) checkRoleNames() {
	known := map[string]bool{}
	var names []string
	for _, r := range l.policy.Roles {
		known[r.Name] = true
		names = append(names, r.Name)
	}
	for _, ref := range l.roleRefs {
		if !known[ref.name] {
			ref.at.Report(fmt.Sprintf("role %q is not among the roles", ref.name),
				strictyaml.Suggest(ref.name, append(names[:len(names):len(names)], everyone)))
		}
	}
}

// checkDomains holds columns of one domain to what makes their terms and
// sealed values agree: otherwise joins would find nothing, and say nothing.
func (l *loader) checkDomains() {
	first := map[string]*Column{}
	for _, t := range l.policy.Tables {
		for _, c := range t.Columns {
			f, ok := first[c.Domain]
			if !ok {
				first[c.Domain] = c
				continue
			}
			if places, ok := l.columns[c]; ok {
				checkSameDomain(places.domain, f, c)
			}
		}
	}
}

func checkSameDomain(at strictyaml.Node, f, c *Column) {
	differ := func(what, hint string) {
		at.Report(fmt.Sprintf("columns of domain %s differ in %s: %s and %s", c.Domain, what, f, c), hint)
	}
	if f.Keyset != c.Keyset {
		differ("keyset", "give both the same, or another domain")
	}
	if f.Pad != c.Pad {
		differ("pad", "give both the same, or another domain")
	}
	if f.Search.Equality != c.Search.Equality {
		differ("search", "give equality to both or to none, or another domain")
	}
	ft, fErr := ParseType(f.Type)
	ct, cErr := ParseType(c.Type)
	if fErr == nil && cErr == nil && ft.family() != ct.family() {
		differ("type", "values of different types are never equal: give both the same, or another domain")
	}
}

func checkAcknowledged(c *Column, search, acknowledge strictyaml.Node) {
	acknowledged := false
	if acknowledge.Written() {
		acknowledge.Items(func(item strictyaml.Node) {
			if _, ok := item.Word("order"); ok {
				acknowledged = true
			}
		})
	}
	if c.Search.Order && !acknowledged {
		search.Report("order shows whoever holds the database which value is before which, close to the values themselves",
			"write acknowledge: [order] if that is meant")
	}
	if acknowledged && !c.Search.Order {
		acknowledge.Report("order is acknowledged but not among the searches", "")
	}
}

// checkType compares the searches and masks with the type, where the policy says it.
func checkType(c *Column, typeAt, search, mask strictyaml.Node) {
	if c.Type == "" {
		return
	}
	t, err := ParseType(c.Type)
	if err != nil {
		typeAt.Report(err.Error(), "")
		return
	}
	wrong := func(n strictyaml.Node, what string) {
		n.Report(fmt.Sprintf("%s does not fit type %s", what, c.Type), "")
	}
	if c.Search.Equality && !t.hasEquality() {
		wrong(search, "equality")
	}
	if c.Search.Substring && !t.isText() {
		wrong(search, "substring")
	}
	if c.Search.Range && !t.hasOrder() {
		wrong(search, "range")
	}
	if c.Search.Order && (!t.hasOrder() || c.Search.OrderPrefix > 0 && !t.isText()) {
		wrong(search, "order")
	}
	if !c.Mask.fits(t) {
		wrong(mask, "this mask")
	}
	for _, role := range slices.Sorted(maps.Keys(c.Access)) {
		if !c.Access[role].Mask.fits(t) {
			wrong(typeAt, fmt.Sprintf("the mask of role %s", role))
		}
	}
}

func (m Mask) fits(t TypeName) bool {
	switch m.Kind {
	case MaskYear:
		return t.hasYear()
	case MaskInitials, MaskEmail:
		return t.isText()
	case MaskKeepLast, MaskKeepFirst:
		return !t.Array && t.Name != "bytea" && t.Name != "json" && t.Name != "jsonb" && t.Name != "bool"
	default:
		return true
	}
}
