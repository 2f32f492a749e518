// Package pkcs11 is the custodian that keeps its root key in a hardware security
// module: the root key is used there and cannot be read by this process. It
// speaks to the module through PKCS#11, and is the only package with cgo of ours.
//
// [CreateRoot] makes a root key in a token, [Open] returns a [Custodian] that
// uses it. A custodian has a device (device.go), which is one login to one token
// with a bounded set of sessions, and which comes back by itself when the token
// was away; and a scheme (scheme.go, keywrap.go, gcm.go, oaep.go), which is how
// this token wraps keys. Tokens promise more in their lists than they do, so the
// scheme is chosen by trying.
//
// PKCS#11 allows one C_Initialize a process: open one custodian for a module.
package pkcs11

import (
	"context"
	"encoding/hex"
	"fmt"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

// Options say where the root key is.
type Options struct {
	// Module is the path of the vendor's PKCS#11 library.
	Module string
	// Token is the token's label. Serial, its serial number, is needed where labels
	// are not unique; one of the two may be empty. Slot numbers are of no use: they
	// change.
	Token, Serial string
	// PIN is the user's, not the security officer's. It stays the caller's and must
	// live as long as the custodian, which logs in again with it.
	PIN secret.Bytes
	// Key is the label of the root key.
	Key string
	// Sessions is how many calls may be under way at once; 0 means two for each
	// core, at most 16.
	Sessions int
	// Timeout bounds each operation; 0 means 5 s.
	Timeout time.Duration
	// Log gets the token's coming and going, by default nothing.
	Log *zap.Logger
}

func (o Options) withDefaults() Options {
	if o.Sessions <= 0 {
		o.Sessions = min(2*runtime.NumCPU(), 16)
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// Custodian wraps keys with a root key in a token. It satisfies
// keystore.Custodian.
type Custodian struct {
	dev    *device
	scheme scheme
}

// Open logs in to the token, finds the root key and chooses how to wrap with it:
// the first scheme that wraps, unwraps, and notices a wrapped key that was
// tampered with.
func Open(ctx context.Context, opts Options) (*Custodian, error) {
	dev, err := openDevice(ctx, opts.withDefaults(), resolveRoot)
	if err != nil {
		return nil, err
	}
	chosen, err := chooseScheme(ctx, dev)
	if err != nil {
		_ = dev.close()
		return nil, err
	}
	dev.opts.Log.Info("root key found", zap.String("key", dev.rootName()), zap.String("scheme", chosen.name()))
	return &Custodian{dev: dev, scheme: chosen}, nil
}

// ID names the root key by its CKA_ID, which it keeps when it moves to another
// slot, or by backup to another token.
func (c *Custodian) ID() string { return c.dev.rootName() }

// Scheme names how Wrap wraps.
func (c *Custodian) Scheme() string { return c.scheme.name() }

// Wrap wraps key with the root key, in the token. The key is in the token's
// memory, and in this process's, for that long.
func (c *Custodian) Wrap(ctx context.Context, key secret.Bytes, aad []byte) (keystore.Wrapped, error) {
	wrapped, err := wrapWith(ctx, c.dev, c.scheme, key, aad)
	if err != nil {
		return keystore.Wrapped{}, fmt.Errorf("wrapping a key: %w", err)
	}
	return keystore.Wrapped{Scheme: c.scheme.name(), Bytes: wrapped}, nil
}

// Unwrap unwraps a key by the scheme that is recorded with it, whichever Wrap
// uses now.
func (c *Custodian) Unwrap(ctx context.Context, w keystore.Wrapped, aad []byte) (secret.Bytes, error) {
	sch := schemeNamed(w.Scheme)
	if sch == nil || sch.class() != c.dev.root.class {
		return secret.Bytes{}, fmt.Errorf("unwrapping a key: no scheme %q for this root key: %w", w.Scheme, keystore.ErrDamaged)
	}
	key, err := unwrapWith(ctx, c.dev, sch, w.Bytes, aad)
	if err != nil {
		return secret.Bytes{}, fmt.Errorf("unwrapping a key: %w", err)
	}
	return key, nil
}

// Close logs out and lets go of the module. It waits for calls under way, but
// not longer than Options.Timeout: a call into the module cannot be ended.
func (c *Custodian) Close() error { return c.dev.close() }

func (r rootKey) String() string { return "pkcs11:" + hex.EncodeToString(r.id) }
