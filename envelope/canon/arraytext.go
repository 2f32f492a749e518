package canon

import (
	"encoding/binary"
	"math"
	"strconv"
)

// arrayFromText is array_in: optional bounds, [1:2][0:1]=, and nested braces.
func arrayFromText(dst []byte, t Type, s *Settings, text []byte) ([]byte, error) {
	p := arrayParser{in: text, t: t, s: s}
	declared, err := p.bounds()
	if err != nil {
		return nil, err
	}
	if !p.take('{') {
		return nil, p.malformed()
	}
	if err := p.level(0); err != nil {
		return nil, err
	}
	if p.skipSpace(); p.at < len(p.in) {
		return nil, p.malformed()
	}
	for i := range p.dims.dims[:p.dims.n] {
		p.dims.dims[i].lower = 1
	}
	if declared != nil {
		if err := p.declare(declared); err != nil {
			return nil, err
		}
	}
	if items, ok := p.dims.items(); !ok || items != p.items {
		return nil, errArraySize()
	}
	if p.err != nil {
		return nil, p.err
	}
	header := len(dst)
	dst = p.dims.append(dst, t.ElemOID)
	if p.nulls {
		setNulls(dst[header:])
	}
	return append(dst, p.body...), nil
}

// An arrayParser reads an array literal. It learns the dimensions from the
// first way down to an element, and every other way must agree.
type arrayParser struct {
	in []byte
	at int
	t  Type
	s  *Settings

	dims arrayDims
	// counted[i] says that the length of dimension i is known.
	counted [maxArrayDims]bool
	// reached says that an element was met, so that dims.n is final.
	reached bool
	items   int
	nulls   bool
	// body are the elements in binary form, scratch the text of one.
	body, scratch []byte
	// err is the first element's error. PostgreSQL reads elements only after
	// it has found the braces in order, so an error there goes first.
	err error
}

func (p *arrayParser) malformed() error { return invalid(stateSyntax, "malformed array literal") }

func (p *arrayParser) skipSpace() {
	for p.at < len(p.in) && isSpace(p.in[p.at]) {
		p.at++
	}
}

// take reads c after white space, if it is next.
func (p *arrayParser) take(c byte) bool {
	p.skipSpace()
	if p.at == len(p.in) || p.in[p.at] != c {
		return false
	}
	p.at++
	return true
}

// bounds reads what stands before the =, nil if there is none.
func (p *arrayParser) bounds() (*arrayDims, error) {
	var d arrayDims
	for p.take('[') {
		if d.n == maxArrayDims {
			return nil, errDimensions()
		}
		lower, upper := int64(1), int64(0)
		var ok bool
		if upper, ok = p.bound(); !ok {
			return nil, p.malformed()
		}
		if p.at < len(p.in) && p.in[p.at] == ':' {
			p.at++
			lower = upper
			if upper, ok = p.bound(); !ok {
				return nil, p.malformed()
			}
		}
		if p.at == len(p.in) || p.in[p.at] != ']' {
			return nil, p.malformed()
		}
		p.at++
		if upper < lower {
			return nil, invalid(stateSubscript, "upper bound cannot be less than lower bound")
		}
		if upper-lower >= math.MaxInt32 {
			return nil, errArraySize()
		}
		d.dims[d.n].lower, d.dims[d.n].length = int32(lower), int32(upper-lower+1)
		d.n++
	}
	if d.n == 0 {
		return nil, nil
	}
	if !p.take('=') {
		return nil, p.malformed()
	}
	return &d, nil
}

// bound reads an integer.
func (p *arrayParser) bound() (int64, bool) {
	start := p.at
	for p.at < len(p.in) && (isDigit(p.in[p.at]) || p.in[p.at] == '-' || p.in[p.at] == '+') {
		p.at++
	}
	n, err := strconv.ParseInt(string(p.in[start:p.at]), 10, 32)
	return n, err == nil
}

// declare takes the declared bounds over; the lengths must be those found.
func (p *arrayParser) declare(d *arrayDims) error {
	if d.n != p.dims.n {
		return p.malformed()
	}
	for i := range d.n {
		if d.dims[i].length != p.dims.dims[i].length {
			return p.malformed()
		}
	}
	p.dims = *d
	return d.checkBounds()
}

// level reads what follows an opening brace, up to the closing one.
func (p *arrayParser) level(depth int) error {
	if depth >= maxArrayDims {
		return errDimensions()
	}
	if depth == 0 && p.take('}') {
		return nil
	}
	if !p.reached {
		p.dims.n = depth + 1
	} else if depth >= p.dims.n {
		return p.malformed()
	}
	length := int32(0)
	for {
		if err := p.member(depth); err != nil {
			return err
		}
		length++
		if p.take(',') {
			continue
		}
		if p.take('}') {
			break
		}
		return p.malformed()
	}
	if p.counted[depth] && p.dims.dims[depth].length != length {
		return p.malformed()
	}
	p.counted[depth] = true
	p.dims.dims[depth].length = length
	return nil
}

