package backfill_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// TestApply_openg2p brings the tables of a real registry to what the shipped
// policy says.
func TestApply_openg2p(t *testing.T) {
	ddl, err := os.ReadFile("testdata/odoo.sql")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../configs/openg2p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Load("openg2p.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	// Of some tables of the policy there is no record here.
	whole := len(pol.Tables)
	pol.Tables = slices.DeleteFunc(pol.Tables, func(table *policy.Table) bool {
		return !strings.Contains(string(ddl), "CREATE TABLE "+table.Name+" (")
	})
	if len(pol.Tables) < 10 {
		t.Fatalf("%d of %d tables are known, want most", len(pol.Tables), whole)
	}

	pg := startPostgres(t)
	conn := database(t, pg, "openg2p", string(ddl), `
INSERT INTO res_partner (id, company_id, type, name, complete_name, phone, birthdate, income, additional_g2p_info, is_company)
SELECT i, 1, 'contact', 'Name ' || i, 'Name ' || i, '+251 9' || i, date '1950-01-01' + i, i / 7.0, format('{"k": %s}', i)::jsonb, false
FROM generate_series(1, 300) i`)
	for _, f := range check(t, conn, pol) {
		if f.Severity == backfill.Error {
			t.Errorf("Check: %v", f)
		}
	}
	const sql = "SELECT name, phone, birthdate, income, additional_g2p_info FROM res_partner ORDER BY id"
	want := rows(t, conn, sql)
	if err := backfill.Apply(t.Context(), conn, pol, &glassVault{}, backfill.Options{}, nil); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if got := opened(t, conn, sql); !slices.Equal(got, want) {
		t.Errorf("rows are %.300q, want %.300q", fmt.Sprint(got), fmt.Sprint(want))
	}
	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	for r := range snap.Relations() {
		for _, c := range r.Columns {
			if c.Protected != nil && !c.Protected.Ready {
				t.Errorf("%s.%s is not ready", r.Name, c.Name)
			}
		}
		if r.Protects() && r.Tainted != "" {
			t.Errorf("%s is tainted: %s", r.Name, r.Tainted)
		}
	}
	// What told bank accounts apart still does, under its name.
	exec(t, conn, "INSERT INTO res_partner_bank (id, partner_id, acc_number, sanitized_acc_number) SELECT 1, 1, phone, phone FROM res_partner WHERE id = 1")
	got := pgError(t, conn, "INSERT INTO res_partner_bank (id, partner_id, acc_number, sanitized_acc_number) SELECT 2, 1, phone, phone FROM res_partner WHERE id = 1")
	if got.Code != "23505" || got.ConstraintName != "res_partner_bank_unique_number" {
		t.Errorf("a bank account twice gives %s by %q", got.Code, got.ConstraintName)
	}
}
