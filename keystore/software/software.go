// Package software is the custodian without hardware: a root key in a file that
// is sealed with a passphrase through Argon2id. The root key is in this
// process's memory while the custodian is open, so whoever can read that memory
// has it; package pkcs11 is for those who need more.
//
// [Create] makes a file, [Open] opens one and returns a [Custodian].
package software

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

// Scheme is what the custodian writes into Wrapped.Scheme: AES-256-GCM, a
// random nonce of 12 bytes before the ciphertext.
const Scheme = "aes-gcm"

// MinPassphrase is the length, in bytes, of the shortest passphrase that Create
// takes.
const MinPassphrase = 12

// idInfo keeps the root key's name apart from its other use.
const idInfo = "pgveil software root id v1"

// Custodian wraps keys with the root key of a file. It satisfies
// keystore.Custodian.
type Custodian struct {
	id   string
	root secret.Bytes
}

// Create makes a root key and seals it with passphrase into a new file of mode
// 0600. A file that is there already is never touched. When Create returns nil,
// the file is on disk.
func Create(path string, passphrase secret.Bytes) error {
	if passphrase.Len() < MinPassphrase {
		return &pgerr.Error{
			State: pgerr.StateKeys, Code: pgerr.CustodianPassphrase,
			Message: fmt.Sprintf("the passphrase is shorter than %d bytes", MinPassphrase),
			Detail:  "who copies the root key file can try passphrases for as long as they like",
			Hint:    "take six random words, or the output of `openssl rand -base64 24`",
		}
	}
	raw := make([]byte, keystore.KeySize)
	if _, err := rand.Read(raw); err != nil {
		return fmt.Errorf("making a root key: %w", err)
	}
	root := secret.New(raw)
	defer root.Destroy()
	content, err := seal(root, passphrase)
	if err != nil {
		return err
	}
	return writeNew(path, content)
}

// Open opens the root key file at path. The warnings are for the operator: the
// custodian works, weaker than it should.
func Open(path string, passphrase secret.Bytes) (c *Custodian, warnings []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, noFile(path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, nil, badFile(path, fmt.Errorf("mode %v, %d bytes", info.Mode(), info.Size()))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, noFile(path, err)
	}
	root, err := open(path, content, passphrase)
	if err != nil {
		return nil, nil, err
	}
	id, err := rootID(root)
	if err != nil {
		root.Destroy()
		return nil, nil, err
	}
	if tooOpen := info.Mode().Perm() & 0o077; tooOpen != 0 {
		warnings = append(warnings, fmt.Sprintf(
			"root key file %s has mode %04o: others than its owner can read or change it; run: chmod 600 %s",
			path, info.Mode().Perm(), path))
	}
	return &Custodian{id: id, root: root}, warnings, nil
}

// rootID names a root key by a digest that tells nothing else about it.
func rootID(root secret.Bytes) (string, error) {
	var id string
	err := root.Use(func(k []byte) error {
		digest, err := hkdf.Key(sha256.New, k, nil, idInfo, 16)
		id = "software:" + hex.EncodeToString(digest)
		return err
	})
	return id, err
}

// ID names the root key by a digest of it: it stays the same when the file
// moves.
func (c *Custodian) ID() string { return c.id }

// Wrap seals key with aad as its associated data.
func (c *Custodian) Wrap(ctx context.Context, key secret.Bytes, aad []byte) (keystore.Wrapped, error) {
	if err := ctx.Err(); err != nil {
		return keystore.Wrapped{}, err
	}
	w := keystore.Wrapped{Scheme: Scheme}
	err := c.root.Use(func(root []byte) error {
		aead, err := newAEAD(root)
		if err != nil {
			return err
		}
		return key.Use(func(k []byte) error {
			w.Bytes = aead.Seal(nil, nil, k, aad)
			return nil
		})
	})
	if err != nil {
		return keystore.Wrapped{}, fmt.Errorf("wrapping a key: %w", err)
	}
	return w, nil
}

// Unwrap opens what Wrap returned for the same aad. After Close it returns
// secret.ErrDestroyed.
func (c *Custodian) Unwrap(ctx context.Context, w keystore.Wrapped, aad []byte) (secret.Bytes, error) {
	if err := ctx.Err(); err != nil {
		return secret.Bytes{}, err
	}
	if w.Scheme != Scheme {
		return secret.Bytes{}, fmt.Errorf("unwrapping a key: scheme %q is not %q: %w", w.Scheme, Scheme, keystore.ErrDamaged)
	}
	var key secret.Bytes
	err := c.root.Use(func(root []byte) error {
		aead, err := newAEAD(root)
		if err != nil {
			return err
		}
		k, err := aead.Open(nil, nil, w.Bytes, aad)
		if err != nil {
			return keystore.ErrDamaged
		}
		key = secret.New(k)
		return nil
	})
	if err != nil {
		return secret.Bytes{}, fmt.Errorf("unwrapping a key: %w", err)
	}
	return key, nil
}

// Close wipes the root key.
func (c *Custodian) Close() error {
	c.root.Destroy()
	return nil
}

// newAEAD returns AES-256-GCM that makes its own random nonces and keeps them
// before the ciphertext.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func noFile(path string, cause error) error {
	e := &pgerr.Error{
		State: pgerr.StateKeys, Code: pgerr.CustodianFile,
		Message: fmt.Sprintf("the root key file %s cannot be read", path),
		Hint:    "check the path, and that pgveil's user may read the file; docs/KEYS.md tells how one is made",
		Cause:   cause,
	}
	if os.IsNotExist(cause) {
		e.Detail = "there is no such file"
	} else if os.IsPermission(cause) {
		e.Detail = "permission denied"
	}
	return e
}

func badFile(path string, cause error) error {
	return &pgerr.Error{
		State: pgerr.StateKeys, Code: pgerr.CustodianFile,
		Message: fmt.Sprintf("%s is not a root key file", path),
		Detail:  "its content is not what this version of pgveil writes",
		Hint:    "check the path, or restore the file from a backup",
		Cause:   cause,
	}
}

// doesNotOpen is all that is told of a wrong passphrase and of a file that was
// tampered with: nobody learns from it which of the two it was.
func doesNotOpen(path string) error {
	return &pgerr.Error{
		State: pgerr.StateKeys, Code: pgerr.CustodianPassphrase,
		Message: fmt.Sprintf("the root key file %s does not open with this passphrase", path),
		Hint:    "check where the passphrase comes from (a line end, another environment); if it is right, restore the file from a backup",
	}
}

func existsAlready(path string) error {
	return &pgerr.Error{
		State: pgerr.StateKeys, Code: pgerr.CustodianFile,
		Message: fmt.Sprintf("%s exists already", path),
		Detail:  "a root key file is never overwritten: all keys that it wrapped would be lost",
		Hint:    "choose another path, or use the file that is there",
		Cause:   fs.ErrExist,
	}
}
