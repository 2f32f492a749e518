// Package envelope seals one value into the text that a column stores, opens
// it again, and derives the terms by which it is found. docs/FORMAT.md is the
// format to the byte. It knows no SQL, no wire and no policy: it is given the
// keys of a keyset and the name of a domain.
package envelope

import (
	"context"

	"github.com/pgveil/pgveil/internal/secret"
)

// Keys are the keys of one keyset. They are used by many goroutines at once.
type Keys interface {
	// Active returns the data key that new values are sealed with, and its version.
	Active(ctx context.Context) (version uint32, key secret.Bytes, err error)
	// Data returns the data key of a version, for opening.
	Data(ctx context.Context, version uint32) (secret.Bytes, error)
	// Index returns the index key of an epoch, and Epoch the current one.
	Index(ctx context.Context, epoch uint32) (secret.Bytes, error)
	Epoch(ctx context.Context) (uint32, error)
}

// Options say how the values of one domain are sealed.
type Options struct {
	Keyset string
	// Domain is the stable identifier that apply recorded, not the name in the policy.
	Domain string
	// Equality says that values carry an equality term.
	Equality bool
	// Pad is the bucket, in bytes, to which plaintexts are padded; 0 for none.
	Pad int
}
