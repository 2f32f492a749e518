package proxy

import (
	"encoding/binary"
	"math"

	"github.com/pgveil/pgveil/rewrite"
)

// binary appends the binary form of a part whose binary form in the server's
// answer is in. The server's types are text where a value is sealed; the
// client's are the logical ones.
func (w *walk) binary(dst []byte, p *part, in []byte) (_ []byte, null bool, err error) {
	if p == nil {
		return append(dst, in...), false, nil
	}
	switch p.Kind {
	case rewrite.Sealed:
		shown, err := w.o.show(w.ctx, &p.binary, in, w.r, w.set)
		return append(dst, shown...), shown == nil, err
	case rewrite.Array:
		dst, err = w.arrayBinary(dst, p, in)
		return dst, false, err
	case rewrite.Record:
		dst, err = w.recordBinary(dst, p, in)
		return dst, false, err
	case rewrite.JSON, rewrite.JSONB:
		// jsonb has a version before its text, which no JSON text can begin with.
		if len(in) > 0 && in[0] == jsonbVersion {
			dst, in = append(dst, jsonbVersion), in[1:]
		}
	}
	return w.text(dst, p, in)
}

const jsonbVersion = 1

// binaryReader reads big-endian words and values. The first that does not fit
// makes it bad.
type binaryReader struct {
	in  []byte
	bad bool
}

func (b *binaryReader) word() uint32 {
	if len(b.in) < 4 {
		b.bad = true
		return 0
	}
	v := binary.BigEndian.Uint32(b.in)
	b.in = b.in[4:]
	return v
}

// value reads a length and so many bytes, nil for NULL.
func (b *binaryReader) value() []byte {
	n := b.word()
	switch {
	case b.bad || n == math.MaxUint32:
		return nil
	case uint64(n) > uint64(len(b.in)):
		b.bad = true
		return nil
	}
	v := b.in[:n:n]
	b.in = b.in[n:]
	return v
}

func (b *binaryReader) end() error {
	if b.bad || len(b.in) > 0 {
		return errMismatch
	}
	return nil
}

// maxDims is the most dimensions that an array has.
const maxDims = 6

// arrayBinary opens the elements of an array in its binary form.
func (w *walk) arrayBinary(dst []byte, p *part, in []byte) ([]byte, error) {
	b := binaryReader{in: in}
	dims, flags, oid := b.word(), b.word(), b.word()
	if dims > maxDims {
		return dst, errMismatch
	}
	if p.elemOID != 0 {
		oid = p.elemOID
	}
	header := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, dims)
	dst = binary.BigEndian.AppendUint32(dst, flags)
	dst = binary.BigEndian.AppendUint32(dst, oid)
	for range 2 * dims {
		dst = binary.BigEndian.AppendUint32(dst, b.word())
	}
	for n := 0; len(b.in) > 0 && !b.bad; n++ {
		var null bool
		var err error
		if dst, null, err = w.member(dst, p.at(n), &b); err != nil {
			return dst, err
		}
		if null {
			dst[header+7] = 1 // there are NULLs
		}
	}
	return dst, b.end()
}

// member copies one value with its length, opened.
func (w *walk) member(dst []byte, p *part, b *binaryReader) (_ []byte, null bool, err error) {
	in := b.value()
	if in == nil {
		return binary.BigEndian.AppendUint32(dst, math.MaxUint32), true, nil
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if dst, null, err = w.binary(dst, p, in); err != nil {
		return dst, null, err
	}
	size := uint32(len(dst) - at - 4)
	if null {
		dst, size = dst[:at+4], math.MaxUint32
	}
	binary.BigEndian.PutUint32(dst[at:], size)
	return dst, null, nil
}

// recordBinary opens the fields of a record in its binary form.
func (w *walk) recordBinary(dst []byte, p *part, in []byte) ([]byte, error) {
	b := binaryReader{in: in}
	n := b.word()
	if int64(n) != int64(len(p.items)) {
		return dst, errMismatch
	}
	dst = binary.BigEndian.AppendUint32(dst, n)
	for _, item := range p.items {
		oid := b.word()
		if item != nil && item.oid != 0 {
			oid = item.oid
		}
		dst = binary.BigEndian.AppendUint32(dst, oid)
		var err error
		if dst, _, err = w.member(dst, item, &b); err != nil {
			return dst, err
		}
	}
	return dst, b.end()
}
