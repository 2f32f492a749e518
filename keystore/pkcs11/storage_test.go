package pkcs11

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/keystore"
)

func openStorage(t testing.TB, pg *testkit.Postgres) keystore.Storage {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), pg.URL("postgres", testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	storage := keystore.NewPostgres(conn)
	if err := storage.EnsureSchema(context.Background()); err != nil {
		t.Fatal(err)
	}
	return storage
}
