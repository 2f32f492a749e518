package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/pgerr"
)

type frame struct {
	Type byte
	Body string
}

func (f frame) bytes() []byte {
	b := append([]byte{f.Type}, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[1:], uint32(len(f.Body)+4))
	return append(b, f.Body...)
}

func stream(frames ...frame) []byte {
	var b []byte
	for _, f := range frames {
		b = append(b, f.bytes()...)
	}
	return b
}

// someFrames are frames around every size that matters to a buffer of 512 bytes.
func someFrames() []frame {
	var frames []frame
	for i, n := range []int{0, 1, 4, 500, 506, 507, 508, 511, 512, 513, 1024, 5000, 3, 70000, 0, 200000, 2} {
		frames = append(frames, frame{Type: byte('A' + i), Body: strings.Repeat(string(rune('a'+i)), n)})
	}
	return frames
}

func TestReader_bodiesArriveWholeHoweverTheStreamIsCut(t *testing.T) {
	frames := someFrames()
	cuts := map[string]func(io.Reader) io.Reader{
		"whole":                   func(r io.Reader) io.Reader { return r },
		"bytes":                   iotest.OneByteReader,
		"halves":                  iotest.HalfReader,
		"eof with the last bytes": iotest.DataErrReader,
	}
	for name, cut := range cuts {
		r := NewReader(cut(bytes.NewReader(stream(frames...))), 0)
		var got []frame
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: Next = %v", name, err)
			}
			body, err := r.Body()
			if err != nil || len(body) != h.Len {
				t.Fatalf("%s: Body = %d bytes, %v, want %d", name, len(body), err, h.Len)
			}
			got = append(got, frame{h.Type, string(body)})
		}
		if diff := cmp.Diff(frames, got); diff != "" {
			t.Errorf("%s: frames differ (-sent +read):\n%s", name, diff)
		}
	}
}

// Forward, Discard and Body are mixed at random; what is forwarded must be the
// frames as they were, byte for byte.
func TestReader_forwardIsByteForByte(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var in, want []byte
		var actions []int
		for range 40 {
			f := frame{Type: byte('a' + rnd.IntN(26)), Body: strings.Repeat("x", rnd.IntN(1500))}
			in = append(in, f.bytes()...)
			action := rnd.IntN(3)
			actions = append(actions, action)
			if action == 0 {
				want = append(want, f.bytes()...)
			}
		}
		var out bytes.Buffer
		w := NewWriter(&out, 256)
		r := NewReader(iotest.HalfReader(bytes.NewReader(in)), 512)
		for _, action := range actions {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			var err error
			switch action {
			case 0:
				err = r.Forward(w)
			case 1:
				err = r.Discard()
			default:
				_, err = r.Body()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("round %d: forwarded %d bytes, want the %d sent", round, out.Len(), len(want))
		}
	}
}

func TestReader_endOfStream(t *testing.T) {
	whole := frame{'Q', strings.Repeat("q", 2000)}.bytes()
	for cut, want := range map[int]error{0: io.EOF, 1: io.ErrUnexpectedEOF, 4: io.ErrUnexpectedEOF, 5: io.ErrUnexpectedEOF, 300: io.ErrUnexpectedEOF, 2004: io.ErrUnexpectedEOF} {
		for name, consume := range map[string]func(*Reader) error{
			"Body":    func(r *Reader) error { _, err := r.Body(); return err },
			"Discard": (*Reader).Discard,
			"Forward": func(r *Reader) error { return r.Forward(NewWriter(io.Discard, 64)) },
		} {
			r := NewReader(bytes.NewReader(whole[:cut]), 512)
			_, err := r.Next()
			if err == nil {
				err = consume(r)
			}
			if err != want {
				t.Errorf("%s of a stream cut at %d = %v, want %v", name, cut, err, want)
			}
		}
	}
}

func TestReader_refusesLengthsBeforeAllocating(t *testing.T) {
	tests := []struct {
		length uint32
		typ    byte
		code   pgerr.Code
	}{
		{0, 'Q', pgerr.ProtocolBroken},
		{3, 'Q', pgerr.ProtocolBroken},
		{1 << 30, 'Q', pgerr.MessageTooLong}, // just within MaxBody, over the limit set below
		{1<<31 - 1, 'Q', pgerr.ProtocolBroken},
		{1 << 31, 'Q', pgerr.ProtocolBroken},
		{1<<32 - 1, 'Q', pgerr.ProtocolBroken},
		{4 + 1001, 'Q', pgerr.MessageTooLong},
		{4 + 11, 'p', pgerr.MessageTooLong},
	}
	for _, tc := range tests {
		in := binary.BigEndian.AppendUint32([]byte{tc.typ}, tc.length)
		r := NewReader(bytes.NewReader(in), 0)
		r.SetLimit(1000)
		r.SetTypeLimit('p', 10)
		_, err := r.Next()
		var e *pgerr.Error
		if !errors.As(err, &e) || e.State != pgerr.StateProtocol || e.Code != tc.code {
			t.Errorf("Next of type %q, length %d = %v, want 08P01 %s", tc.typ, tc.length, err, tc.code)
		}
	}
}

func TestReader_limitsAreInclusive(t *testing.T) {
	r := NewReader(bytes.NewReader(stream(frame{'Q', strings.Repeat("x", 1000)}, frame{'p', "0123456789"})), 0)
	r.SetLimit(1000)
	r.SetTypeLimit('p', 10)
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatalf("Next of a frame at its limit = %v", err)
		}
		if err := r.Discard(); err != nil {
			t.Fatal(err)
		}
	}
}

