package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Locale is how a database orders and folds text by default.
type Locale struct {
	// Provider is pg_database.datlocprovider: 'c' for the C library, 'i' for ICU, 'b' for PostgreSQL's own.
	Provider byte
	// Collate and CType are the locale's names.
	Collate, CType string
	// UTF8 says that the database's encoding is UTF8.
	UTF8 bool
}

// Locale returns the database's locale, zero where it is not known.
func (s *Snapshot) Locale() Locale { return s.locale }

// OwnFunction reports whether a call of this function, with operands of
// PostgreSQL's own types, can only mean one of PostgreSQL's own.
func (s *Snapshot) OwnFunction(name string) bool { return s.notAdded("function", name) }

// OwnOperator is OwnFunction for an operator.
func (s *Snapshot) OwnOperator(name string) bool { return s.notAdded("operator", name) }

func (s *Snapshot) notAdded(kind, name string) bool {
	_, added := s.added[addedName{kind, name}]
	_, cast := s.added[addedName{kind: "cast"}]
	return !added && !cast
}

// addedName is a function or an operator that users have added to PostgreSQL's
// own, or with an empty name the casts.
type addedName struct{ kind, name string }

// What takes an added type of strings, such as citext, is never chosen over
// what takes text, because text is the preferred type.
const addedSQL = `
SELECT 'function', proname::text FROM pg_catalog.pg_proc
WHERE oid >= 16384 AND NOT EXISTS (SELECT FROM pg_catalog.unnest(proargtypes::pg_catalog.oid[]) AS arg (oid)
  JOIN pg_catalog.pg_type t ON t.oid = arg.oid WHERE t.oid >= 16384 AND t.typcategory = 'S' AND t.typtype = 'b')
UNION
SELECT 'operator', oprname::text FROM pg_catalog.pg_operator
WHERE oid >= 16384 AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t
  WHERE t.oid IN (oprleft, oprright) AND t.oid >= 16384 AND t.typcategory = 'S' AND t.typtype = 'b')
UNION
SELECT 'cast', '' FROM pg_catalog.pg_cast WHERE oid >= 16384 AND castsource < 16384 AND casttarget < 16384`

func (s *Snapshot) loadAdded(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, addedSQL)
	if err != nil {
		return err
	}
	var n addedName
	_, err = pgx.ForEachRow(rows, []any{&n.kind, &n.name}, func() error {
		s.added[n] = struct{}{}
		return nil
	})
	if err != nil {
		return fmt.Errorf("added functions: %w", err)
	}
	return nil
}

// Older servers have neither providers nor ICU as a default; the names of
// their columns have changed since.
const localeSQL = `
SELECT coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c'), d.datcollate::text,
       CASE WHEN coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c') = 'c' THEN d.datctype::text
            ELSE coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale', '') END,
       pg_catalog.pg_encoding_to_char(d.encoding) = 'UTF8'
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`

func (s *Snapshot) loadLocale(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, localeSQL)
	if err != nil {
		return err
	}
	var provider string
	_, err = pgx.ForEachRow(rows, []any{&provider, &s.locale.Collate, &s.locale.CType, &s.locale.UTF8}, func() error {
		s.locale.Provider = provider[0]
		return nil
	})
	if err != nil {
		return fmt.Errorf("the database's locale: %w", err)
	}
	return nil
}
