package rewrite_test

import (
	"testing"

	"github.com/pgveil/pgveil/rewrite"
)

// Rows of numbers and rows of strings have one shape, but other types, so they
// must not share a plan.
func TestPlan_kindsOfRowsDecide(t *testing.T) {
	c, env := rewrite.New(10), testEnv(t, "admin")
	for _, tc := range []struct {
		sql  string
		want rewrite.Verdict
	}{
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('a'), ('b')) v(n) ON p.name = v.n", rewrite.Rewrite},
		{"SELECT p.id FROM res_partner p JOIN (VALUES (1), (2)) v(n) ON p.name = v.n", rewrite.Refuse},
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('c'), (NULL)) v(n) ON p.name = v.n", rewrite.Rewrite},
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('c'), (3)) v(n) ON p.name = v.n", rewrite.Refuse},
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('c'::date), ('d')) v(n) ON p.name = v.n", rewrite.Refuse},
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('c'::text), ('d'::VARCHAR)) v(n) ON p.name = v.n", rewrite.Rewrite},
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('c'::text), ('d'::citext)) v(n) ON p.name = v.n", rewrite.Refuse},
		{"SELECT p.id FROM res_partner p JOIN (VALUES ('d')) v(n) ON p.name = v.n", rewrite.Rewrite},
	} {
		if got := planOf(t, env, c, tc.sql).plan.Verdict; got != tc.want {
			t.Errorf("Plan(%q) = %v, want %v: %v", tc.sql, got, tc.want, planOf(t, env, c, tc.sql).plan.Refusal)
		}
	}
}
