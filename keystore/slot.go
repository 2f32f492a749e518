package keystore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/secret"
)

// wipeGrace is how long after its lifetime a key stays in memory, so that who
// was handed it a moment before can still use it.
const wipeGrace = 10 * time.Second

// retryPause is how long a failure to get a key or the records is repeated to
// all who ask, before the custodian or the storage is bothered again.
const retryPause = time.Second

// slot is a record, and its key while that is in memory.
type slot struct {
	// record never changes; another state is another slot.
	record Record
	held   atomic.Pointer[held]

	mu sync.Mutex
	// flight is the unwrapping under way, if any; failure the latest one's error,
	// repeated until again.
	flight  *flight
	failure error
	again   time.Time
}

// held is a key in memory. It never changes: to extend it is to replace it.
type held struct {
	key secret.Bytes
	// After renew the custodian is asked again; after until the key is not served.
	// renew is never after until: fresh looks at it first.
	renew, until time.Time
}

func newHeld(key secret.Bytes, renew, until time.Time) *held {
	if renew.After(until) {
		renew = until
	}
	return &held{key: key, renew: renew, until: until}
}

// flight is one call of the custodian that any number of goroutines wait for.
type flight struct {
	// done is closed when key and err are set.
	done chan struct{}
	key  secret.Bytes
	err  error
}

// fresh returns the key if it is in memory and within its lifetime. It neither
// locks nor allocates, but when it is time to renew the key, which it sets off.
func (sl *slot) fresh(s *Store) (secret.Bytes, bool) {
	h := sl.held.Load()
	if h == nil {
		return secret.Bytes{}, false
	}
	now := s.opts.Now()
	if now.Before(h.renew) {
		return h.key, true
	}
	if !now.Before(h.until) {
		return secret.Bytes{}, false
	}
	sl.begin(s)
	return h.key, true
}

// get returns the key, from memory or from the custodian.
func (sl *slot) get(ctx context.Context, s *Store) (secret.Bytes, error) {
	if key, ok := sl.fresh(s); ok {
		return key, nil
	}
	f, err := sl.begin(s)
	if err != nil {
		return secret.Bytes{}, err
	}
	select {
	case <-f.done:
		return f.key, f.err
	case <-ctx.Done():
		return secret.Bytes{}, away(sl.record, context.Cause(ctx))
	}
}

// begin returns the flight under way, or sets one off, or returns the failure
// that was just had. The flight has its own deadline: who asked first may leave.
func (sl *slot) begin(s *Store) (*flight, error) {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.flight != nil {
		return sl.flight, nil
	}
	now := s.opts.Now()
	if sl.failure != nil && now.Before(sl.again) {
		return nil, sl.failure
	}
	f := &flight{done: make(chan struct{})}
	if h := sl.held.Load(); h != nil && now.Before(h.renew) { // one landed since fresh looked
		f.key = h.key
		close(f.done)
		return f, nil
	}
	started := s.spawn(func(ctx context.Context) {
		key, err := s.unwrap(ctx, sl.record)
		sl.land(s, f, key, err)
	})
	if !started {
		return nil, away(sl.record, ErrClosed)
	}
	sl.flight = f
	if h := sl.held.Load(); h != nil { // until it lands, let no other caller of fresh come here
		sl.held.Store(newHeld(h.key, h.until, h.until))
	}
	return f, nil
}

// land ends a flight: it keeps the key, or lengthens the life of the one that
// is already held, so that a key in use stays the same object.
func (sl *slot) land(s *Store, f *flight, key secret.Bytes, err error) {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	defer close(f.done)
	sl.flight, sl.failure = nil, err
	now := s.opts.Now()
	if err != nil {
		sl.again = now.Add(retryPause)
		f.err = err
		if h := sl.held.Load(); h != nil {
			sl.held.Store(newHeld(h.key, sl.again, h.until))
		}
		s.opts.Log.Warn("getting a key", zap.Stringer("key", sl.record), zap.NamedError("err", err), zap.NamedError("cause", errors.Unwrap(err)))
		return
	}
	if h := sl.held.Load(); h != nil && h.key.Equal(key) {
		key.Destroy()
		key = h.key
	}
	f.key = key
	sl.held.Store(newHeld(key, now.Add(s.opts.Lifetime*3/4), now.Add(s.opts.Lifetime)))
}

// expire wipes the key if its lifetime, and the grace after it, are over, and
// reports whether the slot holds no key and none is on its way.
func (sl *slot) expire(now time.Time) bool {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	h := sl.held.Load()
	if h == nil {
		return sl.flight == nil
	}
	if now.Before(h.until.Add(wipeGrace)) {
		return false
	}
	sl.held.Store(nil)
	h.key.Destroy()
	return sl.flight == nil
}

// wipe wipes the key whatever its age.
func (sl *slot) wipe() {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if h := sl.held.Swap(nil); h != nil {
		h.key.Destroy()
	}
}

// inherit takes over the key of the slot that held this record in another state,
// if the key confirms the record. The custodian need not be asked, so that keys
// in memory keep serving through a change of state while it is away.
func (sl *slot) inherit(old *slot) bool {
	old.mu.Lock()
	defer old.mu.Unlock()
	h := old.held.Load()
	if h == nil || !sl.record.authentic(h.key) {
		return false
	}
	sl.held.Store(h)
	old.held.Store(nil)
	return true
}
