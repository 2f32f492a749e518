package canon

import (
	"fmt"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// The SQLSTATEs of PostgreSQL's input functions.
const (
	stateSyntax        = "22P02" // invalid_text_representation
	stateBinary        = "22P03" // invalid_binary_representation
	stateShort         = "08P01" // protocol_violation: the value ends early
	stateEncoding      = "22021" // character_not_in_repertoire
	stateTooLong       = "22001" // string_data_right_truncation
	stateRange         = "22003" // numeric_value_out_of_range
	stateDateFormat    = "22007" // invalid_datetime_format
	stateDateOverflow  = "22008" // datetime_field_overflow
	stateZoneOverflow  = "22009" // invalid_time_zone_displacement_value
	stateIntervalRange = "22015" // interval_field_overflow
	stateParameter     = "22023" // invalid_parameter_value
	stateSubscript     = "2202E" // array_subscript_error
	stateEscape        = "22P05" // untranslatable_character
	stateLimit         = "54000" // program_limit_exceeded
	stateDepth         = "54001" // statement_too_complex
	stateMismatch      = "42804" // datatype_mismatch
	stateCast          = "42846" // cannot_coerce
	stateNoOperator    = "42883" // undefined_function
)

// invalid is a value that does not fit its type. PostgreSQL quotes the value in
// many of these messages; here no message ever holds it.
func invalid(state, format string, args ...any) error {
	return &pgerr.Error{State: state, Code: pgerr.InvalidValue, Message: fmt.Sprintf(format, args...)}
}

func errSyntax(k Kind) error {
	return invalid(stateSyntax, "invalid input syntax for type %s", builtins[k].sql)
}

func errRange(k Kind) error {
	return invalid(stateRange, "value is out of range for type %s", builtins[k].sql)
}

func errBinary(t Type) error {
	return invalid(stateBinary, "incorrect binary data format for type %s", t)
}

func errShort(t Type) error {
	return invalid(stateShort, "insufficient data left in message for type %s", t)
}

func errEncoding() error {
	return invalid(stateEncoding, "invalid byte sequence for encoding \"UTF8\"")
}

// errClock refuses input whose value is the moment at which the server reads it.
func errClock(t Kind) error {
	return &pgerr.Error{
		State: pgerr.StateUnsupported, Code: pgerr.ClockInput,
		Message: fmt.Sprintf("cannot store a value of type %s that depends on the current time", builtins[t].sql),
		Detail:  "now, today, tomorrow, yesterday and a time without its zone mean another value at every moment, and the server never sees this one",
		Hint:    "compute the value in the application and send it in full",
	}
}

// errDamaged is a canonical value that this package did not make.
func errDamaged(t Type) error {
	return &pgerr.Error{
		State: pgerr.StateDamaged, Code: pgerr.DamagedValue,
		Message: fmt.Sprintf("stored bytes are not a value of type %s", t),
	}
}

func errUnsupported(t Type) error {
	return &pgerr.Error{
		State: pgerr.StateUnsupported, Code: pgerr.UnsupportedType,
		Message: fmt.Sprintf("type with OID %d cannot be protected", t.OID),
	}
}

func errNoEquality(t Type) error {
	return &pgerr.Error{
		State: stateNoOperator, Code: pgerr.UnsupportedType,
		Message: fmt.Sprintf("operator does not exist: %s = %s", t, t),
		Hint:    "protect the column without equality, or as jsonb",
	}
}

func errNoCast(from, to Type) error {
	return &pgerr.Error{
		State: stateCast, Code: pgerr.UnsupportedCast,
		Message: fmt.Sprintf("cannot convert type %s to %s without an explicit cast", from, to),
		Hint:    "send the value in the type of the column",
	}
}
