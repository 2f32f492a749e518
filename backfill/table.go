package backfill

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// table is a table of the policy as it is in the database.
type table struct {
	schema, name string
	oid          uint32
	// owned says that the service user may do what the owner may.
	owned bool
	// hidden says that row security keeps rows from the service user.
	hidden bool
	typed  bool
	// indexable says that the service user may make indexes in the table's schema.
	indexable bool
	// family says that it has partitions, parents or children.
	family  bool
	blocks  int64
	columns []*column
	indexes []*index
	// dependents are the objects, indexes aside, that use a protected column.
	dependents []dependent
	// triggers are the user's, by name.
	triggers []string
}

// column is a protected column as it is in the database.
type column struct {
	*catalog.Protected

	table *table
	name  string
	num   int16
	// quoted is the name as the server prints it in expressions.
	quoted string
	// declared is the type as the server prints it, with its modifier.
	declared string
	// isText says that it is stored as text, varchar without a limit, or citext already.
	isText bool
	// identity says that the server makes its values.
	identity bool
	// nondeterministic says that its collation calls different strings equal.
	nondeterministic bool
	// plainDefault is the DEFAULT as the server prints it, nil for none.
	plainDefault *string
	// guard is the constraint, "" if there is none.
	guard          string
	guardValidated bool
	// record is what apply recorded, nil before it did.
	record *record
	// anew says that the column was dropped and made again after it was sealed:
	// its type is not that of a sealed column any more.
	anew bool
}

// String returns schema.table.column.
func (c *column) String() string { return c.Column.String() }

// storage is the type that the column has when it is sealed.
func (c *column) storage() string {
	switch {
	case c.isText:
		return c.declared
	case c.Logical.Elem == 0 && c.Logical.Name == "varchar":
		return "character varying"
	}
	return "text"
}

// sealed reports whether there is nothing to do for the column.
func (c *column) sealed() bool {
	return c.record != nil && c.record.sealed && c.guardValidated && !c.anew
}

func (t *table) String() string { return t.schema + "." + t.name }

func (t *table) quoted() string { return ident(t.schema, t.name) }

// column returns the protected column with that number, or nil.
func (t *table) column(num int16) *column {
	for _, c := range t.columns {
		if c.num == num {
			return c
		}
	}
	return nil
}

func (t *table) numbers() []int16 {
	nums := make([]int16, len(t.columns))
	for i, c := range t.columns {
		nums[i] = c.num
	}
	return nums
}

// dependent is an object that uses a protected column.
type dependent struct {
	num int16
	// class is the catalog that holds the object: "pg_rewrite", "pg_constraint", ….
	class string
	// kind tells objects of a class apart: relkind of a rule's relation, contype, or "own" for
	// what belongs to the column itself.
	kind string
	// what describes the object to people.
	what string
	// expr is the expression that uses the column, of a CHECK constraint.
	expr string
}

const tableSQL = `
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE'),
       c.relrowsecurity AND NOT u.rolbypassrls AND NOT u.rolsuper
         AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')),
       c.reloftype <> 0, pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE'),
       EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)),
       pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8,
       ARRAY(SELECT t.tgname::text FROM pg_catalog.pg_trigger t
             WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 1)
FROM pg_catalog.pg_class c, pg_catalog.pg_roles u
WHERE c.oid = $1 AND u.rolname = current_user`

const tableColumnsSQL = `
SELECT a.attname::text, pg_catalog.quote_ident(a.attname), a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attidentity <> '',
       NOT coalesce(l.collisdeterministic, true), pg_catalog.pg_get_expr(d.adbin, d.adrelid),
       coalesce(g.conname::text, ''), coalesce(g.convalidated, false)
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_constraint g ON g.conrelid = a.attrelid AND g.contype = 'c'
  AND g.conkey = ARRAY[a.attnum] AND g.conname LIKE 'pgveil\_guard\_%'
WHERE a.attrelid = $1 AND a.attnum = ANY ($2)
ORDER BY a.attnum`