// member reads an array one level down, or an element.
func (p *arrayParser) member(depth int) error {
	if p.take('{') {
		return p.level(depth + 1)
	}
	p.reached = true
	if depth != p.dims.n-1 {
		return p.malformed()
	}
	if p.items++; p.items > maxArrayItems {
		return errArraySize()
	}
	null, err := p.element()
	if err != nil {
		return err
	}
	if null {
		p.nulls = true
		p.body = binary.BigEndian.AppendUint32(p.body, math.MaxUint32)
		return nil
	}
	if p.err != nil {
		return nil
	}
	at := len(p.body)
	p.body = append(p.body, 0, 0, 0, 0)
	body, err := scalarFromText(p.body, p.t.Elem(), p.s, p.scratch)
	if err != nil {
		p.err = err
		return nil
	}
	p.body = body
	binary.BigEndian.PutUint32(p.body[at:], uint32(len(p.body)-at-4))
	return nil
}

// element reads an element's text into scratch.
func (p *arrayParser) element() (null bool, err error) {
	p.scratch = p.scratch[:0]
	if p.take('"') {
		return false, p.quoted()
	}
	// keep is the length up to which white space was written with a backslash.
	keep, escaped := 0, false
	for ; p.at < len(p.in); p.at++ {
		c := p.in[p.at]
		switch c {
		case ',', '}':
			for len(p.scratch) > keep && isSpace(p.scratch[len(p.scratch)-1]) {
				p.scratch = p.scratch[:len(p.scratch)-1]
			}
			if len(p.scratch) == 0 {
				return false, p.malformed()
			}
			return !escaped && foldEqual(p.scratch, "null"), nil
		case '{', '"':
			return false, p.malformed()
		case '\\':
			if p.at++; p.at == len(p.in) {
				return false, p.malformed()
			}
			p.scratch = append(p.scratch, p.in[p.at])
			keep, escaped = len(p.scratch), true
		default:
			p.scratch = append(p.scratch, c)
		}
	}
	return false, p.malformed()
}

// quoted reads the rest of a quoted element, the closing quote included.
func (p *arrayParser) quoted() error {
	for ; p.at < len(p.in); p.at++ {
		switch c := p.in[p.at]; c {
		case '"':
			p.at++
			return nil
		case '\\':
			if p.at++; p.at == len(p.in) {
				return p.malformed()
			}
			p.scratch = append(p.scratch, p.in[p.at])
		default:
			p.scratch = append(p.scratch, c)
		}
	}
	return p.malformed()
}

// arrayToText is array_out: bounds only where a lower one is not 1, quotes only
// where an element needs them.
func arrayToText(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	var r arrayReader
	if err := r.open(t, v); err != nil {
		return nil, errDamaged(t)
	}
	if r.left == 0 {
		return append(dst, "{}"...), nil
	}
	dst = r.dims.appendBounds(dst)
	// opened counts the members of each level that were written.
	var opened [maxArrayDims]int32
	last := r.dims.n - 1
	for i := 0; i <= last; i++ {
		dst = append(dst, '{')
	}
	var scratch []byte
	for {
		item, null, err := r.next(t)
		if err != nil {
			return nil, errDamaged(t)
		}
		if null {
			dst = append(dst, "NULL"...)
		} else {
			if scratch, err = scalarToText(scratch[:0], t.Elem(), s, item); err != nil {
				return nil, err
			}
			dst = appendArrayElement(dst, scratch)
		}
		if r.left == 0 {
			break
		}
		// Close the levels that are full, then open as many again.
		level := last
		for opened[level]++; opened[level] == r.dims.dims[level].length; opened[level]++ {
			opened[level] = 0
			dst = append(dst, '}')
			level--
		}
		dst = append(dst, ',')
		for ; level < last; level++ {
			dst = append(dst, '{')
		}
	}
	for i := 0; i <= last; i++ {
		dst = append(dst, '}')
	}
	if err := r.end(t); err != nil {
		return nil, errDamaged(t)
	}
	return dst, nil
}

func (d *arrayDims) appendBounds(dst []byte) []byte {
	plain := true
	for _, dim := range d.dims[:d.n] {
		plain = plain && dim.lower == 1
	}
	if plain {
		return dst
	}
	for _, dim := range d.dims[:d.n] {
		dst = strconv.AppendInt(append(dst, '['), int64(dim.lower), 10)
		dst = strconv.AppendInt(append(dst, ':'), int64(dim.lower)+int64(dim.length)-1, 10)
		dst = append(dst, ']')
	}
	return append(dst, '=')
}

// appendArrayElement writes an element of an array literal, with quotes if it needs them.
func appendArrayElement(dst, text []byte) []byte {
	if !needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func needsQuotes(text []byte) bool {
	if len(text) == 0 || foldEqual(text, "null") {
		return true
	}
	for _, c := range text {
		switch c {
		case '"', '\\', '{', '}', ',':
			return true
		}
		if isSpace(c) {
			return true
		}
	}
	return false
}
