package syntax_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/integration/oracle/syntax"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	tests := []struct{ sql, want string }{
		{"SELECT 1", "A_Const A_Const/ival Integer ResTarget SelectStmt SelectStmt/LIMIT_OPTION_COUNT"},
		{
			"SELECT * FROM a FULL JOIN b USING (x)",
			"A_Star ColumnRef JoinExpr JoinExpr/JOIN_FULL RangeVar ResTarget SelectStmt String",
		},
		{"DECLARE c SCROLL CURSOR WITH HOLD FOR VALUES (NULL)", "A_Const A_Const/isnull DeclareCursorStmt DeclareCursorStmt/HOLD DeclareCursorStmt/SCROLL SelectStmt"},
		{"COPY t TO STDOUT (FORMAT csv)", "CopyStmt DefElem DefElem/format RangeVar String"},
		{"FETCH BACKWARD 2 FROM c; CLOSE c", "ClosePortalStmt FetchStmt FetchStmt/FETCH_BACKWARD"},
	}
	for _, tt := range tests {
		got, err := syntax.Kinds(tt.sql)
		if err != nil {
			t.Errorf("Kinds(%q): %v", tt.sql, err)
		}
		want := slices.DeleteFunc(strings.Fields(tt.want), func(s string) bool { return s == "SelectStmt/LIMIT_OPTION_COUNT" })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Kinds(%q) (-want +got):\n%s", tt.sql, diff)
		}
	}
	if _, err := syntax.Kinds("SELEC 1"); err == nil {
		t.Error("Kinds of what is no SQL: no error")
	}
}

