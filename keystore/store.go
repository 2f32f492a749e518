package keystore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/secret"
)

// sweepEvery is how often keys past their lifetime are looked for.
const sweepEvery = 5 * time.Second

// Store serves the keys of one storage. It is used by many goroutines at once.
type Store struct {
	storage   Storage
	custodian Custodian
	opts      Options

	// refreshing is held, as a token in the channel, while records are read and
	// taken in, so that an older reading never replaces a newer one.
	refreshing chan struct{}

	mu      sync.Mutex
	keysets map[string]*Keyset
	// current are the slots of the latest reading; slots these and those of
	// earlier readings that may still hold a key.
	current map[id]*slot
	slots   map[*slot]struct{}
	// read is when the latest reading began, tried the latest attempt's time and
	// tryErr its error.
	read, tried time.Time
	tryErr      error

	// life guards closed, and that nothing is spawned after it.
	life   sync.Mutex
	closed bool
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Open returns a store over the records of storage that custodian has wrapped.
// It reads the records, and asks the custodian for nothing: that happens when a
// key is first used. The custodian and the storage stay the caller's, to be
// closed after the store.
func Open(ctx context.Context, storage Storage, custodian Custodian, opts Options) (*Store, error) {
	s := &Store{
		storage: storage, custodian: custodian, opts: opts.withDefaults(),
		refreshing: make(chan struct{}, 1),
		keysets:    map[string]*Keyset{}, current: map[id]*slot{}, slots: map[*slot]struct{}{},
	}
	// Not ctx: the store outlives the call. Close ends it and waits.
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.Refresh(ctx); err != nil {
		s.cancel()
		return nil, err
	}
	s.spawn(s.tend)
	return s, nil
}

// Close ends what runs in the background, waits for it, and wipes all keys.
// Those that were handed out are wiped with them.
func (s *Store) Close() {
	s.life.Lock()
	s.closed = true
	s.life.Unlock()
	s.cancel()
	s.wg.Wait()

	s.mu.Lock()
	defer s.mu.Unlock()
	for sl := range s.slots {
		sl.wipe()
	}
}

// spawn runs f until it returns or Close cancels its context. It reports
// whether it did: after Close it does not.
func (s *Store) spawn(f func(context.Context)) bool {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return false
	}
	s.wg.Go(func() { f(s.ctx) })
	return true
}

// tend wipes keys past their lifetime and reads the records again, until ctx ends.
func (s *Store) tend(ctx context.Context) {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	var refresh <-chan time.Time // nil blocks for ever
	if s.opts.Refresh > 0 {
		t := time.NewTicker(s.opts.Refresh)
		defer t.Stop()
		refresh = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			s.sweep()
		case <-refresh:
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.opts.Log.Warn("reading key records", zap.NamedError("err", err), zap.NamedError("cause", errors.Unwrap(err)))
			}
		}
	}
}

// sweep wipes the keys whose time is over.
func (s *Store) sweep() {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for sl := range s.slots {
		if sl.expire(now) && s.current[sl.record.id()] != sl {
			delete(s.slots, sl)
		}
	}
}

// Keyset returns the keyset of a name, whether there are keys in it or not. It
// is cheap, but what it returns is meant to be kept.
func (s *Store) Keyset(name string) *Keyset {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keysets[name]
	if k == nil {
		k = &Keyset{store: s, name: name}
		k.view.Store(newView(s.current, name))
		s.keysets[name] = k
	}
	return k
}

// Refresh reads the records again. Keys in memory stay there if their records
// are unchanged or changed only their state.
func (s *Store) Refresh(ctx context.Context) error {
	select {
	case s.refreshing <- struct{}{}:
	case <-ctx.Done():
		return storageAway(context.Cause(ctx))
	}
	defer func() { <-s.refreshing }()
	return s.readRecords(ctx)
}

