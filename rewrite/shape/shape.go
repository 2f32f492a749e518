// Package shape scans SQL text as PostgreSQL's lexer would and splits it into
// shapes and slots: two statements that differ only in literals have one
// shape. A [Scanner] allocates nothing once its buffers have grown.
// [AppendValue] decodes one literal.
//
// The rules are those of PostgreSQL 17's scan.l (lex.go, lexstring.go), with
// three differences, all on the side of refusing: a text that holds a zero
// byte, a parameter number over 2147483647, and letters directly behind a
// parameter number are errors. A [Slot] ends up in no shape; the sign before a
// number does, and so does the N of N'x', unless they stand in a [List] or [Rows].
//
// A text with BEGIN ATOMIC behind CREATE counts as one statement to its end,
// so it may hold more than one.
package shape

import "slices"

// Kind is the kind of a literal.
type Kind uint8

// The kinds. Null, True, False and Default are literals only inside a List or Rows.
const (
	Integer Kind = iota + 1
	// Float is a number with a fraction or an exponent, or too large for int8 (numeric to PostgreSQL).
	Float
	// String is 'x', E'x', U&'x', N'x' or $$x$$, joined continuation lines included.
	String
	// Bits is B'1' or X'F'.
	Bits
	Null
	True
	False
	Default
)

// Form is the form of a slot.
type Form uint8

const (
	// Single is one literal.
	Single Form = iota
	// List is what stands between the parentheses of IN (…): one or more literals, and nothing else.
	List
	// Rows is what stands after VALUES: one or more parenthesised rows of literals, all of the same width.
	Rows
)

// Literal is one literal of the text, with its sign.
type Literal struct {
	// Start and End are byte offsets into the text that was scanned. A sign
	// belongs to the literal only inside a List or Rows.
	Start, End int
	Kind       Kind
	// CastStart and CastEnd span the type name of a `::name` cast behind the
	// literal, both 0 for none. Only literals inside a List or Rows have one.
	CastStart, CastEnd int
}

// Slot is a place in the text that is not part of its shape.
type Slot struct {
	Form Form
	// Start and End span the slot: the literal; for a List what stands between
	// the parentheses; for Rows from the first row's ( to the last row's ).
	Start, End int
	// Literals in order; for Rows, row by row.
	Literals []Literal
	// Width is the number of columns of Rows, else 0.
	Width int
	// Sign is where the + or - stands that comes directly before a Single
	// number; Start where there is none.
	Sign int
}

// Flags say what words occur in a statement. See [Matcher].
type Flags uint32

// Statement is one statement of a text.
type Statement struct {
	// Start and End span the statement without its semicolon and without the
	// white space and comments around it.
	Start, End int
	// Hash identifies the shape: 128 bits over the tokens, with a mark for each slot.
	Hash [2]uint64
	// Slots in order of their place.
	Slots []Slot
	// Flags are what the Matcher said of the statement's identifiers and words, or-ed.
	Flags Flags
	// First is the first keyword, folded to lower case: "select", "insert". Only
	// ( may stand before it.
	First string
	// Second is the word after it, folded: "all" of DISCARD ALL, a name of EXECUTE or FETCH.
	// Empty if something else than a word stands there.
	Second string
	// Params is the highest $n used, 0 for none.
	Params int
}

// Matcher says what an identifier or a keyword means to the caller. ident is
// as PostgreSQL would read it: unquoted ones folded and cut to 63 bytes. It is
// valid during the call only.
type Matcher interface {
	Match(ident []byte) Flags
}

// SlotAt returns the index of the slot that covers a byte offset of the text,
// -1 for none. An offset inside a List or Rows finds that slot, and the offset
// of a + or - directly before a number finds that number.
//
// PostgreSQL's parser folds more than one sign into a constant, and a sign
// before parentheses: - -4 and -(4) are constants at the first sign, for which
// there is no slot. The value of a constant without a slot depends on slots
// all the same, so it must not become part of a plan.
func (st *Statement) SlotAt(offset int) int {
	i, _ := slices.BinarySearchFunc(st.Slots, offset, func(s Slot, offset int) int {
		if s.End <= offset {
			return -1
		}
		return 1
	})
	if i < len(st.Slots) && (st.Slots[i].Start <= offset || st.Slots[i].Sign == offset) {
		return i
	}
	return -1
}
