// Package tree is the shape of an expression that the proxy computes itself:
// what rewrite takes out of a statement, and what eval types and runs. It
// holds names and no values; a value is a leaf, known by its number.
package tree

import "strconv"

// Kind is the kind of an expression. The zero Kind is none.
type Kind uint8

// The kinds. Args are the operands in the order in which they are written.
const (
	// Leaf is a value from outside: a literal or a parameter, later a column.
	Leaf Kind = iota + 1
	// Call calls the function Name.
	Call
	// Operator applies the operator Name to one or two operands.
	Operator
	// Cast casts to Type, as :: does.
	Cast
	// Case has condition and result in turn; an odd last one is that of ELSE.
	Case
	// Switch is the simple form of CASE: its first operand is compared with the conditions.
	Switch
	Coalesce
	NullIf
	Greatest
	Least
	And
	Or
	Not
	IsNull
	IsNotNull
	// Distinct is IS DISTINCT FROM.
	Distinct
	NotDistinct
)

// Expr is a node of an expression. It is immutable.
type Expr struct {
	Kind Kind
	// Name is that of a function or operator of pg_catalog, without the schema.
	Name string
	Args []*Expr
	// Leaf is the number of a Leaf.
	Leaf int
	// Type is what a Cast casts to.
	Type Type
}

// Type is a type as pg_type names it. The zero Type is that of a string literal
// or a parameter whose type is still to be found: unknown.
type Type struct {
	OID uint32
	// Mod is the modifier, -1 for none.
	Mod  int32
	Name string
	// Elem and ElemName are those of an array's elements.
	Elem     uint32
	ElemName string
}

// The names of the types that a number in a statement can have.
const (
	Int4    = "int4"
	Int8    = "int8"
	Numeric = "numeric"
)

// NumberType returns the type that PostgreSQL gives to an integer literal,
// with its sign if it has one.
func NumberType(digits string) string {
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		return Numeric
	case n != int64(int32(n)):
		return Int8
	}
	return Int4
}
