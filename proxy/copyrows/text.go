package copyrows

import (
	"bytes"

	"github.com/pgveil/pgveil/rewrite"
)

// textField appends what becomes of a sealed field of text or CSV.
func (r *Rows) textField(i int, f *field, raw []byte) error {
	col := &r.copy.Columns[i]
	null := r.isNull(f, raw)
	switch {
	case null && r.copy.From && col.ForceNotNull && r.copy.Format == rewrite.CopyCSV:
		null = false // the string itself is meant
	case null, r.copy.From && r.copy.HasDefault && string(raw) == r.copy.Default:
		r.out = append(r.out, raw...)
		return nil
	}
	value := r.textValue(f, raw)
	if r.copy.From && col.ForceNull && f.quoted && string(value) == r.copy.Null {
		r.out = append(r.out, raw...) // the server finds it NULL by the same rule
		return nil
	}
	start := len(r.out)
	out, null, err := r.change(r.out, i, value)
	if err != nil {
		return err
	}
	if null {
		r.out = append(out[:start], r.copy.Null...)
		return nil
	}
	r.out = r.encoded(out, start, !r.copy.From && col.ForceQuote)
	return nil
}

// textValue returns the value of a field that is not NULL. It is a slice of
// raw or of r.value.
func (r *Rows) textValue(f *field, raw []byte) []byte {
	switch {
	case r.copy.Format != rewrite.CopyCSV:
		if bytes.IndexByte(raw, '\\') < 0 {
			return raw
		}
		r.value = appendUnescaped(r.value[:0], raw)
	case f.quoted:
		r.value = appendUnquoted(r.value[:0], raw, r.copy.Quote, r.copy.Escape)
	default:
		return raw
	}
	return r.value
}

// appendUnescaped decodes a field of the text format.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		if i++; i == len(raw) {
			break
		}
		switch c = raw[i]; c {
		case '0', '1', '2', '3', '4', '5', '6', '7':
			var n int
			c, n = digits(raw[i:], 8, 3)
			i += n - 1
		case 'x':
			if v, n := digits(raw[i+1:], 16, 2); n > 0 {
				c = v
				i += n
			}
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'v':
			c = '\v'
		}
		dst = append(dst, c)
	}
	return dst
}

// digits reads up to most digits and returns their value, cut to a byte, and
// how many there were.
func digits(b []byte, base, most int) (byte, int) {
	v, n := 0, 0
	for n < most && n < len(b) {
		d := base
		switch c := b[n]; {
		case '0' <= c && c <= '9':
			d = int(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			d = int(c|0x20-'a') + 10
		}
		if d >= base {
			break
		}
		v = v*base + d
		n++
	}
	return byte(v), n
}

// appendUnquoted decodes a field of CSV that has quotes in it, not
// necessarily around all of it.
func appendUnquoted(dst, raw []byte, quote, escape byte) []byte {
	inQuote := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inQuote && c == escape && i+1 < len(raw) && (raw[i+1] == escape || raw[i+1] == quote):
			i++
			dst = append(dst, raw[i])
		case c == quote:
			inQuote = !inQuote
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// encoded writes the value dst[start:] as a field.
func (r *Rows) encoded(dst []byte, start int, forced bool) []byte {
	csv := r.copy.Format == rewrite.CopyCSV
	value := dst[start:]
	switch {
	case csv && !forced && !r.needsQuotes(value), !csv && !r.needsEscapes(value):
		return dst
	}
	r.value = append(r.value[:0], value...)
	if csv {
		return appendQuoted(dst[:start], r.value, r.copy.Quote, r.copy.Escape)
	}
	return appendEscaped(dst[:start], r.value, r.copy.Delimiter)
}

func (r *Rows) needsQuotes(value []byte) bool {
	c := r.copy
	for _, b := range value {
		if b == c.Delimiter || b == c.Quote || b == '\n' || b == '\r' {
			return true
		}
	}
	return string(value) == c.Null || len(c.Columns) == 1 && string(value) == `\.`
}

// appendQuoted writes a field of CSV in quotes.
func appendQuoted(dst, value []byte, quote, escape byte) []byte {
	dst = append(dst, quote)
	for _, b := range value {
		if b == quote || b == escape {
			dst = append(dst, escape)
		}
		dst = append(dst, b)
	}
	return append(dst, quote)
}

func (r *Rows) needsEscapes(value []byte) bool {
	for _, b := range value {
		if b == '\\' || b == r.copy.Delimiter || '\b' <= b && b <= '\r' {
			return true
		}
	}
	return false
}

// appendEscaped writes a field of the text format.
func appendEscaped(dst, value []byte, delimiter byte) []byte {
	for _, b := range value {
		switch {
		case '\b' <= b && b <= '\r':
			dst = append(dst, '\\', "btnvfr"[b-'\b'])
		case b == '\\', b == delimiter:
			dst = append(dst, '\\', b)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}
