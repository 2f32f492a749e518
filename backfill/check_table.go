package backfill

import (
	"context"
	"fmt"
	"strings"
)

func (t *table) judge(f *findings) {
	t.judgeItself(f)
	for _, c := range t.columns {
		c.judge(f)
	}
	for _, d := range t.dependents {
		c := t.column(d.num)
		if severity, what, cure := d.judge(c); what != "" {
			f.add(severity, c.String(), what, cure)
		}
	}
	for _, x := range t.indexes {
		t.judgeIndex(x, f)
	}
}

func (t *table) judgeItself(f *findings) {
	if !t.owned {
		f.add(Error, t.String(), "the service user is not its owner", "GRANT its owner TO the service user")
	}
	if t.hidden {
		f.add(Error, t.String(), "row security hides rows from the service user", "ALTER ROLE the service user BYPASSRLS")
	}
	if t.typed {
		f.add(Error, t.String(), "it is a typed table, whose columns cannot be altered", "ALTER TABLE … NOT OF")
	}
	if t.family {
		f.add(Error, t.String(), "it has partitions, parents or children", "partitions and inheritance are not available in this version")
	}
	if len(t.triggers) > 0 && !t.allSealed() {
		f.add(Warning, t.String(), "trigger "+strings.Join(t.triggers, ", ")+" fires when apply seals a row, and sees sealed strings",
			"disable it while apply runs if it must not: ALTER TABLE … DISABLE TRIGGER …")
	}
}

func (t *table) allSealed() bool {
	for _, c := range t.columns {
		if !c.sealed() {
			return false
		}
	}
	return true
}

func (c *column) judge(f *findings) {
	equality := c.Column.Search.Equality
	if c.identity {
		f.add(Error, c.String(), "it is an identity column", "the server cannot make sealed values")
	}
	if c.nondeterministic && equality {
		f.add(Error, c.String(), "its collation calls different strings equal, which terms do not", "use a deterministic collation or citext")
	}
	if s := c.Column.Search; s.Substring || s.Range || s.Order {
		f.add(Info, c.String(), "this version searches by equality only: LIKE, ranges and sorting over it are refused",
			"nothing to do; a later version will bring the column to what the policy says")
	}
	if name := strings.TrimPrefix(c.Logical.Name, "_"); equality && name == "json" {
		f.add(Error, c.String(), "type json has no equality", "make it jsonb, or take equality out of its search")
	}
	switch {
	case c.sealed():
		return
	case c.anew:
		f.add(Warning, c.String(), "it was dropped and made again after it was sealed", "run apply")
	case c.record != nil && c.record.sealed:
		f.add(Warning, c.String(), "its guard is missing or not validated: plaintext can be stored past pgveil", "run apply")
	}
	if c.plainDefault != nil && (c.record == nil || c.anew) {
		if _, null, ok := constant(*c.plainDefault); !ok {
			f.add(Error, c.String(), "its DEFAULT is not a constant, and the server cannot seal", "drop the default")
		} else if !null {
			f.add(Info, c.String(), "its DEFAULT will be one sealed value: rows that have it can be told apart from others", "")
		}
	}
	if c.storage() != c.declared {
		f.add(Info, c.String(), fmt.Sprintf("its type %s becomes %s; clients go on seeing %s", c.declared, c.storage(), c.declared), "")
	}
}

