package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/testkit"
)

const driverSchema = `
CREATE TABLE people (
    id int PRIMARY KEY,
    name varchar(100) NOT NULL,
    email varchar,
    birthdate date,
    income numeric(12,2),
    active boolean DEFAULT true,
    doc jsonb,
    tag uuid
);`

const driverPolicy = `version: 1
roles:
  full: {users: [registry]}
access:
  full: reveal
tables:
  people:
    name: {search: [equality]}
    email: {search: [equality]}
    birthdate: {search: [equality]}
    income: {search: [equality]}
    active: {}
    doc: {search: [equality]}
    tag: {search: [equality]}
`

// driverValues are the secrets that a driver's program works with.
func driverValues(p *testkit.Planter) map[string]string {
	return map[string]string{
		"name": p.New(testkit.Name), "email": p.New(testkit.Email), "email2": p.New(testkit.Email),
		"birthdate": p.New(testkit.Date), "income": p.New(testkit.Numeric), "uuid": p.New(testkit.UUID),
	}
}

// A driver's program prints what it sees: values, declared types, tags and
// errors. Through pgveil it must print what it prints on plain PostgreSQL.
func TestDrivers(t *testing.T) {
	node, err := filepath.Abs("../.work/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  []string
		probe []string // proves that the driver is there
		// steps are the fewest lines that a program which did its work prints.
		steps int
	}{
		{"psql", nil, []string{"psql", "--version"}, 30},
		{"psycopg2", []string{"/usr/bin/python3", "testdata/drivers/psycopg2_client.py"}, []string{"/usr/bin/python3", "-c", "import psycopg2"}, 9},
		{"psycopg3", []string{"/usr/bin/python3", "testdata/drivers/psycopg3_client.py"}, []string{"/usr/bin/python3", "-c", "import psycopg"}, 21},
		{"node-postgres", []string{"node", "testdata/drivers/node_client.js"}, []string{"node", "-e", "require('pg')"}, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			probe := exec.Command(tt.probe[0], tt.probe[1:]...)
			probe.Env = append(os.Environ(), "NODE_PATH="+node)
			if out, err := probe.CombinedOutput(); err != nil {
				testkit.Unavailable(t, fmt.Errorf("%s: %w: %v: %s", tt.name, testkit.ErrMissing, err, out))
			}
			s := newStack(t, stackOptions{schema: driverSchema, policy: driverPolicy})
			values := driverValues(&s.planter)
			run := func(host string, port int) string {
				args := tt.args
				if args == nil {
					args = psqlArgs(values)
				}
				return runClient(t, node, host, port, s.db, values, args)
			}
			want := run(s.twin.Host, s.twin.Port)
			if n := strings.Count(want, "\n"); n < tt.steps {
				t.Fatalf("on plain PostgreSQL it printed %d lines, want at least %d:\n%s", n, tt.steps, want)
			}
			if diff := cmp.Diff(want, run(s.Host, s.Port)); diff != "" {
				t.Errorf("through pgveil (-plain +pgveil):\n%s", diff)
			}
		})
	}
}

func psqlArgs(values map[string]string) []string {
	args := []string{"psql", "-X", "-q", "-f", "testdata/drivers/psql.sql"}
	for name, value := range values {
		args = append(args, "-v", name+"="+value)
	}
	return args
}

func runClient(t *testing.T, node, host string, port int, db string, values map[string]string, args []string) string {
	t.Helper()
	coded, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+node, "VALUES="+string(coded),
		fmt.Sprintf("DSN=postgresql://%s@%s:%d/%s?sslmode=disable", owner, host, port, db),
		"PGHOST="+host, "PGPORT="+strconv.Itoa(port), "PGUSER="+owner, "PGDATABASE="+db, "PGSSLMODE=disable", "PGTZ=UTC")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s on port %d: %v: %s%s", args[0], port, err, out.String(), errs.String())
	}
	return out.String()
}
