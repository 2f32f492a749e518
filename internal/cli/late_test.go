package cli

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
	"github.com/pgveil/pgveil/keystore/software"
)

// memory is a storage that can be away.
type memory struct {
	mu      sync.Mutex
	away    error
	records []keystore.Record
	asked   int
}

func (m *memory) Records(context.Context) ([]keystore.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return append([]keystore.Record(nil), m.records...), m.away
}

func (m *memory) Insert(_ context.Context, r ...keystore.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, r...)
	return nil
}

func (m *memory) UpdateState(context.Context, ...keystore.Change) error { return errReadOnly }

func (m *memory) setAway(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
}

func newCustodian(t *testing.T) keystore.Custodian {
	t.Helper()
	path, passphrase := filepath.Join(t.TempDir(), "root.key"), secret.New([]byte("correct horse battery staple"))
	if err := software.Create(path, passphrase); err != nil {
		t.Fatal(err)
	}
	c, _, err := software.Open(path, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func withKeys(t *testing.T, c keystore.Custodian) *memory {
	t.Helper()
	m := &memory{}
	store, err := keystore.Open(t.Context(), m, c, keystore.Options{Refresh: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Create(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLateStore_servesOnceTheStorageIsThere(t *testing.T) {
	c := newCustodian(t)
	m := withKeys(t, c)
	m.setAway(errors.New("connection refused"))
	late := newLateStore(m, c, time.Hour, nil)
	defer late.close()
	keys := late.keyset("people")

	if _, _, err := keys.Active(t.Context()); err == nil {
		t.Fatal("Active without a storage = nil, want an error")
	}
	asked := m.asked
	if _, err := keys.Epoch(t.Context()); err == nil || m.asked != asked {
		t.Errorf("Epoch at once = %v after %d readings, want the same error without another", err, m.asked-asked)
	}
	m.setAway(nil)
	late.tried = time.Now().Add(-2 * retryAfter)
	version, key, err := keys.Active(t.Context())
	if err != nil || version != 1 || key.Len() != keystore.KeySize {
		t.Fatalf("Active = %d, %d bytes, %v, want version 1 and %d bytes", version, key.Len(), err, keystore.KeySize)
	}
	epoch, err := keys.Epoch(t.Context())
	if err != nil || epoch != 0 {
		t.Errorf("Epoch = %d, %v, want 0", epoch, err)
	}
	if _, err := keys.Index(t.Context(), epoch); err != nil {
		t.Errorf("Index(0): %v", err)
	}
	if _, err := keys.Data(t.Context(), 1); err != nil {
		t.Errorf("Data(1): %v", err)
	}
	if _, err := late.keyset("others").Epoch(t.Context()); err == nil {
		t.Error("Epoch of a keyset that is not there = nil, want an error")
	}
}

// One caller that goes away must not make the others wait for the next try.
func TestLateStore_doesNotRememberACancelledCall(t *testing.T) {
	c := newCustodian(t)
	m := withKeys(t, c)
	late := newLateStore(m, c, time.Hour, nil)
	defer late.close()
	m.setAway(context.Canceled)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := late.keyset("people").Epoch(gone); err == nil {
		t.Fatal("Epoch with a cancelled context = nil, want an error")
	}
	m.setAway(nil)
	if _, err := late.keyset("people").Epoch(t.Context()); err != nil {
		t.Errorf("Epoch of another caller: %v", err)
	}
}

// While one caller waits for the server, another may give up.
func TestLateStore_waitsNoLongerThanTheContext(t *testing.T) {
	late := newLateStore(&memory{}, noCustodian{}, time.Hour, nil)
	late.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := late.keyset("people").Data(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Data = %v, want context.Canceled", err)
	}
}

func TestLateStore_isClosedForGood(t *testing.T) {
	c := newCustodian(t)
	late := newLateStore(withKeys(t, c), c, time.Hour, nil)
	keys := late.keyset("people")
	late.close()
	if _, _, err := keys.Active(t.Context()); !errors.Is(err, keystore.ErrClosed) {
		t.Errorf("Active after close = %v, want ErrClosed", err)
	}
}

func TestRecords_areReadOnly(t *testing.T) {
	if err := (records{}).Insert(t.Context()); !errors.Is(err, errReadOnly) {
		t.Errorf("Insert = %v, want errReadOnly", err)
	}
	if err := (records{}).UpdateState(t.Context()); !errors.Is(err, errReadOnly) {
		t.Errorf("UpdateState = %v, want errReadOnly", err)
	}
}
