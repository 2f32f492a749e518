package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// service dials as the service user.
type service struct {
	server   config.Server
	password secret.Bytes
}

// newService fetches the service user's password, if there is one. The caller
// closes it.
func newService(c *config.Config, resolver config.Resolver) (*service, error) {
	s := &service{server: c.Server}
	if c.Server.ServicePassword.IsZero() {
		return s, nil
	}
	password, err := resolver.Resolve(c.Server.ServicePassword)
	if err != nil {
		return nil, noSecret("server.service_password", err)
	}
	s.password = password
	return s, nil
}

func (s *service) close() { s.password.Destroy() }

// dial connects to a database.
func (s *service) dial(ctx context.Context, database string) (*pgx.Conn, error) {
	settings, err := pgx.ParseConfig(s.connectionString(database))
	if err != nil {
		return nil, fmt.Errorf("connecting to database %s: %w", database, err)
	}
	// The environment has no say: what is not in the file is not wanted.
	settings.RuntimeParams = map[string]string{"application_name": "pgveil"}
	settings.Password = ""
	_ = s.password.Use(func(b []byte) error {
		settings.Password = string(b)
		return nil
	})
	for _, f := range settings.Fallbacks {
		f.Host, f.Port = settings.Host, settings.Port
	}
	conn, err := pgx.ConnectConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("connecting to database %s as %s: %w", database, s.server.ServiceUser, err)
	}
	return conn, nil
}

// connectionString leaves the TLS modes to pgx, which knows them as libpq does.
func (s *service) connectionString(database string) string {
	var b strings.Builder
	add := func(key, value string) {
		value = strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
		fmt.Fprintf(&b, "%s='%s' ", key, value)
	}
	host, port := socketParts(s.server.Address)
	add("host", host)
	add("port", port)
	add("dbname", database)
	add("user", s.server.ServiceUser)
	add("passfile", os.DevNull)
	add("connect_timeout", "10")
	if s.server.Address.Network == "unix" {
		add("sslmode", "disable")
		return b.String()
	}
	t := s.server.TLS
	add("sslmode", t.Mode)
	for _, file := range []struct{ key, path string }{{"sslrootcert", t.CA}, {"sslcert", t.Cert}, {"sslkey", t.Key}} {
		if file.path != "" {
			add(file.key, file.path)
		}
	}
	return b.String()
}

// socketParts gives what libpq makes a socket's path of: folder and port.
func socketParts(a config.Address) (host, port string) {
	if a.Network != "unix" {
		host, port, _ = net.SplitHostPort(a.Address)
		return host, port
	}
	folder, file := filepath.Split(a.Address)
	if number, ok := strings.CutPrefix(file, ".s.PGSQL."); ok {
		return filepath.Clean(folder), number
	}
	return a.Address, "5432"
}

// line is a connection of the service user that is made when it is needed and
// made anew when it is lost. It serves one caller at a time.
type line struct {
	service  *service
	database string

	// turn holds one token; who has it may use conn.
	turn chan struct{}
	conn *pgx.Conn
}

func newLine(s *service, database string) *line {
	return &line{service: s, database: database, turn: make(chan struct{}, 1)}
}

// use calls f with the connection. f is called a second time if an old
// connection turned out to be dead, so it must only read.
func (l *line) use(ctx context.Context, f func(*pgx.Conn) error) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.turn }()

	fresh, err := l.ensure(ctx)
	if err != nil {
		return err
	}
	err = f(l.conn)
	if err == nil || fresh || !l.conn.IsClosed() || ctx.Err() != nil {
		return err
	}
	if _, err := l.ensure(ctx); err != nil {
		return err
	}
	return f(l.conn)
}

// ensure connects unless the connection lives. It is called with the token.
func (l *line) ensure(ctx context.Context) (fresh bool, err error) {
	if l.conn != nil && !l.conn.IsClosed() {
		return false, nil
	}
	conn, err := l.service.dial(ctx, l.database)
	if err != nil {
		return false, err
	}
	l.conn = conn
	return true, nil
}

// close waits for whoever uses the connection, and ends it.
func (l *line) close(ctx context.Context) {
	l.turn <- struct{}{}
	if l.conn != nil {
		_ = l.conn.Close(ctx)
	}
}

// load and version are what a proxy.Database reads the catalog with.
func (l *line) load(ctx context.Context, p *policy.Policy) (snapshot *catalog.Snapshot, err error) {
	err = l.use(ctx, func(conn *pgx.Conn) error {
		snapshot, err = catalog.Load(ctx, conn, p)
		return err
	})
	return snapshot, err
}

func (l *line) version(ctx context.Context) (version string, err error) {
	err = l.use(ctx, func(conn *pgx.Conn) error {
		version, err = catalog.Version(ctx, conn)
		return err
	})
	return version, err
}

// records is the key storage over a line, for processes that only read it.
type records struct{ line *line }

func (r records) Records(ctx context.Context) (all []keystore.Record, err error) {
	err = r.line.use(ctx, func(conn *pgx.Conn) error {
		all, err = keystore.NewPostgres(conn).Records(ctx)
		return err
	})
	return all, err
}

func (r records) Insert(context.Context, ...keystore.Record) error { return errReadOnly }

func (r records) UpdateState(context.Context, ...keystore.Change) error { return errReadOnly }
