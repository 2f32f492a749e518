package policy

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const threeRoles = `
version: 1
roles:
  admin: {users: [root, "Über"], claims: {realm_access.roles: decrypt, email_verified: "true"}}
  clerk: {users: [odoo], member_of: [staff, field]}
  audit: {member_of: [auditors]}
  guest: {users: [guest]}
access:
  admin: reveal
  clerk: {read: mask, filter: true}
  audit: {read: mask, mask: {keep_first: 1}, write: true}
  "*": null
tables:
  t:
    a: {mask: initials}
    b: {}
    c: {mask: all, access: {clerk: reveal, admin: deny, "*": deny}}
    d: {access: {clerk: {read: mask, mask: {text: x}}}}
`

func TestPolicy_RolesOf(t *testing.T) {
	p := load(t, threeRoles)
	for _, tc := range []struct {
		name string
		id   Identity
		want []string
	}{
		{"nobody", Identity{}, nil},
		{"a user", Identity{User: "odoo"}, []string{"clerk"}},
		{"letters count", Identity{User: "Odoo"}, nil},
		{"unicode", Identity{User: "Über"}, []string{"admin"}},
		{"a member", Identity{User: "ann", MemberOf: []string{"x", "field"}}, []string{"clerk"}},
		{"two roles", Identity{User: "root", MemberOf: []string{"auditors", "staff"}}, []string{"admin", "clerk", "audit"}},
		{"membership is not a user's name", Identity{User: "staff"}, nil},
		{"a user's name is not a membership", Identity{User: "ann", MemberOf: []string{"odoo"}}, nil},
		{"a name with a star is nobody", Identity{User: "*"}, nil},
	} {
		if got := p.RoleNames(p.RolesOf(tc.id)); !cmp.Equal(got, tc.want) {
			t.Errorf("%s: roles of %+v = %v, want %v", tc.name, tc.id, got, tc.want)
		}
	}
}

func TestPolicy_RolesOf_claims(t *testing.T) {
	p := load(t, threeRoles)
	for token, want := range map[string]bool{
		`{"realm_access": {"roles": ["x", "decrypt"]}, "email_verified": true}`:   true,
		`{"realm_access": {"roles": "decrypt"}, "email_verified": "true"}`:        true,
		`{"realm_access.roles": ["decrypt"], "email_verified": true}`:             true,
		`{"realm_access": {"roles": ["decrypt"]}}`:                                false,
		`{"realm_access": {"roles": ["decrypt"]}, "email_verified": false}`:       false,
		`{"realm_access": {"roles": ["decrypt2"]}, "email_verified": true}`:       false,
		`{"realm_access": {"roles": [["decrypt"]]}, "email_verified": true}`:      false,
		`{"realm_access": {"roles": {"decrypt": 1}}, "email_verified": true}`:     false,
		`{"realm_access": ["roles", "decrypt"], "email_verified": true}`:          false,
		`{"realm_access": {"roles": ["decrypt"]}, "email_verified": ["true", 1]}`: true,
		`{}`: false,
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(token), &claims); err != nil {
			t.Fatal(err)
		}
		got := p.RolesOf(Identity{User: "ann", Claims: claims}) != RoleSet{}
		if got != want {
			t.Errorf("claims %s give a role: %v, want %v", token, got, want)
		}
	}
}

func TestPolicy_Access(t *testing.T) {
	p := load(t, threeRoles)
	reveal := Access{Read: Reveal, Filter: true, Write: true}
	keepOne := Mask{Kind: MaskKeepFirst, N: 1}
	for _, tc := range []struct {
		column string
		id     Identity
		want   Access
	}{
		{"a", Identity{User: "root"}, reveal},
		{"a", Identity{User: "odoo"}, Access{Read: Masked, Mask: Mask{Kind: MaskInitials}, Filter: true}},
		{"b", Identity{User: "odoo"}, Access{Read: Masked, Mask: Mask{Kind: MaskAll}, Filter: true}},
		{"a", Identity{MemberOf: []string{"auditors"}}, Access{Read: Masked, Mask: keepOne, Write: true}},
		// Everyone else, and a role that nothing is said of.
		{"a", Identity{User: "ann"}, Access{Read: Null}},
		{"a", Identity{User: "guest"}, Access{Read: Null}},
		// The column's own access stands over the default, role by role.
		{"c", Identity{User: "odoo"}, reveal},
		{"c", Identity{User: "root"}, Access{}},
		{"c", Identity{User: "ann"}, Access{}},
		{"c", Identity{MemberOf: []string{"auditors"}}, Access{Read: Masked, Mask: keepOne, Write: true}},
		{"d", Identity{User: "odoo"}, Access{Read: Masked, Mask: Mask{Kind: MaskText, Text: "x"}}},
		// Roles add up: the better reading with its mask, and every right.
		{"a", Identity{User: "odoo", MemberOf: []string{"auditors"}}, Access{Read: Masked, Mask: Mask{Kind: MaskInitials}, Filter: true, Write: true}},
		{"a", Identity{User: "root", MemberOf: []string{"auditors"}}, reveal},
		{"c", Identity{User: "root", MemberOf: []string{"auditors"}}, Access{Read: Masked, Mask: keepOne, Write: true}},
		// "*" adds nothing to a session that has a role of its own.
		{"c", Identity{User: "root", MemberOf: []string{"guest"}}, Access{}},
	} {
		got := p.Access(p.Column("public", "t", tc.column), p.RolesOf(tc.id))
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Access(%s) of %+v (-want +got):\n%s", tc.column, tc.id, diff)
		}
	}
}

func TestPolicy_Access_ofThoseNobodySpeaksOfIsSeal(t *testing.T) {
	p := load(t, "version: 1\nroles: {r: {users: [u]}}\naccess: {r: reveal}\ntables: {t: {c: {}}}\n")
	got := p.Access(p.Column("public", "t", "c"), p.RolesOf(Identity{User: "someone"}))
	if want := (Access{Read: Seal}); got != want {
		t.Errorf("Access = %+v, want %+v", got, want)
	}
}

// More roles never mean less access.
func TestPolicy_Access_growsWithRoles(t *testing.T) {
	p := load(t, threeRoles)
	rapid.Check(t, func(t *rapid.T) {
		c := p.Column("public", "t", rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "column"))
		few := RoleSet{bits: rapid.Uint64Range(1, 7).Draw(t, "few")}
		many := RoleSet{bits: few.bits | rapid.Uint64Range(0, 7).Draw(t, "more")}
		a, b := p.Access(c, few), p.Access(c, many)
		if b.Read < a.Read || a.Filter && !b.Filter || a.Write && !b.Write {
			t.Errorf("Access(%s) with roles %v = %+v, with %v = %+v", c, p.RoleNames(few), a, p.RoleNames(many), b)
		}
	})
}

func TestPolicy_Keysets(t *testing.T) {
	p := load(t, "version: 1\ntables: {t: {a: {}, b: {keyset: x}, c: {keyset: x}}, u: {a: {keyset: b}}}\n")
	if got, want := p.Keysets(), []string{"b", "default", "x"}; !cmp.Equal(got, want) {
		t.Errorf("Keysets() = %v, want %v", got, want)
	}
}
