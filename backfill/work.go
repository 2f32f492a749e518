package backfill

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// work is what one table needs.
type work struct {
	*job

	table *table
	// open are the columns that are not sealed yet, with their sealers.
	open []*openColumn
	// judged are the indexes that cannot stay as they are.
	judged []*index
	// pending are the indexes that were recorded by an earlier run and are not there yet.
	pending []replaced
	// sealed counts the rows of this table that this run has sealed.
	sealed int64
}

// openColumn is a column with rows to seal.
type openColumn struct {
	*column

	sealer Sealer
	// pattern is what the guard demands of values.
	pattern string
}

// guardName is the name of the column's guard, whether it is there or not.
func (c *openColumn) guardName() string {
	if c.guard != "" {
		return c.guard
	}
	name := guardName(c.name)
	for _, other := range c.table.columns { // one that had this column's name may have it
		if other.guard == name {
			return guardName(fmt.Sprintf("%s_%d", c.name, c.num))
		}
	}
	return name
}

// plan finds out what there is to do for a table.
func (j *job) plan(s *state, t *table) (*work, error) {
	w := &work{job: j, table: t}
	for _, c := range t.columns {
		if c.sealed() {
			continue
		}
		p := *c.Protected
		if p.DomainID == "" {
			d, ok := s.records.domainNamed(c.Column.Domain)
			if !ok {
				return nil, fmt.Errorf("column %s: its domain has no record", c.name)
			}
			p.DomainID = d.id
		}
		c.Protected = &p
		sealer, err := j.vault.Sealer(&p)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		w.open = append(w.open, &openColumn{column: c, sealer: sealer, pattern: sealer.Guard()})
	}
	for _, x := range t.indexes {
		if outcome, _ := x.judge(t); outcome == replace || outcome == drop {
			w.judged = append(w.judged, x)
		}
	}
	for _, r := range s.records.replaced {
		if r.schema == t.schema && r.table == t.name && !r.done {
			w.pending = append(w.pending, r)
		}
	}
	return w, nil
}

func (w *work) nothing() bool { return len(w.open)+len(w.judged)+len(w.pending) == 0 }

func (w *work) tell(step Step, done, total int64) {
	w.progress(Progress{Table: w.table.String(), Step: step, Done: done, Total: total, Rows: w.rows})
}

const columnSQL = `
INSERT INTO pgveil."column" (schema_name, table_name, column_name, relation, attnum, domain_id, type_schema, type_name, type_mod,
  plain_type, plain_default, terms, pad, guard, state)
SELECT $1, $2, $3, $4, $5, $6, n.nspname, t.typname, $8, $9, NULL, $10, $11, $12, 'sealing'
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = $7
ON CONFLICT (schema_name, table_name, column_name) DO UPDATE SET state = 'sealing', scrubbed = false,
  type_schema = excluded.type_schema, type_name = excluded.type_name, type_mod = excluded.type_mod,
  plain_type = CASE WHEN $13 THEN excluded.plain_type ELSE "column".plain_type END`

const replacedIndexSQL = `
INSERT INTO pgveil.replaced (schema_name, table_name, index_name, plain_definition, constraint_definition, replacement, done)
VALUES ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), $6 = '')
ON CONFLICT (schema_name, table_name, index_name) DO UPDATE SET plain_definition = excluded.plain_definition,
  constraint_definition = excluded.constraint_definition, replacement = excluded.replacement, done = excluded.done`

// prepare is the one transaction that changes what the columns are.
func (w *work) prepare(ctx context.Context) error {
	return w.locked(ctx, w.table, func(tx pgx.Tx) error {
		if err := w.unchanged(ctx, tx); err != nil {
			return err
		}
		for _, c := range w.open {
			_, err := tx.Exec(ctx, columnSQL, w.table.schema, w.table.name, c.name, w.table.oid, c.num, c.DomainID,
				c.Logical.OID, c.Logical.Mod, c.declared, termsOf(c.Column), c.Column.Pad, c.pattern, c.anew)
			if err != nil {
				return fmt.Errorf("recording column %s: %w", c.name, err)
			}
		}
		for _, x := range w.judged {
			if err := w.setAside(ctx, tx, x); err != nil {
				return err
			}
		}
		return w.alter(ctx, tx)
	})
}

