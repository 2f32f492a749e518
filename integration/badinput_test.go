package integration_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/internal/testkit"
)

const badSchema = `CREATE TABLE people (id int PRIMARY KEY, name varchar, email varchar, city text)`

const badPolicy = `version: 1
roles:
  full: {users: [registry]}
access:
  full: reveal
tables:
  people:
    name: {search: [equality]}
    email: {search: [equality]}
`

// What is wrong in the files is said with file, line, column and cure, before anything is touched.
func TestBadInput_files(t *testing.T) {
	t.Parallel()
	s := newStack(t, stackOptions{schema: badSchema, policy: badPolicy, idle: true})
	config, err := os.ReadFile(s.conf)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name           string
		config, policy string
		want           []string // all of them, in what it says
	}{
		{"wrong key in the policy", string(config), strings.Replace(badPolicy, "email: {search", "email: {serach", 1),
			[]string{"policy.yaml:9:13", "serach", "search"}},
		{"wrong key in the configuration", strings.Replace(string(config), "service_user:", "service_usr:", 1), badPolicy,
			[]string{"pgveil.yaml:6:3", "service_usr", "service_user"}},
		{"two wrong things", string(config), strings.Replace(strings.Replace(badPolicy, "equality", "eqality", 1), "full: reveal", "full: show", 1),
			[]string{"policy.yaml:5:", "policy.yaml:8:", "eqality", "show"}},
		{"not YAML", string(config), "version: 1\n\ttables: [", []string{"policy.yaml:2"}},
		{"a secret in the file", strings.Replace(string(config), "env:PGVEIL_PASSPHRASE", "hunter2hunter2", 1), badPolicy,
			[]string{"pgveil.yaml:8:", "passphrase", "env:"}},
	}
	for _, tt := range tests {
		s.writeFile(t, "pgveil.yaml", tt.config)
		s.writeFile(t, "policy.yaml", tt.policy)
		for _, command := range []string{"serve", "apply", "check"} {
			stdout, stderr, code := s.runCommand(t, nil, command)
			if code != 2 {
				t.Errorf("%s: pgveil %s: exit code %d, want 2: %s%s", tt.name, command, code, stdout, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("%s: pgveil %s does not say %q:\n%s%s", tt.name, command, want, stdout, stderr)
				}
			}
			if strings.Contains(stdout+stderr, "hunter2") {
				t.Errorf("%s: pgveil %s repeats the secret:\n%s%s", tt.name, command, stdout, stderr)
			}
		}
	}
}

// Each way in which a custodian cannot be opened has its own message and cure.
func TestBadInput_custodians(t *testing.T) {
	t.Parallel()
	hsm := testkit.StartSoftHSM(t)
	custodian := func(module, token string) string {
		return fmt.Sprintf("{kind: pkcs11, module: %s, token: %s, pin: env:PGVEIL_PIN, key: pgveil-root}", module, token)
	}
	good := append(hsm.Env(), "PGVEIL_PIN="+hsm.PIN)
	s := newStack(t, stackOptions{schema: badSchema, policy: badPolicy, idle: true, custodian: custodian(hsm.Module, hsm.Label), env: good})
	inFile := newStack(t, stackOptions{schema: badSchema, policy: badPolicy, idle: true, name: "_file"})
	tests := []struct {
		name      string
		stack     *stack
		custodian string
		env       []string
		want      []string
	}{
		{"wrong PIN", s, custodian(hsm.Module, hsm.Label), append(hsm.Env(), "PGVEIL_PIN=0000"), []string{"PIN"}},
		{"missing module", s, custodian("/nowhere/libhsm.so", hsm.Label), good, []string{"/nowhere/libhsm.so"}},
		{"no such token", s, custodian(hsm.Module, "elsewhere"), good, []string{"elsewhere"}},
		{"PIN not set", s, custodian(hsm.Module, hsm.Label), hsm.Env(), []string{"PGVEIL_PIN"}},
		{"wrong passphrase", inFile, softwareCustodian, []string{"PGVEIL_PASSPHRASE=not the one"}, []string{"passphrase"}},
	}
	for _, tt := range tests {
		tt.stack.writeConfig(t, stackOptions{policy: badPolicy, custodian: tt.custodian})
		_, stderr, code := tt.stack.runCommand(t, tt.env, "serve")
		if code == 0 {
			t.Errorf("%s: pgveil serve: exit code 0: %s", tt.name, stderr)
		}
		for _, want := range append(tt.want, "error:", "hint:") {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: pgveil serve does not say %q:\n%s", tt.name, want, stderr)
			}
		}
		for _, secret := range []string{"0000", "not the one", hsm.PIN} {
			if strings.Contains(stderr, secret) {
				t.Errorf("%s: pgveil serve repeats the secret:\n%s", tt.name, stderr)
			}
		}
	}
}

