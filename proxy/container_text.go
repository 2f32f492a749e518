package proxy

import (
	"bytes"

	"github.com/pgveil/pgveil/envelope/canon"
)

// arrayText opens the elements of an array in its text form. Bounds, braces and
// plain elements are copied.
func (w *walk) arrayText(dst []byte, p *part, in []byte) ([]byte, error) {
	open := bytes.IndexByte(in, '{')
	if open < 0 {
		return dst, errMismatch
	}
	dst = append(dst, in[:open]...)
	for i, n := open, 0; i < len(in); {
		switch in[i] {
		case '{', '}', ',':
			dst = append(dst, in[i])
			i++
			continue
		}
		end, ok := arrayToken(in, i)
		if !ok {
			return dst, errMismatch
		}
		var err error
		if dst, err = w.arrayElement(dst, p.at(n), in[i:end]); err != nil {
			return dst, err
		}
		i = end
		n++
	}
	return dst, nil
}

// arrayToken returns the end of the element that begins at in[i].
func arrayToken(in []byte, i int) (end int, ok bool) {
	if in[i] != '"' {
		n := bytes.IndexAny(in[i:], ",}")
		return i + n, n > 0
	}
	for i++; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return 0, false
}

func (w *walk) arrayElement(dst []byte, p *part, token []byte) ([]byte, error) {
	if p == nil || string(token) == "NULL" {
		return append(dst, token...), nil
	}
	in, out := w.buffer(), w.buffer()
	text := token
	if token[0] == '"' {
		in = appendUnbackslashed(in, token[1:len(token)-1])
		text = in
	}
	out, null, err := w.text(out, p, text)
	switch {
	case err != nil:
	case null:
		dst = append(dst, "NULL"...)
	default:
		dst = canon.AppendArrayElement(dst, out)
	}
	w.done(in, out)
	return dst, err
}

// appendUnbackslashed appends what backslashes protect.
func appendUnbackslashed(dst, in []byte) []byte {
	for i := 0; i < len(in); i++ {
		if in[i] == '\\' && i+1 < len(in) {
			i++
		}
		dst = append(dst, in[i])
	}
	return dst
}

// recordText opens the fields of a record in its text form. NULL is a field of
// no characters.
func (w *walk) recordText(dst []byte, p *part, in []byte) ([]byte, error) {
	if len(in) < 2 || in[0] != '(' || in[len(in)-1] != ')' {
		return dst, errMismatch
	}
	dst = append(dst, '(')
	n := 0
	for i := 1; ; n++ {
		end, ok := recordToken(in, i)
		if !ok || n == len(p.items) {
			return dst, errMismatch
		}
		var err error
		if dst, err = w.recordField(dst, p.items[n], in[i:end]); err != nil {
			return dst, err
		}
		dst = append(dst, in[end])
		if i = end + 1; i == len(in) {
			break
		}
	}
	if n++; n != len(p.items) {
		return dst, errMismatch
	}
	return dst, nil
}

// recordToken returns the end of the field that begins at in[i]: the place of
// the comma or parenthesis behind it.
func recordToken(in []byte, i int) (end int, ok bool) {
	quoted := false
	for ; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',', c == ')':
			return i, c == ',' || i == len(in)-1
		}
	}
	return 0, false
}

func (w *walk) recordField(dst []byte, p *part, token []byte) ([]byte, error) {
	if p == nil || len(token) == 0 {
		return append(dst, token...), nil
	}
	in, out := w.buffer(), w.buffer()
	text := token
	if token[0] == '"' {
		in = appendUnquotedField(in, token)
		text = in
	}
	out, null, err := w.text(out, p, text)
	if err == nil && !null {
		dst = appendRecordField(dst, out)
	}
	w.done(in, out)
	return dst, err
}

// appendUnquotedField decodes a field in quotes, in which quotes and
// backslashes are doubled.
func appendUnquotedField(dst, token []byte) []byte {
	quoted := false
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case c == '\\' && i+1 < len(token):
			i++
			dst = append(dst, token[i])
		case c == '"' && quoted && i+1 < len(token) && token[i+1] == '"':
			i++
			dst = append(dst, '"')
		case c == '"':
			quoted = !quoted
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendRecordField writes a field as record_out does.
func appendRecordField(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, "\"\\(), \t\n\v\f\r") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
