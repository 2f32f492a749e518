package integration_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/integration/oracle/generate"
	"github.com/pgveil/pgveil/internal/testkit"
)

// generatedRun runs the statements of one world.
type generatedRun struct {
	world    *generate.World
	pair     *pair
	log      *os.File // the sealed server's
	tables   []string
	tally    generate.Tally
	findings *int
}

func newGeneratedRun(t *testing.T, seed uint64, sealed *testkit.Postgres, findings *int) *generatedRun {
	t.Helper()
	w := generate.NewWorld(seed)
	s := newStack(t, stackOptions{pg: sealed, schema: w.Schema(), policy: w.Policy(owner)})
	r := &generatedRun{
		world: w, findings: findings, tables: tablesOf(t, s),
		pair: &pair{stack: s, conns: map[string][2]*pgconn.PgConn{}},
	}
	log, err := os.Open(s.pg.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	if _, err := log.Seek(0, io.SeekEnd); err != nil { // what is there was looked at
		t.Fatal(err)
	}
	r.log = log
	for _, sql := range w.Fill() {
		c := newClients(t, r.pair, owner)
		if v := c.step(t.Context(), oracle.Simple, generate.Step{Statement: oracle.Statement{SQL: sql}}); v.Judgement != oracle.Same {
			t.Fatalf("filling: %s: %s", sql, v)
		}
	}
	if leak := r.leak(t); leak != "" {
		t.Fatalf("filling: %s", leak)
	}
	return r
}

// run runs n statements and reports what is wrong, as small as it gets.
func (r *generatedRun) run(t *testing.T, n int) {
	for i := range n {
		st := r.world.Statement(generate.Random(r.world.Seed, uint64(i+1)))
		v := r.judge(t, st)
		if v.Judgement == oracle.Same && v.State == "" && st.Writes && len(st.Steps) == 1 && i%10 == 0 {
			v = r.commit(t, st)
		}
		r.tally.Add(st, v)
		if v.Judgement != oracle.Wrong {
			continue
		}
		*r.findings++
		if *r.findings > mostFindings {
			t.Fail()
			continue
		}
		least, why := r.shrink(t, st, v)
		t.Errorf("PGVEIL_ORACLE_SEED=%d, statement %d, constructs %q, as %q\n%s\n%s\n%.2000s", r.world.Seed, i+1, least.Constructs,
			least.User, r.world.SchemaOf(least.String()), least, why)
		if newClients(t, r.pair, owner).tables(t.Context(), r.tables) != "" {
			return // the two have parted
		}
	}
}

// shrink looks for the least statement with the same fault.
func (r *generatedRun) shrink(t *testing.T, st generate.Statement, v oracle.Verdict) (generate.Statement, oracle.Verdict) {
	statement := func(c []uint32) generate.Statement { return r.world.Statement(generate.Replay(c)) }
	size := func(c []uint32) int { return len(statement(c).String()) }
	fault := faultOf(v)
	best := generate.Shrink(st.Taken, size, func(c []uint32) bool {
		got := r.judge(t, statement(c))
		return got.Judgement == oracle.Wrong && faultOf(got) == fault
	}, shrinkBudget)
	if slices.Equal(best, st.Taken) {
		return st, v
	}
	least := statement(best)
	return least, r.judge(t, least)
}

var (
	particular = regexp.MustCompile(`[0-9]+|\(.*|\[.*|\n(?s:.*)|"[^"]*"`)
	errorState = regexp.MustCompile(`error ([0-9A-Z]{5})`)
)

// faultOf names a fault without its particulars.
func faultOf(v oracle.Verdict) string {
	if strings.HasPrefix(v.Why, generate.Leaked) {
		return generate.Leaked
	}
	if state := errorState.FindString(v.Why); state != "" {
		return state
	}
	return particular.ReplaceAllString(v.Why, "")
}

// modesOf are the ways in which a statement is sent.
func modesOf(st generate.Statement) []oracle.Mode {
	last := []oracle.Mode{oracle.Binary, oracle.Mixed}[len(st.Taken)%2]
	switch {
	case st.User != "" || st.TextOnly:
		return []oracle.Mode{oracle.Simple, oracle.Extended}
	case len(st.Steps) > 1:
		return []oracle.Mode{oracle.Simple, last}
	}
	return []oracle.Mode{oracle.Simple, oracle.Extended, last}
}

// judge runs a statement in each mode, where it writes within a transaction
// that is rolled back.
func (r *generatedRun) judge(t *testing.T, st generate.Statement) oracle.Verdict {
	t.Helper()
	modes := modesOf(st)
	if slices.ContainsFunc(st.Steps, func(s generate.Step) bool { return len(s.Params) > 0 }) {
		modes = append([]oracle.Mode{oracle.Extended}, modes[1:]...) // Query has no parameters
		modes = slices.Compact(modes)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var first oracle.Verdict
	for i, mode := range modes {
		v := r.once(ctx, t, mode, st)
		switch {
		case v.Judgement == oracle.Wrong:
			if !strings.HasPrefix(v.Why, generate.Leaked) {
				v.Why = mode.String() + ": " + v.Why
			}
			return v
		case i == 0:
			first = v
		case v.String() != first.String():
			return oracle.Verdict{Why: fmt.Sprintf("%s in mode %s, %s in mode %s", first, modes[0], v, mode)}
		}
	}
	return first
}

// once runs a statement in one mode and compares what the client saw, what the
// tables hold then, and what the server's log has of it.
func (r *generatedRun) once(ctx context.Context, t *testing.T, mode oracle.Mode, st generate.Statement) oracle.Verdict {
	t.Helper()
	c := newClients(t, r.pair, st.User)
	// What only reads is sent without a transaction around it every other time.
	inside := st.Writes || len(st.Steps) > 1 || len(st.Taken)%2 == 0
	if inside {
		if err := c.both(ctx, "BEGIN"); err != nil {
			return oracle.Verdict{Why: err.Error()}
		}
	}
	v := c.steps(ctx, r.world, mode, st)
	if v.Judgement == oracle.Same && v.State == "" && st.Writes && st.User == "" {
		if why := c.tables(ctx, r.tables); why != "" {
			v = oracle.Verdict{Why: why}
		}
	}
	if v.Judgement == oracle.Refused && slices.Contains([]string{"result-mismatch", "internal-error"}, v.Code) {
		v = oracle.Verdict{Why: "refused " + v.Code} // nothing changed under the statement
	}
	if v.Judgement == oracle.Wrong || c.plain.IsClosed() || c.veiled.IsClosed() {
		c.close(ctx)
	} else if err := c.after(ctx, inside, st); err != nil {
		return oracle.Verdict{Why: err.Error()}
	}
	if leak := r.leak(t); leak != "" {
		return oracle.Verdict{Why: generate.Leaked + leak}
	}
	return v
}

// commit runs a statement for good, which is known to give the same on both.
func (r *generatedRun) commit(t *testing.T, st generate.Statement) oracle.Verdict {
	t.Helper()
	if slices.Contains(st.Constructs, "INSERT SELECT") {
		return oracle.Verdict{Judgement: oracle.Same} // tables stay small
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	c := newClients(t, r.pair, st.User)
	v := c.step(ctx, modesOf(st)[1], st.Steps[0])
	if v.Judgement == oracle.Same && v.State == "" {
		if why := c.tables(ctx, r.tables); why != "" {
			return oracle.Verdict{Why: "committed: " + why}
		}
	}
	return v
}

// leak returns what the server's log shows that it should not, since the last call.
func (r *generatedRun) leak(t *testing.T) string {
	t.Helper()
	text, err := io.ReadAll(r.log)
	if err != nil {
		t.Fatal(err)
	}
	return r.world.Leak(text)
}

// searchTables looks for protected values in what the tables store, and in pgveil's own log.
func (r *generatedRun) searchTables(t *testing.T) {
	t.Helper()
	for _, table := range r.tables {
		for _, row := range r.pair.stack.pg.Rows(t, r.pair.stack.db, "SELECT t::text FROM "+table+" AS t") {
			if leak := r.world.Leak([]byte(row[0])); leak != "" {
				t.Errorf("stored in %s: %s", table, leak)
			}
		}
	}
	if leak := r.world.Leak([]byte(r.pair.stack.readLog(t))); leak != "" {
		t.Errorf("in pgveil's log: %s", leak)
	}
}

// clients are one user's connections to the two databases.
type clients struct {
	plain, veiled *pgconn.PgConn
	forget        func()
}

func newClients(t *testing.T, p *pair, user string) *clients {
	t.Helper()
	if user == "" {
		user = owner
	}
	c := &clients{forget: func() { delete(p.conns, user) }}
	c.plain, c.veiled = p.connections(t, user)
	return c
}

// close ends both connections: a new one's state is known.
func (c *clients) close(ctx context.Context) {
	_, _ = c.plain.Close(ctx), c.veiled.Close(ctx)
	c.forget()
}

// after brings both sessions back to where they were.
func (c *clients) after(ctx context.Context, inside bool, st generate.Statement) error {
	if inside {
		if err := c.both(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	if len(st.Steps) > 1 { // what a rollback leaves: prepared statements, cursors that outlived a COMMIT
		return c.both(ctx, "DISCARD ALL")
	}
	return nil
}

// atOnce calls f for both connections at the same time.
func (c *clients) atOnce(f func(*pgconn.PgConn) oracle.Outcome) (plain, veiled oracle.Outcome) {
	var wg sync.WaitGroup
	wg.Go(func() { plain = f(c.plain) })
	veiled = f(c.veiled)
	wg.Wait()
	return plain, veiled
}

func (c *clients) both(ctx context.Context, sql string) error {
	plain, veiled := c.atOnce(func(conn *pgconn.PgConn) oracle.Outcome {
		return oracle.Run(ctx, conn, oracle.Simple, oracle.Statement{SQL: sql})
	})
	for _, o := range []oracle.Outcome{plain, veiled} {
		if o.Broken != nil {
			return fmt.Errorf("%s: %w", sql, o.Broken)
		}
		if o.Err != nil {
			return fmt.Errorf("%s: %w", sql, o.Err)
		}
	}
	return nil
}

// steps runs all steps, until one is refused or fails.
func (c *clients) steps(ctx context.Context, w *generate.World, mode oracle.Mode, st generate.Statement) oracle.Verdict {
	var v oracle.Verdict
	for i, step := range st.Steps {
		if st.User != "" {
			v = c.roleStep(ctx, w, mode, st.User, step)
		} else {
			v = c.step(ctx, mode, step)
		}
		if v.Judgement == oracle.Wrong && len(st.Steps) > 1 && !strings.HasPrefix(v.Why, generate.Leaked) {
			v.Why = fmt.Sprintf("step %d: %s", i+1, v.Why)
		}
		if v.Judgement != oracle.Same || v.State != "" {
			break
		}
	}
	return v
}

// step runs one step and compares what came of it.
func (c *clients) step(ctx context.Context, mode oracle.Mode, step generate.Step) oracle.Verdict {
	want, got := c.atOnce(func(conn *pgconn.PgConn) oracle.Outcome { return oracle.Run(ctx, conn, mode, step.Statement) })
	if step.Explains && want.Err == nil && got.Err == nil {
		return oracle.Verdict{Judgement: oracle.Same} // plans may differ
	}
	if want.Err != nil && got.Err != nil {
		// A row that violates two constraints may fail at either first.
		want.Err.ConstraintName, got.Err.ConstraintName = "", ""
		if strings.HasPrefix(want.Err.Code, "22") && got.Err.Position != 0 {
			// Of a malformed literal that a step has read, the place is near it.
			got.Err.Position = want.Err.Position
		}
	}
	return oracle.Judge(sameOIDs(want), sameOIDs(got), step.Ordered)
}

// roleStep runs a query of a user who does not see everything.
func (c *clients) roleStep(ctx context.Context, w *generate.World, mode oracle.Mode, user string, step generate.Step) oracle.Verdict {
	want, got := c.atOnce(func(conn *pgconn.PgConn) oracle.Outcome { return oracle.Run(ctx, conn, mode, step.Statement) })
	if step.Hidden {
		return hidden(w, user, want, got)
	}
	want, got = generate.Seen(user, step.Output, want, got)
	return oracle.Judge(sameOIDs(want), sameOIDs(got), step.Ordered)
}

// hidden judges what a user saw of values that are in a form which is not
// known: anything but a protected value in clear.
func hidden(w *generate.World, user string, want, got oracle.Outcome) oracle.Verdict {
	if want.Err != nil || got.Err != nil || got.Broken != nil {
		return oracle.Judge(want, got, false)
	}
	for _, result := range got.Results {
		for _, row := range result.Rows {
			if leak := w.Leak([]byte(" " + generate.Unmasked(user, row.String()))); leak != "" {
				return oracle.Verdict{Why: "shown to a user who may not see it: " + leak}
			}
		}
	}
	return oracle.Verdict{Judgement: oracle.Same}
}

// sameOIDs gives the types of extensions, whose OIDs differ from server to server, one.
func sameOIDs(o oracle.Outcome) oracle.Outcome {
	const firstNormal = 16384
	for _, result := range o.Results {
		for i := range result.Columns {
			result.Columns[i].OID = min(result.Columns[i].OID, firstNormal)
		}
	}
	for i := range o.Params {
		o.Params[i] = min(o.Params[i], firstNormal)
	}
	return o
}

// tables compares what all tables hold, "" if it is the same.
func (c *clients) tables(ctx context.Context, names []string) string {
	var sql strings.Builder
	for _, name := range names {
		sql.WriteString("SELECT * FROM " + name + ";")
	}
	v := c.step(ctx, oracle.Simple, generate.Step{Statement: oracle.Statement{SQL: sql.String()}})
	if v.Judgement == oracle.Same && v.State == "" {
		return ""
	}
	return fmt.Sprintf("afterwards, reading %s: %s", strings.Join(names, ", "), v)
}
