package workload

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strings"
)

// csvLogLine is how a line of a CSV log begins: a time with its zone, then the
// user and the database, which may be quoted or missing.
var csvLogLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [^,"]+,("[^"]*")?,("[^"]*")?,\d*,`)

// detect says what a stream that begins like this most likely holds.
func detect(peek []byte) Format {
	lines := filled(peek)
	if len(lines) == 0 {
		return Lines
	}
	switch first := lines[0]; {
	case first[0] == '{':
		return JSONLines
	case csvLogLine.Match(first):
		return CSVLog
	case hasQueryColumn(first):
		return StatStatements
	}
	for _, l := range lines {
		if logEntry.Match(l) {
			return Log
		}
	}
	if oneALine(lines) {
		return Lines
	}
	return Script
}

// filled returns the lines that have something in them, but for one that is cut off.
func filled(peek []byte) [][]byte {
	if end := bytes.LastIndexByte(peek, '\n'); len(peek) == peekSize && end >= 0 {
		peek = peek[:end]
	}
	var lines [][]byte
	for l := range bytes.SplitSeq(peek, []byte{'\n'}) {
		if l = bytes.TrimSpace(l); len(l) > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// hasQueryColumn reports whether a line is the head of a table with a column
// named query.
func hasQueryColumn(l []byte) bool {
	head, _ := columnsOf(string(l))
	return head.query >= 0
}

// head are the places of the columns of pg_stat_statements, -1 for none.
type head struct {
	names                  []string
	query, calls, database int
}

// columnsOf reads a head, and says whether it is CSV.
func columnsOf(l string) (h head, isCSV bool) {
	h = head{query: -1, calls: -1, database: -1}
	separator := "|"
	if isCSV = !strings.Contains(l, separator); isCSV {
		names, err := csv.NewReader(strings.NewReader(l)).Read()
		if err != nil {
			return h, true
		}
		h.names = names
	} else {
		h.names = strings.Split(l, separator)
	}
	for i, name := range h.names {
		name = strings.ToLower(strings.TrimSpace(name))
		if strings.ContainsAny(name, " ()*'=") {
			return head{query: -1, calls: -1, database: -1}, isCSV // a statement, not a head
		}
		switch name {
		case "query":
			h.query = i
		case "calls":
			h.calls = i
		case "datname", "database":
			h.database = i
		}
	}
	return h, isCSV
}

// oneALine reports whether every line begins as a statement does, and few end
// with a semicolon.
func oneALine(lines [][]byte) bool {
	closed := 0
	for _, l := range lines {
		if bytes.HasPrefix(l, []byte("--")) {
			continue
		}
		if !beginsStatement(l) {
			return false
		}
		if l[len(l)-1] == ';' {
			closed++
		}
	}
	return closed == len(lines) || closed*3 < len(lines)
}

// beginsStatement reports whether a line begins with a command, or a parenthesis
// or comment before one.
func beginsStatement(l []byte) bool {
	if l[0] == '(' || bytes.HasPrefix(l, []byte("/*")) {
		return true
	}
	end := 0
	for end < len(l) && (l[end]|0x20 >= 'a' && l[end]|0x20 <= 'z') {
		end++
	}
	switch strings.ToLower(string(l[:end])) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "begin", "start", "commit", "end",
		"rollback", "abort", "savepoint", "release", "prepare", "execute", "deallocate", "declare", "fetch", "move", "close",
		"copy", "explain", "analyze", "vacuum", "create", "alter", "drop", "truncate", "comment", "grant", "revoke", "set",
		"reset", "show", "discard", "lock", "listen", "unlisten", "notify", "do", "call", "refresh", "reindex", "cluster",
		"checkpoint", "import", "security", "reassign", "load":
		return true
	}
	return false
}
