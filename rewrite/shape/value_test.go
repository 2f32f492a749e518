package shape

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	pg_query "github.com/pganalyze/pg_query_go/v6"
)

// value returns the value of the first literal of a text.
func value(t *testing.T, sql string, conforming bool) (string, error) {
	t.Helper()
	statements, err := NewScanner(testSeed).Scan([]byte(sql), conforming, nil)
	if err != nil {
		t.Fatalf("Scan(%q): %v", sql, err)
	}
	got, err := AppendValue([]byte("before"), []byte(sql), statements[0].Slots[0].Literals[0], conforming)
	return strings.TrimPrefix(string(got), "before"), err
}

func TestAppendValue_decodes(t *testing.T) {
	for _, tc := range []struct{ literal, want string }{
		{"'a'", "a"}, {"''", ""}, {"''''", "'"}, {"'it''s'", "it's"}, {`'a\n'`, `a\n`}, {"'é'", "é"},
		{"'a'\n'b'", "ab"}, {"'a''' -- c\n  '''b'\n''", "a''b"},
		{`E'a\nb\t\b\f\r\\\'\q'''`, "a\nb\t\b\f\r\\'q'"}, {`e'\101\x41\x4a\1018\x'`, "AAJA8x"}, {"E'a'\n'\\n'", "a\n"},
		{`E'\u00e9\U0001F600\uD83D\uDE00'`, "é😀😀"}, {`E'\xc3\xa9'`, "é"},
		{"$$a$b'$$", "a$b'"}, {"$t$a$$b$t$", "a$$b"}, {"$$$$", ""}, {"N'x'", "x"}, {`n'\'`, `\`},
		{`U&'\0061\+01F600\\''\D83D\DE00'`, `a😀\'😀`}, {"U&'!0061!!\\' UESCAPE '!'", `a!\`}, {"U&'d^0061' uescape E'^'", "da"},
		{"U&'a\\00'\n'61'", "aa"}, {"U&'\\00e9' /* c */ UESCAPE /* d */ $$\\$$", "é"},
		{"1", "1"}, {"007", "7"}, {"0", "0"}, {"1_000", "1000"}, {"0x1F", "31"}, {"0X_ff_ff", "65535"}, {"0o17", "15"}, {"0b101", "5"},
		{"99999999999999999999", "99999999999999999999"}, {"0xFFFFFFFFFFFFFFFFFF", "4722366482869645213695"}, {"0b1_0000000000000000000000000000000000000000000000000000000000000000", "18446744073709551616"},
		{"1_0.5_0", "10.50"}, {".5", ".5"}, {"1.", "1."}, {"1e1_0", "1e10"},
		{"b'0101'", "0101"}, {"B''", ""}, {"x'1F'", "00011111"}, {"X'a'\n'0'", "10100000"},
	} {
		if got, err := value(t, "SELECT "+tc.literal, true); err != nil || got != tc.want {
			t.Errorf("AppendValue(%s) = %q, %v, want %q", tc.literal, got, err, tc.want)
		}
	}
}

func TestAppendValue_decodesWithSigns(t *testing.T) {
	for _, tc := range []struct{ literal, want string }{
		{"-1", "-1"}, {"+1", "1"}, {"- /* c */ 1.50", "-1.50"}, {"-0", "0"}, {"-0x10", "-16"}, {"+ 0x10", "16"},
		{"-9223372036854775808", "-9223372036854775808"}, {"-9223372036854775809", "-9223372036854775809"}, {"-0xFFFFFFFFFFFFFFFFF", "-295147905179352825855"},
		{"TRUE", "true"}, {"false", "false"}, {"'a'::text", "a"},
	} {
		if got, err := value(t, "x IN ("+tc.literal+")", true); err != nil || got != tc.want {
			t.Errorf("AppendValue(%s) = %q, %v, want %q", tc.literal, got, err, tc.want)
		}
	}
}

func TestAppendValue_obeysStandardConformingStrings(t *testing.T) {
	for _, tc := range []struct{ literal, want string }{
		{`'a\nb'`, "a\nb"}, {`'\''`, "'"}, {`'a''\\'`, `a'\`}, {"'a'\n'\\t'", "a\t"}, {`N'\101'`, "A"}, {`$$\n$$`, `\n`},
	} {
		if got, err := value(t, "SELECT "+tc.literal, false); err != nil || got != tc.want {
			t.Errorf("AppendValue(%s, off) = %q, %v, want %q", tc.literal, got, err, tc.want)
		}
	}
}

func TestAppendValue_refuses(t *testing.T) {
	for _, literal := range []string{
		"NULL", "null", `E'a\vb'`, `E'\\\v'`, "b'12'", "x'1g'", `U&'\00'`, `U&'\D83D'`, `U&'\D83Dx'`, `U&'\DE00'`, `U&'\0000'`, `U&'\+110000'`, `U&'\+00004'`, `U&'\'`,
		"0x" + strings.Repeat("f", maxBasedDigits+1),
	} {
		if got, err := value(t, "x IN ("+literal+")", true); err == nil {
			t.Errorf("AppendValue(%.20s) = %q, want an error", literal, got)
		}
	}
	if got, err := value(t, "VALUES (DEFAULT)", true); err == nil {
		t.Errorf("AppendValue(DEFAULT) = %q, want an error", got)
	}
	if got, err := value(t, `SELECT E'a\\v'`, true); err != nil || got != `a\v` {
		t.Errorf(`AppendValue(E'a\\v') = %q, %v: a backslash and a v are no vertical tab`, got, err)
	}
}

// parsed returns the constant of "SELECT literal" as PostgreSQL's parser reads it.
func parsed(sql string) (string, bool) {
	tree, err := pg_query.Parse(sql)
	if err != nil || len(tree.Stmts) != 1 {
		return "", false
	}
	targets := tree.Stmts[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return "", false
	}
	c := targets[0].GetResTarget().GetVal().GetAConst()
	switch v := c.GetVal().(type) {
	case *pg_query.A_Const_Sval:
		return v.Sval.Sval, true
	case *pg_query.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.Ival)), true
	case *pg_query.A_Const_Fval:
		return v.Fval.Fval, true
	case *pg_query.A_Const_Bsval:
		return v.Bsval.Bsval, true
	}
	return "", false
}