// A stored value that was damaged, or moved to another column, does not open;
// the rest does, in the same session too.
func TestBadInput_damagedValues(t *testing.T) {
	t.Parallel()
	s := newStack(t, stackOptions{schema: badSchema, policy: badPolicy})
	conn := s.connect(t, owner)
	name, email := s.planter.New(testkit.Name), s.planter.New(testkit.Email)
	for id := 1; id <= 4; id++ {
		if _, err := conn.Exec(t.Context(), "INSERT INTO people VALUES ($1, $2, $3, 'x')", id, name, email); err != nil {
			t.Fatal(err)
		}
	}
	s.pg.Exec(t, s.db,
		// Another character in the ciphertext.
		"UPDATE people SET name = overlay(name placing CASE substr(name, 100, 1) WHEN 'A' THEN 'B' ELSE 'A' END from 100 for 1) WHERE id = 1",
		"UPDATE people SET name = email WHERE id = 2",
		"UPDATE people SET name = (SELECT name FROM people WHERE id = 4) WHERE id = 3", // allowed: the same column
	)
	for _, id := range []int{1, 2} {
		_, err := conn.Exec(t.Context(), "SELECT name FROM people WHERE id = $1", id)
		wantRefusal(t, fmt.Sprintf("row %d", id), err, "22P03", "does-not-open")
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.ColumnName != "name" {
			t.Errorf("row %d: the error names column %q, want name", id, e.ColumnName)
		}
	}
	for _, id := range []int{3, 4} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT name FROM people WHERE id = $1", id).Scan(&got); err != nil || got != name {
			t.Errorf("row %d: %q, %v, want %q", id, got, err, name)
		}
	}
	// In a transaction the error leaves what an error of the server leaves.
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), "SELECT id, name FROM people ORDER BY id", pgx.QueryExecModeSimpleProtocol)
	wantRefusal(t, "in a transaction", err, "22P03", "does-not-open")
	_ = tx.Rollback(t.Context())
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("after a damaged value: %v", err)
	}
}

func wantRefusal(t *testing.T, what string, err error, state, code string) {
	t.Helper()
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != state || oracle.Code(e) != code {
		t.Errorf("%s: error %v, want SQLSTATE %s with code %s", what, err, state, code)
	}
}

