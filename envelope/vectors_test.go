package envelope

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/pgveil/pgveil/internal/secret"
)

// hexBytes are bytes that JSON holds in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type vectors struct {
	XAES []struct {
		Key, Nonce, Plaintext, Ciphertext hexBytes
		AssociatedData                    hexBytes `json:"associated_data"`
	} `json:"xaes256gcm"`
	Accumulated struct {
		Iterations int
		SHAKE128   hexBytes
	} `json:"xaes256gcm_accumulated"`
	Envelopes []envelopeVector
}

type envelopeVector struct {
	Name, Keyset, Domain, Term, Envelope string
	Pad                                  int
	Version                              uint32
	DataKey                              hexBytes `json:"data_key"`
	Plaintext, Nonce                     hexBytes
	Epoch                                *uint32
	IndexKey                             hexBytes `json:"index_key"`
	EqualityForm                         hexBytes `json:"equality_form"`
	AssociatedData                       hexBytes `json:"associated_data"`
	DerivedKey                           hexBytes `json:"derived_key"`
}

func readVectors(tb testing.TB) vectors {
	tb.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		tb.Fatal(err)
	}
	if len(v.XAES) < 2 || len(v.Envelopes) < 15 {
		tb.Fatalf("vectors.json has %d and %d vectors; they are only added to", len(v.XAES), len(v.Envelopes))
	}
	return v
}

// options are those of the column that a vector was sealed for, keys its keys.
func (v *envelopeVector) options() Options {
	return Options{Keyset: v.Keyset, Domain: v.Domain, Equality: v.Epoch != nil, Pad: v.Pad}
}

func (v *envelopeVector) keys() *testKeys {
	k := newTestKeys()
	k.active = v.Version
	k.data[v.Version] = secret.New(bytes.Clone(v.DataKey))
	if v.Epoch != nil {
		k.epoch = *v.Epoch
		k.index[k.epoch] = secret.New(bytes.Clone(v.IndexKey))
	}
	return k
}

func TestVectors_open(t *testing.T) {
	for _, v := range readVectors(t).Envelopes {
		got, err := New(v.keys(), v.options()).Open(t.Context(), nil, []byte(v.Envelope))
		if err != nil || !bytes.Equal(got, v.Plaintext) {
			t.Errorf("%s: Open(%s) = %x, %v, want %x", v.Name, v.Envelope, got, err, v.Plaintext)
		}
	}
}

func TestVectors_term(t *testing.T) {
	for _, v := range readVectors(t).Envelopes {
		if v.Epoch == nil {
			continue
		}
		got, err := New(v.keys(), v.options()).Term(t.Context(), nil, v.EqualityForm)
		if err != nil || string(got) != v.Term {
			t.Errorf("%s: Term(%x) = %s, %v, want %s", v.Name, v.EqualityForm, got, err, v.Term)
		}
	}
}

// What is sealed differs from a vector in its nonce alone. The nonce cannot be
// chosen, so the rest is compared: the fields before the body, the associated
// data, the derived key, and the length.
func TestVectors_seal(t *testing.T) {
	for _, v := range readVectors(t).Envelopes {
		p, ok := parse([]byte(v.Envelope))
		if !ok {
			t.Fatalf("%s: parse(%s) failed", v.Name, v.Envelope)
		}
		codec := New(v.keys(), v.options())
		if got := codec.appendAssociated(nil, v.Version, &p); !bytes.Equal(got, v.AssociatedData) {
			t.Errorf("%s: associated data %x, want %x", v.Name, got, v.AssociatedData)
		}
		if len(p.terms[1])+len(p.terms[2]) > 0 {
			continue // tokens and order codes are read, not yet written
		}
		got, err := codec.Seal(t.Context(), nil, v.Plaintext, v.EqualityForm)
		if err != nil {
			t.Fatalf("%s: Seal: %v", v.Name, err)
		}
		if head := len(v.Envelope) - len(p.body); len(got) != len(v.Envelope) || string(got[:head]) != v.Envelope[:head] {
			t.Errorf("%s: Seal = %s, want %s but for the body", v.Name, got, v.Envelope)
		}
	}
}

func TestVectors_derivedKeys(t *testing.T) {
	for _, v := range readVectors(t).Envelopes {
		x, err := newXAES(v.DataKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := x.deriveKey(prefix(v.Nonce)); !bytes.Equal(got[:], v.DerivedKey) {
			t.Errorf("%s: derived key %x, want %x", v.Name, got, v.DerivedKey)
		}
	}
}

// xaesSeal seals with a nonce of the caller's choice, as published vectors need.
func xaesSeal(t *testing.T, key, nonce, plaintext, associated []byte) []byte {
	t.Helper()
	x, err := newXAES(key)
	if err != nil {
		t.Fatal(err)
	}
	derived := x.deriveKey(prefix(nonce))
	block, err := aes.NewCipher(derived[:])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead.Seal(nil, nonce[prefixSize:], plaintext, associated)
}

// skipChosenNonces skips a test that uses AES-GCM with nonces of its own where
// FIPS 140 forbids that. The program does not.
func skipChosenNonces(t *testing.T) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("FIPS 140 mode seals with random nonces only")
	}
}

