package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

func TestCreate_isIdempotent(t *testing.T) {
	r := newRig(t)
	before := list(t, r.Store)
	if err := r.Create(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, list(t, r.Store)); diff != "" {
		t.Errorf("a second Create changed the records (-before +after):\n%s", diff)
	}
	want := []string{"people data 1 active", "people index 0 active"}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("records after Create (-want +got):\n%s", diff)
	}
}

// Of many processes that create one keyset, one makes it and all use its keys.
func TestCreate_race(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	keys := make([]secret.Bytes, 8)
	for i := range keys {
		s := r.another(t)
		wg.Go(func() {
			if err := s.Create(context.Background(), "money"); err != nil {
				t.Error(err)
				return
			}
			_, key, err := s.Keyset("money").Active(context.Background())
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for i, key := range keys {
		if !key.Equal(keys[0]) {
			t.Errorf("process %d has another key than process 0", i)
		}
	}
	if got := len(list(t, r.Store)); got != 4 {
		t.Errorf("there are %d records, want 4", got)
	}
}

// A lost record is not replaced by a new key, under which nothing stored opens.
func TestCreate_refusesHalfAKeyset(t *testing.T) {
	for lost, there := range map[keystore.Purpose]string{keystore.Data: "has index keys", keystore.Index: "has data keys"} {
		r := newRig(t)
		r.storage.drop(lost)
		err := r.Create(t.Context(), "people")
		if code(t, err) != pgerr.KeyRecordDamaged || !strings.Contains(err.Error(), there) {
			t.Errorf("Create without the %s keys = %v, want key-record-damaged", lost, err)
		}
		if n := len(list(t, r.Store)); n != 1 {
			t.Errorf("Create made keys: %d records, want 1", n)
		}
	}
}

func TestCreate_badNames(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"", "a\x00b"} {
		if err := r.Create(t.Context(), name); err == nil {
			t.Errorf("Create(%q) made a keyset", name)
		}
	}
	if err := r.Create(t.Context(), "données, 'quoted'"); err != nil {
		t.Errorf("Create of an unusual name = %v", err)
	}
}

func TestCreate_custodianAwayLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.custodian.goAway()
	if err := r.Create(t.Context(), "money"); code(t, err) != pgerr.KeysAway {
		t.Errorf("Create = %v, want keys-away", err)
	}
	if n := len(list(t, r.Store)); n != 2 {
		t.Errorf("there are %d records, want those of the first keyset only", n)
	}
}

// lossy wraps so that nothing comes back.
type lossy struct{ *custodian }

func (l *lossy) Wrap(ctx context.Context, key secret.Bytes, aad []byte) (keystore.Wrapped, error) {
	w, err := l.custodian.Wrap(ctx, key, aad)
	w.Bytes[0] ^= 1
	return w, err
}

// A key that cannot be had back must never seal anything.
func TestCreate_checksThatTheKeyComesBack(t *testing.T) {
	storage := &memory{}
	s, err := keystore.Open(t.Context(), storage, &lossy{newCustodian(t)}, keystore.Options{Refresh: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "people"); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Create = %v, want key-record-damaged", err)
	}
	if len(storage.records) != 0 {
		t.Error("a key that does not come back was stored")
	}
}

func TestCreate_randomnessFails(t *testing.T) {
	storage := &memory{}
	s, err := keystore.Open(t.Context(), storage, newCustodian(t), keystore.Options{
		Refresh: -1, Random: bytes.NewReader(make([]byte, keystore.KeySize-1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "people"); err == nil || len(storage.records) != 0 {
		t.Errorf("Create with too little randomness = %v, %d records", err, len(storage.records))
	}
}

// Keys come from Options.Random, and are stored wrapped only.
func TestCreate_storesNoKeyInClear(t *testing.T) {
	storage := &memory{}
	planted := strings.Repeat("PLANTED-KEY-0123", 4)
	s, err := keystore.Open(t.Context(), storage, newCustodian(t), keystore.Options{Refresh: -1, Random: strings.NewReader(planted)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Create(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	_, key, err := s.Keyset("people").Active(t.Context())
	if err != nil || bytesOf(t, key) != planted[:keystore.KeySize] {
		t.Errorf("Active = %v, or not what the randomness gave", err)
	}
	for _, r := range storage.records {
		shown := fmt.Sprintf("%s %+v %s %s", r, r, r.Wrapped.Bytes, r.MAC)
		if strings.Contains(shown, "PLANTED") {
			t.Errorf("record %s holds its key in clear", r)
		}
	}
}

func TestList_tellsWhatIsStored(t *testing.T) {
	r := newRig(t)
	infos, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	created := r.clock.now().UTC().Truncate(time.Microsecond)
	want := []keystore.Info{
		{Keyset: "people", Purpose: keystore.Data, Version: 1, State: keystore.Active, Scheme: "aes-gcm", Custodian: r.custodian.ID(), Created: created},
		{Keyset: "people", Purpose: keystore.Index, Version: 0, State: keystore.Active, Scheme: "aes-gcm", Custodian: r.custodian.ID(), Created: created},
	}
	if diff := cmp.Diff(want, infos); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	r.storage.fail(errors.New("refused"))
	if _, err := r.List(t.Context()); code(t, err) != pgerr.KeyStorageAway {
		t.Errorf("List with the storage away = %v, want key-storage-away", err)
	}
}

func TestVerify(t *testing.T) {
	r := newRig(t)
	if err := r.Verify(t.Context()); err != nil {
		t.Errorf("Verify = %v, want nil", err)
	}
	r.custodian.goAway()
	if err := r.Verify(t.Context()); code(t, err) != pgerr.KeysAway {
		t.Errorf("Verify with the custodian away = %v, want keys-away", err)
	}
}

// A rotation, end to end, in two processes.
func TestMove_rotation(t *testing.T) {
	r := newRig(t)
	_, one, err := r.people.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := r.another(t).Keyset("people")
	if _, _, err := other.Active(t.Context()); err != nil {
		t.Fatal(err)
	}
	version, err := r.Add(t.Context(), "people", keystore.Data)
	if err != nil || version != 2 {
		t.Fatalf("Add = %d, %v, want 2", version, err)
	}
	if got, _, err := r.people.Active(t.Context()); err != nil || got != 1 {
		t.Errorf("Active after Add = %d, %v, want 1", got, err)
	}
	if err := r.Move(t.Context(), "people", keystore.Data, 2, keystore.Active); err != nil {
		t.Fatal(err)
	}
	wantList(t, r.Store, "people data 1 retiring", "people data 2 active", "people index 0 active")
	got, two, err := r.people.Active(t.Context())
	if err != nil || got != 2 || two.Equal(one) {
		t.Errorf("Active after the move = %d, %v, same key as before: %t", got, err, two.Equal(one))
	}
	if key, err := r.people.Data(t.Context(), 1); err != nil || !key.Equal(one) {
		t.Errorf("Data(1) after the move = %v, want the key: what is stored must open", err)
	}
	r.clock.advance(keystore.Pause)
	if key, err := other.Data(t.Context(), 2); err != nil || !key.Equal(two) {
		t.Errorf("Data(2) in the other process = %v, want the key", err)
	}
	if err := r.Verify(t.Context()); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

// A change of state needs no unwrapping in the processes that have the key.
func TestMove_keepsKeysInMemory(t *testing.T) {
	r := newRig(t)
	other := r.another(t)
	_, one, err := other.Keyset("people").Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	if err := r.Move(t.Context(), "people", keystore.Data, 2, keystore.Active); err != nil {
		t.Fatal(err)
	}
	r.custodian.goAway()
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if key, err := other.Keyset("people").Data(t.Context(), 1); err != nil || !key.Equal(one) {
		t.Errorf("Data(1) of a retiring key, custodian away = %v, want the key from memory", err)
	}
}

func TestMove_throughAllStates(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, err := r.Add(ctx, "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	move := func(version uint32, to keystore.State) error {
		return r.Move(ctx, "people", keystore.Data, version, to)
	}
	for _, to := range []keystore.State{keystore.Retired, keystore.Destroyed, keystore.Pending, "", "nonsense"} {
		if err := move(1, to); code(t, err) != pgerr.KeyStateRefused {
			t.Errorf("moving an active key to %q = %v, want key-state-refused", to, err)
		}
	}
	if err := move(1, keystore.Retiring); code(t, err) != pgerr.KeyStateRefused {
		t.Errorf("retiring the only active key = %v, want key-state-refused", err)
	}
	if err := move(1, keystore.Active); code(t, err) != pgerr.KeyStateRefused {
		t.Errorf("activating the active key = %v, want key-state-refused", err)
	}
	wantList(t, r.Store, "people data 1 active", "people data 2 pending", "people index 0 active")

	steps(t, move(2, keystore.Active), move(1, keystore.Retired))
	_, err := r.people.Data(ctx, 1)
	if code(t, err) != pgerr.KeyNotServed || !strings.Contains(err.Error(), "retired") {
		t.Errorf("Data of a retired key = %v, want key-not-served", err)
	}
	steps(t, move(1, keystore.Retiring))
	if _, err := r.people.Data(ctx, 1); err != nil {
		t.Errorf("Data of a key that was moved back = %v", err)
	}
	steps(t, move(1, keystore.Retired))
	if err := move(1, keystore.Destroyed); code(t, err) != pgerr.KeyStateRefused {
		t.Errorf("Move to destroyed = %v, want key-state-refused", err)
	}
	if err := move(9, keystore.Active); code(t, err) != pgerr.KeyMissing {
		t.Errorf("Move of a key that is not there = %v, want key-missing", err)
	}
	if err := r.Verify(ctx); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

func TestDestroy_onlyAfterAScan(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, err := r.Add(ctx, "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	never := func(context.Context) error { t.Error("the scan was run for a key that is in use"); return nil }
	for version := range uint32(2) {
		if err := r.Destroy(ctx, "people", keystore.Data, version+1, never); code(t, err) != pgerr.KeyStateRefused {
			t.Errorf("Destroy of version %d = %v, want key-state-refused", version+1, err)
		}
	}
	steps(t, r.Move(ctx, "people", keystore.Data, 2, keystore.Active), r.Move(ctx, "people", keystore.Data, 1, keystore.Retired))

	found := errors.New("3 values need it")
	err := r.Destroy(ctx, "people", keystore.Data, 1, func(context.Context) error { return found })
	if code(t, err) != pgerr.KeyStateRefused || len(r.storage.record(t, keystore.Data, 1).Wrapped.Bytes) == 0 {
		t.Errorf("Destroy of a key that is needed = %v, or its bytes are gone", err)
	}
	if err := r.Destroy(ctx, "people", keystore.Data, 1, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	gone := r.storage.record(t, keystore.Data, 1)
	if gone.State != keystore.Destroyed || len(gone.Wrapped.Bytes) != 0 {
		t.Errorf("after Destroy the record is %s with %d bytes, want destroyed, none", gone.State, len(gone.Wrapped.Bytes))
	}
	if _, err := r.people.Data(ctx, 1); code(t, err) != pgerr.KeyNotServed {
		t.Errorf("Data of a destroyed key = %v, want key-not-served", err)
	}
	if err := r.Move(ctx, "people", keystore.Data, 1, keystore.Retiring); code(t, err) != pgerr.KeyStateRefused {
		t.Errorf("moving a destroyed key back = %v, want key-state-refused", err)
	}
	if err := r.Verify(ctx); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

// meddling changes a record just before it is changed by its user.
type meddling struct {
	*memory
	meddle func()
}

func (m *meddling) UpdateState(ctx context.Context, changes ...keystore.Change) error {
	m.meddle()
	return m.memory.UpdateState(ctx, changes...)
}

func TestMove_noticesAnotherProcess(t *testing.T) {
	r := newRig(t)
	if _, err := r.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	m := &meddling{memory: r.storage, meddle: func() {
		if err := r.Move(context.Background(), "people", keystore.Data, 2, keystore.Active); err != nil {
			t.Error(err)
		}
	}}
	s, err := keystore.Open(t.Context(), m, r.custodian, keystore.Options{Refresh: -1, Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Move(t.Context(), "people", keystore.Data, 2, keystore.Active); !errors.Is(err, keystore.ErrConflict) {
		t.Errorf("Move = %v, want ErrConflict", err)
	}
	wantList(t, r.Store, "people data 1 retiring", "people data 2 active", "people index 0 active")
}

// Who can write the storage but has no custodian cannot have a forged record
// made genuine by a change of its state.
func TestMove_refusesATamperedRecord(t *testing.T) {
	r := newRig(t)
	if _, err := r.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	r.storage.edit(t, keystore.Data, 2, func(r *keystore.Record) { r.Created = r.Created.Add(time.Second) })
	if err := r.Move(t.Context(), "people", keystore.Data, 2, keystore.Active); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Move of a tampered record = %v, want key-record-damaged", err)
	}
	wantList(t, r.Store, "people data 1 active", "people data 2 pending", "people index 0 active")
}

func TestAdd_indexKey(t *testing.T) {
	r := newRig(t)
	epoch, err := r.Add(t.Context(), "people", keystore.Index)
	if err != nil || epoch != 1 {
		t.Fatalf("Add = %d, %v, want epoch 1", epoch, err)
	}
	if got, err := r.people.Epoch(t.Context()); err != nil || got != 0 {
		t.Errorf("Epoch after Add = %d, %v, want 0", got, err)
	}
	if _, err := r.people.Index(t.Context(), 1); err != nil {
		t.Errorf("Index of a pending epoch = %v, want the key: both epochs are written", err)
	}
	steps(t, r.Move(t.Context(), "people", keystore.Index, 1, keystore.Active))
	if got, err := r.people.Epoch(t.Context()); err != nil || got != 1 {
		t.Errorf("Epoch after the move = %d, %v, want 1", got, err)
	}
	if _, err := r.Add(t.Context(), "nobody", keystore.Data); code(t, err) != pgerr.KeyMissing {
		t.Errorf("Add to a keyset that is not there = %v, want key-missing", err)
	}
}

func list(t testing.TB, s *keystore.Store) []string {
	t.Helper()
	infos, err := s.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, i := range infos {
		lines = append(lines, fmt.Sprintf("%s %s %d %s", i.Keyset, i.Purpose, i.Version, i.State))
	}
	return lines
}

func wantList(t testing.TB, s *keystore.Store, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func steps(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
