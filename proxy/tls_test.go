package proxy

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/internal/wire"
)

// Each of libpq's modes reaches the servers it should, with and without TLS,
// and no other.
func TestServerTLS_everyMode(t *testing.T) {
	ca, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	secure := startAuthServer(t, serverTLS(t, ca, "127.0.0.1")...)
	misnamed := startAuthServer(t, serverTLS(t, ca, "db.example")...)
	plain := authServer(t)
	trusting, wary := &tls.Config{RootCAs: ca.pool()}, &tls.Config{RootCAs: stranger.pool()}
	tests := []struct {
		what   string
		server *testkit.Postgres
		mode   TLSMode
		config *tls.Config
		user   string
		// want is "tls", "plain" or the SQLSTATE of the refusal.
		want string
	}{
		{"disable", secure, TLSDisable, nil, "u_trust", "plain"},
		{"disable, the server wants TLS", secure, TLSDisable, nil, "u_ssl", "28000"},
		{"allow", secure, TLSAllow, nil, "u_trust", "plain"},
		{"allow, the server wants TLS", secure, TLSAllow, nil, "u_ssl", "tls"},
		{"allow, the server refuses both", secure, TLSAllow, nil, "u_rejected", "28000"},
		{"prefer", secure, TLSPrefer, nil, "u_trust", "tls"},
		{"prefer, the server wants no TLS", secure, TLSPrefer, nil, "u_nossl", "plain"},
		{"prefer, the server refuses both", secure, TLSPrefer, nil, "u_rejected", "28000"},
		{"prefer, the server has no TLS", plain, TLSPrefer, nil, "u_trust", "plain"},
		{"prefer, no TLS and refused", plain, TLSPrefer, nil, "u_rejected", "28000"},
		{"prefer checks nothing", misnamed, TLSPrefer, nil, "u_trust", "tls"},
		{"require", secure, TLSRequire, nil, "u_trust", "tls"},
		{"require, the server has no TLS", plain, TLSRequire, nil, "u_trust", "08006"},
		{"require, the server wants no TLS", secure, TLSRequire, nil, "u_nossl", "28000"},
		{"require checks nothing", misnamed, TLSRequire, nil, "u_trust", "tls"},
		{"require with roots is verify-ca", secure, TLSRequire, wary, "u_trust", "08006"},
		{"verify-ca", secure, TLSVerifyCA, trusting, "u_trust", "tls"},
		{"verify-ca, another name", misnamed, TLSVerifyCA, trusting, "u_trust", "tls"},
		{"verify-ca, another authority", secure, TLSVerifyCA, wary, "u_trust", "08006"},
		{"verify-ca, the server has no TLS", plain, TLSVerifyCA, trusting, "u_trust", "08006"},
		{"verify-full", secure, TLSVerifyFull, trusting, "u_trust", "tls"},
		{"verify-full, another name", misnamed, TLSVerifyFull, trusting, "u_trust", "08006"},
		{"verify-full, that name is asked for", misnamed, TLSVerifyFull, &tls.Config{RootCAs: ca.pool(), ServerName: "db.example"}, "u_trust", "tls"},
		{"verify-full, another authority", secure, TLSVerifyFull, wary, "u_trust", "08006"},
		{"verify-full, the system's roots", secure, TLSVerifyFull, nil, "u_trust", "08006"},
		{"an unknown mode", secure, "verify-all", nil, "u_trust", "08006"},
		{"no mode", secure, "", nil, "u_trust", "08006"},
	}
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) {
			px := startProxy(t, tc.server, withUpstream(tc.mode, tc.config))
			for _, database := range []string{listed, other} {
				conn, err := target{addr: px.addr, user: tc.user, database: database}.connect(t)
				got := ""
				if err != nil {
					got = refusal(t, err).Code
				} else {
					got = one(t, conn, "SELECT CASE WHEN ssl THEN 'tls' ELSE 'plain' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
				}
				if got != tc.want {
					t.Errorf("%s: got %s (%v), want %s", database, got, err, tc.want)
				}
			}
		})
	}
}

