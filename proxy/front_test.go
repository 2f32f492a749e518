package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// This file has what the tests of the front half share: a running proxy in
// front of a real server, and clients for it.

// wait is how long a test waits for something that must happen soon.
const wait = 20 * time.Second

// The databases of the tests: a policy protects listed, and nothing is known of other.
const (
	listed = "listed"
	other  = "other"
)

// fixture is a running Server.
type fixture struct {
	*Server
	// addr is host:port of its TCP listener, socket its Unix socket.
	addr, socket string
	logs         *observer.ObservedLogs
	// stop begins the drain; done has Serve's result after it.
	stop context.CancelFunc
	done chan error
}

// startProxy starts a Server before pg; pg may be nil. It is stopped when the test ends.
func startProxy(t *testing.T, pg *testkit.Postgres, change ...func(*Options)) *fixture {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	o := Options{
		Lookup:       lookup(t),
		LoginTimeout: wait,
		DrainTimeout: time.Millisecond,
		Log:          zap.New(core),
		Upstream:     Upstream{Mode: TLSDisable},
	}
	if pg != nil {
		o.Upstream.Address = pg.Addr()
	}
	for _, f := range change {
		f(&o)
	}
	tcp, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pgveil-sock-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	unix, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	f := &fixture{
		Server: New(o), addr: tcp.Addr().String(), socket: filepath.Join(dir, ".s.PGSQL.5432"),
		logs: logs, stop: stop, done: make(chan error, 1),
	}
	go func() { f.done <- f.Serve(ctx, tcp, unix) }()
	t.Cleanup(func() {
		stop()
		f.waitDone(t)
	})
	return f
}

// waitDone waits until Serve has returned.
func (f *fixture) waitDone(t *testing.T) {
	t.Helper()
	select {
	case err := <-f.done:
		if err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
		f.done <- err
	case <-time.After(wait):
		t.Error("Serve did not return; what still runs is on standard error")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
	}
	if n := f.connections.Load(); n != 0 {
		t.Errorf("after Serve returned %d connections are left", n)
	}
}

// lookup knows the database listed, with a policy that is empty.
func lookup(t *testing.T) func(string) (*Database, bool) {
	away := errors.New("no catalog in this test")
	db := NewDatabase(DatabaseOptions{
		Name:    listed,
		Policy:  &policy.Policy{},
		Load:    func(context.Context, *policy.Policy) (*catalog.Snapshot, error) { return nil, away },
		Version: func(context.Context) (string, error) { return "", away },
	})
	return func(name string) (*Database, bool) { return db, name == listed }
}

// target is where a client connects.
type target struct {
	addr, user, password, database string
	// options are more of the connection string, e.g. sslmode.
	options map[string]string
}

func (c target) url() string {
	u := url.URL{Scheme: "postgres", Host: c.addr, Path: "/" + c.database, User: url.UserPassword(c.user, c.password)}
	q := url.Values{"sslmode": {"disable"}, "connect_timeout": {"15"}}
	for k, v := range c.options {
		q.Set(k, v)
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq's form
	return u.String()
}

// connect connects with pgx; the connection is closed when the test ends.
func (c target) connect(t *testing.T) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.url())
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	}
	return conn, err
}

func (c target) mustConnect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := c.connect(t)
	if err != nil {
		t.Fatalf("connecting as %s to %s: %v", c.user, c.database, err)
	}
	return conn
}

// one returns the single value that a query gives, as text.
func one(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var value string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// refusal returns the server's error in err.
func refusal(t *testing.T, err error) *pgconn.PgError {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error from the server", err)
	}
	return e
}

// psql runs PostgreSQL's own client; it returns what it printed to either output.
func psql(t *testing.T, conninfo string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		testkit.Unavailable(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-X", "-w", "-At", "-d", conninfo}, args...)...)
	cmd.Env = []string{"HOME=/nonexistent", "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// dialRaw opens a bare connection with a deadline.
func dialRaw(t *testing.T, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.SetDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// eventually waits until check is true, asking now and then.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(wait)
	for !check() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func withTLS(config *tls.Config) func(*Options) {
	return func(o *Options) { o.ClientTLS = config }
}

func withUpstream(mode TLSMode, config *tls.Config) func(*Options) {
	return func(o *Options) { o.Upstream.Mode, o.Upstream.TLS = mode, config }
}
