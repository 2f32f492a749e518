package workload

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/pgveil/pgveil/internal/sqlscript"
)

// readLines reads one statement a line.
func readLines(in *bufio.Reader) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		for l, err := range eachLine(in) {
			if err != nil {
				fail(yield, l.number, err)
				return
			}
			if len(bytes.TrimSpace(l.text)) > 0 && !yield(Statement{Text: l.text, Line: l.number, Seen: 1}, nil) {
				return
			}
		}
	}
}

// readScript reads a script. It holds the whole of it, because a string may go
// on to its end.
func readScript(in *bufio.Reader) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		text, err := io.ReadAll(in)
		if err != nil {
			yield(Statement{}, err)
			return
		}
		for st := range sqlscript.Split(text) {
			if !yield(Statement{Text: st.Text, Line: st.Line, Seen: 1}, nil) {
				return
			}
		}
	}
}

// record is one object of a trace, or of PostgreSQL's log in JSON. Whatever has
// the statement is taken.
type record struct {
	SQL, Query, Statement, Message string
	DB, Dbname, Database, Datname  string
	Calls                          int64
}

// readJSON reads one object a line.
func readJSON(in *bufio.Reader) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		for l, err := range eachLine(in) {
			if err != nil {
				fail(yield, l.number, err)
				return
			}
			if len(bytes.TrimSpace(l.text)) == 0 {
				continue
			}
			var r record
			if err := json.Unmarshal(l.text, &r); err != nil {
				fail(yield, l.number, fmt.Errorf("no JSON object: %w", err))
				return
			}
			st := Statement{Line: l.number, Seen: max(r.Calls, 1), Database: first(r.DB, r.Dbname, r.Database, r.Datname)}
			if r.Message != "" {
				text, _ := statementOf(r.Message)
				st.Text = []byte(text)
			} else {
				st.Text = []byte(first(r.SQL, r.Query, r.Statement))
			}
			if len(st.Text) > 0 && !yield(st, nil) {
				return
			}
		}
	}
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
