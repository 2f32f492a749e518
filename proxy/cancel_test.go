package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/internal/testkit"
)

// sleep runs a statement that only a cancel request can end in time, and
// returns where its error will come once the server is at it.
func sleep(t *testing.T, pg *testkit.Postgres, conn *pgx.Conn) <-chan error {
	t.Helper()
	slept := make(chan error, 1)
	go func() {
		_, err := conn.PgConn().Exec(t.Context(), "SELECT pg_sleep(60)").ReadAll()
		slept <- err
	}()
	pid := strconv.Itoa(int(conn.PgConn().PID()))
	eventually(t, "the server sleeps", func() bool {
		rows := pg.Rows(t, "postgres", "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = "+pid)
		return len(rows) == 1
	})
	return slept
}

func TestCancel_throughTheProxy(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := startAuthServer(t, serverTLS(t, ca, "127.0.0.1")...)
	for name, upstream := range map[string]func(*Options){
		"plain": withUpstream(TLSDisable, nil),
		"TLS":   withUpstream(TLSVerifyFull, &tls.Config{RootCAs: ca.pool()}),
	} {
		for _, database := range []string{listed, other} {
			t.Run(name+" "+database, func(t *testing.T) {
				conn := target{addr: startProxy(t, pg, upstream).addr, user: "u_trust", database: database}.mustConnect(t)
				slept := sleep(t, pg, conn)
				if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
					t.Fatalf("CancelRequest = %v", err)
				}
				if e := refusal(t, <-slept); e.Code != "57014" {
					t.Errorf("the statement ended with %v, want 57014", e)
				}
				if got := one(t, conn, "SELECT 'alive'"); got != "alive" {
					t.Errorf("after the cancel the session gives %q", got)
				}
			})
		}
	}
}

// A cancel request works through another process than the session's, because
// the server's key is passed on unchanged; also when all sessions are taken.
func TestCancel_throughAnotherProxy(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	full := startProxy(t, pg, func(o *Options) { o.MaxConnections = 1 })
	target{addr: full.addr, user: "u_trust", database: other}.mustConnect(t)

	conn := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
	slept := sleep(t, pg, conn)
	nc := dialRaw(t, full.addr)
	if _, err := nc.Write(cancelRequest(conn.PgConn().PID(), conn.PgConn().SecretKey())); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
		t.Errorf("the answer to a cancel request is %q, %v, want a closed connection", rest, err)
	}
	if e := refusal(t, <-slept); e.Code != "57014" {
		t.Errorf("the statement ended with %v, want 57014", e)
	}
}

func cancelRequest(pid uint32, key []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(12+len(key)))
	b = binary.BigEndian.AppendUint32(b, 1234<<16|5678)
	b = binary.BigEndian.AppendUint32(b, pid)
	return append(b, key...)
}

// Keys of protocol 3.2 are longer. The request is the server's to understand.
func TestCancel_isForwardedAsItIs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	px := startProxy(t, nil, func(o *Options) { o.Upstream.Address = l.Addr().String() })
	for _, size := range []int{4, 32, 256} {
		request := cancelRequest(7, make([]byte, size))
		nc := dialRaw(t, px.addr)
		if _, err := nc.Write(request); err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(request))
		if _, err := io.ReadFull(server, got); err != nil || string(got) != string(request) {
			t.Errorf("a request with a key of %d bytes reached the server as %q, %v", size, got, err)
		}
		_ = server.Close()
		if _, err := io.ReadAll(nc); err != nil {
			t.Error(err)
		}
	}
}

func TestCancel_serverDown(t *testing.T) {
	px := startProxy(t, nil, func(o *Options) { o.Upstream.Address = unusedAddress(t) })
	nc := dialRaw(t, px.addr)
	if _, err := nc.Write(cancelRequest(1, []byte("keys"))); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v, want a closed connection", rest, err)
	}
	if px.logs.FilterMessage("connection ended").Len() == 0 {
		t.Error("the log says nothing of it")
	}
}

// unusedAddress is where nobody listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Cancels that race with the end of the session, and with one another, harm nobody.
func TestCancel_racesADisconnect(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	var wg sync.WaitGroup
	for i := range 20 {
		database := []string{listed, other}[i%2]
		wg.Go(func() {
			conn, err := pgconn.Connect(t.Context(), target{addr: px.addr, user: "u_trust", database: database}.url())
			if err != nil {
				t.Error(err)
				return
			}
			request := cancelRequest(conn.PID(), conn.SecretKey())
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					nc, err := net.Dial("tcp", px.addr)
					if err != nil {
						t.Error(err)
						return
					}
					defer nc.Close()
					_, _ = nc.Write(request)
					_, _ = io.ReadAll(nc)
				})
			}
			both.Go(func() { _ = conn.Conn().Close() })
			both.Wait()
		})
	}
	wg.Wait()
	conn := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
	if got := one(t, conn, "SELECT 'alive'"); got != "alive" {
		t.Errorf("afterwards a session gives %q", got)
	}
}

var errStop = errors.New("stop")

// A cancel request of the wrong size is not forwarded.
func TestCancel_wrongSize(t *testing.T) {
	reached := make(chan struct{}, 1)
	px := startProxy(t, nil, func(o *Options) {
		o.Upstream.Address = acceptor(t, func(net.Conn) error { reached <- struct{}{}; return errStop })
	})
	for _, size := range []int{0, 257} {
		nc := dialRaw(t, px.addr)
		if _, err := nc.Write(cancelRequest(1, make([]byte, size))); err != nil {
			t.Fatal(err)
		}
		if got := readRefusal(t, nc); string(got.Field('C')) != "08P01" {
			t.Errorf("a key of %d bytes: %s, want 08P01", size, got.Field('C'))
		}
	}
	select {
	case <-reached:
		t.Error("the server was connected to")
	default:
	}
}

// acceptor is a server that does serve with each connection until it gives an error.
func acceptor(t *testing.T, serve func(net.Conn) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				_ = serve(nc)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}
