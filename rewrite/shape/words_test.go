package shape

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pg_query "github.com/pganalyze/pg_query_go/v6"
)

// words is a Matcher that flags one bit for each of its words.
type words map[string]Flags

func newWords(list ...string) words {
	w := words{}
	for i, word := range list {
		w[word] = 1 << i
	}
	return w
}

func (w words) Match(ident []byte) Flags { return w[string(ident)] }

// recorder is a Matcher that notes what it is asked.
type recorder struct{ seen []string }

func (r *recorder) Match(ident []byte) Flags {
	r.seen = append(r.seen, string(ident))
	return 0
}

func TestScan_matchesEveryWord(t *testing.T) {
	for _, tc := range []struct {
		sql  string
		want string
	}{
		{"SELECT a.B, \"C d\", U&\"e\\0066\" FROM s.T", "select a b|C d|ef from s t"},
		{`SELECT "a""b", "SELECT", U&"!!x" UESCAPE '!'`, `select|a"b|SELECT|!x`},
		{"SELECT N'x', 1, 'res_partner'", "select nchar"},
		{"SELECT É, Éa", "select É Éa"},
		{"x IN ('a'::Foo.\"Bar\", NULL, TRUE)", "x in foo|Bar|null true"},
		{"VALUES (1::t, DEFAULT), (2, 3)", "values t default"},
	} {
		r := &recorder{}
		scan(t, tc.sql, r)
		var want []string
		for _, part := range strings.Split(tc.want, "|") {
			if strings.Contains(tc.sql, `"`+part+`"`) {
				want = append(want, part)
				continue
			}
			want = append(want, strings.Fields(part)...)
		}
		if diff := cmp.Diff(want, r.seen); diff != "" {
			t.Errorf("words of %q (-want +got):\n%s", tc.sql, diff)
		}
	}
}

func TestScan_cutsNamesAsPostgreSQLDoes(t *testing.T) {
	for _, name := range []string{
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("é", 31) + "ab", strings.Repeat("é", 32), strings.Repeat("€", 22), "a" + strings.Repeat("😀", 16),
		strings.Repeat("Q", 70), strings.Repeat("a", 62) + "é", "ÀB",
	} {
		for _, sql := range []string{"SELECT " + name, `SELECT "` + name + `"`, `SELECT U&"` + name + `"`} {
			tree, err := pg_query.Parse(sql)
			if err != nil {
				t.Fatal(err)
			}
			want := tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val.GetColumnRef().Fields[0].GetString_().Sval
			r := &recorder{}
			scan(t, sql, r)
			if got := r.seen[1]; got != want {
				t.Errorf("name in %q = %q, want %q", sql, got, want)
			}
		}
	}
}

func TestScan_looksIntoCode(t *testing.T) {
	const secret = "res_partner"
	for _, tc := range []struct {
		sql  string
		want bool
	}{
		{"SELECT 'res_partner'", false},
		{"SELECT E'res_partner'", false},
		{"SELECT $$SELECT * FROM Res_Partner$$", true},
		{"SELECT $a$ x $b$res_partner$b$ $a$", true},
		{"SELECT $a$ res_partner2 xres_partner $a$", false},
		{"SELECT $$1res_partner$$", true},
		{"x IN ($$res_partner$$)", true},
		{"VALUES ($$res_partner$$)", true},
		{"VALUES ('res_partner')", false},
		{"DO 'BEGIN DELETE FROM res_partner; END'", true},
		{"do LANGUAGE plpgsql E'res\\137partner'", true},
		{"DO U&'res!005fpartner' UESCAPE '!'", true},
		{"DO 'EXECUTE ''DELETE FROM '' || ''res_partner'''", true},
		{"CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM \"res_partner\"'", true},
		{"CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM U&\"res\\005fpartner\"'", true},
		{"CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM u&\"res!005fpartner\" uescape ''!'''", true},
		{"CREATE FUNCTION f() RETURNS int AS 'SELECT 1 FROM \"RES_PARTNER\"'", true}, // when in doubt, yes
		{"CREATE VIEW v AS SELECT 1 WHERE a IN ('res_partner')", true},
		{"CREATE TABLE t (a text DEFAULT 'res_partners')", false},
		{"SELECT create, 'res_partner'", false},
		{"ALTER TABLE t SET DEFAULT 'res_partner'", false},
		{"CREATE FUNCTION f() AS 'it is \" unbalanced'", false},
		{"DO 'SELECT U&\"" + strings.Repeat("\\+000072", 1) + "es_partner\"'", true},
		{"DO '\"\"\"res_partner\"'", true},
	} {
		if got := one(t, tc.sql); got.Flags != 0 {
			t.Fatalf("Scan(%q) without a Matcher has flags", tc.sql)
		}
		st := scan(t, tc.sql, newWords(secret))[0]
		if got := st.Flags != 0; got != tc.want {
			t.Errorf("Scan(%q) sees %s: %v, want %v", tc.sql, secret, got, tc.want)
		}
	}
}

