package proxy

import (
	"slices"
	"sync"
)

// texts remembers the last few texts that pgveil sent in place of the
// client's, for the case that the server finds fault with one. The client's
// side notes them, the server's side asks.
type texts struct {
	mu   sync.Mutex
	ring [4]struct {
		seq         uint64
		asked, sent []byte
	}
	next int
}

// note remembers what was asked and sent in the frame of a number.
func (t *texts) note(seq uint64, asked, sent []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := &t.ring[t.next]
	t.next = (t.next + 1) % len(t.ring)
	if len(asked)+len(sent) > longestText {
		at.seq, at.asked, at.sent = 0, nil, nil
		return
	}
	at.seq, at.asked, at.sent = seq, append(at.asked[:0], asked...), append(at.sent[:0], sent...)
}

// has reports whether a text was sent in place of the client's in the frame of
// a number, and is still known.
func (t *texts) has(seq uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.find(seq) >= 0
}

// of returns copies of what was asked and sent in the frame of a number.
func (t *texts) of(seq uint64) (asked, sent []byte, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.find(seq)
	if i < 0 {
		return nil, nil, false
	}
	return slices.Clone(t.ring[i].asked), slices.Clone(t.ring[i].sent), true
}

func (t *texts) find(seq uint64) int {
	for i := range t.ring {
		if t.ring[i].seq == seq && seq != 0 {
			return i
		}
	}
	return -1
}

// longestText bounds what is remembered of one frame.
const longestText = 16 << 10
