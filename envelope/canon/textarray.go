package canon

import (
	"encoding/binary"
	"iter"
	"math"
)

// textArray is text[], the type in which the server is given search terms.
var textArray = Type{Kind: Text, Array: true, OID: 1009, ElemOID: 25, Mod: -1}

// AppendTextArray appends a one-dimensional array literal, {…}, as array_out
// writes a text[]. The sequence gives each element and whether it is NULL; the
// elements are read before the next one is asked for, and not kept. They must
// be valid text.
func AppendTextArray(dst []byte, elems iter.Seq2[[]byte, bool]) []byte {
	dst = append(dst, '{')
	first := true
	for elem, null := range elems {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if null {
			dst = append(dst, "NULL"...)
		} else {
			dst = appendArrayElement(dst, elem)
		}
	}
	return append(dst, '}')
}

// AppendTextArrayBinary is AppendTextArray for the binary form of a text[],
// OID 1009 with elements of OID 25.
func AppendTextArrayBinary(dst []byte, elems iter.Seq2[[]byte, bool]) []byte {
	at := len(dst)
	d := arrayDims{n: 1}
	d.dims[0].lower, d.dims[0].length = 1, 1
	dst = d.append(dst, textArray.ElemOID)
	count := uint32(0)
	for elem, null := range elems {
		count++
		if null {
			setNulls(dst[at:])
			dst = binary.BigEndian.AppendUint32(dst, math.MaxUint32)
			continue
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(elem)))
		dst = append(dst, elem...)
	}
	if count == 0 {
		return (&arrayDims{}).append(dst[:at], textArray.ElemOID)
	}
	binary.BigEndian.PutUint32(dst[at+arrayHeader:], count)
	return dst
}
