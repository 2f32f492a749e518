package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/internal/testkit/registry"
)

func TestPeople_areTheSameEveryTime(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(registry.People(500), registry.People(500)); diff != "" {
		t.Errorf("two calls differ:\n%s", diff)
	}
}

// Searches in the demonstration find one person: what identifies somebody is nobody else's.
func TestPeople_shareNoIdentifier(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, p := range registry.People(10000) {
		for _, id := range []string{p.Phone, p.Email, p.NationalID, p.Account, p.Voucher} {
			if other, ok := seen[id]; ok {
				t.Fatalf("%q belongs to %d and %d", id, other, p.ID)
			}
			seen[id] = p.ID
		}
		if p.Birthdate < "1935" || p.Birthdate > "2020" {
			t.Fatalf("person %d was born on %s", p.ID, p.Birthdate)
		}
	}
}

func TestInserts_fillTheSchema(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	const n = 103
	statements := slices.Collect(registry.Inserts(registry.People(n), 25))
	pg.Exec(t, "postgres", registry.Schema)
	pg.Exec(t, "postgres", statements...)
	for table, want := range map[string]string{
		"res_partner": "129", "g2p_reg_id": "103", "g2p_phone_number": "103", "res_partner_bank": "103",
		"g2p_group_membership": "103", "g2p_entitlement": "103",
	} {
		if got := pg.Rows(t, "postgres", "SELECT count(*) FROM "+table); got[0][0] != want {
			t.Errorf("%s has %s rows, want %s", table, got[0][0], want)
		}
	}
	for _, sql := range statements {
		if rows := strings.Count(sql, "\n"); rows > 25 {
			t.Errorf("a statement has %d rows, want at most 25", rows)
		}
	}
}
