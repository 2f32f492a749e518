package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/internal/testkit/registry"
)

// The users of configs/demo-policy.yaml.
const (
	registrar = "odoo"
	reader    = "odoo_admin"
	service   = "pgveil"
	database  = "openg2p"
)

// stage is what the demonstration stands on: a PostgreSQL, a configuration and
// a running pgveil, all in one temporary folder.
type stage struct {
	out           io.Writer
	binary        string
	pg            *testkit.Postgres
	dir           string
	conf, log     string
	env           []string
	listen, admin string
	serve         *exec.Cmd
	ended         chan struct{}
}

func openStage(ctx context.Context, out io.Writer, o Options) (s *stage, err error) {
	s = &stage{out: out, binary: o.Binary}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "pgveil-demo-"); err != nil {
		return s, err
	}
	s.conf, s.log = filepath.Join(s.dir, "demo.yaml"), filepath.Join(s.dir, "pgveil.log")
	if s.pg, err = testkit.NewPostgres(testkit.WithSetting("log_statement", "all")); err != nil {
		return s, err
	}
	if err := s.makeDatabase(ctx); err != nil {
		return s, err
	}
	if err := s.writeConfig(o); err != nil {
		return s, err
	}
	for _, args := range [][]string{{"keys", "create"}, {"apply"}, {"keys", "list"}} {
		if err := s.run(ctx, args...); err != nil {
			return s, err
		}
	}
	return s, s.start()
}

func (s *stage) makeDatabase(ctx context.Context) error {
	fmt.Fprintln(s.out, "A PostgreSQL of its own, with OpenG2P's tables, on", s.pg.Addr())
	err := s.pg.Run(ctx, "postgres",
		"CREATE ROLE "+registrar+" LOGIN",
		"CREATE ROLE "+reader+" LOGIN IN ROLE "+registrar,
		"CREATE ROLE "+service+" LOGIN IN ROLE "+registrar,
		"CREATE DATABASE "+database+" OWNER "+registrar+" TEMPLATE template0")
	if err != nil {
		return err
	}
	return s.pg.Run(ctx, database,
		"GRANT CREATE ON DATABASE "+database+" TO "+service,
		"GRANT ALL ON SCHEMA public TO "+registrar,
		"SET ROLE "+registrar+";"+registry.Schema)
}

// writeConfig copies configs/demo*.yaml, with the addresses that are free.
func (s *stage) writeConfig(o Options) error {
	s.listen, s.admin = freeAddress("127.0.0.1:6432"), freeAddress("127.0.0.1:9632")
	change := []string{"127.0.0.1:6432", s.listen, "127.0.0.1:5433", s.pg.Addr(), "127.0.0.1:9632", s.admin}
	s.env = []string{"PGVEIL_PASSPHRASE=only for the demonstration"}
	if o.HSM {
		token, err := testkit.NewSoftHSM(s.dir)
		if err != nil {
			return err
		}
		s.env = append(token.Env(), "PGVEIL_PIN="+token.PIN)
		change = append(change, "{kind: software, file: root.key, passphrase: env:PGVEIL_PASSPHRASE}",
			fmt.Sprintf("{kind: pkcs11, module: %s, token: %s, pin: env:PGVEIL_PIN, key: pgveil-root}", token.Module, token.Label))
		fmt.Fprintln(s.out, "The root key is made in SoftHSM, and never leaves it.")
	}
	for _, name := range []string{"demo.yaml", "demo-policy.yaml"} {
		text, err := os.ReadFile(filepath.Join(o.Configs, name))
		if err != nil {
			return err
		}
		for i := 0; i < len(change) && name == "demo.yaml"; i += 2 {
			if !strings.Contains(string(text), change[i]) {
				return fmt.Errorf("%s does not have %q, which was to be changed", name, change[i])
			}
		}
		changed := strings.NewReplacer(change...).Replace(string(text))
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(changed), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// command returns a pgveil command with the demonstration's configuration.
func (s *stage) command(args ...string) (*exec.Cmd, error) {
	path, err := filepath.Abs(s.binary)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, append(args, "--config", s.conf)...)
	cmd.Env = append(os.Environ(), s.env...)
	// Ctrl-C is ours to act on: pgveil must outlive the session that reports.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	return cmd, nil
}

// run runs a pgveil command and prints the end of what it said: apply tells of
// every step of every table.
func (s *stage) run(ctx context.Context, args ...string) error {
	cmd, err := s.command(args...)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	fmt.Fprintf(s.out, "\n$ pgveil %s --config configs/demo.yaml\n", strings.Join(args, " "))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgveil %s: %w: %s", strings.Join(args, " "), err, out)
	}
	const most = 4
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	fmt.Fprintln(s.out, strings.Join(lines[max(0, len(lines)-most):], "\n"))
	return nil
}

func (s *stage) start() error {
	cmd, err := s.command("serve")
	if err != nil {
		return err
	}
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.serve, s.ended = cmd, make(chan struct{})
	go func() { _ = cmd.Wait(); close(s.ended) }()
	fmt.Fprintf(s.out, "\n$ pgveil serve --config configs/demo.yaml     # on %s\n\n", s.listen)
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", s.listen)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.ended:
			text, _ := os.ReadFile(s.log)
			return fmt.Errorf("pgveil serve ended: %s", text)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("pgveil serve does not accept connections: %w", err)
		}
	}
}

func (s *stage) close() error {
	var problems []error
	if s.serve != nil {
		_ = s.serve.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			problems = append(problems, s.serve.Process.Kill())
			<-s.ended
		}
	}
	if s.pg != nil {
		problems = append(problems, s.pg.Close())
	}
	return errors.Join(append(problems, os.RemoveAll(s.dir))...)
}

// url is the connection string of a user through pgveil.
func (s *stage) url(user string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, s.listen, database)
}

// connections are the three views on the same database.
type connections struct {
	registrar, reader *pgx.Conn // through pgveil
	administrator     *pgx.Conn // on the server
}

func (s *stage) connectAll(ctx context.Context) (*connections, error) {
	var c connections
	for _, to := range []struct {
		conn **pgx.Conn
		url  string
	}{
		{&c.registrar, s.url(registrar)},
		{&c.reader, s.url(reader)},
		{&c.administrator, s.pg.URL(database, testkit.Superuser)},
	} {
		conn, err := pgx.Connect(ctx, to.url)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("connecting to %s: %w", to.url, err)
		}
		*to.conn = conn
	}
	return &c, nil
}

func (c *connections) close() {
	for _, conn := range []*pgx.Conn{c.registrar, c.reader, c.administrator} {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}
}

// freeAddress returns the address, or one with another port if it is taken.
func freeAddress(address string) string {
	for _, try := range []string{address, "127.0.0.1:0"} {
		if l, err := net.Listen("tcp", try); err == nil {
			defer l.Close()
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
		}
	}
	return address
}
