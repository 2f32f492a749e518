package envelope

import "testing"

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
