package integration_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/integration/oracle/generate"
	"github.com/pgveil/pgveil/internal/testkit"
)

const (
	// generatedSeed is where runs begin that nobody asked for another seed.
	generatedSeed = 20260
	// perWorld is how many statements are run over one schema.
	perWorld = 500
	// shrinkBudget is how often a statement may be run to make it smaller.
	shrinkBudget = 250
	// mostFindings is how many findings of a run are made small and printed.
	mostFindings = 20
)

// Statements that are composed at random give what plain PostgreSQL gives or
// are refused, and the server sees nothing of what they protect. They are the
// same in every run, unless the environment says otherwise: PGVEIL_ORACLE_N how
// many there are, PGVEIL_ORACLE_SEED where to begin, at a number or at "random".
func TestGenerated(t *testing.T) {
	n, seed := number(t, "PGVEIL_ORACLE_N", 2000), firstSeed(t)
	t.Logf("PGVEIL_ORACLE_SEED=%d", seed)
	var total generate.Tally
	var findings int
	for left := n; left > 0; left -= perWorld {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			r := newGeneratedRun(t, seed, &findings)
			r.run(t, min(left, perWorld))
			total.Merge(&r.tally)
		})
		seed++
	}
	var report strings.Builder
	total.Print(&report)
	t.Log("\n" + report.String())
	// What only ever refuses or fails is not wrong, and no use either.
	if total.Same() < 25 {
		t.Errorf("%.1f %% of the statements gave the same rows, want at least 25 %%", total.Same())
	}
	if total.Errors() > 25 {
		t.Errorf("%.1f %% of the statements were wrong SQL, want at most 25 %%", total.Errors())
	}
}

