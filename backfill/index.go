package backfill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// index is an index that has a protected column in it.
type index struct {
	oid                 uint32
	name, method        string
	unique, valid       bool
	nullsNotDistinct    bool
	replicaIdentity     bool
	options, tablespace string
	// constraint is its type (u, p, x) if a constraint owns it.
	constraint           string
	constraintName       string
	deferrable           bool
	predicate            string
	definition           string
	constraintDefinition string
	keys                 []indexKey
	// uses are the protected columns that it depends on, in keys, expressions or predicate.
	uses []int16
}

// indexKey is a column of an index.
type indexKey struct {
	// num is 0 for an expression.
	num  int16
	expr string
	// opclass and collation are "" where they are the default.
	opclass, collation     string
	descending, nullsFirst bool
	// included is a column behind INCLUDE.
	included bool
}

// outcome is what becomes of an index when its columns are sealed.
type outcome int

const (
	// keep leaves the index: it does not look at values, or only at terms.
	keep outcome = iota
	// replace puts an index over terms in its place.
	replace
	// drop takes away an index that serves nothing any more.
	drop
	// refuse stops apply: dropping the index would change what can be stored.
	refuse
)

// judge says what becomes of the index, and why if it cannot be kept or replaced.
func (x *index) judge(t *table) (o outcome, why string) {
	switch {
	case x.constraint == "p":
		return refuse, "a primary key cannot be sealed"
	case x.constraint == "x":
		return refuse, "an exclusion constraint compares values that the server will not see"
	}
	raw, bad := x.rawColumns(t)
	if len(raw) == 0 && bad == "" {
		return keep, ""
	}
	switch {
	case x.replicaIdentity:
		return refuse, "it is the table's replica identity"
	case x.deferrable:
		return refuse, "a deferrable constraint cannot become an index over terms"
	}
	if bad == "" && x.method != "btree" && x.method != "hash" {
		bad = "an index of method " + x.method + " serves nothing on sealed values"
	}
	for _, k := range x.keys {
		if c := t.column(k.num); bad == "" && c != nil && !k.included && !c.Column.Search.Equality {
			bad = "column " + c.name + " has no equality terms; add equality to its search"
		}
	}
	switch {
	case bad == "":
		return replace, ""
	case x.unique:
		return refuse, bad
	}
	return drop, bad
}

// rawColumns returns the protected columns that are keys by their values, and
// what else of the index looks at values.
func (x *index) rawColumns(t *table) (raw []*column, bad string) {
	for _, k := range x.keys {
		c := t.column(k.num)
		switch {
		case c != nil:
			raw = append(raw, c)
		case k.num == 0:
			for _, c := range t.columns {
				if mentionsOf(k.expr, c.name).Other && !isTerm(k.expr, c.quoted) {
					bad = "its expression " + k.expr + " would compute on sealed strings"
				}
			}
		}
	}
	for _, c := range t.columns {
		if mentionsOf(x.predicate, c.name).Other {
			bad = "its WHERE looks at the values of column " + c.name
		}
	}
	return raw, bad
}

// replacement writes the statement that makes the index over terms, with %s
// for its name.
func (x *index) replacement(t *table) string {
	var keys, included []string
	for _, k := range x.keys {
		switch c := t.column(k.num); {
		case k.included && c != nil:
			// An envelope may be too long for an index, and nothing reads it from there.
		case k.included:
			included = append(included, k.expr)
		case c != nil:
			keys = append(keys, "("+term(c.quoted)+")"+k.order())
		default:
			keys = append(keys, k.sql())
		}
	}
	var b strings.Builder
	b.WriteString("CREATE ")
	if x.unique {
		b.WriteString("UNIQUE ")
	}
	fmt.Fprintf(&b, "INDEX CONCURRENTLY %%s ON %s USING %s (%s)", escape(t.quoted()), x.method, escape(strings.Join(keys, ", ")))
	if len(included) > 0 {
		fmt.Fprintf(&b, " INCLUDE (%s)", escape(strings.Join(included, ", ")))
	}
	if x.nullsNotDistinct {
		b.WriteString(" NULLS NOT DISTINCT")
	}
	if x.options != "" {
		fmt.Fprintf(&b, " WITH (%s)", escape(x.options))
	}
	if x.tablespace != "" {
		fmt.Fprintf(&b, " TABLESPACE %s", escape(ident(x.tablespace)))
	}
	if x.predicate != "" {
		fmt.Fprintf(&b, " WHERE %s", escape(x.predicate))
	}
	return b.String()
}

