package eval

import (
	"github.com/pgveil/pgveil/envelope/canon"
)

func timeFunctions() []*routine { return nil }

func timeOperators() []*routine {
	list := []*routine{
		fn("+(date, int4) date", addDays(1)), fn("+(int4, date) date", swapped(addDays(1))), fn("-(date, int4) date", addDays(-1)),
		fn("-(date, date) int4", daysBetween),
		fn("+(date, interval) timestamp", atMidnight(shift)), fn("+(interval, date) timestamp", swapped(atMidnight(shift))),
		fn("-(date, interval) timestamp", atMidnight(shiftBack)),
		fn("+(date, time) timestamp", atMidnight(addTime)), fn("+(time, date) timestamp", swapped(atMidnight(addTime))),
		fn("+(date, timetz) timestamptz", nil), fn("+(timetz, date) timestamptz", nil),
		fn("+(interval, interval) interval", addIntervals), fn("-(interval, interval) interval", subtractIntervals),
		fn("-(interval) interval", negateInterval),
		fn("*(interval, float8) interval", nil), fn("*(float8, interval) interval", nil), fn("/(interval, float8) interval", nil),
		fn("+(time, interval) time", shiftTime(1)), fn("+(interval, time) time", swapped(shiftTime(1))), fn("-(time, interval) time", shiftTime(-1)),
		fn("-(time, time) interval", func(_ *Settings, v []Value) (Value, error) {
			return of(canon.Interval, canon.TimeBetween(v[1].Data, v[0].Data)), nil
		}),
		fn("+(timetz, interval) timetz", nil), fn("+(interval, timetz) timetz", nil), fn("-(timetz, interval) timetz", nil),
	}
	for _, t := range []string{"timestamp", "timestamptz"} {
		list = append(list,
			fn("+("+t+", interval) "+t, shift), fn("+(interval, "+t+") "+t, swapped(shift)), fn("-("+t+", interval) "+t, shiftBack),
			fn("-("+t+", "+t+") interval", func(_ *Settings, v []Value) (Value, error) {
				data, err := canon.Between(v[1].Data, v[0].Data)
				return of(canon.Interval, data), err
			}))
	}
	return list
}

// swapped is an operator with its operands in the other order.
func swapped(inner run) run {
	return func(s *Settings, v []Value) (Value, error) { return inner(s, []Value{v[1], v[0]}) }
}

// atMidnight turns the date on the left into a timestamp first.
func atMidnight(inner run) run {
	return func(s *Settings, v []Value) (Value, error) {
		data, err := canon.Coerce(v[0].Type, typeOf(canon.Timestamp), s.Forms, v[0].Data)
		if err != nil {
			return Value{}, err
		}
		return inner(s, []Value{of(canon.Timestamp, data), v[1]})
	}
}

func addDays(sign int64) run {
	return func(_ *Settings, v []Value) (Value, error) {
		data, err := canon.AddDays(v[0].Data, sign*integer(v[1].Data))
		return of(canon.Date, data), err
	}
}

func daysBetween(_ *Settings, v []Value) (Value, error) {
	n, err := canon.DaysBetween(v[1].Data, v[0].Data)
	if err != nil {
		return Value{}, err
	}
	return int4Value(int(n))
}

// shift moves a timestamp by an interval, on the session's calendar.
func shift(s *Settings, v []Value) (Value, error) {
	if err := s.zoneKnown(v[0].Type); err != nil {
		return Value{}, err
	}
	data, err := canon.Shift(v[0].Type, s.Forms, v[0].Data, v[1].Data)
	return of(v[0].Type.Kind, data), err
}

func shiftBack(s *Settings, v []Value) (Value, error) {
	back, err := canon.NegateInterval(v[1].Data)
	if err != nil {
		return Value{}, err
	}
	return shift(s, []Value{v[0], of(canon.Interval, back)})
}

func shiftTime(sign int64) run {
	return func(_ *Settings, v []Value) (Value, error) {
		return of(canon.Time, canon.ShiftTime(v[0].Data, v[1].Data, sign)), nil
	}
}

func addTime(_ *Settings, v []Value) (Value, error) {
	data, err := canon.AddTime(v[0].Data, v[1].Data)
	return of(canon.Timestamp, data), err
}

func addIntervals(_ *Settings, v []Value) (Value, error) {
	data, err := canon.AddIntervals(v[0].Data, v[1].Data)
	return of(canon.Interval, data), err
}

func subtractIntervals(s *Settings, v []Value) (Value, error) {
	back, err := canon.NegateInterval(v[1].Data)
	if err != nil {
		return Value{}, err
	}
	return addIntervals(s, []Value{v[0], of(canon.Interval, back)})
}

func negateInterval(_ *Settings, v []Value) (Value, error) {
	data, err := canon.NegateInterval(v[0].Data)
	return of(canon.Interval, data), err
}
