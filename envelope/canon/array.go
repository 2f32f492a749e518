package canon

import (
	"encoding/binary"
	"math"
)

// The limits of PostgreSQL's arrays.
const (
	maxArrayDims  = 6
	maxArrayItems = (1<<30 - 1) / 8
)

// firstMovableOID is where OIDs begin that may differ between installations.
const firstMovableOID = 10000

// An array in binary form begins with the number of dimensions, a word that
// says whether there are NULLs, and the OID of the elements' type; then come
// length and lower bound of each dimension, then each element after its
// length, -1 for NULL.
const (
	arrayHeader    = 12
	arrayDimHeader = 8
)

// arrayDims are the dimensions of an array; dims[:n] are in use.
type arrayDims struct {
	n    int
	dims [maxArrayDims]struct{ length, lower int32 }
}

// items returns the number of elements, which is at most maxArrayItems.
func (d *arrayDims) items() (int, bool) {
	if d.n == 0 {
		return 0, true
	}
	items := int64(1)
	for _, dim := range d.dims[:d.n] {
		if dim.length < 0 {
			return 0, false
		}
		if items *= int64(dim.length); items > maxArrayItems {
			return 0, false
		}
	}
	return int(items), true
}

// append appends the header. An array without elements has no dimensions.
func (d *arrayDims) append(dst []byte, elem uint32) []byte {
	n := d.n
	if items, _ := d.items(); items == 0 {
		n = 0
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, elem)
	for _, dim := range d.dims[:n] {
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.length))
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.lower))
	}
	return dst
}

// setNulls says in the header that begins at v that there are NULLs.
func setNulls(v []byte) { v[7] = 1 }

// An arrayReader walks over an array in binary form. Both what a client sent
// and what was sealed go through it, so it trusts nothing: it never allocates,
// and it stops where the bytes end.
type arrayReader struct {
	dims arrayDims
	elem uint32
	// left is the number of elements that were not read yet.
	left int
	rest []byte
}

func (r *arrayReader) open(t Type, v []byte) error {
	if len(v) < arrayHeader {
		return errShort(t)
	}
	n, flags := int32(binary.BigEndian.Uint32(v)), binary.BigEndian.Uint32(v[4:])
	r.elem = binary.BigEndian.Uint32(v[8:])
	switch {
	case n < 0:
		return invalid(stateBinary, "invalid number of dimensions: %d", n)
	case n > maxArrayDims:
		return errDimensions()
	case flags > 1:
		return invalid(stateBinary, "invalid array flags")
	}
	r.dims.n, r.rest = int(n), v[arrayHeader:]
	if len(r.rest) < r.dims.n*arrayDimHeader {
		return errShort(t)
	}
	for i := range r.dims.n {
		length, lower := int32(binary.BigEndian.Uint32(r.rest)), int32(binary.BigEndian.Uint32(r.rest[4:]))
		r.dims.dims[i].length, r.dims.dims[i].lower = length, lower
		r.rest = r.rest[arrayDimHeader:]
	}
	items, ok := r.dims.items()
	if !ok {
		return errArraySize()
	}
	if err := r.dims.checkBounds(); err != nil {
		return err
	}
	r.left = items
	return nil
}

// checkBounds refuses upper bounds that are no int32.
func (d *arrayDims) checkBounds() error {
	for _, dim := range d.dims[:d.n] {
		if int64(dim.lower)+int64(dim.length) > math.MaxInt32 {
			return invalid(stateLimit, "array lower bound is too large: %d", dim.lower)
		}
	}
	return nil
}

// next returns the next element. It must not be called more than left times.
func (r *arrayReader) next(t Type) (elem []byte, null bool, err error) {
	r.left--
	if len(r.rest) < 4 {
		return nil, false, errShort(t)
	}
	size := int32(binary.BigEndian.Uint32(r.rest))
	r.rest = r.rest[4:]
	switch {
	case size == -1:
		return nil, true, nil
	case size < -1 || int(size) > len(r.rest):
		return nil, false, errBinary(t)
	}
	elem, r.rest = r.rest[:size], r.rest[size:]
	return elem, false, nil
}

