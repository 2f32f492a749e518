package workload

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// read reads a stream and prints its statements as line: times: text.
func read(t *testing.T, in io.Reader, f Format) (Format, []string, error) {
	t.Helper()
	format, statements, err := Read(in, f)
	if err != nil {
		return format, nil, err
	}
	var got []string
	for st, err := range statements {
		if err != nil {
			return format, got, err
		}
		line := fmt.Sprintf("%d: %d: %s", st.Line, st.Seen, st.Text)
		if st.Database != "" {
			line += " @" + st.Database
		}
		got = append(got, line)
	}
	return format, got, nil
}

// streams are streams of every format, each of which must be told from the others.
var streams = []struct {
	name, text string
	format     Format
	want       []string
}{
	{"nothing", "\n \n", Lines, nil},
	{"one a line", "SELECT 1\n\n  insert into t values (1);\r\n-- a comment\n(SELECT 2)\nWITH a AS (SELECT 1) SELECT 2", Lines,
		[]string{"1: 1: SELECT 1", "3: 1:   insert into t values (1);", "4: 1: -- a comment", "5: 1: (SELECT 2)", "6: 1: WITH a AS (SELECT 1) SELECT 2"}},
	{"one a line, all closed", strings.Repeat("SELECT 1;\n", 3), Lines, []string{"1: 1: SELECT 1;", "2: 1: SELECT 1;", "3: 1: SELECT 1;"}},
	{"a script", "-- a comment\nSELECT a\nFROM b;\nINSERT INTO c\nSELECT 1;\n", Script,
		[]string{"2: 1: SELECT a\nFROM b", "4: 1: INSERT INTO c\nSELECT 1"}},
	{"a script of INSERT and SELECT", "INSERT INTO c\nSELECT 1;\nINSERT INTO c\nSELECT 2;\n", Script,
		[]string{"1: 1: INSERT INTO c\nSELECT 1", "3: 1: INSERT INTO c\nSELECT 2"}},
	{"a dump", "--\n-- PostgreSQL database dump\n--\n\nSET x = 1;\nCREATE TABLE a (\n  b int\n);\n", Script,
		[]string{"5: 1: SET x = 1", "6: 1: CREATE TABLE a (\n  b int\n)"}},
	{"a log", `2026-11-23 10:00:00.123 EAT [77] odoo@registry LOG:  statement: SELECT 1
2026-11-23 10:00:00.124 EAT [77] odoo@registry LOG:  statement: SELECT a
	FROM b
		WHERE c = 'LOG:  statement: no'
2026-11-23 10:00:00.125 EAT [77] odoo@registry LOG:  parse <unnamed>: SELECT $1
2026-11-23 10:00:00.126 EAT [77] odoo@registry LOG:  bind <unnamed>: SELECT $1
2026-11-23 10:00:00.127 EAT [77] odoo@registry LOG:  execute <unnamed>: SELECT $1
2026-11-23 10:00:00.127 EAT [77] odoo@registry DETAIL:  parameters: $1 = 'secret'
2026-11-23 10:00:00.128 EAT [77] odoo@registry LOG:  execute fetch from S_1/C_2: SELECT $1
2026-11-23 10:00:00.129 EAT [77] odoo@registry LOG:  duration: 0.123 ms  execute S_1/C_2: UPDATE t SET a = $1
2026-11-23 10:00:00.130 EAT [77] odoo@registry LOG:  duration: 0.1 ms  parse S_1: UPDATE t SET a = $1
2026-11-23 10:00:00.131 EAT [77] odoo@registry ERROR:  relation "x" does not exist at character 15
2026-11-23 10:00:00.131 EAT [77] odoo@registry STATEMENT:  SELECT * FROM x
2026-11-23 10:00:00.132 EAT [78] LOG:  checkpoint starting: time
2026-11-23 10:00:00.133 EAT [78] LOG:  duration: 3.5 ms
2026-11-23 10:00:00.134 EAT [77] odoo@registry LOG:  statement: COMMIT
`, Log, []string{"1: 1: SELECT 1", "2: 1: SELECT a\nFROM b\n\tWHERE c = 'LOG:  statement: no'", "7: 1: SELECT $1", "10: 1: UPDATE t SET a = $1", "16: 1: COMMIT"}},
	{"a log without a prefix", "LOG:  statement: SELECT 1\nLOG:  execute a: SELECT 2", Log, []string{"1: 1: SELECT 1", "2: 1: SELECT 2"}},
	{"a log as CSV", `2026-11-23 10:00:00.123 EAT,"odoo","registry",77,"127.0.0.1:5",65.1,1,"SELECT",2026-11-23 09:00:00 EAT,3/4,0,LOG,00000,"statement: SELECT ""a""
FROM b, c",,,,,,,,,"odoo-77","client backend",,0
2026-11-23 10:00:00.124 EAT,"odoo","registry",77,"127.0.0.1:5",65.1,2,"SELECT",2026-11-23 09:00:00 EAT,3/4,0,LOG,00000,"execute <unnamed>: SELECT $1","parameters: $1 = 'secret'",,,,,,,,"odoo-77","client backend",,0
2026-11-23 10:00:00.125 EAT,,,77,,65.1,2,,2026-11-23 09:00:00 EAT,,0,LOG,00000,"checkpoint complete: x",,,,,,,,,"","checkpointer",,0
2026-11-23 10:00:00.126 EAT,"odoo","registry",77,"127.0.0.1:5",65.1,3,"SELECT",2026-11-23 09:00:00 EAT,3/4,0,ERROR,42P01,"statement: no",,,,,,,,,"odoo-77","client backend",,0
`, CSVLog, []string{"1: 1: SELECT \"a\"\nFROM b, c @registry", "3: 1: SELECT $1 @registry"}},
	{"pg_stat_statements as CSV", "userid,datname,query,calls\n10,registry,SELECT $1,5\n10,other,\"SELECT a\nFROM b WHERE c IN ($1 /*, ... */)\",7\n", StatStatements,
		[]string{"2: 5: SELECT $1 @registry", "3: 7: SELECT a\nFROM b WHERE c IN ($1 /*, ... */) @other"}},
	{"its query alone", "query\nSELECT $1\n\"SELECT \"\"a\"\"\"\n", StatStatements, []string{"2: 1: SELECT $1", "3: 1: SELECT \"a\""}},
	{"as psql -A prints it", "calls|query|rows\n5|SELECT a || b |7\n3|SELECT a\nFROM b\n9|c WHERE d|0\n1|SELECT 1|2\n(3 rows)\n", StatStatements,
		[]string{"2: 5: SELECT a || b ", "3: 3: SELECT a\nFROM b\n9|c WHERE d", "6: 1: SELECT 1"}},
	{"the query first", "query|calls\nSELECT a\n|| b|5\nSELECT 1|6\n(2 rows)\n", StatStatements,
		[]string{"2: 5: SELECT a\n|| b", "4: 6: SELECT 1"}},
	{"the query last", "usename|calls|query\nodoo|5|SELECT a\n|| b\nodoo|6|SELECT 1\n(1 row)\n", StatStatements,
		[]string{"2: 5: SELECT a\n|| b", "4: 6: SELECT 1"}},
	{"a trace", `{"conn": "1", "seq": 4, "db": "registry", "sql": "SELECT 'ü'\nFROM a"}

{"query": "SELECT 2", "calls": 8}
{"statement": "SELECT 3"}
{"error_severity":"LOG","dbname":"registry","message":"execute <unnamed>: SELECT 4"}
{"message":"connection received"}
{"other": 1}
`, JSONLines, []string{"1: 1: SELECT 'ü'\nFROM a @registry", "3: 8: SELECT 2", "4: 1: SELECT 3", "5: 1: SELECT 4 @registry"}},
}

