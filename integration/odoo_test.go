package integration_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/internal/testkit"
)

// TestOdoo_workingDay replays what a real Odoo with OpenG2P's modules sent on a
// working day, statement by statement and connection by connection, to the
// sealed database and to its twin, and compares every answer. What pgveil
// refuses is left out on both sides, so that the two stay the same.
func TestOdoo_workingDay(t *testing.T) {
	s := newStack(t, stackOptions{
		pg: testkit.StartPostgres(t), schema: string(gunzipped(t, "testdata/odoo/database.sql.gz")) + "; RESET ALL",
		policy: odooPolicy(t),
	})
	before := personalValues(t, s)
	r := &replay{stack: s, conns: map[string]*replayed{}, refused: map[string]int{}}
	trace := json.NewDecoder(bytes.NewReader(gunzipped(t, "../rewrite/testdata/odoo/trace.jsonl.gz")))
	for {
		var m struct{ Conn, SQL string }
		if err := trace.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		r.send(t, m.Conn, m.SQL)
	}
	r.close()
	t.Log(r.report())
	for _, w := range r.wrong[:min(len(r.wrong), 10)] {
		t.Error(w)
	}
	if r.same < 15_000 {
		t.Errorf("%d statements had the same answer, want at least 15,000", r.same)
	}
	for value := range personalValues(t, s) {
		if !before[value] && len(value) >= 8 && value != "encrypted" { // what Odoo's own module leaves in a column
			s.planter.Remember(value)
		}
	}
	if n := s.planter.Planted(); n < 20 {
		t.Errorf("the day has made %d personal values, want at least 20", n)
	}
}

func gunzipped(t *testing.T, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// odooPolicy is the policy for OpenG2P with the test's user as the one who reads.
func odooPolicy(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../configs/openg2p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(data), "users: [odoo_admin]", "users: ["+owner+"]", 1)
}

// personalValues are what the protected text columns of a few tables hold, read
// from the twin. Values that are stored elsewhere too by design, such as names
// of companies, are none of a person's.
func personalValues(t *testing.T, s *stack) map[string]bool {
	t.Helper()
	values := map[string]bool{}
	for _, row := range s.twin.Rows(t, s.db, `
		SELECT unnest(ARRAY[phone, mobile, email, phone_sanitized, family_name || '|', address]) FROM res_partner WHERE is_registrant
		UNION SELECT value FROM g2p_reg_id UNION SELECT phone_no FROM g2p_phone_number
		UNION SELECT acc_number FROM res_partner_bank UNION SELECT code FROM g2p_entitlement`) {
		values[row[0]] = true
	}
	return values
}

// replay is a trace on its way to both databases.
type replay struct {
	stack      *stack
	conns      map[string]*replayed
	same, errs int
	refused    map[string]int
	wrong      []string
	// plain and veiled are how long the answers took.
	plain, veiled time.Duration
}

// replayed is a connection of the trace, on both sides.
type replayed struct {
	plain, veiled *pgconn.PgConn
	used          int
}

const mostReplayed = 40

func (r *replay) conn(t *testing.T, name string) *replayed {
	t.Helper()
	c := r.conns[name]
	if c == nil {
		if len(r.conns) >= mostReplayed {
			r.closeOldest()
		}
		c = &replayed{plain: r.stack.connectTwin(t, owner).PgConn(), veiled: r.stack.connect(t, owner).PgConn()}
		r.conns[name] = c
	}
	c.used = r.same + r.errs
	return c
}

func (r *replay) closeOldest() {
	oldest := ""
	for name, c := range r.conns {
		if oldest == "" || c.used < r.conns[oldest].used {
			oldest = name
		}
	}
	r.conns[oldest].close()
	delete(r.conns, oldest)
}

func (c *replayed) close() {
	_ = c.plain.Close(context.Background())
	_ = c.veiled.Close(context.Background())
}

func (r *replay) close() {
	for _, c := range r.conns {
		c.close()
	}
}

// controls is what begins and ends transactions and changes the session.
var controls = regexp.MustCompile(`(?i)^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|DISCARD|SET|RESET|LISTEN|UNLISTEN)\b`)

// ownTime is what two servers answer differently.
var ownTime = regexp.MustCompile(`(?i)\bnow\(\)|pg_stat|last_value|pg_backend`)

// send sends a message of the trace to both sides and compares the answers.
func (r *replay) send(t *testing.T, name, sql string) {
	t.Helper()
	if strings.HasPrefix(sql, "COPY ") {
		return // its data is not in the trace
	}
	c := r.conn(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	undo := !controls.MatchString(sql) && c.veiled.TxStatus() == 'T'
	if undo {
		c.both(ctx, "SAVEPOINT replay")
	}
	start := time.Now()
	veiled := runOracle(ctx, c.veiled, oracle.Simple, oracle.Statement{SQL: sql})
	between := time.Now()
	if code := oracle.Code(veiled.Err); code != "" {
		r.refused[code]++
		if undo {
			_, _ = c.veiled.Exec(ctx, "ROLLBACK TO SAVEPOINT replay").ReadAll()
			c.both(ctx, "RELEASE SAVEPOINT replay")
		}
		return
	}
	plain := runOracle(ctx, c.plain, oracle.Simple, oracle.Statement{SQL: sql})
	r.veiled += between.Sub(start)
	r.plain += time.Since(between)
	r.judge(sql, plain, veiled)
	if undo && plain.Err == nil && plain.TxStatus == 'T' {
		c.both(ctx, "RELEASE SAVEPOINT replay")
	}
}

func (c *replayed) both(ctx context.Context, sql string) {
	_, _ = c.plain.Exec(ctx, sql).ReadAll()
	_, _ = c.veiled.Exec(ctx, sql).ReadAll()
}

func (r *replay) judge(sql string, plain, veiled oracle.Outcome) {
	v := oracle.Judge(plain, veiled, false)
	switch {
	case v.Judgement == oracle.Same && v.State != "":
		r.errs++
	case v.Judgement == oracle.Same, plain.Err == nil && veiled.Err == nil && (ownTime.MatchString(sql) || sameLists(plain, veiled)):
		r.same++
	default:
		r.wrong = append(r.wrong, fmt.Sprintf("%.500s\n%s", sql, v))
	}
}

// sameLists reports whether two outcomes differ in the order of what an
// aggregate without an order has put together only.
func sameLists(a, b oracle.Outcome) bool {
	flat := func(o oracle.Outcome) []string {
		var cells []string
		for _, result := range o.Results {
			for _, row := range result.Rows {
				for _, cell := range row {
					parts := strings.Split(strings.Trim(cell, `"`), ",")
					sort.Strings(parts)
					cells = append(cells, strings.Join(parts, ","))
				}
			}
		}
		sort.Strings(cells)
		return cells
	}
	return slices.Equal(flat(a), flat(b))
}

func (r *replay) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "same %d, same error %d, wrong %d; plain %v, through pgveil %v\n", r.same, r.errs, len(r.wrong), r.plain, r.veiled)
	for code, n := range r.refused {
		fmt.Fprintf(&b, "refused %s: %d\n", code, n)
	}
	return b.String()
}
