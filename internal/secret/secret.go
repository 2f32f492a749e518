// Package secret holds key material and passwords so that they cannot be
// printed, logged or marshalled by accident.
package secret

import (
	"crypto/subtle"

	"go.uber.org/zap/zapcore"
)

const redacted = "[secret]"

// Bytes holds secret bytes. It prints, logs and marshals as [secret]; only Use
// hands out the bytes, so a search for ".Use(" lists every place they reach.
// Copies share the bytes: Destroy on one destroys all. The zero value holds
// nothing.
type Bytes struct {
	// A pointer, because fmt skips String on a value in an unexported field
	// and would print a slice there byte by byte.
	b *[]byte
}

// New takes ownership of b: the caller must not use it again.
func New(b []byte) Bytes { return Bytes{b: &b} }

// Use calls f with the bytes. f must not keep or change them.
func (s Bytes) Use(f func([]byte) error) error {
	if s.b == nil {
		return f(nil)
	}
	return f(*s.b)
}

// Len returns how many bytes are held.
func (s Bytes) Len() int {
	if s.b == nil {
		return 0
	}
	return len(*s.b)
}

// Equal compares in constant time.
func (s Bytes) Equal(other Bytes) bool {
	if s.b == nil || other.b == nil {
		return s.Len() == other.Len()
	}
	return subtle.ConstantTimeCompare(*s.b, *other.b) == 1
}

// Destroy overwrites the bytes with zeros and lets go of them.
func (s Bytes) Destroy() {
	if s.b != nil {
		clear(*s.b)
		*s.b = nil
	}
}

func (Bytes) String() string   { return redacted }
func (Bytes) GoString() string { return redacted }

// MarshalText returns the placeholder, for every encoder that asks.
func (Bytes) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalLogObject logs the placeholder.
func (Bytes) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("secret", redacted)
	return nil
}
