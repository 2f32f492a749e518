package backfill

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// records are what schema pgveil says.
type records struct {
	columns []*record
	domains []domain
	// replaced are the indexes that were dropped or replaced.
	replaced []replaced
}

// record is a row of pgveil.column.
type record struct {
	schema, table, name string
	relation            uint32
	num                 int16
	domain              string
	typeSchema          string
	typeName            string
	typeMod             int32
	terms               []string
	pad                 int
	guard               string
	sealed, scrubbed    bool
	rows                int64
}

// domain is a row of pgveil.domain.
type domain struct{ id, name, keyset string }

// replaced is a row of pgveil.replaced.
type replaced struct {
	schema, table, index string
	replacement          *string
	done                 bool
}

const (
	recordsSQL = `
SELECT schema_name, table_name, column_name, relation, attnum, domain_id, type_schema, type_name, type_mod, terms, pad, guard, state = 'sealed', scrubbed, rows_sealed
FROM pgveil."column" ORDER BY 1, 2, 3`
	domainsSQL  = `SELECT id, name, keyset FROM pgveil.domain`
	replacedSQL = `SELECT schema_name, table_name, index_name, replacement, done FROM pgveil.replaced ORDER BY 1, 2, 3`
)

// loadRecords reads schema pgveil; without it there are no records.
func loadRecords(ctx context.Context, q DB) (*records, error) {
	rec := &records{}
	var ok bool
	if err := q.QueryRow(ctx, `SELECT pg_catalog.to_regclass('pgveil.replaced') IS NOT NULL`).Scan(&ok); err != nil || !ok {
		return rec, err
	}
	rows, err := q.Query(ctx, recordsSQL)
	if err != nil {
		return nil, fmt.Errorf("reading pgveil.column: %w", err)
	}
	rec.columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*record, error) {
		r := &record{}
		return r, row.Scan(&r.schema, &r.table, &r.name, &r.relation, &r.num, &r.domain, &r.typeSchema, &r.typeName, &r.typeMod, &r.terms, &r.pad, &r.guard,
			&r.sealed, &r.scrubbed, &r.rows)
	})
	if err != nil {
		return nil, fmt.Errorf("reading pgveil.column: %w", err)
	}
	if rows, err = q.Query(ctx, domainsSQL); err != nil {
		return nil, fmt.Errorf("reading pgveil.domain: %w", err)
	}
	rec.domains, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d domain, err error) {
		return d, row.Scan(&d.id, &d.name, &d.keyset)
	})
	if err != nil {
		return nil, fmt.Errorf("reading pgveil.domain: %w", err)
	}
	if rows, err = q.Query(ctx, replacedSQL); err != nil {
		return nil, fmt.Errorf("reading pgveil.replaced: %w", err)
	}
	rec.replaced, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r replaced, err error) {
		return r, row.Scan(&r.schema, &r.table, &r.index, &r.replacement, &r.done)
	})
	if err != nil {
		return nil, fmt.Errorf("reading pgveil.replaced: %w", err)
	}
	return rec, nil
}

// column returns the record of a place in the database, or nil.
func (rec *records) column(relation uint32, num int16) *record {
	for _, r := range rec.columns {
		if r.relation == relation && r.num == num {
			return r
		}
	}
	return nil
}

func (rec *records) domainNamed(name string) (domain, bool) {
	i := slices.IndexFunc(rec.domains, func(d domain) bool { return d.name == name })
	if i < 0 {
		return domain{}, false
	}
	return rec.domains[i], true
}

// settle makes the records name the columns as they are called now: after a
// restore the places are new and the names hold; after a rename the names are
// new and the places hold. It changes only rec; moves says what to write.
func (rec *records) settle(snap *catalog.Snapshot) (moves []move) {
	for _, r := range rec.columns {
		was := *r
		if at := snap.Lookup(nil, r.schema, r.table); at != nil && at.Column(r.name) != nil {
			r.relation, r.num = at.OID, at.Column(r.name).Num
		} else if at := snap.Relation(r.relation); at != nil {
			if i := slices.IndexFunc(at.Columns, func(c catalog.Column) bool { return c.Num == r.num }); i >= 0 {
				r.schema, r.table, r.name = at.Schema, at.Name, at.Columns[i].Name
			}
		}
		if was.relation != r.relation || was.num != r.num || was.path() != r.path() {
			moves = append(moves, move{from: was, to: r})
		}
	}
	return moves
}

func (r *record) path() string { return r.schema + "." + r.table + "." + r.name }

// move is a record whose column has another name or place than recorded.
type move struct {
	from record
	to   *record
}

// write records the move. A domain that had the column's name gets its new
// one; its identifier, which keys are bound to, stays.
func (m move) write(ctx context.Context, q DB) error {
	_, err := q.Exec(ctx, `UPDATE pgveil."column" SET schema_name = $4, table_name = $5, column_name = $6, relation = $7, attnum = $8
WHERE schema_name = $1 AND table_name = $2 AND column_name = $3`,
		m.from.schema, m.from.table, m.from.name, m.to.schema, m.to.table, m.to.name, m.to.relation, m.to.num)
	if err == nil && m.from.path() != m.to.path() {
		_, err = q.Exec(ctx, `UPDATE pgveil.domain SET name = $2 WHERE name = $1`, m.from.path(), m.to.path())
	}
	if err == nil && (m.from.schema != m.to.schema || m.from.table != m.to.table) {
		_, err = q.Exec(ctx, `UPDATE pgveil.replaced SET schema_name = $3, table_name = $4 WHERE schema_name = $1 AND table_name = $2`,
			m.from.schema, m.from.table, m.to.schema, m.to.table)
	}
	if err != nil {
		return fmt.Errorf("recording that %s is now %s: %w", m.from.path(), m.to.path(), err)
	}
	return nil
}

// termsOf are the terms that values of the column carry.
func termsOf(c *policy.Column) []string {
	if c.Search.Equality {
		return []string{"equality"}
	}
	return []string{}
}

// newDomainID makes an identifier that no other domain has.
func newDomainID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("making a domain's identifier: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])), nil
}

// guardName names the guard of a column within PostgreSQL's 63 bytes.
func guardName(column string) string {
	const longest = 63
	name := catalog.GuardPrefix + column
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(column))
	digest := "_" + hex.EncodeToString(sum[:4])
	return strings.ToValidUTF8(name[:longest-len(digest)], "") + digest
}
