package shape

import "testing"

// checkStatements fails the test unless statements, slots and literals are in
// order, inside one another, and apart.
func checkStatements(t *testing.T, sql string, statements []Statement) {
	t.Helper()
	at := 0
	for _, st := range statements {
		if st.Start < at || st.End <= st.Start || st.End > len(sql) {
			t.Fatalf("statement [%d:%d] of %q stands behind %d", st.Start, st.End, sql, at)
		}
		at = st.Start
		for i, slot := range st.Slots {
			if slot.Start < at || slot.End <= slot.Start || slot.End > st.End || len(slot.Literals) == 0 {
				t.Fatalf("slot %d [%d:%d] of %q stands behind %d", i, slot.Start, slot.End, sql, at)
			}
			if got := st.SlotAt(slot.Start); got != i {
				t.Fatalf("SlotAt(%d) = %d, want %d in %q", slot.Start, got, i, sql)
			}
			if slot.Form == Rows && (slot.Width == 0 || len(slot.Literals)%slot.Width != 0) {
				t.Fatalf("%d literals in rows of %d in %q", len(slot.Literals), slot.Width, sql)
			}
			at = slot.Start
			for _, lit := range slot.Literals {
				if lit.Start < at || lit.End <= lit.Start || lit.end() > slot.End {
					t.Fatalf("literal [%d:%d] of %q stands behind %d", lit.Start, lit.End, sql, at)
				}
				at = lit.end()
				// It may refuse, but not panic.
				_, _ = AppendValue(nil, []byte(sql), lit, true)
			}
			at = slot.End
		}
		at = st.End
	}
}

func FuzzScan(f *testing.F) {
	for _, sql := range odooStatements(f) {
		f.Add(sql)
	}
	for _, sql := range lexerTexts {
		f.Add("DO " + sql)
		f.Add("x IN (1, " + sql + ") VALUES (" + sql + "::a)")
	}
	s, m := NewScanner(testSeed), newWords("res_partner")
	f.Fuzz(func(t *testing.T, sql string) {
		for _, conforming := range []bool{false, true} {
			statements, err := s.Scan([]byte(sql), conforming, m)
			if err != nil {
				continue
			}
			checkStatements(t, sql, statements)
			if conforming {
				checkConstants(t, sql, statements)
			}
		}
	})
}
