package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// everything has each key that a configuration can have.
const everything = `version: 1
listen: [127.0.0.1:6432]
tls: {cert: a, key: b, client_ca: c, require: true}
server:
  address: db:5432
  tls: verify-full
  ca: ca.crt
  cert: a
  key: b
  service_user: pgveil
  service_password: env:PW
auth: {mode: relay}
custodian: {kind: pkcs11, module: m, token: t, pin: env:PIN, key: k, key_lifetime: 1h}
databases:
  reg: {policy: p.yaml}
admin: {listen: 127.0.0.1:9632}
limits: {max_message: 1GiB, max_startup: 64KiB, connections: 10, login_timeout: 1m, drain_timeout: 30s}
`

// A typo in any key, wherever it stands, is found where it stands. The keys
// that another depends on are missing then, which is said too.
func TestLoad_findsATypoInEveryKey(t *testing.T) {
	example, err := os.ReadFile("../../configs/pgveil.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keyBeforeColon := regexp.MustCompile(`([a-z_0-9]+):( |$)`)
	for name, text := range map[string]string{"everything": everything, "the example": string(example)} {
		if _, err := Load("c", []byte(text)); err != nil {
			t.Fatalf("%s does not load: %v", name, err)
		}
		lines := strings.Split(text, "\n")
		tried := 0
		for i, line := range lines {
			code, _, _ := strings.Cut(line, "#")
			for _, at := range keyBeforeColon.FindAllStringSubmatchIndex(code, -1) {
				key := code[at[2]:at[3]]
				if key == "reg" || key == "openg2p" {
					continue // names of databases
				}
				tried++
				spoiled := append([]string(nil), lines...)
				spoiled[i] = line[:at[2]] + key + "x" + line[at[3]:]
				wantProblemAt(t, name, strings.Join(spoiled, "\n"), i+1, at[2]+1, key)
			}
		}
		if tried < 15 {
			t.Errorf("%s: only %d keys were tried", name, tried)
		}
	}
}

func wantProblemAt(t *testing.T, name, text string, line, column int, key string) {
	t.Helper()
	_, err := Load("c", []byte(text))
	problems, ok := errors.AsType[*Problems](err)
	if !ok {
		t.Errorf("%s:%d: %sx instead of %s is not noticed: %v", name, line, key, key, err)
		return
	}
	for _, p := range *problems {
		if p.Line == line && p.Column == column && p.Why == fmt.Sprintf("unknown key %q", key+"x") {
			return
		}
	}
	t.Errorf("%s: no problem at %d:%d for %sx, but:\n%v", name, line, column, key, err)
}

// Taking any line away gives a configuration or a problem, never a panic or a
// configuration with a hole.
func TestLoad_withoutAnyLine(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(everything), "\n")
	for i := range lines {
		text := strings.Join(append(append([]string(nil), lines[:i]...), lines[i+1:]...), "\n")
		c, err := Load("c", []byte(text))
		if (c == nil) == (err == nil) {
			t.Errorf("without %q: %v, %v", lines[i], c, err)
		}
		if c == nil {
			continue
		}
		if len(c.Listen) == 0 || c.Server.Address.Network == "" || c.Server.TLS.Mode == "" || c.Limits.Connections == 0 || c.Limits.LoginTimeout == 0 {
			t.Errorf("without %q: the configuration has a hole: %+v", lines[i], c)
		}
		if len(c.Databases) > 0 && (c.Custodian.Kind == "" || c.Custodian.KeyLifetime == 0 || c.Server.ServiceUser == "") {
			t.Errorf("without %q: databases have a policy, but nobody keeps their keys: %+v", lines[i], c)
		}
	}
}
