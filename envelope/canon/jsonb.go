package canon

import (
	"bytes"
	"cmp"
	"slices"
)

// jsonbVersion stands before the text in the binary wire form.
const jsonbVersion = 1

// maxJSONBSize bounds the text of one jsonb value. A number of a few bytes can
// stand for a hundred thousand digits, so the input's size is no bound.
// PostgreSQL's own bound is 256 MB; what is between is refused.
const maxJSONBSize = 64 << 20

// jsonbFromText writes the value as jsonb_out does: one space after commas and
// colons, keys by length and then bytes, the last of equal keys, numbers as numeric.
func jsonbFromText(dst, text []byte) ([]byte, error) {
	p := jsonbParser{jsonLexer: jsonLexer{in: text, kind: JSONB}, limit: len(dst) + maxJSONBSize}
	dst, err := p.value(dst, 0)
	if err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return dst, nil
}

type jsonbParser struct {
	jsonLexer
	// limit is the length beyond which the output must not grow.
	limit int
}

// value reads one value and appends its normal form.
func (p *jsonbParser) value(dst []byte, depth int) ([]byte, error) {
	if err := p.deeper(depth); err != nil {
		return nil, err
	}
	if len(dst) > p.limit {
		return nil, invalid(stateLimit, "jsonb value is too large")
	}
	switch p.peek() {
	case '{':
		return p.object(dst, depth)
	case '[':
		return p.array(dst, depth)
	case '"':
		s, err := p.readString(nil)
		if err != nil {
			return nil, err
		}
		return appendJSONString(dst, s), nil
	}
	word, err := p.literal()
	if err != nil {
		return nil, err
	}
	if isAlpha(word[0]) {
		return append(dst, word...), nil
	}
	return p.number(dst, word)
}

func (p *jsonbParser) number(dst, word []byte) ([]byte, error) {
	var scratch [64]byte
	v, err := numericFromText(scratch[:0], Type{Kind: Numeric, Mod: -1}, word)
	if err != nil {
		return nil, err
	}
	return numericToText(dst, v)
}

func (p *jsonbParser) array(dst []byte, depth int) ([]byte, error) {
	dst = append(dst, '[')
	first := true
	err := p.members(']', func() (err error) {
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst, err = p.value(dst, depth+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	return append(dst, ']'), nil
}

// A jsonbPair is a member of an object: its key as it is, and where in the
// object's text it was written.
type jsonbPair struct {
	key        []byte
	start, end int
}

// object writes the members as they come, and again only if that was not in
// order: else a deeply nested value would be copied once for each level.
func (p *jsonbParser) object(dst []byte, depth int) ([]byte, error) {
	var pairs []jsonbPair
	dst = append(dst, '{')
	body, ordered := len(dst), true
	err := p.members('}', func() error {
		if p.peek() != '"' {
			return p.syntax()
		}
		key, err := p.readString(nil)
		if err != nil {
			return err
		}
		if !p.take(':') {
			return p.syntax()
		}
		if n := len(pairs); n > 0 {
			ordered = ordered && compareKeys(pairs[n-1].key, key) < 0
			dst = append(dst, ", "...)
		}
		start := len(dst)
		dst = append(appendJSONString(dst, key), ": "...)
		if dst, err = p.value(dst, depth+1); err != nil {
			return err
		}
		pairs = append(pairs, jsonbPair{key: key, start: start - body, end: len(dst) - body})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !ordered {
		dst = reorder(dst, body, pairs)
	}
	return append(dst, '}'), nil
}

// compareKeys orders by length first, as jsonb does.
func compareKeys(a, b []byte) int { return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b)) }

// reorder sorts the members that were written from body on, and drops all but
// the last of equal keys.
func reorder(dst []byte, body int, pairs []jsonbPair) []byte {
	written := bytes.Clone(dst[body:])
	dst = dst[:body]
	slices.SortStableFunc(pairs, func(a, b jsonbPair) int { return compareKeys(a.key, b.key) })
	for i, pair := range pairs {
		if i+1 < len(pairs) && bytes.Equal(pair.key, pairs[i+1].key) {
			continue
		}
		if len(dst) > body {
			dst = append(dst, ", "...)
		}
		dst = append(dst, written[pair.start:pair.end]...)
	}
	return dst
}

// appendJSONString writes s as PostgreSQL's escape_json does.
func appendJSONString(dst, s []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"', c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// jsonbEquality writes the canonical text with every number in its shortest
// form, because 1.0 = 1.00 within jsonb. All else is normal already.
func jsonbEquality(dst, v []byte) []byte {
	for i := 0; i < len(v); {
		start := i
		switch c := v[i]; {
		case c == '"':
			i = jsonStringEnd(v, i)
			dst = append(dst, v[start:i]...)
		case isDigit(c) || c == '-':
			for i < len(v) && (isDigit(v[i]) || v[i] == '-' || v[i] == '.') {
				i++
			}
			number := v[start:i]
			if bytes.IndexByte(number, '.') >= 0 {
				number = bytes.TrimRight(bytes.TrimRight(number, "0"), ".")
			}
			dst = append(dst, number...)
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// jsonStringEnd returns where the string that begins at v[i] ends.
func jsonStringEnd(v []byte, i int) int {
	for i++; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(v)
}
