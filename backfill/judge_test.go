package backfill

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// people is a table with the protected columns name (2, with terms) and memo
// (3, without), beside plain ones.
func people() *table {
	t := &table{schema: "public", name: "people", oid: 20000}
	add := func(name string, num int16, equality bool) {
		t.columns = append(t.columns, &column{
			Protected: &catalog.Protected{Column: &policy.Column{Name: name, Search: policy.Search{Equality: equality}}},
			table:     t, name: name, quoted: name, num: num,
		})
	}
	add("name", 2, true)
	add("memo", 3, false)
	return t
}

func TestIndex_judge(t *testing.T) {
	const nameTerm = "split_part((name)::text, '.'::text, 2)"
	name, memo, id := indexKey{num: 2, expr: "name"}, indexKey{num: 3, expr: "memo"}, indexKey{num: 1, expr: "id"}
	included := func(k indexKey) indexKey { k.included = true; return k }
	expression := func(e string) indexKey { return indexKey{expr: e} }
	for _, tc := range []struct {
		name  string
		index index
		want  outcome
		why   string
	}{
		{"plain columns only", index{keys: []indexKey{id}}, keep, ""},
		{"a protected key", index{keys: []indexKey{id, name}}, replace, ""},
		{"a protected key by hash", index{method: "hash", keys: []indexKey{name}}, replace, ""},
		{"a unique protected key", index{unique: true, keys: []indexKey{name}}, replace, ""},
		{"its term", index{unique: true, keys: []indexKey{expression(nameTerm)}}, keep, ""},
		{"its term inside something", index{keys: []indexKey{expression("lower(" + nameTerm + ")")}}, drop, "lower("},
		{"a column and its term", index{keys: []indexKey{expression(nameTerm), name}}, replace, ""},
		{"an expression", index{keys: []indexKey{expression("lower(name)")}}, drop, "lower(name)"},
		{"a unique expression", index{unique: true, keys: []indexKey{expression("lower(name)")}}, refuse, "lower(name)"},
		{"an expression over NULL", index{unique: true, keys: []indexKey{expression("(name IS NULL)")}}, keep, ""},
		{"a key without terms", index{keys: []indexKey{memo}}, drop, "no equality terms"},
		{"a unique key without terms", index{unique: true, keys: []indexKey{memo}}, refuse, "no equality terms"},
		{"one of two keys without terms", index{unique: true, keys: []indexKey{name, memo}}, refuse, "memo has no equality terms"},
		{"included without terms", index{unique: true, keys: []indexKey{id, included(memo)}}, replace, ""},
		{"gin", index{method: "gin", keys: []indexKey{name}}, drop, "method gin"},
		{"a predicate", index{keys: []indexKey{id}, predicate: "(name = 'x'::text)"}, drop, "WHERE"},
		{"a unique predicate", index{unique: true, keys: []indexKey{id}, predicate: "(name = 'x'::text)"}, refuse, "WHERE"},
		{"a null test as predicate", index{unique: true, keys: []indexKey{id}, predicate: "(name IS NOT NULL)"}, keep, ""},
		{"a key and a null test", index{unique: true, keys: []indexKey{name}, predicate: "(name IS NOT NULL)"}, replace, ""},
		{"a primary key", index{unique: true, constraint: "p", keys: []indexKey{name}}, refuse, "primary key"},
		{"an exclusion", index{constraint: "x", keys: []indexKey{name}}, refuse, "exclusion"},
		{"deferrable", index{unique: true, constraint: "u", deferrable: true, keys: []indexKey{name}}, refuse, "deferrable"},
		{"a replica identity", index{unique: true, replicaIdentity: true, keys: []indexKey{name}}, refuse, "replica identity"},
		{"a replica identity elsewhere", index{unique: true, replicaIdentity: true, keys: []indexKey{id}}, keep, ""},
	} {
		x := tc.index
		if x.method == "" {
			x.method = "btree"
		}
		if got, why := x.judge(people()); got != tc.want || !strings.Contains(why, tc.why) {
			t.Errorf("%s: judge() = %d, %q, want %d, %q", tc.name, got, why, tc.want, tc.why)
		}
	}
}

