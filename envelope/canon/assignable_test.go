package canon

import (
	"errors"
	"testing"
	"time"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// What may be assigned at all is what Coerce converts for some value.
func TestAssignable_agreesWithCoerce(t *testing.T) {
	t.Parallel()
	samples := map[Kind]string{
		Bool: "t", Int2: "1", Int4: "1", Int8: "1", Float4: "1", Float8: "1", Numeric: "1", Text: "a", Varchar: "a", Bpchar: "a", Citext: "a",
		Date: "2024-01-02", Time: "01:02:03", Timetz: "01:02:03+00", Timestamp: "2024-01-02 03:04:05", Timestamptz: "2024-01-02 03:04:05+00",
		Interval: "1 day", UUID: "12345678-1234-1234-1234-123456789abc", JSON: "1", JSONB: "1", Bytea: "\\x01",
	}
	set := &Settings{DateStyle: "ISO, MDY", TimeZone: time.UTC}
	for from, text := range samples {
		v, err := FromText(Type{Kind: from, Mod: -1}, set, []byte(text))
		if err != nil {
			t.Fatalf("kind %d: %v", from, err)
		}
		for to := range samples {
			a, b := Type{Kind: from, Mod: -1}, Type{Kind: to, Mod: -1}
			_, err := Coerce(a, b, set, v)
			refusal, _ := errors.AsType[*pgerr.Error](err)
			want := refusal == nil || refusal.Code != pgerr.UnsupportedCast
			if got := Assignable(a, b); got != want {
				t.Errorf("Assignable(%s, %s) = %t, want %t (%v)", a, b, got, want, err)
			}
			a.Array, b.Array = true, true
			if got := Assignable(a, b); got != want {
				t.Errorf("Assignable(%s, %s) = %t, want %t", a, b, got, want)
			}
		}
		array := Type{Kind: from, Mod: -1, Array: true}
		if !Assignable(array, Type{Kind: Text, Mod: -1}) || Assignable(Type{Kind: Text, Mod: -1}, array) || Assignable(array, Type{Kind: UUID, Mod: -1}) {
			t.Errorf("an array of kind %d must be assignable to text only", from)
		}
	}
}
