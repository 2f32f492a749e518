package keystore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

var _ envelope.Keys = (*keystore.Keyset)(nil)

func TestKeyset_servesItsFirstKeys(t *testing.T) {
	r := newRig(t)
	version, active, err := r.people.Active(t.Context())
	if err != nil || version != 1 || active.Len() != keystore.KeySize {
		t.Fatalf("Active = %d, %d bytes, %v, want 1, 32 bytes", version, active.Len(), err)
	}
	data, err := r.people.Data(t.Context(), 1)
	if err != nil || !data.Equal(active) {
		t.Errorf("Data(1) = %v, or another key than Active", err)
	}
	epoch, err := r.people.Epoch(t.Context())
	if err != nil || epoch != 0 {
		t.Errorf("Epoch = %d, %v, want 0", epoch, err)
	}
	index, err := r.people.Index(t.Context(), 0)
	if err != nil || index.Len() != keystore.KeySize || index.Equal(data) {
		t.Errorf("Index(0) = %d bytes, %v, equal to the data key: %t", index.Len(), err, index.Equal(data))
	}
	if r.people.Name() != "people" || r.Keyset("people") != r.people {
		t.Error("Keyset must return the same keyset again")
	}
}

func TestKeyset_anotherProcessHasTheSameKeys(t *testing.T) {
	r := newRig(t)
	_, mine, err1 := r.people.Active(t.Context())
	_, theirs, err2 := r.another(t).Keyset("people").Active(t.Context())
	if err1 != nil || err2 != nil || !mine.Equal(theirs) {
		t.Errorf("two stores: %v, %v, same key %t", err1, err2, mine.Equal(theirs))
	}
}

func TestKeyset_keysetsShareNothing(t *testing.T) {
	r := newRig(t)
	if err := r.Create(t.Context(), "money"); err != nil {
		t.Fatal(err)
	}
	_, people, err1 := r.people.Active(t.Context())
	_, money, err2 := r.Keyset("money").Active(t.Context())
	if err1 != nil || err2 != nil || people.Equal(money) {
		t.Errorf("keys of two keysets: %v, %v, equal %t", err1, err2, people.Equal(money))
	}
}

func TestKeyset_unknownKeys(t *testing.T) {
	r := newRig(t)
	empty := r.Keyset("nobody made this")
	_, _, err := empty.Active(t.Context())
	if code(t, err) != pgerr.KeyMissing || !strings.Contains(err.Error(), `"nobody made this"`) {
		t.Errorf("Active of an empty keyset = %v", err)
	}
	if _, err := empty.Epoch(t.Context()); code(t, err) != pgerr.KeyMissing {
		t.Errorf("Epoch of an empty keyset = %v", err)
	}
	for _, version := range []uint32{0, 2, 1<<32 - 1} {
		if _, err := r.people.Data(t.Context(), version); code(t, err) != pgerr.KeyMissing {
			t.Errorf("Data(%d) = %v, want key-missing", version, err)
		}
	}
	if _, err := r.people.Index(t.Context(), 1); code(t, err) != pgerr.KeyMissing {
		t.Errorf("Index(1) = %v, want key-missing", err)
	}
}

// A flood of values that name keys that are not there must not become a flood
// of queries.
func TestKeyset_unknownVersionDoesNotHammerTheStorage(t *testing.T) {
	r := newRig(t)
	r.clock.advance(keystore.Pause)
	before := r.storage.reads
	for range 100 {
		if _, err := r.people.Data(t.Context(), 9); code(t, err) != pgerr.KeyMissing {
			t.Fatalf("Data(9) = %v", err)
		}
	}
	if got := r.storage.reads - before; got != 1 {
		t.Errorf("the storage was read %d times for 100 lookups, want 1", got)
	}
}

