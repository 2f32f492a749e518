package eval

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

func caseFunctions() []*routine {
	return []*routine{
		fn("lower(text) text", folded("lower", unicode.ToLower)),
		fn("upper(text) text", folded("upper", unicode.ToUpper)),
		fn("initcap(text) text", initcap),
	}
}

// folded folds character by character, never by context.
func folded(name string, one func(rune) rune) run {
	return func(s *Settings, v []Value) (Value, error) {
		out, err := s.Locale.mapText("function "+name, v[0].Data, one)
		if err != nil {
			return Value{}, err
		}
		return textValue(out)
	}
}

// initcap folds the first letter of each word up and all others down. A word is
// of letters and digits.
func initcap(s *Settings, v []Value) (Value, error) {
	inWord := false
	out, err := s.Locale.mapText("function initcap", v[0].Data, func(r rune) rune {
		was := inWord
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	})
	if err != nil {
		return Value{}, err
	}
	return textValue(out)
}

func paddingFunctions() []*routine {
	return inUTF8([]*routine{
		fn("btrim(text) text", trim(true, true)), fn("btrim(text, text) text", trim(true, true)),
		fn("ltrim(text) text", trim(true, false)), fn("ltrim(text, text) text", trim(true, false)),
		fn("rtrim(text) text", trim(false, true)), fn("rtrim(text, text) text", trim(false, true)),
		fn("btrim(bytea, bytea) bytea", nil), fn("ltrim(bytea, bytea) bytea", nil), fn("rtrim(bytea, bytea) bytea", nil),
		fn("lpad(text, int4) text", pad(true)), fn("lpad(text, int4, text) text", pad(true)),
		fn("rpad(text, int4) text", pad(false)), fn("rpad(text, int4, text) text", pad(false)),
		fn("repeat(text, int4) text", repeat),
	})
}

// trim drops the characters of a set, spaces by default, from the ends.
func trim(front, back bool) run {
	return func(_ *Settings, v []Value) (Value, error) {
		set := " "
		if len(v) == 2 {
			set = string(v[1].Data)
		}
		out := v[0].Data
		if front {
			out = bytes.TrimLeft(out, set)
		}
		if back {
			out = bytes.TrimRight(out, set)
		}
		return textValue(out)
	}
}

// pad fills a text up to a number of characters, or cuts it to that.
func pad(front bool) run {
	return func(_ *Settings, v []Value) (Value, error) {
		fill := []rune{' '}
		if len(v) == 3 {
			fill = []rune(string(v[2].Data))
		}
		want, have := max(int(integer(v[1].Data)), 0), utf8.RuneCount(v[0].Data)
		if want <= have || len(fill) == 0 {
			return textValue(part(v[0].Data, 0, want))
		}
		if want > maxText {
			return Value{}, unserved("a text of this length")
		}
		padding := make([]rune, want-have)
		for i := range padding {
			padding[i] = fill[i%len(fill)]
		}
		if front {
			return textValue(append([]byte(string(padding)), v[0].Data...))
		}
		return textValue(append(bytes.Clone(v[0].Data), string(padding)...))
	}
}

func repeat(_ *Settings, v []Value) (Value, error) {
	n := max(integer(v[1].Data), 0)
	if n*int64(len(v[0].Data)) > maxText {
		return Value{}, unserved("a text of this length")
	}
	return textValue(bytes.Repeat(v[0].Data, int(n)))
}
