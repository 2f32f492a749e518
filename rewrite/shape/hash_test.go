package shape

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestScan_literalsAndSpaceAreNotPartOfTheShape(t *testing.T) {
	for _, same := range [][]string{
		{"SELECT 1", "select 22", "Select /* c */ 0x1F", "SELECT 9223372036854775807 -- end", "SELECT\n1;"},
		{"SELECT 'a'", "SELECT $$b$$", "SELECT E'\\n'", "SELECT U&'a' UESCAPE '!'", "SELECT 'a'\n'b'", "SELECT ''"},
		{"SELECT 1.5", "SELECT 1e3", "SELECT 9223372036854775808", "SELECT .1"},
		{"SELECT b'1'", "SELECT x'f'"},
		{"SELECT -1", "SELECT - 2"},
		{"a IN (1)", "a IN (1, 2, 3)", "a in ( -1.5 )", "a IN ('x'::text, NULL)", "a IN (TRUE)"},
		{"VALUES (1, 'a')", "values (NULL, DEFAULT), ('x'::date, -1)"},
		{"SELECT foo", "SELECT FOO", "SELECT fOo"},
		{`SELECT "foo"`, `SELECT U&"foo"`, `SELECT U&"f!006fo" UESCAPE '!'`},
		{"SELECT $1", "SELECT $01"},
		{"SELECT " + strings.Repeat("a", 63), "SELECT " + strings.Repeat("a", 70)},
	} {
		first := one(t, same[0])
		for _, sql := range same[1:] {
			if st := one(t, sql); st.Hash != first.Hash || len(st.Slots) != len(first.Slots) {
				t.Errorf("%q and %q have different shapes", same[0], sql)
			}
		}
	}
}

func TestScan_otherTokensAreOtherShapes(t *testing.T) {
	texts := []string{
		"SELECT 1", "SELECT 1.5", "SELECT 'a'", "SELECT b'1'", "SELECT N'a'", "SELECT NULL", "SELECT true", "SELECT -1", "SELECT +1", "SELECT - -1",
		"SELECT $1", "SELECT $2", "SELECT $256", "SELECT a", `SELECT "a"`, `SELECT "A"`, `SELECT "a""b"`, "SELECT ab", "SELECT a b", "SELECT a.b", "SELECT select", `SELECT "select"`,
		"SELECT a IN (1)", "SELECT a IN (1, $1)", "SELECT a IN ((1))", "SELECT a IN ()", "SELECT a IN (b)", "SELECT a (1)", "SELECT a",
		"VALUES (1)", "VALUES (1, 2)", "VALUES (1, 2, 3)", "VALUES (1, a)", "VALUES (1), (a)", "VALUES (1), (2, 3)", "VALUES ()",
		"SELECT 1::text", "SELECT 1::date", "SELECT 'a'::text", "SELECT text 'a'", "SELECT 1 + 1", "SELECT 1 +1 +1", "SELECT 1 || 1", "SELECT 1 <> 1", "SELECT 1 != 1", "SELECT 1 < > 1",
		"SELECT s\x01", "SELECT (1)", "SELECT [1]", "(SELECT 1)", "((SELECT 1))", "SELECT 1 2", "SELECT é", "SELECT É",
	}
	seen := map[[2]uint64]string{}
	for _, sql := range texts {
		h := one(t, sql).Hash
		if other, ok := seen[h]; ok && other != sql {
			t.Errorf("%q and %q have one shape", other, sql)
		}
		seen[h] = sql
	}
}

