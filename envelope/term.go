package envelope

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/pgveil/pgveil/internal/secret"
)

// schemeEquality names the equality terms in the derivation of their keys.
const schemeEquality = "equality"

// indexer derives the equality terms of one epoch.
type indexer struct {
	epoch uint32
	// source is the index key that it was made from. It is compared only, never used again.
	source secret.Bytes
	macs   sync.Pool
}

// mac is an HMAC that is used again, with room for its sum.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

// newIndexer derives the key of a domain's equality terms from an epoch's index key.
func newIndexer(epoch uint32, source secret.Bytes, o Options) (*indexer, error) {
	var key []byte
	err := source.Use(func(b []byte) (err error) {
		if len(b) != keySize {
			return fmt.Errorf("index key has %d bytes, want %d", len(b), keySize)
		}
		key, err = hkdf.Key(sha256.New, b, nil, string(termInfo(o)), keySize)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("deriving term key: %w", err)
	}
	x := &indexer{epoch: epoch, source: source}
	x.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, key)} }
	return x, nil
}

// termInfo is HKDF's info: whose terms the key is for.
func termInfo(o Options) []byte {
	info := appendLength(nil, []byte("pgveil term "+format))
	info = appendLength(info, []byte(o.Keyset))
	info = appendLength(info, []byte(o.Domain))
	return appendLength(info, []byte(schemeEquality))
}

// appendTerm appends the term of a value in its equality form.
func (x *indexer) appendTerm(dst, equality []byte) []byte {
	m := x.macs.Get().(*mac)
	m.Write(equality)
	dst = encoding.AppendEncode(dst, m.Sum(m.sum[:0])[:termSize])
	m.Reset() // nothing of the value stays in the pool
	x.macs.Put(m)
	return dst
}

// indexer returns the indexer of the current epoch.
func (c *Codec) indexer(ctx context.Context) (*indexer, error) {
	if !c.o.Equality {
		return nil, errors.New("internal error: equality term of a domain that has none")
	}
	epoch, err := c.keys.Epoch(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the index epoch: %w", err)
	}
	key, err := c.keys.Index(ctx, epoch)
	if err != nil {
		return nil, fmt.Errorf("asking for an index key: %w", err)
	}
	if x := c.terms.Load(); x != nil && x.epoch == epoch && x.source == key {
		return x, nil
	}
	x, err := newIndexer(epoch, key, c.o)
	if err != nil {
		return nil, err
	}
	c.terms.Store(x)
	return x, nil
}

// Term appends the equality term of a value, 22 characters, under the index
// key of the current epoch. equality is the value's equality form.
func (c *Codec) Term(ctx context.Context, dst, equality []byte) ([]byte, error) {
	x, err := c.indexer(ctx)
	if err != nil {
		return dst, err
	}
	return x.appendTerm(dst, equality), nil
}
