package eval

import (
	"bytes"
	"crypto/md5" // what the SQL function of that name computes
	"encoding/hex"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/pgveil/pgveil/envelope/canon"
)

// maxText bounds what repeat and the padding functions make.
const maxText = 1 << 20

func textFunctions() []*routine {
	return inUTF8([]*routine{
		fn("length(text) int4", length), fn("length(bpchar) int4", length), fn("length(bytea) int4", octets),
		fn("char_length(text) int4", length), fn("char_length(bpchar) int4", length),
		fn("character_length(text) int4", length), fn("character_length(bpchar) int4", length),
		fn("octet_length(text) int4", octets), fn("octet_length(bpchar) int4", octets), fn("octet_length(bytea) int4", octets),
		fn("left(text, int4) text", left), fn("right(text, int4) text", right),
		fn("substr(text, int4) text", substring), fn("substr(text, int4, int4) text", substring),
		fn("substr(bytea, int4) bytea", nil), fn("substr(bytea, int4, int4) bytea", nil),
		fn("substring(text, int4) text", substring), fn("substring(text, int4, int4) text", substring),
		fn("substring(bytea, int4) bytea", nil), fn("substring(bytea, int4, int4) bytea", nil),
		fn("substring(text, text) text", nil), fn("substring(text, text, text) text", nil),
		fn("replace(text, text, text) text", replace),
		fn("translate(text, text, text) text", translate),
		fn("split_part(text, text, int4) text", splitPart),
		fn("strpos(text, text) int4", position),
		fn("position(text, text) int4", position), fn("position(bytea, bytea) int4", nil),
		fn("starts_with(text, text) bool", startsWith),
		fn("reverse(text) text", reverse),
		fn("md5(text) text", md5Sum), fn("md5(bytea) text", md5Sum),
		fn("ascii(text) int4", ascii), fn("chr(int4) text", chr),
		lax("concat(any...) text", concat),
		lax("concat_ws(text, any...) text", concatWithSeparator),
	})
}

func textOperators() []*routine {
	return inUTF8([]*routine{
		fn("||(text, text) text", func(_ *Settings, v []Value) (Value, error) {
			return textValue(bytes.Join([][]byte{v[0].Data, v[1].Data}, nil))
		}),
		fn("||(text, anynonarray) text", joinAny), fn("||(anynonarray, text) text", joinAny),
		fn("||(bytea, bytea) bytea", func(_ *Settings, v []Value) (Value, error) {
			return of(canon.Bytea, bytes.Join([][]byte{v[0].Data, v[1].Data}, nil)), nil
		}),
		fn("||(jsonb, jsonb) jsonb", nil), fn("-(jsonb, text) jsonb", nil), fn("-(jsonb, int4) jsonb", nil),
	})
}

// inUTF8 refuses characters beyond ASCII in a database of another encoding,
// where they have other bytes.
func inUTF8(list []*routine) []*routine {
	for _, r := range list {
		if inner := r.run; inner != nil {
			r.run = func(s *Settings, v []Value) (Value, error) {
				if !s.Locale.UTF8 && !(plainASCII(v)) {
					return Value{}, unserved("with characters beyond ASCII in a database that is not in UTF8")
				}
				return inner(s, v)
			}
		}
	}
	return list
}

func plainASCII(values []Value) bool {
	for _, v := range values {
		if isText(v.Type) && bytes.ContainsFunc(v.Data, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return false
		}
	}
	return true
}

func int4Value(n int) (Value, error) {
	return of(canon.Int4, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), nil
}

// length counts characters; those of a bpchar end before its padding.
func length(_ *Settings, v []Value) (Value, error) {
	data := v[0].Data
	if v[0].Type.Kind == canon.Bpchar {
		data = bytes.TrimRight(data, " ")
	}
	return int4Value(utf8.RuneCount(data))
}

func octets(_ *Settings, v []Value) (Value, error) { return int4Value(len(v[0].Data)) }

// part returns the characters from the start-th, counted from 0, up to the end-th.
func part(text []byte, start, end int) []byte {
	n := utf8.RuneCount(text)
	start, end = min(max(start, 0), n), min(max(end, 0), n)
	if start >= end {
		return nil
	}
	return []byte(string([]rune(string(text))[start:end]))
}

func left(_ *Settings, v []Value) (Value, error) {
	n := int(integer(v[1].Data))
	if n < 0 {
		n += utf8.RuneCount(v[0].Data)
	}
	return textValue(part(v[0].Data, 0, n))
}

func right(_ *Settings, v []Value) (Value, error) {
	n, all := int(integer(v[1].Data)), utf8.RuneCount(v[0].Data)
	start := -n
	if n >= 0 {
		start = all - n
	} else if n == math.MinInt32 {
		start = 0 // PostgreSQL's -n overflows
	}
	return textValue(part(v[0].Data, start, all))
}

