package backfill

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
)

func superuser(t *testing.T) *pgx.Conn {
	t.Helper()
	pg := testkit.StartPostgres(t)
	conn, err := pgx.Connect(t.Context(), pg.URL("postgres", testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// TestConstant_agreesWithServer has the server print defaults and evaluate
// them, and compares what constant reads out of the print.
func TestConstant_agreesWithServer(t *testing.T) {
	conn := superuser(t)
	run(t, conn, settingsSQL+"; CREATE SCHEMA s; CREATE DOMAIN s.\"Odd dom\" AS text; SET search_path = pg_catalog, s")
	for _, tc := range []struct{ typ, expr string }{
		{"text", "'x'"}, {"text", "'it''s'"}, {"text", `E'a\\b'`}, {"text", `E'\n\t'`}, {"text", "''"}, {"text", "'a::text'"}, {"text", "12"},
		{"text", "U&'\\00e9'"}, {"text", "$$dollar$$"}, {"text", "'日本'"}, {`"Odd dom"`, "'x'"},
		{"varchar(9)", "'x'"}, {"varchar(9)", "'x'::text"}, {"char(3)", "'x'"}, {"text", "'x'::varchar(5)"}, {"varchar", "'x'::char(3)"},
		{"int4", "5"}, {"int4", "-5"}, {"int8", "-9223372036854775808"}, {"int8", "5000000000"}, {"int2", "7"}, {"int2", "-7"}, {"int4", "'5'"},
		{"numeric(6,2)", "1.5"}, {"numeric(6,2)", "-1.5"}, {"numeric", "1e20"}, {"numeric", "'NaN'"}, {"float8", "0.1"}, {"float8", "-0.1"}, {"float4", "1"},
		{"bool", "true"}, {"bool", "false"}, {"bool", "'t'"}, {"date", "'2020-01-02'"}, {"date", "date '2020-01-02'"}, {"date", "'infinity'"},
		{"timestamp", "'2020-01-02 03:04:05.6'"}, {"timestamptz", "'2020-01-02 03:04:05+02'"}, {"time", "'03:04'"}, {"timetz", "'03:04+05'"},
		{"timestamp(3)", "'2020-01-02 03:04:05.678'"}, {"interval", "'1 mon 2 days'"}, {"interval(2)", "'1.5 s'"}, {"uuid", "'00000000-0000-0000-0000-000000000001'"},
		{"bytea", `'\x0102'`}, {"json", `'{"a": "b"}'`}, {"jsonb", `'{"a":"it''s"}'`}, {"text[]", "'{a,b}'"}, {"int4[]", "'{1,NULL}'"}, {"date[]", "'{2020-01-02}'"},
		{"varchar(5)[]", "'{a}'"}, {"text", "NULL"}, {"date", "NULL"}, {"varchar(3)", "NULL::varchar"}, {"int4", "NULL"},
		// Not constants, whatever they look like.
		{"text", "now()::text"}, {"date", "now()"}, {"date", "CURRENT_DATE"}, {"text", "'a' || 'b'"}, {"text", "CURRENT_USER"}, {"int4", "1 + 1"},
		{"text[]", "ARRAY['a']"}, {"timestamptz", "CURRENT_TIMESTAMP"}, {"text", "upper('x')"}, {"uuid", "gen_random_uuid()"}, {"date", "('now'::text)::date"},
		{"text", "current_setting('work_mem')"}, {"text", "CASE WHEN true THEN 'x' END"}, {"bool", "(NOT false)"}, {"text", "('x'::text COLLATE \"C\")"},
	} {
		run(t, conn, fmt.Sprintf("DROP TABLE IF EXISTS s.t; CREATE TABLE s.t (c %s DEFAULT %s, id int); INSERT INTO s.t (id) VALUES (1)", tc.typ, tc.expr))
		var printed, want *string
		const asked = "SELECT (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 's.t'::regclass), c::text FROM s.t"
		if err := conn.QueryRow(t.Context(), asked).Scan(&printed, &want); err != nil {
			t.Fatal(err)
		}
		if printed == nil {
			continue // DEFAULT NULL is no default
		}
		value, null, ok := constant(*printed)
		switch {
		case !ok:
			if !volatile(tc.expr) {
				t.Logf("DEFAULT %s of %s is printed %s: refused, though constant", tc.expr, tc.typ, *printed)
			}
		case volatile(tc.expr):
			t.Errorf("constant(%q) = %q, want it refused: it is %s", *printed, value, tc.expr)
		case null != (want == nil):
			t.Errorf("constant(%q) is NULL: %v, want %v", *printed, null, want == nil)
		case !null:
			// What Seal is given goes through the type's input, as here.
			var got string
			err := conn.QueryRow(t.Context(), fmt.Sprintf("SELECT CAST(%s AS %s)::text", literal(value), tc.typ)).Scan(&got)
			if err != nil || got != *want {
				t.Errorf("constant(%q) = %q, read as %q, %v; the server says %q", *printed, value, got, err, *want)
			}
		}
	}
}

// volatile tells the expressions of the test that are not constants.
func volatile(expr string) bool {
	switch expr {
	case "now()::text", "now()", "CURRENT_DATE", "'a' || 'b'", "CURRENT_USER", "1 + 1", "ARRAY['a']", "CURRENT_TIMESTAMP", "upper('x')",
		"gen_random_uuid()", "('now'::text)::date", "current_setting('work_mem')", "CASE WHEN true THEN 'x' END", "(NOT false)", "('x'::text COLLATE \"C\")":
		return true
	}
	return false
}

// TestMentionsOf_agreesWithServer has the server print conditions, and asks it
// which of them stay true when the column's value is another: those that look
// at the value must be found out.
func TestMentionsOf_agreesWithServer(t *testing.T) {
	conn := superuser(t)
	for _, tc := range []struct {
		condition string
		looks     bool
	}{
		{"c IS NULL", false}, {"c IS NOT NULL", false}, {"NOT (c IS NULL)", false}, {"c ISNULL OR d > 1", false}, {"d > 1 AND (c IS NOT NULL OR d < 9)", false},
		{"e = 'c IS NOT NULL'", false}, {`e = 'c = ''c'''`, false}, {"e = E'\\\\c'", false}, {"num_nulls(d) = 0", false}, {"CASE WHEN c IS NULL THEN d > 1 ELSE true END", false},
		{"(c IS NULL) = (d IS NULL)", false}, {`"C" > 1`, false}, {`"c d" = 1 AND c IS NULL`, false},
		{"c = 'x'", true}, {"length(c) > 1", true}, {"c <> ''", true}, {"c IS NOT DISTINCT FROM 'x'", true}, {"(c || e) IS NOT NULL AND c > 'a'", true},
		{"c IN ('a', 'b')", true}, {"c LIKE 'a%'", true}, {"c ~ '^a'", true}, {"coalesce(c, e) = 'x'", true}, {"num_nulls(c, d) = 0", true}, {"upper(c) IS NOT NULL", true},
		{"(c = e) IS TRUE", true}, {"c IS NULL OR c > 'a'", true}, {"d = length(c)", true}, {"c COLLATE \"C\" > 'a'", true}, {"(c || 'x') IS NULL", true},
	} {
		run(t, conn, `DROP TABLE IF EXISTS t; CREATE TABLE t (c text, d int, e text, "C" int, "c d" int); ALTER TABLE t ADD CONSTRAINT k CHECK (`+tc.condition+`)`)
		var printed string
		if err := conn.QueryRow(t.Context(), "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'k'").Scan(&printed); err != nil {
			t.Fatal(err)
		}
		if got := mentionsOf(printed, "c").Other; got != tc.looks {
			t.Errorf("mentionsOf(%q) looks at the value: %v, want %v (written %s)", printed, got, tc.looks, tc.condition)
		}
	}
}

// TestTerm_agreesWithServer makes indexes over terms and looks whether they are recognised.
func TestTerm_agreesWithServer(t *testing.T) {
	conn := superuser(t)
	run(t, conn, `CREATE EXTENSION citext; CREATE TABLE t (a text, b varchar, "C d" varchar(9), e citext, "select" text)`)
	for _, quoted := range []string{"a", "b", `"C d"`, "e", `"select"`} {
		run(t, conn, "DROP INDEX IF EXISTS x; CREATE INDEX x ON t (("+term(quoted)+"))")
		var printed string
		if err := conn.QueryRow(t.Context(), "SELECT pg_get_indexdef('x'::regclass, 1, false)").Scan(&printed); err != nil {
			t.Fatal(err)
		}
		if !isTerm(printed, quoted) {
			t.Errorf("isTerm(%q, %s) = false", printed, quoted)
		}
		if quoted != "b" && isTerm(printed, "b") {
			t.Errorf("isTerm(%q, b) = true", printed)
		}
	}
}
