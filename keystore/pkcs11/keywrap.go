package pkcs11

import (
	"github.com/miekg/pkcs11"
)

// keyWrap is C_WrapKey and C_UnwrapKey with one of the mechanisms of RFC 3394
// and RFC 5649. They take no associated data; keystore's records have a MAC.
type keyWrap struct {
	scheme    string
	mechanism uint
}

func (k keyWrap) name() string   { return k.scheme }
func (k keyWrap) class() uint    { return pkcs11.CKO_SECRET_KEY }
func (k keyWrap) bindsAAD() bool { return false }

func (k keyWrap) mechanisms() []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(k.mechanism, nil)}
}

// passing is the template of a key that is in the token only to pass through.
func passing(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
	return append([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
	}, more...)
}

func (k keyWrap) wrap(s *session, key, _ []byte) ([]byte, error) {
	object, err := s.dev.module.CreateObject(s.handle, passing(pkcs11.NewAttribute(pkcs11.CKA_VALUE, key)))
	if err != nil {
		return nil, err
	}
	wrapped, err := s.dev.module.WrapKey(s.handle, k.mechanisms(), s.root, object)
	if destroyed := s.dev.module.DestroyObject(s.handle, object); err == nil {
		err = destroyed
	}
	return wrapped, err
}

func (k keyWrap) unwrap(s *session, wrapped, _ []byte) ([]byte, error) {
	if len(wrapped) == 0 { // miekg/pkcs11 would take the address of its first byte
		return nil, pkcs11.Error(pkcs11.CKR_WRAPPED_KEY_INVALID)
	}
	object, err := s.dev.module.UnwrapKey(s.handle, k.mechanisms(), s.root, wrapped, passing())
	if err != nil {
		if is(err, pkcs11.CKR_WRAPPED_KEY_LEN_RANGE) {
			err = pkcs11.Error(pkcs11.CKR_WRAPPED_KEY_INVALID)
		}
		return nil, err
	}
	key, err := s.attribute(object, pkcs11.CKA_VALUE)
	if destroyed := s.dev.module.DestroyObject(s.handle, object); err == nil {
		err = destroyed
	}
	return key, err
}
