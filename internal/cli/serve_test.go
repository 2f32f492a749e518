package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/api"
	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/proxy"
)

func localListener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func noChecks() []api.Check { return nil }

// A proxy without its health endpoint would be restarted by its supervisor for
// ever; it had better end and say why.
func TestRunBoth_endsWhenHealthCannotBeServed(t *testing.T) {
	admin := localListener(t)
	_ = admin.Close()
	l := &listeners{clients: []net.Listener{localListener(t)}, admin: admin}
	err := runBoth(t.Context(), proxy.New(proxy.Options{}), l, api.New(api.Options{Checks: noChecks}))
	if err == nil {
		t.Error("runBoth = nil, want the error of the health listener")
	}
}

func TestRunBoth_endsWhenClientsCannotBeServed(t *testing.T) {
	clients := localListener(t)
	_ = clients.Close()
	l := &listeners{clients: []net.Listener{clients}, admin: localListener(t)}
	err := runBoth(t.Context(), proxy.New(proxy.Options{}), l, api.New(api.Options{Checks: noChecks}))
	if err == nil || !strings.Contains(err.Error(), "accepting on") {
		t.Errorf("runBoth = %v, want the error of the clients' listener", err)
	}
}

// Probes are answered until the last session is over.
func TestRunBoth_servesHealthWhileItDrains(t *testing.T) {
	l := &listeners{clients: []net.Listener{localListener(t)}, admin: localListener(t)}
	// A server that says hello and nothing more: the two are joined, and stay so.
	silent := localListener(t)
	server := proxy.New(proxy.Options{
		Upstream: proxy.Upstream{Address: silent.Addr().String(), Mode: proxy.TLSDisable}, DrainTimeout: time.Minute,
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runBoth(ctx, server, l, api.New(api.Options{Checks: noChecks})) }()

	client, err := net.Dial("tcp", l.clients[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	startup := "\x00\x03\x00\x00user\x00x\x00database\x00x\x00\x00"
	if _, err := client.Write(append([]byte{0, 0, 0, byte(len(startup) + 4)}, startup...)); err != nil {
		t.Fatal(err)
	}
	upstream, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	hello := []byte{'R', 0, 0, 0, 8, 0, 0, 0, 0}
	if _, err := upstream.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, len(hello))); err != nil {
		t.Fatal(err)
	}
	stop()
	probe := http.Client{Timeout: 10 * time.Second}
	response, err := probe.Get("http://" + l.admin.Addr().String() + "/healthz")
	if err != nil {
		t.Errorf("GET /healthz while draining: %v", err)
	} else {
		_ = response.Body.Close()
	}
	_ = upstream.Close() // the server hangs up, so the session ends
	_ = client.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("runBoth = %v, want nil", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("runBoth does not end although no session is left")
	}
}

func TestListenAll_opensAllOrNone(t *testing.T) {
	taken := localListener(t)
	free, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := func(a string) config.Address { return config.Address{Network: "tcp", Address: a} }
	first := net.JoinHostPort("127.0.0.1", strconv.Itoa(free))
	c := &config.Config{Listen: []config.Address{address(first), address(taken.Addr().String())}}
	if _, err := listenAll(t.Context(), c); err == nil || !strings.Contains(err.Error(), "listening for clients") {
		t.Errorf("listenAll with a taken address = %v, want an error", err)
	}
	c = &config.Config{Listen: c.Listen[:1], Admin: address(taken.Addr().String())}
	if _, err := listenAll(t.Context(), c); err == nil || !strings.Contains(err.Error(), "listening for health checks") {
		t.Errorf("listenAll with a taken admin address = %v, want an error", err)
	}
	c.Admin = config.Address{}
	l, err := listenAll(t.Context(), c) // the first is free again
	if err != nil {
		t.Fatalf("listenAll: %v", err)
	}
	defer l.close()
	if got := l.addresses(); len(got) != 1 || got[0] != first || l.admin != nil {
		t.Errorf("listenAll = %v, admin %v, want %s alone", got, l.admin, first)
	}
}

// Without a database that has a policy, no key and no service user are asked for.
func TestOpenProtected_withoutDatabases(t *testing.T) {
	p, err := openProtected(t.Context(), &config.Config{}, nil, config.Resolver{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if db, ok := p.databases.lookup("any"); ok {
		t.Errorf("lookup = %v, want none: it is forwarded untouched", db)
	}
	if len(p.databases.checks()) != 0 || len(p.names()) != 0 {
		t.Errorf("checks, names = %v, %v, want none", p.databases.checks(), p.names())
	}
}

// A wrong secret is found before anything listens, and nothing is left open.
func TestOpenProtected_withoutSecrets(t *testing.T) {
	nothing := config.Resolver{LookupEnv: func(string) (string, bool) { return "", false }}
	c, err := config.Load("c", []byte(`version: 1
listen: :1
server: {address: "db:1", service_user: x, service_password: env:PW}
custodian: {kind: software, file: f, passphrase: env:P}
databases: {a: {policy: p}}
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = openProtected(t.Context(), c, nil, nothing, zap.NewNop())
	if err == nil || !strings.Contains(err.Error(), "server.service_password") || hintOf(err) == "" {
		t.Errorf("openProtected without the password = %v, want an error that names the key, with a hint", err)
	}
	c.Server.ServicePassword = config.Reference{}
	_, err = openProtected(t.Context(), c, nil, nothing, zap.NewNop())
	if err == nil || !strings.Contains(err.Error(), "custodian.passphrase") {
		t.Errorf("openProtected without the passphrase = %v, want an error that names the key", err)
	}
}