// readRecords does the work of Refresh, whose token the caller holds.
func (s *Store) readRecords(ctx context.Context) error {
	began := s.opts.Now()
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	records, err := s.storage.Records(ctx)
	if err != nil {
		err = storageAway(err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.tryErr = s.opts.Now(), err
	if err != nil {
		return err
	}
	s.read = began
	s.install(records)
	return nil
}

// refreshSince reads the records again unless a reading began after asked or
// one failed just now. It is how a key that is not known is looked for, without
// a storage that is away being asked by every statement.
func (s *Store) refreshSince(ctx context.Context, asked time.Time) error {
	select {
	case s.refreshing <- struct{}{}:
	case <-ctx.Done():
		return storageAway(context.Cause(ctx))
	}
	defer func() { <-s.refreshing }()

	s.mu.Lock()
	read, tried, err := s.read, s.tried, s.tryErr
	s.mu.Unlock()
	now := s.opts.Now()
	switch {
	case err != nil && now.Before(tried.Add(retryPause)):
		return err
	case err == nil && (read.After(asked) || now.Before(read.Add(retryPause))):
		return nil
	}
	return s.readRecords(ctx)
}

// install makes the records of a reading current. The caller holds mu.
func (s *Store) install(records []Record) {
	next := make(map[id]*slot, len(records))
	for _, r := range records {
		if !r.Purpose.known() {
			s.opts.Log.Warn("key record of an unknown purpose", zap.String("key", r.String()))
			continue
		}
		old := s.current[r.id()]
		if old != nil && same(old.record, r) {
			next[r.id()] = old
			continue
		}
		sl := &slot{record: r}
		if old != nil && r.State.opens() {
			sl.inherit(old)
		}
		next[r.id()] = sl
		s.slots[sl] = struct{}{}
	}
	for key, old := range s.current {
		if next[key] != old {
			old.wipe() // changed or gone; inherit has left it nothing if the key goes on
		}
	}
	s.current = next
	for name, k := range s.keysets {
		k.view.Store(newView(next, name))
	}
}

// same reports whether nothing of a record has changed.
func same(a, b Record) bool {
	return a.id() == b.id() && a.State == b.State && a.Custodian == b.Custodian && a.Created.Equal(b.Created) &&
		a.Wrapped.Scheme == b.Wrapped.Scheme && slices.Equal(a.Wrapped.Bytes, b.Wrapped.Bytes) && slices.Equal(a.MAC, b.MAC)
}

// unwrap has the custodian open a record's key and checks the record with it.
// The caller owns the key.
func (s *Store) unwrap(ctx context.Context, r Record) (secret.Bytes, error) {
	if !r.State.known() {
		return secret.Bytes{}, damaged(r, fmt.Errorf("state %q is none of ours", r.State))
	}
	if r.State == Destroyed {
		return secret.Bytes{}, notServed(r)
	}
	if have := s.custodian.ID(); r.Custodian != have {
		return secret.Bytes{}, otherCustodian(r, have)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	key, err := s.custodian.Unwrap(ctx, r.Wrapped, r.aad())
	switch {
	case errors.Is(err, ErrDamaged):
		return secret.Bytes{}, damaged(r, err)
	case err != nil:
		return secret.Bytes{}, away(r, err)
	case key.Len() != KeySize:
		defer key.Destroy()
		return secret.Bytes{}, damaged(r, fmt.Errorf("the key is %d bytes long", key.Len()))
	case !r.authentic(key):
		key.Destroy()
		return secret.Bytes{}, damaged(r, errors.New("the MAC does not match"))
	}
	return key, nil
}

// newRecord makes a key and returns its record. It has the custodian unwrap the
// key again first: a key that cannot be had back must not seal anything.
func (s *Store) newRecord(ctx context.Context, keyset string, p Purpose, version uint32, state State) (Record, error) {
	r := Record{
		Keyset: keyset, Purpose: p, Version: version, State: state, Custodian: s.custodian.ID(),
		Created: s.opts.Now().UTC().Truncate(time.Microsecond),
	}
	raw := make([]byte, KeySize)
	if _, err := io.ReadFull(s.opts.Random, raw); err != nil {
		return Record{}, fmt.Errorf("making the %s: %w", r, err)
	}
	key := secret.New(raw)
	defer key.Destroy()

	wrapCtx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	var err error
	if r.Wrapped, err = s.custodian.Wrap(wrapCtx, key, r.aad()); err != nil {
		return Record{}, away(r, err)
	}
	if r.MAC, err = r.mac(key); err != nil {
		return Record{}, err
	}
	back, err := s.unwrap(ctx, r)
	if err != nil {
		return Record{}, fmt.Errorf("checking the new %s: %w", r, err)
	}
	defer back.Destroy()
	if !back.Equal(key) {
		return Record{}, damaged(r, errors.New("the custodian gave back another key than it was given"))
	}
	return r, nil
}