// judge says what an object that uses the column means for sealing it.
func (d dependent) judge(c *column) (s Severity, what, cure string) {
	retyped := c.storage() != c.declared
	// Once the column is sealed the object did not stand in the way, but what
	// it computes is computed on sealed strings.
	blocks := Error
	if c.sealed() {
		blocks = Warning
	}
	switch d.class + " " + d.kind {
	case "pg_attrdef own", "pg_publication_rel columns":
		return Info, "", ""
	case "pg_rewrite v":
		if retyped {
			return blocks, d.what + " keeps its type from being changed", "drop the view and make it again afterwards"
		}
		return Info, "", "" // a warning of its own names the view
	case "pg_rewrite m":
		return blocks, d.what + " holds a copy of its values in clear", "drop the materialized view"
	case "pg_constraint c":
		if !mentionsOf(d.expr, c.name).Other {
			return Info, "", ""
		}
		return blocks, d.what + " would look at sealed strings", "drop the constraint, or check elsewhere"
	case "pg_constraint f":
		return blocks, d.what + " uses it", "drop the foreign key: sealed values are compared by terms"
	case "pg_constraint u", "pg_constraint p", "pg_constraint x":
		return Info, "", "" // judged as an index
	case "pg_trigger of":
		if retyped {
			return blocks, d.what + " keeps its type from being changed", "drop the trigger and make it again afterwards"
		}
		return Warning, d.what + " sees sealed strings", ""
	case "pg_proc ":
		return Info, "", "" // a warning of its own names the function
	case "pg_statistic_ext ":
		return Info, d.what + " holds statistics of its values until apply has run ANALYZE", ""
	}
	// Rules, policies, trigger conditions, generated columns, row filters, and
	// what later versions of PostgreSQL think of.
	return blocks, d.what + " would look at sealed strings", "drop it, or write it without the column"
}

func (t *table) judgeIndex(x *index, f *findings) {
	outcome, why := x.judge(t)
	severity := Error
	if t.allSealed() {
		severity = Warning
	}
	what := "index " + x.name
	if x.constraint != "" {
		what = "constraint " + x.constraintName
	}
	switch outcome {
	case refuse:
		f.add(severity, t.String(), what+" cannot be kept: "+why, "drop it, or take the column out of the policy")
	case drop:
		f.add(Info, t.String(), what+" will be dropped, its definition kept in pgveil.replaced: "+why, "")
	case replace:
		if !t.indexable {
			f.add(Error, t.String(), what+" cannot be replaced: the service user may not make indexes in the table's schema",
				"GRANT CREATE ON SCHEMA "+ident(t.schema)+" TO the service user")
			return
		}
		f.add(Info, t.String(), what+" will be replaced by an index of the same name over equality terms", "")
	}
}

const (
	sampleRows = 100_000
	// A column is called low in variety when an attacker who knows how common
	// the values are can tell them from how often each term occurs.
	fewValues, largeShare = 50, 0.10
	// smallSample is too little to say anything.
	smallSample = 100
)

// checkVariety measures how much equality terms would give away.
func (t *table) checkVariety(ctx context.Context, q DB, f *findings) error {
	for _, c := range t.columns {
		if !c.Column.Search.Equality || !t.owned {
			continue
		}
		expr := c.quoted + "::text"
		if c.sealed() {
			expr = term(c.quoted)
		}
		// SYSTEM reads whole blocks, so that a large table is not read in full.
		sample := fmt.Sprintf(`
SELECT count(*), coalesce(sum(n), 0)::int8, coalesce(max(n), 0)::int8 FROM (
  SELECT count(*) AS n FROM (
    SELECT %s AS v FROM ONLY %s TABLESAMPLE SYSTEM (%f) WHERE %s IS NOT NULL LIMIT %d) s GROUP BY v) g`,
			expr, t.quoted(), t.samplePercent(), c.quoted, sampleRows)
		var distinct, rows, top int64
		if err := q.QueryRow(ctx, sample).Scan(&distinct, &rows, &top); err != nil {
			return fmt.Errorf("sampling column %s: %w", c.name, err)
		}
		if share := float64(top) / float64(max(rows, 1)); rows >= smallSample && (distinct < fewValues || share > largeShare) {
			f.add(Warning, c.String(), fmt.Sprintf("equality terms tell its values by how often they occur: %d distinct in %d rows, the commonest %.1f %%",
				distinct, rows, 100*share), "take equality out of its search if it need not be found by value")
		}
	}
	return nil
}

func (t *table) samplePercent() float64 {
	const enoughBlocks = 10_000
	if t.blocks <= enoughBlocks {
		return 100
	}
	return 100 * enoughBlocks / float64(t.blocks)
}
