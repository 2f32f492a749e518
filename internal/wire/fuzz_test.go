package wire

import (
	"bytes"
	"io"
	"testing"
)

// decoders are all the decoders of bodies. Each returns the frame that it
// decoded and encoded again, nil where there is no encoder.
func decoders() map[byte]func([]byte) ([]byte, error) {
	roundTrip := func(m message) func([]byte) ([]byte, error) {
		return func(body []byte) ([]byte, error) {
			if err := m.Decode(body); err != nil {
				return nil, err
			}
			return m.Append(nil)
		}
	}
	return map[byte]func([]byte) ([]byte, error){
		'P': roundTrip(&Parse{}), 'B': roundTrip(&Bind{}), 'd': roundTrip(&Describe{}), 'c': roundTrip(&Close{}),
		'E': roundTrip(&Execute{}), 'p': roundTrip(&SASLInitial{}),
		'T': roundTrip(&RowDescription{}), 't': roundTrip(&ParameterDescription{}),
		'Q': func(body []byte) ([]byte, error) {
			sql, err := DecodeQuery(body)
			if err != nil {
				return nil, err
			}
			return AppendQuery(nil, sql)
		},
		'e': func(body []byte) ([]byte, error) {
			fields, err := DecodeError(nil, body)
			if err != nil {
				return nil, err
			}
			return fields.Append(nil, TypeErrorResponse)
		},
		'S': func(body []byte) ([]byte, error) {
			name, value, err := DecodeParameterStatus(body)
			if err != nil {
				return nil, err
			}
			return AppendParameterStatus(nil, name, value)
		},
		'Z': func(body []byte) ([]byte, error) {
			status, err := DecodeReadyForQuery(body)
			if err != nil {
				return nil, err
			}
			return AppendReadyForQuery(nil, status), nil
		},
		'D': rebuildRow,
		'R': func(body []byte) ([]byte, error) {
			kind, data, err := DecodeAuthentication(body)
			if err != nil || kind != AuthSASL {
				return nil, err
			}
			var m AuthSASLRequest
			if err := m.Decode(data); err != nil {
				return nil, err
			}
			return m.Append(nil)
		},
		'b': func(body []byte) ([]byte, error) { _, _, err := BindNames(body); return nil, err },
		'C': func(body []byte) ([]byte, error) { _, err := DecodeCommandTag(body); return nil, err },
	}
}

func rebuildRow(body []byte) ([]byte, error) {
	var row DataRow
	if err := row.Reset(body); err != nil {
		return nil, err
	}
	dst := BeginRow(nil, row.Left())
	for row.Next() {
		dst = AppendValue(dst, row.Value())
	}
	if err := row.Err(); err != nil {
		return nil, err
	}
	return EndFrame(dst, 0)
}

// No body makes a decoder panic, and what it takes has one encoding only: the
// bytes that it was decoded from.
func FuzzDecode(f *testing.F) {
	for _, tc := range theirs() {
		frame, err := tc.from.Encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame[5:])
	}
	for _, body := range []string{
		"SELECT 1\x00", "SERROR\x00C42601\x00Mno\x00\x00", "TimeZone\x00UTC\x00", "I", "\x00\x02\xff\xff\xff\xff\x00\x00\x00\x01x",
		"\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		f.Add([]byte(body))
	}
	all := decoders()
	f.Fuzz(func(t *testing.T, body []byte) {
		for kind, decode := range all {
			frame, err := decode(body)
			if err == nil && frame != nil && !bytes.Equal(frame[5:], body) {
				t.Errorf("%c: %q was decoded and encoded to %q", kind, body, frame[5:])
			}
		}
	})
}

// No message makes DecodeStartup panic, and what it takes is kept as it was.
func FuzzDecodeStartup(f *testing.F) {
	f.Add(packet(3<<16, "user\x00u\x00database\x00d\x00\x00"))
	f.Add(packet(codeSSL, ""))
	f.Add(packet(codeCancel, "\x00\x00\x00\x01keys"))
	f.Add(packet(2<<16, "\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := DecodeStartup(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Raw, raw) {
			t.Errorf("Raw = %q, want %q", s.Raw, raw)
		}
		if s.Kind == StartupSession {
			if again := AppendStartup(nil, s.Version, s.Params); !bytes.Equal(again, raw) {
				t.Errorf("%q was encoded to %q", raw, again)
			}
		}
	})
}

// No stream makes a Reader panic or lose its place: Body and Forward agree.
func FuzzReader(f *testing.F) {
	f.Add(stream(frame{'Q', "SELECT 1\x00"}, frame{'X', ""}))
	f.Add([]byte{'Q', 0x7f, 0xff, 0xff, 0xff})
	f.Add([]byte{'Q', 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		byBody, byForward := new(bytes.Buffer), new(bytes.Buffer)
		w := NewWriter(byForward, 64)
		one, other := NewReader(bytes.NewReader(in), 512), NewReader(bytes.NewReader(in), 512)
		one.SetLimit(1 << 20)
		other.SetLimit(1 << 20)
		for {
			h, err := one.Next()
			h2, err2 := other.Next()
			if h != h2 || (err == nil) != (err2 == nil) {
				t.Fatalf("Next = %v, %v and %v, %v", h, err, h2, err2)
			}
			if err != nil {
				break
			}
			body, err := one.Body()
			err2 = other.Forward(w)
			if (err == nil) != (err2 == nil) {
				t.Fatalf("Body = %v, Forward = %v", err, err2)
			}
			if err != nil {
				if err != io.ErrUnexpectedEOF {
					t.Fatalf("Body = %v, want io.ErrUnexpectedEOF", err)
				}
				return
			}
			byBody.Write(frame{h.Type, string(body)}.bytes())
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(byBody.Bytes(), byForward.Bytes()) || !bytes.HasPrefix(in, byBody.Bytes()) {
			t.Errorf("%q was read as %q and forwarded as %q", in, byBody, byForward)
		}
	})
}
