package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/keystore"
)

func newApply(streams IO) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "apply", Long: helpApply, Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return apply(cmd.Context(), streams, s) },
	}
	s.addDatabaseTo(cmd)
	return cmd
}

func apply(ctx context.Context, streams IO, s settings) error {
	c, err := s.load()
	if err != nil {
		return err
	}
	all, err := s.targets(c)
	if err != nil {
		return err
	}
	resolver := config.SystemResolver()
	warn := func(text string) { fmt.Fprintln(streams.Err, "pgveil: warning: "+text) }
	custodian, err := openCustodian(ctx, c.Custodian, resolver, zap.NewNop(), warn)
	if err != nil {
		return err
	}
	defer func() { _ = custodian.Close() }() // everything is stored already
	service, err := newService(c, resolver)
	if err != nil {
		return err
	}
	defer service.close()
	for _, t := range all {
		if err := applyOne(ctx, streams, service, custodian, t); err != nil {
			return refusedFindings(streams, t, err)
		}
	}
	return nil
}

// applyOne takes two connections: one is the job's own, the other has the keys.
func applyOne(ctx context.Context, streams IO, service *service, custodian keystore.Custodian, t target) error {
	return withDatabase(ctx, service, t, func(t target, keys *pgx.Conn) error {
		storage := keystore.NewPostgres(keys)
		if err := ensureTable(ctx, storage, t, service.server.ServiceUser); err != nil {
			return err
		}
		store, err := keystore.Open(ctx, storage, custodian, keystore.Options{Refresh: -1})
		if err != nil {
			return err
		}
		defer store.Close()
		return withDatabase(ctx, service, t, func(t target, conn *pgx.Conn) error {
			bar := newProgress(streams.Err, t.name)
			err := backfill.Apply(ctx, conn, t.policy, newVault(store), backfill.Options{}, bar.show)
			bar.end()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(streams.Out, "database %s is as its policy says; tables changed: %d, rows sealed: %d\n", t.name, len(bar.tables), bar.rows)
			return err
		})
	})
}

// refusedFindings prints why apply did not begin as check would.
func refusedFindings(streams IO, t target, err error) error {
	refused, ok := errors.AsType[*backfill.RefusedError](err)
	if !ok {
		return err
	}
	for _, f := range refused.Findings {
		fmt.Fprintf(streams.Err, "pgveil: error: database %s: %s: %s\n", t.name, f.Where, f.What)
		if f.Cure != "" {
			fmt.Fprintln(streams.Err, "pgveil: hint: "+f.Cure)
		}
	}
	return errReported
}
