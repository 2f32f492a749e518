package keystore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
	"github.com/pgveil/pgveil/keystore/software"
)

// opened is the one root key of all tests here: opening it costs Argon2id.
var opened = sync.OnceValues(func() (*software.Custodian, error) {
	dir, err := os.MkdirTemp("", "pgveil-keystore-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "root.key")
	passphrase := secret.New([]byte("only for these tests"))
	if err := software.Create(path, passphrase); err != nil {
		return nil, err
	}
	c, _, err := software.Open(path, passphrase)
	return c, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if server.pg != nil {
		_ = server.pg.Close()
	}
	os.Exit(code)
}

// custodian is the software custodian with switches for what goes wrong outside
// of it.
type custodian struct {
	*software.Custodian
	unwraps atomic.Int64
	// away, if set, is the error of all calls. hold, if set, makes Unwrap wait
	// until it is closed or the context ends.
	away atomic.Pointer[error]
	hold atomic.Pointer[chan struct{}]
}

func (c *custodian) goAway() { err := errors.New("hsm.example.org: no route"); c.away.Store(&err) }
func (c *custodian) comeBack() {
	c.away.Store(nil)
}

func (c *custodian) Wrap(ctx context.Context, key secret.Bytes, aad []byte) (keystore.Wrapped, error) {
	if err := c.away.Load(); err != nil {
		return keystore.Wrapped{}, *err
	}
	return c.Custodian.Wrap(ctx, key, aad)
}

func (c *custodian) Unwrap(ctx context.Context, w keystore.Wrapped, aad []byte) (secret.Bytes, error) {
	c.unwraps.Add(1)
	if hold := c.hold.Load(); hold != nil {
		select {
		case <-*hold:
		case <-ctx.Done():
			return secret.Bytes{}, ctx.Err()
		}
	}
	if err := c.away.Load(); err != nil {
		return secret.Bytes{}, *err
	}
	return c.Custodian.Unwrap(ctx, w, aad)
}

func newCustodian(t testing.TB) *custodian {
	t.Helper()
	c, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	return &custodian{Custodian: c}
}

// memory is a storage that a test can write to behind the store's back. That
// it behaves as PostgreSQL does is shown by TestStorage, which runs on both.
type memory struct {
	mu      sync.Mutex
	records []keystore.Record
	err     error
	reads   int
}

func (m *memory) Records(context.Context) ([]keystore.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return slices.Clone(m.records), m.err
}

func (m *memory) Insert(_ context.Context, records ...keystore.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	all := slices.Clone(m.records)
	for _, r := range records {
		if slices.ContainsFunc(all, func(have keystore.Record) bool {
			sameFamily := have.Keyset == r.Keyset && have.Purpose == r.Purpose
			return sameFamily && (have.Version == r.Version || have.State == keystore.Active && r.State == keystore.Active)
		}) {
			return fmt.Errorf("memory: %w", keystore.ErrExists)
		}
		all = append(all, r)
	}
	m.records = all
	return nil
}

func (m *memory) UpdateState(_ context.Context, changes ...keystore.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	all := slices.Clone(m.records)
	for _, c := range changes {
		i := slices.IndexFunc(all, func(r keystore.Record) bool {
			return r.Keyset == c.From.Keyset && r.Purpose == c.From.Purpose && r.Version == c.From.Version &&
				r.State == c.From.State && slices.Equal(r.MAC, c.From.MAC)
		})
		if i < 0 {
			return fmt.Errorf("memory: %w", keystore.ErrConflict)
		}
		all[i] = c.To
	}
	m.records = all
	return nil
}

// edit changes the record of a purpose and version, as an intruder would.
func (m *memory) edit(t testing.TB, p keystore.Purpose, version uint32, change func(*keystore.Record)) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.records {
		if r := &m.records[i]; r.Purpose == p && r.Version == version {
			r.Wrapped.Bytes, r.MAC = slices.Clone(r.Wrapped.Bytes), slices.Clone(r.MAC)
			change(r)
			return
		}
	}
	t.Fatalf("no %s key %d to edit", p, version)
}

func (m *memory) record(t testing.TB, p keystore.Purpose, version uint32) keystore.Record {
	t.Helper()
	var found keystore.Record
	m.edit(t, p, version, func(r *keystore.Record) { found = *r })
	return found
}

func (m *memory) drop(p keystore.Purpose) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = slices.DeleteFunc(m.records, func(r keystore.Record) bool { return r.Purpose == p })
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// clock stands still until it is moved.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2030, 1, 2, 3, 4, 5, 678_000, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// rig is a store with everything around it in a test's hands.
type rig struct {
	*keystore.Store
	storage   *memory
	custodian *custodian
	clock     *clock
	people    *keystore.Keyset
}

const lifetime = time.Hour

// newRig opens a store with keyset "people" made.
func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{storage: &memory{}, custodian: newCustodian(t), clock: newClock()}
	r.Store = r.another(t)
	if err := r.Create(context.Background(), "people"); err != nil {
		t.Fatal(err)
	}
	r.people = r.Keyset("people")
	return r
}

// another opens one more store, as another process would.
func (r *rig) another(t testing.TB) *keystore.Store {
	t.Helper()
	s, err := keystore.Open(context.Background(), r.storage, r.custodian, keystore.Options{
		Lifetime: lifetime, Refresh: -1, Timeout: 5 * time.Second, Now: r.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// bytesOf copies a key, for comparison.
func bytesOf(t testing.TB, key secret.Bytes) string {
	t.Helper()
	var s string
	if err := key.Use(func(b []byte) error { s = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

// code returns the pgerr code of err, after checking that it is fit for a client.
func code(t testing.TB, err error) pgerr.Code {
	t.Helper()
	var e *pgerr.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *pgerr.Error", err)
	}
	if e.State != pgerr.StateKeys || e.Message == "" || e.Hint == "" {
		t.Errorf("error %#v lacks its state, message or hint", e)
	}
	return e.Code
}

// deafCustodian binds no associated data, as RFC 3394 does not.
type deafCustodian struct{ *custodian }

func (d *deafCustodian) Wrap(ctx context.Context, key secret.Bytes, _ []byte) (keystore.Wrapped, error) {
	return d.custodian.Wrap(ctx, key, nil)
}

func (d *deafCustodian) Unwrap(ctx context.Context, w keystore.Wrapped, _ []byte) (secret.Bytes, error) {
	return d.custodian.Unwrap(ctx, w, nil)
}
