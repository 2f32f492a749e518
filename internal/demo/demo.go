// Package demo shows pgveil on a registry of 10,000 invented people. It starts
// a PostgreSQL of its own, brings it under a policy with the pgveil binary,
// loads the people through pgveil, and prints what a registrar, a role that
// may decrypt, and the database administrator each see of the same rows.
//
// [Run] is the order of the show, stage.go what it stands on, show.go what
// is printed. Everything is stopped and removed at the end.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/internal/testkit/registry"
)

// Options say what is shown.
type Options struct {
	// People is how many people are invented.
	People int
	// Keep leaves everything running until the context is done.
	Keep bool
	// HSM keeps the root key in SoftHSM instead of in a file.
	HSM bool
	// Binary is the pgveil to show, Configs the folder with demo.yaml and its policy.
	Binary, Configs string
}

// Run shows pgveil on out. It leaves nothing behind.
func Run(ctx context.Context, out io.Writer, o Options) (err error) {
	s, err := openStage(ctx, out, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	people := registry.People(o.People)
	if err := load(ctx, s, people); err != nil {
		return err
	}
	conns, err := s.connectAll(ctx)
	if err != nil {
		return err
	}
	defer conns.close()
	for _, act := range []func(context.Context, *stage, *connections, []registry.Person) error{
		showViews, showSearch, showGuard, showFiles,
	} {
		if err := act(ctx, s, conns, people); err != nil {
			return err
		}
	}
	s.printCommands(people[0], o.Keep)
	if o.Keep {
		fmt.Fprintln(s.out, "\nRunning until you press Ctrl-C.")
		<-ctx.Done()
	}
	return nil
}

// load stores the people through pgveil, as an import by a user that may write.
func load(ctx context.Context, s *stage, people []registry.Person) error {
	conn, err := pgx.Connect(ctx, s.url(reader))
	if err != nil {
		return fmt.Errorf("connecting through pgveil: %w", err)
	}
	defer conn.Close(ctx)
	const rowsPerStatement = 200
	began := time.Now()
	statements, rows := 0, int64(0)
	for sql := range registry.Inserts(people, rowsPerStatement) {
		tag, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return fmt.Errorf("loading: %w", explain(err))
		}
		statements++
		rows += tag.RowsAffected()
	}
	took := time.Since(began)
	fmt.Fprintf(s.out, "%d invented people, %d rows in 6 tables, loaded through pgveil in %.1f s (%d multi-row INSERTs).\n",
		len(people), rows, took.Seconds(), statements)
	return nil
}

// searchable are the secrets that the files are searched for: those of some
// people, since everyone's would take minutes.
func searchable(people []registry.Person) (planter *testkit.Planter, values int) {
	planter = &testkit.Planter{}
	const most = 400
	for i := 0; i < len(people); i += max(1, len(people)/most) {
		p := people[i]
		for _, v := range []string{p.Email, p.NationalID, p.Account, p.Voucher, p.Phone} {
			planter.Remember(v)
			values++
		}
	}
	return planter, values
}