// pgveil shows the server the certificate it was given.
func TestServerTLS_clientCertificate(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := testkit.StartPostgres(t, append(serverTLS(t, ca, "127.0.0.1"),
		testkit.WithHBA("local all all trust", "hostssl all all all trust clientcert=verify-ca"))...)
	config := &tls.Config{RootCAs: ca.pool()}
	to := target{user: testkit.Superuser, database: "postgres"}

	to.addr = startProxy(t, pg, withUpstream(TLSVerifyFull, config)).addr
	if _, err := to.connect(t); refusal(t, err).Code != "28000" {
		t.Errorf("without a certificate: %v, want 28000", err)
	}
	config = config.Clone()
	config.Certificates = []tls.Certificate{ca.issue(t, "pgveil")}
	to.addr = startProxy(t, pg, withUpstream(TLSVerifyFull, config)).addr
	to.mustConnect(t)
}

// With TLS on either side alone SCRAM works, with drivers that know channel
// binding and with those that do not. With TLS on both it cannot, and that is
// said by us rather than by a server that suspects an attack.
func TestAuth_scramWithTLS(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := startAuthServer(t, serverTLS(t, ca, "127.0.0.1")...)
	ours := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "pgveil", "127.0.0.1")}}
	toServer := withUpstream(TLSVerifyFull, &tls.Config{RootCAs: ca.pool()})
	none := func(*Options) {}
	tests := []struct {
		what             string
		client, upstream func(*Options)
		conninfo         string
		// want is what psql prints, at least.
		want string
	}{
		{"TLS to the server", none, toServer, "sslmode=disable", "u_scram"},
		{"TLS to the server, client insists", none, toServer, "sslmode=disable channel_binding=require", "channel binding"},
		{"TLS to the client", withTLS(ours), none, "sslmode=require", "u_scram"},
		{"TLS to the client, client insists", withTLS(ours), none, "sslmode=require channel_binding=require", "channel binding"},
		{"TLS on both, client without binding", withTLS(ours), toServer, "sslmode=require channel_binding=disable", "u_scram"},
		{"TLS on both", withTLS(ours), toServer, "sslmode=require", "FATAL:  SCRAM channel binding cannot be relayed"},
		{"TLS on both, the hint", withTLS(ours), toServer, "sslmode=require", "channel_binding=disable"},
		{"TLS on both, the code", withTLS(ours), toServer, "sslmode=require", "(pgveil: channel-binding)"},
	}
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) {
			px := startProxy(t, pg, tc.client, tc.upstream)
			host, port, _ := net.SplitHostPort(px.addr)
			for _, database := range []string{listed, other} {
				out, _ := psql(t, "host="+host+" port="+port+" user=u_scram dbname="+database+" password='a pass\\'word' "+tc.conninfo, "-c", "SELECT current_user")
				if !strings.Contains(out, tc.want) {
					t.Errorf("%s: psql printed %q, want %q", database, out, tc.want)
				}
			}
		})
	}
}

func TestClientTLS_everyWayIn(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := authServer(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "pgveil", "127.0.0.1")}}
	offering := startProxy(t, pg, withTLS(config))
	requiring := startProxy(t, pg, withTLS(config), func(o *Options) { o.RequireTLS = true })
	without := startProxy(t, pg)
	_, _, caFile := ca.files(t, config.Certificates[0])
	tests := []struct {
		what     string
		px       *fixture
		conninfo string
		want     string
	}{
		{"offered, not wanted", offering, "sslmode=disable", "u_trust"},
		{"offered, wanted", offering, "sslmode=require", "u_trust"},
		{"offered, checked", offering, "sslmode=verify-full sslrootcert=" + caFile, "u_trust"},
		{"GSS asked for first", offering, "sslmode=require gssencmode=prefer", "u_trust"},
		{"required, wanted", requiring, "sslmode=require", "u_trust"},
		{"required, not wanted", requiring, "sslmode=disable", "FATAL:  connection requires TLS"},
		{"not offered, preferred", without, "sslmode=prefer", "u_trust"},
		{"not offered, required", without, "sslmode=require", "server does not support SSL"},
	}
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) {
			host, port, _ := net.SplitHostPort(tc.px.addr)
			for _, database := range []string{listed, other} {
				out, _ := psql(t, "host="+host+" port="+port+" user=u_trust dbname="+database+" "+tc.conninfo, "-c", "SELECT current_user")
				if !strings.Contains(out, tc.want) {
					t.Errorf("%s: psql printed %q, want %q", database, out, tc.want)
				}
			}
		})
	}
}

