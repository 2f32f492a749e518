package eval

import (
	"bytes"
	"math/big"

	"github.com/pgveil/pgveil/envelope/canon"
)

// A number is a numeric: coefficient × 10^-scale, of which scale digits are
// shown behind the point. special is the word for what is no number, else "".
type number struct {
	coefficient *big.Int
	scale       int
	special     string
}

// The limits of what PostgreSQL computes.
const (
	maxScale = 16383
	// groupDigits is how many digits numeric keeps in one of its own, of which
	// division counts.
	groupDigits = 4
	// minSignificant is how many digits a quotient has at least.
	minSignificant  = 16
	maxDisplayScale = 1000
)

func readNumber(v []byte) (number, error) {
	text, err := canon.AppendText(nil, typeOf(canon.Numeric), nil, v)
	if err != nil {
		return number{}, err
	}
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	n, ok := new(big.Int).SetString(string(whole)+string(fraction), 10)
	if !ok {
		return number{special: string(text)}, nil
	}
	return number{coefficient: n, scale: len(fraction)}, nil
}

// value returns the canonical form, or the error for a number too large.
func (n number) value() (Value, error) {
	data, err := canon.FromText(typeOf(canon.Numeric), nil, n.text())
	return of(canon.Numeric, data), err
}

func (n number) text() []byte {
	if n.special != "" {
		return []byte(n.special)
	}
	digits := new(big.Int).Abs(n.coefficient).String()
	for len(digits) <= n.scale {
		digits = "0" + digits
	}
	text := digits[:len(digits)-n.scale]
	if n.scale > 0 {
		text += "." + digits[len(digits)-n.scale:]
	}
	if n.coefficient.Sign() < 0 {
		text = "-" + text
	}
	return []byte(text)
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// rescaled rounds half away from zero to a number of digits behind the point,
// which may be negative, and shows none below zero.
func (n number) rescaled(scale int) number {
	if scale >= n.scale {
		return number{coefficient: new(big.Int).Mul(n.coefficient, tenTo(scale-n.scale)), scale: scale}
	}
	unit := tenTo(n.scale - scale)
	q := divideRounded(n.coefficient, unit)
	if scale < 0 {
		return number{coefficient: q.Mul(q, tenTo(-scale))}
	}
	return number{coefficient: q, scale: scale}
}

// truncated drops digits as rescaled does, without rounding.
func (n number) truncated(scale int) number {
	if scale >= n.scale {
		return n.rescaled(scale)
	}
	q := new(big.Int).Quo(n.coefficient, tenTo(n.scale-scale))
	if scale < 0 {
		return number{coefficient: q.Mul(q, tenTo(-scale))}
	}
	return number{coefficient: q, scale: scale}
}

// divideRounded rounds the quotient half away from zero.
func divideRounded(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	if new(big.Int).Lsh(r.Abs(r), 1).CmpAbs(b) >= 0 {
		q.Add(q, big.NewInt(int64(a.Sign()*b.Sign())))
	}
	return q
}

func alike(a, b number) (number, number) {
	scale := max(a.scale, b.scale)
	return a.rescaled(scale), b.rescaled(scale)
}

func compareNumerics(_ *Settings, a, b []byte) (int, error) {
	l, err := readNumber(a)
	if err != nil {
		return 0, err
	}
	r, err := readNumber(b)
	if err != nil {
		return 0, err
	}
	if l.special != "" || r.special != "" {
		return rank(l) - rank(r), nil
	}
	l, r = alike(l, r)
	return l.coefficient.Cmp(r.coefficient), nil
}

// rank orders the values that are no numbers about those that are.
func rank(n number) int {
	switch n.special {
	case "":
		return 1
	case "-Infinity":
		return 0
	case "Infinity":
		return 2
	}
	return 3
}

// arithmetic makes an operator of numeric from what it does with two numbers.
// Infinities and NaN are refused.
func arithmetic(do func(a, b number) (number, error)) run {
	return func(_ *Settings, v []Value) (Value, error) {
		a, err := readNumber(v[0].Data)
		if err != nil {
			return Value{}, err
		}
		b, err := readNumber(v[1].Data)
		if err != nil {
			return Value{}, err
		}
		if a.special != "" || b.special != "" {
			return Value{}, unserved("arithmetic with NaN or an infinity")
		}
		out, err := do(a, b)
		if err != nil {
			return Value{}, err
		}
		return out.value()
	}
}

func add(a, b number) (number, error) {
	a, b = alike(a, b)
	return number{coefficient: new(big.Int).Add(a.coefficient, b.coefficient), scale: a.scale}, nil
}

func subtract(a, b number) (number, error) {
	a, b = alike(a, b)
	return number{coefficient: new(big.Int).Sub(a.coefficient, b.coefficient), scale: a.scale}, nil
}

func multiply(a, b number) (number, error) {
	n := number{coefficient: new(big.Int).Mul(a.coefficient, b.coefficient), scale: a.scale + b.scale}
	return n.rescaled(min(n.scale, maxScale)), nil
}

func divide(a, b number) (number, error) {
	if b.coefficient.Sign() == 0 {
		return number{}, errDivision()
	}
	scale := quotientScale(a, b)
	// a/10^sa ÷ b/10^sb, in units of 10^-scale, is a·10^(scale+sb-sa) / b.
	shift := scale + b.scale - a.scale
	n, d := a.coefficient, b.coefficient
	if shift >= 0 {
		n = new(big.Int).Mul(n, tenTo(shift))
	} else {
		d = new(big.Int).Mul(d, tenTo(-shift))
	}
	return number{coefficient: divideRounded(n, d), scale: scale}, nil
}

// quotientScale is select_div_scale: at least 16 significant digits, and no
// fewer places than either operand has.
func quotientScale(a, b number) int {
	weightA, firstA := a.leading()
	weightB, firstB := b.leading()
	weight := weightA - weightB
	if firstA <= firstB {
		weight--
	}
	return min(max(minSignificant-weight*groupDigits, a.scale, b.scale, 0), maxDisplayScale)
}

// leading returns the first group of digits that is not zero, and its weight as
// a power of 10000.
func (n number) leading() (weight, first int) {
	if n.coefficient.Sign() == 0 {
		return 0, 0
	}
	digits := new(big.Int).Abs(n.coefficient).String()
	point := len(digits) - n.scale // digits before the point; none where it is not positive
	weight = floorDiv(point-1, groupDigits)
	size := point - weight*groupDigits
	for i := range size {
		first *= 10
		if i < len(digits) {
			first += int(digits[i] - '0')
		}
	}
	return weight, first
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func remainder(a, b number) (number, error) {
	if b.coefficient.Sign() == 0 {
		return number{}, errDivision()
	}
	a, b = alike(a, b)
	return number{coefficient: new(big.Int).Rem(a.coefficient, b.coefficient), scale: a.scale}, nil
}

// ofNumber makes a function of one numeric. NaN and the infinities are refused.
func ofNumber(do func(number) number) run {
	return func(_ *Settings, v []Value) (Value, error) {
		n, err := readNumber(v[0].Data)
		if err != nil {
			return Value{}, err
		}
		if n.special != "" {
			return Value{}, unserved("arithmetic with NaN or an infinity")
		}
		return do(n).value()
	}
}

func absolute(n number) number {
	return number{coefficient: new(big.Int).Abs(n.coefficient), scale: n.scale}
}

func negated(n number) number {
	return number{coefficient: new(big.Int).Neg(n.coefficient), scale: n.scale}
}

func sign(n number) number { return number{coefficient: big.NewInt(int64(n.coefficient.Sign()))} }

func ceiling(n number) number {
	t := n.truncated(0)
	if n.coefficient.Sign() > 0 && t.rescaled(n.scale).coefficient.Cmp(n.coefficient) != 0 {
		t.coefficient.Add(t.coefficient, big.NewInt(1))
	}
	return t
}

func floor(n number) number { return negated(ceiling(negated(n))) }

// toScale makes round(numeric, int) and trunc(numeric, int).
func toScale(do func(number, int) number) run {
	return func(s *Settings, v []Value) (Value, error) {
		scale := 0
		if len(v) == 2 {
			scale = int(integer(v[1].Data))
		}
		if max(scale, -scale) > maxDisplayScale {
			return Value{}, unserved("a number of so many digits") // minor versions differ in how many they allow
		}
		return ofNumber(func(n number) number { return do(n, scale) })(s, v)
	}
}

func errDivision() error { return invalid(stateDivision, "division by zero") }
