package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/policy"
)

// testPolicy protects columns written "schema.table.column" or, with a type
// after a blank, "schema.table.column date".
func testPolicy(columns ...string) *policy.Policy {
	pol := &policy.Policy{Version: "test"}
	for _, text := range columns {
		path, typ, _ := strings.Cut(text, " ")
		parts := strings.SplitN(path, ".", 3)
		c := &policy.Column{
			Schema: parts[0], Table: parts[1], Name: parts[2],
			Type: typ, Domain: path, Keyset: "default", Search: policy.Search{Equality: true},
		}
		i := slices.IndexFunc(pol.Tables, func(t *policy.Table) bool { return t.Schema == c.Schema && t.Name == c.Table })
		if i < 0 {
			i = len(pol.Tables)
			pol.Tables = append(pol.Tables, &policy.Table{Schema: c.Schema, Name: c.Table})
		}
		pol.Tables[i].Columns = append(pol.Tables[i].Columns, c)
	}
	return pol
}

func build(t *testing.T, pol *policy.Policy, text string) *Snapshot {
	t.Helper()
	s, err := Build(pol, text)
	if err != nil {
		t.Fatalf("Build(%q): %v", text, err)
	}
	return s
}

func TestBuild_protectsWhatThePolicySays(t *testing.T) {
	pol := testPolicy("public.res_partner.name", "public.res_partner.birthdate", "public.res_partner.code")
	s := build(t, pol, `
# people
res_partner(id int4 not null default, name varchar(100), birthdate date sealing, code text, n numeric(12, 2) generated)
`)
	r := s.Lookup([]string{"pg_catalog", "public"}, "", "res_partner")
	if r == nil {
		t.Fatal("res_partner is not found")
	}

	text, _ := s.Type(25)
	varchar, _ := s.Type(1043)
	logical := varchar
	logical.Mod = 104
	date, _ := s.Type(1082)
	int4, _ := s.Type(23)
	numeric, _ := s.Type(1700)
	numeric.Mod = (12<<16 | 2) + 4
	want := []Column{
		{Name: "id", Num: 1, Type: int4, NotNull: true, HasDefault: true},
		{Name: "name", Num: 2, Type: varchar, Protected: &Protected{
			Column: pol.Tables[0].Columns[0], Logical: logical, DomainID: "public.res_partner.name", Ready: true,
		}},
		{Name: "birthdate", Num: 3, Type: text, Protected: &Protected{
			Column: pol.Tables[0].Columns[1], Logical: date, DomainID: "public.res_partner.birthdate",
		}},
		{Name: "code", Num: 4, Type: text, Protected: &Protected{
			Column: pol.Tables[0].Columns[2], Logical: text, DomainID: "public.res_partner.code", Ready: true,
		}},
		{Name: "n", Num: 5, Type: numeric, Generated: true},
	}
	if diff := cmp.Diff(want, r.Columns); diff != "" {
		t.Errorf("columns of res_partner (-want +got):\n%s", diff)
	}
	if got := r.Column("birthdate"); got == nil || got.Num != 3 {
		t.Errorf("Column(%q) = %v, want the third", "birthdate", got)
	}
	if got := r.Column("nothing"); got != nil {
		t.Errorf("Column(%q) = %v, want nil", "nothing", got)
	}
	if s.Relation(r.OID) != r {
		t.Errorf("Relation(%d) is not the same relation", r.OID)
	}
}

