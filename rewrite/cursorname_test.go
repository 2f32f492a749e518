package rewrite_test

import (
	"strings"
	"testing"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

func TestCursorName_readsAsTheGrammarDoes(t *testing.T) {
	long := strings.Repeat("n", 70)
	for _, tt := range []struct {
		sql, name string
		all, ok   bool
	}{
		{"FETCH c", "c", false, true},
		{"FETCH NEXT FROM C", "c", false, true},
		{`FETCH FORWARD 5 FROM "C x"`, "C x", false, true},
		{`FETCH FORWARD 2000 FROM "a""b"`, `a"b`, false, true},
		{"FETCH -3 IN c", "c", false, true},
		{"FETCH ALL c", "c", false, true},
		{"FETCH ABSOLUTE 1 /* from d */ FROM c -- d", "c", false, true},
		{"FETCH FIRST last", "last", false, true},
		{"FETCH FROM next", "next", false, true},
		{`FETCH FROM U&"\0063"`, "c", false, true},
		{"FETCH FROM " + long, long[:63], false, true},
		{"MOVE BACKWARD ALL IN c", "c", false, true},
		{"CLOSE c", "c", false, true},
		{"CLOSE ALL", "", true, true},
		{`CLOSE "all"`, "all", false, true},
		{"FETCH 5 6 FROM c", "", false, false},
		{"SELECT 1 FETCH FIRST 1 ROWS ONLY", "", false, false},
		{"EXECUTE c", "", false, false},
	} {
		stmts, err := shape.NewScanner([2]uint64{1, 2}).Scan([]byte(tt.sql), true, nil)
		if err != nil || len(stmts) != 1 {
			t.Fatalf("Scan(%q) = %d statements, %v", tt.sql, len(stmts), err)
		}
		name, all, ok := rewrite.CursorName([]byte(tt.sql), &stmts[0])
		if name != tt.name || all != tt.all || ok != tt.ok {
			t.Errorf("CursorName(%q) = %q, %t, %t, want %q, %t, %t", tt.sql, name, all, ok, tt.name, tt.all, tt.ok)
		}
	}
}
