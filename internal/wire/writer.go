package wire

import (
	"encoding/binary"
	"errors"
	"io"
)

// errTooLong stops a frame that the protocol cannot express.
var errTooLong = errors.New("frame is longer than the protocol allows")

// Writer gathers frames for one peer. Nothing need arrive before Flush. The
// first error sticks: every later call returns it. It is not safe for more
// than one goroutine.
type Writer struct {
	dst io.Writer
	// buf waits for Flush. It grows with the traffic, up to most bytes.
	buf  []byte
	most int
	err  error
}

var _ io.Writer = (*Writer)(nil)

// firstWriter is the size that a write buffer begins with when it is first used.
const firstWriter = 512

// NewWriter returns a Writer with a buffer that grows with the traffic, up to size bytes.
func NewWriter(dst io.Writer, size int) *Writer {
	return &Writer{dst: dst, most: max(size, headerLen)}
}

// Write appends bytes that are one or more frames, or a piece of one. What
// does not fit the buffer is sent.
func (w *Writer) Write(p []byte) (int, error) {
	if len(w.buf)+len(p) > w.most {
		if err := w.Flush(); err != nil {
			return 0, err
		}
		if len(p) >= w.most {
			return len(p), w.send(p)
		}
	}
	w.grow(len(p))
	w.buf = append(w.buf, p...)
	return len(p), w.err
}

// Frame appends a frame.
func (w *Writer) Frame(typ byte, body []byte) error {
	if len(body) > MaxBody {
		return errTooLong
	}
	if len(w.buf)+headerLen > w.most {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	w.grow(headerLen)
	w.buf = append(w.buf, typ)
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(body)+4))
	_, err := w.Write(body)
	return err
}

// Flush sends what was gathered.
func (w *Writer) Flush() error {
	if len(w.buf) == 0 {
		return w.err
	}
	err := w.send(w.buf)
	w.buf = w.buf[:0]
	return err
}

// Buffered returns how many bytes wait for Flush.
func (w *Writer) Buffered() int { return len(w.buf) }

// send writes p, unless a write has failed before.
func (w *Writer) send(p []byte) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	w.err = err
	return err
}

// grow makes room for n more bytes, which fit the bound.
func (w *Writer) grow(n int) {
	if need := len(w.buf) + n; need > cap(w.buf) {
		size := min(w.most, max(need, growth*cap(w.buf), firstWriter))
		w.buf = append(make([]byte, 0, size), w.buf...)
	}
}

// BeginFrame appends the head of a frame whose body the caller appends next.
// EndFrame, with len(dst) as it was before, sets the length.
func BeginFrame(dst []byte, typ byte) []byte { return append(dst, typ, 0, 0, 0, 0) }

// EndFrame sets the length of the frame that begins at start and reaches to
// the end of dst. A frame that is too long for the protocol is an error, and
// dst is returned without it.
func EndFrame(dst []byte, start int) ([]byte, error) {
	n := len(dst) - start - 1
	if n-4 > MaxBody {
		return dst[:start], errTooLong
	}
	binary.BigEndian.PutUint32(dst[start+1:], uint32(n))
	return dst, nil
}
