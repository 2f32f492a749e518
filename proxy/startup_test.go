package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/internal/wire"
)

// gssRequest is a GSSENCRequest.
var gssRequest = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30}

// Clients may ask for GSS encryption, for TLS, for one after the other, and go
// on in clear after a no. They may not ask twice.
func TestNegotiate_everySequence(t *testing.T) {
	ca := newAuthority(t, "ca")
	without := startProxy(t, authServer(t))
	with := startProxy(t, authServer(t), withTLS(clientConfig(t, ca)))
	ssl := wire.AppendSSLRequest(nil)
	tests := []struct {
		what string
		px   *fixture
		asks [][]byte
		// answers has a letter for each request: N, S, or E for an error.
		answers string
	}{
		{"nothing", without, nil, ""},
		{"TLS", without, [][]byte{ssl}, "N"},
		{"GSS", without, [][]byte{gssRequest}, "N"},
		{"GSS, TLS", without, [][]byte{gssRequest, ssl}, "NN"},
		{"TLS, GSS", without, [][]byte{ssl, gssRequest}, "NN"},
		{"TLS twice", without, [][]byte{ssl, ssl}, "NE"},
		{"GSS twice", without, [][]byte{gssRequest, gssRequest}, "NE"},
		{"TLS with TLS", with, [][]byte{ssl}, "S"},
		{"GSS, TLS with TLS", with, [][]byte{gssRequest, ssl}, "NS"},
		{"TLS, TLS in TLS", with, [][]byte{ssl, ssl}, "SE"},
		{"TLS, GSS in TLS", with, [][]byte{ssl, gssRequest}, "SE"},
	}
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_trust"}, {Name: "database", Value: listed}})
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) {
			nc := dialRaw(t, tc.px.addr)
			for i, ask := range tc.asks {
				if _, err := nc.Write(ask); err != nil {
					t.Fatal(err)
				}
				var answer [1]byte
				if _, err := io.ReadFull(nc, answer[:]); err != nil || answer[0] != tc.answers[i] {
					t.Fatalf("the answer to request %d is %q, %v, want %c", i, answer, err, tc.answers[i])
				}
				if answer[0] == 'S' {
					nc = tls.Client(nc, &tls.Config{RootCAs: ca.pool(), ServerName: "127.0.0.1"})
				}
			}
			if strings.HasSuffix(tc.answers, "E") {
				return
			}
			if _, err := nc.Write(startup); err != nil {
				t.Fatal(err)
			}
			if h, err := wire.NewReader(nc, 0).Next(); err != nil || h.Type != wire.TypeAuthentication {
				t.Errorf("the answer to the startup message is %q, %v, want an authentication request", h.Type, err)
			}
		})
	}
}

// Exchanges that pgveil does not know are passed on message by message, and a
// key of protocol 3.2 and notices reach the client as they were sent.
func TestAuth_anyExchangePassesUntouched(t *testing.T) {
	auth := func(kind uint32, data string) []byte {
		return appendFrame(nil, wire.TypeAuthentication, string(binary.BigEndian.AppendUint32(nil, kind))+data)
	}
	token := strings.Repeat("token", 10_000)
	notice := appendFrame(nil, wire.TypeNoticeResponse, "SNOTICE\x00C00000\x00Mhello\x00\x00")
	rounds := []struct{ server, client []byte }{
		{append(notice, auth(wire.AuthGSS, "")...), appendFrame(nil, wire.TypePassword, token)},
		{auth(wire.AuthGSSContinue, token), appendFrame(nil, wire.TypePassword, "\x00\x01\x02")},
		{auth(99, "unknown to us"), appendFrame(nil, wire.TypePassword, "")},
	}
	last := auth(wire.AuthOK, "")
	last = append(last, notice...)
	last = append(last, appendFrame(nil, wire.TypeBackendKeyData, "\x00\x00\x00\x07"+strings.Repeat("k", 256))...)
	last, _ = wire.AppendParameterStatus(last, "server_version", "18.0")
	last = wire.AppendReadyForQuery(last, wire.Idle)

	px := startProxy(t, nil, scripted(t, func(nc net.Conn, _ *wire.Startup) error {
		for _, round := range rounds {
			if _, err := nc.Write(round.server); err != nil {
				return err
			}
			wantBytes(t, nc, round.client, "the server")
		}
		_, err := nc.Write(last)
		wantBytes(t, nc, []byte{wire.TypeTerminate, 0, 0, 0, 4}, "the server")
		return err
	}))
	nc := dialRaw(t, px.addr)
	if _, err := nc.Write(wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: listed}})); err != nil {
		t.Fatal(err)
	}
	for _, round := range rounds {
		wantBytes(t, nc, round.server, "the client")
		if _, err := nc.Write(round.client); err != nil {
			t.Fatal(err)
		}
	}
	wantBytes(t, nc, last, "the client")
	if _, err := nc.Write([]byte{wire.TypeTerminate, 0, 0, 0, 4}); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
		t.Errorf("at the end the client got %q, %v", rest, err)
	}
}

func appendFrame(dst []byte, typ byte, body string) []byte {
	start := len(dst)
	dst, _ = wire.EndFrame(append(wire.BeginFrame(dst, typ), body...), start)
	return dst
}

// wantBytes reads exactly what is wanted.
func wantBytes(t *testing.T, nc net.Conn, want []byte, who string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != string(want) {
		t.Errorf("%s got %.60q (%v), want %.60q", who, got, err, want)
	}
}
