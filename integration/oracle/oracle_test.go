package oracle_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/internal/testkit"
)

func pgError(state, hint string) *pgconn.PgError { return &pgconn.PgError{Code: state, Hint: hint} }

// An oracle that cannot say "wrong" proves nothing: each difference that a client could see is one.
func TestJudge(t *testing.T) {
	t.Parallel()
	column := oracle.Column{Name: "a", OID: pgtype.DateOID, Modifier: -1, Size: 4}
	result := func(change func(*oracle.Result)) oracle.Outcome {
		r := oracle.Result{Columns: []oracle.Column{column}, Rows: []oracle.Row{{"1"}, {"2"}}, Tag: "SELECT 2"}
		change(&r)
		return oracle.Outcome{Results: []oracle.Result{r}, TxStatus: 'I'}
	}
	same := result(func(*oracle.Result) {})
	failed := func(state, hint string, tx byte) oracle.Outcome {
		return oracle.Outcome{Err: pgError(state, hint), TxStatus: tx}
	}
	const refusal = "store less (pgveil: not-applied)"
	tests := []struct {
		name          string
		plain, veiled oracle.Outcome
		ordered       bool
		want          string
	}{
		{"equal", same, same, true, "same"},
		{"rows in another order", same, result(func(r *oracle.Result) { r.Rows = []oracle.Row{{"2"}, {"1"}} }), false, "same"},
		{"rows in a wrong order", same, result(func(r *oracle.Result) { r.Rows = []oracle.Row{{"2"}, {"1"}} }), true, "WRONG"},
		{"a row too few", same, result(func(r *oracle.Result) { r.Rows = r.Rows[:1] }), false, "WRONG"},
		{"another value", same, result(func(r *oracle.Result) { r.Rows = []oracle.Row{{"1"}, {"3"}} }), false, "WRONG"},
		{"another type", same, result(func(r *oracle.Result) {
			r.Columns = []oracle.Column{{Name: "a", OID: pgtype.TextOID, Modifier: -1, Size: -1}}
		}), false, "WRONG"},
		{"another tag", same, result(func(r *oracle.Result) { r.Tag = "SELECT 3" }), false, "WRONG"},
		{"a result too many", same, oracle.Outcome{Results: append(same.Results, same.Results...), TxStatus: 'I'}, false, "WRONG"},
		{"other parameter types", same, oracle.Outcome{Results: same.Results, Params: []uint32{25}, TxStatus: 'I'}, false, "WRONG"},
		{"another state", same, oracle.Outcome{Results: same.Results, TxStatus: 'T'}, false, "WRONG"},
		{"an error of the server", same, failed("42703", "", 'I'), false, "WRONG"},
		{"no error", failed("22012", "", 'I'), same, false, "WRONG"},
		{"the same error", failed("23505", "", 'I'), failed("23505", "", 'I'), false, "same error 23505"},
		{"another error", failed("23505", "", 'I'), failed("23514", "", 'I'), false, "WRONG"},
		{"refused", same, failed("0A000", refusal, 'I'), false, "refused not-applied"},
		{"refused, as plain PostgreSQL would", failed("22P02", "", 'I'), failed("22P02", "(pgveil: invalid-value)", 'I'), false, "same error 22P02"},
		{"refused, transaction left whole", oracle.Outcome{TxStatus: 'T'}, failed("0A000", refusal, 'T'), false, "WRONG"},
		{"refused, transaction failed", oracle.Outcome{TxStatus: 'T'}, failed("0A000", refusal, 'E'), false, "refused not-applied"},
		{"broken", same, oracle.Outcome{Broken: pgError("", "")}, false, "WRONG"},
	}
	for _, tt := range tests {
		got := oracle.Judge(tt.plain, tt.veiled, tt.ordered).String()
		if got != tt.want && (tt.want != "WRONG" || !strings.HasPrefix(got, "WRONG: ")) {
			t.Errorf("%s: Judge() = %s, want %s", tt.name, got, tt.want)
		}
	}
}

