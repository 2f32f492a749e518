// Package secret holds key material and passwords so that they cannot be
// printed, logged or marshalled by accident, and so that wiping them is safe
// while others use them.
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"go.uber.org/zap/zapcore"
)

const redacted = "[secret]"

// ErrDestroyed is returned by [Bytes.Use] after [Bytes.Destroy]. A wiped key
// must never be taken for an empty one: a MAC under no key would go unnoticed.
var ErrDestroyed = errors.New("secret was destroyed")

// Bytes holds secret bytes. It prints, logs and marshals as [secret]; only Use
// hands out the bytes, so a search for ".Use(" lists every place they reach.
// Copies share the bytes: Destroy on one destroys all. Any number of goroutines
// may use and destroy it at once. The zero value holds nothing.
type Bytes struct {
	// A pointer, because fmt skips String on a value in an unexported field
	// and would print a slice there byte by byte.
	h *holder
}

// gone is the bit of holder.state that says Destroy was called; the bits below
// count the Use calls that are running.
const gone = 1 << 62

type holder struct {
	state atomic.Int64
	wiped atomic.Bool
	// A pointer once more: given a verb that does not fit, fmt follows the
	// outer pointer of an unexported field and prints what it finds there.
	b *[]byte
}

// New takes ownership of b: the caller must not use it again.
func New(b []byte) Bytes { return Bytes{h: &holder{b: &b}} }

// Use calls f with the bytes, or with nil for the zero value. f must not keep or
// change them. While f runs they are not wiped. After Destroy, Use returns
// [ErrDestroyed] and does not call f.
func (s Bytes) Use(f func([]byte) error) error {
	if s.h == nil {
		return f(nil)
	}
	if !s.h.enter() {
		return ErrDestroyed
	}
	defer s.h.leave()
	return f(*s.h.b)
}

// Len returns how many bytes are held, none after Destroy.
func (s Bytes) Len() int {
	if s.h == nil || s.h.state.Load()&gone != 0 {
		return 0
	}
	return len(*s.h.b)
}

// Equal compares in constant time. A destroyed secret equals nothing.
func (s Bytes) Equal(other Bytes) bool {
	equal := false
	err := s.Use(func(a []byte) error {
		return other.Use(func(b []byte) error {
			equal = subtle.ConstantTimeCompare(a, b) == 1
			return nil
		})
	})
	return err == nil && equal
}

// Destroy overwrites the bytes with zeros. It does not wait: if a Use is
// running, the bytes are wiped when the last one returns, and no new one begins.
func (s Bytes) Destroy() {
	if s.h == nil {
		return
	}
	if s.h.state.Or(gone)&^gone == 0 {
		s.h.wipe()
	}
}

func (h *holder) enter() bool {
	if h.state.Add(1)&gone == 0 {
		return true
	}
	h.leave()
	return false
}

func (h *holder) leave() {
	if h.state.Add(-1) == gone {
		h.wipe()
	}
}

// wipe runs once: late visitors of enter also arrive here.
func (h *holder) wipe() {
	if h.wiped.CompareAndSwap(false, true) {
		clear(*h.b)
	}
}

func (Bytes) String() string   { return redacted }
func (Bytes) GoString() string { return redacted }

// Format writes the placeholder whatever the verb is.
func (Bytes) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns the placeholder, for every encoder that asks.
func (Bytes) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalLogObject logs the placeholder.
func (Bytes) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("secret", redacted)
	return nil
}
