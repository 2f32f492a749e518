package cli

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
)

func unreachable(t *testing.T, names ...string) *databases {
	t.Helper()
	p, err := policy.Load("p", []byte("version: 1\ntables: {t: {c: {}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	server := config.Server{Address: config.Address{Network: "tcp", Address: "127.0.0.1:1"}, TLS: config.ServerTLS{Mode: "disable"}, ServiceUser: "x"}
	d := &databases{
		service: &service{server: server}, custodian: noCustodian{}, config: &config.Config{Server: server},
		compiler: rewrite.New(1), log: zap.NewNop(), policies: map[string]*policy.Policy{},
	}
	for _, name := range names {
		d.policies[name] = p
	}
	ctx, stop := context.WithCancel(t.Context())
	d.begin(ctx)
	t.Cleanup(func() { stop(); d.close() })
	return d
}

func TestDatabases_lookup(t *testing.T) {
	d := unreachable(t, "reg")
	if db, ok := d.lookup("reg"); !ok || db == nil {
		t.Errorf("lookup(reg) = %v, %v, want the database", db, ok)
	}
	if db, ok := d.lookup("other"); ok {
		t.Errorf("lookup(other) = %v, want none", db)
	}
	if n := len(d.checks()); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
}

// Names come from clients that have not said who they are: however many they
// make up, memory is bounded and what the policy protects stays protected.
func TestDatabases_lookupOfManyNamesFailsClosed(t *testing.T) {
	d := unreachable(t, "*")
	if n := len(d.checks()); n != 0 {
		t.Fatalf("%d checks before any client, want none", n)
	}
	for i := range maxUnlisted + 50 {
		if db, ok := d.lookup(fmt.Sprintf("db%d", i)); !ok || db == nil {
			t.Fatalf("lookup(db%d) = %v, %v: it would be forwarded untouched", i, db, ok)
		}
	}
	first, _ := d.lookup("db0")
	again, _ := d.lookup("db0")
	if first != again {
		t.Error("lookup(db0) gives another database the second time")
	}
	if n := len(d.open); n > maxUnlisted+1 {
		t.Errorf("%d databases are open, want at most %d", n, maxUnlisted+1)
	}
	last, _ := d.lookup("db999")
	if last != d.overflow || last.Ready() == nil {
		t.Errorf("lookup beyond the bound = %p, ready: %v, want the one that refuses", last, last.Ready())
	}
}
