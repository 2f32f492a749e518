package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap/zapcore"

	"github.com/pgveil/pgveil/internal/wire"
)

func clientConfig(t *testing.T, ca *authority) *tls.Config {
	t.Helper()
	return &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "pgveil", "127.0.0.1")}}
}

// A panic ends its own connection, which is told so; the log has the stack.
func TestServer_panicEndsOneConnection(t *testing.T) {
	pg := authServer(t)
	known := lookup(t)
	px := startProxy(t, pg, func(o *Options) {
		o.Lookup = func(name string) (*Database, bool) {
			if name == "boom" {
				panic("a bug for this test")
			}
			return known(name)
		}
	})
	bystander := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
	_, err := target{addr: px.addr, user: "u_trust", database: "boom"}.connect(t)
	e := refusal(t, err)
	if e.Code != "XX000" || e.Severity != "FATAL" {
		t.Errorf("got %v, want FATAL XX000", e)
	}
	if all := e.Message + e.Detail + e.Hint; strings.Contains(all, "bug for this test") {
		t.Errorf("the client learns what the panic said: %s", all)
	}
	if got := one(t, bystander, "SELECT 'unharmed'"); got != "unharmed" {
		t.Errorf("another session gives %q", got)
	}
	entries := px.logs.FilterLevelExact(zapcore.ErrorLevel).All()
	if len(entries) != 1 || !strings.Contains(entries[0].ContextMap()["err"].(string), "server_test.go") {
		t.Errorf("the log has %v, want one error with the stack", entries)
	}
	if n := px.Sessions(); n != 1 {
		t.Errorf("Sessions = %d, want the bystander's", n)
	}
}

func TestServer_loginTimeout(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.LoginTimeout = 200 * time.Millisecond })
	needsPassword := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_password"}, {Name: "database", Value: listed}})
	for name, sent := range map[string][]byte{
		"nothing": nil, "half a startup message": {0, 0, 0}, "no answer to the password request": needsPassword,
	} {
		t.Run(name, func(t *testing.T) {
			nc := dialRaw(t, px.addr)
			if _, err := nc.Write(sent); err != nil {
				t.Fatal(err)
			}
			if got := readRefusal(t, nc, wire.TypeAuthentication); string(got.Field('C')) != "57014" {
				t.Errorf("got %s %s, want 57014", got.Field('C'), got.Field('M'))
			}
		})
	}
}

// The timeout is the login's alone: a session may be idle for longer.
func TestServer_loginTimeoutEndsWithTheLogin(t *testing.T) {
	pg := authServer(t)
	const timeout = 300 * time.Millisecond
	px := startProxy(t, pg, func(o *Options) { o.LoginTimeout = timeout })
	for _, database := range []string{listed, other} {
		conn := target{addr: px.addr, user: "u_trust", database: database}.mustConnect(t)
		if got := one(t, conn, "SELECT 'late' FROM pg_sleep(0.5)"); got != "late" {
			t.Errorf("%s: after the login timeout the session gives %q", database, got)
		}
	}
}

// A server that hangs holds a login up no longer than the timeout.
func TestServer_hangingServerTimesOut(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	px := startProxy(t, nil, scripted(t, func(net.Conn, *wire.Startup) error {
		<-release
		return nil
	}), func(o *Options) { o.LoginTimeout = 200 * time.Millisecond })
	_, err := target{addr: px.addr, user: "u", database: listed}.connect(t)
	if e := refusal(t, err); e.Code != "57014" {
		t.Errorf("got %v, want 57014", e)
	}
}

func TestServer_limitOnConnections(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.MaxConnections = 2 })
	to := target{addr: px.addr, user: "u_trust", database: listed}
	first := to.mustConnect(t)
	to.mustConnect(t)
	_, err := to.connect(t)
	if e := refusal(t, err); e.Code != "53300" {
		t.Errorf("the third session gave %v, want 53300", e)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first session has left", func() bool { return px.Sessions() == 1 })
	to.mustConnect(t)
}