// All modes see the same of a real server, binary form aside.
func TestRun_seesRowsTypesTagsAndErrors(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	conn, err := pgconn.Connect(t.Context(), pg.URL("postgres", testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	st := oracle.Statement{SQL: "SELECT 'a' AS v, NULL::int AS n UNION ALL SELECT 'NULL', 7 ORDER BY n"}
	text := []oracle.Row{{`"NULL"`, `"7"`}, {`"a"`, "NULL"}}
	binary := []oracle.Row{{`"NULL"`, `"\x00\x00\x00\a"`}, {`"a"`, "NULL"}}
	for mode, rows := range map[oracle.Mode][]oracle.Row{oracle.Simple: text, oracle.Extended: text, oracle.Binary: binary, oracle.Mixed: binary} {
		got := oracle.Run(t.Context(), conn, mode, st)
		want := oracle.Outcome{TxStatus: 'I', Results: []oracle.Result{{
			Columns: []oracle.Column{{Name: "v", OID: pgtype.TextOID, Modifier: -1, Size: -1}, {Name: "n", OID: pgtype.Int4OID, Modifier: -1, Size: 4}},
			Rows:    rows, Tag: "SELECT 2",
		}}}
		if mode >= oracle.Binary {
			want.Params = []uint32{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mode %s (-want +got):\n%s", mode, diff)
		}
		if got := oracle.Run(t.Context(), conn, mode, oracle.Statement{SQL: "SELECT 1/0"}); got.Err == nil || got.Err.Code != "22012" {
			t.Errorf("mode %s: 1/0 gave %+v, want error 22012", mode, got)
		}
	}
}

// What COPY sends is compared row by row, in any form, and what it is sent arrives.
func TestRun_copies(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	conn, err := pgconn.Connect(t.Context(), pg.URL("postgres", testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE c (a int, b text)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	in := oracle.Run(t.Context(), conn, oracle.Extended, oracle.Statement{SQL: "COPY c FROM STDIN", Copy: []byte("1\tx\n2\t\\N\n")})
	if in.Err != nil || len(in.Results) != 1 || in.Results[0].Tag != "COPY 2" {
		t.Errorf("COPY FROM gave %+v, want the tag COPY 2", in)
	}
	const signature = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	for sql, want := range map[string][]string{
		"COPY c TO STDOUT":              {"1\tx\n", "2\t\\N\n", ""},
		"copy c to stdout (FORMAT csv)": {"1,x\n", "2,\n", ""},
		"COPY c (a) TO STDOUT WITH (FORMAT binary)": {
			signature, "\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01", "\x00\x01\x00\x00\x00\x04\x00\x00\x00\x02", "\xff\xff",
		},
	} {
		out := oracle.Run(t.Context(), conn, oracle.Simple, oracle.Statement{SQL: sql})
		var rows []oracle.Row
		for _, line := range want {
			rows = append(rows, oracle.Row{oracle.Quote(line)})
		}
		if diff := cmp.Diff([]oracle.Result{{Rows: rows, Tag: "COPY 2"}}, out.Results); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sql, diff)
		}
	}
	bad := oracle.Run(t.Context(), conn, oracle.Simple, oracle.Statement{SQL: "COPY c FROM STDIN", Copy: []byte("x\tx\n")})
	if bad.Err == nil || bad.Err.Code != "22P02" || bad.TxStatus != 'I' {
		t.Errorf("COPY of a malformed value gave %+v, want error 22P02", bad)
	}
}

// In mode Mixed, parameters arrive the same in both formats.
func TestRun_mixesFormats(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	conn, err := pgconn.Connect(t.Context(), pg.URL("postgres", testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	st := oracle.Statement{
		SQL:    "SELECT $1 + 0 AS a, $2 || '' AS b, $3::date AS c, $4 AS d",
		Params: [][]byte{[]byte("7"), []byte("x"), []byte("2024-02-29"), nil}, Types: []uint32{pgtype.Int4OID, 0, 0, pgtype.UUIDOID},
	}
	out := oracle.Run(t.Context(), conn, oracle.Mixed, st)
	if out.Err != nil || len(out.Results) != 1 {
		t.Fatalf("Run() = %+v", out)
	}
	want := []oracle.Row{{oracle.Quote("7"), oracle.Quote("x"), oracle.Quote("2024-02-29"), oracle.Null}}
	if diff := cmp.Diff(want, out.Results[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint32{pgtype.Int4OID, pgtype.TextOID, pgtype.DateOID, pgtype.UUIDOID}, out.Params); diff != "" {
		t.Errorf("parameter types (-want +got):\n%s", diff)
	}
	st.Params[2] = []byte("no date")
	if out := oracle.Run(t.Context(), conn, oracle.Mixed, st); out.Err == nil || out.Err.Code != "22007" {
		t.Errorf("a malformed parameter gave %+v, want error 22007", out)
	}
}

func TestParse_readsBlocks(t *testing.T) {
	t.Parallel()
	secrets := func(kind, name string) (string, error) { return "<" + kind + " " + name + ">", nil }
	page, err := oracle.Parse("p", []byte(`What it shows.
-- schema --
CREATE TABLE t (v text);
-- statements --
# Comments and empty lines
# stand before a statement.

SELECT v, '{{email.ann}}'
FROM t
$1: {{email.ann}}
$2: NULL
=> same as clerk

SELECT 1 ORDER BY 1
=> refused not-applied unordered once
`), secrets)
	if err != nil {
		t.Fatal(err)
	}
	want := []oracle.Block{
		{
			Statement: oracle.Statement{SQL: "SELECT v, '<email ann>'\nFROM t", Params: [][]byte{[]byte("<email ann>"), nil}},
			Want:      "same", User: "clerk", Line: 8,
		},
		{Statement: oracle.Statement{SQL: "SELECT 1 ORDER BY 1"}, Want: "refused not-applied", Once: true, Line: 11},
	}
	if diff := cmp.Diff(want, page.Blocks); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}

	rewritten := string(page.Rewrite([]string{"refused tainted", "same"}))
	for _, line := range []string{"=> refused tainted as clerk\n", "=> same unordered once\n", "$1: {{email.ann}}\n"} {
		if !strings.Contains(rewritten, line) {
			t.Errorf("the rewritten page has no line %q:\n%s", line, rewritten)
		}
	}
}

func TestParse_refusesAStatementWithoutVerdict(t *testing.T) {
	t.Parallel()
	if _, err := oracle.Parse("p", []byte("-- statements --\nSELECT 1\n"), nil); err == nil {
		t.Error("Parse() = nil error, want one: the statement says nothing of what is expected")
	}
}
