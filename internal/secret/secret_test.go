package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const planted = "hunter2-planted"

func TestBytes_neverPrints(t *testing.T) {
	s := New([]byte(planted))
	inField := struct {
		exported Bytes // unexported field: fmt cannot call methods on it
		Exported Bytes
	}{s, s}
	hexed := fmt.Sprintf("%x", planted)
	decimals := fmt.Sprint([]byte(planted)[:3])

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c", "%U", "% x"} {
		for _, value := range []any{s, &s, inField, &inField, []Bytes{s}, map[string]Bytes{"k": s}} {
			got := fmt.Sprintf(verb, value)
			if strings.Contains(got, planted) || strings.Contains(strings.ToLower(got), hexed) ||
				strings.Contains(got, strings.Trim(decimals, "[]")) {
				t.Errorf("Sprintf(%q, %T) = %q, shows the secret", verb, value, got)
			}
		}
	}
}

func TestBytes_neverMarshals(t *testing.T) {
	s := New([]byte(planted))
	got, err := json.Marshal(map[string]any{"key": s, "all": []Bytes{s}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"all":["[secret]"],"key":"[secret]"}`; string(got) != want {
		t.Errorf("Marshal = %s, want %s", got, want)
	}
}

func TestBytes_neverLogs(t *testing.T) {
	var out bytes.Buffer
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zap.DebugLevel)
	s := New([]byte(planted))
	zap.New(core).Info("x", zap.Any("any", s), zap.Object("object", s), zap.Stringer("stringer", s), zap.Reflect("reflect", s))
	if strings.Contains(out.String(), planted) {
		t.Errorf("log = %s, shows the secret", out.String())
	}
	if n := strings.Count(out.String(), redacted); n != 4 {
		t.Errorf("log = %s, has the placeholder %d times, want 4", out.String(), n)
	}
}

func TestBytes_useAndLen(t *testing.T) {
	s := New([]byte(planted))
	var got string
	if err := s.Use(func(b []byte) error { got = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	if got != planted || s.Len() != len(planted) {
		t.Errorf("Use, Len = %q, %d, want %q, %d", got, s.Len(), planted, len(planted))
	}
	sentinel := errors.New("from f")
	if err := s.Use(func([]byte) error { return sentinel }); !errors.Is(err, sentinel) {
		t.Errorf("Use = %v, want the error of f", err)
	}
}

func TestBytes_zeroValueHoldsNothing(t *testing.T) {
	var s Bytes
	called := false
	err := s.Use(func(b []byte) error { called = true; return errIfNot(len(b) == 0) })
	if err != nil || !called || s.Len() != 0 {
		t.Errorf("zero value: err %v, called %t, Len %d, want nil, true, 0", err, called, s.Len())
	}
	s.Destroy() // must not panic
	if !s.Equal(Bytes{}) || s.Equal(New([]byte("x"))) {
		t.Error("a zero value must equal only what holds nothing")
	}
}

func TestBytes_destroyWipesAndRefuses(t *testing.T) {
	raw := []byte(planted)
	s := New(raw)
	sharing := s
	s.Destroy()
	s.Destroy()
	if !bytes.Equal(raw, make([]byte, len(planted))) {
		t.Errorf("bytes after Destroy = %x, want zeros", raw)
	}
	if err := sharing.Use(func([]byte) error { t.Error("f was called"); return nil }); !errors.Is(err, ErrDestroyed) {
		t.Errorf("Use after Destroy = %v, want ErrDestroyed", err)
	}
	if sharing.Len() != 0 || sharing.Equal(sharing) || sharing.Equal(Bytes{}) {
		t.Error("a destroyed secret must have no length and equal nothing")
	}
}

func TestBytes_destroyDuringUseWipesAfterwards(t *testing.T) {
	raw := []byte(planted)
	s := New(raw)
	err := s.Use(func(b []byte) error {
		s.Destroy()
		if string(b) != planted {
			t.Errorf("bytes within Use = %q, want them untouched", b)
		}
		if err := s.Use(func([]byte) error { return nil }); !errors.Is(err, ErrDestroyed) {
			t.Errorf("a new Use after Destroy = %v, want ErrDestroyed", err)
		}
		if string(b) != planted {
			t.Errorf("bytes after a refused Use = %q, want them untouched", b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if raw[0] != 0 {
		t.Error("bytes were not wiped when the last Use returned")
	}
}

// Whoever is inside Use sees the whole key, never a half wiped one.
func TestBytes_concurrentUseAndDestroy(t *testing.T) {
	for range 200 {
		raw := []byte(planted)
		s := New(raw)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				err := s.Use(func(b []byte) error { return errIfNot(string(b) == planted) })
				if err != nil && !errors.Is(err, ErrDestroyed) {
					t.Error("Use saw bytes that were being wiped")
				}
			})
		}
		wg.Go(s.Destroy)
		wg.Wait()
		if raw[0] != 0 {
			t.Fatal("bytes were not wiped")
		}
	}
}

func TestBytes_equal(t *testing.T) {
	a, b, c := New([]byte("one")), New([]byte("one")), New([]byte("two"))
	if !a.Equal(b) || a.Equal(c) || a.Equal(New([]byte("one "))) {
		t.Error("Equal must compare the bytes")
	}
}

func BenchmarkBytes_use(b *testing.B) {
	s := New([]byte(planted))
	f := func([]byte) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Use(f)
	}
}

func errIfNot(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("not so")
}
