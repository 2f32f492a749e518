package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/internal/wire"
)

// scripted is a server that reads a startup message and then does serve.
func scripted(t *testing.T, serve func(nc net.Conn, startup *wire.Startup) error) func(*Options) {
	t.Helper()
	addr := acceptor(t, func(nc net.Conn) error {
		r := wire.NewReader(nc, 0)
		startup, err := wire.ReadStartup(r)
		if err != nil {
			return err
		}
		if r.Buffered() > 0 {
			return fmt.Errorf("%d bytes came behind the startup message", r.Buffered())
		}
		return serve(nc, startup)
	})
	return func(o *Options) { o.Upstream.Address = addr }
}

// A connection to a database without a policy is joined: bytes that are no
// messages at all pass both ways, the startup message first.
func TestJoin_passesAnyBytes(t *testing.T) {
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	sawStartup := make(chan []byte, 1)
	px := startProxy(t, nil, scripted(t, func(nc net.Conn, startup *wire.Startup) error {
		sawStartup <- startup.Raw
		// A server always speaks first after the startup message.
		if _, err := io.WriteString(nc, "hello"); err != nil {
			return err
		}
		_, err := io.Copy(nc, nc)
		closeWrite(nc)
		return err
	}))
	nc := dialRaw(t, px.addr)
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u"}, {Name: "database", Value: other}})
	go func() {
		_, _ = nc.Write(startup)
		_, _ = nc.Write(sent)
		closeWrite(nc)
	}()
	got, err := io.ReadAll(nc)
	got, greeted := bytes.CutPrefix(got, []byte("hello"))
	if err != nil || !greeted || !bytes.Equal(got, sent) {
		t.Errorf("echoed %d bytes, %v, want the %d that were sent", len(got), err, len(sent))
	}
	if raw := <-sawStartup; !bytes.Equal(raw, startup) {
		t.Errorf("the server got the startup message %q, want %q", raw, startup)
	}
}

// What a dying server says last reaches the client.
func TestJoin_serversLastWordArrives(t *testing.T) {
	px := startProxy(t, nil, scripted(t, func(nc net.Conn, _ *wire.Startup) error {
		_, err := io.WriteString(nc, "the last word")
		return err
	}))
	nc := dialRaw(t, px.addr)
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: other}})
	if _, err := nc.Write(append(startup, "and a pipelined question"...)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(nc); string(got) != "the last word" || err != nil {
		t.Errorf("read %q, %v, want the last word", got, err)
	}
}

func TestJoin_realServer(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := startAuthServer(t, serverTLS(t, ca, "127.0.0.1")...)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "pgveil", "127.0.0.1")}}
	for name, px := range map[string]*fixture{
		"no TLS":            startProxy(t, pg),
		"TLS to the server": startProxy(t, pg, withUpstream(TLSRequire, nil)),
		"TLS to the client": startProxy(t, pg, withTLS(config)),
	} {
		t.Run(name, func(t *testing.T) {
			mode := "disable"
			if name == "TLS to the client" {
				mode = "require"
			}
			host, port, _ := net.SplitHostPort(px.addr)
			conninfo := "host=" + host + " port=" + port + " user=u_scram password='a pass\\'word' dbname=other sslmode=" + mode
			const rows = 200_000
			out, err := psql(t, conninfo, "-c", "COPY (SELECT repeat('x', 20) FROM generate_series(1, "+strconv.Itoa(rows)+")) TO STDOUT")
			if want := strings.TrimSpace(strings.Repeat(strings.Repeat("x", 20)+"\n", rows)); err != nil || out != want {
				t.Errorf("COPY gave %d bytes, %v, want %d", len(out), err, len(want))
			}
		})
	}
}

func TestJoin_replication(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	host, port, _ := net.SplitHostPort(px.addr)
	for _, database := range []string{listed, other} {
		for _, value := range []string{"database", "true", "on", "1", "yes"} {
			conninfo := "host=" + host + " port=" + port + " user=u_trust dbname=" + database + " sslmode=disable replication=" + value
			if out, err := psql(t, conninfo, "-c", "IDENTIFY_SYSTEM"); err != nil || !strings.Contains(out, "|") {
				t.Errorf("%s, replication=%s: %v, psql printed %q", database, value, err, out)
			}
		}
		conninfo := "host=" + host + " port=" + port + " user=u_trust dbname=" + database + " sslmode=disable replication=off"
		if out, err := psql(t, conninfo, "-c", "SELECT 1"); err != nil || out != "1" {
			t.Errorf("%s, replication=off: %v, psql printed %q", database, err, out)
		}
	}
	if joined := px.logs.FilterMessage("joining").Len(); joined == 0 {
		t.Error("no connection was joined")
	}
}

// The value decides as in the server. Where in doubt the connection is an
// ordinary one, whose statements are planned.
func TestIsReplication(t *testing.T) {
	for value, want := range map[string]bool{
		"database": true, "true": true, "TRUE": true, "t": true, "tru": true, "on": true, "ON": true, "1": true, "yes": true, "y": true,
		"": false, "false": false, "off": false, "0": false, "no": false, "n": false, "f": false,
		"o": false, "2": false, "truely": false, "Database": false, "databases": false, " true": false,
	} {
		if got := isReplication(value); got != want {
			t.Errorf("isReplication(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestNames_followTheServersRules(t *testing.T) {
	tests := []struct {
		// params are names and values in turn.
		params         []string
		user, database string
	}{
		{[]string{"user", "u", "database", "d"}, "u", "d"},
		{[]string{"user", "u"}, "u", "u"},
		{[]string{"user", "u", "database", ""}, "u", "u"},
		{[]string{"database", "decoy", "user", "u", "database", "d"}, "u", "d"},
		{[]string{"database", "decoy", "user", "u", "database", ""}, "u", "u"},
		{nil, "", ""},
	}
	for _, tc := range tests {
		var startup wire.Startup
		for pair := range slices.Chunk(tc.params, 2) {
			startup.Params = append(startup.Params, wire.Param{Name: pair[0], Value: pair[1]})
		}
		if user, database := names(&startup); user != tc.user || database != tc.database {
			t.Errorf("names(%v) = %q, %q, want %q, %q", tc.params, user, database, tc.user, tc.database)
		}
	}
}

// A name that the server will cut must not lead around the policy of the
// database that it is cut to.
func TestProtected_cutsNamesAsTheServerDoes(t *testing.T) {
	long := strings.Repeat("d", 63)
	pg := authServer(t)
	pg.CreateDB(t, long)
	s := New(Options{Lookup: func(name string) (*Database, bool) { return nil, name == long || name == "short" }})
	for name, want := range map[string]bool{"short": true, "shorter": false, long: true, long + "x": true, long + "xyz": true, long[:62]: false} {
		if _, got := s.protected(name); got != want {
			t.Errorf("protected(%q) = %v, want %v", name, got, want)
		}
	}
	conn := target{addr: pg.Addr(), user: "u_trust", database: long + "xyz"}.mustConnect(t)
	if got := one(t, conn, "SELECT current_database()"); got != long {
		t.Errorf("the server led %q to %q, want %q", long+"xyz", got, long)
	}
}