func TestIndex_replacement(t *testing.T) {
	name, id := indexKey{num: 2, expr: "name"}, indexKey{num: 1, expr: "id"}
	with := func(k indexKey, change func(*indexKey)) indexKey { change(&k); return k }
	for _, tc := range []struct {
		index index
		want  string
	}{
		{index{keys: []indexKey{name}}, `CREATE INDEX CONCURRENTLY %s ON "public"."people" USING btree ((split_part(name::text, '.', 2)))`},
		{
			index{unique: true, nullsNotDistinct: true, keys: []indexKey{id, name}},
			`CREATE UNIQUE INDEX CONCURRENTLY %s ON "public"."people" USING btree (id, (split_part(name::text, '.', 2))) NULLS NOT DISTINCT`,
		},
		{
			// Operator classes and collations of the value mean nothing to the term.
			index{keys: []indexKey{with(name, func(k *indexKey) {
				k.opclass, k.collation, k.descending, k.nullsFirst = "text_pattern_ops", `"C"`, true, true
			})}},
			`CREATE INDEX CONCURRENTLY %s ON "public"."people" USING btree ((split_part(name::text, '.', 2)) DESC)`,
		},
		{
			index{keys: []indexKey{with(id, func(k *indexKey) { k.nullsFirst = true }), with(id, func(k *indexKey) { k.descending = true }), name}},
			`CREATE INDEX CONCURRENTLY %s ON "public"."people" USING btree (id NULLS FIRST, id DESC NULLS LAST, (split_part(name::text, '.', 2)))`,
		},
		{
			index{
				keys:    []indexKey{name, {expr: "lower(x)", collation: `"C"`, opclass: "ops"}, {num: 9, expr: "more", included: true}, {num: 3, expr: "memo", included: true}},
				options: "fillfactor=70", tablespace: "fast", predicate: "(x <> '100%'::text)",
			},
			`CREATE INDEX CONCURRENTLY %s ON "public"."people" USING btree ((split_part(name::text, '.', 2)), (lower(x)) COLLATE "C" ops) ` +
				`INCLUDE (more) WITH (fillfactor=70) TABLESPACE "fast" WHERE (x <> '100%%'::text)`,
		},
	} {
		tc.index.method = "btree"
		if got := tc.index.replacement(people()); got != tc.want {
			t.Errorf("replacement() =\n%s, want\n%s", got, tc.want)
		}
	}
}

func TestDependent_judge(t *testing.T) {
	for _, tc := range []struct {
		dependent
		retyped, sealed bool
		want            Severity
		silent          bool
	}{
		{dependent: dependent{class: "pg_rewrite", kind: "v"}, silent: true},
		{dependent: dependent{class: "pg_rewrite", kind: "v"}, retyped: true, want: Error},
		{dependent: dependent{class: "pg_rewrite", kind: "m"}, want: Error},
		{dependent: dependent{class: "pg_rewrite", kind: "m"}, sealed: true, want: Warning},
		{dependent: dependent{class: "pg_rewrite", kind: "r"}, want: Error},
		{dependent: dependent{class: "pg_constraint", kind: "c", expr: "(name IS NOT NULL)"}, silent: true},
		{dependent: dependent{class: "pg_constraint", kind: "c", expr: "(name <> ''::text)"}, want: Error},
		{dependent: dependent{class: "pg_constraint", kind: "f"}, want: Error},
		{dependent: dependent{class: "pg_attrdef", kind: "own"}, silent: true},
		{dependent: dependent{class: "pg_attrdef", kind: "other"}, want: Error},
		{dependent: dependent{class: "pg_trigger", kind: "of"}, want: Warning},
		{dependent: dependent{class: "pg_trigger", kind: "of"}, retyped: true, want: Error},
		{dependent: dependent{class: "pg_trigger", kind: "when"}, want: Error},
		{dependent: dependent{class: "pg_policy"}, want: Error},
		{dependent: dependent{class: "pg_something_new"}, want: Error},
		{dependent: dependent{class: "pg_statistic_ext"}, want: Info},
	} {
		c := people().columns[0]
		c.declared, c.isText = "text", true
		if tc.retyped {
			c.declared, c.isText = "date", false
		}
		if tc.sealed {
			c.record, c.guardValidated = &record{sealed: true}, true
		}
		tc.what = "the object"
		got, what, _ := tc.dependent.judge(c)
		if (what == "") != tc.silent || got != tc.want {
			t.Errorf("judge(%s %s, retyped %v, sealed %v) = %v, %q, want %v, silent %v",
				tc.class, tc.kind, tc.retyped, tc.sealed, got, what, tc.want, tc.silent)
		}
	}
}