// What another process has just made is found without waiting for the next
// background reading.
func TestKeyset_findsWhatAnotherProcessMade(t *testing.T) {
	r := newRig(t)
	other := r.another(t)
	version, err := r.Add(t.Context(), "people", keystore.Data)
	if err != nil {
		t.Fatal(err)
	}
	r.clock.advance(keystore.Pause)
	got, err := other.Keyset("people").Data(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.people.Data(t.Context(), version)
	if err != nil || !got.Equal(want) {
		t.Errorf("Data(%d) of the other store: %v, or another key", version, err)
	}
}

func TestKeyset_unwrapsOnceAndServesFromMemory(t *testing.T) {
	r := newRig(t)
	before := r.custodian.unwraps.Load()
	for range 50 {
		if _, _, err := r.people.Active(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.people.Data(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.custodian.unwraps.Load() - before; got != 1 {
		t.Errorf("the custodian was asked %d times for one key, want 1", got)
	}
}

func TestKeyset_manyWaitForOneUnwrap(t *testing.T) {
	r := newRig(t)
	s := r.another(t)
	hold := make(chan struct{})
	r.custodian.hold.Store(&hold)
	before := r.custodian.unwraps.Load()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, _, err := s.Keyset("people").Active(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() { close(hold) })
	wg.Wait()
	if got := r.custodian.unwraps.Load() - before; got != 1 {
		t.Errorf("the custodian was asked %d times at once, want 1", got)
	}
}

// Who waits leaves when its own context ends; the call goes on for the others.
func TestKeyset_callersDeadline(t *testing.T) {
	r := newRig(t)
	s := r.another(t)
	hold := make(chan struct{})
	r.custodian.hold.Store(&hold)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, _, err := s.Keyset("people").Active(ctx)
	if code(t, err) != pgerr.KeysAway || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Active = %v, want keys-away because of the deadline", err)
	}
	close(hold)
	s.Settle()
	r.custodian.goAway()
	if _, _, err := s.Keyset("people").Active(t.Context()); err != nil {
		t.Errorf("Active after the call came through = %v, want the key from memory", err)
	}
}

// A custodian that hangs is given up after Options.Timeout.
func TestKeyset_hangingCustodian(t *testing.T) {
	r := newRig(t)
	s, err := keystore.Open(t.Context(), r.storage, r.custodian, keystore.Options{Refresh: -1, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hold := make(chan struct{})
	defer close(hold)
	r.custodian.hold.Store(&hold)
	if _, _, err := s.Keyset("people").Active(t.Context()); code(t, err) != pgerr.KeysAway {
		t.Errorf("Active = %v, want keys-away", err)
	}
}

func TestKeyset_custodianAway(t *testing.T) {
	r := newRig(t)
	version, key, err := r.people.Active(t.Context())
	if err != nil || version != 1 {
		t.Fatal(err)
	}
	want := bytesOf(t, key)
	r.custodian.goAway()

	r.clock.advance(lifetime - time.Millisecond)
	if _, key, err = r.people.Active(t.Context()); err != nil || bytesOf(t, key) != want {
		t.Errorf("Active within the lifetime = %v, want the cached key", err)
	}
	r.Settle()

	r.clock.advance(time.Millisecond + keystore.Pause)
	_, _, err = r.people.Active(t.Context())
	if code(t, err) != pgerr.KeysAway {
		t.Errorf("Active after the lifetime = %v, want keys-away", err)
	}
	if strings.Contains(err.Error(), "hsm.example.org") {
		t.Errorf("error %q tells the client a host", err)
	}
	if _, err := r.people.Data(t.Context(), 1); code(t, err) != pgerr.KeysAway {
		t.Errorf("Data after the lifetime = %v, want keys-away", err)
	}

	r.custodian.comeBack()
	r.clock.advance(keystore.Pause)
	if _, key, err = r.people.Active(t.Context()); err != nil || bytesOf(t, key) != want {
		t.Errorf("Active after the custodian came back = %v, want the key", err)
	}
}

func TestKeyset_awayCustodianIsAskedOnceAPause(t *testing.T) {
	r := newRig(t)
	r.custodian.goAway()
	before := r.custodian.unwraps.Load()
	for range 100 {
		if _, _, err := r.people.Active(t.Context()); code(t, err) != pgerr.KeysAway {
			t.Fatal(err)
		}
	}
	if got := r.custodian.unwraps.Load() - before; got != 1 {
		t.Errorf("a custodian that is away was asked %d times within a pause, want 1", got)
	}
}

// A key in use is confirmed ahead of its end, so that nobody ever waits for it
// and it stays the same object.
func TestKeyset_renewsAKeyInUse(t *testing.T) {
	r := newRig(t)
	_, first, err := r.people.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		r.clock.advance(lifetime * 4 / 5)
		if _, _, err := r.people.Active(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.Settle()
		r.Sweep()
	}
	if first.Len() != keystore.KeySize {
		t.Error("a key that was renewed all along was wiped")
	}
	r.custodian.goAway()
	r.clock.advance(lifetime - time.Minute)
	if _, key, err := r.people.Active(t.Context()); err != nil || !key.Equal(first) {
		t.Errorf("Active = %v, want the renewed key", err)
	}
}

// In the last quarter of its life, with the custodian away, a key is still served.
func TestKeyset_failedRenewalKeepsServing(t *testing.T) {
	r := newRig(t)
	if _, _, err := r.people.Active(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.custodian.goAway()
	r.clock.advance(lifetime * 4 / 5)
	before := r.custodian.unwraps.Load()
	for range 10 {
		if _, _, err := r.people.Active(t.Context()); err != nil {
			t.Fatalf("Active while renewal fails = %v", err)
		}
		r.Settle()
	}
	if got := r.custodian.unwraps.Load() - before; got != 1 {
		t.Errorf("a failing renewal was tried %d times within a pause, want 1", got)
	}
	r.custodian.comeBack()
	r.clock.advance(keystore.Pause)
	if _, _, err := r.people.Active(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Settle()
	r.custodian.goAway()
	r.clock.advance(lifetime / 2)
	if _, _, err := r.people.Active(t.Context()); err != nil {
		t.Errorf("Active after the renewal came through late = %v", err)
	}
}

func TestStore_sweepWipesIdleKeys(t *testing.T) {
	r := newRig(t)
	_, key, err := r.people.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.clock.advance(lifetime)
	r.Sweep()
	if r.InMemory() != 1 {
		t.Error("the key was wiped before its grace was over")
	}
	r.clock.advance(keystore.Grace)
	r.Sweep()
	if r.InMemory() != 0 || key.Len() != 0 {
		t.Errorf("after lifetime and grace %d keys are in memory, want none", r.InMemory())
	}
	if err := key.Use(func([]byte) error { return nil }); !errors.Is(err, secret.ErrDestroyed) {
		t.Errorf("Use of a wiped key = %v, want ErrDestroyed", err)
	}
	if _, key, err = r.people.Active(t.Context()); err != nil || key.Len() != keystore.KeySize {
		t.Errorf("Active after the sweep = %v, want the key again", err)
	}
}

// The real clock and the real background: nobody calls Sweep.
func TestStore_lifetimeDefaultsAreSane(t *testing.T) {
	r := newRig(t)
	s, err := keystore.Open(t.Context(), r.storage, r.custodian, keystore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Keyset("people").Active(t.Context()); err != nil {
		t.Errorf("Active with default options = %v", err)
	}
	s.Close()
}

func TestStore_closeWipesAndRefuses(t *testing.T) {
	r := newRig(t)
	s := r.another(t)
	_, key, err := s.Keyset("people").Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if key.Len() != 0 || s.InMemory() != 0 {
		t.Error("Close left a key in memory")
	}
	if _, _, err := s.Keyset("people").Active(t.Context()); code(t, err) != pgerr.KeysAway || !errors.Is(err, keystore.ErrClosed) {
		t.Errorf("Active after Close = %v, want keys-away, ErrClosed", err)
	}
}

func TestStore_closeEndsACallUnderWay(t *testing.T) {
	r := newRig(t)
	s := r.another(t)
	hold := make(chan struct{})
	defer close(hold)
	r.custodian.hold.Store(&hold)
	started := r.custodian.unwraps.Load()
	failed := make(chan error)
	go func() {
		_, _, err := s.Keyset("people").Active(context.Background())
		failed <- err
	}()
	for r.custodian.unwraps.Load() == started {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	if err := <-failed; code(t, err) != pgerr.KeysAway {
		t.Errorf("Active while the store was closed = %v, want keys-away", err)
	}
}

func TestOpen_storageAway(t *testing.T) {
	m := &memory{err: errors.New("db.example.org: refused")}
	_, err := keystore.Open(t.Context(), m, newCustodian(t), keystore.Options{})
	if code(t, err) != pgerr.KeyStorageAway || strings.Contains(err.Error(), "db.example.org") {
		t.Errorf("Open = %v, want key-storage-away without the host", err)
	}
}

// Keys in memory serve on while the storage is away.
func TestStore_storageAway(t *testing.T) {
	r := newRig(t)
	if _, _, err := r.people.Active(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.storage.fail(errors.New("refused"))
	if err := r.Refresh(t.Context()); code(t, err) != pgerr.KeyStorageAway {
		t.Errorf("Refresh = %v, want key-storage-away", err)
	}
	if _, _, err := r.people.Active(t.Context()); err != nil {
		t.Errorf("Active with the storage away = %v, want the key", err)
	}
	before := r.storage.reads
	for range 10 {
		if _, err := r.people.Data(t.Context(), 5); code(t, err) != pgerr.KeyStorageAway {
			t.Errorf("Data of an unknown version = %v, want key-storage-away", err)
		}
	}
	if r.storage.reads != before {
		t.Errorf("a storage that is away was read %d times within a pause", r.storage.reads-before)
	}
	r.storage.fail(nil)
	r.clock.advance(keystore.Pause)
	if _, err := r.people.Data(t.Context(), 5); code(t, err) != pgerr.KeyMissing {
		t.Errorf("Data of an unknown version after it came back = %v, want key-missing", err)
	}
}

// Readers, refreshes, rotations and sweeps at once, for the race detector. What
// is served is always the version's one key.
func TestStore_concurrently(t *testing.T) {
	r := newRig(t)
	_, first, err := r.people.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := bytesOf(t, first)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				key, err := r.people.Data(context.Background(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				err = key.Use(func(b []byte) error {
					if string(b) != want {
						t.Error("Data(1) is not the key of version 1")
					}
					return nil
				})
				if err != nil && !errors.Is(err, secret.ErrDestroyed) {
					t.Error(err)
				}
				if _, _, err := r.people.Active(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		version, err := r.Add(t.Context(), "people", keystore.Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Move(t.Context(), "people", keystore.Data, version, keystore.Active); err != nil {
			t.Fatal(err)
		}
		r.clock.advance(lifetime * 4 / 5)
		r.Sweep()
		if got, _, err := r.people.Active(t.Context()); err != nil || got != version {
			t.Fatalf("Active = %d, %v, want %d", got, err, version)
		}
	}
	close(done)
	wg.Wait()
}

func BenchmarkKeyset(b *testing.B) {
	r := newRig(b)
	s, err := keystore.Open(context.Background(), r.storage, r.custodian, keystore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	k := s.Keyset("people")
	ctx := context.Background()
	calls := map[string]func() error{
		"Active": func() error { _, _, err := k.Active(ctx); return err },
		"Data":   func() error { _, err := k.Data(ctx, 1); return err },
		"Index":  func() error { _, err := k.Index(ctx, 0); return err },
		"Epoch":  func() error { _, err := k.Epoch(ctx); return err },
	}
	for name, call := range calls {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := call(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func TestKeyset_hotPathDoesNotAllocate(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	allocs := testing.AllocsPerRun(100, func() {
		_, _, err1 := r.people.Active(ctx)
		_, err2 := r.people.Data(ctx, 1)
		_, err3 := r.people.Index(ctx, 0)
		_, err4 := r.people.Epoch(ctx)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("serving keys from memory allocates %v times, want 0", allocs)
	}
}