// loadTable reads what there is of a table of the policy. It returns nil if
// the table cannot be protected at all; the snapshot's Problems say why.
func loadTable(ctx context.Context, q DB, snap *catalog.Snapshot, pt *policy.Table, rec *records) (*table, error) {
	r := snap.Lookup(nil, pt.Schema, pt.Name)
	if r == nil || r.Kind != 'r' {
		return nil, nil
	}
	t := &table{schema: pt.Schema, name: pt.Name, oid: r.OID}
	for i := range r.Columns {
		rc := &r.Columns[i]
		if rc.Protected == nil || !rc.Protected.Logical.Sealable() || rc.Generated {
			continue
		}
		c := &column{
			Protected: rc.Protected, table: t, name: rc.Name, num: rc.Num,
			isText: rc.Type.StoredAsIs(), record: rec.column(r.OID, rc.Num),
		}
		if c.record != nil { // the snapshot does not find it by an old name
			p := *rc.Protected
			p.DomainID = c.record.domain
			if logical, ok := snap.TypeByName(nil, c.record.typeSchema, c.record.typeName); ok {
				p.Logical = logical
				p.Logical.Mod = c.record.typeMod
			}
			if c.record.sealed && !rc.Type.StoredAsIs() {
				c.anew, p.Logical = true, rc.Type
			}
			c.Protected = &p
		}
		t.columns = append(t.columns, c)
	}
	if len(t.columns) == 0 {
		return nil, nil
	}
	for _, read := range []func(context.Context, DB) error{t.loadFacts, t.loadColumns, t.loadIndexes, t.loadDependents} {
		if err := read(ctx, q); err != nil {
			return nil, fmt.Errorf("reading table %s: %w", t, err)
		}
	}
	return t, nil
}

func (t *table) loadFacts(ctx context.Context, q DB) error {
	return q.QueryRow(ctx, tableSQL, t.oid).Scan(&t.owned, &t.hidden, &t.typed, &t.indexable, &t.family, &t.blocks, &t.triggers)
}

func (t *table) loadColumns(ctx context.Context, q DB) error {
	rows, err := q.Query(ctx, tableColumnsSQL, t.oid, t.numbers())
	if err != nil {
		return err
	}
	var got column
	into := []any{
		&got.name, &got.quoted, &got.num, &got.declared, &got.identity, &got.nondeterministic, &got.plainDefault, &got.guard, &got.guardValidated,
	}
	_, err = pgx.ForEachRow(rows, into, func() error {
		c := t.column(got.num)
		c.name, c.quoted = got.name, got.quoted
		c.declared, c.identity, c.nondeterministic = got.declared, got.identity, got.nondeterministic
		c.plainDefault, c.guard, c.guardValidated = got.plainDefault, got.guard, got.guardValidated
		return nil
	})
	return err
}

// dependentsSQL lists what the server will not let us change the type of a
// column under, and what would compute on sealed strings. Indexes are read
// apart; a unique constraint is seen through its index.
const dependentsSQL = `
SELECT DISTINCT d.refobjsubid::int2, c.relname::text,
  CASE c.relname
    WHEN 'pg_rewrite' THEN (SELECT v.relkind::text FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
                            WHERE r.oid = d.objid)
    WHEN 'pg_constraint' THEN (SELECT contype::text FROM pg_catalog.pg_constraint WHERE oid = d.objid)
    WHEN 'pg_attrdef' THEN (SELECT CASE WHEN adrelid = d.refobjid AND adnum = d.refobjsubid THEN 'own' ELSE 'other' END
                            FROM pg_catalog.pg_attrdef WHERE oid = d.objid)
    WHEN 'pg_trigger' THEN (SELECT CASE WHEN tgqual IS NULL THEN 'of' ELSE 'when' END FROM pg_catalog.pg_trigger WHERE oid = d.objid)
    WHEN 'pg_publication_rel' THEN (SELECT CASE WHEN prqual IS NULL THEN 'columns' ELSE 'where' END
                                    FROM pg_catalog.pg_publication_rel WHERE oid = d.objid)
    ELSE '' END,
  pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
  CASE c.relname WHEN 'pg_constraint' THEN
    (SELECT coalesce(pg_catalog.pg_get_expr(conbin, conrelid), '') FROM pg_catalog.pg_constraint
     WHERE oid = d.objid AND conname NOT LIKE 'pgveil\_guard\_%') ELSE '' END
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.classid
WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1 AND d.refobjsubid = ANY ($2)
  AND c.relname <> 'pg_class'
ORDER BY 1, 2, 4`

func (t *table) loadDependents(ctx context.Context, q DB) error {
	var hasWhere bool
	const newEnough = `SELECT pg_catalog.current_setting('server_version_num')::int4 >= 150000`
	if err := q.QueryRow(ctx, newEnough).Scan(&hasWhere); err != nil {
		return err
	}
	sql := dependentsSQL
	if !hasWhere { // neither column lists nor row filters before 15
		sql = strings.Replace(sql, "prqual IS NULL", "true", 1)
	}
	rows, err := q.Query(ctx, sql, t.oid, t.numbers())
	if err != nil {
		return err
	}
	var d dependent
	var kind, expr *string
	_, err = pgx.ForEachRow(rows, []any{&d.num, &d.class, &kind, &d.what, &expr}, func() error {
		if d.class == "pg_constraint" && expr == nil {
			return nil // our own guard
		}
		d.kind, d.expr = value(kind), value(expr)
		t.dependents = append(t.dependents, d)
		return nil
	})
	return err
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