func TestBuild_taints(t *testing.T) {
	s := build(t, testPolicy("public.p.name"), `
public.p(id int4, name text)
view public.v(id int4) tainted it is a view (of people) over public.p
q(id int4)
tainted function find_p its body names p
setting function become
`)
	if got, want := s.Lookup(nil, "public", "v").Tainted, "it is a view (of people) over public.p"; got != want {
		t.Errorf("v is tainted by %q, want %q", got, want)
	}
	if got, ok := s.TaintedFunction("find_p"); !ok || got != "its body names p" {
		t.Errorf("TaintedFunction(find_p) = %q, %v", got, ok)
	}
	if _, ok := s.TaintedFunction("become"); ok {
		t.Error("TaintedFunction(become) = true, want false")
	}
	if got, want := slices.Sorted(s.Names()), []string{"find_p", "p", "v"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if got, want := slices.Collect(s.SettingFunctions()), []string{"become"}; !slices.Equal(got, want) {
		t.Errorf("SettingFunctions() = %q, want %q", got, want)
	}
}

func TestBuild_missingTableAndColumn(t *testing.T) {
	s := build(t, testPolicy("public.there.name", "public.there.gone", "public.absent.name"), "there(name text)")
	if got, want := slices.Sorted(s.Names()), []string{"absent", "there"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if got := s.Lookup(nil, "public", "there").Tainted; !strings.Contains(got, "gone") {
		t.Errorf("a table without a column of the policy is tainted by %q, want the column's name in it", got)
	}
	if got := s.Problems(); len(got) != 1 || got[0].Column.Name != "gone" {
		t.Errorf("Problems() = %v, want one about gone", got)
	}
}

func TestBuild_versionFollowsTextAndPolicy(t *testing.T) {
	a, b := testPolicy(), testPolicy()
	b.Version = "other"
	first := build(t, a, "t(id int4)").Version
	for name, s := range map[string]*Snapshot{
		"another text": build(t, a, "t(id int8)"), "another policy": build(t, b, "t(id int4)"),
	} {
		if s.Version == first {
			t.Errorf("%s: Version is the same", name)
		}
	}
	if got := build(t, a, "t(id int4)").Version; got != first {
		t.Errorf("the same again: Version = %q, want %q", got, first)
	}
}

func TestBuild_refusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, text := range []string{
		"t", "t(id)", "t(id nothing)", "thing t(id int4)", "a b t(id int4)", "t(id int4) protected", "t(id varchar(0))",
		"diverted public.nowhere it has rules",
	} {
		if _, err := Build(testPolicy(), text); err == nil {
			t.Errorf("Build(%q) gave no error", text)
		}
	}
}

func TestLookup(t *testing.T) {
	s := build(t, testPolicy(), `
public.t(a int4)
other.t(b int4)
other.u(c int4)
pg_catalog.pg_class(oid oid)
public.pg_class(mine int4)
pg_temp_3.t(d int4)
`)
	for _, tc := range []struct {
		path         []string
		schema, name string
		want         string
	}{
		{[]string{"pg_catalog", "public"}, "", "t", "public.t"},
		{[]string{"pg_catalog", "other", "public"}, "", "t", "other.t"},
		{[]string{"pg_temp_3", "pg_catalog", "public"}, "", "t", "pg_temp_3.t"},
		{[]string{"pg_temp_4", "pg_catalog", "public"}, "", "t", "public.t"},
		{[]string{"pg_temp_3", "pg_catalog", "public"}, "pg_temp", "t", "pg_temp_3.t"},
		{[]string{"pg_temp_4", "pg_catalog", "public"}, "pg_temp", "t", ""},
		{[]string{"pg_catalog", "public"}, "pg_temp", "t", ""},
		{[]string{"pg_catalog", "public"}, "", "u", ""},
		{[]string{"pg_catalog", "public"}, "other", "u", "other.u"},
		{[]string{"pg_catalog", "public"}, "public", "u", ""},
		{[]string{"public"}, "", "pg_class", "pg_catalog.pg_class"},
		{[]string{"public", "pg_catalog"}, "", "pg_class", "public.pg_class"},
		{nil, "", "pg_class", "pg_catalog.pg_class"},
	} {
		got := ""
		if r := s.Lookup(tc.path, tc.schema, tc.name); r != nil {
			got = r.Schema + "." + r.Name
		}
		if got != tc.want {
			t.Errorf("Lookup(%q, %q, %q) = %q, want %q", tc.path, tc.schema, tc.name, got, tc.want)
		}
	}
}

func TestTypes(t *testing.T) {
	s := build(t, testPolicy(), "")
	path := []string{"pg_catalog", "public"}
	for _, tc := range []struct {
		schema, name string
		want         uint32
	}{
		{"", "int4", 23}, {"pg_catalog", "varchar", 1043}, {"public", "varchar", 0}, {"", "citext", 16100},
		{"", "_date", 1182}, {"", "nothing", 0},
	} {
		if got, ok := s.TypeByName(path, tc.schema, tc.name); got.OID != tc.want || ok != (tc.want != 0) {
			t.Errorf("TypeByName(%q, %q) = %v, %v, want OID %d", tc.schema, tc.name, got, ok, tc.want)
		}
	}
	array, ok := s.ArrayOf(1082)
	if !ok || array.Name != "_date" || array.ElemName != "date" || array.Elem != 1082 {
		t.Errorf("ArrayOf(date) = %+v, %v", array, ok)
	}
	if _, ok := s.ArrayOf(2249 + 1); ok {
		t.Error("ArrayOf(an unknown type) = true")
	}
}

func TestSealable(t *testing.T) {
	s := build(t, testPolicy(), "")
	for name, want := range map[string]bool{
		"text": true, "_text": true, "jsonb": true, "_numeric": true, "citext": true, "point": false,
		"_point": false, "record": false, "char": false, "name": false, "xml": false,
	} {
		typ, ok := s.TypeByName([]string{"public"}, "", name)
		if !ok {
			t.Fatalf("no type %s", name)
		}
		if got := typ.Sealable(); got != want {
			t.Errorf("Sealable(%s) = %v, want %v", name, got, want)
		}
	}
}
