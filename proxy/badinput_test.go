package proxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/pgveil/pgveil/internal/wire"
)

// Whatever a client sends, it is told what is wrong in the protocol's words,
// and others do not notice.
func TestBadInput_isAnsweredAndHarmsNobody(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	bystander := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)

	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_password"}, {Name: "database", Value: listed}})
	long := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: strings.Repeat("u", 10000)}})
	unterminated := bytes.Clone(startup)
	unterminated[len(unterminated)-1] = 'x'
	version := func(v uint32) []byte { return wire.AppendStartup(nil, v, []wire.Param{{Name: "user", Value: "u"}}) }
	frame := func(typ byte, length uint32) []byte {
		return append(bytes.Clone(startup), binary.BigEndian.AppendUint32([]byte{typ}, length)...)
	}
	tests := map[string]struct {
		in                   []byte
		state, message, code string
	}{
		"a web browser":           {[]byte("GET / HTTP/1.1\r\n\r\n"), "08P01", "invalid length of startup packet", "protocol-broken"},
		"zeros":                   {make([]byte, 64), "08P01", "invalid length of startup packet", "protocol-broken"},
		"startup of 2 GB":         {[]byte{0x7f, 0xff, 0xff, 0xff}, "08P01", "invalid length of startup packet", "protocol-broken"},
		"startup of -1":           {[]byte{0xff, 0xff, 0xff, 0xff}, "08P01", "invalid length of startup packet", "protocol-broken"},
		"startup beyond 10000":    {long, "08P01", "invalid length of startup packet", "protocol-broken"},
		"startup unterminated":    {unterminated, "08P01", "invalid startup packet layout", "protocol-broken"},
		"protocol 2.0":            {version(2 << 16), "0A000", "unsupported frontend protocol 2.0", "protocol-broken"},
		"protocol 4.0":            {version(4 << 16), "0A000", "unsupported frontend protocol 4.0", "protocol-broken"},
		"an unknown request":      {version(1234<<16 | 5690), "0A000", "unsupported frontend protocol 1234.5690", "protocol-broken"},
		"password of 2 GB":        {frame('p', 1<<31-1), "08P01", "invalid message length", "protocol-broken"},
		"password of -1":          {frame('p', 1<<32-1), "08P01", "invalid message length", "protocol-broken"},
		"password of length 3":    {frame('p', 3), "08P01", "invalid message length", "protocol-broken"},
		"password beyond limit":   {frame('p', 100<<10), "08P01", "message too long", "message-too-long"},
		"query before the login":  {frame('Q', 4), "08P01", "expected password response", "protocol-broken"},
		"bytes behind SSLRequest": {append(wire.AppendSSLRequest(nil), startup...), "08P01", "received unencrypted data", "protocol-broken"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			nc := dialRaw(t, px.addr)
			if _, err := nc.Write(tc.in); err != nil {
				t.Fatal(err)
			}
			got := readRefusal(t, nc, wire.TypeAuthentication)
			if string(got.Field('C')) != tc.state || !strings.Contains(string(got.Field('M')), tc.message) {
				t.Errorf("got %s %s, want %s %s", got.Field('C'), got.Field('M'), tc.state, tc.message)
			}
			if all := string(got.Field('D')) + string(got.Field('H')); !strings.Contains(all, "(pgveil: "+tc.code+")") {
				t.Errorf("detail and hint are %q, want the code %s in them", all, tc.code)
			}
		})
	}
	if got := one(t, bystander, "SELECT 'unharmed'"); got != "unharmed" {
		t.Errorf("another session gives %q", got)
	}
}

