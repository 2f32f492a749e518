package backfill_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/internal/testkit"
)

func testUnique(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "unique_names", `CREATE TABLE p (id int PRIMARY KEY, company int, ref varchar(30), code text,
  CONSTRAINT p_ref_uniq UNIQUE (company, ref))`, "CREATE UNIQUE INDEX p_code_index ON p (code) WHERE company > 0",
		"INSERT INTO p VALUES (1, 1, 'R1', 'C1'), (2, 1, 'R2', 'C2'), (3, 1, NULL, NULL), (4, 1, NULL, NULL)")
	apply(t, conn, protecting("public.p.ref", "public.p.code"))
	for column, constraint := range map[string]string{"ref": "p_ref_uniq", "code": "p_code_index"} {
		// The same value sealed another time: another body, the same term.
		sql := fmt.Sprintf("UPDATE p SET %s = (SELECT %[1]s || 'AAAA' FROM p WHERE id = 1) WHERE id = 2", column)
		got := pgError(t, conn, sql)
		if got.Code != "23505" || got.ConstraintName != constraint {
			t.Errorf("%s: %s by %q, want 23505 by %q", sql, got.Code, got.ConstraintName, constraint)
		}
	}
	exec(t, conn, "INSERT INTO p SELECT 5, 2, ref, NULL FROM p WHERE id = 1")
	exec(t, conn, "INSERT INTO p SELECT 6, 0, NULL, code FROM p WHERE id = 1")
	exec(t, conn, `INSERT INTO p SELECT 7, 1, ref, NULL FROM p WHERE id = 1
ON CONFLICT (company, (split_part(ref::text, '.', 2))) DO UPDATE SET id = 70`)
	if got := rows(t, conn, "SELECT count(*) FROM p WHERE id = 70"); got[0] != "1" {
		t.Error("ON CONFLICT does not infer the unique index over terms")
	}
}

func testLateWriter(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "late_writer", "CREATE TABLE p (id int, name text CONSTRAINT once UNIQUE, note text)", "INSERT INTO p VALUES (1, 'Ann')")
	other := connect(t, pg, "late_writer")
	pol := protecting("public.p.name")
	write := func(sql string) func(backfill.Progress) {
		return func(p backfill.Progress) {
			if p.Step == backfill.StepGuard {
				exec(t, other, sql)
			}
		}
	}
	err := backfill.Apply(t.Context(), conn, pol, &glassVault{}, backfill.Options{}, write("INSERT INTO p VALUES (2, 'Ann'), (3, 'Ben')"))
	if err == nil || !strings.Contains(err.Error(), "two rows have the same value") {
		t.Fatalf("Apply: %v, want it to tell of the second Ann", err)
	}
	if got := rows(t, conn, "SELECT indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relname LIKE 'pgveil_new%'"); !slices.Equal(got, []string{"f"}) {
		t.Fatalf("indexes with a temporary name are valid %q, want one that is not", got)
	}
	exec(t, conn, "DELETE FROM p WHERE id = 2")
	apply(t, conn, pol)
	if got := opened(t, conn, "SELECT id, name FROM p ORDER BY id"); !slices.Equal(got, []string{"1|Ann", "3|Ben"}) {
		t.Errorf("rows are %q", got)
	}
	if got := pgError(t, conn, "INSERT INTO p SELECT 4, name FROM p WHERE id = 1"); got.ConstraintName != "once" {
		t.Errorf("a second Ann is refused by %q, want once", got.ConstraintName)
	}
	if got := rows(t, conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'pgveil_new%'"); got[0] != "0" {
		t.Errorf("%s indexes with temporary names are left", got[0])
	}
}

func testIndexes(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "indexes", "CREATE TABLE p (id int, name varchar, phone varchar, note text, other int, memo text)",
		`CREATE INDEX a_plain ON p (name)`,
		`CREATE INDEX b_many ON p (other DESC, name DESC NULLS LAST, lower(note) text_pattern_ops, note COLLATE "C") INCLUDE (id, memo) WITH (fillfactor = 70) WHERE name IS NOT NULL`,
		`CREATE INDEX c_hash ON p USING hash (phone)`,
		`CREATE INDEX d_trigram ON p USING gin (regexp_replace((phone)::text, '[\s\\./\(\)\-]', '', 'g') gin_trgm_ops) WHERE phone IS NOT NULL`,
		`CREATE INDEX e_partial ON p (other) WHERE name = 'Ann'`,
		`CREATE INDEX f_null_test ON p (other) WHERE phone IS NOT NULL`,
		`CREATE INDEX g_stored ON p (memo)`,
		`CREATE INDEX "h Odd % name" ON p (note) WHERE note <> '100%s'`,
		`CREATE INDEX "i Odd % name" ON p (name) WHERE note <> '100%s'`)
	definitions := `SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'p' ORDER BY 1`
	untouched := rows(t, conn, definitions+" OFFSET 5")
	apply(t, conn, protecting("public.p.name", "public.p.phone", "public.p.memo!"))
	want := []string{
		`a_plain|CREATE INDEX a_plain ON public.p USING btree (split_part((name)::text, '.'::text, 2))`,
		`b_many|CREATE INDEX b_many ON public.p USING btree (other DESC, split_part((name)::text, '.'::text, 2) DESC NULLS LAST, ` +
			`lower(note) text_pattern_ops, note COLLATE "C") INCLUDE (id) WITH (fillfactor='70') WHERE (name IS NOT NULL)`,
		`c_hash|CREATE INDEX c_hash ON public.p USING hash (split_part((phone)::text, '.'::text, 2))`,
		untouched[0], untouched[2],
		`i Odd % name|CREATE INDEX "i Odd % name" ON public.p USING btree (split_part((name)::text, '.'::text, 2)) WHERE (note <> '100%s'::text)`,
	}
	if diff := cmp.Diff(want, rows(t, conn, definitions)); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
	kept := rows(t, conn, `SELECT index_name, replacement IS NOT NULL, done, plain_definition LIKE 'CREATE INDEX%' FROM pgveil.replaced ORDER BY 1`)
	if diff := cmp.Diff([]string{
		"a_plain|t|t|t", "b_many|t|t|t", "c_hash|t|t|t", "d_trigram|f|t|t", "e_partial|f|t|t", "g_stored|f|t|t", "i Odd % name|t|t|t",
	}, kept); diff != "" {
		t.Errorf("pgveil.replaced (-want +got):\n%s", diff)
	}

	// An index that somebody adds later is dealt with by the next run.
	exec(t, conn, "CREATE INDEX later ON p (phone)")
	apply(t, conn, protecting("public.p.name", "public.p.phone", "public.p.memo!"))
	got := rows(t, conn, "SELECT indexdef FROM pg_indexes WHERE indexname = 'later'")
	if len(got) != 1 || !strings.Contains(got[0], "split_part") {
		t.Errorf("an index that was added later is %q, want it over terms", got)
	}
}
