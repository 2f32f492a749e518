package shape

import (
	"strings"
	"testing"
)

func TestAppendShown(t *testing.T) {
	for _, tc := range []struct{ sql, masked, whole string }{
		{"select  a,\n\tb -- why\n FROM t /* so */ WHERE c='x''y'", "select a, b FROM t WHERE c='…'", "select a, b FROM t WHERE c='x''y'"},
		{"SELECT 1 , -2.5 , B'1', E'\\n', $$a\nb$$, U&'d' UESCAPE '!'", "SELECT … , -… , '…', '…', '…', '…'", "SELECT 1 , -2.5 , B'1', E'\\n', $$a b$$, U&'d' UESCAPE '!'"},
		{"SELECT a FROM t WHERE b IN (1, 2,3) AND c IN ('x'::text, NULL)", "SELECT a FROM t WHERE b IN (…) AND c IN (…)", "SELECT a FROM t WHERE b IN (1, 2,3) AND c IN ('x'::text, NULL)"},
		{"INSERT INTO t VALUES (1, true), (2, DEFAULT) RETURNING $1", "INSERT INTO t VALUES (…) RETURNING $1", "INSERT INTO t VALUES (1, true), (2, DEFAULT) RETURNING $1"},
		{"UPDATE t SET sick = TRUE, a = false WHERE b IS NOT TRUE AND c IS FALSE", "UPDATE t SET sick = …, a = … WHERE b IS NOT TRUE AND c IS FALSE", "UPDATE t SET sick = TRUE, a = false WHERE b IS NOT TRUE AND c IS FALSE"},
		{"DO 'x' 'y'", "DO '…' '…'", "DO 'x' 'y'"},
		{"SELECT \"a\x1b[31mb\u202e\xff\"", "SELECT \"a?[31mb??\"", "SELECT \"a?[31mb??\""},
	} {
		st := scan(t, tc.sql, nil)[0]
		if got := string(AppendShown(nil, []byte(tc.sql), &st, false)); got != tc.masked {
			t.Errorf("AppendShown(%q) = %q, want %q", tc.sql, got, tc.masked)
		}
		if got := string(AppendShown(nil, []byte(tc.sql), &st, true)); got != tc.whole {
			t.Errorf("AppendShown(%q) with literals = %q, want %q", tc.sql, got, tc.whole)
		}
	}
}

// Nothing of a literal is seen in any of Odoo's statements, and what is shown
// without literals is the same for all of a shape.
func TestAppendShown_hidesEveryLiteral(t *testing.T) {
	shown := map[[2]uint64]string{}
	for _, sql := range odooStatements(t) {
		for _, st := range scan(t, sql, nil) {
			got := string(AppendShown(nil, []byte(sql), &st, false))
			for _, slot := range st.Slots {
				for _, l := range slot.Literals {
					if text := sql[l.Start:l.End]; l.Kind == String && len(text) > 5 && strings.Contains(got, text) {
						t.Errorf("AppendShown(%q) = %q has %s", sql, got, text)
					}
				}
			}
			if before, ok := shown[st.Hash]; ok && !strings.EqualFold(strings.ReplaceAll(before, " ", ""), strings.ReplaceAll(got, " ", "")) {
				t.Errorf("one shape is shown as %q and %q", before, got)
			}
			shown[st.Hash] = got
		}
	}
}
