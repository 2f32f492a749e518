package proxy

import (
	"bytes"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/internal/wire"
)

// password is the right password of every user that has one.
const password = "a pass'word"

// authRules lets each user in by the way that its name says.
func authRules() testkit.Option {
	return testkit.WithHBA(
		"local all all trust",
		"hostssl all u_ssl all trust",
		"hostnossl all u_nossl all trust",
		"host all u_trust all trust",
		"host replication u_trust all trust",
		"host all u_password all password",
		"host all u_md5 all md5",
		"host all u_scram all scram-sha-256",
		"host all u_rejected all reject",
	)
}

// startAuthServer starts a server with a user for each way to log in.
func startAuthServer(t *testing.T, opts ...testkit.Option) *testkit.Postgres {
	t.Helper()
	pg := testkit.StartPostgres(t, append(opts, authRules())...)
	addAuthUsers(t, pg)
	return pg
}

func addAuthUsers(t *testing.T, pg *testkit.Postgres) {
	t.Helper()
	pg.Exec(t, "postgres",
		"SET password_encryption = 'md5'; CREATE ROLE u_md5 LOGIN PASSWORD 'a pass''word'",
		"SET password_encryption = 'scram-sha-256'; CREATE ROLE u_scram LOGIN PASSWORD 'a pass''word'; CREATE ROLE u_password LOGIN PASSWORD 'a pass''word'",
		"CREATE ROLE u_trust LOGIN REPLICATION; CREATE ROLE u_rejected LOGIN; CREATE ROLE u_ssl LOGIN; CREATE ROLE u_nossl LOGIN",
	)
	pg.CreateDB(t, listed)
	pg.CreateDB(t, other)
}

// sharedServer is the server without TLS that most tests use: it is started
// by the first of them and stopped by TestMain.
var sharedServer struct {
	sync.Once
	pg  *testkit.Postgres
	err error
}

// authServer is a startAuthServer that tests share. They must leave it running.
func authServer(t *testing.T) *testkit.Postgres {
	t.Helper()
	s := &sharedServer
	s.Do(func() {
		if s.pg, s.err = testkit.NewPostgres(authRules()); s.err == nil {
			addAuthUsers(t, s.pg)
		}
	})
	if s.err != nil {
		testkit.Unavailable(t, s.err)
	}
	return s.pg
}

func TestMain(m *testing.M) {
	code := m.Run()
	if pg := sharedServer.pg; pg != nil {
		_ = pg.Close()
	}
	os.Exit(code)
}

func TestAuth_everyMethodPassesThroughTheRelay(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	for _, user := range []string{"u_trust", "u_password", "u_md5", "u_scram"} {
		for _, database := range []string{listed, other} {
			t.Run(user+" "+database, func(t *testing.T) {
				to := target{addr: px.addr, user: user, password: password, database: database}
				conn := to.mustConnect(t)
				if got := one(t, conn, "SELECT current_user || '@' || current_database()"); got != user+"@"+database {
					t.Errorf("connected as %s, want %s@%s", got, user, database)
				}
				// An invented pid would break cancel and whoever listens to his own notifications.
				if got, want := strconv.Itoa(int(conn.PgConn().PID())), one(t, conn, "SELECT pg_backend_pid()::text"); got != want {
					t.Errorf("the client was told pid %s, the server's is %s", got, want)
				}
				host, port, _ := net.SplitHostPort(px.addr)
				conninfo := "host=" + host + " port=" + port + " user=" + user + " dbname=" + database + " sslmode=disable password='a pass\\'word'"
				if out, err := psql(t, conninfo, "-c", "SELECT current_user"); err != nil || out != user {
					t.Errorf("psql: %v, printed %q", err, out)
				}
			})
		}
	}
}

// What the server says when it refuses reaches the client to the last field.
func TestAuth_serversRefusalsAreUntouched(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	tests := map[string]struct {
		to    target
		state string
	}{
		"wrong password, cleartext":      {target{user: "u_password", password: "wrong", database: listed}, "28P01"},
		"wrong password, md5":            {target{user: "u_md5", password: "wrong", database: listed}, "28P01"},
		"wrong password, scram":          {target{user: "u_scram", password: "wrong", database: listed}, "28P01"},
		"wrong password, scram, joined":  {target{user: "u_scram", password: "wrong", database: other}, "28P01"},
		"rejected by pg_hba.conf":        {target{user: "u_rejected", database: listed}, "28000"},
		"no such user":                   {target{user: "u_nobody", database: listed}, "28000"},
		"no such database":               {target{user: "u_trust", database: "nowhere"}, "3D000"},
		"unknown setting in the startup": {target{user: "u_trust", database: listed, options: map[string]string{"no_such_setting": "1"}}, "42704"},
		"bad options in the startup":     {target{user: "u_trust", database: listed, options: map[string]string{"options": "-c work_mem=much"}}, "22023"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.to.addr = px.addr
			_, err := tc.to.connect(t)
			got := refusal(t, err)
			tc.to.addr = pg.Addr()
			_, err = tc.to.connect(t)
			want := refusal(t, err)
			if want.Code != tc.state || want.Severity != "FATAL" {
				t.Fatalf("the server itself says %v, want FATAL %s", want, tc.state)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(pgconn.PgError{})); diff != "" {
				t.Errorf("the server's error was changed (-server +proxy):\n%s", diff)
			}
		})
	}
}