func TestScan_codeThatCannotBeReadIsAnError(t *testing.T) {
	for _, sql := range []string{
		"DO 'SELECT U&\"\\00\"'", "DO $$SELECT U&\"a\" UESCAPE x$$", "DO U&'\\00'",
	} {
		if st, err := NewScanner(testSeed).Scan([]byte(sql), true, newWords("x")); err == nil {
			t.Errorf("Scan(%q) = %v, want an error", sql, st)
		}
	}
}

func TestScan_namesWithQuotedLettersAreMatchedAsWritten(t *testing.T) {
	r := &recorder{}
	scan(t, `DO 'SELECT "My Table", "Über""x", MyTable, '' a$Tag$b'`, r)
	for _, want := range []string{"My Table", `Über"x`, "mytable", "MyTable", "a$tag$b", "a", "tag", "b", "Tag"} {
		if !slices.Contains(r.seen, want) {
			t.Errorf("words of a body lack %q: %q", want, r.seen)
		}
	}
}

// The server cuts a name at 63 bytes, so what is behind them in the quotes does not matter.
func TestScan_matchesWhatIsLeftOfALongNameInCode(t *testing.T) {
	name := strings.Repeat("x", 30) + `"` + strings.Repeat("y", 32)
	quoted := strings.ReplaceAll(name, `"`, `""`)
	unicode := strings.ReplaceAll(quoted, "y", `\+000079`)
	for _, sql := range []string{
		`DO '"` + quoted + `"'`, `DO '"` + quoted + strings.Repeat(" ", 500) + `"'`, `DO 'U&"` + unicode + `"'`, `DO 'U&"` + unicode + `z" UESCAPE ''\'''`,
	} {
		if st := scan(t, sql, newWords(name))[0]; st.Flags == 0 {
			t.Errorf("Scan(%q) does not see the name", sql)
		}
	}
}

func TestScan_readsCodeFullOfQuotesInTime(t *testing.T) {
	for _, piece := range []string{`"`, `""a`, `"a""`, `U&"a""`, `$a`, `U&"a"`} {
		body := strings.Repeat(piece, 500_000/len(piece))
		start := time.Now()
		_, _ = NewScanner(testSeed).Scan([]byte("DO '"+body+"'"), true, newWords("x"))
		// Reading it takes some tenths of a second at most, by the square it took minutes.
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("code of %q takes %v", piece, took)
		}
	}
}

func TestScan_keepsFlagsApart(t *testing.T) {
	got := scan(t, "SELECT a; SELECT b; SELECT a, b, c; SELECT d", newWords("a", "b", "c"))
	var flags []Flags
	for _, st := range got {
		flags = append(flags, st.Flags)
	}
	if diff := cmp.Diff([]Flags{1, 2, 7, 0}, flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}
