package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/policy"
)

// GuardPrefix begins the name of the CHECK constraint by which the server
// itself refuses plaintext in a sealed column.
const GuardPrefix = "pgveil_guard_"

// recorded is what apply has written down in schema pgveil, and what of it the
// server's own catalog confirms.
type recorded struct {
	columns map[columnName]record
	// guarded are the columns with a validated guard.
	guarded map[columnPlace]struct{}
	// replaced are constraints that apply replaced by indexes.
	replaced []replaced
}

type columnName struct{ schema, table, column string }

type columnPlace struct {
	relation uint32
	num      int16
}

type record struct {
	domain               string
	typeSchema, typeName string
	typeMod              int32
	sealed               bool
}

const existsSQL = `SELECT pg_catalog.to_regclass('pgveil.column') IS NOT NULL`

const recordedSQL = `
SELECT schema_name, table_name, column_name, domain_id, type_schema, type_name, type_mod, state = 'sealed'
FROM pgveil."column"`

const guardsSQL = `
SELECT conrelid, conkey[1] FROM pg_catalog.pg_constraint
WHERE contype = 'c' AND convalidated AND conname LIKE 'pgveil\_guard\_%' AND pg_catalog.cardinality(conkey) = 1`

func loadRecorded(ctx context.Context, q Querier) (recorded, error) {
	rec := recorded{columns: map[columnName]record{}, guarded: map[columnPlace]struct{}{}}
	ok, err := applied(ctx, q)
	if err != nil || !ok {
		return rec, err
	}

	rows, err := q.Query(ctx, recordedSQL)
	if err != nil {
		return rec, fmt.Errorf("pgveil.column: %w", err)
	}
	var name columnName
	var r record
	into := []any{
		&name.schema, &name.table, &name.column, &r.domain, &r.typeSchema, &r.typeName, &r.typeMod, &r.sealed,
	}
	if _, err = pgx.ForEachRow(rows, into, func() error { rec.columns[name] = r; return nil }); err != nil {
		return rec, fmt.Errorf("pgveil.column: %w", err)
	}

	if rec.replaced, err = loadReplaced(ctx, q); err != nil {
		return rec, err
	}

	if rows, err = q.Query(ctx, guardsSQL); err != nil {
		return rec, fmt.Errorf("guards: %w", err)
	}
	var place columnPlace
	into = []any{&place.relation, &place.num}
	if _, err = pgx.ForEachRow(rows, into, func() error { rec.guarded[place] = struct{}{}; return nil }); err != nil {
		return rec, fmt.Errorf("guards: %w", err)
	}
	return rec, nil
}

// replacedSQL lists the constraints that are indexes now.
const replacedSQL = `
SELECT schema_name, table_name, index_name, constraint_definition
FROM pgveil.replaced WHERE constraint_definition IS NOT NULL AND replacement IS NOT NULL`

type replaced struct{ schema, table, name, definition string }

func loadReplaced(ctx context.Context, q Querier) ([]replaced, error) {
	rows, err := q.Query(ctx, replacedSQL)
	if err != nil {
		return nil, fmt.Errorf("pgveil.replaced: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r replaced, err error) {
		err = row.Scan(&r.schema, &r.table, &r.name, &r.definition)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("pgveil.replaced: %w", err)
	}
	return all, nil
}

// replace notes a constraint that apply replaced.
func (s *Snapshot) replace(r replaced) {
	relation := s.relations[relationName{r.schema, r.table}]
	if relation == nil {
		return
	}
	if relation.Replaced == nil {
		relation.Replaced = map[string]string{}
	}
	relation.Replaced[r.name] = r.definition
}

// applied reports whether apply has ever run in this database.
func applied(ctx context.Context, q Querier) (bool, error) {
	rows, err := q.Query(ctx, existsSQL)
	if err != nil {
		return false, fmt.Errorf("schema pgveil: %w", err)
	}
	ok, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
	if err != nil {
		return false, fmt.Errorf("schema pgveil: %w", err)
	}
	return ok, nil
}

// protect marks the columns that the policy names, and notes what is wrong with them.
func (s *Snapshot) protect(pol *policy.Policy, rec recorded) {
	for _, r := range rec.replaced {
		s.replace(r)
	}
	for _, t := range pol.Tables {
		r := s.relations[relationName{t.Schema, t.Name}]
		for _, said := range t.Columns {
			switch {
			case r == nil:
				s.problem(said, nil, "the table does not exist")
			case r.Kind != 'r':
				s.problem(said, r, "it is not an ordinary table")
			case r.Column(said.Name) == nil:
				s.problem(said, r, "the column does not exist")
			default:
				s.protectColumn(r, r.Column(said.Name), said, rec)
			}
		}
	}
	// A sealed column that the policy no longer lists would show its sealed
	// strings as if they were the values.
	for name, record := range rec.columns {
		r := s.relations[relationName{name.schema, name.table}]
		if r == nil || r.Tainted != "" {
			continue
		}
		if c := r.Column(name.column); c != nil && c.Protected == nil && record.domain != "" {
			r.Tainted = "column " + name.column + " is sealed, but the policy does not list it"
		}
	}
	s.taintGuarded(rec)
}

// taintGuarded closes relations that have a guard on a column that is not
// protected under its present name: it, or its table, was renamed. The guard
// would refuse plaintext, but only once the server has seen it.
func (s *Snapshot) taintGuarded(rec recorded) {
	for place := range rec.guarded {
		r := s.byOID[place.relation]
		if r == nil || r.Tainted != "" {
			continue
		}
		for i := range r.Columns {
			if c := &r.Columns[i]; c.Num == place.num && c.Protected == nil {
				r.Tainted = "column " + c.Name + " is sealed, but the policy does not list it: it or its table was renamed"
			}
		}
	}
}

func (s *Snapshot) protectColumn(r *Relation, c *Column, said *policy.Column, rec recorded) {
	c.Protected = &Protected{Column: said, Logical: c.Type}
	p := c.Protected
	record, known := rec.columns[columnName{r.Schema, r.Name, c.Name}]
	if known {
		logical, ok := s.TypeByName(nil, record.typeSchema, record.typeName)
		logical.Mod = record.typeMod
		if !ok {
			s.problem(said, r, "its type "+record.typeName+" does not exist any more")
			return
		}
		p.Logical, p.DomainID = logical, record.domain
	}
	if said.Type != "" {
		written, err := s.resolve(said.Type)
		switch {
		case err != nil:
			s.problem(said, r, err.Error())
			return
		case known && (written.OID != p.Logical.OID || written.Mod != p.Logical.Mod):
			s.problem(said, r, "the policy gives it another type than apply has recorded")
			return
		case !known && !c.Type.holdsText() && (written.OID != c.Type.OID || written.Mod != c.Type.Mod):
			s.problem(said, r, "the policy gives it another type than it has")
			return
		}
		p.Logical = written
	}

	switch {
	case !p.Logical.Sealable():
		s.problem(said, r, "values of type "+p.Logical.Name+" cannot be sealed")
	case c.Generated:
		s.problem(said, r, "it is a generated column")
	case known && record.sealed && !c.Type.StoredAsIs():
		s.problem(said, r, "it is sealed, but its type has been changed to "+c.Type.Name)
	}
	_, guarded := rec.guarded[columnPlace{r.OID, c.Num}]
	p.Ready = known && record.sealed && guarded && p.DomainID != ""
}
