package workload

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
)

// logEntry is a line with which an entry of PostgreSQL's log begins. What stands
// before the severity is log_line_prefix, which may be anything.
var logEntry = regexp.MustCompile(`^[^\t].*?\b(DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|STATEMENT|LOCATION|BACKTRACE):  (.*)$|` +
	`^(DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|STATEMENT|LOCATION|BACKTRACE):  (.*)$`)

// message are the forms in which a statement is logged. One that was parsed and
// bound is logged at its execution again, and a portal that is executed again
// is logged as a fetch: each statement counts once.
var message = regexp.MustCompile(`(?s)^(?:duration: [0-9.]+ ms  )?(statement|execute .*?): (.*)$`)

// statementOf returns the statement in the message of a log entry.
func statementOf(text string) (string, bool) {
	m := message.FindStringSubmatch(text)
	if m == nil || strings.HasPrefix(m[1], "execute fetch from ") {
		return "", false
	}
	return m[2], true
}

// readLog reads a log as text. Lines that do not begin an entry belong to the
// one before; PostgreSQL writes a tab before them. The parameters of a
// statement, which are an entry of their own (DETAIL), are passed over.
func readLog(in *bufio.Reader) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		var text strings.Builder
		at := 0
		flush := func() bool {
			if at == 0 {
				return true
			}
			sql, ok := statementOf(text.String())
			st := Statement{Text: []byte(sql), Line: at, Seen: 1}
			text.Reset()
			at = 0
			return !ok || yield(st, nil)
		}
		for l, err := range eachLine(in) {
			if err != nil {
				fail(yield, l.number, err)
				return
			}
			m := logEntry.FindSubmatch(l.text)
			if m == nil {
				if at > 0 {
					text.WriteByte('\n')
					text.WriteString(strings.TrimPrefix(string(l.text), "\t"))
				}
				continue
			}
			if !flush() {
				return
			}
			if severity := string(m[1]) + string(m[3]); severity == "LOG" {
				at = l.number
				text.Write(m[2])
				text.Write(m[4])
			}
		}
		flush()
	}
}

// The fields of a CSV log that are read, by their places.
const (
	csvDatabase = 2
	csvSeverity = 11
	csvMessage  = 13
)

// readCSVLog reads a log as CSV.
func readCSVLog(in *bufio.Reader) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		r := csv.NewReader(in)
		r.FieldsPerRecord = -1
		r.ReuseRecord = true
		for {
			fields, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Statement{}, withoutText(err))
				return
			}
			if len(fields) <= csvMessage || fields[csvSeverity] != "LOG" {
				continue
			}
			sql, ok := statementOf(fields[csvMessage])
			number, _ := r.FieldPos(0)
			if ok && !yield(Statement{Text: []byte(sql), Line: number, Seen: 1, Database: fields[csvDatabase]}, nil) {
				return
			}
		}
	}
}

// withoutText names the place of what is wrong in CSV.
func withoutText(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w", e.Line, e.Err)
	}
	return err
}
