package proxy

import (
	"strconv"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
)

// joined puts together a text of which the server gave the parts.
func (w *walk) joined(dst []byte, p *part, in []byte) (_ []byte, null bool, err error) {
	j := joining{document: document{walk: w, in: in}, p: p, start: len(dst)}
	if dst, err = j.join(dst); err == nil && len(j.in) > 0 {
		err = errMismatch
	}
	if err == nil && j.count != j.want() {
		err = errMismatch
	}
	w.done(j.delimiter, j.instead)
	return dst, j.null, err
}

// joining is a text that is being put together.
type joining struct {
	document
	p *part
	// start is where the text begins in the buffer.
	start int
	// count is how many parts were read, written how many are in the text.
	count, written int
	// null says that the text is NULL.
	null bool
	// delimiter stands between parts; instead, if hasInstead is set, for NULLs.
	delimiter, instead []byte
	hasInstead         bool
	// choice is the part that was chosen, elements counts those of an array.
	choice   *part
	elements int
}

// want returns the number of parts that there must be, where it is known.
func (j *joining) want() int {
	switch j.p.Join {
	case rewrite.Strict, rewrite.Concat, rewrite.Separated:
		return len(j.p.items)
	case rewrite.Chosen:
		return 2
	}
	return j.count
}

// join reads the parts. What they are made of is JSON of the server's own
// making; what is between them is not wanted.
func (j *joining) join(dst []byte) ([]byte, error) {
	j.null = j.p.Join == rewrite.Delimited
	return j.parts(dst, j.part)
}

// parts reads a JSON array.
func (j *joining) parts(dst []byte, each func(dst []byte, i int) ([]byte, error)) ([]byte, error) {
	if !j.take('[') {
		return dst, errMismatch
	}
	j.skip()
	if j.take(']') {
		return dst, nil
	}
	for i := 0; ; i++ {
		j.skip()
		var err error
		if dst, err = each(dst, i); err != nil {
			return dst, err
		}
		j.skip()
		switch {
		case j.take(']'):
			return dst, nil
		case !j.take(','):
			return dst, errMismatch
		}
	}
}

// skip reads white space.
func (j *joining) skip() {
	for len(j.in) > 0 && (j.in[0] == ' ' || j.in[0] == '\n' || j.in[0] == '\t' || j.in[0] == '\r') {
		j.in = j.in[1:]
	}
}

// part reads one part of the text.
func (j *joining) part(dst []byte, i int) ([]byte, error) {
	j.count++
	switch j.p.Join {
	case rewrite.Strict, rewrite.Concat:
		return j.item(dst, i)
	case rewrite.Separated:
		if i == 0 {
			return dst, j.word(&j.delimiter, &j.null)
		}
		return j.item(dst, i)
	case rewrite.Delimited:
		return j.row(dst)
	case rewrite.Elements:
		return j.element(dst, i)
	case rewrite.Chosen:
		return j.chosen(dst, i)
	}
	return dst, errMismatch
}

// word reads a plain string, or that it is NULL.
func (j *joining) word(word *[]byte, null *bool) error {
	raw, err := j.raw()
	switch {
	case err != nil:
		return err
	case string(raw) == "null":
		*null = true
		return nil
	case raw[0] != '"':
		return errMismatch
	}
	*word = appendJSONText(j.buffer(), raw)
	return nil
}

func (j *joining) item(dst []byte, i int) ([]byte, error) {
	if i >= len(j.p.items) {
		return dst, errMismatch
	}
	return j.append(dst, j.p.items[i])
}

// append adds the next part to the text: with the delimiter before it, unless it
// is the first, and without anything where it is NULL.
func (j *joining) append(dst []byte, p *part) ([]byte, error) {
	raw, err := j.raw()
	if err != nil {
		return dst, err
	}
	at := len(dst)
	if j.written > 0 {
		dst = append(dst, j.delimiter...)
	}
	null := string(raw) == "null"
	switch {
	case null:
	case raw[0] != '"':
		return dst, errMismatch
	case p == nil:
		dst = appendJSONText(dst, raw)
	default:
		in := appendJSONText(j.buffer(), raw)
		if j.p.Join == rewrite.Strict || j.p.Join == rewrite.Delimited {
			dst, null, err = j.cast(dst, p, in)
		} else {
			dst, null, err = j.text(dst, p, in)
		}
		j.done(in)
	}
	switch {
	case err != nil:
		return dst, err
	case null && j.hasInstead:
		dst = append(dst, j.instead...)
	case null:
		j.null = j.null || j.p.Join == rewrite.Strict || j.p.Join == rewrite.Chosen
		return dst[:at], nil
	case j.p.Join == rewrite.Delimited:
		j.null = false
	}
	j.written++
	return dst, nil
}

// row reads what string_agg had from a row: the delimiter and the value.
func (j *joining) row(dst []byte) ([]byte, error) {
	members := 0
	dst, err := j.parts(dst, func(dst []byte, i int) ([]byte, error) {
		members++
		if i == 0 {
			j.done(j.delimiter)
			j.delimiter = nil
			return dst, j.word(&j.delimiter, new(bool))
		}
		return j.append(dst, j.p.elem)
	})
	if err == nil && members != 2 {
		err = errMismatch
	}
	return dst, err
}

// element reads what array_to_string had: the delimiter, what stands for NULL,
// and elements, those of more dimensions in arrays.
func (j *joining) element(dst []byte, i int) ([]byte, error) {
	switch {
	case i == 0:
		return dst, j.word(&j.delimiter, &j.null)
	case i == 1:
		none := false
		err := j.word(&j.instead, &none)
		j.hasInstead = !none
		return dst, err
	case j.peek() == '[':
		return j.parts(dst, func(dst []byte, _ int) ([]byte, error) { return j.element(dst, i) })
	}
	p := j.p.elem.at(j.elements)
	j.elements++
	return j.append(dst, p)
}

// chosen reads the place of the part that was chosen, and then that part.
func (j *joining) chosen(dst []byte, i int) ([]byte, error) {
	if i > 0 {
		return j.append(dst, j.choice)
	}
	raw, err := j.raw()
	if err != nil {
		return dst, err
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 0 || n >= len(j.p.items) {
		return dst, errMismatch
	}
	j.choice = j.p.items[n]
	return dst, nil
}

// cast appends what a cast to text makes of a part. It differs from the text
// form for booleans and for the blanks behind a bpchar.
func (w *walk) cast(dst []byte, p *part, in []byte) (_ []byte, null bool, err error) {
	if p.Kind != rewrite.Sealed || p.shown.access.Read != policy.Reveal {
		return w.text(dst, p, in)
	}
	at := len(dst)
	if dst, null, err = w.text(dst, p, in); err != nil {
		return dst, null, err
	}
	typ := p.shown.col.typ
	switch {
	case typ.Array:
	case typ.Kind == canon.Bpchar:
		dst = dst[:at+len(trimBlanks(dst[at:]))]
	case typ.Kind == canon.Bool && dst[at] == 't':
		dst = append(dst[:at], "true"...)
	case typ.Kind == canon.Bool:
		dst = append(dst[:at], "false"...)
	}
	return dst, null, nil
}
