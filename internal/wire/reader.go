package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pgveil/pgveil/internal/pgerr"
)

const (
	// minReader is the smallest bound of a read buffer; a header must fit.
	minReader = 512
	// firstReader is the size that a read buffer begins with, and growth the
	// factor by which it grows when a read fills it: a session that only ever
	// asks short questions stays small.
	firstReader = 2 << 10
	growth      = 4
	// keepSpill is the largest buffer for long bodies that a Reader keeps for
	// the next one, so that one long message does not cost memory for ever.
	keepSpill = 64 << 10
	// spillStep is the first allocation for a body that does not fit the read
	// buffer. It doubles as bytes arrive: a length that is only declared costs nothing.
	spillStep = 64 << 10
)

// errUnconsumed is a bug of the caller; going on would lose a frame unnoticed.
var errUnconsumed = errors.New("internal error: the frame before was not consumed")

// Reader reads the frames of one peer. It is not safe for more than one
// goroutine.
//
// What Next announced must be consumed by exactly one of Body, Forward and
// Discard before Next is called again.
type Reader struct {
	src io.Reader
	// buf[start:end] are the bytes read ahead, from the current frame's header
	// on. buf grows up to most bytes.
	buf        []byte
	start, end int
	most       int
	// filled says that the last read took all that buf had room for, so that
	// more is likely to be waiting.
	filled bool
	// spill holds a body that is longer than buf may become.
	spill []byte
	// head is the current frame, open while its body is still to be consumed.
	head Header
	open bool

	limit  int
	byType map[byte]int
}

// NewReader returns a Reader with a buffer that grows with the traffic, up to
// size bytes, and the limit MaxBody.
func NewReader(src io.Reader, size int) *Reader {
	most := max(size, minReader)
	return &Reader{src: src, buf: make([]byte, min(most, firstReader)), most: most, limit: MaxBody}
}

// SetLimit bounds the body, in bytes, of every frame from the next one on. A
// limit of zero or less, or beyond MaxBody, is MaxBody.
func (r *Reader) SetLimit(n int) { r.limit = clampLimit(n) }

// Limit returns the figure of SetLimit.
func (r *Reader) Limit() int { return r.limit }

// SetTypeLimit bounds the body of frames of one type, instead of SetLimit's figure.
func (r *Reader) SetTypeLimit(typ byte, n int) {
	if r.byType == nil {
		r.byType = make(map[byte]int)
	}
	r.byType[typ] = clampLimit(n)
}

func clampLimit(n int) int {
	if n <= 0 || n > MaxBody {
		return MaxBody
	}
	return n
}

// Next reads the header of the next frame. At a clean end of the stream it
// returns io.EOF, within a header io.ErrUnexpectedEOF. A length that no frame
// can have, or beyond the limit, is a *pgerr.Error of SQLSTATE 08P01, and the
// stream cannot be read any further.
func (r *Reader) Next() (Header, error) {
	if r.open {
		return Header{}, errUnconsumed
	}
	if cap(r.spill) > keepSpill {
		r.spill = nil
	}
	if err := r.fill(headerLen); err != nil {
		return Header{}, err
	}
	b := r.buf[r.start:]
	h, err := r.check(b[0], binary.BigEndian.Uint32(b[1:]))
	if err != nil {
		return Header{}, err
	}
	r.head, r.open = h, true
	return h, nil
}

func (r *Reader) check(typ byte, declared uint32) (Header, error) {
	limit := r.limit
	if n, ok := r.byType[typ]; ok {
		limit = n
	}
	// As an unsigned number a negative length is beyond every limit.
	if declared < 4 || int64(declared)-4 > MaxBody {
		return Header{}, &pgerr.Error{
			State:   pgerr.StateProtocol,
			Code:    pgerr.ProtocolBroken,
			Message: "invalid message length",
			Detail:  fmt.Sprintf("A message of type %q declares %d bytes.", rune(typ), int32(declared)),
		}
	}
	if n := int(declared) - 4; n > limit {
		return Header{}, &pgerr.Error{
			State:   pgerr.StateProtocol,
			Code:    pgerr.MessageTooLong,
			Message: "message too long",
			Detail:  fmt.Sprintf("A message of type %q has %d bytes; the limit is %d.", rune(typ), n, limit),
		}
	}
	return Header{Type: typ, Len: int(declared) - 4}, nil
}

// Body returns the whole body. The bytes are the reader's own and change at
// the following call of Next; copy what must live longer. A stream that ends
// before the body does is io.ErrUnexpectedEOF.
func (r *Reader) Body() ([]byte, error) {
	if err := r.consume(); err != nil {
		return nil, err
	}
	n := r.head.Len
	if headerLen+n > r.most {
		return r.long(n)
	}
	if err := r.fill(headerLen + n); err != nil {
		return nil, err
	}
	body := r.buf[r.start+headerLen : r.start+headerLen+n : r.start+headerLen+n]
	r.start += headerLen + n
	return body, nil
}