// escape protects text in a replacement from being taken for its %s.
func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func (k indexKey) sql() string {
	s := k.expr
	if k.num == 0 {
		s = "(" + s + ")"
	}
	if k.collation != "" {
		s += " COLLATE " + k.collation
	}
	if k.opclass != "" {
		s += " " + k.opclass
	}
	return s + k.order()
}

func (k indexKey) order() string {
	s := ""
	if k.descending {
		s = " DESC"
	}
	if k.nullsFirst != k.descending { // NULLS FIRST is DESC's default
		s += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.nullsFirst]
	}
	return s
}

// indexesSQL has a %s for the column that servers before 15 do not have.
const indexesSQL = `
SELECT i.indexrelid, c.relname::text, m.amname::text, i.indisunique, i.indisvalid, %s, i.indisreplident,
       coalesce(pg_catalog.array_to_string(c.reloptions, ', '), ''), coalesce(s.spcname::text, ''),
       coalesce(k.contype::text, CASE WHEN i.indisprimary THEN 'p' WHEN i.indisexclusion THEN 'x' ELSE '' END),
       coalesce(k.conname::text, ''), NOT i.indimmediate,
       coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), ''), pg_catalog.pg_get_indexdef(i.indexrelid),
       coalesce(pg_catalog.pg_get_constraintdef(k.oid), ''), i.indnkeyatts, i.indkey::int2[],
       ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, n, false) FROM pg_catalog.generate_series(1, i.indnatts) n ORDER BY n),
       ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE pg_catalog.quote_ident(ns.nspname) || '.' || pg_catalog.quote_ident(o.opcname) END
             FROM pg_catalog.unnest(i.indclass::pg_catalog.oid[]) WITH ORDINALITY u (id, n)
             JOIN pg_catalog.pg_opclass o ON o.oid = u.id JOIN pg_catalog.pg_namespace ns ON ns.oid = o.opcnamespace ORDER BY u.n),
       ARRAY(SELECT CASE WHEN coalesce(l.oid, 0) = coalesce(a.attcollation, 0) OR l.oid IS NULL THEN ''
                         ELSE pg_catalog.quote_ident(ns.nspname) || '.' || pg_catalog.quote_ident(l.collname) END
             FROM ROWS FROM (pg_catalog.unnest(i.indcollation::pg_catalog.oid[]),
                             pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1])) WITH ORDINALITY u (id, num, n)
             LEFT JOIN pg_catalog.pg_collation l ON l.oid = u.id LEFT JOIN pg_catalog.pg_namespace ns ON ns.oid = l.collnamespace
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num AND u.num > 0 ORDER BY u.n),
       i.indoption::int2[],
       ARRAY(SELECT DISTINCT used.num FROM (
               SELECT d.refobjsubid::int2 AS num FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid
               UNION ALL SELECT pg_catalog.unnest(i.indkey::int2[])) used
             WHERE used.num = ANY ($2))
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE i.indrelid = $1
ORDER BY c.relname`

func (t *table) loadIndexes(ctx context.Context, q DB) error {
	var major int
	if err := q.QueryRow(ctx, `SELECT pg_catalog.current_setting('server_version_num')::int4 / 10000`).Scan(&major); err != nil {
		return err
	}
	nullsNotDistinct := "false"
	if major >= 15 {
		nullsNotDistinct = "i.indnullsnotdistinct"
	}
	rows, err := q.Query(ctx, fmt.Sprintf(indexesSQL, nullsNotDistinct), t.oid, t.numbers())
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, scanIndex)
	if err != nil {
		return err
	}
	t.indexes = slices.DeleteFunc(all, func(x *index) bool { return len(x.uses) == 0 })
	return nil
}

func scanIndex(row pgx.CollectableRow) (*index, error) {
	x := &index{}
	var nkeys int
	var nums, flags []int16
	var exprs, opclasses, collations []string
	err := row.Scan(&x.oid, &x.name, &x.method, &x.unique, &x.valid, &x.nullsNotDistinct, &x.replicaIdentity,
		&x.options, &x.tablespace, &x.constraint, &x.constraintName, &x.deferrable, &x.predicate, &x.definition,
		&x.constraintDefinition, &nkeys, &nums, &exprs, &opclasses, &collations, &flags, &x.uses)
	if err != nil {
		return nil, err
	}
	const descending, nullsFirst = 1, 2 // INDOPTION_DESC, INDOPTION_NULLS_FIRST
	for i, num := range nums {
		k := indexKey{num: num, expr: exprs[i], included: i >= nkeys}
		if !k.included {
			k.opclass, k.collation = opclasses[i], collations[i]
			k.descending, k.nullsFirst = flags[i]&descending != 0, flags[i]&nullsFirst != 0
		}
		x.keys = append(x.keys, k)
	}
	return x, nil
}