func TestClientTLS_clientCertificate(t *testing.T) {
	ca, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	px := startProxy(t, authServer(t), withTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "pgveil", "127.0.0.1")},
		ClientCAs:    ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}))
	host, port, _ := net.SplitHostPort(px.addr)
	base := "host=" + host + " port=" + port + " user=u_trust dbname=listed sslmode=require"
	run := func(conninfo string) (string, error) { return psql(t, conninfo, "-c", "SELECT current_user") }

	if out, err := run(base); err == nil {
		t.Errorf("without a certificate psql printed %q, want a refusal", out)
	}
	cert, key, _ := stranger.files(t, stranger.issue(t, "client"))
	if out, err := run(base + " sslcert=" + cert + " sslkey=" + key); err == nil {
		t.Errorf("with a stranger's certificate psql printed %q, want a refusal", out)
	}
	cert, key, _ = ca.files(t, ca.issue(t, "client"))
	if out, err := run(base + " sslcert=" + cert + " sslkey=" + key); err != nil || out != "u_trust" {
		t.Errorf("with a certificate: %v, psql printed %q", err, out)
	}
}

// PostgreSQL 17's clients may begin with TLS at once.
func TestClientTLS_direct(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := authServer(t)
	px := startProxy(t, pg, withTLS(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "pgveil", "127.0.0.1")}}))
	startup := wire.AppendStartup(nil, 3<<16, []wire.Param{{Name: "user", Value: "u_trust"}, {Name: "database", Value: listed}})
	begin := func(protocols ...string) *tls.Conn {
		nc := tls.Client(dialRaw(t, px.addr), &tls.Config{RootCAs: ca.pool(), ServerName: "127.0.0.1", NextProtos: protocols})
		if err := nc.Handshake(); err != nil {
			t.Fatal(err)
		}
		return nc
	}

	nc := begin("postgresql")
	if _, err := nc.Write(startup); err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(nc, 0)
	if h, err := r.Next(); err != nil || h.Type != wire.TypeAuthentication {
		t.Errorf("the first frame is %q, %v, want an authentication request", h.Type, err)
	}

	if got := readRefusal(t, begin()); !strings.Contains(string(got.Field('M')), "ALPN") {
		t.Errorf("without ALPN: %s, want a refusal that names it", got.Field('M'))
	}

	// A second layer of TLS inside the first makes no sense.
	nc = begin("postgresql")
	if _, err := nc.Write(wire.AppendSSLRequest(nil)); err != nil {
		t.Fatal(err)
	}
	if got := readRefusal(t, nc); string(got.Field('C')) != "08P01" {
		t.Errorf("an SSLRequest inside TLS: %s %s, want 08P01", got.Field('C'), got.Field('M'))
	}
}

func TestClientTLS_directIsClosedWithoutConfiguration(t *testing.T) {
	px := startProxy(t, nil)
	if err := tls.Client(dialRaw(t, px.addr), &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("a TLS handshake succeeded, want none")
	}
}

// On a Unix socket there is no TLS, to clients or to the server, and none is demanded.
func TestUnixSockets(t *testing.T) {
	ca := newAuthority(t, "ca")
	pg := authServer(t)
	cert := ca.issue(t, "pgveil", "127.0.0.1")
	for name, address := range map[string]string{
		"server over TCP":           pg.Addr(),
		"server over a Unix socket": filepath.Join(pg.SocketDir, ".s.PGSQL."+portOf(pg.Addr())),
	} {
		t.Run(name, func(t *testing.T) {
			px := startProxy(t, nil, withTLS(&tls.Config{Certificates: []tls.Certificate{cert}}), func(o *Options) {
				o.RequireTLS = true
				o.Upstream.Address = address
				if name != "server over TCP" {
					o.Upstream.Mode = TLSVerifyFull
				}
			})
			for _, database := range []string{listed, other} {
				conninfo := "host=" + filepath.Dir(px.socket) + " port=5432 user=u_trust dbname=" + database
				if out, err := psql(t, conninfo+" sslmode=prefer", "-c", "SELECT current_user"); err != nil || out != "u_trust" {
					t.Errorf("%s: %v, psql printed %q", database, err, out)
				}
			}
		})
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func TestListen_replacesAStaleSocketOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	first, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), path); err == nil {
		t.Error("Listen took the socket of a process that still listens")
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatalf("Listen at a stale socket = %v", err)
	}
	_ = second.Close()
}
