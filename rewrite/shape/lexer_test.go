package shape

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pg_query "github.com/pganalyze/pg_query_go/v6"
)

// bound is a token as both lexers describe it.
type bound struct {
	Kind       string
	Start, End int
}

// ours lexes with the lexer of this package.
func ours(sql string) ([]bound, error) {
	l := lexer{sql: []byte(sql), conforming: true}
	bounds := []bound{}
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		if t.kind == tokEnd {
			return bounds, nil
		}
		bounds = append(bounds, bound{ourKind(t), t.start, t.end})
	}
}

func ourKind(t token) string {
	switch t.kind {
	case tokWord, tokNational:
		return "word"
	case tokQuoted:
		return "quoted"
	case tokUnicodeQuoted:
		return "unicode quoted"
	case tokString, tokEscape, tokDollar:
		return "string"
	case tokUnicode:
		return "unicode string"
	case tokBits:
		return "bits"
	case tokInteger, tokFloat:
		return "number"
	case tokParam:
		return "param"
	}
	return "operator"
}

// theirs lexes with PostgreSQL's lexer, leaving out comments. pg_query makes
// comments tokens, and so loses the rule that a string goes on behind one; we
// go by the server.
func theirs(sql string) ([]bound, error) {
	result, err := pg_query.Scan(sql)
	if err != nil {
		return nil, err
	}
	bounds := []bound{}
	for _, t := range result.Tokens {
		if t.Token == pg_query.Token_SQL_COMMENT || t.Token == pg_query.Token_C_COMMENT {
			continue
		}
		bounds = append(bounds, bound{theirKind(t, sql), int(t.Start), int(t.End)})
	}
	return bounds, nil
}

func theirKind(t *pg_query.ScanToken, sql string) string {
	switch t.Token {
	case pg_query.Token_IDENT:
		if sql[t.Start] == '"' {
			return "quoted"
		}
		return "word"
	case pg_query.Token_UIDENT:
		return "unicode quoted"
	case pg_query.Token_SCONST:
		return "string"
	case pg_query.Token_USCONST:
		return "unicode string"
	case pg_query.Token_BCONST, pg_query.Token_XCONST:
		return "bits"
	case pg_query.Token_ICONST, pg_query.Token_FCONST:
		return "number"
	case pg_query.Token_PARAM:
		return "param"
	}
	if t.KeywordKind != pg_query.KeywordKind_NO_KEYWORD {
		return "word"
	}
	return "operator"
}

// stricter reports whether we refuse a text on purpose that PostgreSQL's lexer
// accepts: see the package comment.
func stricter(err error) bool {
	return strings.Contains(err.Error(), "parameter")
}

// compareLexers fails the test unless both lexers agree on the text.
func compareLexers(t *testing.T, sql string) {
	t.Helper()
	if strings.IndexByte(sql, 0) >= 0 {
		return // pg_query ends at it, Scan refuses it
	}
	want, theirErr := theirs(sql)
	got, ourErr := ours(sql)
	switch {
	case ourErr != nil && stricter(ourErr):
	case (ourErr == nil) != (theirErr == nil):
		t.Errorf("lex(%q): error %v, PostgreSQL's %v", sql, ourErr, theirErr)
	case ourErr == nil && !continuesBehindComment(sql, got):
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lex(%q) differs from PostgreSQL (-want +got):\n%s", sql, diff)
		}
	}
}

// continuesBehindComment reports whether a string token may hold a comment
// between its parts.
func continuesBehindComment(sql string, tokens []bound) bool {
	for _, b := range tokens {
		text := sql[b.Start:b.End]
		if (strings.HasSuffix(b.Kind, "string") || b.Kind == "bits") && strings.Contains(text, "--") &&
			strings.ContainsAny(text, "\n\r") && strings.Count(text, "'") > 2 {
			return true
		}
	}
	return false
}