// substring counts from 1. A start before the first character uses up length.
func substring(_ *Settings, v []Value) (Value, error) {
	start := int(integer(v[1].Data))
	end := 1 << 31
	if len(v) == 3 {
		n := int(integer(v[2].Data))
		if n < 0 {
			return Value{}, invalid(stateSubstring, "negative substring length not allowed")
		}
		end = start + n
	}
	return textValue(part(v[0].Data, start-1, end-1))
}

func replace(_ *Settings, v []Value) (Value, error) {
	if len(v[1].Data) == 0 {
		return textValue(v[0].Data)
	}
	return textValue(bytes.ReplaceAll(v[0].Data, v[1].Data, v[2].Data))
}

// translate replaces each character of from by the one at the same place in
// to, and drops those that have none there.
func translate(_ *Settings, v []Value) (Value, error) {
	from, to := []rune(string(v[1].Data)), []rune(string(v[2].Data))
	return textValue(bytes.Map(func(r rune) rune {
		for i, f := range from {
			switch {
			case f != r:
			case i < len(to):
				return to[i]
			default:
				return -1
			}
		}
		return r
	}, v[0].Data))
}

// splitPart counts fields from 1, and from the end if n is negative.
func splitPart(_ *Settings, v []Value) (Value, error) {
	n := int(integer(v[2].Data))
	if n == 0 {
		return Value{}, invalid(stateParameter, "field position must not be zero")
	}
	fields := [][]byte{v[0].Data}
	if len(v[1].Data) > 0 {
		fields = bytes.Split(v[0].Data, v[1].Data)
	}
	if n < 0 {
		n += len(fields) + 1
	}
	if n < 1 || n > len(fields) {
		return textValue(nil)
	}
	return textValue(fields[n-1])
}

func position(_ *Settings, v []Value) (Value, error) {
	at := bytes.Index(v[0].Data, v[1].Data)
	if at < 0 {
		return int4Value(0)
	}
	return int4Value(utf8.RuneCount(v[0].Data[:at]) + 1)
}

func startsWith(_ *Settings, v []Value) (Value, error) {
	return boolValue(bytes.HasPrefix(v[0].Data, v[1].Data)), nil
}

func reverse(_ *Settings, v []Value) (Value, error) {
	in := v[0].Data
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		_, size := utf8.DecodeLastRune(in)
		out = append(out, in[len(in)-size:]...)
		in = in[:len(in)-size]
	}
	return textValue(out)
}

func md5Sum(_ *Settings, v []Value) (Value, error) {
	sum := md5.Sum(v[0].Data)
	return textValue(hex.AppendEncode(nil, sum[:]))
}

func ascii(_ *Settings, v []Value) (Value, error) {
	if len(v[0].Data) == 0 {
		return int4Value(0)
	}
	r, _ := utf8.DecodeRune(v[0].Data)
	return int4Value(int(r))
}

func chr(s *Settings, v []Value) (Value, error) {
	n := integer(v[0].Data)
	switch {
	case n < 0:
		return Value{}, invalid(stateParameter, "character number must be positive")
	case n == 0:
		return Value{}, invalid(stateLimit, "null character not permitted")
	case n >= utf8.RuneSelf && !s.Locale.UTF8:
		return Value{}, unserved("with characters beyond ASCII in a database that is not in UTF8")
	case n > utf8.MaxRune:
		return Value{}, invalid(stateLimit, "requested character too large for encoding")
	case !utf8.ValidRune(rune(n)):
		return Value{}, invalid(stateLimit, "requested character not valid for encoding")
	}
	return textValue(utf8.AppendRune(nil, rune(n)))
}

// concat joins what the types' output functions write, NULLs left out.
func concat(s *Settings, v []Value) (Value, error) { return join(s, "", v) }

func concatWithSeparator(s *Settings, v []Value) (Value, error) {
	if v[0].Null {
		return null(typeOf(canon.Text)), nil
	}
	return join(s, string(v[0].Data), v[1:])
}

func join(s *Settings, separator string, values []Value) (Value, error) {
	var parts []string
	for _, v := range values {
		if v.Null {
			continue
		}
		if err := s.zoneKnown(v.Type); err != nil {
			return Value{}, err
		}
		text, err := canon.AppendText(nil, v.Type, s.Forms, v.Data)
		if err != nil {
			return Value{}, err
		}
		parts = append(parts, string(text))
	}
	return textValue([]byte(strings.Join(parts, separator)))
}

// joinAny joins a text and another value, which is cast to text.
func joinAny(s *Settings, v []Value) (Value, error) {
	var out []byte
	for _, x := range v {
		if err := s.zoneKnown(x.Type); err != nil {
			return Value{}, err
		}
		text, err := Text(x.Type, s.Forms, x.Data)
		if err != nil {
			return Value{}, err
		}
		out = append(out, text...)
	}
	return textValue(out)
}
