package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// versionSQL sums a hash of the identity and the age of every catalog row that
// a plan can depend on. Sums need no order, and a row that goes, comes or
// changes changes its sum. Rows below 16384 are initdb's and never change.
// Temporary relations are left out, as in a Snapshot.
const versionSQL = `
SELECT ARRAY[
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, nspname), 1)), 0) FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^pg_(toast_)?temp_')::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, xmin, relname, relnamespace), 2)), 0)
  FROM pg_catalog.pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND relpersistence <> 't')::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(a.attrelid, a.attnum, a.xmin), 3)), 0)
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  WHERE a.attrelid >= 16384 AND a.attnum > 0 AND c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND c.relpersistence <> 't')::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(t.oid, t.xmin), 4)), 0)
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE t.oid >= 16384 AND n.nspname !~ '^pg_(toast_)?temp_')::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, xmin), 5)), 0)
  FROM pg_catalog.pg_proc WHERE oid >= 16384)::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(inhrelid, inhparent, xmin), 6)), 0)
  FROM pg_catalog.pg_inherits)::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, xmin), 7)), 0)
  FROM pg_catalog.pg_rewrite r WHERE oid >= 16384
  AND (SELECT c.relpersistence FROM pg_catalog.pg_class c WHERE c.oid = r.ev_class) <> 't')::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, xmin), 8)), 0)
  FROM pg_catalog.pg_constraint WHERE conname LIKE 'pgveil\_guard\_%')::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, tgrelid, xmin), 10)), 0)
  FROM pg_catalog.pg_trigger WHERE tgtype & 64 <> 0)::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, xmin), 11)), 0)
  FROM pg_catalog.pg_operator WHERE oid >= 16384)::text,
 (SELECT coalesce(sum(pg_catalog.hash_record_extended(ROW(oid, xmin), 12)), 0)
  FROM pg_catalog.pg_cast WHERE oid >= 16384)::text]`

const recordedVersionSQL = `
SELECT coalesce(sum(pg_catalog.hashtextextended(
  pg_catalog.concat_ws(chr(1), schema_name, table_name, column_name, domain_id, type_schema, type_name, type_mod, state), 9
)), 0)::text FROM pgveil."column"`

// Version is a fingerprint of all that a Snapshot is made of but the policy.
// It costs a few milliseconds, so it can be polled; when it differs from the
// Version of the Snapshot in use, a new one should be loaded.
func Version(ctx context.Context, q Querier) (string, error) {
	rows, err := q.Query(ctx, versionSQL)
	if err != nil {
		return "", fmt.Errorf("catalog version: %w", err)
	}
	sums, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]string])
	if err != nil {
		return "", fmt.Errorf("catalog version: %w", err)
	}
	ok, err := applied(ctx, q)
	if err != nil {
		return "", err
	}
	records := ""
	if ok {
		if rows, err = q.Query(ctx, recordedVersionSQL); err != nil {
			return "", fmt.Errorf("catalog version: %w", err)
		}
		if records, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string]); err != nil {
			return "", fmt.Errorf("catalog version: %w", err)
		}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", sums, records))
	return hex.EncodeToString(sum[:16]), nil
}
