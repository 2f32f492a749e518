// Package wire reads and writes PostgreSQL's protocol in frames. A frame that
// nobody needs to understand is copied from the read buffer to the write
// buffer without being decoded; one that is changed is decoded into one of the
// small types here (Parse, Bind, RowDescription, …), changed, and appended to a
// buffer again.
//
// A [Reader] hands out frames one at a time, a [Writer] gathers them until
// Flush. Neither is safe for more than one goroutine.
//
// Decoders alias the body they are given and reuse the slices of their
// receiver: one decoded message costs no allocation, and lives as long as the
// body does. They are as strict as PostgreSQL: a count that does not fit the
// message, a string without its end, and bytes left over are all errors of
// SQLSTATE 08P01.
package wire

import (
	"github.com/pgveil/pgveil/internal/pgerr"
)

// Header is the head of a frame: its type and the length of its body in
// bytes (without the type byte and the length word).
type Header struct {
	Type byte
	Len  int
}

const (
	// headerLen is the size of a type byte and a length word.
	headerLen = 5
	// MaxBody is the longest body that the length word of a frame can announce
	// and that PostgreSQL would accept of a peer; no limit goes beyond it.
	MaxBody = 1<<30 - 1
)

// Types of frames that a client sends.
const (
	TypeBind         = 'B'
	TypeClose        = 'C'
	TypeDescribe     = 'D'
	TypeExecute      = 'E'
	TypeFunctionCall = 'F'
	TypeFlush        = 'H'
	TypeParse        = 'P'
	// TypePassword is a password, SASL and GSS response alike.
	TypePassword  = 'p'
	TypeQuery     = 'Q'
	TypeSync      = 'S'
	TypeTerminate = 'X'
	TypeCopyFail  = 'f'
)

// Types of frames that both sides send.
const (
	TypeCopyData = 'd'
	TypeCopyDone = 'c'
)

// Types of frames that a server sends.
const (
	TypeAuthentication       = 'R'
	TypeBackendKeyData       = 'K'
	TypeBindComplete         = '2'
	TypeCloseComplete        = '3'
	TypeCommandComplete      = 'C'
	TypeCopyBothResponse     = 'W'
	TypeCopyInResponse       = 'G'
	TypeCopyOutResponse      = 'H'
	TypeDataRow              = 'D'
	TypeEmptyQueryResponse   = 'I'
	TypeErrorResponse        = 'E'
	TypeFunctionCallResponse = 'V'
	TypeNegotiateVersion     = 'v'
	TypeNoData               = 'n'
	TypeNoticeResponse       = 'N'
	TypeNotification         = 'A'
	TypeParameterDescription = 't'
	TypeParameterStatus      = 'S'
	TypeParseComplete        = '1'
	TypePortalSuspended      = 's'
	TypeReadyForQuery        = 'Z'
	TypeRowDescription       = 'T'
)

// malformed is the error for a message of the given kind that does not have
// the layout the protocol prescribes.
func malformed(kind string) error {
	return &pgerr.Error{
		State:   pgerr.StateProtocol,
		Code:    pgerr.ProtocolBroken,
		Message: "invalid message format",
		Detail:  "A " + kind + " message does not have the layout that the protocol prescribes.",
	}
}
