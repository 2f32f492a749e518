package wire

import (
	"bufio"
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
	b *bufio.Writer
}

var _ io.Writer = (*Writer)(nil)

// NewWriter returns a Writer with a buffer of size bytes.
func NewWriter(dst io.Writer, size int) *Writer {
	return &Writer{b: bufio.NewWriterSize(dst, size)}
}

// Write appends bytes that are one or more frames, or a piece of one.
func (w *Writer) Write(p []byte) (int, error) { return w.b.Write(p) }

// Frame appends a frame.
func (w *Writer) Frame(typ byte, body []byte) error {
	if len(body) > MaxBody {
		return errTooLong
	}
	head := append(w.b.AvailableBuffer(), typ)
	head = binary.BigEndian.AppendUint32(head, uint32(len(body)+4))
	if _, err := w.b.Write(head); err != nil {
		return err
	}
	_, err := w.b.Write(body)
	return err
}

// Flush sends what was gathered.
func (w *Writer) Flush() error { return w.b.Flush() }

// Buffered returns how many bytes wait for Flush.
func (w *Writer) Buffered() int { return w.b.Buffered() }

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