func TestXAES_published(t *testing.T) {
	for _, v := range readVectors(t).XAES {
		x, err := newXAES(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := x.derive(prefix(v.Nonce))
		if err != nil {
			t.Fatal(err)
		}
		sealed := append(bytes.Clone(v.Nonce[prefixSize:]), v.Ciphertext...)
		if got, err := aead.Open(nil, nil, sealed, v.AssociatedData); err != nil || !bytes.Equal(got, v.Plaintext) {
			t.Errorf("Open(%x) = %x, %v, want %x", v.Ciphertext, got, err, v.Plaintext)
		}
		if !fips140.Enforced() {
			if got := xaesSeal(t, v.Key, v.Nonce, v.Plaintext, v.AssociatedData); !bytes.Equal(got, v.Ciphertext) {
				t.Errorf("Seal(%x) = %x, want %x", v.Plaintext, got, v.Ciphertext)
			}
		}
	}
}

func TestXAES_publishedAccumulated(t *testing.T) {
	skipChosenNonces(t)
	want := readVectors(t).Accumulated
	source, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		source.Read(b)
		return b
	}
	for range want.Iterations {
		key, nonce := read(keySize), read(nonceSize)
		plaintext := read(int(read(1)[0]))
		associated := read(int(read(1)[0]))
		sum.Write(xaesSeal(t, key, nonce, plaintext, associated))
	}
	got := make([]byte, len(want.SHAKE128))
	sum.Read(got)
	if !bytes.Equal(got, want.SHAKE128) {
		t.Errorf("SHAKE128 of %d ciphertexts = %x, want %x", want.Iterations, got, want.SHAKE128)
	}
}

// What Seal writes is XAES-256-GCM as it is published, opened here without
// the cached derivation.
func TestSeal_isStandardOnDisk(t *testing.T) {
	skipChosenNonces(t)
	o := Options{Keyset: "default", Domain: "d1", Equality: true, Pad: 16}
	keys := newTestKeys()
	codec := New(keys, o)
	for _, plaintext := range []string{"", "Ana", "a value that is longer than one bucket"} {
		stored, err := codec.Seal(context.Background(), nil, []byte(plaintext), []byte(plaintext))
		if err != nil {
			t.Fatal(err)
		}
		p, _ := parse(stored)
		body, err := encoding.AppendDecode(nil, p.body)
		if err != nil {
			t.Fatal(err)
		}
		var x *xaes
		if err := keys.data[1].Use(func(b []byte) (err error) { x, err = newXAES(b); return err }); err != nil {
			t.Fatal(err)
		}
		key := x.deriveKey(prefix(body[versionSize:]))
		block, _ := aes.NewCipher(key[:])
		aead, _ := cipher.NewGCM(block)
		nonce, ciphertext := body[versionSize+prefixSize:][:12], body[versionSize+nonceSize:]
		padded, err := aead.Open(nil, nonce, ciphertext, codec.appendAssociated(nil, 1, &p))
		if err != nil {
			t.Fatalf("standard AES-GCM does not open %q: %v", plaintext, err)
		}
		if !bytes.HasPrefix(padded, append([]byte(plaintext), padMark)) || len(padded)%16 != 0 {
			t.Errorf("padded plaintext of %q = %x", plaintext, padded)
		}
	}
}

func TestNewXAES_refusesOtherKeySizes(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33} {
		if _, err := newXAES(make([]byte, n)); err == nil {
			t.Errorf("newXAES took a key of %d bytes", n)
		}
	}
}

// The example of docs/FORMAT.md is a vector; both must go on agreeing.
func TestFormatPage_showsAVector(t *testing.T) {
	page, err := os.ReadFile("../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range readVectors(t).Envelopes {
		if v.Name != "equality, even epoch" {
			continue
		}
		for _, want := range []string{
			v.Envelope, v.Term, hex.EncodeToString(v.DataKey), hex.EncodeToString(v.IndexKey), hex.EncodeToString(v.Nonce),
			hex.EncodeToString(v.DerivedKey), hex.EncodeToString(v.Plaintext), v.Keyset, v.Domain,
		} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("docs/FORMAT.md lacks %s", want)
			}
		}
		return
	}
	t.Error("the vector of the example is gone")
}
