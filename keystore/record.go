package keystore

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pgveil/pgveil/internal/secret"
)

// Purpose tells the two families of keys in a keyset apart.
type Purpose string

const (
	// Data keys seal values. Their versions count from 1.
	Data Purpose = "data"
	// Index keys make search terms. Their versions are epochs and count from 0.
	Index Purpose = "index"
)

// first returns the version of a family's first key.
func (p Purpose) first() uint32 {
	if p == Data {
		return 1
	}
	return 0
}

func (p Purpose) known() bool { return p == Data || p == Index }

// Record is one key as it is stored.
type Record struct {
	Keyset  string
	Purpose Purpose
	Version uint32
	State   State
	// Custodian is the ID of the root key that wrapped it.
	Custodian string
	// Wrapped is empty once the key is destroyed.
	Wrapped Wrapped
	// Created is in UTC and whole microseconds.
	Created time.Time
	// MAC authenticates all of the above. Only who holds the key can make or check it.
	MAC []byte
}

// String names the record for people: it is the name that errors use.
func (r Record) String() string {
	if r.Purpose == Index {
		return fmt.Sprintf("index key of epoch %d in keyset %q", r.Version, r.Keyset)
	}
	return fmt.Sprintf("%s key version %d in keyset %q", r.Purpose, r.Version, r.Keyset)
}

// id is what no two records of a storage share.
type id struct {
	keyset  string
	purpose Purpose
	version uint32
}

func (r Record) id() id { return id{r.Keyset, r.Purpose, r.Version} }

// Labels keep the three uses of a key's bytes apart. docs/KEYS.md has the encodings.
const (
	macKeyInfo = "pgveil key record mac v1"
	macLabel   = "pgveil key record v1"
	aadLabel   = "pgveil key wrap v1"
)

// aad is what the custodian binds to the wrapped key: the fields that never
// change. The state is not among them, so that a change of state wraps nothing.
func (r Record) aad() []byte {
	b := appendField(nil, aadLabel)
	b = appendField(b, r.Keyset)
	b = appendField(b, string(r.Purpose))
	b = binary.BigEndian.AppendUint32(b, r.Version)
	return binary.BigEndian.AppendUint64(b, uint64(r.Created.UnixMicro()))
}

// macInput is the MAC's message: every field but the MAC, each of variable
// length led by its length, so that no two records encode alike.
func (r Record) macInput() []byte {
	b := appendField(nil, macLabel)
	b = appendField(b, r.Keyset)
	b = appendField(b, string(r.Purpose))
	b = binary.BigEndian.AppendUint32(b, r.Version)
	b = appendField(b, string(r.State))
	b = appendField(b, r.Custodian)
	b = appendField(b, r.Wrapped.Scheme)
	b = appendField(b, string(r.Wrapped.Bytes))
	return binary.BigEndian.AppendUint64(b, uint64(r.Created.UnixMicro()))
}

func appendField(b []byte, field string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}

// mac returns what MAC must be for key.
func (r Record) mac(key secret.Bytes) ([]byte, error) {
	var sum []byte
	err := key.Use(func(k []byte) error {
		macKey, err := hkdf.Key(sha256.New, k, nil, macKeyInfo, sha256.Size)
		if err != nil {
			return err
		}
		defer clear(macKey)
		h := hmac.New(sha256.New, macKey)
		h.Write(r.macInput())
		sum = h.Sum(nil)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("authenticating the %s: %w", r, err)
	}
	return sum, nil
}

// authentic reports whether key is the record's and no field was changed.
func (r Record) authentic(key secret.Bytes) bool {
	want, err := r.mac(key)
	return err == nil && hmac.Equal(want, r.MAC)
}

// in returns the record in another state. It is the only place where a state
// changes: it holds to the table of [State], and it needs the key, so that only
// who can unwrap a key decides about it.
func (r Record) in(next State, key secret.Bytes) (Record, error) {
	if !r.authentic(key) {
		return Record{}, damaged(r, nil)
	}
	if !r.State.mayBecome(next) {
		return Record{}, stateRefused(r, next)
	}
	r.State = next
	if next == Destroyed {
		r.Wrapped.Bytes = []byte{}
	}
	var err error
	r.MAC, err = r.mac(key)
	return r, err
}
