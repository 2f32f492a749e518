package lint

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Widths of the table's columns, in characters.
const (
	verdictWidth = len("forwarded")
	// shownWidth is how much of a statement is shown; JSON has all of it.
	shownWidth = 160
	// maxWhere keeps a long file name from pushing the statements away.
	maxWhere = 40
)

// WriteTable writes the findings that are asked for, one a line with the reason
// and the cure of a refusal below, then the totals of all.
func (r *Result) WriteTable(w io.Writer, asked func(Verdict) bool) error {
	out := bufio.NewWriter(w)
	writeFindings(out, r.asked(asked))
	r.writeTotals(out)
	return out.Flush()
}

func writeFindings(out *bufio.Writer, findings []Finding) {
	seen, where := len("SEEN"), len("WHERE")
	for i := range findings {
		seen = max(seen, len(strconv.FormatInt(findings[i].Seen, 10)))
		where = max(where, min(utf8.RuneCountInString(findings[i].where()), maxWhere))
	}
	fmt.Fprintf(out, "%-*s  %*s  %-*s  %s\n", verdictWidth, "VERDICT", seen, "SEEN", where, "WHERE", "STATEMENT")
	below := strings.Repeat(" ", verdictWidth+seen+where+6)
	for i := range findings {
		f := &findings[i]
		fmt.Fprintf(out, "%-*s  %*d  %-*s  %s\n", verdictWidth, f.Verdict, seen, f.Seen, where, f.where(), cut(f.Statement))
		if f.Refusal != nil {
			fmt.Fprintf(out, "%swhy:  %s (SQLSTATE %s, %s)\n", below, printable(f.Refusal.Message), f.Refusal.State, f.Refusal.Code)
			if f.Refusal.Hint != "" {
				fmt.Fprintf(out, "%scure: %s\n", below, printable(f.Refusal.Hint))
			}
		}
	}
}

func (f *Finding) where() string { return f.File + ":" + strconv.Itoa(f.Line) }

// cut shortens a statement.
func cut(text string) string {
	if utf8.RuneCountInString(text) <= shownWidth {
		return text
	}
	return string([]rune(text)[:shownWidth-1]) + "…"
}

// printable keeps a message in its line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

func (r *Result) writeTotals(out *bufio.Writer) {
	t := r.Totals()
	width := max(len("DISTINCT"), len(strconv.FormatInt(t.All.Seen, 10)))
	row := func(name string, c Count) {
		fmt.Fprintf(out, "%-*s  %*d  %*d\n", verdictWidth, name, width, c.Seen, width, c.Distinct)
	}
	fmt.Fprintf(out, "\n%-*s  %*s  %*s\n", verdictWidth, "TOTAL", width, "SEEN", width, "DISTINCT")
	row(string(Forwarded), t.Forwarded)
	row(string(Rewritten), t.Rewritten)
	row(string(Refused), t.Refused)
	row("all", t.All)
	if r.OtherDatabases > 0 {
		fmt.Fprintf(out, "left out, because they were sent to another database: %d\n", r.OtherDatabases)
	}
	reasons := r.Reasons()
	if len(reasons) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%*s  %*s  REFUSED BECAUSE\n", width, "SEEN", width, "DISTINCT")
	for _, reason := range reasons {
		fmt.Fprintf(out, "%*d  %*d  %s (%s)\n", width, reason.Seen, width, reason.Distinct, printable(reason.Message), reason.Code)
	}
}
