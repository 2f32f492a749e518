package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
)

func unreachable(t *testing.T, names ...string) *databases {
	t.Helper()
	return databasesAt(t, config.Server{
		Address: config.Address{Network: "tcp", Address: "127.0.0.1:1"}, TLS: config.ServerTLS{Mode: "disable"}, ServiceUser: "x",
	}, names...)
}

func databasesAt(t *testing.T, server config.Server, names ...string) *databases {
	t.Helper()
	p, err := policy.Load("p", []byte("version: 1\ntables: {t: {c: {}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
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

// A name that a client made up leaves nothing behind.
func TestDatabases_forgetsWhatIsNotThere(t *testing.T) {
	pg := testkit.StartPostgres(t)
	pg.CreateDB(t, "real")
	d := databasesAt(t, serviceAt(pg).server, "*", "listed")
	for _, name := range []string{"real", "made_up"} {
		if _, ok := d.lookup(name); !ok {
			t.Fatalf("lookup(%s) = none", name)
		}
	}
	is := func(want ...string) func() bool {
		return func() bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			return cmp.Equal(slices.Sorted(maps.Keys(d.open)), want)
		}
	}
	// What the configuration lists stays, although it is not there.
	await := time.NewTicker(10 * time.Millisecond)
	defer await.Stop()
	for deadline := time.Now().Add(20 * time.Second); !is("listed", "real")(); <-await.C {
		if time.Now().After(deadline) {
			t.Fatalf("open databases are %v, want listed and real", slices.Sorted(maps.Keys(d.open)))
		}
	}
	if again, ok := d.lookup("made_up"); !ok || again == d.overflow {
		t.Errorf("lookup(made_up) again = %v, %v, want it tried anew", again, ok)
	}
}
