package canon

// AppendJSON appends what to_json makes of the canonical value v under s, which
// may be nil for the defaults: numbers and booleans as such, dates and times in
// the form of ISO 8601, arrays as arrays, json and jsonb as they are, and
// everything else as a string of its text.
func AppendJSON(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	switch {
	case !t.supported():
		return nil, errUnsupported(t)
	case t.Array:
		return arrayToJSON(dst, t, s, v)
	}
	return scalarToJSON(dst, t, s, v)
}

// AppendJSONB is AppendJSON for to_jsonb: the text form of the jsonb value. It
// fails for a json that jsonb cannot hold, as the server does.
func AppendJSONB(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	switch {
	case t.Kind == JSONB && !t.Array:
		return append(dst, v...), nil
	case !t.Array && t.Kind != JSON && !numeric(t.Kind):
		return AppendJSON(dst, t, s, v) // one form only
	}
	doc, err := AppendJSON(nil, t, s, v)
	if err != nil {
		return nil, err
	}
	return jsonbFromText(dst, doc)
}

// NormalJSONB appends the text form of the jsonb value that a JSON text stands for.
func NormalJSONB(dst, text []byte) ([]byte, error) { return jsonbFromText(dst, text) }

// AppendJSONString appends text as a JSON string, as to_json writes it.
func AppendJSONString(dst, text []byte) []byte { return appendJSONString(dst, text) }

// AppendArrayElement appends text as an element of an array literal, as array_out
// writes it: with quotes where it needs them.
func AppendArrayElement(dst, text []byte) []byte { return appendArrayElement(dst, text) }

func numeric(k Kind) bool {
	switch k {
	case Int2, Int4, Int8, Numeric, Float4, Float8:
		return true
	}
	return false
}

func scalarToJSON(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	if err := checkSize(t, v); err != nil {
		return nil, errDamaged(t)
	}
	switch {
	case t.Kind == Bool && v[0] != 0:
		return append(dst, "true"...), nil
	case t.Kind == Bool:
		return append(dst, "false"...), nil
	case t.Kind == JSON, t.Kind == JSONB:
		return append(dst, v...), nil
	case t.Kind == Text, t.Kind == Varchar, t.Kind == Bpchar, t.Kind == Citext:
		return appendJSONString(dst, v), nil
	case t.Kind == Date, t.Kind == Timestamp, t.Kind == Timestamptz:
		return append(appendXSD(append(dst, '"'), t, s, v), '"'), nil
	case numeric(t.Kind):
		return numberToJSON(dst, t, s, v)
	}
	text, err := scalarToText(nil, t, s, v)
	if err != nil {
		return nil, err
	}
	return appendJSONString(dst, text), nil
}

// numberToJSON appends a number, or the string NaN, Infinity or -Infinity.
func numberToJSON(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	at := len(dst)
	dst, err := scalarToText(dst, t, s, v)
	if err != nil {
		return nil, err
	}
	if last := dst[len(dst)-1]; isDigit(last) {
		return dst, nil
	}
	word := string(dst[at:])
	return appendJSONString(dst[:at], []byte(word)), nil
}

// appendXSD appends a date or timestamp as JSON has it, whatever the DateStyle.
func appendXSD(dst []byte, t Type, s *Settings, v []byte) []byte {
	if t.Kind == Date {
		return dateToText(dst, nil, v)
	}
	usec := intValue(v)
	if dst, infinite := appendInfinity(dst, usec); infinite {
		return dst
	}
	offset := 0
	if t.Kind == Timestamptz {
		_, offset = zoneAt(usec, s.zone())
	}
	c := civilOf(usec + int64(offset)*usecPerSec)
	dst = c.appendClock(append(c.appendDate(dst, styleISO, orderMDY), 'T'))
	if t.Kind == Timestamptz {
		at := len(dst)
		dst = appendOffset(dst, offset)
		if len(dst) == at+len("+00") {
			dst = append(dst, ":00"...)
		}
	}
	return c.appendEra(dst)
}

// arrayToJSON is array_to_json: one level of brackets for each dimension.
func arrayToJSON(dst []byte, t Type, s *Settings, v []byte) ([]byte, error) {
	var r arrayReader
	if err := r.open(t, v); err != nil {
		return nil, errDamaged(t)
	}
	if r.left == 0 {
		return append(dst, "[]"...), nil
	}
	dst, err := r.level(dst, t, s, 0)
	if err != nil {
		return nil, err
	}
	return dst, damaged(t, r.end(t))
}

// level appends the members of one dimension as a JSON array.
func (r *arrayReader) level(dst []byte, t Type, s *Settings, dim int) (_ []byte, err error) {
	dst = append(dst, '[')
	for i := range r.dims.dims[dim].length {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dim+1 < r.dims.n {
			dst, err = r.level(dst, t, s, dim+1)
		} else {
			dst, err = r.member(dst, t, s)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (r *arrayReader) member(dst []byte, t Type, s *Settings) ([]byte, error) {
	item, null, err := r.next(t)
	switch {
	case err != nil:
		return nil, errDamaged(t)
	case null:
		return append(dst, "null"...), nil
	}
	return scalarToJSON(dst, t.Elem(), s, item)
}
