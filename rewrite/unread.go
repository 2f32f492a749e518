package rewrite

import (
	"bytes"
	"errors"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// What cannot be read: texts that the scanner gives up on, statements that are
// not in the grammar, and statements that are too deep. They are refused where
// they name something protected, with what PostgreSQL itself would say of them,
// because the server must not see them: they may hold a value in clear.

// Unreadable returns what a client is told of a text that could not be scanned
// and that [ReachesAnyhow].
func Unreadable(sql []byte, scan error) *pgerr.Error {
	// The grammar stops at what stands wrong first, which may be before the place
	// where the scanner gave up. Splitting reads without building a tree in Go, so
	// no text is too deep for it.
	_, err := pg.SplitWithParser(string(sql), false)
	var parse *parser.Error
	if errors.As(err, &parse) {
		return syntaxError(sql, 0, parse)
	}
	e := syntaxError(sql, 0, &parser.Error{Message: "syntax error"})
	var at *shape.Error
	if errors.As(scan, &at) {
		e.Message += ": " + at.Reason
		e.Position = utf8.RuneCount(sql[:at.Offset]) + 1
	}
	return e
}

// syntaxError turns the grammar's error about the text from start on into the
// client's: PostgreSQL's message, SQLSTATE and position. The message may quote
// the client's text, so it goes to that client only; there is no cause, because
// causes are logged.
func syntaxError(sql []byte, start int, parse *parser.Error) *pgerr.Error {
	e := &pgerr.Error{
		State:   "42601",
		Code:    pgerr.CannotParse,
		Message: parse.Message,
		Detail:  "The statement names a protected relation and does not follow the grammar of PostgreSQL 17, which pgveil reads. Nothing of it was sent to the server.",
		Hint:    "Check the syntax. What only a later PostgreSQL knows cannot be used with protected relations.",
	}
	switch parse.Funcname {
	case "core_yylex": // a malformed escape in a string
		e.State = "22025"
	case "report_invalid_encoding":
		e.State = "22021"
	}
	if parse.Cursorpos > 0 {
		e.Position = utf8.RuneCount(sql[:start]) + parse.Cursorpos
	}
	return e
}

func tooDeep() *pgerr.Error {
	return &pgerr.Error{
		State:   "54001",
		Code:    pgerr.TooDeep,
		Message: "stack depth limit exceeded",
		Detail:  "The statement reaches a protected relation, and nests or chains operators, joins or set operations some thousands deep, or queries some hundreds.",
		Hint:    "Split the statement, or write the chain as a list.",
	}
}

// ReachesAnyhow looks for the database's words in a text that could not be
// scanned: any run of letters, digits and what else a word may be made of. It
// errs on the side of finding one.
func ReachesAnyhow(m shape.Matcher, sql []byte) bool {
	if bytes.Contains(bytes.ToLower(sql), []byte(`u&"`)) {
		return true
	}
	inWord := func(c byte) bool {
		return c >= 0x80 || c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	for start := 0; start < len(sql); start++ {
		if !inWord(sql[start]) {
			continue
		}
		end := start
		for end < len(sql) && inWord(sql[end]) {
			end++
		}
		word := sql[start:end]
		if m.Match(word)&Reaches != 0 || m.Match(asciiLower(word))&Reaches != 0 {
			return true
		}
		start = end
	}
	return bytes.IndexByte(sql, '"') >= 0 && reachesQuoted(m, sql)
}

// reachesQuoted looks between every two quotes that follow one another, for
// names with characters that no bare word has.
func reachesQuoted(m shape.Matcher, sql []byte) bool {
	parts := bytes.Split(sql, []byte{'"'})
	for _, part := range parts {
		if m.Match(part)&Reaches != 0 {
			return true
		}
	}
	return false
}

// asciiLower folds as PostgreSQL folds identifiers.
func asciiLower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		out[i] = c
	}
	return out
}