// A client that breaks the protocol is told so and loses its connection; a
// session beside it does not notice.
func TestBadInput_messages(t *testing.T) {
	t.Parallel()
	s := newStack(t, stackOptions{schema: badSchema, policy: badPolicy})
	beside := s.connect(t, owner)
	name := s.planter.New(testkit.Name)
	if _, err := beside.Exec(t.Context(), "INSERT INTO people (id, name) VALUES (1, $1)", name); err != nil {
		t.Fatal(err)
	}
	frame := func(kind byte, length uint32, body string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{kind}, length), body...)
	}
	tests := []struct {
		name    string
		startup bool // instead of after a login
		bytes   []byte
		close   bool   // hang up after sending
		want    string // in the answer; "" for none
	}{
		{"truncated Query", false, frame('Q', 100, "SELECT name FROM people"), true, ""},
		{"Query that declares 2 GB", false, frame('Q', 0x7fffffff, "SELECT 1"), false, "08P01"},
		{"Query of negative length", false, frame('Q', 0xfffffff0, "SELECT 1"), false, "08P01"},
		{"Query of length 3", false, frame('Q', 3, ""), false, "08P01"},
		{"Query without its zero byte", false, frame('Q', 4+24, "SELECT name FROM people "), true, "08P01"},
		{"Parse that declares parameters it has not", false, frame('P', 4+27, "\x00SELECT name FROM people\x00\x7f\xff"), true, "08P01"},
		{"Bind with a length beyond its body", false, frame('B', 4+12, "\x00\x00\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00"), true, ""},
		{"unknown message", false, frame('~', 8, "abcd"), false, "08P01"},
		{"startup that declares 2 GB", true, []byte("\x7f\xff\xff\xff\x00\x03\x00\x00"), false, ""},
		{"startup of length 0", true, []byte("\x00\x00\x00\x00\x00\x03\x00\x00"), false, ""},
		{"startup cut short", true, []byte("\x00\x00\x00\x20\x00\x03\x00\x00user\x00"), true, ""},
		{"HTTP", true, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), false, ""},
		{"random bytes", true, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage that is no hello at all, long enough"), true, ""},
	}
	for _, tt := range tests {
		answer := s.sendRaw(t, tt.startup, tt.bytes, tt.close)
		if !strings.Contains(answer, tt.want) {
			t.Errorf("%s: the answer %q does not say %s", tt.name, answer, tt.want)
		}
		if strings.Contains(answer, name) {
			t.Errorf("%s: the answer holds a protected value", tt.name)
		}
		var got string
		if err := beside.QueryRow(t.Context(), "SELECT name FROM people WHERE name = $1", name).Scan(&got); err != nil || got != name {
			t.Fatalf("after %s, a session beside it: %q, %v", tt.name, got, err)
		}
	}
	if s.hasEnded() {
		t.Fatal("pgveil has ended")
	}
}

// sendRaw sends bytes on a connection of its own and returns all that comes back until it is closed.
func (s *stack) sendRaw(t *testing.T, startup bool, bytes []byte, hangUp bool) string {
	t.Helper()
	var conn net.Conn
	var err error
	if startup {
		conn, err = net.Dial("tcp", s.addr())
	} else {
		conn, err = s.login(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(bytes); err != nil {
		t.Fatal(err)
	}
	if hangUp {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(conn)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		t.Errorf("after %q the connection stays open; it said %q", bytes, answer)
	}
	return string(answer)
}

// login returns the bare connection of a session that is ready for a query.
func (s *stack) login(t *testing.T) (net.Conn, error) {
	conn, err := pgconn.Connect(t.Context(), s.url(owner))
	if err != nil {
		return nil, err
	}
	h, err := conn.Hijack()
	if err != nil {
		return nil, err
	}
	return h.Conn, nil
}

// A server that is down, and a password that is wrong, are the client's to
// hear of, as the server would put it; when the server is back all goes on.
func TestBadInput_serverAndPassword(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t, testkit.WithHBA(
		"host all "+service+" 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"))
	s := newStack(t, stackOptions{schema: badSchema, policy: badPolicy, pg: pg})
	pg.Exec(t, "postgres", "ALTER ROLE registry PASSWORD 'right one'")
	login := func(password string) (*pgconn.PgConn, error) {
		config, err := pgconn.ParseConfig(s.url(owner))
		if err != nil {
			t.Fatal(err)
		}
		config.Password = password
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return pgconn.ConnectConfig(ctx, config)
	}
	_, err := login("wrong one")
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "28P01" {
		t.Errorf("wrong password: %v, want SQLSTATE 28P01 from the server", err)
	}
	conn, err := login("right one")
	if err != nil {
		t.Fatalf("right password: %v", err)
	}
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT 1").ReadAll(); err == nil {
		t.Error("a session whose server is gone still answers")
	}
	_, err = login("right one")
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "08006" || strings.Contains(e.Message+e.Detail, pg.Addr()) {
		t.Errorf("server down: %v, want SQLSTATE 08006 and no address", err)
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err = login("right one")
	if err != nil {
		t.Fatalf("after the server is back: %v", err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "INSERT INTO people (id, name) VALUES (1, '"+s.planter.New(testkit.Name)+"')").ReadAll(); err != nil {
		t.Errorf("after the server is back: %v", err)
	}
}
