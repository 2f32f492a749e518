package envelope

import (
	"bytes"
	"regexp"
	"testing"
)

func FuzzLooks(f *testing.F) {
	for _, v := range readVectors(f).Envelopes {
		f.Add([]byte(v.Envelope))
	}
	for _, text := range almost() {
		f.Add([]byte(text))
	}
	guard := regexp.MustCompile(GuardPattern(Options{}))
	f.Fuzz(func(t *testing.T, stored []byte) {
		if Looks(stored) && !guard.Match(stored) {
			t.Errorf("Looks(%q), but the guard keeps it out", stored)
		}
		if term := TermOf(stored); term != nil && !bytes.Contains(stored, term) {
			t.Errorf("TermOf(%q) = %q", stored, term)
		}
	})
}

func FuzzOpen(f *testing.F) {
	genuine := map[string]bool{}
	v := readVectors(f).Envelopes[1]
	for _, other := range readVectors(f).Envelopes {
		f.Add([]byte(other.Envelope))
		genuine[other.Envelope] = true
	}
	for _, text := range almost() {
		f.Add([]byte(text))
	}
	c := New(v.keys(), v.options())
	f.Fuzz(func(t *testing.T, stored []byte) {
		got, err := c.Open(t.Context(), nil, stored)
		if err == nil && !genuine[string(stored)] {
			t.Errorf("Open(%q) = %q: a forgery opened", stored, got)
		}
		if err != nil && len(got) != 0 {
			t.Errorf("Open(%q) = %q with an error", stored, got)
		}
	})
}

// One encoding only: whatever character of an envelope is changed, dropped or
// doubled, it opens no more.
func TestOpen_malleability(t *testing.T) {
	const alphabet = "AaBZz09-_~. \n=\x00\xff"
	for _, v := range readVectors(t).Envelopes {
		c := New(v.keys(), v.options())
		check := func(changed []byte) {
			if got, err := c.Open(t.Context(), nil, changed); err == nil {
				t.Errorf("%s: Open(%q) = %q", v.Name, changed, got)
			}
		}
		for i := range v.Envelope {
			for _, b := range []byte(alphabet) {
				if changed := []byte(v.Envelope); changed[i] != b {
					changed[i] = b
					check(changed)
				}
			}
			check([]byte(v.Envelope[:i] + v.Envelope[i+1:]))
			check([]byte(v.Envelope[:i] + "A" + v.Envelope[i:]))
		}
		// The unused bits of the last character are zero.
		last := v.Envelope[len(v.Envelope)-1]
		for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
			if b != last {
				check(append([]byte(v.Envelope[:len(v.Envelope)-1]), b))
			}
		}
	}
}
