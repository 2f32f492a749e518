package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/strictyaml"
	"github.com/pgveil/pgveil/keystore"
)

// configured writes files and returns the configuration among them.
func configured(t *testing.T, databases string, policies map[string]string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	policies["pgveil.yaml"] = `version: 1
listen: 127.0.0.1:6432
server: {address: "127.0.0.1:1", service_user: x}
custodian: {kind: software, file: f, passphrase: env:P}
databases: ` + databases + "\n"
	for name, text := range policies {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := settings{file: filepath.Join(dir, "pgveil.yaml")}
	c, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const tinyPolicy = "version: 1\ntables: {t: {c: {}}}\n"

func names(all []target) string {
	var names []string
	for _, t := range all {
		names = append(names, t.name)
	}
	return strings.Join(names, " ")
}

func TestTargets(t *testing.T) {
	c := configured(t, `{b: {policy: p.yaml}, "*": {policy: p.yaml}, a: {policy: p.yaml}}`, map[string]string{"p.yaml": tinyPolicy})
	for _, tc := range []struct{ database, want string }{{"", "b a"}, {"a", "a"}, {"unlisted", "unlisted"}} {
		s := settings{database: tc.database}
		all, err := s.targets(c)
		if err != nil || names(all) != tc.want {
			t.Errorf("targets of --database %q = %s, %v, want %s", tc.database, names(all), err, tc.want)
		}
		for _, one := range all {
			if one.policy.Column("public", "t", "c") == nil {
				t.Errorf("target %s has no policy", one.name)
			}
		}
	}
	if _, err := (&settings{}).one(c); err == nil || !strings.Contains(hintOf(err), "b, *, a") {
		t.Errorf("one of several = %v, want an error that names them", err)
	}
	if one, err := (&settings{database: "a"}).one(c); err != nil || one.name != "a" {
		t.Errorf("one with --database = %v, %v", one, err)
	}
}

func TestTargets_thatAreNone(t *testing.T) {
	star := configured(t, `{"*": {policy: p.yaml}}`, map[string]string{"p.yaml": tinyPolicy})
	if _, err := (&settings{}).targets(star); err == nil || report(&strings.Builder{}, err) != exitUsage {
		t.Errorf("targets of * = %v, want a usage error", err)
	}
	listed := configured(t, `{a: {policy: p.yaml}}`, map[string]string{"p.yaml": tinyPolicy})
	if _, err := (&settings{database: "b"}).targets(listed); err == nil || !strings.Contains(err.Error(), `"b" has no policy`) {
		t.Errorf("targets of a database that is not listed = %v", err)
	}
}

// All that is wrong with all policies is said at once.
func TestLoadPolicies_reportsAllFiles(t *testing.T) {
	c := configured(t, `{a: {policy: a.yaml}, b: {policy: b.yaml}, c: {policy: c.yaml}}`, map[string]string{
		"a.yaml": "version: 2\ntables: {}\n", "b.yaml": tinyPolicy, "c.yaml": "version: 1\n",
	})
	_, err := loadPolicies(c)
	problems, ok := errors.AsType[*strictyaml.Problems](err)
	if !ok || len(*problems) != 2 {
		t.Fatalf("loadPolicies = %v, want two problems", err)
	}
	for i, file := range []string{"a.yaml", "c.yaml"} {
		if got := filepath.Base((*problems)[i].File); got != file {
			t.Errorf("problem %d is in %s, want %s", i, got, file)
		}
	}
}

func TestSettings_flagsStandOverVariables(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nlisten: :1\nserver: {address: 'db:1'}\ndatabases: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGVEIL_CONFIG", file)
	t.Setenv("PGVEIL_LISTEN", ":2")
	t.Setenv("PGVEIL_SERVER_ADDRESS", "db:2")
	c, err := (&settings{listen: []string{":3", ":4"}}).load()
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Address{{Network: "tcp", Address: ":3"}, {Network: "tcp", Address: ":4"}}
	if diff := cmp.Diff(want, c.Listen); diff != "" || c.Server.Address.Address != "db:2" {
		t.Errorf("server %s, listen (-want +got):\n%s", c.Server.Address, diff)
	}
	if c, err = (&settings{file: file, server: "db:3"}).load(); err != nil || c.Server.Address.Address != "db:3" || c.Listen[0].Address != ":2" {
		t.Errorf("load = %+v, %v, want the server of the flag and the listen address of the variable", c, err)
	}
}

func TestPrintKeys(t *testing.T) {
	var out strings.Builder
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	err := printKeys(&out, "reg", []keystore.Info{
		{Keyset: "default", Purpose: keystore.Data, Version: 1, State: keystore.Active, Scheme: "aes-gcm", Custodian: "software:ab", Created: created},
		{Keyset: "long-name", Purpose: keystore.Index, State: keystore.Pending, Scheme: "aes-kwp", Custodian: "pkcs11:cd", Created: created},
	})
	want := `DATABASE  KEYSET     PURPOSE  VERSION  STATE    SCHEME   ROOT KEY     CREATED
reg       default    data     1        active   aes-gcm  software:ab  2026-01-02T02:04:05Z
reg       long-name  index    0        pending  aes-kwp  pkcs11:cd    2026-01-02T02:04:05Z
`
	if diff := cmp.Diff(want, out.String()); err != nil || diff != "" {
		t.Errorf("printKeys: %v (-want +got):\n%s", err, diff)
	}
}