// end refuses bytes after the last element.
func (r *arrayReader) end(t Type) error {
	if len(r.rest) > 0 {
		return errBinary(t)
	}
	return nil
}

func errDimensions() error {
	return invalid(stateLimit, "number of array dimensions exceeds the maximum allowed (%d)", maxArrayDims)
}

func errArraySize() error {
	return invalid(stateLimit, "array size exceeds the maximum allowed (%d)", maxArrayItems)
}

// mapArray appends the array v with every element replaced by what each
// appends for it. elem is the OID of the new elements.
func mapArray(dst []byte, t Type, elem uint32, v []byte, each func(dst, elem []byte) ([]byte, error)) ([]byte, error) {
	var r arrayReader
	if err := r.open(t, v); err != nil {
		return nil, err
	}
	return r.copy(dst, t, elem, each)
}

func (r *arrayReader) copy(dst []byte, t Type, elem uint32, each func(dst, elem []byte) ([]byte, error)) ([]byte, error) {
	header := len(dst)
	dst = r.dims.append(dst, elem)
	for r.left > 0 {
		item, null, err := r.next(t)
		if err != nil {
			return nil, err
		}
		if null {
			setNulls(dst[header:])
			dst = binary.BigEndian.AppendUint32(dst, math.MaxUint32)
			continue
		}
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		if dst, err = each(dst, item); err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	if err := r.end(t); err != nil {
		return nil, err
	}
	return dst, nil
}

func arrayFromBinary(dst []byte, t Type, b []byte) ([]byte, error) {
	var r arrayReader
	if err := r.open(t, b); err != nil {
		return nil, err
	}
	// What an element's own receive function takes is safe whatever the header
	// says, so PostgreSQL refuses only what is surely another type.
	if r.elem != t.ElemOID && r.elem < firstMovableOID && t.ElemOID < firstMovableOID {
		return nil, invalid(stateMismatch, "binary data has array element type %d instead of expected %d", r.elem, t.ElemOID)
	}
	return r.copy(dst, t, t.ElemOID, func(dst, elem []byte) ([]byte, error) {
		return scalarFromBinary(dst, t.Elem(), elem)
	})
}

func arrayToBinary(dst []byte, t Type, v []byte) ([]byte, error) {
	dst, err := mapArray(dst, t, t.ElemOID, v, func(dst, elem []byte) ([]byte, error) {
		return scalarToBinary(dst, t.Elem(), elem)
	})
	return dst, damaged(t, err)
}

// arrayEquality has the dimensions with their bounds, and the elements' own
// forms. The OID of the elements' type, which for citext differs from one
// database to the next, is left out.
func arrayEquality(dst []byte, t Type, v []byte) ([]byte, error) {
	dst, err := mapArray(dst, t, 0, v, func(dst, elem []byte) ([]byte, error) {
		return scalarEquality(dst, t.Elem(), elem)
	})
	return dst, damaged(t, err)
}

// damaged replaces the error for bytes that a client sent by the one for bytes
// that were stored.
func damaged(t Type, err error) error {
	if err == nil {
		return nil
	}
	return errDamaged(t)
}

// Elements calls each for every element of the canonical array v, in storage
// order, whatever its dimensions. elem is in canonical form, points into v, and
// is nil for NULL. The walk ends with the first error of each, which it returns.
func Elements(t Type, v []byte, each func(elem []byte, null bool) error) error {
	var r arrayReader
	if err := r.open(t, v); err != nil || !t.Array || !t.supported() {
		return errDamaged(t)
	}
	for r.left > 0 {
		elem, null, err := r.next(t)
		if err != nil {
			return errDamaged(t)
		}
		if err := each(elem, null); err != nil {
			return err
		}
	}
	return damaged(t, r.end(t))
}
