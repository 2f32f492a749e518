package software

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

// Any key under any associated data comes back, and under any other does not.
func TestWrap_anyKeyAndAAD(t *testing.T) {
	c := mustOpen(t, copied(t))
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.SliceOfN(rapid.Byte(), 0, 64)
		key, aad, other := some.Draw(rt, "key"), some.Draw(rt, "aad"), some.Draw(rt, "other aad")
		w, err := c.Wrap(t.Context(), secret.New(bytes.Clone(key)), aad)
		if err != nil {
			rt.Fatal(err)
		}
		if len(key) >= 8 && bytes.Contains(w.Bytes, key) {
			rt.Fatalf("the wrapped key %x holds the key %x", w.Bytes, key)
		}
		back, err := c.Unwrap(t.Context(), w, aad)
		if err != nil || !back.Equal(secret.New(bytes.Clone(key))) {
			rt.Fatalf("Unwrap = %v, or another key", err)
		}
		_, err = c.Unwrap(t.Context(), w, other)
		if damaged := errors.Is(err, keystore.ErrDamaged); damaged == bytes.Equal(aad, other) {
			rt.Fatalf("Unwrap under associated data %x of a key wrapped under %x = %v", other, aad, err)
		}
	})
}

// A custodian may be used by many at once, and closed under them.
func TestCustodian_closedWhileInUse(t *testing.T) {
	c := mustOpen(t, copied(t))
	key := secret.New(bytes.Repeat([]byte{3}, 32))
	w, err := c.Wrap(t.Context(), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 4)
	for range cap(ended) {
		go func() {
			for {
				back, err := c.Unwrap(t.Context(), w, nil)
				if err != nil {
					ended <- err
					return
				}
				if !back.Equal(key) {
					ended <- errors.New("another key came back")
					return
				}
			}
		}()
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, secret.ErrDestroyed) {
			t.Errorf("Unwrap while the custodian was closed = %v, want ErrDestroyed", err)
		}
	}
}
