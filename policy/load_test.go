package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func load(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := Load("policy.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Load:\n%v", err)
	}
	return p
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// example.yaml is the policy that the documentation shows.
func TestLoad_readsTheDocumentedExample(t *testing.T) {
	p := load(t, readFile(t, "example.yaml"))
	staff := Access{Read: Masked, Filter: true, Write: true}
	clear := Access{Read: Reveal, Filter: true, Write: true}
	want := &Policy{
		Roles: []Role{
			{Name: "decrypt_fields", Users: []string{"odoo_admin"}, Claims: map[string]string{"realm_access.roles": "decrypt-fields"}},
			{Name: "registrar", Users: []string{"odoo"}, MemberOf: []string{"registry_staff"}},
		},
		Default: map[string]Access{"decrypt_fields": clear, "registrar": staff, "*": {Read: Seal}},
		Tables: []*Table{
			{Schema: "public", Name: "res_partner", Columns: []*Column{
				{
					Schema: "public", Table: "res_partner", Name: "name", Search: Search{Equality: true, Substring: true},
					Mask: Mask{Kind: MaskInitials}, Domain: "public.res_partner.name", Keyset: "default",
				},
				{
					Schema: "public", Table: "res_partner", Name: "phone", Search: Search{Equality: true},
					Mask: Mask{Kind: MaskKeepLast, N: 4}, Domain: "phone_number", Keyset: "default",
				},
				{
					Schema: "public", Table: "res_partner", Name: "birthdate", Type: "date", Search: Search{Equality: true, Range: true},
					Mask: Mask{Kind: MaskYear}, Domain: "public.res_partner.birthdate", Keyset: "default",
				},
				{Schema: "public", Table: "res_partner", Name: "notes", Domain: "public.res_partner.notes", Keyset: "default"},
				{
					Schema: "public", Table: "res_partner", Name: "income", Type: "numeric(12,2)", Search: Search{Equality: true, Order: true},
					Domain: "public.res_partner.income", Keyset: "default",
				},
			}},
			{Schema: "public", Name: "g2p_phone_number", Columns: []*Column{{
				Schema: "public", Table: "g2p_phone_number", Name: "phone_no", Search: Search{Equality: true},
				Domain: "phone_number", Keyset: "default", Access: map[string]Access{"registrar": clear},
			}}},
		},
		Limits: Limits{Dictionary: 20000},
	}
	if diff := cmp.Diff(want, p, cmpopts.IgnoreUnexported(Policy{}, Table{}), cmpopts.IgnoreFields(Policy{}, "Version")); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoad_readsEveryFormOfAColumn(t *testing.T) {
	for text, want := range map[string]Column{
		"{}":                                    {},
		"{search: []}":                          {},
		"{mask: all}":                           {Mask: Mask{Kind: MaskAll}},
		"{mask: email}":                         {Mask: Mask{Kind: MaskEmail}},
		"{mask: {keep_first: 2}}":               {Mask: Mask{Kind: MaskKeepFirst, N: 2}},
		"{mask: {text: '(hidden)'}}":            {Mask: Mask{Kind: MaskText, Text: "(hidden)"}},
		"{pad: 16}":                             {Pad: 16},
		"{dictionary: false}":                   {NoDictionary: true},
		"{dictionary: true}":                    {},
		"{keyset: people}":                      {Keyset: "people"},
		"{domain: d1}":                          {Domain: "d1"},
		"{type: 'timestamp(3) with time zone'}": {Type: "timestamp(3) with time zone"},
		"{search: [order], acknowledge: [order]}": {Search: Search{Order: true}},
		"{search: [equality, range, substring]}":  {Search: Search{Equality: true, Range: true, Substring: true}},
		"{access: {'*': reveal}}":                 {Access: map[string]Access{"*": {Read: Reveal, Filter: true, Write: true}}},
		"{access: {'*': null}}":                   {Access: map[string]Access{"*": {Read: Null}}},
		"{access: {'*': deny}}":                   {Access: map[string]Access{"*": {Read: Deny}}},
		"{access: {'*': mask}}":                   {Access: map[string]Access{"*": {Read: Masked}}},
		"{access: {'*': {read: reveal}}}":         {Access: map[string]Access{"*": {Read: Reveal, Filter: true, Write: true}}},
		"{access: {'*': {write: false, read: reveal}}}": {
			Access: map[string]Access{"*": {Read: Reveal, Filter: true}}},
		"{access: {'*': {filter: true, read: seal}}}": {
			Access: map[string]Access{"*": {Read: Seal, Filter: true}}},
		"{access: {'*': {read: null, filter: true}}}": {
			Access: map[string]Access{"*": {Read: Null, Filter: true}}},
		"{access: {'*': {read: mask, mask: {keep_last: 2}}}}": {
			Access: map[string]Access{"*": {Read: Masked, Mask: Mask{Kind: MaskKeepLast, N: 2}}}},
		"{search: [equality, {order: {prefix: 2}}], acknowledge: [order]}": {
			Search: Search{Equality: true, Order: true, OrderPrefix: 2}},
	} {
		p := load(t, "version: 1\ntables:\n  t:\n    c: "+text+"\n")
		want.Schema, want.Table, want.Name = "public", "t", "c"
		if want.Domain == "" {
			want.Domain = "public.t.c"
		}
		if want.Keyset == "" {
			want.Keyset = "default"
		}
		if diff := cmp.Diff(&want, p.Column("public", "t", "c")); diff != "" {
			t.Errorf("column %s (-want +got):\n%s", text, diff)
		}
	}
}

// problems.txt holds files and what must be said of each.
func TestLoad_reports(t *testing.T) {
	for _, page := range strings.Split(readFile(t, "problems.txt"), "\n=== ")[1:] {
		title, rest, _ := strings.Cut(page, "\n")
		text, want, ok := strings.Cut(rest, "--- problems ---\n")
		if !ok {
			t.Fatalf("page %q has no problems", title)
		}
		t.Run(title, func(t *testing.T) {
			p, err := Load("p", []byte(text))
			if err == nil {
				t.Fatalf("Load = %+v, want problems:\n%s", p, want)
			}
			var problems *Problems
			if !errors.As(err, &problems) {
				t.Fatalf("Load: error is a %T, want *Problems", err)
			}
			if diff := cmp.Diff(strings.TrimSpace(want), err.Error()); diff != "" {
				t.Errorf("Load (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_refusesMoreThan64Roles(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\ntables: {}\nroles:\n")
	for i := range maxRoles {
		fmt.Fprintf(&b, "  r%d: {users: [u%d]}\n", i, i)
	}
	p := load(t, b.String())
	if got := p.RoleNames(p.RolesOf(Identity{User: "u63"})); !cmp.Equal(got, []string{"r63"}) {
		t.Errorf("roles of u63 = %v, want r63", got)
	}
	b.WriteString("  one_more: {users: [x]}\n")
	_, err := Load("p", []byte(b.String()))
	if want := "p:68:3: roles.one_more: there are more than 64 roles"; err == nil || err.Error() != want {
		t.Errorf("Load with 65 roles: %v, want %s", err, want)
	}
}

func TestLoad_versionIsOfTheMeaning(t *testing.T) {
	base := load(t, "version: 1\ntables: {t: {c: {mask: all}}}\n")
	same := load(t, "# a comment\ntables:\n  public.t:\n    c:\n      mask: all\nversion: 1\nlimits: {dictionary: 20000}\n")
	if base.Version != same.Version {
		t.Errorf("Version = %s and %s for the same meaning", base.Version, same.Version)
	}
	for _, other := range []string{
		"version: 1\ntables: {t: {c: {mask: email}}}\n",
		"version: 1\ntables: {t: {c: {mask: all}, d: {}}}\n",
		"version: 1\ntables: {t: {c: {mask: all}}}\nlimits: {dictionary: 5}\n",
		"version: 1\ntables: {t: {c: {mask: all}}}\naccess: {'*': reveal}\n",
		"version: 1\ntables: {t: {c: {mask: all}}}\nroles: {r: {users: [u]}}\n",
	} {
		if v := load(t, other).Version; v == base.Version || v == "" {
			t.Errorf("Version = %q for another meaning: %s", v, other)
		}
	}
}

func TestLoad_tableNames(t *testing.T) {
	p := load(t, `
version: 1
tables:
  plain: {c: {}}
  Upper.Case: {c: {}}
  '"a.b"."say ""hi"""': {c: {}}
  '"quoted"': {"c.d": {}}
`)
	for _, name := range [][2]string{{"public", "plain"}, {"Upper", "Case"}, {"a.b", `say "hi"`}, {"public", "quoted"}} {
		if p.Table(name[0], name[1]) == nil {
			t.Errorf("Table(%q, %q) = nil", name[0], name[1])
		}
	}
	if p.Column("public", "quoted", "c.d") == nil {
		t.Error(`Column("public", "quoted", "c.d") = nil`)
	}
	if p.Table("upper", "case") != nil || p.Column("public", "nothere", "c") != nil || p.Column("public", "plain", "d") != nil {
		t.Error("a table or column that is not in the file was found")
	}
}

func FuzzLoad(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "example.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("version: 1\ntables: {t: {c: {search: [{order: {prefix: 2}}], mask: {text: x}, access: {'*': {read: null}}}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Load("p", data)
		if (p == nil) == (err == nil) {
			t.Fatalf("Load(%q) = %v, %v", data, p, err)
		}
		if err != nil {
			return
		}
		for _, table := range p.Tables {
			for _, c := range table.Columns {
				if c.Domain == "" || c.Keyset == "" || p.Column(c.Schema, c.Table, c.Name) != c {
					t.Errorf("Load(%q): incomplete column %+v", data, c)
				}
				if a := p.Access(c, RoleSet{}); a.Read == Masked && a.Mask.Kind == MaskDefault {
					t.Errorf("Load(%q): Access of %s leaves the mask open", data, c)
				}
			}
		}
	})
}
