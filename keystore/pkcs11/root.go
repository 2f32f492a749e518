package pkcs11

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"
)

// rootKey is what is known of the root key beyond the life of a session.
type rootKey struct {
	// id is its CKA_ID, by which each session finds its own handle.
	id []byte
	// class is CKO_SECRET_KEY for AES, CKO_PRIVATE_KEY for RSA.
	class uint
	// public is the RSA key's other half.
	public *rsa.PublicKey
}

// minRSABits is the size of the smallest RSA root key that is taken.
const minRSABits = 2048

// errNoRoot says that the root key is not, or no longer, in the token.
var errNoRoot = errors.New("the root key is not in the token")

// CreateRoot makes an AES-256 root key of label opts.Key in the token and
// returns its ID. The key is made in the token, cannot leave it, and may wrap and
// encrypt; that this is so is read back from the token. A label that is taken is
// refused. Open custodians of the same module in this process log in again.
func CreateRoot(ctx context.Context, opts Options) (id string, err error) {
	opts = opts.withDefaults()
	dev, err := openDevice(ctx, opts, func(s *session) (rootKey, error) {
		taken, err := s.find([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, opts.Key)})
		switch {
		case err != nil:
			return rootKey{}, fmt.Errorf("looking for the label: %w", err)
		case len(taken) > 0:
			return rootKey{}, keyExists(opts.Key, s.dev.tokenName())
		}
		return generateRoot(s)
	})
	if err != nil {
		return "", err
	}
	return dev.rootName(), dev.close()
}

// generateRoot makes the key in a session of its own, which may write.
func generateRoot(anchor *session) (root rootKey, err error) {
	dev := anchor.dev
	if dev.opts.Key == "" {
		return rootKey{}, errors.New("making a root key: its label is empty")
	}
	handle, err := dev.module.OpenSession(dev.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return rootKey{}, fmt.Errorf("opening a session that may write: %w", err)
	}
	s := &session{dev: dev, epoch: anchor.epoch, handle: handle, open: true}
	defer s.close()

	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return rootKey{}, err
	}
	key, err := dev.module.GenerateKey(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)},
		rootTemplate(dev.opts.Key, id))
	if err != nil {
		return rootKey{}, fmt.Errorf("generating a root key: %w", err)
	}
	if err := checkSecrecy(s, key); err != nil {
		return rootKey{}, errors.Join(err, dev.module.DestroyObject(s.handle, key))
	}
	return rootKey{id: id, class: pkcs11.CKO_SECRET_KEY}, nil
}

func rootTemplate(label string, id []byte) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_MODIFIABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, true),
		pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, true),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, false),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, false),
		pkcs11.NewAttribute(pkcs11.CKA_DERIVE, false),
	}
}

// resolveRoot finds the root key by its label and learns its CKA_ID.
func resolveRoot(s *session) (rootKey, error) {
	label := s.dev.opts.Key
	for _, class := range []uint{pkcs11.CKO_SECRET_KEY, pkcs11.CKO_PRIVATE_KEY} {
		found, err := s.find([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		})
		if err != nil {
			return rootKey{}, fmt.Errorf("looking for the root key: %w", err)
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return inspect(s, found[0], class)
		}
		return rootKey{}, unfitKey(label, "several keys in the token have this label", "remove or rename the others")
	}
	return rootKey{}, noKey(label, s.dev.tokenName())
}

// inspect checks that an object may serve as a root key.
func inspect(s *session, key pkcs11.ObjectHandle, class uint) (rootKey, error) {
	label := s.dev.opts.Key
	id, err := s.attribute(key, pkcs11.CKA_ID)
	if err != nil {
		return rootKey{}, fmt.Errorf("reading the root key's ID: %w", err)
	}
	if len(id) == 0 {
		return rootKey{}, unfitKey(label, "it has no CKA_ID, by which it is found again", "give it one with the token's own tool")
	}
	wanted, kind := uint(pkcs11.CKK_AES), "AES"
	if class == pkcs11.CKO_PRIVATE_KEY {
		wanted, kind = pkcs11.CKK_RSA, "RSA"
	}
	if ok, err := holds(s, key, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, wanted)); err != nil {
		return rootKey{}, fmt.Errorf("reading the root key's type: %w", err)
	} else if !ok {
		return rootKey{}, unfitKey(label, "it is not an "+kind+" key", "name an AES key, or an RSA key pair")
	}
	if err := checkSecrecy(s, key); err != nil {
		return rootKey{}, err
	}
	root := rootKey{id: id, class: class}
	if class == pkcs11.CKO_PRIVATE_KEY {
		if root.public, err = publicKey(s, key); err != nil {
			return rootKey{}, err
		}
	}
	return root, nil
}

// checkSecrecy refuses a root key that the token would give away.
func checkSecrecy(s *session, key pkcs11.ObjectHandle) error {
	for _, want := range []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
	} {
		ok, err := holds(s, key, want)
		if err != nil {
			return fmt.Errorf("reading the root key's attributes: %w", err)
		}
		if !ok {
			return unfitKey(s.dev.opts.Key, "it can be read out of the token", "make one that is sensitive and not extractable")
		}
	}
	return nil
}

// holds reports whether an attribute of an object has this value.
func holds(s *session, object pkcs11.ObjectHandle, want *pkcs11.Attribute) (bool, error) {
	got, err := s.attribute(object, want.Type)
	return err == nil && bytes.Equal(got, want.Value), err
}

func publicKey(s *session, key pkcs11.ObjectHandle) (*rsa.PublicKey, error) {
	modulus, err := s.attribute(key, pkcs11.CKA_MODULUS)
	if err != nil {
		return nil, fmt.Errorf("reading the root key's modulus: %w", err)
	}
	exponent, err := s.attribute(key, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, fmt.Errorf("reading the root key's exponent: %w", err)
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < minRSABits || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
		return nil, unfitKey(s.dev.opts.Key, fmt.Sprintf("its modulus has %d bits, its exponent is %v", n.BitLen(), e),
			fmt.Sprintf("make an RSA key of %d bits or more", minRSABits))
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// findRoot returns the session's own handle of the root key.
func (d *device) findRoot(s *session) (pkcs11.ObjectHandle, error) {
	found, err := s.find([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, d.root.class),
		pkcs11.NewAttribute(pkcs11.CKA_ID, d.root.id),
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("finding the root key: %w", err)
	case len(found) == 0:
		return 0, errNoRoot
	case len(found) > 1:
		return 0, fmt.Errorf("finding the root key: several keys have CKA_ID %x", d.root.id)
	}
	return found[0], nil
}
