package shape

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testSeed = [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}

// scan returns the statements of a text, copied so that they outlive the Scanner.
func scan(t *testing.T, sql string, m Matcher) []Statement {
	t.Helper()
	statements, err := NewScanner(testSeed).Scan([]byte(sql), true, m)
	if err != nil {
		t.Fatalf("Scan(%q): %v", sql, err)
	}
	return statements
}

// one returns the only statement of a text.
func one(t *testing.T, sql string) Statement {
	t.Helper()
	statements := scan(t, sql, nil)
	if len(statements) != 1 {
		t.Fatalf("Scan(%q) found %d statements, want 1", sql, len(statements))
	}
	return statements[0]
}

// describe writes the slots of a statement as text: Form[literal kind …].
func describe(sql string, st Statement) string {
	kinds := map[Kind]string{Integer: "int", Float: "float", String: "str", Bits: "bits", Null: "null", True: "true", False: "false", Default: "default"}
	var out []string
	for _, slot := range st.Slots {
		var lits []string
		for _, l := range slot.Literals {
			text := kinds[l.Kind] + ":" + sql[l.Start:l.End]
			if l.CastEnd != 0 {
				text += "::" + sql[l.CastStart:l.CastEnd]
			}
			lits = append(lits, text)
		}
		form := [...]string{Single: "", List: "list", Rows: fmt.Sprintf("rows/%d", slot.Width)}[slot.Form]
		span := sql[slot.Start:slot.End]
		out = append(out, fmt.Sprintf("%s[%s] %s", form, strings.Join(lits, " "), span))
	}
	return strings.Join(out, "; ")
}

