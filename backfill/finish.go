package backfill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// setGuards makes the server refuse plaintext from whoever goes past pgveil.
func (w *work) setGuards(ctx context.Context) error {
	var actions []string
	for _, c := range w.open {
		if c.guard == "" {
			actions = append(actions, fmt.Sprintf(`ADD CONSTRAINT %s CHECK (%s IS NULL OR (%[2]s::text COLLATE "C") ~ %s) NOT VALID`,
				ident(c.guardName()), c.quoted, literal(c.pattern)))
		}
	}
	if len(actions) == 0 {
		return nil
	}
	return w.locked(ctx, w.table, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `ALTER TABLE ONLY `+w.table.quoted()+" "+strings.Join(actions, ", "), pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return fmt.Errorf("adding guards: %w", err)
		}
		return nil
	})
}

// verify has the server look at every row.
func (w *work) verify(ctx context.Context) error {
	for _, c := range w.open {
		_, err := w.conn.Exec(ctx, fmt.Sprintf(`ALTER TABLE ONLY %s VALIDATE CONSTRAINT %s`, w.table.quoted(), ident(c.guardName())))
		if err != nil {
			return fmt.Errorf("validating the guard of column %s: %w", c.name, err)
		}
	}
	return nil
}

const scrubbedSQL = `SELECT bool_and(scrubbed) FROM pgveil."column" WHERE schema_name = $1 AND table_name = $2 AND column_name = ANY ($3)`

// scrub rewrites the table's file, where dead rows still hold plaintext, and
// replaces the statistics that were made of plaintext.
func (w *work) scrub(ctx context.Context) error {
	if len(w.open) == 0 {
		return nil
	}
	var done bool
	if err := w.conn.QueryRow(ctx, scrubbedSQL, w.table.schema, w.table.name, w.openNames()).Scan(&done); err != nil {
		return fmt.Errorf("reading pgveil.column: %w", err)
	}
	if done {
		return nil
	}
	if w.options.SkipScrub {
		_, err := w.conn.Exec(ctx, `VACUUM (ANALYZE) `+w.table.quoted())
		return err
	}
	err := w.patiently(ctx, w.table, func() error {
		if _, err := w.conn.Exec(ctx, fmt.Sprintf(`SET lock_timeout = %d`, w.options.LockTimeout.Milliseconds())); err != nil {
			return err
		}
		_, err := w.conn.Exec(ctx, `VACUUM (FULL, ANALYZE) `+w.table.quoted())
		if _, reset := w.conn.Exec(ctx, `SET lock_timeout = 0`); err == nil {
			err = reset
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("rewriting the table: %w", err)
	}
	return w.mark(ctx, `scrubbed = true`)
}

func (w *work) openNames() []string {
	var names []string
	for _, c := range w.open {
		names = append(names, c.name)
	}
	return names
}

// mark sets something in the records of the open columns.
func (w *work) mark(ctx context.Context, set string, args ...any) error {
	_, err := w.conn.Exec(ctx, `UPDATE pgveil."column" SET `+set+` WHERE schema_name = $1 AND table_name = $2 AND column_name = ANY ($3)`,
		append([]any{w.table.schema, w.table.name, w.openNames()}, args...)...)
	if err != nil {
		return fmt.Errorf("writing pgveil.column: %w", err)
	}
	return nil
}

const pendingSQL = `
SELECT index_name, replacement FROM pgveil.replaced
WHERE schema_name = $1 AND table_name = $2 AND replacement IS NOT NULL AND NOT done ORDER BY index_name`

// replaceIndexes makes the indexes over terms that were recorded.
func (w *work) replaceIndexes(ctx context.Context) error {
	rows, err := w.conn.Query(ctx, pendingSQL, w.table.schema, w.table.name)
	if err != nil {
		return fmt.Errorf("reading pgveil.replaced: %w", err)
	}
	pending, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (p replaced, err error) {
		return p, r.Scan(&p.index, &p.replacement)
	})
	if err != nil {
		return fmt.Errorf("reading pgveil.replaced: %w", err)
	}
	for _, p := range pending {
		if err := w.replaceIndex(ctx, p.index, *p.replacement); err != nil {
			return fmt.Errorf("index %s: %w", p.index, err)
		}
	}
	return nil
}

// replaceIndex makes an index under a name of its own, while everybody goes
// on, and then has it take the place of the one that it replaces.
func (w *work) replaceIndex(ctx context.Context, name, definition string) error {
	sum := sha256.Sum256([]byte(w.table.String() + "\x00" + name))
	temporary := "pgveil_new_" + hex.EncodeToString(sum[:8])
	const valid = `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)`
	path := ident(w.table.schema, temporary)
	var ready bool
	err := w.conn.QueryRow(ctx, valid, path).Scan(&ready)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("looking for %s: %w", temporary, err)
	}
	if !ready {
		if _, err := w.conn.Exec(ctx, `DROP INDEX IF EXISTS `+path); err != nil {
			return fmt.Errorf("dropping what a broken run has left: %w", err)
		}
		_, err := w.conn.Exec(ctx, fmt.Sprintf(definition, ident(temporary)), pgx.QueryExecModeSimpleProtocol)
		if sqlState(err) == uniqueViolation {
			return fmt.Errorf("two rows have the same value, written past pgveil while it was sealing: remove one and run apply again: %w", err)
		}
		if err != nil {
			return fmt.Errorf("making it over terms: %w", err)
		}
	}
	return w.locked(ctx, w.table, func(tx pgx.Tx) error { return w.swapIndex(ctx, tx, name, path) })
}

const ownerSQL = `SELECT conname::text FROM pg_constraint WHERE conrelid = $1 AND contype = 'u' AND conname = $2`

func (w *work) swapIndex(ctx context.Context, tx pgx.Tx, name, path string) error {
	var constraint string
	err := tx.QueryRow(ctx, ownerSQL, w.table.oid, name).Scan(&constraint)
	switch {
	case err == nil:
		_, err = tx.Exec(ctx, `ALTER TABLE ONLY `+w.table.quoted()+` DROP CONSTRAINT `+ident(constraint))
	case errors.Is(err, pgx.ErrNoRows):
		_, err = tx.Exec(ctx, `DROP INDEX IF EXISTS `+ident(w.table.schema, name))
	}
	if err != nil {
		return fmt.Errorf("dropping the index over values: %w", err)
	}
	if _, err := tx.Exec(ctx, `ALTER INDEX `+path+` RENAME TO `+ident(name)); err != nil {
		return fmt.Errorf("taking its name: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE pgveil.replaced SET done = true WHERE schema_name = $1 AND table_name = $2 AND index_name = $3`,
		w.table.schema, w.table.name, name)
	if err != nil {
		return fmt.Errorf("writing pgveil.replaced: %w", err)
	}
	return nil
}

// finish records the columns as sealed: from now on statements may reach them.
func (w *work) finish(ctx context.Context) error {
	if len(w.open) == 0 {
		return nil
	}
	return w.mark(ctx, `state = 'sealed', rows_sealed = rows_sealed + $4`, w.sealed)
}
