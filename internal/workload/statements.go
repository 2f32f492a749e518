package workload

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// readStatStatements reads what SELECT … FROM pg_stat_statements gave: CSV with a
// head, or what psql -A printed. A column query must be there; calls says how
// often.
func readStatStatements(in *bufio.Reader) iter.Seq2[Statement, error] {
	return func(yield func(Statement, error) bool) {
		peek, _ := in.Peek(peekSize)
		lines := filled(peek)
		if len(lines) == 0 {
			return
		}
		h, isCSV := columnsOf(string(lines[0]))
		switch {
		case h.query < 0:
			yield(Statement{}, errors.New("the first line names no column query"))
		case isCSV:
			readStatementsCSV(in, h, yield)
		default:
			readUnaligned(in, h, yield)
		}
	}
}

func readStatementsCSV(in *bufio.Reader, h head, yield func(Statement, error) bool) {
	r := csv.NewReader(in)
	r.FieldsPerRecord = len(h.names)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		yield(Statement{}, withoutText(err))
		return
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(Statement{}, withoutText(err))
			return
		}
		number, _ := r.FieldPos(h.query)
		if !yield(h.statement(fields, number), nil) {
			return
		}
	}
}

func (h head) statement(fields []string, number int) Statement {
	st := Statement{Text: []byte(fields[h.query]), Line: number, Seen: 1}
	if h.calls >= 0 {
		if n, err := strconv.ParseInt(strings.TrimSpace(fields[h.calls]), 10, 64); err == nil {
			st.Seen = n
		}
	}
	if h.database >= 0 {
		st.Database = fields[h.database]
	}
	return st
}

// readUnaligned reads what psql -A prints. Nothing is quoted there, and a query
// may have line ends and separators, so a record is told by the fields around
// the query, which are numbers or names.
func readUnaligned(in *bufio.Reader, h head, yield func(Statement, error) bool) {
	u := unaligned{head: h, yield: yield}
	for l, err := range eachLine(in) {
		switch {
		case err != nil:
			fail(yield, l.number, err)
			return
		case !u.seen: // the head
			u.seen = len(l.text) > 0
		case !u.line(string(l.text), l.number):
			return
		}
	}
	u.flush()
}

type unaligned struct {
	head
	yield func(Statement, error) bool
	seen  bool
	// text is the record so far, at its line, 0 for none.
	text strings.Builder
	at   int
}

// line takes a line and reports whether reading goes on.
func (u *unaligned) line(text string, number int) bool {
	switch {
	case isFooter(text):
		return u.flush()
	case u.at == 0 || u.begins(text) && u.complete(u.text.String()):
		if !u.flush() {
			return false
		}
		u.at = number
	default:
		u.text.WriteByte('\n')
	}
	u.text.WriteString(text)
	return true
}

// flush yields the record.
func (u *unaligned) flush() bool {
	if u.at == 0 {
		return true
	}
	text, number := u.text.String(), u.at
	u.text.Reset()
	u.at = 0
	fields := u.split(text)
	if fields == nil {
		fail(u.yield, number, fmt.Errorf("not %d fields", len(u.names)))
		return false
	}
	return u.yield(u.statement(fields, number), nil)
}

// split cuts a record into its fields: as many from either end as stand around
// the query.
func (u *unaligned) split(text string) []string {
	before := strings.SplitN(text, "|", u.query+1)
	if len(before) != u.query+1 {
		return nil
	}
	fields, rest := before[:u.query], before[u.query]
	behind := len(u.names) - u.query - 1
	after := make([]string, behind)
	for i := behind - 1; i >= 0; i-- {
		cut := strings.LastIndexByte(rest, '|')
		if cut < 0 {
			return nil
		}
		after[i], rest = rest[cut+1:], rest[:cut]
	}
	return append(append(fields, rest), after...)
}

// begins reports whether a line may be the first of a record.
func (u *unaligned) begins(text string) bool {
	before := strings.SplitN(text, "|", u.query+1)
	if len(before) != u.query+1 {
		return false
	}
	return u.fit(before[:u.query], u.names[:u.query])
}

// complete reports whether a record may end here.
func (u *unaligned) complete(text string) bool {
	fields := u.split(text)
	return fields != nil && u.fit(fields[u.query+1:], u.names[u.query+1:])
}

// fit reports whether fields can be of these columns: all but names of users
// and databases, and the truth of toplevel, are numbers.
func (u *unaligned) fit(fields, names []string) bool {
	for i, field := range fields {
		switch strings.ToLower(strings.TrimSpace(names[i])) {
		case "datname", "database", "usename", "rolname", "user", "toplevel", "stats_since", "minmax_stats_since":
			if strings.ContainsAny(field, "\n'") {
				return false
			}
		case "queryid": // NULL for who may not see it
			if _, err := strconv.ParseInt(field, 10, 64); err != nil && field != "" {
				return false
			}
		default:
			if _, err := strconv.ParseFloat(field, 64); err != nil {
				return false
			}
		}
	}
	return true
}

// isFooter reports whether psql counts the rows here: (12 rows).
func isFooter(text string) bool {
	text, ok := strings.CutPrefix(text, "(")
	n, word, _ := strings.Cut(text, " ")
	_, err := strconv.Atoi(n)
	return ok && err == nil && (word == "rows)" || word == "row)")
}