// Connections that say nothing are limited too.
func TestServer_limitOnSilentConnections(t *testing.T) {
	px := startProxy(t, nil, func(o *Options) { o.MaxConnections = 1 })
	for range 2*1 + 8 {
		dialRaw(t, px.addr)
	}
	eventually(t, "all are accepted", func() bool { return px.connections.Load() == 10 })
	nc := dialRaw(t, px.addr)
	if got := readRefusal(t, nc); string(got.Field('C')) != "53300" {
		t.Errorf("got %s, want 53300", got.Field('C'))
	}
}

// At the end idle sessions hear 57P01, and Serve does not wait for the timeout.
func TestServe_drainsIdleSessions(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.DrainTimeout = time.Hour })
	conn := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
	px.stop()
	px.waitDone(t)
	_, err := conn.Exec(t.Context(), "SELECT 1")
	if e := refusal(t, err); e.Code != "57P01" || e.Severity != "FATAL" {
		t.Errorf("the idle session heard %v, want FATAL 57P01", e)
	}
	if _, err := net.Dial("tcp", px.addr); err == nil {
		t.Error("the port is still open")
	}
}

// Sessions that never rest have an idle moment between two statements: all of
// them end there, none of them in the middle of an answer.
func TestServe_drainsUnderLoad(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.DrainTimeout = time.Hour })
	const clients = 8
	started := make(chan struct{}, clients)
	ends := make(chan error, clients)
	for range clients {
		conn := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
		go func() {
			var err error
			for first := true; err == nil; first = false {
				_, err = conn.PgConn().Exec(t.Context(), "SELECT 1").ReadAll()
				if first {
					started <- struct{}{}
				}
			}
			ends <- err
		}()
	}
	for range clients {
		<-started
	}
	px.stop()
	px.waitDone(t)
	for range clients {
		// A client that was about to write may find the connection closed.
		var e *pgconn.PgError
		if err := <-ends; errors.As(err, &e) && e.Code != "57P01" {
			t.Errorf("a busy session ended with %v, want 57P01", err)
		}
	}
}

// A login that is under way is told; it does not hold up the end.
func TestServe_drainsLogins(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.DrainTimeout = time.Hour })
	nc := dialRaw(t, px.addr)
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_password"}, {Name: "database", Value: listed}})
	if _, err := nc.Write(startup); err != nil {
		t.Fatal(err)
	}
	request := make([]byte, 9)
	if _, err := io.ReadFull(nc, request); err != nil {
		t.Fatal(err)
	}
	px.stop()
	if got := readRefusal(t, nc); string(got.Field('C')) != "57P01" {
		t.Errorf("the login heard %s, want 57P01", got.Field('C'))
	}
	px.waitDone(t)
}

// Who is busy has the drain timeout and no more, and so has a joined connection.
func TestServe_cutsAfterTheDrainTimeout(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.DrainTimeout = 100 * time.Millisecond })
	busy := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
	joined := target{addr: px.addr, user: "u_trust", database: other}.mustConnect(t)
	slept := sleep(t, pg, busy)
	px.stop()
	px.waitDone(t)
	if err := <-slept; err == nil {
		t.Error("the busy session's statement succeeded, want an end")
	}
	if _, err := joined.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the joined connection goes on, want an end")
	}
}

// brokenListener fails as a listener does whose socket is gone.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.Join(net.ErrClosed) }

func TestServe_returnsWhenAListenerBreaks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = New(Options{}).Serve(t.Context(), brokenListener{l})
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want the listener's error", err)
	}
}

// flakyListener fails once, as when file descriptors run out.
type flakyListener struct {
	net.Listener
	once sync.Once
}

func (l *flakyListener) Accept() (nc net.Conn, err error) {
	l.once.Do(func() { err = errors.New("too many open files") })
	if err != nil {
		return nil, err
	}
	return l.Listener.Accept()
}

func TestServe_survivesAFailedAccept(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{})
	done := make(chan error, 1)
	go func() { done <- s.Serve(t.Context(), &flakyListener{Listener: l}) }()
	nc := dialRaw(t, l.Addr().String())
	if _, err := nc.Write(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	readRefusal(t, nc)
	_ = l.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want the closed listener", err)
	}
}
