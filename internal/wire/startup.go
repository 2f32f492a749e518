package wire

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Codes that stand where a startup message has its protocol version.
const (
	codeCancel = 1234<<16 | 5678
	codeSSL    = 1234<<16 | 5679
	codeGSSENC = 1234<<16 | 5680
)

const (
	// MaxStartup is PostgreSQL's own limit for a startup message.
	MaxStartup = 10000
	// maxCancelKey is the longest secret that protocol 3.2 allows.
	maxCancelKey = 256
)

// StartupKind tells the messages apart that can open a connection. The zero
// value is none of them.
type StartupKind int

// The messages that can open a connection.
const (
	_ StartupKind = iota
	// StartupSession asks for a session.
	StartupSession
	// StartupCancel asks to cancel what another session runs.
	StartupCancel
	// StartupSSL and StartupGSSENC ask for encryption; another message follows.
	StartupSSL
	StartupGSSENC
)

// Startup is a message that opens a connection. It has no type byte.
type Startup struct {
	Kind StartupKind
	// Version is the protocol version of a session, major<<16 | minor.
	Version uint32
	// Params are the session's parameters in their order. A name may occur twice:
	// the last one counts.
	Params []Param
	// Raw is the whole message, its length word included, to be forwarded as it is.
	Raw []byte
}

// Param is a startup parameter.
type Param struct{ Name, Value string }

// Param returns the value of a parameter, "" without one.
func (s *Startup) Param(name string) string {
	value := ""
	for _, p := range s.Params {
		if p.Name == name {
			value = p.Value
		}
	}
	return value
}

// ReadStartup reads a message that opens a connection. The result holds
// copies. At a clean end of the stream the error is io.EOF, within the message
// io.ErrUnexpectedEOF; a message that is not one is a *pgerr.Error.
func ReadStartup(r *Reader) (*Startup, error) {
	if r.open {
		return nil, errUnconsumed
	}
	if err := r.fill(4); err != nil {
		return nil, err
	}
	declared := binary.BigEndian.Uint32(r.buf[r.start:])
	if declared < 8 || declared > MaxStartup {
		return nil, badStartup("invalid length of startup packet")
	}
	raw := make([]byte, declared)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, midFrame(err)
	}
	return DecodeStartup(raw)
}

// DecodeStartup decodes a whole message, its length word included. Raw of the
// result is raw itself.
func DecodeStartup(raw []byte) (*Startup, error) {
	if len(raw) < 8 || len(raw) > MaxStartup || binary.BigEndian.Uint32(raw) != uint32(len(raw)) {
		return nil, badStartup("invalid length of startup packet")
	}
	s := &Startup{Raw: raw}
	code := binary.BigEndian.Uint32(raw[4:])
	switch code {
	case codeSSL, codeGSSENC:
		s.Kind = StartupSSL
		if code == codeGSSENC {
			s.Kind = StartupGSSENC
		}
		if len(raw) != 8 {
			return nil, badStartup("invalid length of startup packet")
		}
		return s, nil
	case codeCancel:
		s.Kind = StartupCancel
		if secret := len(raw) - 12; secret < 1 || secret > maxCancelKey {
			return nil, badStartup("invalid length of cancel request packet")
		}
		return s, nil
	}
	if code>>16 != 3 {
		// The layout of another major version is unknown, so the database is too:
		// forwarding it could lead around the policy.
		return nil, &pgerr.Error{
			State:   pgerr.StateUnsupported,
			Code:    pgerr.ProtocolBroken,
			Message: fmt.Sprintf("unsupported frontend protocol %d.%d: pgveil supports 3.x", code>>16, code&0xffff),
		}
	}
	s.Kind, s.Version = StartupSession, code
	return s, s.decodeParams(raw[8:])
}

func (s *Startup) decodeParams(body []byte) error {
	c := cursor{b: body}
	for {
		name := c.text()
		if len(name) == 0 {
			break
		}
		s.Params = append(s.Params, Param{Name: string(name), Value: string(c.text())})
	}
	if c.bad || len(c.b) > 0 {
		return badStartup("invalid startup packet layout: expected terminator as last byte")
	}
	return nil
}

// AppendStartup appends a session's startup message to dst.
func AppendStartup(dst []byte, version uint32, params []Param) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, version)
	for _, p := range params {
		dst = append(append(dst, p.Name...), 0)
		dst = append(append(dst, p.Value...), 0)
	}
	dst = append(dst, 0)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

// AppendSSLRequest appends an SSLRequest to dst.
func AppendSSLRequest(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, 8), codeSSL)
}

func badStartup(message string) error {
	return &pgerr.Error{State: pgerr.StateProtocol, Code: pgerr.ProtocolBroken, Message: message}
}