func TestScan_findsSlots(t *testing.T) {
	for _, tc := range []struct{ sql, want string }{
		{"SELECT 1", "[int:1] 1"},
		{"SELECT -1", "[int:1] 1"},
		{"SELECT 9223372036854775807, 9223372036854775808, -9223372036854775808, 0xFFFF_FFFF_FFFF_FFFF", "[int:9223372036854775807] 9223372036854775807; [float:9223372036854775808] 9223372036854775808; [float:9223372036854775808] 9223372036854775808; [float:0xFFFF_FFFF_FFFF_FFFF] 0xFFFF_FFFF_FFFF_FFFF"},
		{"SELECT 1.5, .5, 1e3, b'1', N'x', $$y$$, NULL, true", "[float:1.5] 1.5; [float:.5] .5; [float:1e3] 1e3; [bits:b'1'] b'1'; [str:'x'] 'x'; [str:$$y$$] $$y$$"},
		{"SELECT U&'!0061' UESCAPE '!', U&\"b\" UESCAPE '!', 'c'::text", "[str:U&'!0061' UESCAPE '!'] U&'!0061' UESCAPE '!'; [str:'c'] 'c'"},
		{"SELECT a FROM t WHERE b IN (1, -2,+ 3 ,'x', NULL,TRUE, false) AND c = 4", "list[int:1 int:-2 int:+ 3 str:'x' null:NULL true:TRUE false:false] 1, -2,+ 3 ,'x', NULL,TRUE, false; [int:4] 4"},
		{"SELECT 1 WHERE b IN ( /*a*/ -9223372036854775808 /*b*/ )", "[int:1] 1; list[int:-9223372036854775808] -9223372036854775808"},
		{"SELECT 1 WHERE b IN (-9223372036854775809, 1.5)", "[int:1] 1; list[float:-9223372036854775809 float:1.5] -9223372036854775809, 1.5"},
		{"WHERE b NOT IN ('a'::text, 'b' :: pg_catalog.\"date\", 3)", "list[str:'a'::text str:'b'::pg_catalog.\"date\" int:3] 'a'::text, 'b' :: pg_catalog.\"date\", 3"},
		{"WHERE b IN ('a'::varchar(3))", "[str:'a'] 'a'; [int:3] 3"},
		{"WHERE b IN ('a'::text[])", "[str:'a'] 'a'"},
		{"WHERE b IN ('a'::text::date)", "[str:'a'] 'a'"},
		{"WHERE b IN ('a'::double precision)", "[str:'a'] 'a'"},
		{"WHERE b IN ('a'::a.b.c)", "[str:'a'] 'a'"},
		{"WHERE b IN (1, $1)", "[int:1] 1"},
		{"WHERE b IN (1, 2 + 3)", "[int:1] 1; [int:2] 2; [int:3] 3"},
		{"WHERE b IN (1 2)", "[int:1] 1; [int:2] 2"},
		{"WHERE b IN (- -1)", "[int:1] 1"},
		{"WHERE b IN (-'1')", "[str:'1'] '1'"},
		{"WHERE b IN (DEFAULT, 1)", "[int:1] 1"},
		{"WHERE b IN (\"null\", 1)", "[int:1] 1"},
		{"WHERE b IN (SELECT 1 WHERE c IN (2, 3))", "[int:1] 1; list[int:2 int:3] 2, 3"},
		{"WHERE (a, b) IN ((1, 2), (3, 4))", "[int:1] 1; [int:2] 2; [int:3] 3; [int:4] 4"},
		{"WHERE b IN ()", ""},
		{"WHERE b IN (1,)", "[int:1] 1"},
		{"SELECT s.in(1, 2)", "[int:1] 1; [int:2] 2"},
		{"SELECT \"in\"(1, 2)", "[int:1] 1; [int:2] 2"},
		{"SELECT min(1, 2)", "[int:1] 1; [int:2] 2"},
		{"WHERE a = ANY ('{1,2}') AND b = ANY (ARRAY[1, 2])", "[str:'{1,2}'] '{1,2}'; [int:1] 1; [int:2] 2"},
		{"INSERT INTO t VALUES (1, 'a'), (-2, NULL) , (DEFAULT, 'c') RETURNING 5", "rows/2[int:1 str:'a' int:-2 null:NULL default:DEFAULT str:'c'] (1, 'a'), (-2, NULL) , (DEFAULT, 'c'); [int:5] 5"},
		{"INSERT INTO t (a) values(1)", "rows/1[int:1] (1)"},
		{"INSERT INTO t VALUES /* c */ ( 1 ) -- d", "rows/1[int:1] ( 1 )"},
		{"INSERT INTO t VALUES (1), (2, 3)", "[int:1] 1; [int:2] 2; [int:3] 3"},
		{"INSERT INTO t VALUES (1), (now())", "[int:1] 1"},
		{"INSERT INTO t VALUES (1, $1)", "[int:1] 1"},
		{"INSERT INTO t VALUES (1),", "[int:1] 1"},
		{"INSERT INTO t VALUES (1), 2", "[int:1] 1; [int:2] 2"},
		{"INSERT INTO t VALUES ()", ""},
		{"UPDATE t SET a = v.a FROM (VALUES (1, 'x'::text), (2, 'y'::text)) v (id, a) WHERE v.id IN (7)", "rows/2[int:1 str:'x'::text int:2 str:'y'::text] (1, 'x'::text), (2, 'y'::text); list[int:7] 7"},
		{"CREATE TABLE p PARTITION OF t FOR VALUES IN ('a', NULL)", "list[str:'a' null:NULL] 'a', NULL"},
		{"SELECT t.values (1)", "[int:1] 1"},
		{"SELECT 'a'\n'b' AS c", "[str:'a'\n'b'] 'a'\n'b'"},
	} {
		if got := describe(tc.sql, one(t, tc.sql)); got != tc.want {
			t.Errorf("slots of %q\n got %s\nwant %s", tc.sql, got, tc.want)
		}
	}
}

func TestScan_splitsStatements(t *testing.T) {
	for _, tc := range []struct {
		sql  string
		want []string
	}{
		{"", nil},
		{" ; -- nothing\n;; /* ; */ ", nil},
		{"SELECT 1", []string{"SELECT 1"}},
		{" /* a */ SELECT 1 /* b */ ; -- c\n ROLLBACK ", []string{"SELECT 1", "ROLLBACK"}},
		{"SELECT ';', $$;$$, \";\"; COMMIT;", []string{"SELECT ';', $$;$$, \";\"", "COMMIT"}},
		{"CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); COMMIT", []string{"CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", "COMMIT"}},
		{"SELECT a[1;2]; SELECT 3)); SELECT 4", []string{"SELECT a[1;2]", "SELECT 3))", "SELECT 4"}},
		{"SELECT a IN (1, 2); SELECT VALUES (1), (2) ; x", []string{"SELECT a IN (1, 2)", "SELECT VALUES (1), (2)", "x"}},
		{"BEGIN; CREATE FUNCTION f() RETURNS int BEGIN /* c */ ATOMIC SELECT 1; SELECT 2; END; COMMIT", []string{"BEGIN", "CREATE FUNCTION f() RETURNS int BEGIN /* c */ ATOMIC SELECT 1; SELECT 2; END; COMMIT"}},
		{"CREATE TABLE begin (atomic int); COMMIT", []string{"CREATE TABLE begin (atomic int)", "COMMIT"}},
		{"CREATE TABLE \"begin\" atomic; COMMIT", []string{"CREATE TABLE \"begin\" atomic", "COMMIT"}},
		{"BEGIN ATOMIC; COMMIT", []string{"BEGIN ATOMIC", "COMMIT"}},
	} {
		var got []string
		for _, st := range scan(t, tc.sql, nil) {
			got = append(got, tc.sql[st.Start:st.End])
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Scan(%q) (-want +got):\n%s", tc.sql, diff)
		}
	}
}