// A kind that no statement can have would never be covered.
func TestGrammar_isMadeByStatements(t *testing.T) {
	t.Parallel()
	made := map[string]bool{}
	for _, sql := range examples() {
		kinds, err := syntax.Kinds(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		for _, kind := range kinds {
			made[kind] = true
		}
	}
	known := syntax.Grammar()
	for _, kind := range known {
		if !made[kind] {
			t.Errorf("no example has %s", kind)
		}
	}
	for kind := range made {
		if !slices.Contains(known, kind) {
			t.Errorf("the examples have %s, which Grammar() does not know", kind)
		}
	}
	if slices.Sort(known); len(slices.Compact(known)) != len(syntax.Grammar()) {
		t.Error("Grammar() names a kind twice")
	}
}

// examples are statements that together have every node of the grammar.
func examples() []string {
	return []string{
		`WITH RECURSIVE a AS MATERIALIZED (SELECT 1 UNION ALL SELECT 2) SEARCH DEPTH FIRST BY x SET y CYCLE x SET c USING p,
			b AS NOT MATERIALIZED (TABLE t INTERSECT TABLE u EXCEPT TABLE v), d AS (SELECT 1 UNION SELECT 2) SEARCH BREADTH FIRST BY x SET y
			SELECT count(*), count(DISTINCT a), GROUPING(a) FROM b GROUP BY DISTINCT ROLLUP (a), CUBE (b), GROUPING SETS ((), (a))
			ORDER BY a USING <, b ASC NULLS FIRST, c DESC NULLS LAST FETCH FIRST 2 ROWS WITH TIES`,
		`SELECT 1 INTO TEMP x FROM y LIMIT 1`, `CREATE TEMP TABLE IF NOT EXISTS x ON COMMIT DROP AS SELECT 1 WITH NO DATA`,
		`CREATE TEMP TABLE x ON COMMIT DELETE ROWS AS SELECT 1`, `CREATE TEMP TABLE x ON COMMIT PRESERVE ROWS AS SELECT 1`,
		`SELECT 1 FROM a FOR UPDATE`, `SELECT 1 FROM a FOR SHARE SKIP LOCKED`, `SELECT 1 FROM a FOR NO KEY UPDATE NOWAIT`, `SELECT 1 FROM a FOR KEY SHARE`,
		`SELECT sum(a) OVER w, sum(a) OVER (w ROWS 1 PRECEDING), sum(a) OVER (ORDER BY a RANGE 1 PRECEDING), sum(a) OVER (GROUPS 1 PRECEDING EXCLUDE TIES)
			FROM s.t AS x WINDOW w AS (PARTITION BY a)`,
		`SELECT 1 FROM t TABLESAMPLE system (10), LATERAL (SELECT 1) a, LATERAL f(1) b, ROWS FROM (f(1), g(2)) WITH ORDINALITY AS c, f(1) AS d (x int),
			LATERAL XMLTABLE('/r' PASSING x COLUMNS id int NOT NULL, n FOR ORDINALITY)`,
		`SELECT 1 FROM a JOIN b ON true LEFT JOIN c ON true RIGHT JOIN d ON true NATURAL FULL JOIN e`,
		`SELECT $1, 1, 1.5, true, 'a', B'1', NULL, a::int, a COLLATE "C", (a).b[1], (a)[1:2], ARRAY[1], ROW(1, 2), (1, 2) = (3, 4), a = ANY (b), a <> ALL (b),
			a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b, NULLIF(a, b), a IN (1, 2), a LIKE 'x', a ILIKE 'x', a SIMILAR TO 'x',
			a BETWEEN 1 AND 2, a NOT BETWEEN 1 AND 2, a BETWEEN SYMMETRIC 1 AND 2, a NOT BETWEEN SYMMETRIC 1 AND 2`,
		`SELECT a AND b OR NOT c, a IS NULL, a IS NOT NULL, a IS TRUE, a IS NOT TRUE, a IS FALSE, a IS NOT FALSE, a IS UNKNOWN, a IS NOT UNKNOWN`,
		`SELECT EXISTS (SELECT 1), a < ALL (SELECT 1), a IN (SELECT 1), (SELECT 1), ARRAY(SELECT 1), CASE WHEN a THEN b END, COALESCE(a, b),
			GREATEST(a), LEAST(a), f(x => 1), f(VARIADIC a), percentile_disc(0.5) WITHIN GROUP (ORDER BY a)`,
		`SELECT CURRENT_DATE, CURRENT_USER, CURRENT_ROLE, SESSION_USER, USER, CURRENT_SCHEMA, CURRENT_CATALOG, CURRENT_TIME, CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP`,
		`SELECT xmlconcat(a), xmlelement(NAME a), xmlforest(a), xmlparse(DOCUMENT a), xmlpi(NAME a), xmlroot(a, VERSION '1.0'), a IS DOCUMENT,
			xmlserialize(CONTENT a AS text), xmlserialize(DOCUMENT a AS text)`,
		`INSERT INTO t (a) OVERRIDING USER VALUE VALUES (DEFAULT) ON CONFLICT (a) DO UPDATE SET (a, b) = (SELECT 1, 2) RETURNING *`,
		`INSERT INTO t (a) OVERRIDING SYSTEM VALUE VALUES (1) ON CONFLICT DO NOTHING`, `UPDATE t SET a = 1 WHERE CURRENT OF c`, `DELETE FROM t`,
		`MERGE INTO t USING s ON a = b WHEN MATCHED AND c THEN UPDATE SET a = 1 WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND d THEN INSERT DEFAULT VALUES
			WHEN NOT MATCHED THEN DO NOTHING`,
		`COPY t FROM STDIN (FORMAT csv, DELIMITER ';', NULL 'x', HEADER, QUOTE 'q', ESCAPE 'e', FORCE_NOT_NULL (a), FORCE_NULL (b), ENCODING 'utf8')`,
		`COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE *)`, `PREPARE p AS SELECT 1`, `EXECUTE p`, `DEALLOCATE p`, `DEALLOCATE ALL`,
		`DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR SELECT 1`, `FETCH c`, `FETCH BACKWARD 1 FROM c`, `MOVE ABSOLUTE 1 IN c`, `FETCH RELATIVE 1 FROM c`, `CLOSE c`,
		`EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) SELECT 1`, `CREATE OR REPLACE VIEW v AS SELECT 1 WITH LOCAL CHECK OPTION`,
		`CREATE VIEW v AS SELECT 1 WITH CHECK OPTION`, `REFRESH MATERIALIZED VIEW v`, `SET search_path TO a`,
	}
}