func TestRead_findsOutTheFormat(t *testing.T) {
	for _, tc := range streams {
		f, got, err := read(t, strings.NewReader(tc.text), "")
		if f != tc.format || err != nil {
			t.Errorf("%s: Read = %s, %v, want %s", tc.name, f, err, tc.format)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: Read (-want +got):\n%s", tc.name, diff)
		}
	}
}

// What is behind the part that is looked at, or cut off there, changes nothing.
func TestRead_longStreams(t *testing.T) {
	for name, text := range map[string]string{
		"lines":  strings.Repeat("SELECT 1, 'xxxxxxx';\n", peekSize/10),
		"script": strings.Repeat("SELECT 1,\n'xxxxxxx';\n", peekSize/10),
	} {
		if f, got, err := read(t, strings.NewReader(text), ""); f != Format(name) || err != nil || len(got) != peekSize/10 {
			t.Errorf("Read of many = %s, %d statements, %v, want %s, %d", f, len(got), err, name, peekSize/10)
		}
	}
}

func TestRead_unpacks(t *testing.T) {
	for _, tc := range streams {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := io.WriteString(w, "\ufeff"+tc.text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, got, err := read(t, iotest.OneByteReader(&packed), "")
		if f != tc.format || err != nil || !cmp.Equal(tc.want, got) {
			t.Errorf("%s: Read of the packed stream = %s, %q, %v, want %s, %q", tc.name, f, got, err, tc.format, tc.want)
		}
	}
}

// A person knows better.
func TestRead_doesAsItIsTold(t *testing.T) {
	const text = "SELECT 1;\nSELECT 2;\n"
	for f, want := range map[Format][]string{
		Lines:  {"1: 1: SELECT 1;", "2: 1: SELECT 2;"},
		Script: {"1: 1: SELECT 1", "2: 1: SELECT 2"},
		Log:    nil,
		CSVLog: nil,
	} {
		if got, statements, err := read(t, strings.NewReader(text), f); got != f || err != nil || !cmp.Equal(want, statements) {
			t.Errorf("Read as %s = %s, %q, %v, want %q", f, got, statements, err, want)
		}
	}
	if _, _, err := Read(strings.NewReader(text), "xml"); err == nil {
		t.Error("Read takes a format that there is not")
	}
}

func TestRead_saysWhereItIsWrong(t *testing.T) {
	broken := errors.New("broken")
	for _, tc := range []struct {
		name string
		in   io.Reader
		f    Format
		want string
	}{
		{"no JSON", strings.NewReader("{\"sql\": \"SELECT 1\"}\n{\"sql\": 'secret'}\n"), "", "line 2: no JSON object"},
		{"CSV with a quote too much", strings.NewReader("query,calls\nSELECT 1,1\nSELECT \"secret,1\n"), "", "line 3: "},
		{"CSV with a field too much", strings.NewReader("query,calls\nSELECT secret,1,2\n"), "", "line 2: "},
		{"no column query", strings.NewReader("SELECT 1\n"), StatStatements, "no column query"},
		{"a field too few", strings.NewReader("calls|query|rows\n1|SELECT secret\n(1 row)"), "", "line 2: not 3 fields"},
		{"a gzip that is none", strings.NewReader("\x1f\x8bsecret"), "", "unpacking: "},
		{"a stream that breaks", iotest.ErrReader(broken), "", "broken"},
		{"a script that breaks", io.MultiReader(strings.NewReader("SELECT\n1;"+strings.Repeat("\n", 2*peekSize)), iotest.ErrReader(broken)), "", "broken"},
		{"lines that break", io.MultiReader(strings.NewReader(strings.Repeat("SELECT 1\n", peekSize)), iotest.ErrReader(broken)), "", "line 65537: broken"},
	} {
		if _, _, err := read(t, tc.in, tc.f); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Read = %v, want %q and nothing of the text", tc.name, err, tc.want)
		}
	}
}

// A line may be longer than any buffer.
func TestRead_longLines(t *testing.T) {
	long := "SELECT '" + strings.Repeat("x", 3*peekSize) + "'"
	for f, text := range map[Format]string{
		Lines: long, Log: "LOG:  statement: " + long, JSONLines: `{"sql": "` + long + `"}`, StatStatements: "query\n" + long,
	} {
		if _, got, err := read(t, strings.NewReader(text), f); err != nil || len(got) != 1 || !strings.HasSuffix(got[0], ": "+long) {
			t.Errorf("Read of a long line as %s = %d statements, %v", f, len(got), err)
		}
	}
}

// Whatever a stream is, reading it ends, and the places are places.
func FuzzRead(f *testing.F) {
	for _, tc := range streams {
		f.Add(tc.text, string(tc.format))
	}
	f.Fuzz(func(t *testing.T, text, format string) {
		_, statements, err := Read(strings.NewReader(text), Format(format))
		if err != nil {
			return
		}
		at := 0
		for st, err := range statements {
			if err != nil {
				return
			}
			if st.Line < at || st.Line > 1+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Fatalf("%q as %s: line %d behind %d", text, format, st.Line, at)
			}
			at = st.Line
		}
	})
}
