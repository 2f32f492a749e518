// Package sqlscript splits a file of SQL as psql reads it into statements. A
// statement may take several lines and ends with a semicolon. Commands of psql,
// which begin with a backslash, and the data of COPY are left out.
package sqlscript

import (
	"bytes"
	"iter"
	"regexp"

	"github.com/pgveil/pgveil/rewrite/shape"
)

// Statement is one statement of a script.
type Statement struct {
	// Text is a part of the script, without the semicolon and without the white
	// space and comments before. It may be nothing that can be read as SQL.
	Text []byte
	// Line is where it begins, from 1.
	Line int
}

// Split yields the statements of a script in order. What the lexer does not take
// is a statement up to the next line that ends with a semicolon.
func Split(script []byte) iter.Seq[Statement] {
	return func(yield func(Statement) bool) {
		r := reader{text: script, line: 1}
		for r.skip() {
			end, rest, _ := shape.Cut(r.text)
			st := Statement{Text: bytes.TrimSpace(r.text[:end]), Line: r.line}
			r.move(rest)
			if len(st.Text) == 0 {
				continue
			}
			if copiesIn(st.Text) {
				r.skipData()
			}
			if !yield(st) {
				return
			}
		}
	}
}

// reader is what is left of a script, and its line.
type reader struct {
	text []byte
	line int
}

func (r *reader) move(n int) {
	r.line += bytes.Count(r.text[:n], []byte{'\n'})
	r.text = r.text[n:]
}

// skip moves to the next statement and reports whether there is one.
func (r *reader) skip() bool {
	for len(r.text) > 0 {
		switch {
		case bytes.IndexByte([]byte(" \t\r\n\f\v;"), r.text[0]) >= 0:
			r.move(1)
		case r.text[0] == '\\', bytes.HasPrefix(r.text, []byte("--")):
			r.skipLine()
		case bytes.HasPrefix(r.text, []byte("/*")):
			n := commentLength(r.text)
			if n < 0 {
				return true // the lexer says what is wrong with it
			}
			r.move(n)
		default:
			return true
		}
	}
	return false
}

func (r *reader) skipLine() {
	n := bytes.IndexByte(r.text, '\n')
	if n < 0 {
		n = len(r.text) - 1
	}
	r.move(n + 1)
}

// dataEnd is the line that ends the data of COPY.
var dataEnd = regexp.MustCompile(`\n\\\.[ \t\r]*(\n|$)`)

// skipData moves behind the data of COPY, if the script has it: one that was
// recorded from an application does not.
func (r *reader) skipData() {
	if end := dataEnd.FindIndex(r.text); end != nil {
		r.move(end[1])
	}
}

// copiesIn reports whether a statement is COPY … FROM STDIN.
func copiesIn(text []byte) bool {
	words := bytes.Fields(bytes.ToLower(text))
	if len(words) == 0 || string(words[0]) != "copy" {
		return false
	}
	for i := 1; i+1 < len(words); i++ {
		if string(words[i]) == "from" && string(words[i+1]) == "stdin" {
			return true
		}
	}
	return false
}

// commentLength returns the length of the comment that a text begins with, -1
// if it does not end. Comments nest.
func commentLength(text []byte) int {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch string(text[i : i+2]) {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
