package generate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/policy"
)

func TestNewWorld_isDecidedByItsSeed(t *testing.T) {
	t.Parallel()
	a, b, other := NewWorld(3), NewWorld(3), NewWorld(4)
	if diff := cmp.Diff([]string{a.Schema(), a.Policy("u")}, []string{b.Schema(), b.Policy("u")}); diff != "" {
		t.Errorf("two worlds of one seed differ:\n%s", diff)
	}
	if !slices.Equal(a.Fill(), b.Fill()) {
		t.Error("two worlds of one seed have other data")
	}
	if a.Schema() == other.Schema() {
		t.Error("worlds of two seeds have one schema")
	}
	if slices.Equal(a.Marks(), other.Marks()) {
		t.Error("worlds of two seeds have the same marks")
	}
}

// A policy that pgveil does not take would make every run fail at its start.
func TestWorld_policyIsValidAndComplete(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		w := NewWorld(seed)
		p, err := policy.Load("policy.yaml", []byte(w.Policy("registry")))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, w.Policy("registry"))
		}
		said, protected := 0, 0
		for _, table := range p.Tables {
			said += len(table.Columns)
		}
		for _, table := range w.Tables {
			for _, col := range table.Columns {
				if col.protected() {
					protected++
				}
			}
		}
		if said != protected || protected == 0 {
			t.Errorf("seed %d: the policy protects %d columns, want %d", seed, said, protected)
		}
	}
}

// Over some worlds, everything that a schema may have is there.
func TestNewWorld_hasEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for seed := range uint64(60) {
		w := NewWorld(seed)
		for _, table := range w.Tables {
			seen["table "+table.Schema] = true
			for _, col := range table.Columns[2:] {
				kind := "plain"
				if col.protected() {
					kind = "protected"
				}
				seen[kind+" "+string(col.Type)] = true
				seen[fmt.Sprintf("%s unique %t", kind, col.Unique)] = true
				seen[fmt.Sprintf("%s not null %t", kind, col.NotNull)] = true
				seen["default "+fmt.Sprint(col.Default != "")] = true
				seen["equality "+fmt.Sprint(col.searchable())] = true
				seen["shared "+fmt.Sprint(strings.HasPrefix(col.Domain, "shared"))] = true
			}
		}
		for _, sql := range w.Fill() {
			seen["NULL"] = seen["NULL"] || strings.Contains(sql, "NULL")
			seen["empty"] = seen["empty"] || strings.Contains(sql, "''")
			seen["beyond ASCII"] = seen["beyond ASCII"] || strings.Contains(sql, "日")
		}
	}
	want := []string{
		"table public", "table elsewhere", "plain unique true", "protected unique true", "plain not null true",
		"protected not null true", "default true", "equality false", "shared true", "shared false", "NULL", "empty", "beyond ASCII",
	}
	for _, typ := range types() {
		want = append(want, "plain "+string(typ), "protected "+string(typ))
	}
	for _, w := range want {
		if !seen[w] {
			t.Errorf("no world of 60 has: %s", w)
		}
	}
}

func TestIdent(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"name": "name", "order": `"order"`, "Mixed Case": `"Mixed Case"`, `quo"te`: `"quo""te"`, "ünï": `"ünï"`, "v2": "v2",
	} {
		if got := Ident(name); got != want {
			t.Errorf("Ident(%q) = %s, want %s", name, got, want)
		}
	}
}
