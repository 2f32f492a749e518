// Package backfill brings a database to what a policy says, and says what
// stands in the way. [Check] only looks; [Apply] makes schema pgveil, keys and
// domains, changes types, defaults and indexes of the protected columns, seals
// the rows that are there, and sets the guards that keep plaintext out.
//
// Apply may be stopped at any point, by kill -9 too, and run again. What it
// has done it finds out from the database itself: every step is one
// transaction, or one that can be seen to have been done. For each table:
//
//	prepare   one short transaction under an exclusive lock: the columns are
//	          recorded as "sealing", types and defaults are changed, indexes
//	          that would be in the way are recorded and dropped
//	seal      row by row in small transactions; a row that someone else has
//	          changed in the meantime is left for the next pass
//	guard     a CHECK constraint from which on no plaintext can be written.
//	          It comes behind the first pass, because it would refuse every
//	          change, even of other columns, to a row that is still plain
//	seal      what was written before the guard stood
//	verify    the server validates the guard over all rows
//	scrub     VACUUM FULL and ANALYZE, because dead rows and column statistics
//	          still hold plaintext
//	index     over terms, CONCURRENTLY, under the name of those they replace
//	sealed    is recorded; from now on pgveil lets statements through
//
// Until the last step pgveil refuses statements that reach the column. Neither
// a parameter nor a literal that is sent holds a plaintext, so the server's
// log has none: a row is named by ctid and xmin, not by its old value.
package backfill

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Options of Apply. The zero value is good.
type Options struct {
	// Batch is how many rows one transaction seals; 0 stands for 500.
	Batch int
	// LockTimeout is how long one try may wait for an exclusive lock, and hence
	// hold up everybody behind it; 0 stands for 2 s. LockPatience is how long
	// tries go on; 0 stands for two minutes.
	LockTimeout, LockPatience time.Duration
	// SkipScrub leaves the plaintext of dead rows in the table's files. Without
	// it every table is rewritten once under an exclusive lock.
	SkipScrub bool
	// Random makes identifiers of domains; nil stands for crypto/rand.
	Random io.Reader
}

