package proxy

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
)

// document opens the values in a document. Everything else in it is copied,
// white space too.
func (w *walk) document(dst []byte, p *part, in []byte) ([]byte, error) {
	d := document{walk: w, in: in}
	dst, err := d.value(d.space(dst), p, false)
	if err == nil && len(d.in) > 0 {
		dst = d.space(dst)
		if len(d.in) > 0 {
			err = errMismatch
		}
	}
	return dst, err
}

// document reads JSON that the server wrote.
type document struct {
	*walk
	// in is what was not read yet.
	in []byte
}

// peek returns the next byte, 0 at the end.
func (d *document) peek() byte {
	if len(d.in) == 0 {
		return 0
	}
	return d.in[0]
}

// space copies white space.
func (d *document) space(dst []byte) []byte {
	n := 0
	for n < len(d.in) && (d.in[n] == ' ' || d.in[n] == '\n' || d.in[n] == '\t' || d.in[n] == '\r') {
		n++
	}
	dst, d.in = append(dst, d.in[:n]...), d.in[n:]
	return dst
}

// take reads c if it is next.
func (d *document) take(c byte) bool {
	if d.peek() != c {
		return false
	}
	d.in = d.in[1:]
	return true
}

// raw reads one value and returns its text.
func (d *document) raw() ([]byte, error) {
	depth := 0
	for i := 0; i < len(d.in); i++ {
		switch d.in[i] {
		case '"':
			end := stringEnd(d.in, i)
			if end == 0 {
				return nil, errMismatch
			}
			i = end - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if i = scalarEnd(d.in, i) - 1; depth > 0 {
				continue
			}
		}
		if depth <= 0 {
			value := d.in[:i+1]
			d.in = d.in[i+1:]
			return value, nil
		}
	}
	return nil, errMismatch
}