// unchanged makes sure, now that the table is locked, that it still is what
// was judged.
func (w *work) unchanged(ctx context.Context, tx pgx.Tx) error {
	s, err := survey(ctx, tx, w.policy)
	if err != nil {
		return err
	}
	if errs := s.judge().errors(); len(errs) > 0 {
		return &RefusedError{Findings: errs}
	}
	i := slices.IndexFunc(s.tables, func(t *table) bool { return t.oid == w.table.oid })
	if i < 0 {
		return fmt.Errorf("it was dropped while apply was running")
	}
	now, err := w.plan(s, s.tables[i])
	if err != nil {
		return err
	}
	*w = *now
	return nil
}

// setAside records an index that cannot stay. One that is unique stays until
// its successor is there; another is dropped at once, because sealed values
// may be too long for it.
func (w *work) setAside(ctx context.Context, tx pgx.Tx, x *index) error {
	replacement := ""
	if outcome, _ := x.judge(w.table); outcome == replace {
		replacement = x.replacement(w.table)
	}
	_, err := tx.Exec(ctx, replacedIndexSQL, w.table.schema, w.table.name, x.name, x.definition, x.constraintDefinition, replacement)
	if err != nil {
		return fmt.Errorf("recording index %s: %w", x.name, err)
	}
	if x.unique {
		return nil
	}
	if _, err := tx.Exec(ctx, `DROP INDEX `+ident(w.table.schema, x.name)); err != nil {
		return fmt.Errorf("dropping index %s: %w", x.name, err)
	}
	return nil
}

// alter changes types and defaults, all in one statement so that the table is
// rewritten once at most.
func (w *work) alter(ctx context.Context, tx pgx.Tx) error {
	var actions []string
	for _, c := range w.open {
		sealedDefault, err := w.sealDefault(ctx, c)
		if err != nil {
			return fmt.Errorf("default of column %s: %w", c.name, err)
		}
		retype := c.storage() != c.declared
		if c.plainDefault != nil && (retype || sealedDefault != "") {
			actions = append(actions, "ALTER "+c.quoted+" DROP DEFAULT")
		}
		if retype {
			actions = append(actions, fmt.Sprintf("ALTER %s TYPE %s USING %[1]s::text", c.quoted, c.storage()))
		}
		if sealedDefault == "" {
			continue
		}
		actions = append(actions, "ALTER "+c.quoted+" SET DEFAULT "+literal(sealedDefault))
		_, err = tx.Exec(ctx, `UPDATE pgveil."column" SET plain_default = $4 WHERE schema_name = $1 AND table_name = $2 AND column_name = $3`,
			w.table.schema, w.table.name, c.name, sealedDefault)
		if err != nil {
			return fmt.Errorf("recording the default of column %s: %w", c.name, err)
		}
	}
	if len(actions) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `ALTER TABLE ONLY `+w.table.quoted()+" "+strings.Join(actions, ", "), pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return fmt.Errorf("altering the table: %w", err)
	}
	return nil
}

// sealDefault returns the sealed default of a column that still has a plain
// one, "" for none.
func (w *work) sealDefault(ctx context.Context, c *openColumn) (string, error) {
	if c.plainDefault == nil {
		return "", nil
	}
	value, null, ok := constant(*c.plainDefault)
	if !ok {
		return "", fmt.Errorf("it is not a constant")
	}
	pattern, err := regexp.Compile(c.pattern)
	if err != nil {
		return "", fmt.Errorf("internal error: the guard's pattern: %w", err)
	}
	if null || pattern.MatchString(value) { // sealed by an earlier run
		return "", nil
	}
	sealed, err := c.sealer.Seal(ctx, nil, []byte(value))
	return string(sealed), err
}
