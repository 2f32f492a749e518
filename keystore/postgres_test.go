package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/keystore"
)

var (
	_ keystore.DB = (*pgxpool.Pool)(nil)
	_ keystore.DB = (*pgx.Conn)(nil)
	_ keystore.DB = (pgx.Tx)(nil)
)

// One server for all tests here, a database for each.
var server struct {
	sync.Mutex
	pg   *testkit.Postgres
	made int
}

// newPool makes a database and connects to it.
func newPool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.pg == nil {
		pg, err := testkit.NewPostgres()
		if err != nil {
			testkit.Unavailable(t, err)
		}
		server.pg = pg
	}
	server.made++
	db := fmt.Sprintf("keys%d", server.made)
	server.pg.CreateDB(t, db)
	return poolTo(t, server.pg, db)
}

// poolTo connects to a database as its superuser.
func poolTo(t testing.TB, pg *testkit.Postgres, db string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), pg.URL(db, testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func newPostgres(t testing.TB) (*keystore.Postgres, *pgxpool.Pool) {
	t.Helper()
	pool := newPool(t)
	p := keystore.NewPostgres(pool)
	if err := p.EnsureSchema(context.Background()); err != nil {
		t.Fatal(err)
	}
	return p, pool
}

// The rules of a storage, on the real one and on the one that other tests use.
func TestStorage(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) keystore.Storage{
		"postgres": func(t *testing.T) keystore.Storage { p, _ := newPostgres(t); return p },
		"memory":   func(*testing.T) keystore.Storage { return &memory{} },
	} {
		t.Run(name+"/keeps records as they are", func(t *testing.T) { testStorageKeeps(t, open(t)) })
		t.Run(name+"/inserts all or none", func(t *testing.T) { testStorageInserts(t, open(t)) })
		t.Run(name+"/updates all or none", func(t *testing.T) { testStorageUpdates(t, open(t)) })
	}
}

func stored(version uint32, state keystore.State) keystore.Record {
	return keystore.Record{
		Keyset: "it's \"people\"", Purpose: keystore.Data, Version: version, State: state, Custodian: "software:00ff",
		Wrapped: keystore.Wrapped{Scheme: "aes-gcm", Bytes: []byte{0, 1, 0xff, byte(version)}},
		Created: time.Date(2030, 1, 2, 3, 4, 5, 678_000, time.UTC), MAC: []byte{9, 8, byte(version)},
	}
}

func readAll(t *testing.T, s keystore.Storage) []keystore.Record {
	t.Helper()
	records, err := s.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(records, func(a, b keystore.Record) int { return int(int64(a.Version) - int64(b.Version)) })
	return records
}

func wantRecords(t *testing.T, s keystore.Storage, want ...keystore.Record) {
	t.Helper()
	if diff := cmp.Diff(want, readAll(t, s)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func testStorageKeeps(t *testing.T, s keystore.Storage) {
	first, last := stored(0, keystore.Pending), stored(1<<32-1, keystore.Active)
	if err := s.Insert(t.Context(), first, last); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, s, first, last)
}

func testStorageInserts(t *testing.T, s keystore.Storage) {
	one, two := stored(1, keystore.Active), stored(2, keystore.Pending)
	steps(t, s.Insert(t.Context(), one))
	if err := s.Insert(t.Context(), two, one); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("Insert of a record that is there = %v, want ErrExists", err)
	}
	if err := s.Insert(t.Context(), stored(3, keystore.Active)); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("Insert of a second active key = %v, want ErrExists", err)
	}
	wantRecords(t, s, one)
	index := one
	index.Purpose = keystore.Index
	other := one
	other.Keyset = "money"
	if err := s.Insert(t.Context(), two, index, other); err != nil {
		t.Errorf("Insert of other keysets' and purposes' keys = %v", err)
	}
}

