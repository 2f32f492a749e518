package rewrite_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

func TestPlanExecute_givesArgumentsTheirParts(t *testing.T) {
	tests := []struct{ prepare, execute, want string }{
		{
			"PREPARE p AS SELECT id, name FROM res_partner WHERE phone = $1 AND city = $1 AND id = $2",
			"EXECUTE p('x', -5)",
			"rewrite\nEXECUTE p(term(phone, 'x'::text), 'x', - 5)\ncolumn 2 opens public.res_partner.name varchar as reveal\n",
		}, {
			"PREPARE p (timestamp) AS UPDATE res_partner SET birthdate = $1 WHERE id = 1",
			"EXECUTE p('1990-01-01 10:00')",
			"rewrite\nEXECUTE p(seal(birthdate, '1990-01-01 10:00'::timestamp))\n",
		}, {
			"PREPARE p AS UPDATE res_partner SET name = $1 WHERE id = $2",
			"EXECUTE p(lower('X'), 1)",
			"rewrite\nEXECUTE p(seal(name, text: lower('X')), 1)\n",
		}, {
			"PREPARE p AS UPDATE res_partner SET name = $1 WHERE id = $2",
			"EXECUTE p(now()::text, 1)",
			"refuse 0A000 computed-value: cannot store a computed value in protected column public.res_partner.name\n",
		}, {
			"PREPARE p AS UPDATE res_partner SET name = $1 WHERE id = $2",
			"EXECUTE p('X')",
			"refuse 42601 ambiguous-parameter: wrong number of parameters for prepared statement \"p\"\n",
		}, {
			"PREPARE p AS SELECT id, name FROM res_partner WHERE id = $1",
			"EXECUTE p(1)",
			"forward\ncolumn 2 opens public.res_partner.name varchar as reveal\n",
		},
	}
	env := testEnv(t, "admin")
	env.Commands = true
	for _, tt := range tests {
		prepared := planOf(t, env, rewrite.New(10), tt.prepare).plan.Prepared
		if prepared == nil {
			t.Errorf("Plan(%q) prepares nothing", tt.prepare)
			continue
		}
		sql := []byte(tt.execute)
		statements, err := shape.NewScanner([2]uint64{1, 2}).Scan(sql, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan := rewrite.PlanExecute(env, sql, &statements[0], prepared)
		got := show(planned{sql: tt.execute, st: &statements[0], plan: plan})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("PlanExecute(%q) of %q (-want +got)\n%s", tt.execute, tt.prepare, diff)
		}
	}
}

func TestPlan_refusesCommandsThatNobodyCarriesOut(t *testing.T) {
	copies, commands := testEnv(t, "admin"), testEnv(t, "admin")
	copies.Copies, commands.Commands = true, true
	compiler := rewrite.New(10) // shared: the plans of one Env must not serve another
	for _, tt := range []struct {
		sql   string
		needs *rewrite.Env
	}{
		{"COPY res_partner FROM STDIN", copies},
		{"COPY (SELECT name FROM res_partner) TO STDOUT", copies},
		{"PREPARE p AS SELECT name FROM res_partner", commands},
		{"DECLARE c CURSOR FOR SELECT name FROM res_partner", commands},
		{"EXPLAIN DECLARE c CURSOR FOR SELECT name FROM res_partner", commands},
	} {
		for _, env := range []*rewrite.Env{testEnv(t, "admin"), copies, commands} {
			got := planOf(t, env, compiler, tt.sql).plan.Verdict != rewrite.Refuse
			if want := env == tt.needs; got != want {
				t.Errorf("Plan(%q) with copies %t, commands %t goes on: %t, want %t", tt.sql, env.Copies, env.Commands, got, want)
			}
		}
	}
}
