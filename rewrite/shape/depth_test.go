package shape

import (
	"strings"
	"testing"
)

func TestTooDeep(t *testing.T) {
	const limit = 1000
	many := func(s string) string { return strings.Repeat(s, 4*limit) }
	chain := strings.Repeat("+1", limit*2/5) // four fifths of the limit in tokens
	for _, tc := range []struct {
		name, sql string
		want      bool
	}{
		{"short", "SELECT 1+1", false},
		{"operators", "SELECT 1" + many("+1"), true},
		{"below the limit", "SELECT 1" + chain + strings.Repeat(" ", limit), false},
		{"casts", "SELECT x" + many("::text"), true},
		{"parentheses", "SELECT " + many("(") + "1" + many(")"), true},
		{"parentheses that are not closed", "SELECT " + many("("), true},
		{"brackets", "SELECT " + many("ARRAY[") + many("]"), true},
		{"NOT", "SELECT " + many("NOT ") + "true", true},
		{"set operations over commas", "SELECT 1, 2" + many(" UNION SELECT 1, 2"), true},
		{"queries in queries", "SELECT (" + strings.Repeat("SELECT (", limit/5) + strings.Repeat(")", limit/5), true},
		{"joins over AND", "SELECT FROM a" + many(" JOIN a ON b AND c"), true},
		{"a chain over CASE", "SELECT 1" + many(" + CASE WHEN a THEN b ELSE c END"), true},
		{"a chain over calls", "SELECT 1" + many(" + f(a, b)"), true},
		{"words that are names", "SELECT 1" + many(" + t.and + t.or + t.case + t.end + t.when"), true},
		{"names with white space", "SELECT 1" + many(" + t . /* c */ and"), true},
		{"a chain that goes on behind a parenthesis", "SELECT ((1" + chain + ")" + chain + ")" + chain, true},
		{"the same behind END", "SELECT CASE WHEN a THEN 1" + chain + " END" + chain, true},
		{"queries one after the other", "SELECT (SELECT 1)" + strings.Repeat(", (SELECT 1)", limit), false},
		{"a few set operations", "SELECT a FROM b WHERE c" + strings.Repeat(" UNION ALL SELECT a FROM b WHERE c", limit/2), false},
		{"a list", "SELECT f(1" + many(", 1 + 2") + ")", false},
		{"rows", "INSERT INTO t VALUES (1)" + many(", (now(), -1, 'x'::text)"), false},
		{"conditions", "SELECT 1 WHERE a" + many(" OR b = 1 AND c = 2"), false},
		{"arms", "SELECT CASE" + many(" WHEN a = 1 THEN 2 + 3") + " END", false},
		{"a long string", "SELECT '" + many("+ 1 ") + "'", false},
		{"a long comment", "SELECT 1 /*" + many("+ 1 ") + "*/", false},
		{"behind what the lexer refuses", "SELECT 'open" + many(" + 1"), false},
	} {
		if got := deeper([]byte(tc.sql), limit); got != tc.want {
			t.Errorf("%s: deeper(%.60q…) = %t, want %t", tc.name, tc.sql, got, tc.want)
		}
	}
}
