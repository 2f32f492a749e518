package integration_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/integration/oracle/generate"
	"github.com/pgveil/pgveil/internal/testkit"
)

// onlyReads matches statements after which the tables need not be compared.
var onlyReads = regexp.MustCompile(`(?i)^(SELECT|TABLE|SET|RESET) [^;]*$`)

var update = flag.Bool("update", false, "write the verdicts of testdata/oracle; a person reads the difference")

// Every statement of testdata/oracle gives what plain PostgreSQL gives or is
// refused with the code that the page says, in each of the protocol's ways to
// send it, and leaves the same tables behind.
func TestOracle(t *testing.T) {
	pages, err := filepath.Glob("testdata/oracle/*.txtar")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	var total pagesTally
	t.Cleanup(func() { // after all that is parallel
		if t.Failed() {
			return // what differs is not to be searched for
		}
		var text strings.Builder
		total.tally.Print(&text)
		t.Log("\n" + text.String())
	})
	for _, path := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runPage(t, path, &total)
		})
	}
}

// pagesTally counts what all pages came to.
type pagesTally struct {
	mu    sync.Mutex
	tally generate.Tally
}

func (p *pagesTally) add(page string, b oracle.Block, v oracle.Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.Add(generate.Statement{Steps: []generate.Step{{Statement: b.Statement}}, Constructs: []string{page}}, v)
}

