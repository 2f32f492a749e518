package backfill

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// term is the expression that takes the equality term out of a sealed column.
// Indexes are made on it and statements are rewritten to it, so it must be
// written the same everywhere.
func term(quoted string) string { return "split_part(" + quoted + "::text, '.', 2)" }

// isTerm reports whether an index expression, as the server prints it, is the
// term of the column.
func isTerm(expr, quoted string) bool {
	for _, column := range []string{quoted, "(" + quoted + ")::text"} {
		if expr == "split_part("+column+", '.'::text, 2)" {
			return true
		}
	}
	return false
}

func ident(names ...string) string { return pgx.Identifier(names).Sanitize() }

// literal writes a string constant. It needs standard_conforming_strings,
// which Apply sets.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// mentions says how an expression uses a column.
type mentions struct {
	// NullTest is c IS [NOT] NULL, Other anything else.
	NullTest, Other bool
}

// exprToken is a string constant, an identifier, a cast to a type, or a run of something else.
var exprToken = regexp.MustCompile(`(?s)[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|::\s*[a-zA-Z_][a-zA-Z_0-9$]*|"(?:[^"]|"")*"|[a-zA-Z_\x80-\x{10ffff}][\w$\x80-\x{10ffff}]*`)

// nullTest is what stands behind a column whose being NULL is asked for. A
// cast between text types changes nothing; another might fail on sealed strings.
var nullTest = regexp.MustCompile(`^(\)*(?:::(?:text|character varying)\)*)?) IS (?:NOT )?NULL\b`)

// isNullTest reports whether the column at expr[start:end] stands in c IS
// [NOT] NULL, in parentheses of its own or none. Those of f(c) are not its own.
func isNullTest(expr string, start, end int) bool {
	m := nullTest.FindStringSubmatch(expr[end:])
	if m == nil {
		return false
	}
	open := start - strings.Count(m[1], ")")
	if open < 0 || strings.Trim(expr[open:start], "(") != "" {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(expr[:open])
	return open == 0 || open == start || before == '(' || before == ' '
}

// mentionsOf looks for a column in an expression as the server prints it,
// where every identifier is quoted if it needs to be. A function of the
// column's name counts as a mention: too much is found, never too little.
func mentionsOf(expr, column string) mentions {
	var m mentions
	for _, at := range exprToken.FindAllStringIndex(expr, -1) {
		token := expr[at[0]:at[1]]
		if unquoted, ok := strings.CutPrefix(token, `"`); ok {
			token = strings.ReplaceAll(strings.TrimSuffix(unquoted, `"`), `""`, `"`)
		}
		if token != column {
			continue
		}
		if isNullTest(expr, at[0], at[1]) {
			m.NullTest = true
		} else {
			m.Other = true
		}
	}
	return m
}

// constantDefault is a default that is one literal, as the server prints it:
// the literal, and the casts behind it.
var constantDefault = regexp.MustCompile(`^\(?(?:([eE]?'(?:[^'\\]|\\.|'')*')|(-?\d+(?:\.\d+)?|true|false)|(NULL))\)?` +
	`(?:::[a-zA-Z_" ][\w" .]*(?:\(\d+(?:,\s*-?\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*)*$`)

// constant returns the value of a default, in the type's text form. ok is
// false where the default is not one literal; null for NULL. The server prints
// backslashes as they are where standard_conforming_strings is on.
func constant(expr string) (value string, null, ok bool) {
	m := constantDefault.FindStringSubmatch(expr)
	switch {
	case m == nil:
		return "", false, false
	case m[3] != "":
		return "", true, true
	case m[2] != "":
		return m[2], false, true
	}
	quoted, escapes := strings.CutPrefix(strings.TrimPrefix(m[1], "e"), "E")
	value = strings.ReplaceAll(quoted[1:len(quoted)-1], "''", "'")
	if escapes {
		value = strings.ReplaceAll(value, `\\`, `\`)
	}
	return value, false, true
}
