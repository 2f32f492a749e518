package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/keystore"
)

func newKeys(streams IO) *cobra.Command {
	keys := &cobra.Command{Use: "keys", Long: helpKeys, Args: cobra.ArbitraryArgs}
	keys.RunE = func(_ *cobra.Command, args []string) error { return unknownCommand(keys, args) }
	var listing, creating settings
	list := &cobra.Command{
		Use: "list", Long: helpKeysList, Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return listKeys(cmd.Context(), streams, listing) },
	}
	listing.addDatabaseTo(list)
	create := &cobra.Command{
		Use: "create", Long: helpKeysCreate, Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return createKeys(cmd.Context(), streams, creating) },
	}
	creating.addDatabaseTo(create)
	keys.AddCommand(list, create)
	return keys
}

// listKeys needs no custodian: what is listed is as the records say it.
func listKeys(ctx context.Context, streams IO, s settings) error {
	c, err := s.load()
	if err != nil {
		return err
	}
	return eachDatabase(ctx, c, s, func(t target, conn *pgx.Conn) error {
		store, err := keystore.Open(ctx, keystore.NewPostgres(conn), noCustodian{}, keystore.Options{Refresh: -1})
		if err != nil {
			return err
		}
		defer store.Close()
		infos, err := store.List(ctx)
		if err != nil {
			return err
		}
		return printKeys(streams.Out, t.name, infos)
	})
}

func printKeys(w io.Writer, database string, infos []keystore.Info) error {
	if len(infos) == 0 {
		_, err := fmt.Fprintf(w, "database %s has no keys\n", database)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DATABASE\tKEYSET\tPURPOSE\tVERSION\tSTATE\tSCHEME\tROOT KEY\tCREATED")
	for _, i := range infos {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n",
			database, i.Keyset, i.Purpose, i.Version, i.State, i.Scheme, i.Custodian, i.Created.UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

// noCustodian is for commands that unwrap nothing.
type noCustodian struct{ keystore.Custodian }

func (noCustodian) ID() string { return "" }

// createKeys makes the root key, if there is none, and the keysets.
func createKeys(ctx context.Context, streams IO, s settings) error {
	c, err := s.load()
	if err != nil {
		return err
	}
	if _, err := s.targets(c); err != nil {
		return err // before a root key is made for a policy that cannot be read
	}
	custodian, err := openOrCreateRoot(ctx, streams, c, s)
	if err != nil {
		return err
	}
	defer func() { _ = custodian.Close() }() // the keys are stored already

	return eachDatabase(ctx, c, s, func(t target, conn *pgx.Conn) error {
		storage := keystore.NewPostgres(conn)
		if err := ensureTable(ctx, storage, t, c.Server.ServiceUser); err != nil {
			return err
		}
		store, err := keystore.Open(ctx, storage, custodian, keystore.Options{Refresh: -1})
		if err != nil {
			return err
		}
		defer store.Close()
		for _, keyset := range t.policy.Keysets() {
			if err := createKeyset(ctx, store, keyset); err != nil {
				return err
			}
			fmt.Fprintf(streams.Out, "database %s: keyset %s is ready\n", t.name, keyset)
		}
		return nil
	})
}

// ensureTable makes the table of keys, and says which right that needs.
func ensureTable(ctx context.Context, storage *keystore.Postgres, t target, user string) error {
	err := storage.EnsureSchema(ctx)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == pgerr.StateForbidden {
		return &usageError{
			message: "database " + t.name, cause: err,
			hint: fmt.Sprintf("as its owner: GRANT CREATE ON DATABASE %s TO %s",
				pgx.Identifier{t.name}.Sanitize(), pgx.Identifier{user}.Sanitize()),
		}
	}
	return err
}

// createKeyset also tries the key, so that a root key that does not fit is
// found out here and not by the first statement.
func createKeyset(ctx context.Context, store *keystore.Store, keyset string) error {
	if err := store.Create(ctx, keyset); err != nil {
		return err
	}
	_, _, err := store.Keyset(keyset).Active(ctx)
	return err
}

func openOrCreateRoot(ctx context.Context, streams IO, c *config.Config, s settings) (*custody, error) {
	resolver := config.SystemResolver()
	warn := func(text string) { fmt.Fprintln(streams.Err, "pgveil: warning: "+text) }
	custodian, err := openCustodian(ctx, c.Custodian, resolver, zap.NewNop(), warn)
	if err == nil || !rootIsMissing(c.Custodian, err) {
		return custodian, err
	}
	if err := refuseSecondRoot(ctx, c, s); err != nil {
		return nil, err
	}
	if made, createErr := createRoot(ctx, c.Custodian, resolver); !made {
		if e, ok := errors.AsType[*pgerr.Error](createErr); ok && e.Code == pgerr.CustodianKey {
			return nil, err // there is one, which cannot be used: opening it has said why
		}
		return nil, createErr
	}
	if custodian, err = openCustodian(ctx, c.Custodian, resolver, zap.NewNop(), warn); err != nil {
		return nil, err
	}
	fmt.Fprintf(streams.Out, "root key %s created\n", custodian.ID())
	fmt.Fprintln(streams.Err, "pgveil: hint: back the root key up: without it nothing that was sealed can be opened")
	return custodian, nil
}

// refuseSecondRoot stops where a database has keys already: they need the root
// key that is missing, and a new one would not open them.
func refuseSecondRoot(ctx context.Context, c *config.Config, s settings) error {
	return eachDatabase(ctx, c, s, func(t target, conn *pgx.Conn) error {
		records, err := keystore.NewPostgres(conn).Records(ctx)
		if err != nil {
			return fmt.Errorf("reading the keys of database %s: %w", t.name, err)
		}
		if len(records) > 0 {
			return &usageError{
				message: fmt.Sprintf("the root key is missing, but database %s has keys that it wraps: %s", t.name, records[0].Custodian),
				hint:    "restore the root key from its backup, or correct the custodian in the configuration; a new one would open nothing",
			}
		}
		return nil
	})
}

// eachDatabase connects to each database in turn as the service user.
func eachDatabase(ctx context.Context, c *config.Config, s settings, do func(target, *pgx.Conn) error) error {
	all, err := s.targets(c)
	if err != nil {
		return err
	}
	service, err := newService(c, config.SystemResolver())
	if err != nil {
		return err
	}
	defer service.close()
	for _, t := range all {
		if err := withDatabase(ctx, service, t, do); err != nil {
			return err
		}
	}
	return nil
}

func withDatabase(ctx context.Context, service *service, t target, do func(target, *pgx.Conn) error) error {
	conn, err := service.dial(ctx, t.name)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return do(t, conn)
}