// compareValue fails the test unless AppendValue reads a literal as PostgreSQL's parser does.
func compareValue(t *testing.T, literal string) {
	t.Helper()
	sql := "SELECT " + literal
	if strings.IndexByte(sql, 0) >= 0 {
		return
	}
	want, ok := parsed(sql)
	if !ok {
		return
	}
	statements, err := NewScanner(testSeed).Scan([]byte(sql), true, nil)
	if err != nil {
		t.Fatalf("Scan(%q): %v, but PostgreSQL reads it", sql, err)
	}
	st := statements[0]
	if len(st.Slots) != 1 || len(st.Slots[0].Literals) != 1 {
		return // a sign chain, or a comment in which nothing stands
	}
	lit := st.Slots[0].Literals[0]
	got, err := AppendValue(nil, []byte(sql), lit, true)
	if err != nil {
		if !strings.Contains(sql, `\v`) && lit.Kind != Bits {
			t.Errorf("AppendValue(%q): %v, want %q", literal, err, want)
		}
		return
	}
	if !sameValue(lit.Kind, string(got), want) && strings.Count(sql, "-") == 0 {
		t.Errorf("AppendValue(%q) = %q, want %q", literal, got, want)
	}
}

// sameValue compares a value of ours with the parser's, which leaves numbers and bits as they were written.
func sameValue(kind Kind, got, want string) bool {
	switch kind {
	case String:
		// protobuf does not carry invalid UTF-8
		return got == want || !utf8.ValidString(got)
	case Bits:
		if want[0] == 'x' {
			var bits strings.Builder
			for _, digit := range want[1:] {
				fmt.Fprintf(&bits, "%04b", hexValue(byte(digit)))
			}
			return got == bits.String()
		}
		return got == want[1:]
	case Integer, Float:
		want = strings.ReplaceAll(want, "_", "")
		base := 10
		if len(want) > 2 && classes[want[1]] == classIdent && want[0] == '0' && want[1]|0x20 != 'e' {
			base = 0
		}
		if n, ok := new(big.Int).SetString(want, base); ok {
			g, ok := new(big.Int).SetString(got, 10)
			return ok && g.Cmp(n) == 0
		}
		return got == want
	}
	return false
}

func TestAppendValue_agreesWithPostgreSQL(t *testing.T) {
	for _, literal := range lexerTexts {
		compareValue(t, literal)
	}
}

func FuzzAppendValue(f *testing.F) {
	for _, literal := range lexerTexts {
		f.Add(literal)
	}
	f.Fuzz(compareValue)
}
