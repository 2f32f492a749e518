package eval

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/pgveil/pgveil/envelope/canon"
)

// integers are the kinds of integers, from the narrowest.
var integers = [...]canon.Kind{canon.Int2, canon.Int4, canon.Int8}

func numberFunctions() []*routine {
	list := []*routine{
		fn("abs(numeric) numeric", ofNumber(absolute)), fn("abs(float4) float4", nil), fn("abs(float8) float8", ofFloat(math.Abs)),
		fn("sign(numeric) numeric", ofNumber(sign)), fn("sign(float8) float8", nil),
		fn("ceil(numeric) numeric", ofNumber(ceiling)), fn("ceil(float8) float8", ofFloat(math.Ceil)),
		fn("ceiling(numeric) numeric", ofNumber(ceiling)), fn("ceiling(float8) float8", ofFloat(math.Ceil)),
		fn("floor(numeric) numeric", ofNumber(floor)), fn("floor(float8) float8", ofFloat(math.Floor)),
		fn("round(numeric) numeric", toScale(number.rescaled)), fn("round(numeric, int4) numeric", toScale(number.rescaled)),
		fn("round(float8) float8", ofFloat(math.RoundToEven)),
		fn("trunc(numeric) numeric", toScale(number.truncated)), fn("trunc(numeric, int4) numeric", toScale(number.truncated)),
		fn("trunc(float8) float8", ofFloat(math.Trunc)), fn("trunc(other) other", nil), // of macaddr
		fn("mod(numeric, numeric) numeric", arithmetic(remainder)),
	}
	for _, k := range integers {
		list = append(list,
			&routine{name: "abs", args: []canon.Kind{k}, result: k, run: ofInteger(k, func(n int64) (int64, bool) { return max(n, -n), n != math.MinInt64 })},
			&routine{name: "mod", args: []canon.Kind{k, k}, result: k, run: integersOp(k, integerOps()["%"])})
	}
	return list
}

func numberOperators() []*routine {
	list := []*routine{
		fn("+(numeric, numeric) numeric", arithmetic(add)), fn("-(numeric, numeric) numeric", arithmetic(subtract)),
		fn("*(numeric, numeric) numeric", arithmetic(multiply)), fn("/(numeric, numeric) numeric", arithmetic(divide)),
		fn("%(numeric, numeric) numeric", arithmetic(remainder)),
		fn("+(numeric) numeric", same), fn("-(numeric) numeric", ofNumber(negated)),
		fn("+(float4) float4", same), fn("-(float4) float4", nil),
		fn("+(float8) float8", same), fn("-(float8) float8", ofFloat(func(f float64) float64 { return -f })),
	}
	for i, l := range integers {
		list = append(list,
			&routine{name: "+", args: []canon.Kind{l}, result: l, run: same},
			&routine{name: "-", args: []canon.Kind{l}, result: l, run: ofInteger(l, func(n int64) (int64, bool) { return -n, n != math.MinInt64 })})
		for k, r := range integers {
			for name, do := range integerOps() {
				if name == "%" && l != r {
					continue
				}
				wide := integers[max(i, k)]
				list = append(list, &routine{name: name, args: []canon.Kind{l, r}, result: wide, run: integersOp(wide, do)})
			}
		}
	}
	floats := []canon.Kind{canon.Float4, canon.Float8}
	for _, l := range floats {
		for _, r := range floats {
			for name, do := range floatOps() {
				op := &routine{name: name, args: []canon.Kind{l, r}, result: canon.Float8, run: floatsOp(do)}
				if l == r && l == canon.Float4 {
					op.result, op.run = canon.Float4, nil
				}
				list = append(list, op)
			}
		}
	}
	return list
}

func same(_ *Settings, v []Value) (Value, error) { return v[0], nil }