func TestColumn_storage(t *testing.T) {
	for _, tc := range []struct {
		declared, logical string
		elem              uint32
		isText            bool
		want              string
	}{
		{"text", "text", 0, true, "text"}, {"character varying", "varchar", 0, true, "character varying"},
		{"character varying(20)", "varchar", 0, false, "character varying"}, {"character(3)", "bpchar", 0, false, "text"},
		{"date", "date", 0, false, "text"}, {"text[]", "_text", 25, false, "text"}, {"public.citext", "citext", 0, true, "public.citext"},
		{"character varying(20)", "date", 0, false, "text"}, {"text", "date", 0, true, "text"}, {"character varying[]", "_varchar", 1043, false, "text"},
	} {
		c := &column{declared: tc.declared, isText: tc.isText, Protected: &catalog.Protected{Logical: catalog.Type{Name: tc.logical, Elem: tc.elem}}}
		if got := c.storage(); got != tc.want {
			t.Errorf("storage of %s as %s = %q, want %q", tc.declared, tc.logical, got, tc.want)
		}
	}
}

func TestGuardName(t *testing.T) {
	long := strings.Repeat("x", 63)
	for column, want := range map[string]string{"name": "pgveil_guard_name", strings.Repeat("x", 50): "pgveil_guard_" + strings.Repeat("x", 50)} {
		if got := guardName(column); got != want {
			t.Errorf("guardName(%q) = %q, want %q", column, got, want)
		}
	}
	seen := map[string]string{}
	for _, column := range []string{long, long[1:] + "y", strings.Repeat("é", 31), strings.Repeat("é", 30) + "e", long[:51]} {
		got := guardName(column)
		if len(got) > 63 || !utf8.ValidString(got) || !strings.HasPrefix(got, catalog.GuardPrefix) {
			t.Errorf("guardName(%q) = %q, which cannot be a guard's name", column, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("guardName(%q) = guardName(%q)", column, other)
		}
		seen[got] = column
	}
}

// TestOpenColumn_guardName gives a column that has taken over another's name a guard of its own.
func TestOpenColumn_guardName(t *testing.T) {
	tbl := people()
	tbl.columns[1].guard = "pgveil_guard_name" // memo was called name when it was sealed
	c := &openColumn{column: tbl.columns[0]}
	if got, want := c.guardName(), "pgveil_guard_name_2"; got != want {
		t.Errorf("guardName() = %q, want %q", got, want)
	}
	if got, want := (&openColumn{column: tbl.columns[1]}).guardName(), "pgveil_guard_name"; got != want {
		t.Errorf("guardName() = %q, want %q", got, want)
	}
}

func TestRecords_settle(t *testing.T) {
	snap, err := catalog.Build(&policy.Policy{}, "public.a(x text, y text)\ns.b(z text)")
	if err != nil {
		t.Fatal(err)
	}
	a, b := snap.Lookup(nil, "public", "a"), snap.Lookup(nil, "s", "b")
	rec := &records{columns: []*record{
		{schema: "public", table: "a", name: "x", relation: a.OID, num: 1},    // as it was
		{schema: "public", table: "a", name: "y", relation: 99, num: 7},       // restored
		{schema: "old", table: "was_b", name: "q", relation: b.OID, num: 1},   // renamed
		{schema: "public", table: "gone", name: "x", relation: 98, num: 1},    // dropped
		{schema: "public", table: "a", name: "gone", relation: a.OID, num: 9}, // its column dropped
	}}
	moves := rec.settle(snap)
	var got []string
	for _, m := range moves {
		got = append(got, m.from.path()+" -> "+m.to.path())
	}
	if diff := cmp.Diff([]string{"public.a.y -> public.a.y", "old.was_b.q -> s.b.z"}, got); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
	if r := rec.column(a.OID, 2); r == nil || r.name != "y" {
		t.Errorf("the restored column is recorded as %+v", r)
	}
	if again := rec.settle(snap); len(again) > 0 {
		t.Errorf("settled records move again: %v", again)
	}
}

func TestNewDomainID(t *testing.T) {
	id, err := newDomainID(strings.NewReader("0123456789abcdef"))
	if want := "gaytemzugu3doobzmfrggzdfmy"; err != nil || id != want {
		t.Errorf("newDomainID() = %q, %v, want %q", id, err, want)
	}
	if id, err := newDomainID(strings.NewReader("too short")); err == nil {
		t.Errorf("newDomainID() = %q with too little randomness, want an error", id)
	}
}

func TestSameTerms(t *testing.T) {
	of := func(name string) catalog.Type { return catalog.Type{Name: name} }
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"text", "varchar", true}, {"varchar", "varchar", true}, {"text", "citext", false}, {"text", "bpchar", false},
		{"int4", "int8", false}, {"date", "date", true}, {"timestamp", "timestamptz", false}, {"_text", "text", false},
	} {
		if got := sameTerms(of(tc.a), of(tc.b)); got != tc.want {
			t.Errorf("sameTerms(%s, %s) = %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}
