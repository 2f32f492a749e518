// Package pgerr holds the one error type that pgveil shows to people. An
// [Error] has three readers: the client gets SQLSTATE, message, detail and
// hint; the log gets the cause too; metrics and docs/ERRORS.md get the [Code].
package pgerr

import (
	"errors"
	"fmt"
)

// Code names a kind of refusal or failure. Every code has an entry in
// docs/ERRORS.md with its cause and its cure; a test compares the two lists.
type Code string

// Error is what a client, an operator and a counter learn of one failure.
// Message, Detail and Hint never hold a protected value, key bytes, SQL that
// pgveil wrote, or the name of a host.
type Error struct {
	// State is the SQLSTATE, five characters.
	State string
	// Code is the entry of docs/ERRORS.md.
	Code Code
	// Message says what cannot be done, in PostgreSQL's tone: no capital, no full stop.
	Message string
	// Detail is the reason, Hint the cure.
	Detail, Hint string
	// Where is the place in the client's data, as PostgreSQL's CONTEXT tells it:
	// "COPY people, line 3, column birth".
	Where string
	// Position is the place in the client's own text, in characters from 1, 0 for none.
	Position int
	// Schema, Table, Column and Constraint are the fields that drivers read, where known.
	Schema, Table, Column, Constraint string
	// Cause is for the log only. It is never sent to a client.
	Cause error
}

// Error returns the message with its detail, hint and code, without the cause.
func (e *Error) Error() string {
	s := e.Message
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Code != "" {
		s += fmt.Sprintf(" (SQLSTATE %s, %s)", e.State, e.Code)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// From returns err as an Error: the one that it wraps, or else one that says
// that pgveil has a bug, with err as the cause.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{
		State:   StateInternal,
		Code:    Internal,
		Message: "internal error in pgveil",
		Hint:    "This is a bug. See pgveil's log.",
		Cause:   err,
	}
}
