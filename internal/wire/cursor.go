package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// cursor reads the fields of a body. The first field that does not fit makes
// it bad, and every later one is zero: decoders check once, at the end.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if v := c.bytes(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if v := c.bytes(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if v := c.bytes(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// text reads a string up to its NUL.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.b, 0)
	if c.bad || i < 0 {
		c.bad = true
		return nil
	}
	v := c.b[:i:i]
	c.b = c.b[i+1:]
	return v
}

// count reads how many elements follow, each at least size bytes long: a
// count that the rest of the body cannot hold is bad before anything is
// allocated for it.
func (c *cursor) count(size int) int {
	n := int(c.uint16())
	if c.bad || n*size > len(c.b) {
		c.bad = true
		return 0
	}
	return n
}

// value reads a length and so many bytes; length -1 is NULL, which is nil.
func (c *cursor) value() []byte {
	n := int32(c.uint32())
	if n == -1 && !c.bad {
		return nil
	}
	return c.bytes(int(n))
}

func (c *cursor) int16s(dst []int16) []int16 {
	dst = dst[:0]
	for range c.count(2) {
		dst = append(dst, int16(c.uint16()))
	}
	return dst
}

func (c *cursor) uint32s(dst []uint32) []uint32 {
	dst = dst[:0]
	for range c.count(4) {
		dst = append(dst, c.uint32())
	}
	return dst
}

// end is the error of a decoder: something was bad, or bytes are left over.
func (c *cursor) end(kind string) error {
	if c.bad || len(c.b) > 0 {
		return malformed(kind)
	}
	return nil
}

// Errors of encoders. What was decoded can always be encoded; these stop a
// message that was changed into one the protocol cannot express.
var (
	errTooMany = errors.New("more elements than a message can hold")
	errNUL     = errors.New("text holds a zero byte")
)

// builder appends one frame. The first error sticks.
type builder struct {
	dst   []byte
	start int
	err   error
}

func build(dst []byte, typ byte) builder {
	return builder{dst: BeginFrame(dst, typ), start: len(dst)}
}

func (b *builder) byte(v byte)     { b.dst = append(b.dst, v) }
func (b *builder) uint16(v uint16) { b.dst = binary.BigEndian.AppendUint16(b.dst, v) }
func (b *builder) uint32(v uint32) { b.dst = binary.BigEndian.AppendUint32(b.dst, v) }

func (b *builder) text(v []byte) {
	if bytes.IndexByte(v, 0) >= 0 {
		b.err = errNUL
	}
	b.dst = append(append(b.dst, v...), 0)
}

func (b *builder) count(n int) {
	if n > math.MaxUint16 {
		b.err = errTooMany
	}
	b.uint16(uint16(n))
}

func (b *builder) value(v []byte) { b.dst = AppendValue(b.dst, v) }

func (b *builder) int16s(vs []int16) {
	b.count(len(vs))
	for _, v := range vs {
		b.uint16(uint16(v))
	}
}

func (b *builder) uint32s(vs []uint32) {
	b.count(len(vs))
	for _, v := range vs {
		b.uint32(v)
	}
}

// end returns the buffer with the frame, or as it was before and the error.
func (b *builder) end() ([]byte, error) {
	if b.err != nil {
		return b.dst[:b.start], b.err
	}
	return EndFrame(b.dst, b.start)
}

// AppendValue appends a length and the bytes of a cell or parameter; nil is
// NULL, an empty slice that is not nil an empty value.
func AppendValue(dst, v []byte) []byte {
	if v == nil {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...)
}
