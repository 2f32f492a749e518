package pkcs11

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

// scheme is a way to wrap a key with the root key. Names are stored: they never
// change, and none is ever used for another way.
type scheme interface {
	name() string
	// class is the root key's object class that the scheme needs.
	class() uint
	// bindsAAD says whether unwrap notices another aad.
	bindsAAD() bool
	wrap(s *session, key, aad []byte) ([]byte, error)
	// unwrap returns an error of classData, or one that wraps
	// keystore.ErrDamaged, for what wrap did not return.
	unwrap(s *session, wrapped, aad []byte) ([]byte, error)
}

// CKM_AES_KEY_WRAP_KWP of PKCS#11 3.0, which miekg/pkcs11 does not name.
const ckmAESKeyWrapKWP = 0x0000210B

// schemes returns all schemes, the preferred ones first. CBC_PAD is not among
// them: it notices no tampering. Nor is anything that lists well and fails the
// self-test, which chooseScheme finds out.
func schemes() []scheme {
	return []scheme{
		keyWrap{"aes-key-wrap", pkcs11.CKM_AES_KEY_WRAP},
		keyWrap{"aes-kwp", ckmAESKeyWrapKWP},
		keyWrap{"aes-key-wrap-pad", pkcs11.CKM_AES_KEY_WRAP_PAD},
		gcm{},
		oaepSHA256(),
		oaepSHA1(),
	}
}

// schemeNamed returns the scheme of a stored name, nil if there is none.
func schemeNamed(name string) scheme {
	for _, sch := range schemes() {
		if sch.name() == name {
			return sch
		}
	}
	return nil
}

// wrapWith wraps key by a scheme.
func wrapWith(ctx context.Context, dev *device, sch scheme, key secret.Bytes, aad []byte) ([]byte, error) {
	var wrapped []byte
	err := key.Use(func(k []byte) error {
		// A copy, because a call that overruns outlives this function.
		own := secret.New(bytes.Clone(k))
		var err error
		wrapped, err = dev.do(ctx, operation{do: func(s *session) (out []byte, err error) {
			err = own.Use(func(k []byte) error { out, err = sch.wrap(s, k, aad); return err })
			return out, err
		}})
		own.Destroy() // waits for no one: a call under way keeps it until it returns
		return err
	})
	return wrapped, err
}

// unwrapWith unwraps by a scheme. An error of the data class wraps
// keystore.ErrDamaged.
func unwrapWith(ctx context.Context, dev *device, sch scheme, wrapped, aad []byte) (secret.Bytes, error) {
	key, err := dev.do(ctx, operation{unwraps: true, do: func(s *session) ([]byte, error) {
		return sch.unwrap(s, wrapped, aad)
	}})
	if err != nil {
		clear(key)
		if classify(err, true) == classData && !errors.Is(err, ErrAway) {
			err = fmt.Errorf("%w: %w", keystore.ErrDamaged, err)
		}
		return secret.Bytes{}, err
	}
	return secret.New(key), nil
}

// chooseScheme returns the first scheme that passes its self-test on this token.
func chooseScheme(ctx context.Context, dev *device) (scheme, error) {
	var failed []error
	for _, sch := range schemes() {
		if sch.class() != dev.root.class {
			continue
		}
		err := selfTest(ctx, dev, sch)
		if err == nil {
			return sch, nil
		}
		if gone := dev.waitWell(ctx); gone != nil {
			return nil, fmt.Errorf("trying scheme %s: %w", sch.name(), errors.Join(gone, err))
		}
		dev.opts.Log.Debug("scheme not usable", zap.String("scheme", sch.name()), zap.NamedError("err", err))
		failed = append(failed, fmt.Errorf("%s: %w", sch.name(), err))
	}
	return nil, noScheme(failed)
}

// selfTest wraps a random key, unwraps it, and checks that the scheme notices
// each of several changes.
func selfTest(ctx context.Context, dev *device, sch scheme) error {
	raw, aad := make([]byte, keystore.KeySize), []byte("pgveil self-test")
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	key := secret.New(raw)
	defer key.Destroy()
	wrapped, err := wrapWith(ctx, dev, sch, key, aad)
	if err != nil {
		return fmt.Errorf("wrapping: %w", err)
	}
	if bytes.Contains(wrapped, raw[:8]) {
		return errors.New("the wrapped key holds the key in clear")
	}
	back, err := unwrapWith(ctx, dev, sch, wrapped, aad)
	if err != nil {
		return fmt.Errorf("unwrapping: %w", err)
	}
	defer back.Destroy()
	if !back.Equal(key) {
		return errors.New("unwrapping gives another key")
	}
	for _, at := range []int{0, len(wrapped) / 2, len(wrapped) - 1} {
		tampered := bytes.Clone(wrapped)
		tampered[at] ^= 0x01
		if err := mustRefuse(ctx, dev, sch, tampered, aad); err != nil {
			return fmt.Errorf("with byte %d changed: %w", at, err)
		}
	}
	if sch.bindsAAD() {
		if err := mustRefuse(ctx, dev, sch, wrapped, []byte("pgveil self-tesT")); err != nil {
			return fmt.Errorf("with other associated data: %w", err)
		}
	}
	return nil
}

// mustRefuse returns nil if the scheme takes wrapped for damaged, and the token
// says so in a way that is told from being away.
func mustRefuse(ctx context.Context, dev *device, sch scheme, wrapped, aad []byte) error {
	key, err := unwrapWith(ctx, dev, sch, wrapped, aad)
	key.Destroy()
	switch {
	case err == nil:
		return errors.New("it unwraps all the same")
	case errors.Is(err, keystore.ErrDamaged):
		return nil
	}
	return err
}
