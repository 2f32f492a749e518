package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// pieces hands out a stream in reads of at most size bytes, as a socket does,
// and counts them.
type pieces struct {
	rest  []byte
	size  int
	reads int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	p.reads++
	n := copy(b[:min(len(b), p.size)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// relay forwards every frame as a session does: it flushes when the next frame
// is not there to its last byte.
func relay(t *testing.T, r *Reader, w *Writer) {
	t.Helper()
	for {
		if !r.Ready() {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Next(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if err := r.Forward(w); err != nil {
			t.Fatal(err)
		}
	}
}

// Wherever the server's rows are cut into reads, a read costs one write, and
// what is written ends where a frame ends.
func TestReader_forwardWritesOnceARead(t *testing.T) {
	for _, size := range []int{700, 4096, 8192, 100_000} {
		for _, body := range []int{10, 295, 3000} {
			in := bytes.Repeat(frame{'D', strings.Repeat("d", body)}.bytes(), 400_000/(body+headerLen))
			src := &pieces{rest: in, size: size}
			var out bytes.Buffer
			writes, split := 0, 0
			w := NewWriter(writerFunc(func(p []byte) (int, error) {
				writes++
				if len(p)%(body+headerLen) != 0 {
					split++
				}
				return out.Write(p)
			}), 32<<10)
			relay(t, NewReader(src, 32<<10), w)
			if !bytes.Equal(out.Bytes(), in) {
				t.Fatalf("reads of %d, bodies of %d: the relayed stream differs", size, body)
			}
			if writes > src.reads || split > 0 {
				t.Errorf("reads of %d, bodies of %d: %d reads, %d writes, %d of them end within a frame",
					size, body, src.reads, writes, split)
			}
		}
	}
}

// A frame that is larger than the buffer may become is streamed, piece by
// piece, and never held.
func TestReader_forwardStreamsWhatDoesNotFit(t *testing.T) {
	in := stream(frame{'Z', "I"}, frame{'d', strings.Repeat("x", 1<<20)}, frame{'Z', "I"})
	var out bytes.Buffer
	most := 0
	w := NewWriter(writerFunc(func(p []byte) (int, error) { most = max(most, len(p)); return out.Write(p) }), 8<<10)
	r := NewReader(&pieces{rest: in, size: 1 << 20}, 8<<10)
	relay(t, r, w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), in) {
		t.Error("the relayed stream differs")
	}
	if most > 8<<10 || cap(r.buf) > 8<<10 || r.spill != nil {
		t.Errorf("a frame of 1 MiB took writes of %d, a buffer of %d, a spill of %d bytes; the bound is 8 KiB",
			most, cap(r.buf), cap(r.spill))
	}
}

func TestReader_bufferGrowsWithTheTraffic(t *testing.T) {
	short := bytes.Repeat(frame{'Q', strings.Repeat("q", 100)}.bytes(), 200)
	long := bytes.Repeat(frame{'D', strings.Repeat("d", 300)}.bytes(), 1000)
	tests := []struct {
		name       string
		in         []byte
		size       int // of the reads
		bound      int
		want, most int
	}{
		{"one short message at a time", short, 105, 32 << 10, firstReader, firstReader},
		{"rows in a stream", long, 8192, 32 << 10, 8 << 10, 32 << 10},
		{"a bound below the first size", long, 8192, 700, 700, 700},
		{"a bound that is no power", long, 1 << 20, 10_000, 10_000, 10_000},
	}
	for _, tc := range tests {
		r, w := NewReader(&pieces{rest: tc.in, size: tc.size}, tc.bound), NewWriter(io.Discard, tc.bound)
		relay(t, r, w)
		if got := len(r.buf); got < tc.want || got > tc.most {
			t.Errorf("%s: read buffer of %d bytes, want %d to %d", tc.name, got, tc.want, tc.most)
		}
		if got := cap(w.buf); got > tc.most {
			t.Errorf("%s: write buffer of %d bytes, want at most %d", tc.name, got, tc.most)
		}
	}
}

// The body of one long message must not stay for as long as the session does.
func TestReader_letsLongBodiesGo(t *testing.T) {
	r := NewReader(bytes.NewReader(stream(frame{'Q', strings.Repeat("q", 1<<20)}, frame{'S', ""})), 8<<10)
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Body(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(r.spill) > keepSpill {
		t.Errorf("after a body of 1 MiB and another message %d bytes are kept, want at most %d", cap(r.spill), keepSpill)
	}
}

// Random writes and frames arrive in order, the buffer keeps to its bound, and
// what is buffered is what has not been sent.
func TestWriter_agreesWithABuffer(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		bound := 1 + rnd.IntN(3000)
		var out, want bytes.Buffer
		w := NewWriter(&out, bound)
		for range 200 {
			p := bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, rnd.IntN(2*bound))
			switch rnd.IntN(4) {
			case 0:
				if err := w.Frame('D', p); err != nil {
					t.Fatal(err)
				}
				want.Write(frame{'D', string(p)}.bytes())
			case 1:
				if err := w.Flush(); err != nil || w.Buffered() != 0 {
					t.Fatalf("Flush = %v, and %d bytes are left", err, w.Buffered())
				}
			default:
				if n, err := w.Write(p); n != len(p) || err != nil {
					t.Fatalf("Write of %d bytes = %d, %v", len(p), n, err)
				}
				want.Write(p)
			}
			if out.Len()+w.Buffered() != want.Len() {
				t.Fatalf("%d bytes out, %d buffered, want %d", out.Len(), w.Buffered(), want.Len())
			}
			if cap(w.buf) > max(bound, headerLen) {
				t.Fatalf("the buffer has %d bytes, its bound is %d", cap(w.buf), bound)
			}
		}
		if err := w.Flush(); err != nil || !bytes.Equal(out.Bytes(), want.Bytes()) {
			t.Fatalf("seed %d: what arrived differs (%v)", seed, err)
		}
	}
}

func TestWriter_noticesShortWrites(t *testing.T) {
	calls := 0
	w := NewWriter(writerFunc(func(p []byte) (int, error) { calls++; return len(p) - 1, nil }), 64)
	if _, err := w.Write([]byte("select 1")); err != nil {
		t.Fatalf("Write into the buffer = %v", err)
	}
	for range 2 {
		if err := w.Flush(); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("Flush = %v, want %v", err, io.ErrShortWrite)
		}
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Write after it = %v, want %v", err, io.ErrShortWrite)
	}
	if _, err := w.Write(make([]byte, 100)); !errors.Is(err, io.ErrShortWrite) || calls != 1 {
		t.Errorf("a long Write after it = %v, and %d writes were tried, want %v and 1", err, calls, io.ErrShortWrite)
	}
}

func TestWriter_costsNothingUntilUsed(t *testing.T) {
	w := NewWriter(io.Discard, 32<<10)
	if cap(w.buf) != 0 {
		t.Errorf("a new Writer holds %d bytes", cap(w.buf))
	}
	for range 100 {
		if err := w.Frame('Q', make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(w.buf) != firstWriter {
		t.Errorf("after short messages it holds %d bytes, want %d", cap(w.buf), firstWriter)
	}
}
