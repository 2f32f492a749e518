package backfill

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// blocksAtOnce is the part of a table that is gone through between two reports.
const blocksAtOnce = 64

// maxBytes bounds what the server sends of values in one batch, as they are
// stored; a batch ends with the row that goes over it.
const maxBytes = 8 << 20

// maxOpenPasses bounds the passes before the guard stands, while rows may
// still be written in clear.
const maxOpenPasses = 3

// sealWhileOpen seals what is there, while everybody else goes on.
func (w *work) sealWhileOpen(ctx context.Context) error {
	for range maxOpenPasses {
		missed, err := w.pass(ctx)
		if err != nil || missed == 0 {
			return err
		}
	}
	return nil // the rest is sealed behind the guard
}

// sealRest seals what was written until the guard stood. Nothing can be
// written in clear any more, so it comes to an end.
func (w *work) sealRest(ctx context.Context) error {
	for {
		missed, err := w.pass(ctx)
		if err != nil || missed == 0 {
			return err
		}
	}
}

// pass goes through the table once, in the order of its blocks. It returns how
// many rows somebody else changed between our reading and our writing.
func (w *work) pass(ctx context.Context) (missed int64, err error) {
	if len(w.open) == 0 {
		return 0, nil
	}
	const size = `SELECT pg_relation_size($1::oid::regclass) / current_setting('block_size')::int8`
	var blocks int64
	if err := w.conn.QueryRow(ctx, size, w.table.oid).Scan(&blocks); err != nil {
		return 0, fmt.Errorf("reading the size of the table: %w", err)
	}
	for from := int64(0); from < blocks; from += blocksAtOnce {
		n, err := w.sealBlocks(ctx, from, from+blocksAtOnce)
		if err != nil {
			return missed, err
		}
		missed += n
		w.tell(StepSeal, min(from+blocksAtOnce, blocks), blocks)
	}
	return missed, nil
}

// row is a version of a row with a value to seal. ctid and xmin together name
// it: if either has changed, so has the row.
type row struct {
	ctid, xmin string
	// values are those of the open columns, nil for NULL.
	values []*string
	// plain says which of them are to be sealed.
	plain []bool
}

// readSQL gives the next rows of a part of the table that have a value to
// seal. COLLATE "C" because patterns do not work under nondeterministic
// collations.
func (w *work) readSQL() string {
	var values, plain, sizes []string
	for i, c := range w.open {
		values = append(values, c.quoted+"::text")
		plain = append(plain, fmt.Sprintf(`coalesce((%s::text COLLATE "C") !~ $%d, false)`, c.quoted, i+4))
		sizes = append(sizes, fmt.Sprintf(`coalesce(pg_column_size(%s), 0)`, c.quoted))
	}
	anyPlain, size := strings.Join(plain, " OR "), strings.Join(sizes, " + ")
	return fmt.Sprintf(`
WITH next AS (
  SELECT ctid AS at, sum(%s) OVER (ORDER BY ctid ROWS UNBOUNDED PRECEDING) - (%[1]s) AS before
  FROM ONLY %s WHERE ctid > $1::text::tid AND ctid < $2::text::tid AND (%s)
  ORDER BY ctid LIMIT $3)
SELECT t.ctid::text, t.xmin::text, ARRAY[%s], ARRAY[%s]
FROM ONLY %[2]s t WHERE t.ctid = ANY (ARRAY(SELECT at FROM next WHERE before < %[6]d))
ORDER BY t.ctid`,
		size, w.table.quoted(), anyPlain, strings.Join(values, ", "), strings.Join(plain, ", "), maxBytes)
}

// sealBlocks goes through a part of the table, batch by batch.
func (w *work) sealBlocks(ctx context.Context, from, to int64) (missed int64, err error) {
	after, end := fmt.Sprintf("(%d,0)", from), fmt.Sprintf("(%d,0)", to)
	for {
		rows, err := w.read(ctx, after, end)
		if err != nil || len(rows) == 0 {
			return missed, err
		}
		n, err := w.sealRows(ctx, rows)
		if err != nil {
			return missed, err
		}
		missed += n
		after = rows[len(rows)-1].ctid
	}
}

func (w *work) read(ctx context.Context, after, end string) ([]row, error) {
	args := []any{after, end, w.options.Batch}
	for _, c := range w.open {
		args = append(args, c.pattern)
	}
	found, err := w.conn.Query(ctx, w.readSQL(), args...)
	if err != nil {
		return nil, fmt.Errorf("reading rows: %w", err)
	}
	rows, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (row row, err error) {
		return row, r.Scan(&row.ctid, &row.xmin, &row.values, &row.plain)
	})
	if err != nil {
		return nil, fmt.Errorf("reading rows: %w", err)
	}
	return rows, nil
}

// sealRows seals some rows in one transaction.
func (w *work) sealRows(ctx context.Context, rows []row) (missed int64, err error) {
	ctids, xmins := make([]string, len(rows)), make([]string, len(rows))
	values := make([][]*string, len(w.open))
	for i := range values {
		values[i] = make([]*string, len(rows))
	}
	for i, r := range rows {
		ctids[i], xmins[i] = r.ctid, r.xmin
		for k, c := range w.open {
			values[k][i] = r.values[k]
			if !r.plain[k] {
				continue // NULL, or sealed by an earlier run
			}
			sealed, err := c.sealer.Seal(ctx, nil, []byte(*r.values[k]))
			if err != nil {
				return 0, fmt.Errorf("column %s, row at ctid %s: %w", c.name, r.ctid, err)
			}
			s := string(sealed)
			values[k][i] = &s
		}
	}
	args := []any{ctids, xmins}
	for _, v := range values {
		args = append(args, v)
	}
	tag, err := w.conn.Exec(ctx, w.writeSQL(), args...)
	if sqlState(err) == deadlock {
		return int64(len(rows)), nil
	}
	if err != nil {
		return 0, fmt.Errorf("writing sealed rows: %w", err)
	}
	w.rows += tag.RowsAffected()
	w.sealed += tag.RowsAffected()
	return int64(len(rows)) - tag.RowsAffected(), nil
}

// writeSQL swaps whole versions: a row that was changed since it was read has
// another xmin or another ctid, and is left alone.
func (w *work) writeSQL() string {
	var params, names, sets []string
	for i, c := range w.open {
		params = append(params, fmt.Sprintf("$%d::text[]", i+3))
		names = append(names, fmt.Sprintf("v%d", i))
		sets = append(sets, fmt.Sprintf("%s = sealed.v%d", c.quoted, i))
	}
	return fmt.Sprintf(`UPDATE ONLY %s AS t SET %s
FROM unnest($1::text[], $2::text[], %s) AS sealed (at, version, %s)
WHERE t.ctid = sealed.at::tid AND t.xmin = sealed.version::xid AND t.ctid = ANY ($1::text[]::tid[])`,
		w.table.quoted(), strings.Join(sets, ", "), strings.Join(params, ", "), strings.Join(names, ", "))
}
