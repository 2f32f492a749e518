package pkcs11

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
)

// softHSM makes a token and points this process at it. SoftHSM reads its
// configuration whenever it is initialised, so tests of one process can have a
// token each, one after the other.
func softHSM(t testing.TB) (*testkit.SoftHSM, Options) {
	t.Helper()
	h := testkit.StartSoftHSM(t)
	if tt, ok := t.(interface{ Setenv(k, v string) }); ok {
		tt.Setenv("SOFTHSM2_CONF", h.Conf)
	}
	return h, Options{
		Module: h.Module, Token: h.Label, PIN: secret.New([]byte(h.PIN)), Key: "pgveil-root",
		Sessions: 4, Timeout: 10 * time.Second,
	}
}

// withRoot makes a token with an AES root key and opens a custodian on it.
func withRoot(t testing.TB) (*Custodian, Options) {
	t.Helper()
	_, opts := softHSM(t)
	if _, err := CreateRoot(context.Background(), opts); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, opts), opts
}

func mustOpen(t testing.TB, opts Options) *Custodian {
	t.Helper()
	c, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatalf("Open = %v (%v)", err, errors.Unwrap(err))
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// inToken runs f in a session that may write, as an administrator with the
// token's own tool would.
func inToken(t testing.TB, opts Options, f func(module *pkcs11.Ctx, s pkcs11.SessionHandle) error) {
	t.Helper()
	dev, err := openDevice(context.Background(), opts.withDefaults(), func(s *session) (rootKey, error) {
		handle, err := s.dev.module.OpenSession(s.dev.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return rootKey{}, err
		}
		return rootKey{id: []byte("administrator")}, f(s.dev.module, handle)
	})
	if err != nil {
		t.Fatalf("in the token: %v (%v)", err, errors.Unwrap(err))
	}
	if err := dev.close(); err != nil {
		t.Fatal(err)
	}
}

// generateAES makes an AES key by rootTemplate with some attributes changed.
func generateAES(t testing.TB, opts Options, change ...*pkcs11.Attribute) {
	t.Helper()
	inToken(t, opts, func(module *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		template := rootTemplate(opts.Key, []byte("0123456789abcdef"))
		for _, c := range change {
			for i := range template {
				if template[i].Type == c.Type {
					template[i] = c
				}
			}
		}
		_, err := module.GenerateKey(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, template)
		return err
	})
}

// generateRSA makes an RSA key pair that may decrypt and, perhaps, sign.
func generateRSA(t testing.TB, opts Options, bits int, sign bool) {
	t.Helper()
	inToken(t, opts, func(module *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		id := []byte("rsa-root")
		_, _, err := module.GenerateKeyPair(s,
			[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil)},
			[]*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, opts.Key),
				pkcs11.NewAttribute(pkcs11.CKA_ID, id), pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits),
				pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
				pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, sign),
			},
			[]*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, opts.Key),
				pkcs11.NewAttribute(pkcs11.CKA_ID, id), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
				pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
				pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, sign),
			})
		return err
	})
}

// code returns the pgerr code of err, after checking that it tells a cure.
func code(t testing.TB, err error) pgerr.Code {
	t.Helper()
	var e *pgerr.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *pgerr.Error", err)
	}
	if e.State != pgerr.StateKeys || e.Message == "" || e.Hint == "" {
		t.Errorf("error %#v lacks its state, message or hint", e)
	}
	return e.Code
}

// roundTrip fails the test unless a key comes back from the custodian.
func roundTrip(t testing.TB, c *Custodian) {
	t.Helper()
	if err := tryRoundTrip(c); err != nil {
		t.Fatalf("wrapping and unwrapping: %v", err)
	}
}

func tryRoundTrip(c *Custodian) error {
	key, aad := secret.New([]byte("0123456789abcdef0123456789abcdef")), []byte("aad")
	w, err := c.Wrap(context.Background(), key, aad)
	if err != nil {
		return err
	}
	back, err := c.Unwrap(context.Background(), w, aad)
	if err != nil {
		return err
	}
	defer back.Destroy()
	if !back.Equal(key) {
		return errors.New("another key came back")
	}
	return nil
}