// Bytes in clear behind an SSLRequest are refused although TLS is on offer,
// and in whatever pieces they come never taken for the client's own.
func TestBadInput_plaintextBehindSSLRequest(t *testing.T) {
	ca := newAuthority(t, "ca")
	reached := make(chan struct{}, 1)
	px := startProxy(t, nil, withTLS(clientConfig(t, ca)), scripted(t, func(net.Conn, *wire.Startup) error {
		reached <- struct{}{}
		return nil
	}))
	smuggled := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u"}, {Name: "database", Value: listed}})

	nc := dialRaw(t, px.addr)
	if _, err := nc.Write(append(wire.AppendSSLRequest(nil), smuggled...)); err != nil {
		t.Fatal(err)
	}
	if got := readRefusal(t, nc); !strings.Contains(string(got.Field('M')), "received unencrypted data") {
		t.Errorf("got %s", got.Field('M'))
	}

	nc = dialRaw(t, px.addr)
	if _, err := nc.Write(wire.AppendSSLRequest(nil)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(nc, answer); err != nil || answer[0] != 'S' {
		t.Fatalf("the answer to SSLRequest is %q, %v", answer, err)
	}
	if _, err := nc.Write(smuggled); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(nc); bytes.ContainsAny(rest, "RZ") {
		t.Errorf("plaintext in the place of a handshake was answered with %q", rest)
	}
	select {
	case <-reached:
		t.Error("the smuggled startup message reached the server")
	default:
	}
}

// A client that stops in the middle, or never begins, is let go without a word.
func TestBadInput_truncated(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg)
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_password"}, {Name: "database", Value: listed}})
	for _, n := range []int{0, 1, 3, 4, 7, 8, len(startup) - 1} {
		nc := dialRaw(t, px.addr)
		if _, err := nc.Write(startup[:n]); err != nil {
			t.Fatal(err)
		}
		closeWrite(nc)
		if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
			t.Errorf("after %d bytes: %q, %v, want a closed connection", n, rest, err)
		}
	}
	nc := dialRaw(t, px.addr)
	if _, err := nc.Write(append(startup, 'p', 0, 0, 0, 50, 'x')); err != nil {
		t.Fatal(err)
	}
	closeWrite(nc)
	if _, err := io.ReadAll(nc); err != nil {
		t.Errorf("after half a password: %v, want a closed connection", err)
	}
	eventually(t, "no connection is left", func() bool { return px.connections.Load() == 0 })
}

// After the login the limit is MaxMessage, for every session alone.
func TestBadInput_afterLogin(t *testing.T) {
	pg := authServer(t)
	px := startProxy(t, pg, func(o *Options) { o.MaxMessage = 1 << 20 })
	conn := target{addr: px.addr, user: "u_trust", database: listed}.mustConnect(t)
	if got := one(t, conn, "SELECT length('"+strings.Repeat("x", 900<<10)+"')::text"); got != "921600" {
		t.Errorf("a statement below the limit gave %s", got)
	}
	raw := conn.PgConn().Conn()
	if _, err := raw.Write([]byte{'Q', 0x7f, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if err := raw.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(raw); err != nil {
		t.Errorf("after a message of 2 GB: %v, want a closed connection", err)
	}
}

func TestServer_downIsSaidCalmly(t *testing.T) {
	address := unusedAddress(t)
	px := startProxy(t, nil, func(o *Options) { o.Upstream.Address = address })
	for _, database := range []string{listed, other} {
		_, err := target{addr: px.addr, user: "u", database: database}.connect(t)
		e := refusal(t, err)
		if e.Code != "08006" || e.Severity != "FATAL" || !strings.Contains(e.Hint, "(pgveil: server-away)") {
			t.Errorf("got %+v, want FATAL 08006 with its code", e)
		}
		if all := e.Message + e.Detail + e.Hint; strings.Contains(all, "127.0.0.1") || strings.Contains(all, portOf(address)) {
			t.Errorf("the client learns the server's address: %s", all)
		}
	}
	entries := px.logs.FilterLevelExact(zapcore.WarnLevel).All()
	if len(entries) != 2 || !strings.Contains(entries[0].ContextMap()["err"].(string), address) {
		t.Errorf("the log has %v, want two warnings with the address", entries)
	}
}

func TestServer_thatSaysNothingOrNonsense(t *testing.T) {
	for name, said := range map[string]string{
		"nothing": "", "half a frame": "R\x00\x00", "a frame of 2 GB": "R\x7f\xff\xff\xff", "an authentication of two bytes": "R\x00\x00\x00\x06ab",
		"half a list of mechanisms": "R\x00\x00\x00\x0d\x00\x00\x00\x0aSCRAM",
		"only channel binding":      "R\x00\x00\x00\x1c\x00\x00\x00\x0aSCRAM-SHA-256-PLUS\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			px := startProxy(t, nil, scripted(t, func(nc net.Conn, _ *wire.Startup) error {
				_, err := io.WriteString(nc, said)
				closeWrite(nc)
				return err
			}))
			_, err := target{addr: px.addr, user: "u", database: listed}.connect(t)
			want := "08006"
			if name == "only channel binding" {
				want = "28000"
			}
			if e := refusal(t, err); e.Code != want || e.Severity != "FATAL" {
				t.Errorf("got %v, want FATAL %s", e, want)
			}
		})
	}
}

func TestServer_restartIsSurvived(t *testing.T) {
	pg := startAuthServer(t)
	px := startProxy(t, pg)
	to := target{addr: px.addr, user: "u_trust", database: listed}
	conn := to.mustConnect(t)
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a statement without a server succeeded")
	}
	if _, err := to.connect(t); refusal(t, err).Code != "08006" {
		t.Errorf("a login without a server = %v, want 08006", err)
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	if got := one(t, to.mustConnect(t), "SELECT 'back'"); got != "back" {
		t.Errorf("got %q", got)
	}
}