func testStorageUpdates(t *testing.T, s keystore.Storage) {
	one, two := stored(1, keystore.Active), stored(2, keystore.Pending)
	steps(t, s.Insert(t.Context(), one, two))
	become := func(r keystore.Record, state keystore.State, mac byte) keystore.Record {
		r.State, r.MAC = state, []byte{mac}
		return r
	}
	oneNext, twoNext := become(one, keystore.Retiring, 1), become(two, keystore.Active, 2)

	stale := one
	stale.MAC = []byte{7}
	moved := two
	moved.State = keystore.Retiring
	missing := stored(3, keystore.Pending)
	for name, changes := range map[string][]keystore.Change{
		"another MAC":   {{From: two, To: become(two, keystore.Retired, 3)}, {From: stale, To: oneNext}},
		"another state": {{From: one, To: oneNext}, {From: moved, To: twoNext}},
		"no record":     {{From: one, To: oneNext}, {From: missing, To: twoNext}},
	} {
		if err := s.UpdateState(t.Context(), changes...); !errors.Is(err, keystore.ErrConflict) {
			t.Errorf("UpdateState (%s) = %v, want ErrConflict", name, err)
		}
		wantRecords(t, s, one, two)
	}
	steps(t, s.UpdateState(t.Context(), keystore.Change{From: one, To: oneNext}, keystore.Change{From: two, To: twoNext}))
	wantRecords(t, s, oneNext, twoNext)

	wiped := become(oneNext, keystore.Destroyed, 4)
	wiped.Wrapped.Bytes = []byte{}
	steps(t, s.UpdateState(t.Context(), keystore.Change{From: oneNext, To: wiped}))
	wantRecords(t, s, wiped, twoNext)
}

func TestPostgres_withoutItsTable(t *testing.T) {
	p := keystore.NewPostgres(newPool(t))
	records, err := p.Records(t.Context())
	if err != nil || len(records) != 0 {
		t.Errorf("Records without the table = %v, %v, want none", records, err)
	}
	if err := p.Insert(t.Context(), stored(1, keystore.Active)); err == nil {
		t.Error("Insert without the table returned nil")
	}
}

func TestEnsureSchema_onceForMany(t *testing.T) {
	pool := newPool(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := keystore.NewPostgres(pool).EnsureSchema(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	p := keystore.NewPostgres(pool)
	steps(t, p.Insert(t.Context(), stored(1, keystore.Active)), p.EnsureSchema(t.Context()))
	wantRecords(t, p, stored(1, keystore.Active))
}

// A role that may use the table and make nothing gets by once it is there.
func TestEnsureSchema_withoutTheRightToCreate(t *testing.T) {
	_, pool := newPostgres(t)
	ctx := t.Context()
	exec(t, pool, "CREATE ROLE clerk", "GRANT USAGE ON SCHEMA pgveil TO clerk", "GRANT SELECT ON pgveil.key TO clerk")
	t.Cleanup(func() { exec(t, pool, "DROP OWNED BY clerk", "DROP ROLE clerk") })
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL ROLE clerk"); err != nil {
			return err
		}
		return keystore.NewPostgres(tx).EnsureSchema(ctx)
	})
	if err != nil {
		t.Errorf("EnsureSchema with the table there = %v", err)
	}
}

// Nobody but the owner sees the wrapped keys.
func TestEnsureSchema_grantsNothing(t *testing.T) {
	_, pool := newPostgres(t)
	ctx := t.Context()
	exec(t, pool, "CREATE ROLE nobody")
	t.Cleanup(func() { exec(t, pool, "DROP ROLE nobody") })
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL ROLE nobody"); err != nil {
			return err
		}
		_, err := keystore.NewPostgres(tx).Records(ctx)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("Records as another role = %v, want permission denied", err)
	}
}

