package pkcs11

import (
	"crypto/rand"

	"github.com/miekg/pkcs11"
)

const (
	gcmNonce = 12
	gcmTag   = 16
)

// gcm is C_Encrypt and C_Decrypt with AES-GCM, the record's fields as associated
// data. What is stored is the nonce, the ciphertext and the tag.
type gcm struct{}

func (gcm) name() string   { return "aes-gcm" }
func (gcm) class() uint    { return pkcs11.CKO_SECRET_KEY }
func (gcm) bindsAAD() bool { return true }

func (gcm) wrap(s *session, key, aad []byte) ([]byte, error) {
	nonce := make([]byte, gcmNonce)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	params := pkcs11.NewGCMParams(nonce, aad, gcmTag*8)
	defer params.Free()
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}
	if err := s.dev.module.EncryptInit(s.handle, mechanism, s.root); err != nil {
		return nil, err
	}
	sealed, err := s.dev.module.Encrypt(s.handle, key)
	if err != nil {
		return nil, err
	}
	// Some tokens choose the nonce themselves and write it where ours was, others
	// append it.
	if used := params.IV(); len(used) == gcmNonce {
		nonce = used
	}
	if plain := len(key) + gcmTag; len(sealed) == plain+gcmNonce {
		nonce, sealed = sealed[plain:], sealed[:plain]
	}
	return append(append(make([]byte, 0, len(nonce)+len(sealed)), nonce...), sealed...), nil
}

func (gcm) unwrap(s *session, wrapped, aad []byte) ([]byte, error) {
	if len(wrapped) < gcmNonce+gcmTag {
		return nil, pkcs11.Error(pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE)
	}
	params := pkcs11.NewGCMParams(wrapped[:gcmNonce], aad, gcmTag*8)
	defer params.Free()
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}
	if err := s.dev.module.DecryptInit(s.handle, mechanism, s.root); err != nil {
		return nil, err
	}
	return s.dev.module.Decrypt(s.handle, wrapped[gcmNonce:])
}