// lexerTexts are texts at the edges of the lexer's rules.
var lexerTexts = []string{
	"", " ", ";", "select 1", "SELECT a.b, \"A\"\"b\" FROM t -- end", "/* a /* b */ c */ 1", "/**/ 1 /***/",
	"/*/ 1", "/* /* */", "//* c */ 1", "a*/b", "1 */* c */ 2", "--", "--\n1", "1--2\n3", "a<>b!=c<=d>=e=>f:=g::h",
	"a=-1", "a<-1", "a*-1", "a@-1", "a|-1", "a?-1", "a<+-+-1", "a=--1\n2", "a+/*c*/1", "a=+-/*c*/-1", "@-@", "~~*", "!~~*",
	"a<=-1", "a<>-1", "a!=-1", "a!=--\n1", "a>=/**/1", "a=>-1", "->>", "#>>'{a}'", "`", "?|", "\\", "{}", "a\x7fb", "[1:2]",
	strings.Repeat("<", 63), strings.Repeat("<", 64), strings.Repeat("*", 70) + "/",
	"1", "1.", "1.5", ".5", "1..2", "1...2", "1.e5", "1e5", "1E+5", "1e-5", "1e", "1e+", "1ea", "1.5e", "1.5e+", "1a", "1.a",
	"1.5a", "1e5a", "1e5.5", "1.5.5", "1_000", "1__0", "1_", "_1", "1_000.000_1e1_0", "1._5", ".5_5", "._5", "1_a", "1$", "1$1",
	"1$a", "0x1F", "0X_1f", "0x", "0x_", "0xg", "0x1g", "0x1.5", "0x1_", "0x1$", "0b101", "0b12", "0b", "0o17", "0o8", "0o_7_1",
	"0_1", "00", "0a", "é1", "1é", "99999999999999999999999",
	"$1", "$1$2", "$12a", "$", "$a", "$a$", "$$", "$$a$$", "$$a$b$$", "$a$$a$", "$a$x$a$a$", "$a$x$$a$", "$a$ $b$a$", "$1$$x$$",
	"$é$x$é$", "$a1_$x$a1_$", "$1a$x$1a$", "a$$b", "a$b$c$b$", "$aa$a$aa$", "$$$$", "$$$", "$a$$b$$a$", "$2147483648", "$0",
	"'a'", "''", "'", "'a''b'", "'a\\'", "'a' 'b'", "'a'\n'b'", "'a' \t\n 'b'", "'a'\r'b'", "'a' -- c\n 'b'", "'a' -- c 'b'",
	"'a'\n-- c\n'b'", "'a'\n/* c */'b'", "'a'\n--", "'a'\n-", "'a'-- c", "'a'\n\"b\"", "'a'\f\n'b'", "'a'\v\n'b'", "'a'\n''", "'a'\n'",
	"e'a'", "E'\\''", "E'\\\\'", "E'\\", "E'\\'", "E'a''b'", "E'\\n\\x\\x4\\x41\\101\\8'", "E'\\u0041\\U00000041'", "E'\\u004'",
	"E'\\U0000004'", "E'\\uD83D\\uDE00'", "E'\\uD83D'", "E'\\uDE00'", "E'\\uD83Dx'", "E'\\uD83D\\u0041'", "E'\\uD83D'\n'\\uDE00'",
	"E'\\u0000'", "E'\\U00110000'", "E'\\UFFFFFFFF'", "E'\\xc3\\xa9'", "E'\\xff'", "E'\\377'", "E'\\000'", "E'\\x00'", "E'\\400'", "E'\\777'",
	"E'\\é'", "E'\\\xff'", "E'\xff'", "E'\xff\\n'", "E'\\xc3'\n'\\xa9'", "E'a'\n'\\n'", "E'\\v'", "E'\\ud83d\\Ude00'", "E'\\ud83d\\U0000de00'",
	"b'01'", "B'2'", "x'1F'", "X'g'", "b''", "b'1''0'", "b'1'\n'0'", "b'", "x'", "bb'1'", "n'a'", "N'a'", "N'a", "nn'a'", "n 'a'", "e 'a'",
	"u&'a'", "U&'\\0061'", "U&'a''b'", "U&'a'\n'b'", "U&'", "u&\"a\"", "U&\"a\"\"b\"", "U&\"\"", "U&\"", "u&a", "u&", "u", "U&'a' UESCAPE '!'",
	"u &'a'", "au&'a'", "\"\"", "\"a", "\"a\"\"\"", "\"a\"\"", "\"a\nb\"", "ident$1", "Élan", "a\u00a0b", "\xff\xfe", "a.5", "a.b.c", "a..b", "..5", "...",
	"select(1)", "a:b", "a:=b", "a:::b", "%(name)s", "a\vb", "x in (1,2)", "interval '1' day",
}

func TestLexer_agreesWithPostgreSQL(t *testing.T) {
	for _, sql := range lexerTexts {
		compareLexers(t, sql)
		compareLexers(t, "SELECT "+sql+" , 'x' FROM t;")
	}
}

func FuzzLexer(f *testing.F) {
	for _, sql := range lexerTexts {
		f.Add(sql)
	}
	f.Fuzz(compareLexers)
}
