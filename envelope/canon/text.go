package canon

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// appendFitted appends text as varchar(n) or bpchar(n) takes it on assignment:
// what is over the limit must be spaces and goes; bpchar is padded to it.
func appendFitted(dst []byte, t Type, text []byte) ([]byte, error) {
	limit, ok := t.charLimit()
	if !ok {
		return append(dst, text...), nil
	}
	cut, chars := cutChars(text, limit)
	if len(bytes.TrimLeft(text[cut:], " ")) > 0 {
		return nil, invalid(stateTooLong, "value too long for type %s", t)
	}
	dst = append(dst, text[:cut]...)
	if t.Kind == Bpchar {
		for ; chars < limit; chars++ {
			dst = append(dst, ' ')
		}
	}
	return dst, nil
}

// cutChars returns where the first limit characters of text end, and how many there are.
func cutChars(text []byte, limit int) (cut, chars int) {
	for cut < len(text) && chars < limit {
		if text[cut] < utf8.RuneSelf {
			cut++
		} else {
			_, size := utf8.DecodeRune(text[cut:])
			cut += size
		}
		chars++
	}
	return cut, chars
}

// appendLower appends text in lower case as lower() under a UTF-8 locale does:
// character by character, by Unicode's simple mapping, never by context. In a
// database whose LC_CTYPE is C, PostgreSQL lowers ASCII alone, and citext is
// equal for fewer values there than this form says.
func appendLower(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		i += size
	}
	return dst
}
