package rewrite

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/pgveil/pgveil/eval"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

const cachePolicy = `
version: 1
roles: {full: {users: [admin]}, clerk: {users: [clerk]}}
access: {full: reveal, clerk: {read: mask, filter: true}}
tables: {people: {name: {search: [equality]}}, other.people: {name: {}}}
`

const cacheSchema = "public.people(id int4, name varchar)\nother.people(id int4, name varchar)\n"

func cacheEnv(t *testing.T, pol, schema string) *Env {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(pol))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := catalog.Build(p, schema)
	if err != nil {
		t.Fatal(err)
	}
	return &Env{
		Snapshot: snapshot, Policy: p, SearchPath: []string{"public"}, User: "admin",
		Roles: p.RolesOf(policy.Identity{User: "admin"}),
	}
}

func scanText(t *testing.T, env *Env, sql string) *shape.Statement {
	t.Helper()
	statements, err := shape.NewScanner([2]uint64{1, 2}).Scan([]byte(sql), true, Matcher(env.Snapshot))
	if err != nil || len(statements) != 1 {
		t.Fatalf("Scan(%q) = %d statements, %v", sql, len(statements), err)
	}
	return &statements[0]
}

// clone copies an Env that was used.
func (e *Env) clone() *Env {
	return &Env{
		Snapshot: e.Snapshot, Policy: e.Policy, SearchPath: e.SearchPath, User: e.User, Roles: e.Roles,
		BackslashStrings: e.BackslashStrings, Copies: e.Copies, Commands: e.Commands, Overlays: e.Overlays, Steps: e.Steps, Evaluator: e.Evaluator,
	}
}

// A plan is found again under the very environment that it was made for. A new
// field of Env must be thought of here.
func TestCompiler_keepsPlansOfEachEnvironmentApart(t *testing.T) {
	base := cacheEnv(t, cachePolicy, cacheSchema)
	changes := map[string]func(*Env){
		"Snapshot":         func(e *Env) { e.Snapshot = cacheEnv(t, cachePolicy, cacheSchema+"public.more(id int4)\n").Snapshot },
		"Policy":           func(e *Env) { e.Policy = cacheEnv(t, cachePolicy+"limits: {dictionary: 5}\n", cacheSchema).Policy },
		"SearchPath":       func(e *Env) { e.SearchPath = []string{"other", "public"} },
		"Roles":            func(e *Env) { e.Roles = e.Policy.RolesOf(policy.Identity{User: "clerk"}) },
		"BackslashStrings": func(e *Env) { e.BackslashStrings = true },
		"Copies":           func(e *Env) { e.Copies = true },
		"Commands":         func(e *Env) { e.Commands = true },
		"Overlays":         func(e *Env) { e.Overlays = true },
		"Steps":            func(e *Env) { e.Steps = true },
		"Evaluator":        func(e *Env) { e.Evaluator = eval.Registry{} },
		// Whoever the user is, the roles say what may be done and the path what is meant.
		"User": nil,
	}
	const sql = "SELECT name FROM people WHERE id = 1"
	st := scanText(t, base, sql)
	c := New(100)
	first := c.Plan(base, []byte(sql), st, nil)
	fields := reflect.TypeFor[Env]()
	for i := range fields.NumField() {
		f := fields.Field(i)
		if !f.IsExported() {
			continue
		}
		change, ok := changes[f.Name]
		if !ok {
			t.Errorf("nothing is known of Env.%s: does it decide how a statement is planned?", f.Name)
			continue
		}
		if change == nil {
			continue
		}
		env := base.clone()
		change(env)
		if c.Plan(env, []byte(sql), st, nil) == first {
			t.Errorf("another %s has the same plan", f.Name)
		}
	}
	if c.Plan(base.clone(), []byte(sql), st, nil) != first {
		t.Error("the same environment has another plan")
	}
	if c.Plan(base, []byte(sql), st, []uint32{23}) == first {
		t.Error("other declared types of parameters have the same plan")
	}
}

// Plans are kept up to a number of shapes, and of each up to a number of literals
// that decide.
func TestCompiler_isBounded(t *testing.T) {
	const size = 50
	env, c := cacheEnv(t, cachePolicy, cacheSchema), New(size)
	for i := range 10 * size {
		sql := fmt.Sprintf("SELECT name AS n%d FROM people", i)
		if p := c.Plan(env, []byte(sql), scanText(t, env, sql), nil); p.Verdict != Forward {
			t.Fatalf("Plan(%q) = %+v", sql, p.Refusal)
		}
	}
	c.plans.CleanUp()
	if n := c.plans.EstimatedSize(); n > size {
		t.Errorf("%d shapes are kept, want at most %d", n, size)
	}

	var st *shape.Statement
	for i := range 3 * maxVariants {
		sql := fmt.Sprintf("SELECT name::varchar(%d) FROM people", i+1)
		st = scanText(t, env, sql)
		c.Plan(env, []byte(sql), st, nil)
	}
	vs, ok := c.plans.GetIfPresent(planKey{shape: st.Hash, env: env.digest()})
	if !ok || len(vs.list) > maxVariants {
		t.Errorf("a shape keeps %d plans, want at most %d", len(vs.list), maxVariants)
	}
}

// Sessions share the plans: any number of them may ask at one time.
func TestCompiler_isSharedBySessions(t *testing.T) {
	env, c := cacheEnv(t, cachePolicy, cacheSchema), New(100)
	const sessions, shapes = 8, 20
	plans := make([][shapes]*Plan, sessions)
	var wg sync.WaitGroup
	for s := range sessions {
		mine := env.clone()
		statements := make([]*shape.Statement, shapes)
		texts := make([]string, shapes)
		for i := range shapes {
			texts[i] = fmt.Sprintf("SELECT name AS n%d FROM people WHERE name = 'session %d'", i, s)
			statements[i] = scanText(t, env, texts[i])
		}
		wg.Go(func() {
			for range 20 {
				for i := range shapes {
					plans[s][i] = c.Plan(mine, []byte(texts[i]), statements[i], nil)
				}
			}
		})
	}
	wg.Wait()
	for i := range shapes {
		for s := range sessions {
			if plans[s][i] != plans[0][i] {
				t.Fatalf("sessions 0 and %d have two plans for one shape", s)
			}
		}
	}
}