// stringEnd returns the end of the string that begins at in[i], 0 for none.
func stringEnd(in []byte, i int) int {
	for i++; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// scalarEnd returns the end of a number, a word, or of what is between values.
func scalarEnd(in []byte, i int) int {
	for i++; i < len(in); i++ {
		switch in[i] {
		case ',', ':', '{', '}', '[', ']', '"', ' ', '\n', '\t', '\r':
			return i
		}
	}
	return i
}

// value opens one value. keyed says that it is within jsonb, where parts are
// found by their keys and numbers are numeric.
func (d *document) value(dst []byte, p *part, keyed bool) ([]byte, error) {
	if p == nil || d.peek() == 'n' { // null
		raw, err := d.raw()
		return append(dst, raw...), err
	}
	switch p.Kind {
	case rewrite.JSON, rewrite.JSONB:
		return d.value(dst, p.elem, keyed || p.Kind == rewrite.JSONB)
	case rewrite.Record:
		return d.object(dst, p, keyed)
	case rewrite.Map:
		return d.members(dst, '{', '}', func(dst []byte, _ int) ([]byte, error) {
			dst, _, err := d.key(dst)
			if err != nil {
				return dst, err
			}
			return d.value(dst, p.elem, keyed)
		})
	case rewrite.List:
		return d.list(dst, p, keyed)
	case rewrite.Rows:
		return d.rows(dst, p, keyed)
	case rewrite.Array:
		n := 0
		return d.array(dst, p, keyed, &n)
	}
	return d.leaf(dst, p, keyed)
}

// members copies an array or object, of which each reads the members.
func (d *document) members(dst []byte, begin, end byte, each func(dst []byte, i int) ([]byte, error)) ([]byte, error) {
	if !d.take(begin) {
		return dst, errMismatch
	}
	dst = d.space(append(dst, begin))
	if d.take(end) {
		return append(dst, end), nil
	}
	for i := 0; ; i++ {
		dst = d.space(dst)
		var err error
		if dst, err = each(dst, i); err != nil {
			return dst, err
		}
		dst = d.space(dst)
		switch {
		case d.take(end):
			return append(dst, end), nil
		case !d.take(','):
			return dst, errMismatch
		}
		dst = append(dst, ',')
	}
}

// key copies a key with what is behind it, and returns it.
func (d *document) key(dst []byte) (_, key []byte, err error) {
	end := 0
	if d.peek() == '"' {
		end = stringEnd(d.in, 0)
	}
	if end == 0 {
		return dst, nil, errMismatch
	}
	key, d.in = d.in[:end], d.in[end:]
	dst = d.space(append(dst, key...))
	if !d.take(':') {
		return dst, nil, errMismatch
	}
	return d.space(append(dst, ':')), key, nil
}

// object opens a record. The order of json is that of the parts; each sealed one
// must still have the key that it had when the statement was planned.
func (d *document) object(dst []byte, p *part, keyed bool) ([]byte, error) {
	count := 0
	name := d.buffer()
	dst, err := d.members(dst, '{', '}', func(dst []byte, i int) ([]byte, error) {
		count++
		dst, key, err := d.key(dst)
		if err != nil {
			return dst, err
		}
		name = appendJSONText(name[:0], key)
		if keyed {
			return d.value(dst, p.byName[string(name)], keyed)
		}
		if i >= len(p.items) || p.items[i] != nil && !p.Items[i].Expression && string(name) != p.Items[i].Name {
			return dst, errMismatch
		}
		return d.value(dst, p.items[i], keyed)
	})
	d.done(name)
	if err == nil && !keyed && count != len(p.items) {
		err = errMismatch
	}
	return dst, err
}

func (d *document) list(dst []byte, p *part, keyed bool) ([]byte, error) {
	count := 0
	dst, err := d.members(dst, '[', ']', func(dst []byte, i int) ([]byte, error) {
		if count++; i >= len(p.items) {
			return dst, errMismatch
		}
		return d.value(dst, p.items[i], keyed)
	})
	if err == nil && count != len(p.items) {
		err = errMismatch
	}
	return dst, err
}

// rows opens what json_agg made. It begins a new line before a value that is an
// array, which a sealed one is not to the server.
func (d *document) rows(dst []byte, p *part, keyed bool) ([]byte, error) {
	lines := !keyed && p.elem.Kind == rewrite.Sealed && p.elem.shown.col.typ.Array && !p.elem.shown.asText &&
		p.elem.shown.access.Read != policy.Null
	return d.members(dst, '[', ']', func(dst []byte, i int) ([]byte, error) {
		if lines && i > 0 && d.peek() != 'n' {
			dst = append(dst, "\n "...)
		}
		return d.value(dst, p.elem, keyed)
	})
}

// array opens an SQL array, of which each dimension is a level of brackets.
func (d *document) array(dst []byte, p *part, keyed bool, n *int) ([]byte, error) {
	return d.members(dst, '[', ']', func(dst []byte, _ int) ([]byte, error) {
		elem := p.at(*n)
		if d.peek() == '[' && (elem == nil || elem.stringly()) {
			return d.array(dst, p, keyed, n)
		}
		*n++
		return d.value(dst, elem, keyed)
	})
}

// stringly says that to the server the part is a string.
func (p *part) stringly() bool {
	switch p.Kind {
	case rewrite.Sealed, rewrite.Joined, rewrite.Text:
		return true
	}
	return false
}

// leaf opens a value that is a string to the server.
func (d *document) leaf(dst []byte, p *part, keyed bool) ([]byte, error) {
	raw, err := d.raw()
	if err != nil {
		return dst, err
	}
	in := raw
	if len(raw) > 0 && raw[0] == '"' {
		in = appendJSONText(d.buffer(), raw)
		defer func() { d.done(in) }()
	}
	if p.Kind == rewrite.Sealed {
		return d.sealedJSON(dst, p, in, keyed)
	}
	out, null, err := d.text(d.buffer(), p, in)
	switch {
	case err != nil:
	case null:
		dst = append(dst, "null"...)
	default:
		dst = canon.AppendJSONString(dst, out)
	}
	d.done(out)
	return dst, err
}

// sealedJSON appends what to_json makes of a sealed value.
func (d *document) sealedJSON(dst []byte, p *part, stored []byte, keyed bool) ([]byte, error) {
	c := &p.shown
	switch c.access.Read {
	case policy.Null:
		return append(dst, "null"...), nil
	case policy.Seal:
		return canon.AppendJSONString(dst, stored), nil
	}
	value, err := d.o.open(d.ctx, c, stored, d.set)
	if err != nil {
		return dst, err
	}
	if c.access.Read == policy.Masked {
		text, masked, err := d.o.masked(c, value, d.r, d.set)
		if err != nil || masked == nil {
			return canon.AppendJSONString(dst, text), err
		}
		value = masked
	}
	form := canon.AppendJSON
	if keyed {
		form = canon.AppendJSONB
	}
	out, err := form(dst, c.col.typ, d.r.forms(d.set), value)
	if err != nil {
		return dst, c.located(err)
	}
	return out, nil
}

// appendJSONText appends what a JSON string stands for.
func appendJSONText(dst, raw []byte) []byte {
	in := raw[1 : len(raw)-1]
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' || i+1 == len(in) {
			dst = append(dst, in[i])
			continue
		}
		i++
		switch in[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			first, second := hexRune(in, i+1), rune(-1)
			i += 4
			if utf16.IsSurrogate(first) && i+2 < len(in) && in[i+1] == '\\' && in[i+2] == 'u' {
				second = hexRune(in, i+3)
				i += 6
			}
			if utf16.IsSurrogate(first) {
				first = utf16.DecodeRune(first, second)
			}
			dst = utf8.AppendRune(dst, first)
		default:
			dst = append(dst, in[i])
		}
	}
	return dst
}

// hexRune reads four hexadecimal digits.
func hexRune(in []byte, i int) rune {
	v := rune(0)
	for _, c := range in[min(i, len(in)):min(i+4, len(in))] {
		v <<= 4
		switch {
		case '0' <= c && c <= '9':
			v |= rune(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v |= rune(c|0x20-'a') + 10
		}
	}
	return v
}
