package shape

import (
	"os"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// odooStatements returns the recorded statements of testdata.
func odooStatements(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile("testdata/odoo.sql")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// constants returns the location of every constant of a parse tree that is a literal of the text.
func constants(tree protoreflect.Message, found []int) []int {
	tree.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				found = constants(v.List().Get(i).Message(), found)
			}
		case field.Message() != nil && !field.IsMap():
			if c, ok := v.Message().Interface().(*pg_query.A_Const); ok {
				if _, boolean := c.Val.(*pg_query.A_Const_Boolval); !boolean && !c.Isnull && c.Location >= 0 {
					found = append(found, int(c.Location))
				}
				return true
			}
			found = constants(v.Message(), found)
		}
		return true
	})
	return found
}

// checkConstants fails the test unless every constant that PostgreSQL's parser
// finds has a slot.
func checkConstants(t *testing.T, sql string, statements []Statement) {
	t.Helper()
	tree, err := pg_query.Parse(sql)
	if err != nil {
		return
	}
	for _, offset := range constants(tree.ProtoReflect(), nil) {
		covered := false
		for _, st := range statements {
			covered = covered || st.SlotAt(offset) >= 0
		}
		if !covered && !inferred(sql[offset:]) {
			t.Errorf("no slot at byte %d of %q: %.40q", offset, sql, sql[offset:])
		}
	}
}

// inferred reports whether a constant is made up by the parser where the text
// has a keyword, e.g. the name of a SET or a precision.
func inferred(text string) bool {
	l := lexer{sql: []byte(text), conforming: true}
	t, err := l.next()
	return err == nil && t.kind != tokNational && (t.kind == tokWord || t.kind == tokEnd)
}

func TestScan_odooLexesAndEveryConstantHasASlot(t *testing.T) {
	for _, sql := range odooStatements(t) {
		compareLexers(t, sql)
		checkConstants(t, sql, scan(t, sql, nil))
	}
}
