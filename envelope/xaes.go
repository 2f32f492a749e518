package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

const (
	keySize    = 32
	prefixSize = 12
	// nonceSize is that of XAES-256-GCM: a prefix, from which a key is derived, and the nonce of AES-GCM under that key.
	nonceSize = prefixSize + 12
	tagSize   = 16
)

// prefix is the first half of a nonce.
type prefix [prefixSize]byte

// xaes is a key of XAES-256-GCM (c2sp.org/XAES-256-GCM), ready to derive the
// AES-256-GCM key of a nonce's prefix.
type xaes struct {
	block cipher.Block
	// subkey is CMAC's K1: every message here is one whole block, so it alone is needed.
	subkey [aes.BlockSize]byte
}

// newXAES expands a key. It does not keep the slice.
func newXAES(key []byte) (*xaes, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("data key has %d bytes, want %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("expanding data key: %w", err)
	}
	x := &xaes{block: block}
	block.Encrypt(x.subkey[:], x.subkey[:])
	// Doubling in GF(2^128), without a branch on the key.
	carry := byte(0)
	for i := len(x.subkey) - 1; i >= 0; i-- {
		next := x.subkey[i] >> 7
		x.subkey[i] = x.subkey[i]<<1 | carry
		carry = next
	}
	x.subkey[len(x.subkey)-1] ^= carry * 0x87
	return x, nil
}

// deriveKey returns the AES-256-GCM key of a prefix: the counter mode KDF of
// NIST SP 800-108 with CMAC, label X.
func (x *xaes) deriveKey(p prefix) [keySize]byte {
	var key [keySize]byte
	for half := range 2 {
		out := key[half*aes.BlockSize:][:aes.BlockSize]
		copy(out, []byte{0, byte(half + 1), 'X', 0})
		copy(out[4:], p[:])
		for i := range out {
			out[i] ^= x.subkey[i]
		}
		x.block.Encrypt(out, out)
	}
	return key
}

// derive returns the AEAD of a prefix. It puts a random nonce before what it
// seals, which is the second half of XAES-256-GCM's.
func (x *xaes) derive(p prefix) (cipher.AEAD, error) {
	key := x.deriveKey(p)
	defer clear(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("expanding derived key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("building AES-GCM: %w", err)
	}
	return aead, nil
}
