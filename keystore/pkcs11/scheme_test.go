package pkcs11

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

// What SoftHSM 2.6.1 can do, by trying.
func TestSelfTest_onAES(t *testing.T) {
	c, _ := withRoot(t)
	for _, tc := range []struct {
		scheme string
		passes bool
	}{
		{"aes-key-wrap", true},
		{"aes-key-wrap-pad", true},
		{"aes-gcm", true},
		{"aes-kwp", false}, // it knows RFC 5649 by the older name only
	} {
		err := selfTest(t.Context(), c.dev, schemeNamed(tc.scheme))
		if (err == nil) != tc.passes {
			t.Errorf("selfTest(%s) = %v, want it to pass: %t", tc.scheme, err, tc.passes)
		}
	}
}

// cbcPad is what chooseScheme must never come to: it is here to show that the
// self-test would notice.
type cbcPad struct{ keyWrap }

func (cbcPad) mechanism() []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_CBC_PAD, make([]byte, 16))}
}

func (c cbcPad) wrap(s *session, key, _ []byte) ([]byte, error) {
	if err := s.dev.module.EncryptInit(s.handle, c.mechanism(), s.root); err != nil {
		return nil, err
	}
	return s.dev.module.Encrypt(s.handle, key)
}

func (c cbcPad) unwrap(s *session, wrapped, _ []byte) ([]byte, error) {
	if err := s.dev.module.DecryptInit(s.handle, c.mechanism(), s.root); err != nil {
		return nil, err
	}
	return s.dev.module.Decrypt(s.handle, wrapped)
}

func TestSelfTest_refusesWrappingWithoutIntegrity(t *testing.T) {
	c, _ := withRoot(t)
	if err := selfTest(t.Context(), c.dev, cbcPad{}); err == nil {
		t.Error("AES-CBC with padding passed the self-test")
	}
	if schemeNamed("aes-cbc-pad") != nil {
		t.Error("CBC_PAD is among the schemes")
	}
}

// A scheme's lie about binding the associated data is noticed too.
type gcmWithoutAAD struct{ gcm }

func (g gcmWithoutAAD) wrap(s *session, key, _ []byte) ([]byte, error) {
	return g.gcm.wrap(s, key, nil)
}
func (g gcmWithoutAAD) unwrap(s *session, w, _ []byte) ([]byte, error) {
	return g.gcm.unwrap(s, w, nil)
}

func TestSelfTest_refusesWhatIgnoresAAD(t *testing.T) {
	c, _ := withRoot(t)
	if err := selfTest(t.Context(), c.dev, gcmWithoutAAD{}); err == nil {
		t.Error("a scheme that ignores the associated data passed the self-test")
	}
}

// Unwrap goes by the scheme that is recorded, not by the one that is preferred.
func TestUnwrap_honoursTheRecordedScheme(t *testing.T) {
	c, _ := withRoot(t)
	key, aad := secret.New(bytes.Repeat([]byte{5}, 32)), []byte("aad")
	seen := map[string]bool{}
	for _, name := range []string{"aes-key-wrap", "aes-key-wrap-pad", "aes-gcm"} {
		wrapped, err := wrapWith(t.Context(), c.dev, schemeNamed(name), key, aad)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(wrapped)] {
			t.Errorf("%s wraps as another scheme does", name)
		}
		seen[string(wrapped)] = true
		back, err := c.Unwrap(t.Context(), keystore.Wrapped{Scheme: name, Bytes: wrapped}, aad)
		if err != nil || !back.Equal(key) {
			t.Errorf("Unwrap of a key that was wrapped by %s = %v", name, err)
		}
	}
}