func firstSeed(t *testing.T) uint64 {
	t.Helper()
	if os.Getenv("PGVEIL_ORACLE_SEED") == "random" {
		return uint64(time.Now().UnixNano()) % 1_000_000
	}
	return uint64(number(t, "PGVEIL_ORACLE_SEED", generatedSeed))
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// generatedRun runs the statements of one world.
type generatedRun struct {
	world    *generate.World
	pair     *pair
	log      *os.File // the sealed server's
	tables   []string
	tally    generate.Tally
	findings *int
}

func newGeneratedRun(t *testing.T, seed uint64, findings *int) *generatedRun {
	t.Helper()
	w := generate.NewWorld(seed)
	// A server for each world: what is searched for leaks in the end stays small.
	s := newStack(t, stackOptions{pg: testkit.StartPostgres(t), schema: w.Schema(), policy: w.Policy(owner), before: func(s *stack) {
		for _, mark := range w.Marks() {
			s.planter.Remember(mark)
		}
	}})
	r := &generatedRun{
		world: w, findings: findings, tables: tablesOf(t, s),
		pair: &pair{stack: s, conns: map[string][2]*pgconn.PgConn{}},
	}
	log, err := os.Open(s.pg.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	r.log = log
	plain, veiled := r.pair.connections(t, owner)
	for _, sql := range w.Fill() {
		v := oracle.Judge(oracle.Run(t.Context(), plain, oracle.Simple, oracle.Statement{SQL: sql}),
			oracle.Run(t.Context(), veiled, oracle.Simple, oracle.Statement{SQL: sql}), false)
		if v.Judgement != oracle.Same {
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
		if v.Judgement == oracle.Same && v.State == "" && st.Writes && i%10 == 0 {
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
		t.Errorf("PGVEIL_ORACLE_SEED=%d, statement %d, constructs %q\n%s\n%s%s\n%.2000s", r.world.Seed, i+1, least.Constructs,
			r.world.SchemaOf(least.SQL), least.SQL, describeParams(least.Params), why)
		if r.sameTables(t) != "" {
			return // the two have parted
		}
	}
}

func describeParams(params [][]byte) string {
	var b strings.Builder
	for i, p := range params {
		fmt.Fprintf(&b, "\n$%d: %s", i+1, p)
	}
	return b.String()
}

// shrink looks for the least statement with the same fault.
func (r *generatedRun) shrink(t *testing.T, st generate.Statement, v oracle.Verdict) (generate.Statement, oracle.Verdict) {
	statement := func(c []uint32) generate.Statement { return r.world.Statement(generate.Replay(c)) }
	size := func(c []uint32) int { return len(statement(c).SQL) }
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

var particular = regexp.MustCompile(`[0-9]+|\(.*|\[.*|\n(?s:.*)|"[^"]*"`)

// faultOf names a fault without its particulars.
func faultOf(v oracle.Verdict) string {
	if strings.HasPrefix(v.Why, generate.Leaked) {
		return generate.Leaked
	}
	if state := regexp.MustCompile(`error ([0-9A-Z]{5})`).FindString(v.Why); state != "" {
		return state
	}
	return particular.ReplaceAllString(v.Why, "")
}

// judge runs a statement in each mode within a transaction that is rolled back.
func (r *generatedRun) judge(t *testing.T, st generate.Statement) oracle.Verdict {
	t.Helper()
	modes := []oracle.Mode{oracle.Simple, oracle.Extended, oracle.Binary}
	if len(st.Params) > 0 {
		modes = modes[1:]
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

// once runs a statement and compares what the client saw, what the tables hold
// then, and what the server's log has of it.
func (r *generatedRun) once(ctx context.Context, t *testing.T, mode oracle.Mode, st generate.Statement) oracle.Verdict {
	t.Helper()
	plain, veiled := r.pair.connections(t, owner)
	if err := both(ctx, "BEGIN", plain, veiled); err != nil {
		return oracle.Verdict{Why: err.Error()}
	}
	v := r.compare(ctx, mode, st, plain, veiled)
	if v.Judgement == oracle.Same && v.State == "" && st.Writes {
		if why := r.sameTables(t); why != "" {
			v = oracle.Verdict{Why: why}
		}
	}
	if v.Judgement == oracle.Refused && slices.Contains([]string{"result-mismatch", "internal-error"}, v.Code) {
		v = oracle.Verdict{Why: "refused " + v.Code} // nothing changed under the statement
	}
	if v.Judgement == oracle.Wrong || plain.IsClosed() || veiled.IsClosed() {
		_, _ = plain.Close(ctx), veiled.Close(ctx) // a new one's state is known
		delete(r.pair.conns, owner)
	} else if err := both(ctx, "ROLLBACK", plain, veiled); err != nil {
		return oracle.Verdict{Why: err.Error()}
	}
	if leak := r.leak(t); leak != "" {
		return oracle.Verdict{Why: generate.Leaked + leak}
	}
	return v
}

func both(ctx context.Context, sql string, conns ...*pgconn.PgConn) error {
	for _, conn := range conns {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func (r *generatedRun) compare(ctx context.Context, mode oracle.Mode, st generate.Statement, plain, veiled *pgconn.PgConn) oracle.Verdict {
	sent := oracle.Statement{SQL: st.SQL, Params: st.Params}
	want, got := oracle.Run(ctx, plain, mode, sent), oracle.Run(ctx, veiled, mode, sent)
	if st.Explains && want.Err == nil && got.Err == nil {
		return oracle.Verdict{Judgement: oracle.Same} // plans may differ
	}
	if want.Err != nil && got.Err != nil {
		// A row that violates two constraints may fail at either first.
		want.Err.ConstraintName, got.Err.ConstraintName = "", ""
	}
	return oracle.Judge(sameOIDs(want), sameOIDs(got), st.Ordered)
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

// sameTables compares what all tables hold, "" if it is the same.
func (r *generatedRun) sameTables(t *testing.T) string {
	t.Helper()
	plain, veiled := r.pair.connections(t, owner)
	for _, table := range r.tables {
		st := generate.Statement{SQL: "SELECT * FROM " + table}
		if v := r.compare(t.Context(), oracle.Simple, st, plain, veiled); v.Judgement != oracle.Same {
			return fmt.Sprintf("afterwards, reading %s: %s", table, v)
		}
	}
	return ""
}

// commit runs a statement for good, which is known to give the same on both.
func (r *generatedRun) commit(t *testing.T, st generate.Statement) oracle.Verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	mode := oracle.Simple
	if len(st.Params) > 0 {
		mode = oracle.Extended
	}
	for _, name := range []string{"CREATE TABLE AS", "SELECT INTO", "INSERT SELECT"} {
		if slices.Contains(st.Constructs, name) {
			return oracle.Verdict{Judgement: oracle.Same} // the catalog stays as it is, and tables stay small
		}
	}
	plain, veiled := r.pair.connections(t, owner)
	v := r.compare(ctx, mode, st, plain, veiled)
	if v.Judgement == oracle.Same && v.State == "" {
		if why := r.sameTables(t); why != "" {
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
