package canon

import "encoding/binary"

// numericHeader is the size of the fixed part of the binary form: number of
// groups, weight of the first, sign, display scale. Groups of four digits follow.
const numericHeader = 8

// numericFromText is numeric_in with the column's modifier.
func numericFromText(dst []byte, t Type, text []byte) ([]byte, error) {
	var (
		d       decimal
		scratch [64]byte
	)
	b := trimSpace(text)
	switch {
	case foldEqual(b, "nan"):
		d.special = signNaN
	case foldEqual(b, "infinity"), foldEqual(b, "+infinity"), foldEqual(b, "inf"), foldEqual(b, "+inf"):
		d.special = signPlusInf
	case foldEqual(b, "-infinity"), foldEqual(b, "-inf"):
		d.special = signMinusInf
	default:
		var ok bool
		if d, ok = parseDecimal(b, scratch[:0]); !ok {
			return nil, errSyntax(Numeric)
		}
	}
	return appendNumeric(dst, t, &d)
}

// appendNumeric applies the modifier and appends the canonical form.
func appendNumeric(dst []byte, t Type, d *decimal) ([]byte, error) {
	d.normalise()
	// A value is a numeric first, and one of the column's only then.
	if !d.storable() {
		return nil, invalid(stateRange, "value overflows numeric format")
	}
	if !d.limit(t) {
		return nil, invalid(stateRange, "numeric field overflow")
	}
	out, _ := d.append(dst)
	return out, nil
}

// numericFromBinary is numeric_recv: zeros may lead and follow, digits beyond
// the scale are cut off.
func numericFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	if len(b) < numericHeader {
		return nil, errShort(t)
	}
	size := numericHeader + 2*int(binary.BigEndian.Uint16(b))
	sign, scale := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	switch sign {
	case signPositive, signNegative, signNaN, signPlusInf, signMinusInf:
	default:
		return nil, invalid(stateBinary, "invalid sign in external \"numeric\" value")
	}
	if scale > maxNumericScale {
		return nil, invalid(stateBinary, "invalid scale in external \"numeric\" value")
	}
	var scratch [64]byte
	d, ok := readGroups(b[:min(len(b), size)], scratch[:0])
	if !ok {
		return nil, invalid(stateBinary, "invalid digit in external \"numeric\" value")
	}
	switch {
	case len(b) < size:
		return nil, errShort(t)
	case len(b) > size:
		return nil, errBinary(t)
	}
	d.keep(int(scale))
	return appendNumeric(dst, t, &d)
}

// readGroups reads the binary form, whose sign is a known one, and reports
// whether every group of digits is below 10000.
func readGroups(v, scratch []byte) (d decimal, ok bool) {
	switch sign := binary.BigEndian.Uint16(v[4:]); sign {
	case signPositive:
	case signNegative:
		d.negative = true
	default:
		d.special = sign
	}
	d.point = (int(int16(binary.BigEndian.Uint16(v[2:]))) + 1) * 4
	d.scale = int(binary.BigEndian.Uint16(v[6:]))
	d.digits = scratch
	for v = v[numericHeader:]; len(v) >= 2; v = v[2:] {
		g := binary.BigEndian.Uint16(v)
		if g > 9999 {
			return d, false
		}
		d.digits = append(d.digits, byte(g/1000), byte(g/100%10), byte(g/10%10), byte(g%10))
	}
	d.normalise()
	return d, true
}

// readNumeric takes a canonical value apart.
func readNumeric(v, scratch []byte) (d decimal, err error) {
	t := Type{Kind: Numeric, Mod: -1}
	if len(v) < numericHeader || len(v) != numericHeader+2*int(binary.BigEndian.Uint16(v)) {
		return d, errDamaged(t)
	}
	switch binary.BigEndian.Uint16(v[4:]) {
	case signPositive, signNegative, signNaN, signPlusInf, signMinusInf:
	default:
		return d, errDamaged(t)
	}
	d, ok := readGroups(v, scratch)
	if !ok {
		return d, errDamaged(t)
	}
	return d, nil
}

func numericToText(dst, v []byte) ([]byte, error) {
	var scratch [64]byte
	d, err := readNumeric(v, scratch[:0])
	if err != nil {
		return nil, err
	}
	return d.appendText(dst), nil
}

func (d *decimal) appendText(dst []byte) []byte {
	switch d.special {
	case signNaN:
		return append(dst, "NaN"...)
	case signPlusInf:
		return append(dst, "Infinity"...)
	case signMinusInf:
		return append(dst, "-Infinity"...)
	}
	if d.negative {
		dst = append(dst, '-')
	}
	if d.point <= 0 {
		dst = append(dst, '0')
	}
	for i := range d.point {
		dst = append(dst, '0'+d.at(i))
	}
	if d.scale > 0 {
		dst = append(dst, '.')
		for i := range d.scale {
			dst = append(dst, '0'+d.at(d.point+i))
		}
	}
	return dst
}

// at returns the digit i places after the first; outside of the digits it is zero.
func (d *decimal) at(i int) byte {
	if i < 0 || i >= len(d.digits) {
		return 0
	}
	return d.digits[i]
}

// numericEquality is the value without its display scale: 1.0 = 1.00.
func numericEquality(dst, v []byte) ([]byte, error) {
	var scratch [64]byte
	d, err := readNumeric(v, scratch[:0])
	if err != nil {
		return nil, err
	}
	d.scale = 0
	out, ok := d.append(dst)
	if !ok {
		return nil, errDamaged(Type{Kind: Numeric, Mod: -1})
	}
	return out, nil
}
