package cli

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/pgveil/pgveil/backfill"
)

func newCheck(streams IO) *cobra.Command {
	var s settings
	var offline bool
	cmd := &cobra.Command{
		Use: "check", Long: helpCheck, Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd.Context(), streams, s, offline) },
	}
	s.addDatabaseTo(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "")
	return cmd
}

func check(ctx context.Context, streams IO, s settings, offline bool) error {
	c, err := s.load()
	if err != nil {
		return err
	}
	policies, err := loadPolicies(c)
	if err != nil {
		return err
	}
	if offline {
		_, err := fmt.Fprintf(streams.Out, "the configuration can be read; policies: %d\n", len(policies))
		return err
	}
	failed := false
	err = eachDatabase(ctx, c, s, func(t target, conn *pgx.Conn) error {
		found, err := backfill.Check(ctx, conn, t.policy)
		if err != nil {
			return err
		}
		count := map[backfill.Severity]int{}
		for _, f := range found {
			count[f.Severity]++
			fmt.Fprintf(streams.Out, "%s: %s\n", t.name, f)
		}
		failed = failed || count[backfill.Error] > 0
		_, err = fmt.Fprintf(streams.Out, "%s: errors: %d, warnings: %d\n", t.name, count[backfill.Error], count[backfill.Warning])
		return err
	})
	if err == nil && failed {
		return errReported
	}
	return err
}
