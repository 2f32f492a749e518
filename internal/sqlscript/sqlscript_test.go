package sqlscript

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func split(script string) []string {
	var got []string
	for st := range Split([]byte(script)) {
		got = append(got, fmt.Sprintf("%d: %s", st.Line, st.Text))
	}
	return got
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		want         []string
	}{
		{"nothing", " \n; ;\n-- a comment;\n/* and; /* one */ more */ ;", nil},
		{"one without a semicolon", "SELECT 1", []string{"1: SELECT 1"}},
		{"several on several lines", "SELECT 1;\n\nSELECT 2,\n 3; SELECT 4;", []string{"1: SELECT 1", "3: SELECT 2,\n 3", "4: SELECT 4"}},
		{"semicolons that end nothing", "SELECT ';', \";\", $$;$$, E'\\';' /* ; */ -- ;\n, (1;2);\nSELECT 2;",
			[]string{"1: SELECT ';', \";\", $$;$$, E'\\';' /* ; */ -- ;\n, (1;2)", "3: SELECT 2"}},
		{"the body of a function", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3;",
			[]string{"1: CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "1: SELECT 3"}},
		{"BEGIN and END elsewhere", "BEGIN; SELECT CASE WHEN true THEN 1 END; END; SELECT 1;",
			[]string{"1: BEGIN", "1: SELECT CASE WHEN true THEN 1 END", "1: END", "1: SELECT 1"}},
		{"commands of psql", "\\set ON_ERROR_STOP on\n\\restrict abc;def\nSELECT 1 \\gset x\nSELECT 2;\n\\connect a\n",
			[]string{"3: SELECT 1", "4: SELECT 2"}},
		{"data of COPY", "COPY t (a) FROM stdin;\n1\t'x\n\\.\nSELECT 1;\ncopy t from STDIN WITH (FORMAT csv);\n\"a;\n\\.",
			[]string{"1: COPY t (a) FROM stdin", "4: SELECT 1", "5: copy t from STDIN WITH (FORMAT csv)"}},
		{"COPY without data", "COPY t FROM stdin;\nSELECT 1;\nCOPY t FROM stdin;", []string{"1: COPY t FROM stdin", "2: SELECT 1", "3: COPY t FROM stdin"}},
		{"COPY of no rows", "COPY t FROM stdin;\n\\.\nSELECT 1;", []string{"1: COPY t FROM stdin", "3: SELECT 1"}},
		{"what cannot be read", "SELECT 1;\nSELECT 'open;\nx;\nSELECT 2;", []string{"1: SELECT 1", "2: SELECT 'open", "3: x", "4: SELECT 2"}},
		{"what cannot be read, to the end", "SELECT 'open\n and more", []string{"1: SELECT 'open\n and more"}},
		{"a comment that does not end", "SELECT 1;\n/* open", []string{"1: SELECT 1", "2: /* open"}},
	} {
		if diff := cmp.Diff(tc.want, split(tc.script)); diff != "" {
			t.Errorf("%s: Split(%q) (-want +got):\n%s", tc.name, tc.script, diff)
		}
	}
}

func TestSplit_stopsWhenAsked(t *testing.T) {
	for st := range Split([]byte("SELECT 1; SELECT 2;")) {
		if string(st.Text) != "SELECT 1" {
			t.Errorf("Split goes on to %q", st.Text)
		}
		break
	}
}

// Whatever a text is, nothing of it but white space, comments and semicolons is lost.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"SELECT 1;\nSELECT 2", "'", "/*", "$$;$$", "\\x\n;", "COPY a FROM stdin;\n1\n\\.\n", "CREATE x BEGIN ; END;", "(;)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		line := 0
		for st := range Split([]byte(script)) {
			if st.Line < line || len(st.Text) == 0 || st.Line > 1+strings.Count(script, "\n") {
				t.Fatalf("Split(%q) gives %q at line %d behind %d", script, st.Text, st.Line, line)
			}
			line = st.Line
		}
	})
}

// The schema of the tests is split where a person would.
func TestSplit_realSchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testkit", "registry", "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for st := range Split(text) {
		n++
		if word, _, _ := strings.Cut(string(st.Text), " "); word != strings.ToUpper(word) {
			t.Errorf("line %d: %.60q begins in the middle", st.Line, st.Text)
		}
	}
	if n < 5 {
		t.Errorf("Split found %d statements, want several", n)
	}
}
