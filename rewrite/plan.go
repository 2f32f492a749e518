// Package rewrite is the compiler: a statement, the catalog and the policy go
// in; a [Plan] or a refusal comes out. It has no network, no keys and no
// clock. A Plan says which slot is sealed for which column in which role; it
// never holds a sealed or an open value.
//
// The way of a statement: [shape] scans it into a shape and slots, a
// [Compiler] looks the shape up in its plan cache; on a miss it is parsed,
// bound against the [catalog.Snapshot], typed, transformed and deparsed.
package rewrite

import (
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Verdict is what happens to a statement.
type Verdict uint8

const (
	// Refuse stops the statement. It is the zero value, so a Plan that no rule
	// filled in never lets a protected value through in clear.
	Refuse Verdict = iota
	// Forward sends the statement on unchanged.
	Forward
	// Rewrite sends the planned text instead.
	Rewrite
)

// Plan says what is sent instead of a statement, and how its result is read.
// A Plan belongs to a shape: the same Plan serves every statement that
// differs only in the values of its slots. It is immutable.
type Plan struct {
	Verdict Verdict
	// Refusal is set with Refuse.
	Refusal *pgerr.Error
	// Steps are queries of pgveil's own that are run before the statement, in its
	// transaction and in this order. Pieces of Text stand for their results.
	Steps []Step
	// Text is what to send, with Rewrite: pieces in order.
	Text []Piece
	// Params are the parameters $1, $2, … of the sent text, with Rewrite.
	Params []Param
	// ClientParams are the parameters as the client knows them, $1 first. A zero
	// OID means that the server's answer to Describe stands.
	ClientParams []ClientParam
	// Columns describe the result, one for each column, if any of them is
	// protected; else nil, and rows are forwarded untouched. They are set with
	// Rewrite and with Forward: a SELECT may need no change in its text and yet
	// bring sealed values.
	Columns []ResultColumn
	// Copy is set for COPY between client and server over sealed columns,
	// Prepared for PREPARE, Cursor for DECLARE of a query that brings them.
	Copy     *Copy
	Prepared *Prepared
	Cursor   *Cursor
	// Made is set for a statement that makes or changes a relation that the
	// session must look at.
	Made *Made
}

// Piece is a run of text, or a slot of the client's statement in its place.
type Piece struct {
	// Text is sent as it is, before the slot.
	Text string
	// Slot is the index of a literal slot of the shape, -1 for none.
	Slot int
	// Word is the keyword true or false where such a literal is sealed: Slot is
	// -1 then, and Uses has one entry. Else it is empty.
	Word string
	// Constant is an expression whose value is sealed: Slot is -1 then, and Uses
	// has one entry. Else it is nil.
	Constant *Constant
	// Uses says what becomes of the slot's literals. It has one entry for a
	// single literal and for a list of one kind; for rows of VALUES, one for
	// each column.
	Uses []Use
	// Given is what a step gave: Slot is -1 then. Its Step is 0 for other pieces.
	Given Given
}

// Param is a parameter of the sent text.
type Param struct {
	// Client is the number of the client's parameter that it is made of, from 1; 0
	// where it is the value of Constant.
	Client   int
	Constant *Constant
	Use      Use
	// OID is the type to declare to the server in Parse; 0 leaves it to the
	// server, or to what the client declared.
	OID uint32
}

// ClientParam is a parameter as the client sees it in ParameterDescription.
type ClientParam struct {
	// OID is the logical type where a protected column decides it, else 0.
	OID uint32
}

// Role is the part that a literal or parameter plays.
type Role uint8

const (
	// Verbatim is sent as the client wrote it.
	Verbatim Role = iota
	// Stored is sealed as a value of the column.
	Stored
	// Equality becomes the column's equality term.
	Equality
	// EqualityArray is an array whose elements become equality terms.
	EqualityArray
)

// Use is what becomes of a literal or parameter.
type Use struct {
	Role Role
	// Target is the protected column that it is sealed or searched for; nil for Verbatim.
	Target *catalog.Protected
	// Access is what the session's roles may do with the column: a role that
	// reads a mask must not write one back, one that reads sealed strings may
	// write those.
	Access policy.Access
	// Cast is the type that the statement casts the value to before use
	// (`$1::date`, `'x'::text`), zero for none. A literal without a cast is of
	// type unknown and is read as the column's type.
	Cast catalog.Type
	// Negate says that a minus sign belongs to the literal, although it stands
	// outside its slot.
	Negate bool
	// Update says that a Stored value replaces one that is there.
	Update bool
	// Exact says that a Stored value must not be changed by its assignment, by
	// rounding or cutting it to the column's length or precision: the statement
	// also sees it as it was before.
	Exact bool
}

// ResultColumn says what a column of the result is.
type ResultColumn struct {
	// Target is nil for a plain column, which is forwarded.
	Target *catalog.Protected
	// Access says how the session's roles read it. Read is never Deny.
	Access policy.Access
	// RelationOID and Num are the column's origin as the server will report it
	// in RowDescription, 0 where the column is not a plain reference.
	RelationOID uint32
	Num         int16
	// Container is set for a column whose values hold sealed ones; Target is nil then.
	Container *Container
}

// Opens reports whether anything in the column is to be opened.
func (c *ResultColumn) Opens() bool { return c.Target != nil || c.Container != nil }
