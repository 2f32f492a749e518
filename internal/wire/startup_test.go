package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgveil/pgveil/internal/pgerr"
)

func packet(code uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(binary.BigEndian.AppendUint32(b, code), body...)
}

func TestReadStartup_everyKind(t *testing.T) {
	ssl, _ := (&pgproto3.SSLRequest{}).Encode(nil)
	gss, _ := (&pgproto3.GSSEncRequest{}).Encode(nil)
	cancel, _ := (&pgproto3.CancelRequest{ProcessID: 7, SecretKey: []byte("keys")}).Encode(nil)
	long, _ := (&pgproto3.CancelRequest{ProcessID: 7, SecretKey: bytes.Repeat([]byte("k"), 256)}).Encode(nil)
	tests := []struct {
		name string
		raw  []byte
		want *Startup
	}{
		{"SSLRequest", ssl, &Startup{Kind: StartupSSL, Raw: ssl}},
		{"GSSENCRequest", gss, &Startup{Kind: StartupGSSENC, Raw: gss}},
		{"CancelRequest", cancel, &Startup{Kind: StartupCancel, Raw: cancel}},
		{"CancelRequest of 3.2", long, &Startup{Kind: StartupCancel, Raw: long}},
		{"session", packet(3<<16, "user\x00u\x00options\x00\x00\x00"), &Startup{
			Kind: StartupSession, Version: 3 << 16, Raw: packet(3<<16, "user\x00u\x00options\x00\x00\x00"),
			Params: []Param{{Name: "user", Value: "u"}, {Name: "options"}},
		}},
		{"session of 3.2", packet(3<<16|2, "\x00"), &Startup{Kind: StartupSession, Version: 3<<16 | 2, Raw: packet(3<<16|2, "\x00")}},
	}
	for _, tc := range tests {
		// What follows must stay unread, whether it is in the buffer or not.
		r := NewReader(iotest.HalfReader(bytes.NewReader(append(bytes.Clone(tc.raw), "next"...))), 0)
		got, err := ReadStartup(r)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", tc.name, diff)
		}
		if rest, err := io.ReadAll(r); string(rest) != "next" || err != nil {
			t.Errorf("%s: what followed is %q, %v, want next", tc.name, rest, err)
		}
	}
}

func TestStartup_theLastOfAParameterCounts(t *testing.T) {
	s, err := DecodeStartup(AppendStartup(nil, 3<<16, []Param{{"database", "decoy"}, {"user", "u"}, {"database", "d"}}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Param("database"); got != "d" {
		t.Errorf("Param(database) = %q, want the last one, which PostgreSQL uses", got)
	}
	if got := s.Param("replication"); got != "" {
		t.Errorf("Param(replication) = %q, want none", got)
	}
}

func TestReadStartup_refusals(t *testing.T) {
	tests := map[string]struct {
		raw   []byte
		state string
	}{
		"length 0":               {make([]byte, 8), "08P01"},
		"length 7":               {[]byte{0, 0, 0, 7, 0, 3, 0}, "08P01"},
		"length 10001":           {[]byte{0, 0, 0x27, 0x11, 0, 3, 0, 0}, "08P01"},
		"length 2 GB":            {[]byte{0x7f, 0xff, 0xff, 0xff}, "08P01"},
		"length -1":              {[]byte{0xff, 0xff, 0xff, 0xff}, "08P01"},
		"SSLRequest with more":   {packet(codeSSL, "x"), "08P01"},
		"CancelRequest, no key":  {packet(codeCancel, "\x00\x00\x00\x01"), "08P01"},
		"CancelRequest, no pid":  {packet(codeCancel, ""), "08P01"},
		"CancelRequest too long": {packet(codeCancel, strings.Repeat("k", 4+257)), "08P01"},
		"no terminator":          {packet(3<<16, "user\x00u\x00"), "08P01"},
		"name without value":     {packet(3<<16, "user\x00"), "08P01"},
		"nothing at all":         {packet(3<<16, ""), "08P01"},
		"more after the end":     {packet(3<<16, "user\x00u\x00\x00x"), "08P01"},
		"protocol 2":             {packet(2<<16, "\x00"), "0A000"},
		"protocol 4":             {packet(4<<16, "\x00"), "0A000"},
		"protocol 0":             {packet(0, "\x00"), "0A000"},
		"an unknown request":     {packet(1234<<16|5681, ""), "0A000"},
	}
	for name, tc := range tests {
		_, err := ReadStartup(NewReader(bytes.NewReader(tc.raw), 0))
		var e *pgerr.Error
		if !errors.As(err, &e) || e.State != tc.state {
			t.Errorf("%s: ReadStartup = %v, want %s", name, err, tc.state)
		}
	}
	whole := packet(3<<16, "user\x00u\x00\x00")
	for n := range len(whole) {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, err := ReadStartup(NewReader(bytes.NewReader(whole[:n]), 0)); err != want {
			t.Errorf("ReadStartup of %d bytes = %v, want %v", n, err, want)
		}
	}
}

func TestAppendSSLRequest(t *testing.T) {
	want, _ := (&pgproto3.SSLRequest{}).Encode(nil)
	if got := AppendSSLRequest(nil); !bytes.Equal(got, want) {
		t.Errorf("AppendSSLRequest = %x, want %x", got, want)
	}
}
