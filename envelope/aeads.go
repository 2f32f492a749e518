package envelope

import (
	"crypto/cipher"
	"crypto/rand"
	"sync"
	"sync/atomic"

	"github.com/pgveil/pgveil/internal/secret"
)

const (
	// maxSealed is how many values one prefix seals. Their nonces are random, 96
	// bits long, so that two of them agree with a probability of 2^-41.
	maxSealed = 1 << 28
	// maxDerived bounds the AEADs that are remembered for opening. A process
	// seals with one prefix at a time, so a table holds few.
	maxDerived = 128
)

// sealer seals with one prefix.
type sealer struct {
	version uint32
	// source is the key that it was made from. It is compared only, never used again.
	source secret.Bytes
	prefix prefix
	aead   cipher.AEAD
	left   atomic.Int64
}

// sealerOf returns the sealer of the active key, a new one if there is none or
// it has sealed enough.
func (c *Codec) sealerOf(version uint32, key secret.Bytes) (*sealer, error) {
	if w := c.sealer.Load(); w != nil && w.version == version && w.source == key && w.left.Add(-1) >= 0 {
		return w, nil
	}
	x, err := c.opener.expand(version, key)
	if err != nil {
		return nil, err
	}
	w := &sealer{version: version, source: key}
	rand.Read(w.prefix[:]) // never fails: it ends the program instead
	if w.aead, err = x.derive(w.prefix); err != nil {
		return nil, err
	}
	w.left.Store(maxSealed - 1)
	// Two goroutines that come here at once each seal with their own; the last one stays.
	c.sealer.Store(w)
	return w, nil
}

// opener remembers what was derived from data keys for opening.
type opener struct {
	mu   sync.RWMutex
	keys map[uint32]dataKey
	// derived holds at most maxDerived AEADs; order is the order in which they
	// came, next the one to go when another comes.
	derived map[place]cipher.AEAD
	order   []place
	next    int
}

// dataKey is a data key expanded. source is compared only: another one for the
// same version means that the Keys let go of the key and got it anew.
type dataKey struct {
	source secret.Bytes
	xaes   *xaes
}

// place is where a derived key comes from.
type place struct {
	version uint32
	prefix  prefix
}

// find returns the AEAD of a prefix, and whether it was remembered.
func (o *opener) find(version uint32, key secret.Bytes, p prefix) (cipher.AEAD, bool, error) {
	o.mu.RLock()
	aead, known := o.derived[place{version, p}]
	known = known && o.keys[version].source == key
	o.mu.RUnlock()
	if known {
		return aead, true, nil
	}
	x, err := o.expand(version, key)
	if err != nil {
		return nil, false, err
	}
	aead, err = x.derive(p)
	return aead, false, err
}

// expand returns a data key expanded.
func (o *opener) expand(version uint32, key secret.Bytes) (*xaes, error) {
	o.mu.RLock()
	known := o.keys[version]
	o.mu.RUnlock()
	if known.xaes != nil && known.source == key {
		return known.xaes, nil
	}
	var x *xaes
	err := key.Use(func(b []byte) (err error) {
		x, err = newXAES(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if known.xaes != nil {
		o.drop()
	}
	if o.keys == nil {
		o.keys = make(map[uint32]dataKey)
	}
	o.keys[version] = dataKey{source: key, xaes: x}
	return x, nil
}

// remember keeps an AEAD that opened a value, in place of the one that came first.
func (o *opener) remember(version uint32, key secret.Bytes, p prefix, aead cipher.AEAD) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys[version].source != key {
		return // forgotten meanwhile
	}
	if o.derived == nil {
		o.derived = make(map[place]cipher.AEAD)
	}
	at := place{version, p}
	if _, known := o.derived[at]; !known {
		if len(o.order) < maxDerived {
			o.order = append(o.order, at)
		} else {
			delete(o.derived, o.order[o.next])
			o.order[o.next] = at
			o.next = (o.next + 1) % maxDerived
		}
	}
	o.derived[at] = aead
}

// forget lets go of everything.
func (o *opener) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
}

// drop lets go of everything. The caller holds mu.
func (o *opener) drop() { o.keys, o.derived, o.order, o.next = nil, nil, nil, 0 }
