package envelope

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// maxScratch bounds the buffers that are kept for the next value.
const maxScratch = 64 << 10

// A Codec seals and opens the values of one domain, and derives their terms.
// Any number of goroutines may use it. It asks its Keys before every value, so
// a key that the Keys no longer give is no longer used, but it remembers what
// it derived from the keys that it was given: see [Codec.Forget].
type Codec struct {
	keys Keys
	o    Options
	// context is the part of the associated data that all values share.
	context []byte

	terms  atomic.Pointer[indexer]
	sealer atomic.Pointer[sealer]
	opener opener

	scratches sync.Pool
}

// scratch is the memory that one value needs for a moment.
type scratch struct {
	associated, plain, body []byte
}

// New returns a Codec for the values of a domain.
func New(keys Keys, o Options) *Codec {
	c := &Codec{keys: keys, o: o}
	c.context = appendLength(c.context, []byte(format))
	c.context = appendLength(c.context, []byte(o.Keyset))
	c.context = appendLength(c.context, []byte(o.Domain))
	c.scratches.New = func() any { return new(scratch) }
	return c
}

// Forget lets go of every key that was derived so far. What derived them is
// asked for again when the next value comes.
func (c *Codec) Forget() {
	c.terms.Store(nil)
	c.sealer.Store(nil)
	c.opener.forget()
}

// release zeroes the plaintext in a scratch and keeps it for the next value.
func (c *Codec) release(s *scratch) {
	clear(s.plain)
	if cap(s.plain)+cap(s.body)+cap(s.associated) <= maxScratch {
		c.scratches.Put(s)
	}
}

// Seal appends the envelope of a plaintext. equality is the value's equality
// form; it is not used where the domain has no equality terms. An error of the
// Keys is passed on wrapped.
func (c *Codec) Seal(ctx context.Context, dst, plaintext, equality []byte) ([]byte, error) {
	if c.o.Domain == "" || c.o.Keyset == "" {
		return dst, errors.New("internal error: sealing for no domain or no keyset")
	}
	version, key, err := c.keys.Active(ctx)
	if err != nil {
		return dst, fmt.Errorf("asking for the active data key: %w", err)
	}
	w, err := c.sealerOf(version, key)
	if err != nil {
		return dst, err
	}
	out, p, err := c.appendHeader(ctx, dst, equality)
	if err != nil {
		return dst, err
	}
	s := c.scratches.Get().(*scratch)
	defer c.release(s)
	s.associated = c.appendAssociated(s.associated[:0], version, &p)
	s.plain = appendPadded(s.plain[:0], plaintext, c.o.Pad)
	s.body = binary.BigEndian.AppendUint32(s.body[:0], version)
	s.body = append(s.body, w.prefix[:]...)
	s.body = w.aead.Seal(s.body, nil, s.plain, s.associated)
	return encoding.AppendEncode(out, s.body), nil
}

// appendHeader appends every field before the body, each with its dot, and
// returns the terms among them. Those of an even epoch are the fields 2 to 4,
// those of an odd one 5 to 7.
func (c *Codec) appendHeader(ctx context.Context, dst, equality []byte) ([]byte, parsed, error) {
	var p parsed
	own, start := -1, 0
	var x *indexer
	if c.o.Equality {
		var err error
		if x, err = c.indexer(ctx); err != nil {
			return dst, p, err
		}
		own = int(x.epoch%2) * termFields / 2
	}
	dst = append(dst, format+"."...)
	for i := range termFields {
		if i == own {
			start = len(dst)
			dst = x.appendTerm(dst, equality)
		}
		dst = append(dst, separator)
	}
	if own >= 0 {
		p.terms[own] = dst[start : start+termChars]
	}
	return dst, p, nil
}

// appendAssociated appends what a body is bound to: the format, the keyset, the
// domain, the key version and every field before the body.
func (c *Codec) appendAssociated(dst []byte, version uint32, p *parsed) []byte {
	dst = append(dst, c.context...)
	dst = binary.BigEndian.AppendUint32(dst, version)
	for _, term := range p.terms {
		dst = appendLength(dst, term)
	}
	return dst
}

// Open appends the plaintext of an envelope. What is no envelope, was changed,
// or was sealed for another domain is a [*pgerr.Error] with
// [pgerr.StateDamaged]; an error of the Keys, which may not know the version
// or have no key now, is passed on wrapped.
func (c *Codec) Open(ctx context.Context, dst, stored []byte) ([]byte, error) {
	p, ok := parse(stored)
	if !ok {
		return dst, doesNotOpen("it is not an envelope")
	}
	s := c.scratches.Get().(*scratch)
	defer c.release(s)
	var err error
	if s.body, err = encoding.AppendDecode(s.body[:0], p.body); err != nil || len(s.body) < minBody {
		return dst, doesNotOpen("its body is malformed")
	}
	version := binary.BigEndian.Uint32(s.body)
	key, err := c.keys.Data(ctx, version)
	if err != nil {
		return dst, fmt.Errorf("asking for data key version %d: %w", version, err)
	}
	nonce := prefix(s.body[versionSize:])
	aead, known, err := c.opener.find(version, key, nonce)
	if err != nil {
		return dst, err
	}
	s.associated = c.appendAssociated(s.associated[:0], version, &p)
	from := len(dst)
	out, err := aead.Open(dst, nil, s.body[versionSize+prefixSize:], s.associated)
	if err != nil {
		return dst, doesNotOpen("it was changed, or sealed for another column")
	}
	if !known {
		// Only now: what does not open must not push out what does.
		c.opener.remember(version, key, nonce, aead)
	}
	plaintext, ok := unpad(out[from:])
	if !ok {
		return dst, doesNotOpen("its padding is malformed")
	}
	return out[:from+len(plaintext)], nil
}

// doesNotOpen is the error for a stored value that is not what pgveil stored.
func doesNotOpen(detail string) error {
	return &pgerr.Error{
		State:   pgerr.StateDamaged,
		Code:    pgerr.DoesNotOpen,
		Message: "stored value cannot be opened",
		Detail:  detail,
		Hint:    "restore the value from a backup, or find out who wrote to the table without pgveil",
	}
}
