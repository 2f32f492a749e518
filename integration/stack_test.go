package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
)

// The database users of every stack. What each may do is the policy's to say;
// in the server all of them may do the same.
const (
	// owner owns the tables and, in the usual policy, reads in clear.
	owner = "registry"
	// service is pgveil's own user.
	service = "pgveil"
	// clerk and other are users that policies give less.
	clerk = "clerk"
	other = "outsider"
)

const passphrase = "correct horse battery staple"

// stack is a sealed database with pgveil before it, and its plain twin.
type stack struct {
	pg    *testkit.Postgres // the sealed server
	twin  *testkit.Postgres
	db    string // the name of both databases
	dir   string
	conf  string
	log   string // pgveil's own
	Host  string
	Port  int
	admin string

	planter testkit.Planter
	serve   *exec.Cmd
	ended   chan struct{}
}

// stackOptions say how a stack differs from the usual.
type stackOptions struct {
	schema, policy string
	// custodian replaces the software key file; env is what it needs.
	custodian string
	env       []string
	// before is called with the sealed database filled and not yet applied.
	before func(*stack)
	// idle leaves pgveil not running.
	idle bool
	// name tells the databases of several stacks of one test apart.
	name string
	// pg is the server to seal, if not the one that tests share.
	pg *testkit.Postgres
}

// newStack makes both databases with the schema, brings the sealed one to what
// the policy says, and starts pgveil. When the test ends, the sealed server
// and pgveil's log are searched for what the stack's planter planted.
func newStack(t *testing.T, o stackOptions) *stack {
	t.Helper()
	if o.pg == nil {
		o.pg = sealedServer(t)
	}
	s := &stack{
		pg: o.pg, twin: plainServer(t), dir: t.TempDir(), Host: "127.0.0.1",
		db: "x" + strings.ToLower(strings.Map(identifier, t.Name()+o.name)),
	}
	s.db = s.db[max(0, len(s.db)-60):]
	s.conf, s.log = filepath.Join(s.dir, "pgveil.yaml"), filepath.Join(s.dir, "pgveil.log")
	s.Port, s.admin = freePort(t), net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	t.Cleanup(func() { s.finish(t) })
	for _, pg := range []*testkit.Postgres{s.pg, s.twin} {
		s.makeDatabase(t, pg, o.schema)
	}
	if o.before != nil {
		o.before(s)
	}
	s.writeConfig(t, o)
	s.mustRun(t, o.env, "keys", "create")
	s.mustRun(t, o.env, "apply")
	if !o.idle {
		s.start(t, o.env)
	}
	return s
}

func identifier(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}

func (s *stack) makeDatabase(t *testing.T, pg *testkit.Postgres, schema string) {
	t.Helper()
	for _, role := range []string{owner, service, clerk, other} {
		pg.Exec(t, "postgres", fmt.Sprintf(
			"DO $$BEGIN CREATE ROLE %s LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END$$", role))
	}
	pg.CreateDB(t, s.db)
	pg.Exec(t, s.db,
		fmt.Sprintf("GRANT ALL ON DATABASE %s TO %s, %s", s.db, owner, service),
		fmt.Sprintf("GRANT ALL ON SCHEMA public TO %s, %s, %s, %s", owner, service, clerk, other),
		fmt.Sprintf("SET ROLE %s; %s; RESET ROLE", owner, schema),
		// The service owns what the owner owns: it alters tables and fills them.
		fmt.Sprintf("GRANT %s TO %s", owner, service),
		fmt.Sprintf("GRANT ALL ON ALL TABLES IN SCHEMA public TO %s, %s", clerk, other),
		fmt.Sprintf("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO %s, %s", clerk, other),
	)
}

const softwareCustodian = "{kind: software, file: root.key, passphrase: env:PGVEIL_PASSPHRASE}"

func (s *stack) writeConfig(t *testing.T, o stackOptions) {
	t.Helper()
	custodian := o.custodian
	if custodian == "" {
		custodian = softwareCustodian
	}
	s.writeFile(t, "policy.yaml", o.policy)
	s.writeFile(t, "pgveil.yaml", fmt.Sprintf(`version: 1
listen: %s
server:
  address: %s
  tls: disable
  service_user: %s
auth: {mode: relay}
custodian: %s
databases:
  %s: {policy: policy.yaml}
admin: {listen: "%s"}
`, s.addr(), s.pg.Addr(), service, custodian, s.db, s.admin))
}