// A length that is only declared must not cost its memory.
func TestReader_declaredLengthCostsNothing(t *testing.T) {
	in := binary.BigEndian.AppendUint32([]byte{'Q'}, 1<<30)
	in = append(in, make([]byte, 10<<10)...)
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			r := NewReader(bytes.NewReader(in), 0)
			if _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
			if _, err := r.Body(); err != io.ErrUnexpectedEOF {
				b.Fatal(err)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 1<<20 {
		t.Errorf("reading 10 KiB of a frame that declares 1 GiB allocated %d bytes", got)
	}
}

func TestReader_wantsEveryFrameConsumedOnce(t *testing.T) {
	r := NewReader(bytes.NewReader(stream(frame{'Q', "a"}, frame{'Q', "b"})), 0)
	if _, err := r.Body(); err == nil {
		t.Error("Body before Next gave no error")
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil {
		t.Error("Next with an unconsumed frame gave no error; the frame would be lost")
	}
	if err := r.Discard(); err != nil {
		t.Fatal(err)
	}
	if err := r.Discard(); err == nil {
		t.Error("the second Discard of a frame gave no error")
	}
}

func TestReader_Ready(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	send := func(b []byte) {
		go func() { _, _ = client.Write(b) }()
	}
	r := NewReader(server, 512)
	if r.Ready() {
		t.Error("Ready of an empty buffer = true")
	}
	send(append(stream(frame{'Q', "one"}, frame{'Q', "two"}), 'Q', 0, 0, 0, 9, 'x'))
	for i, want := range []bool{true, false} {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Body(); err != nil {
			t.Fatal(err)
		}
		if got := r.Ready(); got != want {
			t.Errorf("after frame %d Ready = %v, want %v (%d bytes buffered)", i, got, want, r.Buffered())
		}
	}
	if r.Buffered() != 6 {
		t.Errorf("Buffered = %d, want the 6 bytes of the incomplete frame", r.Buffered())
	}
}

// What was read ahead comes first when the stream is taken over raw.
func TestReader_ReadGoesOnWhereFramesEnd(t *testing.T) {
	in := append(stream(frame{'Q', "sql"}), "the rest, not in frames"...)
	r := NewReader(iotest.HalfReader(bytes.NewReader(in)), 512)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := r.Discard(); err != nil {
		t.Fatal(err)
	}
	if b, err := r.Peek(); b != 't' || err != nil {
		t.Errorf("Peek = %q, %v, want 't'", b, err)
	}
	rest, err := io.ReadAll(r)
	if string(rest) != "the rest, not in frames" || err != nil {
		t.Errorf("ReadAll = %q, %v", rest, err)
	}
}

// A peer may wait for the answer to a complete frame before it sends the rest
// of the next: Forward must not sit on the first while it waits for the second.
func TestReader_forwardFlushesBeforeItWaits(t *testing.T) {
	client, in := net.Pipe()
	out, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	go func() {
		r, w := NewReader(in, 512), NewWriter(out, 4096)
		for {
			if _, err := r.Next(); err != nil {
				return
			}
			if err := r.Forward(w); err != nil {
				return
			}
			if !r.Ready() {
				if err := w.Flush(); err != nil {
					return
				}
			}
		}
	}()
	defer in.Close()
	defer out.Close()
	first, second := frame{'S', ""}.bytes(), frame{'Q', strings.Repeat("q", 100)}.bytes()
	if _, err := client.Write(append(first, second[:50]...)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(first)+len(second))
	if _, err := io.ReadFull(server, got[:len(first)]); err != nil {
		t.Fatalf("reading the first frame while the second is incomplete: %v", err)
	}
	go func() { _, _ = client.Write(second[50:]) }()
	if _, err := io.ReadFull(server, got[len(first):]); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, append(first, second...)) {
		t.Errorf("relayed %q", got)
	}
}

func TestReader_relaysWithoutAllocating(t *testing.T) {
	in := bytes.Repeat(stream(frame{'D', strings.Repeat("d", 100)}), 100)
	src := bytes.NewReader(in)
	r, w := NewReader(src, 8<<10), NewWriter(io.Discard, 8<<10)
	allocs := testing.AllocsPerRun(20, func() {
		src.Reset(in)
		for range 100 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if err := r.Forward(w); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs > 0 {
		t.Errorf("relaying 100 frames allocates %v times, want none", allocs)
	}
}

func TestWriter_frames(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, 64)
	var want []byte
	for i := range 20 {
		f := frame{'D', strings.Repeat("v", i*7)}
		if err := w.Frame(f.Type, []byte(f.Body)); err != nil {
			t.Fatal(err)
		}
		want = append(want, f.bytes()...)
		if got := out.Len() + w.Buffered(); got != len(want) {
			t.Fatalf("after %d frames %d bytes are out or buffered, want %d", i+1, got, len(want))
		}
	}
	if err := w.Flush(); err != nil || w.Buffered() != 0 {
		t.Fatalf("Flush = %v, Buffered = %d", err, w.Buffered())
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("wrote %q, want %q", out.Bytes(), want)
	}
}

func TestWriter_errorsStick(t *testing.T) {
	broken := errors.New("broken")
	w := NewWriter(writerFunc(func([]byte) (int, error) { return 0, broken }), 16)
	if err := w.Frame('Q', make([]byte, 100)); !errors.Is(err, broken) {
		t.Errorf("Frame = %v, want %v", err, broken)
	}
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Errorf("Flush after an error = %v, want %v", err, broken)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkForward(b *testing.B) {
	for _, size := range []int{20, 200, 20000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			in := frame{'D', strings.Repeat("d", size)}.bytes()
			src := bytes.NewReader(nil)
			r, w := NewReader(src, 16<<10), NewWriter(io.Discard, 16<<10)
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				src.Reset(in)
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
				if err := r.Forward(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
