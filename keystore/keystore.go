// Package keystore holds the keys that values are sealed with: it makes them,
// keeps them wrapped in a [Storage], has a [Custodian] unwrap them, and serves
// them from memory for a while.
//
// A keyset has two families of keys, told apart by [Purpose]: data keys, in
// versions from 1, seal values; index keys, in epochs from 0, make search
// terms. Each key is one [Record], which goes through the states of [State]. A
// record carries a MAC under a key derived from the very key that it wraps, so
// that no field of it can be changed by whoever can write the storage.
//
// [Open] returns a [Store] over all keysets of one storage; [Store.Keyset] one
// of them, which is what package envelope seals and opens with. docs/KEYS.md
// tells what is stored, what is in memory and for how long.
package keystore

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/secret"
)

// KeySize is the length of data keys and index keys, in bytes.
const KeySize = 32

// Errors that custodians and storages return, wrapped, and that Store tells apart.
var (
	// ErrDamaged says that the custodian is there and that the wrapped key is not
	// what it once wrapped. Any other error of Unwrap means that it is away.
	ErrDamaged = errors.New("wrapped key does not unwrap")
	// ErrExists says that a record of this keyset, purpose and version is stored already.
	ErrExists = errors.New("key record exists")
	// ErrConflict says that a record has changed, or gone, since it was read.
	ErrConflict = errors.New("key record changed meanwhile")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("key store is closed")
)

// Wrapped is a key that only its custodian can open.
type Wrapped struct {
	// Scheme is the custodian's name for how it wrapped the key. It is stored, and
	// Unwrap honours it, so that a custodian may come to prefer another scheme.
	Scheme string
	Bytes  []byte
}

// A Custodian keeps a root key and wraps other keys with it. It is used by many
// goroutines at once. Calls end when ctx does.
type Custodian interface {
	// ID names the root key, stable over restarts and moves.
	ID() string
	// Wrap returns key so wrapped that it cannot be changed unnoticed. Where the
	// scheme allows it, aad is bound to it.
	Wrap(ctx context.Context, key secret.Bytes, aad []byte) (Wrapped, error)
	// Unwrap returns the key, which the caller then owns and destroys. It wraps
	// ErrDamaged if w is not what Wrap returned for this aad.
	Unwrap(ctx context.Context, w Wrapped, aad []byte) (secret.Bytes, error)
	// Close wipes and lets go of what the custodian holds.
	Close() error
}

// A Storage keeps records. It need not be trusted to keep them unchanged.
type Storage interface {
	// Records returns all records, in any order.
	Records(ctx context.Context) ([]Record, error)
	// Insert adds all records or none, and wraps ErrExists if one is there already:
	// two processes may race to make the same key.
	Insert(ctx context.Context, records ...Record) error
	// UpdateState makes all changes or none, in the order given, and wraps
	// ErrConflict if a record is no longer as From says.
	UpdateState(ctx context.Context, changes ...Change) error
}

// Change replaces the state, wrapped bytes and MAC of a stored record.
type Change struct{ From, To Record }

// Options are the settings of a store. The zero value is fit for use.
type Options struct {
	// Lifetime is how long an unwrapped key serves before the custodian must
	// confirm it again; 0 means an hour. A key that is in use is confirmed ahead of
	// its end, in the background; one that is not is wiped.
	Lifetime time.Duration
	// Refresh is how often the records are read again in the background, which is
	// how another process's changes are noticed; 0 means a minute, negative never.
	Refresh time.Duration
	// Timeout bounds each call of the custodian and of the storage; 0 means 10 s.
	Timeout time.Duration
	// Now is the clock, by default time.Now.
	Now func() time.Time
	// Random is where keys come from, by default crypto/rand.
	Random io.Reader
	// Log gets what happens in the background, by default nothing.
	Log *zap.Logger
}

func (o Options) withDefaults() Options {
	if o.Lifetime <= 0 {
		o.Lifetime = time.Hour
	}
	if o.Refresh == 0 {
		o.Refresh = time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}