func TestGCM_bindsEverything(t *testing.T) {
	c, _ := withRoot(t)
	g, key, aad := gcm{}, secret.New(make([]byte, 32)), []byte("data v1")
	wrapped, err := wrapWith(t.Context(), c.dev, g, key, aad)
	if err != nil || len(wrapped) != gcmNonce+32+gcmTag {
		t.Fatalf("wrap = %d bytes, %v, want 60", len(wrapped), err)
	}
	again, err := wrapWith(t.Context(), c.dev, g, key, aad)
	if err != nil || bytes.Equal(wrapped[:gcmNonce], again[:gcmNonce]) {
		t.Errorf("two wraps share a nonce (%v)", err)
	}
	for i := range wrapped {
		bad := bytes.Clone(wrapped)
		bad[i] ^= 1
		if err := mustRefuse(t.Context(), c.dev, g, bad, aad); err != nil {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for _, n := range []int{0, 11, 27, 59} {
		if err := mustRefuse(t.Context(), c.dev, g, wrapped[:n], aad); err != nil {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if err := mustRefuse(t.Context(), c.dev, g, wrapped, []byte("data v2")); err != nil {
		t.Errorf("other associated data: %v", err)
	}
}

func TestOAEP_onAnRSAToken(t *testing.T) {
	_, opts := softHSM(t)
	generateRSA(t, opts, 2048, true)
	c := mustOpen(t, opts)
	if c.Scheme() != "rsa-oaep-sha1-signed" {
		t.Errorf("Scheme = %q, want rsa-oaep-sha1-signed on SoftHSM", c.Scheme())
	}
	roundTrip(t, c)
	key, aad := secret.New(make([]byte, 32)), []byte("data v1")
	w, err := c.Wrap(t.Context(), key, aad)
	if err != nil || len(w.Bytes) != 512 {
		t.Fatalf("Wrap = %d bytes, %v, want 512", len(w.Bytes), err)
	}
	for _, at := range []int{0, 100, 255, 256, 400, 511} {
		bad := keystore.Wrapped{Scheme: w.Scheme, Bytes: bytes.Clone(w.Bytes)}
		bad.Bytes[at] ^= 1
		if _, err := c.Unwrap(t.Context(), bad, aad); !errors.Is(err, keystore.ErrDamaged) {
			t.Errorf("Unwrap with byte %d changed = %v, want ErrDamaged", at, err)
		}
	}
	if _, err := c.Unwrap(t.Context(), w, []byte("data v2")); !errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("Unwrap with other associated data = %v, want ErrDamaged", err)
	}
	w.Scheme = "rsa-oaep-sha256-signed"
	if _, err := c.Unwrap(t.Context(), w, aad); !errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("Unwrap by another scheme = %v, want ErrDamaged", err)
	}
}

// Whoever can write the storage knows the public key, and could make the store
// seal with a key of their own if a bare ciphertext were enough.
func TestOAEP_refusesAKeyThatTheTokenDidNotWrap(t *testing.T) {
	_, opts := softHSM(t)
	generateRSA(t, opts, 2048, true)
	c := mustOpen(t, opts)
	public := c.dev.root.public
	aad := []byte("data v2")
	mine := bytes.Repeat([]byte{6}, 32)
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, mine, nil)
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := c.Wrap(t.Context(), secret.New(make([]byte, 32)), aad)
	if err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string][]byte{
		"bare":                         sealed,
		"with zeros for a signature":   append(bytes.Clone(sealed), make([]byte, 256)...),
		"with another key's signature": append(bytes.Clone(sealed), genuine.Bytes[256:]...),
	} {
		if _, err := c.Unwrap(t.Context(), keystore.Wrapped{Scheme: c.Scheme(), Bytes: forged}, aad); !errors.Is(err, keystore.ErrDamaged) {
			t.Errorf("Unwrap of a forged key, %s = %v, want ErrDamaged", name, err)
		}
	}
}

func TestOAEP_keyThatMayNotSign(t *testing.T) {
	_, opts := softHSM(t)
	generateRSA(t, opts, 2048, false)
	if _, err := Open(t.Context(), opts); code(t, err) != pgerr.CustodianScheme {
		t.Errorf("Open = %v, want custodian-scheme", err)
	}
}

// Names are stored with every key: none may be lost or mean another thing.
func TestSchemes_names(t *testing.T) {
	want := []string{"aes-key-wrap", "aes-kwp", "aes-key-wrap-pad", "aes-gcm", "rsa-oaep-sha256-signed", "rsa-oaep-sha1-signed"}
	for i, sch := range schemes() {
		if sch.name() != want[i] || schemeNamed(want[i]).name() != want[i] {
			t.Errorf("scheme %d is %q, want %q", i, sch.name(), want[i])
		}
	}
	if len(schemes()) != len(want) || schemeNamed("") != nil {
		t.Errorf("there are %d schemes, want %d", len(schemes()), len(want))
	}
}

func BenchmarkUnwrap(b *testing.B) {
	c, _ := withRoot(b)
	w, err := c.Wrap(b.Context(), secret.New(make([]byte, 32)), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		key, err := c.Unwrap(b.Context(), w, nil)
		if err != nil {
			b.Fatal(err)
		}
		key.Destroy()
	}
}
