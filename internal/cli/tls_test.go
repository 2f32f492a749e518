package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/proxy"
)

// identity is a certificate with its key, in files.
type identity struct{ cert, key string }

// newIdentity makes a self-signed certificate for localhost and 127.0.0.1.
func newIdentity(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	id := identity{filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")}
	for path, block := range map[string]*pem.Block{id.cert: {Type: "CERTIFICATE", Bytes: cert}, id.key: {Type: "PRIVATE KEY", Bytes: keyBytes}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func TestClientTLS(t *testing.T) {
	id := newIdentity(t)
	if c, err := clientTLS(nil); c != nil || err != nil {
		t.Errorf("clientTLS(nil) = %v, %v, want none", c, err)
	}
	c, err := clientTLS(&config.ClientTLS{Cert: id.cert, Key: id.key})
	if err != nil || len(c.Certificates) != 1 || c.ClientAuth != tls.NoClientCert || c.MinVersion < tls.VersionTLS12 {
		t.Errorf("clientTLS = %+v, %v, want a certificate and none asked for", c, err)
	}
	c, err = clientTLS(&config.ClientTLS{Cert: id.cert, Key: id.key, ClientCA: id.cert})
	if err != nil || c.ClientAuth != tls.RequireAndVerifyClientCert || c.ClientCAs == nil {
		t.Errorf("clientTLS with client_ca = %+v, %v, want certificates demanded", c, err)
	}
}

func TestTLSFilesThatAreNone(t *testing.T) {
	id, other := newIdentity(t), newIdentity(t)
	for name, load := range map[string]func() error{
		"a key of another certificate": func() error {
			_, err := clientTLS(&config.ClientTLS{Cert: id.cert, Key: other.key})
			return err
		},
		"a CA that is a key": func() error {
			_, err := clientTLS(&config.ClientTLS{Cert: id.cert, Key: id.key, ClientCA: id.key})
			return err
		},
		"a CA that is not there": func() error {
			_, err := upstream(config.Server{TLS: config.ServerTLS{CA: "/nowhere.pem"}})
			return err
		},
		"a certificate for the server that is not there": func() error {
			_, err := upstream(config.Server{TLS: config.ServerTLS{Cert: "/nowhere.pem", Key: id.key}})
			return err
		},
	} {
		if _, ok := errors.AsType[*usageError](load()); !ok {
			t.Errorf("%s: %v, want a usage error", name, load())
		}
	}
}

func TestUpstream(t *testing.T) {
	id := newIdentity(t)
	up, err := upstream(config.Server{
		Address: config.Address{Network: "tcp", Address: "db:5432"},
		TLS:     config.ServerTLS{Mode: "verify-ca", CA: id.cert, Cert: id.cert, Key: id.key},
	})
	if err != nil {
		t.Fatal(err)
	}
	if up.Address != "db:5432" || up.Mode != proxy.TLSVerifyCA || up.TLS.RootCAs == nil || len(up.TLS.Certificates) != 1 {
		t.Errorf("upstream = %+v", up)
	}
}

// The service user's connection has the TLS that the configuration asks for.
func TestService_dialWithTLS(t *testing.T) {
	id := newIdentity(t)
	pg := testkit.StartPostgres(t)
	for from, to := range map[string]string{id.cert: "server.crt", id.key: "server.key"} {
		copyForServer(t, pg, from, to)
	}
	pg.Exec(t, "postgres", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	stranger := newIdentity(t)
	host, port, _ := strings.Cut(pg.Addr(), ":")
	for _, tc := range []struct {
		address, mode, ca string
		want              bool // that it connects, with TLS
	}{
		{host + ":" + port, "require", "", true},
		{host + ":" + port, "prefer", "", true},
		{"localhost:" + port, "verify-full", id.cert, true},
		{host + ":" + port, "verify-ca", id.cert, true},
		{host + ":" + port, "verify-ca", stranger.cert, false},
		{host + ":" + port, "verify-full", stranger.cert, false},
		{host + ":" + port, "verify-full", "", false}, // not among the system's roots
	} {
		s := serviceAt(pg)
		s.server.Address.Address, s.server.TLS = tc.address, config.ServerTLS{Mode: tc.mode, CA: tc.ca}
		conn, err := s.dial(t.Context(), "postgres")
		if (err == nil) != tc.want {
			t.Errorf("dial %+v: %v", tc, err)
		}
		if err != nil {
			continue
		}
		var encrypted bool
		if err := conn.QueryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted); err != nil || !encrypted {
			t.Errorf("dial %+v: encrypted = %v, %v, want true", tc, encrypted, err)
		}
		_ = conn.Close(t.Context())
	}
}

// copyForServer puts a file into the cluster with the cluster's owner.
func copyForServer(t *testing.T, pg *testkit.Postgres, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(pg.DataDir, to)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(pg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
}
