package software

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/argon2"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

const (
	fileVersion = 1
	kdfName     = "argon2id"
	// maxFile bounds what is read: a root key file has some 300 bytes.
	maxFile = 16 << 10
	// headerLabel begins the associated data of the sealed root key.
	headerLabel = "pgveil root key file v1"
)

// The cost of a passphrase guess: RFC 9106's second recommendation. What a file
// may ask for is bounded, so that a planted one cannot take all memory.
const (
	kdfTime      = 3
	kdfMemoryKiB = 64 << 10
	kdfThreads   = 4
	saltSize     = 16

	maxTime      = 64
	maxMemoryKiB = 4 << 20
)

// file is the JSON of a root key file.
type file struct {
	Version int    `json:"version"`
	KDF     kdf    `json:"kdf"`
	Salt    []byte `json:"salt"`
	// Sealed is AES-256-GCM under the derived key: nonce, ciphertext, tag.
	Sealed []byte `json:"sealed"`
}

type kdf struct {
	Name      string `json:"name"`
	Time      uint32 `json:"time"`
	MemoryKiB uint32 `json:"memory_kib"`
	Threads   uint8  `json:"threads"`
}

// seal returns the content of a root key file.
func seal(root, passphrase secret.Bytes) ([]byte, error) {
	f := file{
		Version: fileVersion,
		KDF:     kdf{Name: kdfName, Time: kdfTime, MemoryKiB: kdfMemoryKiB, Threads: kdfThreads},
		Salt:    make([]byte, saltSize),
	}
	if _, err := rand.Read(f.Salt); err != nil {
		return nil, fmt.Errorf("sealing a root key: %w", err)
	}
	err := f.withKey(passphrase, func(key []byte) error {
		aead, err := newAEAD(key)
		if err != nil {
			return err
		}
		return root.Use(func(k []byte) error {
			f.Sealed = aead.Seal(nil, nil, k, f.header())
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sealing a root key: %w", err)
	}
	content, err := json.MarshalIndent(f, "", "  ")
	return append(content, '\n'), err
}

// open returns the root key in content.
func open(path string, content []byte, passphrase secret.Bytes) (secret.Bytes, error) {
	f, err := parse(content)
	if err != nil {
		return secret.Bytes{}, badFile(path, err)
	}
	var root []byte
	err = f.withKey(passphrase, func(key []byte) error {
		aead, err := newAEAD(key)
		if err != nil {
			return err
		}
		root, err = aead.Open(nil, nil, f.Sealed, f.header())
		return err
	})
	if err != nil || len(root) != keystore.KeySize {
		clear(root)
		return secret.Bytes{}, doesNotOpen(path)
	}
	return secret.New(root), nil
}

// parse reads a file strictly: an unknown field, a second value or a cost out
// of bounds is an error.
func parse(content []byte) (file, error) {
	var f file
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return file{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return file{}, errors.New("there is more after the JSON object")
	}
	switch {
	case f.Version != fileVersion:
		return file{}, fmt.Errorf("version %d", f.Version)
	case f.KDF.Name != kdfName:
		return file{}, fmt.Errorf("kdf %q", f.KDF.Name)
	case f.KDF.Time < 1 || f.KDF.Time > maxTime, f.KDF.Threads < 1,
		f.KDF.MemoryKiB < 8*uint32(f.KDF.Threads) || f.KDF.MemoryKiB > maxMemoryKiB:
		return file{}, fmt.Errorf("kdf cost out of bounds: %+v", f.KDF)
	case len(f.Salt) != saltSize:
		return file{}, fmt.Errorf("salt of %d bytes", len(f.Salt))
	}
	return f, nil
}

// withKey calls use with the key that passphrase gives, and wipes it after.
func (f file) withKey(passphrase secret.Bytes, use func(key []byte) error) error {
	return passphrase.Use(func(p []byte) error {
		key := argon2.IDKey(p, f.Salt, f.KDF.Time, f.KDF.MemoryKiB, f.KDF.Threads, keystore.KeySize)
		defer clear(key)
		return use(key)
	})
}

// header is the associated data: all of the file but what is sealed.
func (f file) header() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(headerLabel)))
	b = append(b, headerLabel...)
	b = binary.BigEndian.AppendUint32(b, uint32(f.Version))
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.KDF.Name)))
	b = append(b, f.KDF.Name...)
	b = binary.BigEndian.AppendUint32(b, f.KDF.Time)
	b = binary.BigEndian.AppendUint32(b, f.KDF.MemoryKiB)
	b = append(b, f.KDF.Threads)
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Salt)))
	return append(b, f.Salt...)
}

// writeNew writes a file that was not there, whole or not at all. It links a
// finished file into place, because a rename would replace one that is there.
func writeNew(path string, content []byte) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return existsAlready(path)
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".root-key-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	switch err := os.Link(tmp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return existsAlready(path)
	case err != nil:
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(dir)
}

// syncDir makes the new name itself durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}