// long gathers a body that is longer than the read buffer may become.
func (r *Reader) long(n int) ([]byte, error) {
	r.start += headerLen
	body := append(r.spill[:0], r.buf[r.start:r.end]...)
	r.start, r.end = 0, 0
	for len(body) < n {
		if len(body) == cap(body) {
			body = slices.Grow(body, min(max(spillStep, len(body)), n-len(body)))
		}
		m, err := r.src.Read(body[len(body):min(cap(body), n)])
		body = body[:len(body)+m]
		if err != nil && len(body) < n {
			return nil, midFrame(err)
		}
	}
	r.spill = body
	return body[:n:n], nil
}

// Forward copies the frame, header included, to w. One that is larger than
// the buffer is streamed. Before every read that may wait w is flushed, so
// that the peer has all complete frames; a piece of a frame that fits the
// buffer is not worth a write of its own.
func (r *Reader) Forward(w *Writer) error {
	if err := r.consume(); err != nil {
		return err
	}
	left := headerLen + r.head.Len
	if left <= r.most && r.end-r.start < left {
		if err := w.Flush(); err != nil {
			return err
		}
		if err := r.fill(left); err != nil {
			return midFrame(err)
		}
	}
	for {
		n := min(left, r.end-r.start)
		if _, err := w.Write(r.buf[r.start : r.start+n]); err != nil {
			return err
		}
		r.start += n
		left -= n
		if left == 0 {
			return nil
		}
		// Complete frames before this one may be waiting in w: the peer could
		// want their answers before it sends the rest.
		if err := w.Flush(); err != nil {
			return err
		}
		if err := r.more(); err != nil {
			return midFrame(err)
		}
	}
}

// Discard skips the frame.
func (r *Reader) Discard() error {
	if err := r.consume(); err != nil {
		return err
	}
	left := headerLen + r.head.Len
	for {
		n := min(left, r.end-r.start)
		r.start += n
		left -= n
		if left == 0 {
			return nil
		}
		if err := r.more(); err != nil {
			return midFrame(err)
		}
	}
}

// Buffered returns how many bytes can be read without waiting for the peer.
func (r *Reader) Buffered() int { return r.end - r.start }

// Ready tells whether the next frame is in the buffer to its last byte, so
// that neither Next nor Body would wait for the peer. Flush what is owed to
// anyone before reading when it is not: a frame of which only the head has
// come may take for ever. It is meaningful between frames.
func (r *Reader) Ready() bool {
	have := r.end - r.start
	if have < headerLen {
		return false
	}
	declared := binary.BigEndian.Uint32(r.buf[r.start+1:])
	return int64(have) >= int64(declared)+1
}

// Read hands out raw bytes, first those read ahead, for when the stream stops
// being frames: TLS, or a connection that is joined. It is meaningful between frames.
func (r *Reader) Read(p []byte) (int, error) {
	if r.start < r.end {
		n := copy(p, r.buf[r.start:r.end])
		r.start += n
		return n, nil
	}
	return r.src.Read(p)
}

// Peek returns the next byte without consuming it. It waits for the peer.
func (r *Reader) Peek() (byte, error) {
	if err := r.fill(1); err != nil {
		return 0, err
	}
	return r.buf[r.start], nil
}

// consume marks the current frame as taken.
func (r *Reader) consume() error {
	if !r.open {
		return errors.New("internal error: no frame to consume")
	}
	r.open = false
	return nil
}

// fill reads until n bytes are buffered; n is at most the bound of the buffer.
// Nothing at all is io.EOF, less than n io.ErrUnexpectedEOF.
func (r *Reader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}
	r.makeRoom(n)
	for r.end-r.start < n {
		if err := r.read(); err != nil && r.end-r.start < n {
			if r.end > r.start {
				return midFrame(err)
			}
			return err
		}
	}
	return nil
}

// more replaces the exhausted buffer by at least one new byte.
func (r *Reader) more() error {
	r.makeRoom(minReader)
	for r.end == 0 {
		if err := r.read(); err != nil && r.end == 0 {
			return err
		}
	}
	return nil
}

// read reads once into what room the buffer has.
func (r *Reader) read() error {
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	r.filled = r.end == len(r.buf)
	return err
}

// makeRoom moves what is buffered to the front of a buffer of at least n
// bytes, so that the next read takes as much as it can.
func (r *Reader) makeRoom(n int) {
	size := len(r.buf)
	if r.filled {
		size *= growth
	}
	for size < n {
		size *= growth
	}
	from := r.buf[r.start:r.end]
	if size = min(size, r.most); size > len(r.buf) {
		r.buf = make([]byte, size)
	}
	r.end = copy(r.buf, from)
	r.start, r.filled = 0, false
}

// midFrame is err for a stream that broke within a frame.
func midFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
