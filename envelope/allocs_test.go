//go:build !race

package envelope

import "testing"

// The race detector drops pooled memory on purpose, so this is no test for it.

func TestCodec_allocatesNothing(t *testing.T) {
	c := New(newTestKeys(), Options{Keyset: "default", Domain: "d1", Equality: true, Pad: 16})
	ctx := t.Context()
	plaintext := []byte("a plaintext of thirty-two bytes.")
	stored := seal(t, c, string(plaintext))
	dst := make([]byte, 0, 1024)
	for name, f := range map[string]func() error{
		"Seal": func() error { _, err := c.Seal(ctx, dst, plaintext, plaintext); return err },
		"Open": func() error { _, err := c.Open(ctx, dst, stored); return err },
		"Term": func() error { _, err := c.Term(ctx, dst, plaintext); return err },
	} {
		if n := testing.AllocsPerRun(200, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
}
