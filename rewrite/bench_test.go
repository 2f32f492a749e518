package rewrite_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// benchTexts are statements over protected columns. The name n00000000 is made
// another one where the cache must not know the shape.
func benchTexts() map[string]string {
	columns := strings.Split("id name complete_name family_name given_name email phone mobile street city zip birthdate gender civil_status "+
		"occupation company_id parent_id country_id state_id lang tz active is_registrant is_group create_date write_date create_uid write_uid", " ")
	for i, c := range columns {
		columns[i] = `"res_partner"."` + c + `"`
	}
	read := "SELECT " + strings.Join(columns, ", ") + ` FROM "res_partner" AS n00000000, "res_partner" WHERE ((("res_partner"."active" = true) AND ` +
		`("res_partner"."is_registrant" = TRUE)) AND ("res_partner"."is_group" IS NULL OR "res_partner"."is_group" = FALSE)) AND ` +
		`(("res_partner"."phone" = '+251911000111') OR ("res_partner"."name" IN ('SHARMA, JOSÉ MARIA', 'KEBEDE, ABEBE'))) AND ` +
		`(("res_partner"."partner_share" IS NULL OR "res_partner"."partner_share" = FALSE) OR ("res_partner"."company_id" IN (1, 2, 3))) ` +
		`AND "res_partner"."id" IN (` + strings.TrimSuffix(strings.Repeat("4711, ", 40), ", ") + `) ORDER BY "res_partner"."id" DESC LIMIT 80`
	batch := `UPDATE "res_partner" AS n00000000 SET "name" = "__tmp"."name"::VARCHAR, "phone" = "__tmp"."phone"::VARCHAR, ` +
		`"write_date" = "__tmp"."write_date"::timestamp FROM (VALUES ` +
		strings.TrimSuffix(strings.Repeat("(4711, 'SHARMA, JOSÉ MARIA', '+251911000111', '2026-11-23 10:00:00'), ", 20), ", ") +
		`) AS "__tmp"("id", "name", "phone", "write_date") WHERE n00000000."id" = "__tmp"."id"`
	return map[string]string{
		"short":        `SELECT id, name FROM res_partner n00000000 WHERE phone = '+251911000111'`,
		"odoo select":  read,
		"batch update": batch,
	}
}

// BenchmarkPlan_besideParse measures, taking turns in one run, the grammar
// alone (parse), a statement whose shape the cache does not know (miss) and one
// whose shape it knows (hit), both with the scan.
func BenchmarkPlan_besideParse(b *testing.B) {
	env := odooEnv(b)
	scanner, m := shape.NewScanner([2]uint64{1, 2}), rewrite.Matcher(env.Snapshot)
	for _, name := range []string{"short", "odoo select", "batch update"} {
		text := benchTexts()[name]
		b.Run(name, func(b *testing.B) {
			c := rewrite.New(100)
			known, fresh := []byte(text), []byte(text)
			plan := func(sql []byte) {
				statements, err := scanner.Scan(sql, true, m)
				if err != nil {
					b.Fatal(err)
				}
				if p := c.Plan(env, sql, &statements[0], nil); p.Verdict != rewrite.Rewrite {
					b.Fatalf("Plan(%s) = %v %+v, want it rewritten", name, p.Verdict, p.Refusal)
				}
			}
			var parse, miss, hit time.Duration
			const hits = 20
			n := 0
			for b.Loop() {
				n++
				number := fmt.Appendf(nil, "n%08d", n)
				for rest := fresh; ; {
					i := bytes.IndexByte(rest, 'n')
					if i < 0 || i+9 > len(rest) {
						break
					}
					if d := rest[i+1]; d >= '0' && d <= '9' {
						copy(rest[i:], number)
					}
					rest = rest[i+1:]
				}
				begin := time.Now()
				if _, err := pg.Parse(text); err != nil {
					b.Fatal(err)
				}
				parsed := time.Now()
				plan(fresh)
				missed := time.Now()
				plan(known) // it may have been the oldest
				again := time.Now()
				for range hits {
					plan(known)
				}
				parse, miss, hit = parse+parsed.Sub(begin), miss+missed.Sub(parsed), hit+time.Since(again)/hits
			}
			per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(n) }
			b.ReportMetric(per(parse), "parse-ns")
			b.ReportMetric(per(miss), "miss-ns")
			b.ReportMetric(per(hit), "hit-ns")
			b.ReportMetric(per(parse)/per(hit), "parse/hit")
			b.ReportMetric(testing.AllocsPerRun(50, func() { _, _ = pg.Parse(text) }), "parse-allocs")
			b.ReportMetric(testing.AllocsPerRun(50, func() { plan(known) }), "hit-allocs")
			b.ReportMetric(float64(len(text)), "bytes")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A statement whose shape is known costs no allocation.
func TestPlan_hitAllocatesNothing(t *testing.T) {
	env, c := odooEnv(t), rewrite.New(100)
	scanner, m := shape.NewScanner([2]uint64{1, 2}), rewrite.Matcher(env.Snapshot)
	for name, text := range benchTexts() {
		sql := []byte(text)
		plan := func() {
			statements, err := scanner.Scan(sql, true, m)
			if err != nil {
				t.Fatal(err)
			}
			c.Plan(env, sql, &statements[0], nil)
		}
		plan()
		// The cache now and then empties the buffer in which it notes its hits.
		if n := testing.AllocsPerRun(1000, plan); n >= 1 {
			t.Errorf("a hit of the %s costs %v allocations, want none", name, n)
		}
	}
}
