package cli

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

// errReadOnly guards that a proxy never makes or changes keys.
var errReadOnly = errors.New("this process only reads key records")

// retryAfter is how long the reason why a key store could not be opened is
// repeated before it is tried again.
const retryAfter = time.Second

// lateStore opens a key store when a key is first needed, because the server
// that keeps its records may not be there when the proxy starts.
type lateStore struct {
	open func(context.Context) (*keystore.Store, error)

	store atomic.Pointer[keystore.Store]
	// turn holds one token; who has it may open, or use what follows.
	turn chan struct{}
	// tried is when opening failed last, with err.
	tried  time.Time
	err    error
	closed bool
}

func newLateStore(storage keystore.Storage, custodian keystore.Custodian, lifetime time.Duration, log *zap.Logger) *lateStore {
	return &lateStore{turn: make(chan struct{}, 1), open: func(ctx context.Context) (*keystore.Store, error) {
		return keystore.Open(ctx, storage, custodian, keystore.Options{Lifetime: lifetime, Log: log})
	}}
}

func (l *lateStore) get(ctx context.Context) (*keystore.Store, error) {
	if s := l.store.Load(); s != nil {
		return s, nil
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-l.turn }()

	if s := l.store.Load(); s != nil {
		return s, nil
	}
	if l.closed {
		return nil, keystore.ErrClosed
	}
	if l.err != nil && time.Since(l.tried) < retryAfter {
		return nil, l.err
	}
	s, err := l.open(ctx)
	if ctx.Err() != nil && err != nil {
		return nil, err // the caller went away: that says nothing about the server
	}
	if l.tried, l.err = time.Now(), err; err != nil {
		return nil, err
	}
	l.store.Store(s)
	return s, nil
}

// close wipes all keys. Whoever asks later is refused.
func (l *lateStore) close() {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.closed = true
	if s := l.store.Load(); s != nil {
		s.Close()
	}
}

// keyset returns the keys of a keyset, to be had as soon as the store is.
func (l *lateStore) keyset(name string) envelope.Keys { return &lateKeys{store: l, name: name} }

// lateKeys are a keyset of a store that may not be open yet.
type lateKeys struct {
	store *lateStore
	name  string
	keys  atomic.Pointer[keystore.Keyset]
}

func (k *lateKeys) get(ctx context.Context) (*keystore.Keyset, error) {
	if keys := k.keys.Load(); keys != nil {
		return keys, nil
	}
	store, err := k.store.get(ctx)
	if err != nil {
		return nil, err
	}
	keys := store.Keyset(k.name)
	k.keys.Store(keys)
	return keys, nil
}

func (k *lateKeys) Active(ctx context.Context) (version uint32, key secret.Bytes, err error) {
	keys, err := k.get(ctx)
	if err != nil {
		return 0, secret.Bytes{}, err
	}
	return keys.Active(ctx)
}

func (k *lateKeys) Data(ctx context.Context, version uint32) (secret.Bytes, error) {
	keys, err := k.get(ctx)
	if err != nil {
		return secret.Bytes{}, err
	}
	return keys.Data(ctx, version)
}

func (k *lateKeys) Index(ctx context.Context, epoch uint32) (secret.Bytes, error) {
	keys, err := k.get(ctx)
	if err != nil {
		return secret.Bytes{}, err
	}
	return keys.Index(ctx, epoch)
}

func (k *lateKeys) Epoch(ctx context.Context) (uint32, error) {
	keys, err := k.get(ctx)
	if err != nil {
		return 0, err
	}
	return keys.Epoch(ctx)
}