// In a transaction of the caller's, what is made goes with it; and a conflict
// does not spoil it.
func TestPostgres_inATransaction(t *testing.T) {
	p, pool := newPostgres(t)
	ctx := t.Context()
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	in := keystore.NewPostgres(tx)
	steps(t, in.Insert(ctx, stored(1, keystore.Active)))
	if err := in.Insert(ctx, stored(1, keystore.Active)); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("Insert again = %v, want ErrExists", err)
	}
	wantRecords(t, in, stored(1, keystore.Active))
	steps(t, tx.Rollback(ctx))
	if left := readAll(t, p); len(left) != 0 {
		t.Errorf("after the rollback %d records are left", len(left))
	}
}

// Two processes create one keyset at once in a real database, as apply may.
func TestCreate_raceInPostgres(t *testing.T) {
	p, _ := newPostgres(t)
	c := newCustodian(t)
	var wg sync.WaitGroup
	for range 6 {
		s, err := keystore.Open(t.Context(), p, c, keystore.Options{Refresh: -1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		wg.Go(func() {
			if err := s.Create(context.Background(), "people"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(readAll(t, p)); n != 2 {
		t.Errorf("there are %d records, want 2", n)
	}
}

// Two administrators rotate at once: one wins, the other is told, and one key
// is active.
func TestMove_raceInPostgres(t *testing.T) {
	p, _ := newPostgres(t)
	c := newCustodian(t)
	open := func() *keystore.Store {
		s, err := keystore.Open(t.Context(), p, c, keystore.Options{Refresh: -1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	a, b := open(), open()
	steps(t, a.Create(t.Context(), "people"))
	for want := uint32(2); want <= 3; want++ {
		if got, err := a.Add(t.Context(), "people", keystore.Data); err != nil || got != want {
			t.Fatalf("Add = %d, %v, want %d", got, err, want)
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { errs[0] = a.Move(context.Background(), "people", keystore.Data, 2, keystore.Active) })
	wg.Go(func() { errs[1] = b.Move(context.Background(), "people", keystore.Data, 3, keystore.Active) })
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, keystore.ErrConflict) {
			t.Errorf("Move = %v, want nil or ErrConflict", err)
		}
	}
	active := 0
	for _, r := range readAll(t, p) {
		if r.Purpose == keystore.Data && r.State == keystore.Active {
			active++
		}
	}
	if active != 1 {
		t.Errorf("%d data keys are active, want 1", active)
	}
	if err := a.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// The whole way: a record that an administrator of the database edits.
func TestStore_tamperedInPostgres(t *testing.T) {
	p, pool := newPostgres(t)
	c := newCustodian(t)
	s, err := keystore.Open(t.Context(), p, c, keystore.Options{Refresh: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps(t, s.Create(t.Context(), "people"))
	if _, _, err := s.Keyset("people").Active(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, pool, "UPDATE pgveil.key SET wrapped = (SELECT wrapped FROM pgveil.key WHERE purpose = 'index') WHERE purpose = 'data'")
	steps(t, s.Refresh(t.Context()))
	if _, _, err := s.Keyset("people").Active(t.Context()); code(t, err) != "key-record-damaged" {
		t.Errorf("Active = %v, want key-record-damaged", err)
	}
}

// The key bytes are nowhere in the server: not in its tables, files or log.
func TestPostgres_neverSeesAKey(t *testing.T) {
	p, _ := newPostgres(t)
	random := bytes.Repeat([]byte("planted-key-qzxjvkwq-0123456789."), 2)
	s, err := keystore.Open(t.Context(), p, newCustodian(t), keystore.Options{Refresh: -1, Random: bytes.NewReader(random)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps(t, s.Create(t.Context(), "people"))
	_, key, err := s.Keyset("people").Active(t.Context())
	if err != nil || bytesOf(t, key) != string(random[:keystore.KeySize]) {
		t.Fatalf("Active = %v, or not the planted key", err)
	}
	var planter testkit.Planter
	planter.Remember(string(random[:keystore.KeySize]))
	testkit.NoLeaks(t, server.pg, &planter)
}

func exec(t testing.TB, pool *pgxpool.Pool, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := pool.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}
