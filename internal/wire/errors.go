package wire

import (
	"strconv"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Severities of errors that pgveil raises. A session goes on after ErrorSeverity.
const (
	ErrorSeverity = "ERROR"
	FatalSeverity = "FATAL"
)

// ErrorField is one field of an ErrorResponse or NoticeResponse.
type ErrorField struct {
	// Code is the field's letter: S and V severity, C SQLSTATE, M message, D
	// detail, H hint, P position, p and q internal position and query, W where,
	// s t c d n schema, table, column, data type and constraint, F L R source.
	Code  byte
	Value []byte
}

// ErrorFields are the fields of an ErrorResponse or NoticeResponse in their order.
type ErrorFields []ErrorField

// DecodeError reads the body of an ErrorResponse or NoticeResponse, reusing
// dst. The values alias body.
func DecodeError(dst ErrorFields, body []byte) (ErrorFields, error) {
	c := cursor{b: body}
	dst = dst[:0]
	for {
		code := c.byte()
		if code == 0 {
			return dst, c.end("ErrorResponse")
		}
		dst = append(dst, ErrorField{Code: code, Value: c.text()})
	}
}

// Field returns the value of the first field with the letter, nil without one.
func (e ErrorFields) Field(code byte) []byte {
	for _, f := range e {
		if f.Code == code {
			return f.Value
		}
	}
	return nil
}

// Append appends a frame of the given type, TypeErrorResponse or
// TypeNoticeResponse, to dst.
func (e ErrorFields) Append(dst []byte, typ byte) ([]byte, error) {
	b := build(dst, typ)
	for _, f := range e {
		b.byte(f.Code)
		b.text(f.Value)
	}
	b.byte(0)
	return b.end()
}

// AppendError appends an ErrorResponse that says e to dst. The code of e goes
// where people read on: at the end of the hint, or of the detail where there
// is no hint. The cause stays here. A zero byte, which the protocol cannot
// carry, becomes a question mark.
func AppendError(dst []byte, severity string, e *pgerr.Error) []byte {
	detail, hint := withCode(e)
	position := ""
	if e.Position > 0 {
		position = strconv.Itoa(e.Position)
	}
	start := len(dst)
	dst = BeginFrame(dst, TypeErrorResponse)
	for _, f := range [...]struct {
		code  byte
		value string
	}{
		{'S', severity}, {'V', severity}, {'C', e.State}, {'M', e.Message},
		{'D', detail}, {'H', hint}, {'P', position}, {'W', e.Where},
		{'s', e.Schema}, {'t', e.Table}, {'c', e.Column}, {'n', e.Constraint},
	} {
		if f.value != "" {
			dst = appendErrorText(append(dst, f.code), f.value)
		}
	}
	// Our own few texts cannot reach the limit.
	dst, _ = EndFrame(append(dst, 0), start)
	return dst
}

func appendErrorText(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] == 0 {
			dst = append(dst, '?')
		} else {
			dst = append(dst, s[i])
		}
	}
	return append(dst, 0)
}

func withCode(e *pgerr.Error) (detail, hint string) {
	detail, hint = e.Detail, e.Hint
	if e.Code == "" {
		return detail, hint
	}
	mark := "(pgveil: " + string(e.Code) + ")"
	switch {
	case hint != "":
		hint += " " + mark
	case detail != "":
		detail += " " + mark
	default:
		hint = mark
	}
	return detail, hint
}
