package canon

import "encoding/binary"

// A decimal is a numeric taken apart: 0.d1d2d3… × 10^point, of which scale
// digits behind the decimal point are shown. Digits are values 0 to 9.
type decimal struct {
	negative bool
	// special is 0 for a number, else the sign word of NaN or an infinity.
	special uint16
	digits  []byte
	point   int
	scale   int
}

// The sign words of the binary form.
const (
	signPositive = 0x0000
	signNegative = 0x4000
	signNaN      = 0xC000
	signPlusInf  = 0xD000
	signMinusInf = 0xF000
)

// The limits of the stored form.
const (
	maxNumericScale = 0x3FFF
	maxNumericPoint = (0x7FFF + 1) * 4
	// infinityScale is what PostgreSQL sends as the scale of an infinity. It means nothing.
	infinityScale = 32
)

// normalise drops zeros at both ends, and the sign of zero.
func (d *decimal) normalise() {
	for len(d.digits) > 0 && d.digits[0] == 0 {
		d.digits = d.digits[1:]
		d.point--
	}
	for len(d.digits) > 0 && d.digits[len(d.digits)-1] == 0 {
		d.digits = d.digits[:len(d.digits)-1]
	}
	if len(d.digits) == 0 {
		d.negative, d.point = false, 0
	}
}

// keep cuts the digits off that are more than scale places behind the decimal
// point and returns the first of them.
func (d *decimal) keep(scale int) (next byte) {
	at := d.point + scale
	if at < 0 {
		d.digits = d.digits[:0]
		return 0
	}
	if at < len(d.digits) {
		next = d.digits[at]
		d.digits = d.digits[:at]
	}
	return next
}

// round rounds half away from zero to scale places, which may be negative.
// It writes to the digits.
func (d *decimal) round(scale int) {
	if d.keep(scale) >= 5 {
		d.increment(scale)
	}
	d.scale = max(scale, 0)
	d.normalise()
}

// increment adds one unit in the last of scale places.
func (d *decimal) increment(scale int) {
	for i := len(d.digits) - 1; i >= 0; i-- {
		if d.digits[i] < 9 {
			d.digits[i]++
			return
		}
		d.digits[i] = 0
	}
	// Every digit was a nine, or there was none: a one stands before them.
	if cap(d.digits) == 0 {
		d.digits = make([]byte, 1)
	}
	d.digits = d.digits[:1]
	d.digits[0] = 1
	d.point = max(d.point, -scale) + 1
}

// limit rounds to the modifier of numeric(p,s) and reports whether the value fits.
func (d *decimal) limit(t Type) bool {
	precision, scale, ok := t.numericLimit()
	switch {
	case !ok || d.special == signNaN:
		return true
	case d.special != 0:
		return false
	}
	d.round(scale)
	return len(d.digits) == 0 || d.point <= precision-scale
}

// storable reports whether the stored form has room for the number.
func (d *decimal) storable() bool {
	return d.scale <= maxNumericScale && d.point <= maxNumericPoint && d.point >= -maxNumericPoint
}

// append appends the binary form, or reports false where it has no room for the value.
func (d *decimal) append(dst []byte) ([]byte, bool) {
	if d.special != 0 {
		scale := 0
		if d.special != signNaN {
			scale = infinityScale
		}
		return appendNumericHeader(dst, 0, 0, d.special, scale), true
	}
	d.normalise()
	if !d.storable() {
		return nil, false
	}
	if len(d.digits) == 0 {
		return appendNumericHeader(dst, 0, 0, signPositive, d.scale), true
	}
	// Groups of four are counted from the decimal point, so the first one
	// begins up to three places before the first digit.
	groups := floorDiv(d.point+3, 4)
	lead := groups*4 - d.point
	sign := uint16(signPositive)
	if d.negative {
		sign = signNegative
	}
	dst = appendNumericHeader(dst, (lead+len(d.digits)+3)/4, groups-1, sign, d.scale)
	group, filled := uint16(0), lead
	for _, digit := range d.digits {
		group = group*10 + uint16(digit)
		if filled++; filled == 4 {
			dst = binary.BigEndian.AppendUint16(dst, group)
			group, filled = 0, 0
		}
	}
	if filled > 0 {
		for ; filled < 4; filled++ {
			group *= 10
		}
		dst = binary.BigEndian.AppendUint16(dst, group)
	}
	return dst, true
}

func appendNumericHeader(dst []byte, groups, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(groups))
	dst = binary.BigEndian.AppendUint16(dst, uint16(weight))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	return binary.BigEndian.AppendUint16(dst, uint16(scale))
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// parseDecimal reads a number, whose digits are appended to scratch. It takes
// what numeric_in takes, but for the specials: an optional sign, digits with at
// most one point and one digit at least, an exponent.
func parseDecimal(b, scratch []byte) (d decimal, ok bool) {
	i := 0
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		d.negative = b[i] == '-'
		i++
	}
	d.digits = scratch[:0]
	pointed := false
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case isDigit(c):
			d.digits = append(d.digits, c-'0')
			if pointed {
				d.scale++
			} else {
				d.point++
			}
			continue
		case c == '.' && !pointed:
			pointed = true
			continue
		}
		break
	}
	if len(d.digits) == 0 || i == len(b) {
		return d, len(d.digits) > 0
	}
	exponent, ok := parseExponent(b[i:])
	d.point += exponent
	d.scale = max(d.scale-exponent, 0)
	return d, ok
}

// parseExponent reads e, a sign and digits. An exponent that is far out of
// range stays so, whatever its digits.
func parseExponent(b []byte) (exponent int, ok bool) {
	if b[0] != 'e' && b[0] != 'E' {
		return 0, false
	}
	b = b[1:]
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		exponent = min(exponent*10+int(c-'0'), 1<<30)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}
