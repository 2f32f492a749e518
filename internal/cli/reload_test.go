package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/proxy"
)

func TestReload_takesAllPoliciesOrNone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const people = "version: 1\ntables:\n  people:\n    name: {search: [equality]}\n"
	c := &config.Config{Databases: []config.Database{
		{Name: "a", Policy: write("a.yaml", people)}, {Name: "*", Policy: write("b.yaml", people)},
	}}
	policies, err := loadPolicies(c)
	if err != nil {
		t.Fatal(err)
	}
	d := &databases{policies: policies, open: map[string]*openDatabase{}}
	for _, name := range []string{"a", "unlisted"} {
		p, ok := policies[name]
		if !ok {
			p = policies["*"]
		}
		d.open[name] = &openDatabase{name: name, Database: proxy.NewDatabase(proxy.DatabaseOptions{Name: name, Policy: p})}
	}
	d.overflow = proxy.NewDatabase(proxy.DatabaseOptions{Name: "*", Policy: policies["*"]})
	tables := func() string {
		var all []string
		for _, p := range []*policy.Policy{d.open["a"].Policy(), d.open["unlisted"].Policy(), d.overflow.Policy(), d.policies["a"], d.policies["*"]} {
			all = append(all, p.Tables[len(p.Tables)-1].Name)
		}
		return strings.Join(all, " ")
	}
	core, logs := observer.New(zap.InfoLevel)

	write("a.yaml", strings.Replace(people, "people", "persons", 1))
	write("b.yaml", strings.Replace(people, "serach", "search", 1)+"    phone: {serach: []}\n")
	reload(c, d, zap.New(core))
	if got, want := tables(), "people people people people people"; got != want {
		t.Errorf("after a mistake in one file the policies are of %s, want %s", got, want)
	}
	entry := logs.TakeAll()
	if len(entry) != 1 || !strings.Contains(entry[0].ContextMap()["error"].(string), "b.yaml:5:") {
		t.Errorf("the log has %v, want the place of the mistake", entry)
	}

	write("b.yaml", strings.Replace(people, "people", "others", 1))
	reload(c, d, zap.New(core))
	if got, want := tables(), "persons others others persons others"; got != want {
		t.Errorf("the policies are of %s, want %s", got, want)
	}
	if entry := logs.TakeAll(); len(entry) != 1 || entry[0].Message != "policies reloaded" {
		t.Errorf("the log has %v, want that they are reloaded", entry)
	}
}
