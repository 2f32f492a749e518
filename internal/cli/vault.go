package cli

import (
	"context"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/keystore"
)

// newVault returns a key store as backfill.Apply wants it.
func newVault(store *keystore.Store) backfill.Vault {
	return backfill.NewVault(backfill.KeyStore{
		Create: func(ctx context.Context, keyset string) error { return createKeyset(ctx, store, keyset) },
		Keyset: func(name string) envelope.Keys { return store.Keyset(name) },
	})
}
