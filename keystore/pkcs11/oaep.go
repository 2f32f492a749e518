package pkcs11

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/miekg/pkcs11"
)

// oaep is for tokens that wrap with RSA only: the key is encrypted here with the
// public key, and C_Decrypt opens it. Anyone can encrypt to a public key, and who
// could slip in a key of their own would read all that is sealed with it; so the
// token signs each wrapped key with its fields, and a signature that is not the
// token's is refused. What is stored is the ciphertext, then the signature, each
// as long as the modulus.
type oaep struct {
	scheme string
	hash   func() hash.Hash
	// hashMechanism and mgf are PKCS#11's names for hash.
	hashMechanism, mgf uint
}

func oaepSHA256() oaep {
	return oaep{"rsa-oaep-sha256-signed", sha256.New, pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256}
}

// oaepSHA1 is all that some tokens know. OAEP does not need its hash to be free
// of collisions; the signature is over SHA-256.
func oaepSHA1() oaep {
	return oaep{"rsa-oaep-sha1-signed", sha1.New, pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1}
}

func (o oaep) name() string { return o.scheme }
func (oaep) class() uint    { return pkcs11.CKO_PRIVATE_KEY }
func (oaep) bindsAAD() bool { return true }

func (o oaep) wrap(s *session, key, aad []byte) ([]byte, error) {
	public := s.dev.root.public
	sealed, err := rsa.EncryptOAEP(o.hash(), rand.Reader, public, key, nil)
	if err != nil {
		return nil, err
	}
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil)}
	if err := s.dev.module.SignInit(s.handle, mechanism, s.root); err != nil {
		return nil, err
	}
	signature, err := s.dev.module.Sign(s.handle, o.signed(sealed, aad))
	if err != nil {
		return nil, err
	}
	return append(sealed, signature...), nil
}

func (o oaep) unwrap(s *session, wrapped, aad []byte) ([]byte, error) {
	public := s.dev.root.public
	if len(wrapped) != 2*public.Size() {
		return nil, pkcs11.Error(pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE)
	}
	sealed, signature := wrapped[:public.Size()], wrapped[public.Size():]
	digest := sha256.Sum256(o.signed(sealed, aad))
	if rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) != nil {
		return nil, pkcs11.Error(pkcs11.CKR_SIGNATURE_INVALID)
	}
	params := pkcs11.NewOAEPParams(o.hashMechanism, o.mgf, pkcs11.CKZ_DATA_SPECIFIED, nil)
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, params)}
	if err := s.dev.module.DecryptInit(s.handle, mechanism, s.root); err != nil {
		return nil, err
	}
	return s.dev.module.Decrypt(s.handle, sealed)
}

// signed is what the token signs: a label and a scheme, so that the signature
// serves nothing else, the fields, and the ciphertext.
func (o oaep) signed(sealed, aad []byte) []byte {
	var b []byte
	for _, field := range [][]byte{[]byte("pgveil wrapped key v1"), []byte(o.scheme), aad, sealed} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	return b
}
