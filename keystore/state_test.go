package keystore_test

import (
	"slices"
	"testing"

	"github.com/pgveil/pgveil/keystore"
)

// The whole table: what is not listed is refused.
func TestState_table(t *testing.T) {
	all := []keystore.State{
		"", keystore.Pending, keystore.Active, keystore.Retiring, keystore.Retired, keystore.Destroyed, "ACTIVE", "unknown",
	}
	next := map[keystore.State][]keystore.State{
		keystore.Pending:  {keystore.Active},
		keystore.Active:   {keystore.Retiring},
		keystore.Retiring: {keystore.Retired},
		keystore.Retired:  {keystore.Retiring, keystore.Destroyed},
	}
	opens := []keystore.State{keystore.Pending, keystore.Active, keystore.Retiring}
	for _, from := range all {
		if got, want := keystore.Opens(from), slices.Contains(opens, from); got != want {
			t.Errorf("%q opens values: %t, want %t", from, got, want)
		}
		for _, to := range all {
			if got, want := keystore.MayBecome(from, to), slices.Contains(next[from], to); got != want {
				t.Errorf("%q may become %q: %t, want %t", from, to, got, want)
			}
		}
	}
}