// integerOps are the operators of integers. They report false for a result
// beyond 64 bits.
func integerOps() map[string]func(a, b int64) (int64, bool, error) {
	return map[string]func(a, b int64) (int64, bool, error){
		"+": func(a, b int64) (int64, bool, error) { s := a + b; return s, (s > a) == (b > 0), nil },
		"-": func(a, b int64) (int64, bool, error) { d := a - b; return d, (d < a) == (b > 0), nil },
		"*": func(a, b int64) (int64, bool, error) { p, ok := product(a, b); return p, ok, nil },
		"/": func(a, b int64) (int64, bool, error) {
			switch b {
			case 0:
				return 0, false, errDivision()
			case -1:
				return -a, a != math.MinInt64, nil
			}
			return a / b, true, nil
		},
		"%": func(a, b int64) (int64, bool, error) {
			switch b {
			case 0:
				return 0, false, errDivision()
			case -1:
				return 0, true, nil
			}
			return a % b, true, nil
		},
	}
}

func product(a, b int64) (int64, bool) {
	magnitude := func(n int64) uint64 {
		if n < 0 {
			return -uint64(n)
		}
		return uint64(n)
	}
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case high != 0:
		return 0, false
	case negative:
		return -int64(low), low <= 1<<63
	}
	return int64(low), low < 1<<63
}

func integersOp(k canon.Kind, do func(a, b int64) (int64, bool, error)) run {
	return func(_ *Settings, v []Value) (Value, error) {
		n, ok, err := do(integer(v[0].Data), integer(v[1].Data))
		if err != nil {
			return Value{}, err
		}
		return integerValue(k, n, ok)
	}
}

func ofInteger(k canon.Kind, do func(int64) (int64, bool)) run {
	return func(_ *Settings, v []Value) (Value, error) {
		n, ok := do(integer(v[0].Data))
		return integerValue(k, n, ok)
	}
}

// integerValue checks the range of a result.
func integerValue(k canon.Kind, n int64, ok bool) (Value, error) {
	var data []byte
	switch k {
	case canon.Int2:
		ok = ok && n == int64(int16(n))
		data = binary.BigEndian.AppendUint16(nil, uint16(n))
	case canon.Int4:
		ok = ok && n == int64(int32(n))
		data = binary.BigEndian.AppendUint32(nil, uint32(n))
	default:
		data = binary.BigEndian.AppendUint64(nil, uint64(n))
	}
	if !ok {
		return Value{}, invalid(stateRange, "%s out of range", sqlName(k))
	}
	return of(k, data), nil
}

// A floatOp is an operator of floats; it says whether a zero or an infinity that
// comes out of finite operands is right.
type floatOp func(a, b float64) (result float64, zeroIsRight bool, err error)

func floatOps() map[string]floatOp {
	return map[string]floatOp{
		"+": func(a, b float64) (float64, bool, error) { return a + b, true, nil },
		"-": func(a, b float64) (float64, bool, error) { return a - b, true, nil },
		"*": func(a, b float64) (float64, bool, error) { return a * b, a == 0 || b == 0, nil },
		"/": func(a, b float64) (float64, bool, error) {
			if b == 0 && !math.IsNaN(a) {
				return 0, false, errDivision()
			}
			return a / b, a == 0 || math.IsInf(b, 0), nil
		},
	}
}

func floatsOp(do floatOp) run {
	return func(_ *Settings, v []Value) (Value, error) {
		a, b := float(v[0].Data), float(v[1].Data)
		f, zeroIsRight, err := do(a, b)
		switch {
		case err != nil:
			return Value{}, err
		case math.IsInf(f, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0):
			return Value{}, invalid(stateRange, "value out of range: overflow")
		case f == 0 && !zeroIsRight:
			return Value{}, invalid(stateRange, "value out of range: underflow")
		}
		return floatValue(f), nil
	}
}

func ofFloat(do func(float64) float64) run {
	return func(_ *Settings, v []Value) (Value, error) { return floatValue(do(float(v[0].Data))), nil }
}

func floatValue(f float64) Value {
	return of(canon.Float8, binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
}