func TestScan_hashDependsOnTheSeed(t *testing.T) {
	sql := []byte("SELECT 1")
	hash := func(seed [2]uint64) [2]uint64 {
		got, err := NewScanner(seed).Scan(sql, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got[0].Hash
	}
	if again := hash(testSeed); again != hash(testSeed) {
		t.Error("one seed gave two hashes")
	}
	for _, seed := range [][2]uint64{{testSeed[0], 0}, {0, testSeed[1]}} {
		if hash(seed) == hash(testSeed) {
			t.Errorf("the hash does not depend on the whole seed: %x", seed)
		}
	}
}

// fresh are literals of each kind that may stand for one of the same kind.
var fresh = map[Kind][]string{
	Integer: {"7", "0x1f", "123_456"},
	Float:   {"7.25", "1e-9", "98765432109876543210"},
	String:  {"'x'", "'it''s; --'", "E'\\'\\n('", "$q$ ' $q$", "U&'!0041' UESCAPE '!'", "'a'\n 'b'"},
	Bits:    {"b'1'", "x'0f'"},
	Null:    {"NULL"}, True: {"true"}, False: {"FALSE"}, Default: {"DEFAULT"},
}

// withOtherLiterals writes a statement anew with pick's literals in its slots.
// Lists and rows get another length too.
func withOtherLiterals(sql string, st Statement, pick func(Kind) string) string {
	var out strings.Builder
	from := st.Start
	for _, slot := range st.Slots {
		out.WriteString(sql[from:slot.Start])
		from = slot.End
		switch slot.Form {
		case Single:
			out.WriteString(" " + pick(slot.Literals[0].Kind) + " ")
		case List:
			fmt.Fprintf(&out, "%s, NULL , -%s", pick(slot.Literals[0].Kind), pick(Integer))
		case Rows:
			row := "(" + strings.TrimSuffix(strings.Repeat(pick(String)+"::text,", slot.Width), ",") + ")"
			out.WriteString(row + ",\n" + row)
		}
	}
	out.WriteString(sql[from:st.End])
	return out.String()
}

func TestScan_propertyOtherLiteralsSameShape(t *testing.T) {
	statements := odooStatements(t)
	scanner := NewScanner(testSeed)
	rapid.Check(t, func(t *rapid.T) {
		sql := rapid.SampledFrom(statements).Draw(t, "statement")
		before, err := scanner.Scan([]byte(sql), true, nil)
		if err != nil {
			t.Fatal(err)
		}
		st := before[0]
		hash, slots := st.Hash, len(st.Slots)
		twin := withOtherLiterals(sql, st, func(k Kind) string {
			return rapid.SampledFrom(fresh[k]).Draw(t, "literal")
		})
		after, err := scanner.Scan([]byte(twin), true, nil)
		if err != nil {
			t.Fatalf("Scan(%q): %v", twin, err)
		}
		if len(after) != 1 || after[0].Hash != hash || len(after[0].Slots) != slots {
			t.Fatalf("other shape:\n%s\n%s", sql, twin)
		}
	})
}

func TestScan_propertyOtherTokenOtherShape(t *testing.T) {
	statements := odooStatements(t)
	scanner := NewScanner(testSeed)
	hashes := func(sql string) (all [][2]uint64) {
		got, err := scanner.Scan([]byte(sql), true, nil)
		if err != nil {
			return nil
		}
		for _, st := range got {
			all = append(all, st.Hash)
		}
		return all
	}
	rapid.Check(t, func(t *rapid.T) {
		sql := rapid.SampledFrom(statements).Draw(t, "statement")
		tokens, err := ours(sql)
		if err != nil {
			t.Fatal(err)
		}
		b := rapid.SampledFrom(tokens).Draw(t, "token")
		if b.Kind == "string" || b.Kind == "number" || sql[b.Start:b.End] == ";" || inList(t, scanner, sql, b) {
			return
		}
		other := rapid.SampledFrom([]string{" zz ", ` "zz" `, " $77 ", " @@@ ", " 'a' ", "", " zz zz "}).Draw(t, "other")
		changed := sql[:b.Start] + other + sql[b.End:]
		if slices.Equal(hashes(sql), hashes(changed)) {
			t.Fatalf("one shape:\n%s\n%s", sql, changed)
		}
	})
}

// inList reports whether a token stands in a List or Rows, and so outside the shape.
func inList(t *rapid.T, s *Scanner, sql string, b bound) bool {
	got, err := s.Scan([]byte(sql), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range got {
		if i := st.SlotAt(b.Start); i >= 0 && st.Slots[i].Form != Single {
			return true
		}
	}
	return false
}

func TestStatement_SlotAt(t *testing.T) {
	sql := "SELECT - 1, a-2, +3, 'x', -'y', - -4 WHERE a IN ( 5, -6::int4 ) AND $1 = 7"
	st := one(t, sql)
	for _, tc := range []struct {
		at   string // the offset is that of its first byte
		want int
	}{
		{"SELECT", -1}, {"- 1", 0}, {"1, a", 0}, {" 1, a", -1}, {", a", -1}, {"-2", 1}, {"2, +", 1}, {"+3", 2}, {"3, '", 2},
		{"'x'", 3}, {"x', -", 3}, {"-'y'", -1}, {"'y'", 4}, {"- -4", -1}, {"-4 W", 5}, {"4 W", 5}, {"IN (", -1}, {" 5", -1},
		{"5, -6", 6}, {"-6:", 6}, {"int4", 6}, {" ) AND", -1}, {"$1", -1}, {"7", 7},
	} {
		if got := st.SlotAt(strings.Index(sql, tc.at)); got != tc.want {
			t.Errorf("SlotAt(%q) = %d, want %d", tc.at, got, tc.want)
		}
	}
	if got := st.SlotAt(len(sql)); got != -1 {
		t.Errorf("SlotAt(end) = %d, want -1", got)
	}
}

func TestScan_allocatesNothingOnceGrown(t *testing.T) {
	s := NewScanner(testSeed)
	m := newWords("res_partner")
	texts := [][]byte{}
	for _, sql := range odooStatements(t) {
		texts = append(texts, []byte(sql))
	}
	scanAll := func() {
		for _, sql := range texts {
			if _, err := s.Scan(sql, true, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	scanAll()
	if n := testing.AllocsPerRun(10, scanAll); n != 0 {
		t.Errorf("scanning %d statements allocates %v times, want 0", len(texts), n)
	}
}

func TestScan_letsGoOfHugeBuffers(t *testing.T) {
	s := NewScanner(testSeed)
	huge := "VALUES (1)" + strings.Repeat(", (1)", 2*keepLiterals) + "; SELECT " + strings.Repeat("a,", keepBytes) + "a"
	if _, err := s.Scan([]byte(huge), true, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scan([]byte("SELECT 1"), true, nil); err != nil {
		t.Fatal(err)
	}
	if cap(s.literals) > keepLiterals || cap(s.shape) > keepBytes {
		t.Errorf("Scanner kept %d literals and %d bytes", cap(s.literals), cap(s.shape))
	}
}

func TestScanner_internsBoundedly(t *testing.T) {
	s := NewScanner(testSeed)
	for i := range 3 * keepWords {
		st, err := s.Scan(fmt.Appendf(nil, "EXECUTE plan%d", i), true, nil)
		if err != nil || st[0].Second != fmt.Sprintf("plan%d", i) {
			t.Fatalf("Scan = %+v, %v", st, err)
		}
	}
	if len(s.words) > keepWords {
		t.Errorf("Scanner remembers %d words, want at most %d", len(s.words), keepWords)
	}
}

func BenchmarkScan(b *testing.B) {
	statements := odooStatements(b)
	short := []byte("SELECT abalance FROM pgbench_accounts WHERE aid = 4711;")
	long := []byte{}
	for _, sql := range statements {
		if len(sql) > 900 && len(sql) < 1000 && strings.HasPrefix(sql, "SELECT") {
			long = []byte(sql)
		}
	}
	list := []byte("SELECT id FROM res_partner WHERE id IN (1" + strings.Repeat(", 12345", 1000) + ")")
	for name, sql := range map[string][]byte{"short": short, "odoo": long, "list": list} {
		b.Run(name, func(b *testing.B) {
			s, m := NewScanner(testSeed), newWords("res_partner")
			b.ReportAllocs()
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				if _, err := s.Scan(sql, true, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