func (s *stack) writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// command returns a pgveil command with this stack's configuration.
func (s *stack) command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(pgveilBinary(t), append(args, "--config", s.conf)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PGVEIL_PASSPHRASE="+passphrase)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// runCommand runs a pgveil command and returns what it printed and its exit code.
func (s *stack) runCommand(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := s.command(t, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	code = exitCode(t, cmd.Run())
	// What it said is searched for secrets like the log.
	f, err := os.OpenFile(filepath.Join(s.dir, "commands.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s\n%s", out.String(), errs.String()); err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

func (s *stack) mustRun(t *testing.T, env []string, args ...string) string {
	t.Helper()
	stdout, stderr, code := s.runCommand(t, env, args...)
	if code != 0 {
		t.Fatalf("pgveil %s: exit code %d: %s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// start runs `pgveil serve` and waits until it accepts connections. A port that
// was free may be another's by then, so it tries a few.
func (s *stack) start(t *testing.T, env []string) {
	t.Helper()
	for range 5 {
		if s.serves(t, env) {
			return
		}
		s.Port = freePort(t)
	}
	t.Fatalf("pgveil serve ends at once: %s", s.readLog(t))
}

// serves starts pgveil and reports whether it has come to serve.
func (s *stack) serves(t *testing.T, env []string) bool {
	t.Helper()
	log, err := os.OpenFile(s.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	before := s.served(t)
	s.serve = s.command(t, env, "serve", "--listen", s.addr())
	s.serve.Stdout, s.serve.Stderr = log, log
	if err := s.serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	s.ended = ended
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(ended) }(s.serve)

	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// That someone accepts connections there does not say that it is this one.
		if s.served(t) > before {
			return true
		}
		select {
		case <-ended:
			s.serve = nil
			return false
		case <-deadline.C:
			t.Fatalf("pgveil serve does not come to serve: %s", s.readLog(t))
		case <-tick.C:
		}
	}
}

// served counts how often pgveil's log says that it accepts connections.
func (s *stack) served(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte(`"msg":"serving"`))
}

// stop asks pgveil to end and waits until it has.
func (s *stack) stop(t *testing.T) {
	t.Helper()
	if s.serve == nil {
		return
	}
	if err := s.serve.Process.Signal(syscall.SIGTERM); err != nil && !s.hasEnded() {
		t.Errorf("stopping pgveil: %v", err)
	}
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		t.Errorf("pgveil does not end after SIGTERM")
		_ = s.serve.Process.Kill()
		<-s.ended
	}
	if code := s.serve.ProcessState.ExitCode(); code != 0 {
		t.Errorf("pgveil serve ended with %d, want 0: %s", code, s.readLog(t))
	}
	s.serve = nil
}

func (s *stack) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *stack) finish(t *testing.T) {
	t.Helper()
	s.stop(t)
	if s.planter.Planted() > 0 {
		testkit.NoLeaks(t, s.pg, &s.planter, s.dir)
	}
	if log := s.readLog(t); strings.Contains(log, "panic") || strings.Contains(log, "internal error") {
		t.Errorf("pgveil's log tells of a bug: %s", log)
	}
	// Small servers are quickly searched by the tests that follow.
	for _, pg := range []*testkit.Postgres{s.pg, s.twin} {
		if err := pg.Run(context.Background(), "postgres", "DROP DATABASE IF EXISTS "+s.db+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping the database: %v", err)
		}
	}
	if t.Failed() && testing.Verbose() {
		t.Logf("pgveil's log: %s", s.readLog(t))
	}
}

func (s *stack) readLog(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(s.log)
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	return string(b[max(0, len(b)-4000):])
}

// url is the connection string through pgveil.
func (s *stack) url(user string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, s.addr(), s.db)
}

// connect connects a user through pgveil.
func (s *stack) connect(t *testing.T, user string) *pgx.Conn {
	t.Helper()
	return dial(t, s.url(user))
}

// connectTwin connects a user to the plain twin.
func (s *stack) connectTwin(t *testing.T, user string) *pgx.Conn {
	t.Helper()
	return dial(t, s.twin.URL(s.db, user))
}

// connectDirect connects a user to the sealed database past pgveil.
func (s *stack) connectDirect(t *testing.T, user string) *pgx.Conn {
	t.Helper()
	return dial(t, s.pg.URL(s.db, user))
}

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connecting to %s: %v", url, err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
