package eval

import (
	"fmt"
	"strings"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
)

// The SQLSTATEs of PostgreSQL's own errors.
const (
	stateDivision   = "22012" // division_by_zero
	stateRange      = "22003" // numeric_value_out_of_range
	stateDatetime   = "22008" // datetime_field_overflow
	stateSubstring  = "22011" // substring_error
	stateParameter  = "22023" // invalid_parameter_value
	stateLimit      = "54000" // program_limit_exceeded
	stateAmbiguous  = "42725" // ambiguous_function
	stateNoFunction = "42883" // undefined_function
	stateMismatch   = "42804" // datatype_mismatch
	stateCast       = "42846" // cannot_coerce
	stateParam      = "42P08" // ambiguous_parameter
)

// invalid is an error of PostgreSQL about a value, which its message never holds.
func invalid(state, format string, args ...any) error {
	return &pgerr.Error{State: state, Code: pgerr.InvalidValue, Message: fmt.Sprintf(format, args...)}
}

// wrongTypes is an error of PostgreSQL about the types of an expression.
func wrongTypes(state, format string, args ...any) error {
	return &pgerr.Error{State: state, Code: pgerr.UnsupportedCast, Message: fmt.Sprintf(format, args...)}
}

// unserved refuses what PostgreSQL computes and this package does not, or not
// for this session.
func unserved(what string) error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.ComputedValue,
		Message: "cannot compute " + what + " for a protected column",
		Detail:  "The server would compute it in clear, and pgveil does not know how to compute it exactly as the server does.",
		Hint:    "Compute the value in the application and write it as a literal or a parameter.",
	}
}

func noFunction(name string, kinds []canon.Kind) error {
	return &pgerr.Error{
		State: stateNoFunction, Code: pgerr.UnsupportedCast,
		Message: fmt.Sprintf("function %s(%s) does not exist", name, namesOf(kinds)),
		Hint:    "No function matches the given name and argument types. You might need to add explicit type casts.",
	}
}

func ambiguousFunction(name string, kinds []canon.Kind) error {
	return wrongTypes(stateAmbiguous, "function %s(%s) is not unique", name, namesOf(kinds))
}

func operatorText(name string, kinds []canon.Kind) string {
	if len(kinds) == 1 {
		return name + " " + sqlName(kinds[0])
	}
	return sqlName(kinds[0]) + " " + name + " " + sqlName(kinds[1])
}

func noOperator(name string, kinds []canon.Kind) error {
	return &pgerr.Error{
		State: stateNoFunction, Code: pgerr.UnsupportedCast,
		Message: "operator does not exist: " + operatorText(name, kinds),
		Hint:    "No operator matches the given name and argument types. You might need to add explicit type casts.",
	}
}

func ambiguousOperator(name string, kinds []canon.Kind) error {
	return wrongTypes(stateAmbiguous, "operator is not unique: %s", operatorText(name, kinds))
}

func namesOf(kinds []canon.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = sqlName(k)
	}
	return strings.Join(names, ", ")
}
