package canon

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
)

// floatFromText is float4in and float8in: C's strtod with white space around it.
func floatFromText(dst []byte, k Kind, text []byte) ([]byte, error) {
	b := trimSpace(text)
	switch {
	case foldEqual(b, "nan"), foldEqual(b, "+nan"):
		return appendFloat(dst, k, math.NaN()), nil
	case foldEqual(b, "-nan"):
		// It equals any other NaN, but keeps its sign.
		dst = appendFloat(dst, k, math.NaN())
		dst[len(dst)-floatBits(k)/8] |= 0x80
		return dst, nil
	case foldEqual(b, "infinity"), foldEqual(b, "inf"), foldEqual(b, "+infinity"), foldEqual(b, "+inf"):
		return appendFloat(dst, k, math.Inf(1)), nil
	case foldEqual(b, "-infinity"), foldEqual(b, "-inf"):
		return appendFloat(dst, k, math.Inf(-1)), nil
	}
	zero, ok := floatSyntax(b)
	if !ok {
		return nil, errSyntax(k)
	}
	f, err := strconv.ParseFloat(string(b), floatBits(k))
	if err != nil || f == 0 && !zero {
		return nil, errRange(k)
	}
	return appendFloat(dst, k, f), nil
}

// floatSyntax reports whether b is a decimal number, and whether all its
// digits are zeros. The hexadecimal numbers that strtod takes are not taken.
func floatSyntax(b []byte) (zero, ok bool) {
	i, digits := 0, 0
	zero = true
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	for pointed := false; i < len(b); i++ {
		if b[i] == '.' && !pointed {
			pointed = true
			continue
		}
		if !isDigit(b[i]) {
			break
		}
		zero = zero && b[i] == '0'
		digits++
	}
	if digits == 0 || i == len(b) {
		return zero, digits > 0
	}
	if b[i] != 'e' && b[i] != 'E' {
		return false, false
	}
	if i++; i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	digits = 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		digits++
	}
	return zero, digits > 0 && i == len(b)
}

func floatBits(k Kind) int {
	if k == Float4 {
		return 32
	}
	return 64
}

func appendFloat(dst []byte, k Kind, f float64) []byte {
	if k == Float4 {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f)))
	}
	if f != f {
		// Go's own NaN has a bit that PostgreSQL's has not.
		return binary.BigEndian.AppendUint64(dst, 0x7ff8<<48)
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

func floatValue(v []byte) float64 {
	if len(v) == 4 {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(v)))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(v))
}

// floatEquality maps both zeros to one value, and all NaNs to another.
func floatEquality(dst, v []byte) []byte {
	k := Float8
	if len(v) == 4 {
		k = Float4
	}
	switch f := floatValue(v); {
	case f == 0:
		return appendFloat(dst, k, 0)
	case f != f:
		return appendFloat(dst, k, math.NaN())
	}
	return append(dst, v...)
}

func floatToText(dst []byte, k Kind, s *Settings, v []byte) []byte {
	return appendFloatText(dst, k, s.extraFloatDigits(), floatValue(v))
}

// appendFloatText writes the shortest digits that read back as f; with extra
// digits of 0 or less, that many fewer digits than the type surely holds.
func appendFloatText(dst []byte, k Kind, extra int, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	// Fixed notation ends where the digits that a type surely holds end.
	surely := 15
	if k == Float4 {
		surely = 6
	}
	var (
		scratch [32]byte
		digits  []byte
		fixed   = surely
	)
	if extra > 0 {
		digits = shortestDigits(scratch[:0], f, floatBits(k))
	} else {
		fixed = max(surely+extra, 1)
		digits = strconv.AppendFloat(scratch[:0], f, 'e', fixed-1, 64)
	}
	return formatDigits(dst, digits, fixed)
}

// shortestDigits is strconv's shortest form in scientific notation, but with
// PostgreSQL's choice where strconv had one: of two decimals as near to f, the
// one with the even digit; and no decimal that lies exactly halfway between two
// floats, for it reads back as f only where halves are rounded to even.
func shortestDigits(scratch []byte, f float64, bits int) []byte {
	digits := strconv.AppendFloat(scratch, f, 'e', -1, bits)
	precision := -1
	for _, c := range digits {
		if c == 'e' {
			break
		}
		if isDigit(c) {
			precision++
		}
	}
	halfway := isHalfway(digits, f, bits)
	var other [32]byte
	for ; precision <= 17; precision++ {
		exact := strconv.AppendFloat(other[:0], f, 'e', precision, 64)
		read, err := strconv.ParseFloat(string(exact), bits)
		if err == nil && read == f && !isHalfway(exact, f, bits) {
			return append(digits[:0], exact...)
		}
		if !halfway {
			break
		}
	}
	return digits
}

// isHalfway reports whether the decimal is exactly as far from f as from a neighbour.
func isHalfway(decimal []byte, f float64, bits int) bool {
	// A float this large has no digits behind the point: below, a half needs more
	// digits than the shortest form ever has.
	least := float64(1 << 52)
	if bits == 32 {
		least = 1 << 22
	}
	if a := math.Abs(f); a < least || a > 1e40 {
		return false
	}
	below, above := math.Nextafter(f, math.Inf(-1)), math.Nextafter(f, math.Inf(1))
	if bits == 32 {
		below = float64(math.Nextafter32(float32(f), float32(math.Inf(-1))))
		above = float64(math.Nextafter32(float32(f), float32(math.Inf(1))))
	}
	if math.IsInf(below, 0) || math.IsInf(above, 0) {
		return false
	}
	value, ok := new(big.Rat).SetString(string(decimal))
	if !ok {
		return false
	}
	exact := new(big.Rat).SetFloat64(f)
	for _, neighbour := range [...]float64{below, above} {
		half := new(big.Rat).SetFloat64(neighbour)
		half.Add(half, exact)
		half.Quo(half, big.NewRat(2, 1))
		if half.Cmp(value) == 0 {
			return true
		}
	}
	return false
}

// formatDigits rewrites scientific notation, -d.ddde±dd, as C's %g does with a
// precision of fixed: without trailing zeros, and with an exponent only if it
// is less than -4 or not less than fixed.
func formatDigits(dst, sci []byte, fixed int) []byte {
	if sci[0] == '-' {
		dst = append(dst, '-')
		sci = sci[1:]
	}
	var (
		scratch  [32]byte
		digits   = scratch[:0]
		exponent int
	)
	for i, c := range sci {
		if c == 'e' {
			exponent, _ = strconv.Atoi(string(sci[i+1:]))
			break
		}
		if c != '.' {
			digits = append(digits, c)
		}
	}
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if exponent < -4 || exponent >= fixed {
		return appendScientific(dst, digits, exponent)
	}
	if exponent < 0 {
		dst = append(dst, "0."...)
		for range -exponent - 1 {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	for i := 0; i <= exponent || i < len(digits); i++ {
		if i == exponent+1 {
			dst = append(dst, '.')
		}
		if i < len(digits) {
			dst = append(dst, digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}

func appendScientific(dst, digits []byte, exponent int) []byte {
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	if exponent < 0 {
		dst = append(dst, '-')
		exponent = -exponent
	} else {
		dst = append(dst, '+')
	}
	if exponent < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(exponent), 10)
}
