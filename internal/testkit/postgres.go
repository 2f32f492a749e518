package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is the user that every cluster has. Like all others it may log in
// without a password unless the cluster was started [WithHBA].
const Superuser = "postgres"

// startTimeout is generous because the machine may be building at the same time.
const startTimeout = 60 * time.Second

// Postgres is a running server with a data directory of its own, listening on
// 127.0.0.1 and on a Unix socket. It logs every statement with its parameters
// and keeps all of its WAL, so that [Leaks] can search both.
type Postgres struct {
	// Host and Port are the TCP address; SocketDir holds the Unix socket.
	Host      string
	Port      int
	SocketDir string
	// DataDir is the cluster, LogFile everything that the server has logged.
	DataDir, LogFile string
	// BinDir is where the server's programs are.
	BinDir string

	dir  string
	opts options
	log  *os.File

	mu  sync.Mutex
	cmd *exec.Cmd
	// done is closed when cmd has ended.
	done chan struct{}
}

type options struct {
	settings []string
	hba      []string
}

// Option changes how a cluster is made.
type Option func(*options)

// WithSetting sets a parameter of postgresql.conf.
func WithSetting(name, value string) Option {
	return func(o *options) { o.settings = append(o.settings, name, value) }
}

// WithHBA replaces pg_hba.conf, which otherwise trusts everybody. Superuser
// keeps its way in over the Unix socket, which [Postgres.Exec] uses.
func WithHBA(lines ...string) Option {
	return func(o *options) { o.hba = append(o.hba, lines...) }
}

// StartPostgres starts a server that is stopped and removed when the test
// ends. The server dies with the test's process, however that ends.
func StartPostgres(t testing.TB, opts ...Option) *Postgres {
	t.Helper()
	p, err := NewPostgres(opts...)
	if err != nil {
		Unavailable(t, err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// NewPostgres starts a server for a caller that has no test at hand, such as
// TestMain; the caller must Close it.
func NewPostgres(opts ...Option) (*Postgres, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgveil-pg-")
	if err != nil {
		return nil, fmt.Errorf("making the cluster's folder: %w", err)
	}
	p := &Postgres{
		Host: "127.0.0.1", BinDir: bin, SocketDir: dir, dir: dir, opts: o,
		DataDir: filepath.Join(dir, "data"), LogFile: filepath.Join(dir, "server.log"),
	}
	if err := p.prepare(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := p.Start(); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// prepare makes the data directory and opens the log.
func (p *Postgres) prepare() error {
	owner, err := serverOwner()
	if err != nil {
		return err
	}
	// The server's user must be able to pass through, and to make its socket.
	if err := os.Chmod(p.dir, 0o755); err != nil {
		return err
	}
	if err := owner.chown(p.dir); err != nil {
		return err
	}
	if err := copyCluster(p.BinDir, p.DataDir, owner); err != nil {
		return err
	}
	if len(p.opts.hba) > 0 {
		lines := append([]string{"local all " + Superuser + " trust"}, p.opts.hba...)
		hba := filepath.Join(p.DataDir, "pg_hba.conf")
		if err := os.WriteFile(hba, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	p.log, err = os.OpenFile(p.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

// Start starts a server that was stopped, on the same port. It returns once
// the server accepts connections.
func (p *Postgres) Start() error {
	var err error
	for range 5 {
		if p.Port == 0 {
			if p.Port, err = freePort(); err != nil {
				return err
			}
		}
		if err = p.launch(); err == nil {
			return nil
		}
		if !p.logContains("Address already in use") {
			break
		}
		p.Port = 0 // someone else was quicker
	}
	return err
}

func (p *Postgres) launch() error {
	owner, err := serverOwner()
	if err != nil {
		return err
	}
	args := []string{"-D", p.DataDir, "-p", strconv.Itoa(p.Port), "-k", p.SocketDir}
	for i := 0; i < len(p.opts.settings); i += 2 {
		args = append(args, "-c", p.opts.settings[i]+"="+p.opts.settings[i+1])
	}
	cmd := exec.Command(filepath.Join(p.BinDir, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, p.log, p.log
	cmd.SysProcAttr = owner.attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting postgres: %w", err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	p.mu.Lock()
	p.cmd, p.done = cmd, done
	p.mu.Unlock()
	return p.waitReady(done)
}

func (p *Postgres) waitReady(done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.socketURL("postgres", Superuser))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-done:
			return fmt.Errorf("starting postgres: it ended: %s", p.logTail())
		case <-ctx.Done():
			_ = p.Stop()
			return fmt.Errorf("waiting for postgres: %w: %s", err, p.logTail())
		case <-tick.C:
		}
	}
}

// Stop stops the server at once, as a crash would, and keeps its data. It does
// nothing to one that is stopped.
func (p *Postgres) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	// SIGQUIT is the server's immediate shutdown: its children go with it.
	err := p.cmd.Process.Signal(syscall.SIGQUIT)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-p.done
	p.cmd = nil
	return err
}

// Close stops the server and removes everything it wrote.
func (p *Postgres) Close() error {
	return errors.Join(p.Stop(), p.log.Close(), os.RemoveAll(p.dir))
}

// Addr returns host:port.
func (p *Postgres) Addr() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// URL returns the connection string of a database over TCP, without TLS.
func (p *Postgres) URL(database, user string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable",
		url.PathEscape(user), p.Addr(), url.PathEscape(database))
}

func (p *Postgres) socketURL(database, user string) string {
	return fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=disable", p.SocketDir, p.Port, database, user)
}

// Exec runs statements, each in a transaction of its own, as Superuser.
func (p *Postgres) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	// A cleanup may call it, when the test's own context is done.
	if err := p.Run(context.WithoutCancel(t.Context()), database, statements...); err != nil {
		t.Fatal(err)
	}
}

// Run is Exec for a caller that has no test at hand.
func (p *Postgres) Run(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, p.socketURL(database, Superuser))
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", database, err)
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		// The simple protocol, so that one string may hold several statements.
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("running %.200q: %w", sql, err)
		}
	}
	return nil
}

// Rows returns the rows of a query run as Superuser, in text form, with NULL as "<NULL>".
func (p *Postgres) Rows(t testing.TB, database, sql string) [][]string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, p.socketURL(database, Superuser))
	if err != nil {
		t.Fatalf("connecting to %s: %v", database, err)
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("running %.200q: %v", sql, err)
	}
	var rows [][]string
	for _, r := range results {
		for _, values := range r.Rows {
			row := make([]string, len(values))
			for i, v := range values {
				row[i] = string(v)
				if v == nil {
					row[i] = "<NULL>"
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// CreateDB makes an empty database, C collation, UTF8.
func (p *Postgres) CreateDB(t testing.TB, name string) {
	t.Helper()
	sql := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE template0"
	if p.Rows(t, "postgres", "SELECT current_setting('server_version_num')::int >= 150000")[0][0] == "t" {
		sql += " STRATEGY file_copy" // not through the WAL, which Leaks reads
	}
	p.Exec(t, "postgres", sql)
}

func (p *Postgres) logContains(text string) bool {
	b, err := os.ReadFile(p.LogFile)
	return err == nil && strings.Contains(string(b), text)
}

func (p *Postgres) logTail() string {
	b, _ := os.ReadFile(p.LogFile)
	return string(b[max(0, len(b)-1000):])
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
