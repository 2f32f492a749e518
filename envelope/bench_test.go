package envelope

import "testing"

// A caller who uses its buffers again causes no garbage.
func TestCodec_allocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector drops pooled memory")
	}
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

func BenchmarkCodec(b *testing.B) {
	for _, o := range []struct {
		name string
		Options
	}{{"plain", Options{Keyset: "k", Domain: "d"}}, {"equality", Options{Keyset: "k", Domain: "d", Equality: true}}} {
		c := New(newTestKeys(), o.Options)
		ctx := b.Context()
		plaintext := []byte("a plaintext of thirty-two bytes.")
		stored := seal(b, c, string(plaintext))
		dst := make([]byte, 0, 1024)
		b.Run("Seal/"+o.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Seal(ctx, dst, plaintext, plaintext); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Open/"+o.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Open(ctx, dst, stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	c := New(newTestKeys(), testOptions)
	b.Run("Term", func(b *testing.B) {
		b.ReportAllocs()
		dst := make([]byte, 0, 64)
		for b.Loop() {
			if _, err := c.Term(b.Context(), dst, []byte("Ana Pérez")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Looks/plaintext", func(b *testing.B) {
		for b.Loop() {
			Looks([]byte("Ana Pérez"))
		}
	})
}
