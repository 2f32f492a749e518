package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/strictyaml/schematest"
)

var compareReferences = cmp.AllowUnexported(Reference{})

const minimal = "version: 1\nlisten: :6432\nserver: {address: 'db:5432'}\ndatabases: {}\n"

func TestLoad_everyKey(t *testing.T) {
	got, err := Load("/etc/pgveil/pgveil.yaml", []byte(`
version: 1
listen: ["127.0.0.1:6432", "[::1]:6432", run/pgveil.sock, ":0"]
tls: {cert: server.crt, key: /k/server.key, client_ca: ca.crt, require: true}
server:
  address: db.example.org:5432
  tls: verify-ca
  ca: ../ca.crt
  cert: me.crt
  key: me.key
  service_user: pgveil
  service_password: env:PW
auth: {mode: relay}
custodian: {kind: software, file: keys/root.key, passphrase: file:keys/pass, key_lifetime: 10m}
databases:
  openg2p: {policy: openg2p.yaml}
  "*": {policy: /p/rest.yaml}
admin: {listen: 127.0.0.1:9632}
limits: {max_message: 16 MiB, max_startup: 65536, connections: 5, login_timeout: 5s, drain_timeout: 1m30s}
`))
	if err != nil {
		t.Fatalf("Load:\n%v", err)
	}
	want := &Config{
		Listen: []Address{
			{"tcp", "127.0.0.1:6432"}, {"tcp", "[::1]:6432"}, {"unix", "/etc/pgveil/run/pgveil.sock"}, {"tcp", ":0"},
		},
		TLS: &ClientTLS{Cert: "/etc/pgveil/server.crt", Key: "/k/server.key", ClientCA: "/etc/pgveil/ca.crt", Require: true},
		Server: Server{
			Address:     Address{"tcp", "db.example.org:5432"},
			TLS:         ServerTLS{Mode: "verify-ca", CA: "/etc/ca.crt", Cert: "/etc/pgveil/me.crt", Key: "/etc/pgveil/me.key"},
			ServiceUser: "pgveil", ServicePassword: Reference{"env", "PW"},
		},
		Custodian: Custodian{
			Kind: Software, File: "/etc/pgveil/keys/root.key", Passphrase: Reference{"file", "/etc/pgveil/keys/pass"},
			KeyLifetime: 10 * time.Minute,
		},
		Databases: []Database{{"openg2p", "/etc/pgveil/openg2p.yaml"}, {"*", "/p/rest.yaml"}},
		Admin:     Address{"tcp", "127.0.0.1:9632"},
		Limits: Limits{
			MaxMessage: 16 << 20, MaxStartup: 64 << 10, Connections: 5,
			LoginTimeout: 5 * time.Second, DrainTimeout: 90 * time.Second,
		},
	}
	if diff := cmp.Diff(want, got, compareReferences); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoad_defaults(t *testing.T) {
	got, err := Load("/etc/pgveil.yaml", []byte(minimal))
	if err != nil {
		t.Fatalf("Load:\n%v", err)
	}
	want := &Config{
		Listen: []Address{{"tcp", ":6432"}},
		Server: Server{Address: Address{"tcp", "db:5432"}, TLS: ServerTLS{Mode: "prefer"}},
		Limits: Limits{
			MaxMessage: 1 << 30, MaxStartup: 64 << 10, Connections: 1000,
			LoginTimeout: time.Minute, DrainTimeout: 30 * time.Second,
		},
	}
	if diff := cmp.Diff(want, got, compareReferences); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoad_pkcs11(t *testing.T) {
	got, err := Load("/etc/pgveil.yaml", []byte(minimal+
		"custodian: {kind: pkcs11, module: /usr/lib/softhsm/libsofthsm2.so, token: pgveil, pin: env:PIN, key: root}\n"))
	if err != nil {
		t.Fatalf("Load:\n%v", err)
	}
	want := Custodian{
		Kind: PKCS11, Module: "/usr/lib/softhsm/libsofthsm2.so", Token: "pgveil", PIN: Reference{"env", "PIN"}, Key: "root",
		KeyLifetime: time.Hour,
	}
	if diff := cmp.Diff(want, got.Custodian, compareReferences); diff != "" {
		t.Errorf("Custodian (-want +got):\n%s", diff)
	}
}

// problems.txt holds files and what must be said of each.
func TestLoad_reports(t *testing.T) {
	pages, err := os.ReadFile(filepath.Join("testdata", "problems.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range strings.Split(string(pages), "\n=== ")[1:] {
		title, rest, _ := strings.Cut(page, "\n")
		text, want, ok := strings.Cut(rest, "--- problems ---\n")
		if !ok {
			t.Fatalf("page %q has no problems", title)
		}
		t.Run(title, func(t *testing.T) {
			c, err := Load("c", []byte(text))
			if err == nil {
				t.Fatalf("Load = %+v, want problems:\n%s", c, want)
			}
			if diff := cmp.Diff(strings.TrimSpace(want), err.Error()); diff != "" {
				t.Errorf("Load (-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever writes a secret into the file must not find it in the log too.
func TestLoad_neverRepeatsASecret(t *testing.T) {
	for _, value := range []string{
		"hunter2", "'env:hunter2 '", "env:hunter2!", "{env: hunter2}", "[hunter2]", "hunter2:env", "'hunter2", "\"\\qhunter2\"", "x: hunter2", "!hunter2 x", "!hunter2", "&hunter2 x", "*hunter2", "@hunter2", "%hunter2", "|\n  hunter2",
	} {
		for _, place := range []string{
			"server: {address: 'db:1', service_password: ?}",
			"custodian: {kind: software, file: f, passphrase: ?}",
			"custodian: {kind: pkcs11, module: m, token: t, key: k, pin: ?}",
		} {
			text := "version: 1\nlisten: :6432\ndatabases: {}\n" + strings.Replace(place, "?", value, 1)
			_, err := Load("c", []byte(text))
			if err == nil {
				t.Errorf("Load(%q) = nil, want a problem", text)
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Load(%q) repeats the secret: %v", text, err)
			}
		}
	}
}

func TestLoad_overrides(t *testing.T) {
	text := "version: 1\nlisten: :1\nserver: {address: 'db:5432', tls: require, service_user: a}\ndatabases: {}\nadmin: {listen: ':2'}\n"
	got, err := Load("/etc/c", []byte(text),
		Override{"PGVEIL_LISTEN", "listen", "127.0.0.1:7000"},
		Override{"PGVEIL_SERVER_TLS", "server.tls", "disable"},
		Override{"PGVEIL_SERVICE_USER", "server.service_user", "b"},
		Override{"PGVEIL_ADMIN_LISTEN", "admin.listen", ":9"},
		Override{"--listen", "listen", "127.0.0.1:8000, /run/x.sock"},
		Override{"--server", "server.address", "/var/run/postgresql"},
	)
	if err != nil {
		t.Fatalf("Load:\n%v", err)
	}
	if diff := cmp.Diff([]Address{{"tcp", "127.0.0.1:8000"}, {"unix", "/run/x.sock"}}, got.Listen); diff != "" {
		t.Errorf("Listen (-want +got):\n%s", diff)
	}
	if want := (Address{"unix", "/var/run/postgresql"}); got.Server.Address != want {
		t.Errorf("Server.Address = %v, want %v", got.Server.Address, want)
	}
	if got.Server.TLS.Mode != "disable" || got.Server.ServiceUser != "b" || got.Admin.Address != ":9" {
		t.Errorf("Load = %+v, want tls disable, user b, admin :9", got)
	}
}

func TestLoad_overridesStandInForMissingKeys(t *testing.T) {
	text := []byte("version: 1\ndatabases: {}\n")
	overrides := []Override{{"--listen", "listen", ":1"}, {"--server", "server.address", "db:5432"}}
	if _, err := Load("c", text, overrides...); err != nil {
		t.Errorf("Load with --listen and --server: %v", err)
	}
	_, err := Load("c", text, Override{"--listen", "listen", "nonsense"}, Override{"PGVEIL_SERVER_TLS", "server.tls", "requir"})
	want := `--listen: listen: "nonsense" is not an address (write host:port, [v6]:port or the path of a Unix socket)
PGVEIL_SERVER_TLS: server.tls: is not a TLS mode (did you mean "require"?)
c:1:1: "server" is missing`
	if err == nil || err.Error() != want {
		t.Errorf("Load = %v, want\n%s", err, want)
	}
}

func TestEnvironment(t *testing.T) {
	env := map[string]string{
		"PGVEIL_LISTEN": ":1", "PGVEIL_SERVER_ADDRESS": "db:2", "PGVEIL_SERVER_TLS": "", "PGVEIL_ADMIN_LISTEN": ":3", "PGVEIL_PIN": "x",
	}
	got := Environment(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	want := []Override{
		{"PGVEIL_LISTEN", "listen", ":1"},
		{"PGVEIL_SERVER_ADDRESS", "server.address", "db:2"},
		{"PGVEIL_ADMIN_LISTEN", "admin.listen", ":3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Environment (-want +got):\n%s", diff)
	}
}

func TestConfig_Database(t *testing.T) {
	c := &Config{Databases: []Database{{"*", "rest"}, {"a", "a.yaml"}}}
	if d, ok := c.Database("a"); !ok || d.Policy != "a.yaml" {
		t.Errorf("Database(a) = %v, %v", d, ok)
	}
	if d, ok := c.Database("b"); !ok || d.Policy != "rest" {
		t.Errorf("Database(b) = %v, %v, want that of *", d, ok)
	}
	c.Databases = c.Databases[1:]
	if d, ok := c.Database("b"); ok {
		t.Errorf("Database(b) = %v, want none", d)
	}
}

func TestSchema_knowsTheKeysThatLoadKnows(t *testing.T) {
	decode := func(text []byte) error {
		_, err := Load("c", text)
		return err
	}
	differences := schematest.Differences(Schema(), decode, map[string][]string{
		"":          {`{"?": 1}`},
		"tls":       {`{tls: {"?": 1}}`},
		"server":    {`{server: {"?": 1}}`},
		"auth":      {`{auth: {"?": 1}}`},
		"custodian": {`{custodian: {kind: software, "?": 1}}`, `{custodian: {kind: pkcs11, "?": 1}}`},
		"database":  {`{databases: {d: {"?": 1}}}`},
		"admin":     {`{admin: {"?": 1}}`},
		"limits":    {`{limits: {"?": 1}}`},
	})
	for _, d := range differences {
		t.Error(d)
	}
}

func TestResolver(t *testing.T) {
	files := map[string]string{"/pin": "1234\n", "/crlf": "a b\r\n", "/two": "x\n\n", "/empty": "\n", "/big": strings.Repeat("x", maxSecret+1)}
	resolver := Resolver{
		LookupEnv: func(name string) (string, bool) {
			v, ok := map[string]string{"PW": "s3cret\n", "NONE": ""}[name]
			return v, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
		},
	}
	for ref, want := range map[Reference]string{
		{"env", "PW"}: "s3cret\n", {"file", "/pin"}: "1234", {"file", "/crlf"}: "a b", {"file", "/two"}: "x\n",
	} {
		got, err := resolver.Resolve(ref)
		if err != nil {
			t.Errorf("Resolve(%v): %v", ref, err)
		}
		_ = got.Use(func(b []byte) error {
			if string(b) != want {
				t.Errorf("Resolve(%v) = %q, want %q", ref, b, want)
			}
			return nil
		})
	}
	for ref, want := range map[Reference]string{
		{"env", "MISSING"}: "secret cannot be had: env:MISSING: the variable is not set",
		{"env", "NONE"}:    "secret cannot be had: env:NONE is empty",
		{"file", "/empty"}: "secret cannot be had: file:/empty is empty",
		{"file", "/no"}:    "secret cannot be had: file:/no: file does not exist",
		{"file", "/big"}:   "secret cannot be had: file:/big has more than 65536 bytes",
		{}:                 "secret cannot be had: (none): nothing is referred to",
	} {
		_, err := resolver.Resolve(ref)
		if err == nil || err.Error() != want || !errors.Is(err, ErrNoSecret) {
			t.Errorf("Resolve(%v): %v, want %s", ref, err, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("custodian: {kind: pkcs11, pin: env:X}\nlimits: {max_message: 1GiB, login_timeout: 3s}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Load("c", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("Load(%q) = %v, %v", data, c, err)
		}
		if c != nil && (len(c.Listen) == 0 || c.Server.Address.Network == "" || c.Limits.MaxMessage <= 0) {
			t.Errorf("Load(%q) = %+v, incomplete", data, c)
		}
	})
}