func TestScan_findsFirstWordsAndParameters(t *testing.T) {
	for _, tc := range []struct {
		sql, first, second string
		params             int
	}{
		{"DISCARD ALL", "discard", "all", 0},
		{"Execute \"My Plan\"(1)", "execute", "My Plan", 0},
		{"FETCH U&\"c\\0061\"", "fetch", "ca", 0},
		{"((SELECT $2, $1))", "select", "", 2},
		{"select distinct $10", "select", "distinct", 10},
		{"COMMIT", "commit", "", 0},
		{"VALUES (1) , (2) x", "values", "", 0},
		{"SELECT 1 x", "select", "", 0},
		{"SELECT (x)", "select", "", 0},
		{"1 select x", "", "", 0},
		{"[ select x", "", "", 0},
		{"\"select\" x", "", "", 0},
		{"N'x' y", "nchar", "", 0},
	} {
		st := one(t, tc.sql)
		if st.First != tc.first || st.Second != tc.second || st.Params != tc.params {
			t.Errorf("Scan(%q) = %q %q %d, want %q %q %d", tc.sql, st.First, st.Second, st.Params, tc.first, tc.second, tc.params)
		}
	}
}

func TestScan_refusesWhatItCannotRead(t *testing.T) {
	for _, sql := range []string{
		"SELECT 'a", "SELECT \"a", "/* a", "SELECT $$a", "SELECT 1a", "a\x00b", "SELECT $99999999999", "$1a",
		"U&\"a\\00\"", "U&\"a\" uescape b", "U&\"a\" UESCAPE '+'", "U&\"\\D83D\"", "U&\"\\D83Da\"", "U&\"\\DE00\"", "U&\"\\0000\"", "U&\"\\+110000\"", "U&'a' UESCAPE U&'!'", "U&'a' UESCAPE '!!'",
		"x IN (1, 'a", "VALUES (1), ('a", "VALUES (1) 'a", "x IN (1 /* )",
	} {
		if st, err := NewScanner(testSeed).Scan([]byte(sql), true, nil); err == nil {
			t.Errorf("Scan(%q) = %v, want an error", sql, st)
		}
	}
}

func TestScan_errorHoldsNoText(t *testing.T) {
	_, err := NewScanner(testSeed).Scan([]byte("SELECT 'secret' = 'secret"), true, nil)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Scan error = %v, want one without the text", err)
	}
	if e, ok := err.(*Error); !ok || e.Offset != 18 {
		t.Errorf("Scan error = %#v, want an *Error at 18", err)
	}
}

func TestScan_obeysStandardConformingStrings(t *testing.T) {
	sql := []byte(`SELECT 'a\'; DROP TABLE b --'`)
	for conforming, want := range map[bool]int{true: 2, false: 1} {
		got, err := NewScanner(testSeed).Scan(sql, conforming, nil)
		if err != nil || len(got) != want {
			t.Errorf("Scan(conforming %v) found %d statements (%v), want %d", conforming, len(got), err, want)
		}
	}
	if _, err := NewScanner(testSeed).Scan([]byte(`SELECT U&'a'`), false, nil); err == nil {
		t.Error("Scan took a U& string while standard_conforming_strings is off")
	}
}

func TestScan_forgetsTheTextBefore(t *testing.T) {
	s := NewScanner(testSeed)
	if _, err := s.Scan([]byte("CREATE FUNCTION f() BEGIN ATOMIC ((( $7 'x"), true, nil); err == nil {
		t.Fatal("Scan took an open string")
	}
	got, err := s.Scan([]byte("SELECT 1; SELECT 2"), true, nil)
	if err != nil || len(got) != 2 || got[0].Params != 0 || got[0].Hash != got[1].Hash {
		t.Errorf("Scan after an error = %+v, %v", got, err)
	}
}
