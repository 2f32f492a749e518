package pkcs11

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/pgveil/pgveil/internal/secret"
)

// RFC 3394, section 4.6: a key of 256 bits under a root key of 256 bits.
const (
	vectorRoot    = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	vectorKey     = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"
	vectorWrapped = "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"
)

// withKnownRoot opens a custodian on a root key that was brought in from
// outside, so that what the token does can be compared with the standards. It
// cannot be read either.
func withKnownRoot(t testing.TB) *Custodian {
	t.Helper()
	_, opts := softHSM(t)
	inToken(t, opts, func(module *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, unhex(t, vectorRoot))}
		for _, a := range rootTemplate(opts.Key, []byte("known root")) {
			if a.Type != pkcs11.CKA_VALUE_LEN {
				template = append(template, a)
			}
		}
		_, err := module.CreateObject(s, template)
		return err
	})
	return mustOpen(t, opts)
}

func TestKeyWrap_isRFC3394(t *testing.T) {
	c := withKnownRoot(t)
	wrapped, err := c.Wrap(t.Context(), secret.New(unhex(t, vectorKey)), []byte("not used"))
	if err != nil || wrapped.Scheme != "aes-key-wrap" {
		t.Fatalf("Wrap = scheme %q, %v", wrapped.Scheme, err)
	}
	if got := hex.EncodeToString(wrapped.Bytes); got != vectorWrapped {
		t.Errorf("Wrap = %s, want %s", got, vectorWrapped)
	}
}

func TestKeyWrapPad_isRFC5649OnSoftHSM(t *testing.T) {
	c := withKnownRoot(t)
	got, err := wrapWith(t.Context(), c.dev, schemeNamed("aes-key-wrap-pad"), secret.New(unhex(t, vectorKey)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := keyWrapPadded(t, unhex(t, vectorRoot), unhex(t, vectorKey)); !bytes.Equal(got, want) {
		t.Errorf("wrap = %x, want %x", got, want)
	}
}

// keyWrapPadded is RFC 5649 for keys of a multiple of eight bytes.
func keyWrapPadded(t testing.TB, root, key []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(root)
	if err != nil {
		t.Fatal(err)
	}
	out := append([]byte{0xA6, 0x59, 0x59, 0xA6}, binary.BigEndian.AppendUint32(nil, uint32(len(key)))...)
	out = append(out, key...)
	n := len(key) / 8
	for j := range 6 {
		for i := 1; i <= n; i++ {
			var b [16]byte
			copy(b[:8], out[:8])
			copy(b[8:], out[8*i:8*i+8])
			block.Encrypt(b[:], b[:])
			step := binary.BigEndian.Uint64(b[:8]) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(out[:8], step)
			copy(out[8*i:], b[8:])
		}
	}
	return out
}

// What the token seals with GCM, Go's GCM opens, and the other way round: the
// associated data and the layout are what docs/KEYS.md says.
func TestGCM_isTheStandards(t *testing.T) {
	c := withKnownRoot(t)
	block, err := aes.NewCipher(unhex(t, vectorRoot))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	key, aad := unhex(t, vectorKey), []byte("keyset, purpose, version")

	wrapped, err := wrapWith(t.Context(), c.dev, gcm{}, secret.New(bytes.Clone(key)), aad)
	if err != nil {
		t.Fatal(err)
	}
	got, err := aead.Open(nil, wrapped[:gcmNonce], wrapped[gcmNonce:], aad)
	if err != nil || !bytes.Equal(got, key) {
		t.Errorf("Go's GCM opens the token's: %v, the key: %t", err, bytes.Equal(got, key))
	}

	nonce := []byte("twelve bytes")
	back, err := unwrapWith(t.Context(), c.dev, gcm{}, aead.Seal(nonce, nonce, key, aad), aad)
	if err != nil || !back.Equal(secret.New(key)) {
		t.Errorf("the token opens Go's GCM: %v, the key: %t", err, back.Equal(secret.New(key)))
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