func runPage(t *testing.T, path string, total *pagesTally) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var planter testkit.Planter
	page, err := oracle.Parse(path, data, secretsOf(&planter))
	if err != nil {
		t.Fatal(err)
	}
	s := newStack(t, stackOptions{schema: page.Schema, policy: page.Policy, before: func(s *stack) { s.planter.Take(&planter) }})
	pair := &pair{stack: s, conns: map[string][2]*pgconn.PgConn{}}
	for _, conn := range []*pgx.Conn{s.connectTwin(t, owner), s.connect(t, owner)} {
		if _, err := conn.PgConn().Exec(t.Context(), page.Fill).ReadAll(); err != nil {
			t.Fatalf("filling: %v", err)
		}
	}
	tables := tablesOf(t, s)

	got := make([]string, len(page.Blocks))
	for i, b := range page.Blocks {
		verdict := pair.judge(t, b, tables)
		got[i] = verdict.String()
		total.add(filepath.Base(path), b, verdict)
		if verdict.Judgement == oracle.Wrong || got[i] != b.Want && !*update {
			t.Errorf("%s:%d: as %s:\n%s\ngot  %s\nwant %s", path, b.Line, b.User, b.Statement.SQL, got[i], b.Want)
			got[i] = b.Want
		}
	}
	if *update {
		if err := os.WriteFile(path, page.Rewrite(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// secretsOf makes the secrets that pages ask for by kind and name.
func secretsOf(planter *testkit.Planter) oracle.Secrets {
	kinds := map[string]testkit.Kind{
		"text": testkit.Text, "name": testkit.Name, "digits": testkit.Digits, "email": testkit.Email,
		"date": testkit.Date, "numeric": testkit.Numeric, "uuid": testkit.UUID,
	}
	made := map[string]string{}
	return func(kind, name string) (string, error) {
		k, ok := kinds[kind]
		if !ok {
			return "", fmt.Errorf("no kind of secret is called %q", kind)
		}
		if made[kind+"."+name] == "" {
			made[kind+"."+name] = planter.New(k)
		}
		return made[kind+"."+name], nil
	}
}

// tablesOf lists the tables of the schema, from the twin.
func tablesOf(t *testing.T, s *stack) []string {
	t.Helper()
	var tables []string
	for _, row := range s.twin.Rows(t, s.db, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`) {
		tables = append(tables, row[0])
	}
	return tables
}

// pair runs statements on both databases. Connections are kept, by user, so
// that a page's statements share their sessions as a client's would.
type pair struct {
	stack *stack
	conns map[string][2]*pgconn.PgConn
}

func (p *pair) connections(t *testing.T, user string) (plain, veiled *pgconn.PgConn) {
	t.Helper()
	if user == "" {
		user = owner
	}
	c, ok := p.conns[user]
	if !ok || c[1].IsClosed() {
		c = [2]*pgconn.PgConn{p.stack.connectTwin(t, user).PgConn(), p.stack.connect(t, user).PgConn()}
		p.conns[user] = c
	}
	return c[0], c[1]
}

// judge runs a block in each mode within a transaction that is rolled back,
// and then once for good. The first verdict that is wrong counts; all modes
// must come to the same.
func (p *pair) judge(t *testing.T, b oracle.Block, tables []string) oracle.Verdict {
	t.Helper()
	plain, veiled := p.connections(t, b.User)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	modes := []oracle.Mode{oracle.Simple, oracle.Extended, oracle.Binary}
	switch {
	case b.Once:
		modes = nil
	case len(b.Statement.Params) > 0:
		modes = modes[1:]
	}
	var verdicts []oracle.Verdict
	for _, mode := range modes {
		verdicts = append(verdicts, p.inTransaction(ctx, mode, b, plain, veiled))
	}
	last := oracle.Simple
	if len(b.Statement.Params) > 0 {
		last = oracle.Extended
	}
	v := p.forGood(ctx, last, b, plain, veiled)
	if v.Judgement == oracle.Same && !onlyReads.MatchString(b.Statement.SQL) {
		if why := p.sameTables(t, tables); why != "" {
			v = oracle.Verdict{Why: why}
		}
	}
	for i, m := range verdicts {
		if m.Judgement == oracle.Wrong {
			return oracle.Verdict{Why: modes[i].String() + ": " + m.Why}
		}
		if m.String() != v.String() && v.Judgement != oracle.Wrong {
			return oracle.Verdict{Why: fmt.Sprintf("%s in mode %s, %s at last", m, modes[i], v)}
		}
	}
	return v
}

// forGood runs a block outside of a transaction. What pgveil refuses is not
// done on the twin either, or the two would part.
func (p *pair) forGood(ctx context.Context, mode oracle.Mode, b oracle.Block, plain, veiled *pgconn.PgConn) oracle.Verdict {
	out := runOracle(ctx, veiled, mode, b.Statement)
	refused := oracle.Code(out.Err) != ""
	if refused && b.Once {
		if out.TxStatus != 'I' { // the message began a transaction
			if _, err := veiled.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
				return oracle.Verdict{Why: "ROLLBACK: " + err.Error()}
			}
		}
		return oracle.Judge(oracle.Outcome{TxStatus: 'I'}, out, b.Ordered)
	}
	if refused {
		if _, err := plain.Exec(ctx, "BEGIN").ReadAll(); err != nil {
			return oracle.Verdict{Why: "BEGIN: " + err.Error()}
		}
	}
	want := runOracle(ctx, plain, mode, b.Statement)
	if refused {
		if _, err := plain.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
			return oracle.Verdict{Why: "ROLLBACK: " + err.Error()}
		}
		want.TxStatus = 'I'
	}
	return oracle.Judge(want, out, b.Ordered)
}

func (p *pair) inTransaction(ctx context.Context, mode oracle.Mode, b oracle.Block, plain, veiled *pgconn.PgConn) oracle.Verdict {
	for _, conn := range []*pgconn.PgConn{plain, veiled} {
		if _, err := conn.Exec(ctx, "BEGIN").ReadAll(); err != nil {
			return oracle.Verdict{Why: "BEGIN: " + err.Error()}
		}
	}
	v := oracle.Judge(runOracle(ctx, plain, mode, b.Statement), runOracle(ctx, veiled, mode, b.Statement), b.Ordered)
	for _, conn := range []*pgconn.PgConn{plain, veiled} {
		if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
			return oracle.Verdict{Why: "ROLLBACK: " + err.Error()}
		}
	}
	return v
}

// runOracle runs a statement. Types of extensions have other OIDs in each database.
func runOracle(ctx context.Context, conn *pgconn.PgConn, mode oracle.Mode, st oracle.Statement) oracle.Outcome {
	return sameOIDs(oracle.Run(ctx, conn, mode, st))
}

// sameTables compares what all tables hold, read by the owner.
func (p *pair) sameTables(t *testing.T, tables []string) string {
	t.Helper()
	plain, veiled := p.connections(t, owner)
	for _, table := range tables {
		st := oracle.Statement{SQL: "SELECT * FROM " + table}
		v := oracle.Judge(runOracle(t.Context(), plain, oracle.Simple, st), runOracle(t.Context(), veiled, oracle.Simple, st), false)
		if v.Judgement != oracle.Same {
			return fmt.Sprintf("afterwards, reading %s: %s", table, v)
		}
	}
	return ""
}