// Startup parameters and options reach the server, and its settings the client.
func TestStartup_parametersPass(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	for _, database := range []string{listed, other} {
		conn := target{addr: px.addr, user: "u_trust", database: database, options: map[string]string{
			"application_name": "front test", "options": "-c work_mem=77kB -c search_path=a,b", "TimeZone": "Asia/Kolkata", "extra_float_digits": "2",
		}}.mustConnect(t)
		for setting, want := range map[string]string{
			"application_name": "front test", "work_mem": "77kB", "search_path": "a,b", "timezone": "Asia/Kolkata", "extra_float_digits": "2",
		} {
			if got := one(t, conn, "SELECT current_setting('"+setting+"')"); got != want {
				t.Errorf("%s: %s = %q, want %q", database, setting, got, want)
			}
		}
		if got := conn.PgConn().ParameterStatus("TimeZone"); got != "Asia/Kolkata" {
			t.Errorf("%s: ParameterStatus TimeZone = %q, want Asia/Kolkata", database, got)
		}
	}
}

// The bytes of a login, both ways, are those of a login without pgveil.
func TestStartup_loginIsByteForByte(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	for name, version := range map[string]uint32{"3.0": 3 << 16, "3.2, negotiated": 3<<16 | 2, "3.9999, negotiated": 3<<16 | 9999} {
		t.Run(name, func(t *testing.T) {
			startup := wire.AppendStartup(nil, version, []wire.Param{
				{Name: "user", Value: "u_trust"}, {Name: "database", Value: listed}, {Name: "_pq_.future", Value: "1"},
			})
			want := framesUntilReady(t, pg.Addr(), startup)
			got := framesUntilReady(t, px.addr, startup)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the login differs (-server +proxy):\n%s", diff)
			}
			if version > 3<<16 && !slices.ContainsFunc(got, func(f string) bool { return f[0] == wire.TypeNegotiateVersion }) {
				t.Error("no NegotiateProtocolVersion was forwarded")
			}
		})
	}
}

// framesUntilReady logs in and returns the server's frames; the cancel key,
// which is another each time, is reduced to its length.
func framesUntilReady(t *testing.T, addr string, startup []byte) []string {
	t.Helper()
	nc := dialRaw(t, addr)
	if _, err := nc.Write(startup); err != nil {
		t.Fatal(err)
	}
	var frames []string
	r := wire.NewReader(nc, 4096)
	for {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("after %q: %v", frames, err)
		}
		body, err := r.Body()
		if err != nil {
			t.Fatal(err)
		}
		if h.Type == wire.TypeBackendKeyData {
			body = bytes.Repeat([]byte("k"), len(body))
		}
		frames = append(frames, string(h.Type)+string(body))
		if h.Type == wire.TypeReadyForQuery {
			return frames
		}
	}
}

func TestAuth_clientMustAnswerWithAPassword(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	nc := dialRaw(t, px.addr)
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_scram"}, {Name: "database", Value: listed}})
	query, _ := wire.AppendQuery(nil, []byte("SELECT 1"))
	if _, err := nc.Write(append(startup, query...)); err != nil {
		t.Fatal(err)
	}
	if got := readRefusal(t, nc, wire.TypeAuthentication); string(got.Field('C')) != "08P01" {
		t.Errorf("a query in the place of a password gave %s %s, want 08P01", got.Field('C'), got.Field('M'))
	}
}

// readRefusal returns the fields of the ErrorResponse that comes next, after
// frames of the types that may come before it, and wants the connection to end.
func readRefusal(t *testing.T, nc net.Conn, skip ...byte) wire.ErrorFields {
	t.Helper()
	r := wire.NewReader(nc, 4096)
	for {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("waiting for an error: %v", err)
		}
		body, err := r.Body()
		if err != nil {
			t.Fatal(err)
		}
		if h.Type != wire.TypeErrorResponse {
			if !slices.Contains(skip, h.Type) {
				t.Fatalf("got a frame of type %q, want an error", h.Type)
			}
			continue
		}
		fields, err := wire.DecodeError(nil, bytes.Clone(body))
		if err != nil {
			t.Fatal(err)
		}
		if string(fields.Field('V')) != "FATAL" {
			t.Errorf("severity %s, want FATAL", fields.Field('V'))
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("after the error: %v, want io.EOF", err)
		}
		return fields
	}
}