func (o Options) withDefaults() Options {
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = 2 * time.Second
	}
	if o.LockPatience <= 0 {
		o.LockPatience = 2 * time.Minute
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

// Vault makes keys and seals with them.
type Vault interface {
	// Create makes the keys of a keyset that has none.
	Create(ctx context.Context, keyset string) error
	// Sealer seals values of a column, whose DomainID and Logical type are set.
	Sealer(p *catalog.Protected) (Sealer, error)
}

// Sealer seals the values of one column.
type Sealer interface {
	// Seal appends to dst what the column stores for a value, given in
	// PostgreSQL's text form under its default settings. An error does not
	// contain the value.
	Seal(ctx context.Context, dst, text []byte) ([]byte, error)
	// Guard is a regular expression of PostgreSQL that all sealed values of the
	// column match and no plaintext does.
	Guard() string
}

// Step is a stage in the life of a table under Apply.
type Step string

// The steps, in order. A table that needs nothing has none.
const (
	StepPrepare Step = "prepare"
	StepSeal    Step = "seal"
	StepGuard   Step = "guard"
	StepVerify  Step = "verify"
	StepScrub   Step = "scrub"
	StepIndex   Step = "index"
	StepSealed  Step = "sealed"
)

// Progress says how far Apply is.
type Progress struct {
	// Table is schema.table.
	Table string
	Step  Step
	// Done of Total are blocks of the table with StepSeal, else 0 of 0.
	Done, Total int64
	// Rows have been sealed in this run.
	Rows int64
}

// Apply brings the database to what the policy says. It takes conn for itself
// until it returns, and then resets its settings; conn must not go through a
// pooler. progress, which may be nil, is called from the same goroutine. Where
// Check finds errors, Apply returns a *RefusedError and has changed nothing.
func Apply(ctx context.Context, conn *pgx.Conn, pol *policy.Policy, v Vault, o Options, progress func(Progress)) error {
	if progress == nil {
		progress = func(Progress) {}
	}
	j := &job{conn: conn, policy: pol, vault: v, options: o.withDefaults(), progress: progress}
	if err := j.run(ctx); err != nil {
		return fmt.Errorf("applying the policy: %w", err)
	}
	return nil
}

// job is one run of Apply.
type job struct {
	conn     *pgx.Conn
	policy   *policy.Policy
	vault    Vault
	options  Options
	progress func(Progress)
	// rows is the count for Progress.
	rows int64
}

// settingsSQL gives values their default text forms, makes the server print
// names in full, and makes row security an error instead of a filter.
const settingsSQL = `
SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET bytea_output = 'hex';
SET extra_float_digits = 3; SET standard_conforming_strings = on; SET search_path = pg_catalog; SET row_security = off;
SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0;
SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off`

const resetSQL = `
RESET datestyle; RESET intervalstyle; RESET timezone; RESET bytea_output; RESET extra_float_digits;
RESET standard_conforming_strings; RESET search_path; RESET row_security; RESET statement_timeout;
RESET idle_in_transaction_session_timeout; RESET lock_timeout; RESET default_transaction_isolation;
RESET default_transaction_read_only`

func (j *job) run(ctx context.Context) error {
	if _, err := j.conn.Exec(ctx, settingsSQL, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("preparing the connection: %w", err)
	}
	if err := j.alone(ctx); err != nil {
		return err
	}
	defer func() { // a connection that is closed has no lock and no settings any more
		ctx := context.WithoutCancel(ctx)
		_, _ = j.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, applyLock)
		_, _ = j.conn.Exec(ctx, resetSQL, pgx.QueryExecModeSimpleProtocol)
	}()

	s, err := survey(ctx, j.conn, j.policy)
	if err != nil {
		return err
	}
	if errs := s.judge().errors(); len(errs) > 0 {
		return &RefusedError{Findings: errs}
	}
	if err := j.begin(ctx, s); err != nil {
		return err
	}
	if s, err = survey(ctx, j.conn, j.policy); err != nil {
		return err
	}
	for _, t := range s.tables {
		if err := j.table(ctx, s, t); err != nil {
			return fmt.Errorf("table %s: %w", t, err)
		}
	}
	return nil
}

// begin makes schema, keys and domains.
func (j *job) begin(ctx context.Context, s *state) error {
	if err := EnsureSchema(ctx, j.conn); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, t := range s.tables {
		for _, c := range t.columns {
			if keyset := c.Column.Keyset; !made[keyset] {
				if err := j.vault.Create(ctx, keyset); err != nil {
					return fmt.Errorf("making keyset %s: %w", keyset, err)
				}
				made[keyset] = true
			}
		}
	}
	return pgx.BeginFunc(ctx, j.conn, func(tx pgx.Tx) error {
		for _, m := range s.moves {
			if err := m.write(ctx, tx); err != nil {
				return err
			}
		}
		for _, t := range s.tables {
			for _, c := range t.columns {
				if err := j.recordDomain(ctx, tx, c); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

const domainSQL = `INSERT INTO pgveil.domain (id, name, keyset) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`

func (j *job) recordDomain(ctx context.Context, tx DB, c *column) error {
	if c.record != nil {
		return nil
	}
	id, err := newDomainID(j.options.Random)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, domainSQL, id, c.Column.Domain, c.Column.Keyset); err != nil {
		return fmt.Errorf("recording domain %s: %w", c.Column.Domain, err)
	}
	return nil
}

// table brings one table to what the policy says.
func (j *job) table(ctx context.Context, s *state, t *table) error {
	w, err := j.plan(s, t)
	if err != nil || w.nothing() {
		return err
	}
	for _, step := range []struct {
		name Step
		do   func(context.Context) error
	}{
		{StepPrepare, w.prepare}, {StepSeal, w.sealWhileOpen}, {StepGuard, w.setGuards}, {StepSeal, w.sealRest},
		{StepVerify, w.verify}, {StepScrub, w.scrub}, {StepIndex, w.replaceIndexes}, {StepSealed, w.finish},
	} {
		w.tell(step.name, 0, 0)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}
