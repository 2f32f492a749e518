package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
)

func serviceAt(pg *testkit.Postgres) *service {
	return &service{server: config.Server{
		Address: config.Address{Network: "tcp", Address: pg.Addr()}, TLS: config.ServerTLS{Mode: "disable"}, ServiceUser: "postgres",
	}}
}

func TestService_dial(t *testing.T) {
	pg := testkit.StartPostgres(t, testkit.WithHBA("local all postgres trust", "host all postgres 127.0.0.1/32 trust",
		"host all all 127.0.0.1/32 scram-sha-256", "local all all scram-sha-256"))
	const password = `it's a \"pass' word`
	pg.Exec(t, "postgres", `CREATE ROLE "odd user'\" LOGIN PASSWORD 'it''s a \"pass'' word'`)
	// Nothing of this may have a say.
	t.Setenv("PGPASSWORD", "from the environment")
	t.Setenv("PGOPTIONS", "-c search_path=nowhere")
	t.Setenv("PGSSLMODE", "verify-full")
	for name, address := range map[string]config.Address{
		"TCP":                  {Network: "tcp", Address: pg.Addr()},
		"a folder of a socket": {Network: "unix", Address: filepath.Join(pg.SocketDir, ".s.PGSQL."+strconv.Itoa(pg.Port))},
	} {
		s := &service{server: config.Server{Address: address, TLS: config.ServerTLS{Mode: "prefer"}, ServiceUser: `odd user'\`}, password: secret.New([]byte(password))}
		conn, err := s.dial(t.Context(), "postgres")
		if err != nil {
			t.Errorf("%s: dial: %v", name, err)
			continue
		}
		var user, path, application string
		err = conn.QueryRow(t.Context(), "SELECT current_user, current_setting('search_path'), current_setting('application_name')").Scan(&user, &path, &application)
		if err != nil || user != `odd user'\` || path != `"$user", public` || application != "pgveil" {
			t.Errorf("%s: user, path, application = %s, %s, %s, %v", name, user, path, application, err)
		}
		_ = conn.Close(t.Context())
	}
	s := serviceAt(pg)
	s.server.ServiceUser = `odd user'\`
	_, err := s.dial(t.Context(), "postgres")
	if err == nil || !strings.Contains(err.Error(), "connecting to database postgres as odd user") {
		t.Errorf("dial without a password = %v, want an error that names database and user", err)
	}
}

func TestSocketParts(t *testing.T) {
	for in, want := range map[config.Address][2]string{
		{Network: "tcp", Address: "db:5433"}:              {"db", "5433"},
		{Network: "tcp", Address: "[::1]:5433"}:           {"::1", "5433"},
		{Network: "unix", Address: "/run/pg"}:             {"/run/pg", "5432"},
		{Network: "unix", Address: "/run/.s.PGSQL.5499"}:  {"/run", "5499"},
		{Network: "unix", Address: "/run/pg/.s.PGSQL.1/"}: {"/run/pg/.s.PGSQL.1/", "5432"},
	} {
		if host, port := socketParts(in); host != want[0] || port != want[1] {
			t.Errorf("socketParts(%v) = %s, %s, want %s", in, host, port, want)
		}
	}
}

// pid returns the server process behind a line.
func pid(t *testing.T, l *line) (pid int) {
	t.Helper()
	err := l.use(t.Context(), func(conn *pgx.Conn) error {
		return conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid)
	})
	if err != nil {
		t.Fatalf("use: %v", err)
	}
	return pid
}

func TestLine_connectsAgainWhenTheServerHangsUp(t *testing.T) {
	pg := testkit.StartPostgres(t)
	l := newLine(serviceAt(pg), "postgres")
	defer l.close(context.Background())
	first := pid(t, l)
	if again := pid(t, l); again != first {
		t.Errorf("a second use has backend %d, want the first one's, %d", again, first)
	}
	pg.Exec(t, "postgres", "SELECT pg_terminate_backend("+strconv.Itoa(first)+")")
	if again := pid(t, l); again == first {
		t.Errorf("after the backend was ended, it is still %d", again)
	}
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := l.use(t.Context(), func(*pgx.Conn) error { return nil }); err == nil {
		// The connection was not found to be dead yet; the next use finds out.
		_, err = l.version(t.Context())
		if err == nil {
			t.Error("version without a server = nil, want an error")
		}
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.version(t.Context()); err != nil {
		t.Errorf("version after the server came back: %v", err)
	}
}

func TestLine_anErrorOfTheCallerIsNotTriedAgain(t *testing.T) {
	pg := testkit.StartPostgres(t)
	l := newLine(serviceAt(pg), "postgres")
	defer l.close(context.Background())
	pid(t, l)
	calls, mine := 0, errors.New("mine")
	err := l.use(t.Context(), func(*pgx.Conn) error { calls++; return mine })
	if !errors.Is(err, mine) || calls != 1 {
		t.Errorf("use = %v after %d calls, want mine after one", err, calls)
	}
}

// A caller that has to wait for its turn goes when its context does.
func TestLine_waitsNoLongerThanTheContext(t *testing.T) {
	l := newLine(&service{}, "postgres")
	l.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.use(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("use = %v, want context.Canceled", err)
	}
}
