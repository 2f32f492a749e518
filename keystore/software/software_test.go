package software

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

const passphrase = "correct horse battery staple"

var _ keystore.Custodian = (*Custodian)(nil)

func TestCreate_makesAFileThatOpensAgain(t *testing.T) {
	path := create(t)
	c := mustOpen(t, path)
	key, aad := secret.New(bytes.Repeat([]byte{7}, 32)), []byte("data v1")
	w, err := c.Wrap(t.Context(), key, aad)
	if err != nil {
		t.Fatal(err)
	}
	if w.Scheme != Scheme || len(w.Bytes) != 12+32+16 {
		t.Errorf("Wrap = scheme %q, %d bytes, want %q, 60", w.Scheme, len(w.Bytes), Scheme)
	}

	again := mustOpen(t, path)
	if again.ID() != c.ID() || !strings.HasPrefix(c.ID(), "software:") {
		t.Errorf("ID = %q, then %q, want the same", c.ID(), again.ID())
	}
	got, err := again.Unwrap(t.Context(), w, aad)
	if err != nil || !got.Equal(key) {
		t.Errorf("Unwrap by the custodian opened again: %v, equal %t", err, got.Equal(key))
	}
}

func TestCreate_modeAndNothingLeftBehind(t *testing.T) {
	path := create(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %04o, want 0600", info.Mode().Perm())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v (%v), want only the file", entries, err)
	}
}

func TestCreate_neverOverwrites(t *testing.T) {
	path := create(t)
	before := read(t, path)
	err := Create(path, secret.New([]byte("another passphrase")))
	if !errors.Is(err, fs.ErrExist) || codeOf(err) != pgerr.CustodianFile {
		t.Errorf("Create over a file = %v, want fs.ErrExist", err)
	}
	if !bytes.Equal(before, read(t, path)) {
		t.Error("the file was changed")
	}

	dangling := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(t.TempDir(), "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	if err := Create(dangling, pass()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a dangling link = %v, want fs.ErrExist", err)
	}
}

// Of several that race for one path, one wins and its file opens.
func TestCreate_race(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() { errs[i] = Create(path, pass()) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create = %v, want nil or fs.ErrExist", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 3 have made the file, want 1", won)
	}
	mustOpen(t, path)
}

func TestCreate_refusesShortPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	for _, p := range []secret.Bytes{{}, secret.New([]byte("short"))} {
		if err := Create(path, p); codeOf(err) != pgerr.CustodianPassphrase {
			t.Errorf("Create = %v, want a refusal of the passphrase", err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was left behind")
	}
}

func TestCreate_folderMissing(t *testing.T) {
	if err := Create(filepath.Join(t.TempDir(), "no", "root.key"), pass()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create = %v, want fs.ErrNotExist", err)
	}
}

func TestOpen_missingFile(t *testing.T) {
	_, _, err := Open(filepath.Join(t.TempDir(), "root.key"), pass())
	var e *pgerr.Error
	if !errors.As(err, &e) || e.Code != pgerr.CustodianFile || e.Detail != "there is no such file" || e.Hint == "" {
		t.Errorf("Open = %#v, want a missing file with its cure", err)
	}
}

// A wrong passphrase and a damaged file must not be told apart.
func TestOpen_wrongPassphraseIsNoOracle(t *testing.T) {
	path := copied(t)
	_, _, wrong := Open(path, secret.New([]byte("correct horse battery stapler")))
	if codeOf(wrong) != pgerr.CustodianPassphrase {
		t.Fatalf("Open with a wrong passphrase = %v", wrong)
	}
	edit(t, path, func(f *file) { f.Sealed[20] ^= 1 })
	_, _, tampered := Open(path, pass())
	if tampered == nil || tampered.Error() != wrong.Error() || errors.Unwrap(tampered) != nil || errors.Unwrap(wrong) != nil {
		t.Errorf("Open of a tampered file = %v, want exactly %v", tampered, wrong)
	}
}

func TestOpen_everyFieldIsBound(t *testing.T) {
	for name, change := range map[string]func(*file){
		"salt":      func(f *file) { f.Salt[0] ^= 1 },
		"time":      func(f *file) { f.KDF.Time++ },
		"memory":    func(f *file) { f.KDF.MemoryKiB /= 2 },
		"threads":   func(f *file) { f.KDF.Threads-- },
		"nonce":     func(f *file) { f.Sealed[0] ^= 1 },
		"tag":       func(f *file) { f.Sealed[len(f.Sealed)-1] ^= 1 },
		"truncated": func(f *file) { f.Sealed = f.Sealed[:10] },
		"empty":     func(f *file) { f.Sealed = nil },
	} {
		t.Run(name, func(t *testing.T) {
			path := copied(t)
			edit(t, path, change)
			if _, _, err := Open(path, pass()); codeOf(err) != pgerr.CustodianPassphrase {
				t.Errorf("Open = %v, want a refusal", err)
			}
		})
	}
}

// The header is bound by itself too, not only through the key that it leads to.
func TestFile_headerTellsFilesApart(t *testing.T) {
	base := file{Version: 1, KDF: kdf{Name: "ab", Time: 1, MemoryKiB: 64, Threads: 1}, Salt: []byte("s")}
	for name, change := range map[string]func(*file){
		"version": func(f *file) { f.Version = 2 },
		"name":    func(f *file) { f.KDF.Name = "a" },
		"time":    func(f *file) { f.KDF.Time = 2 },
		"memory":  func(f *file) { f.KDF.MemoryKiB = 65 },
		"threads": func(f *file) { f.KDF.Threads = 2 },
		"salt":    func(f *file) { f.Salt = []byte("ss") },
	} {
		f := base
		change(&f)
		if bytes.Equal(f.header(), base.header()) {
			t.Errorf("%s does not show in the header", name)
		}
	}
}

func TestOpen_notARootKeyFile(t *testing.T) {
	good := read(t, copied(t))
	for name, content := range map[string]string{
		"empty":          "",
		"not json":       "-----BEGIN PRIVATE KEY-----",
		"unknown field":  strings.Replace(string(good), `"version"`, `"extra": 1, "version"`, 1),
		"version":        strings.Replace(string(good), `"version": 1`, `"version": 2`, 1),
		"kdf":            strings.Replace(string(good), "argon2id", "scrypt", 1),
		"huge memory":    strings.Replace(string(good), `"memory_kib": 65536`, `"memory_kib": 4294967295`, 1),
		"no memory":      strings.Replace(string(good), `"memory_kib": 65536`, `"memory_kib": 0`, 1),
		"no time":        strings.Replace(string(good), `"time": 3`, `"time": 0`, 1),
		"endless time":   strings.Replace(string(good), `"time": 3`, `"time": 4000000000`, 1),
		"no threads":     strings.Replace(string(good), `"threads": 4`, `"threads": 0`, 1),
		"trailing":       string(good) + "{}",
		"base64":         strings.Replace(string(good), `"salt": "`, `"salt": "!`, 1),
		"too long":       string(good) + strings.Repeat(" ", maxFile),
		"salt too short": strings.Replace(string(good), saltOf(t, good), "AAAA", 1),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "root.key")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := Open(path, pass()); codeOf(err) != pgerr.CustodianFile {
				t.Errorf("Open = %v, want: not a root key file", err)
			}
		})
	}
	if _, _, err := Open(t.TempDir(), pass()); codeOf(err) != pgerr.CustodianFile {
		t.Errorf("Open of a folder = %v, want: not a root key file", err)
	}
}

func TestOpen_warnsOfAnOpenMode(t *testing.T) {
	path := copied(t)
	for mode, want := range map[fs.FileMode]int{0o600: 0, 0o400: 0, 0o640: 1, 0o604: 1, 0o660: 1} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		c, warnings, err := Open(path, pass())
		if err != nil || len(warnings) != want {
			t.Errorf("Open at mode %04o = %v, warnings %q, want %d", mode, err, warnings, want)
			continue
		}
		_ = c.Close()
	}
}

func TestUnwrap_refusesWhatWasChanged(t *testing.T) {
	c := mustOpen(t, copied(t))
	aad := []byte("data v1")
	good, err := c.Wrap(t.Context(), secret.New(make([]byte, 32)), aad)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good.Bytes {
		bad := keystore.Wrapped{Scheme: good.Scheme, Bytes: bytes.Clone(good.Bytes)}
		bad.Bytes[i] ^= 0x40
		if _, err := c.Unwrap(t.Context(), bad, aad); !errors.Is(err, keystore.ErrDamaged) {
			t.Errorf("Unwrap with byte %d changed = %v, want ErrDamaged", i, err)
		}
	}
	for name, w := range map[string]keystore.Wrapped{
		"empty":        {Scheme: Scheme},
		"short":        {Scheme: Scheme, Bytes: good.Bytes[:20]},
		"other scheme": {Scheme: "aes-key-wrap", Bytes: good.Bytes},
		"no scheme":    {Bytes: good.Bytes},
	} {
		if _, err := c.Unwrap(t.Context(), w, aad); !errors.Is(err, keystore.ErrDamaged) {
			t.Errorf("Unwrap (%s) = %v, want ErrDamaged", name, err)
		}
	}
	if _, err := c.Unwrap(t.Context(), good, []byte("data v2")); !errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("Unwrap with other associated data = %v, want ErrDamaged", err)
	}
	other := mustOpen(t, create(t)) // another root key
	if _, err := other.Unwrap(t.Context(), good, aad); !errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("Unwrap under another root = %v, want ErrDamaged", err)
	}
	if other.ID() == c.ID() {
		t.Error("two root keys have one ID")
	}
}

func TestWrap_neverTwiceTheSame(t *testing.T) {
	c := mustOpen(t, copied(t))
	key := secret.New(make([]byte, 32))
	a, err1 := c.Wrap(t.Context(), key, nil)
	b, err2 := c.Wrap(t.Context(), key, nil)
	if err1 != nil || err2 != nil || bytes.Equal(a.Bytes, b.Bytes) {
		t.Errorf("two wraps: %v, %v, equal %t, want different bytes", err1, err2, bytes.Equal(a.Bytes, b.Bytes))
	}
}

func TestCustodian_endsWithItsContextAndItsClose(t *testing.T) {
	c := mustOpen(t, copied(t))
	key := secret.New(make([]byte, 32))
	w, err := c.Wrap(t.Context(), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wrap(ended, key, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Wrap = %v, want context.Canceled", err)
	}
	if _, err := c.Unwrap(ended, w, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Unwrap = %v, want context.Canceled", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wrap(t.Context(), key, nil); !errors.Is(err, secret.ErrDestroyed) {
		t.Errorf("Wrap after Close = %v, want ErrDestroyed", err)
	}
	if _, err := c.Unwrap(t.Context(), w, nil); !errors.Is(err, secret.ErrDestroyed) || errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("Unwrap after Close = %v, want ErrDestroyed and not ErrDamaged", err)
	}
}

// The vector is never edited: files that are out there must open for ever.
func TestOpen_vector(t *testing.T) {
	c := mustOpen(t, filepath.Join("testdata", "root-v1.key"))
	if want := vectorID; c.ID() != want {
		t.Errorf("ID = %q, want %q", c.ID(), want)
	}
	wrapped, err := base64.StdEncoding.DecodeString(vectorWrapped)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Unwrap(t.Context(), keystore.Wrapped{Scheme: Scheme, Bytes: wrapped}, []byte("vector"))
	if err != nil || !got.Equal(secret.New([]byte("0123456789abcdef0123456789abcdef"))) {
		t.Errorf("Unwrap = %v, or another key", err)
	}
}

func FuzzParse(f *testing.F) {
	content, err := os.ReadFile(filepath.Join("testdata", "root-v1.key"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"version":1,"kdf":{"name":"argon2id","time":1,"memory_kib":8,"threads":1},"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		parsed, err := parse(content)
		if err != nil {
			return
		}
		if parsed.KDF.MemoryKiB > maxMemoryKiB || parsed.KDF.Time > maxTime || parsed.KDF.Threads == 0 || len(parsed.Salt) != saltSize {
			t.Errorf("parse let through %+v", parsed.KDF)
		}
	})
}

// create makes a root key file. It costs Argon2id, so tests that need no root key of
// their own take a copy.
func create(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := Create(path, pass()); err != nil {
		t.Fatal(err)
	}
	return path
}

var once struct {
	sync.Mutex
	content []byte
}

// copied returns a copy of a root key file that is made once.
func copied(t *testing.T) string {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if once.content == nil {
		once.content = read(t, create(t))
	}
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, once.content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t *testing.T, path string) *Custodian {
	t.Helper()
	c, _, err := Open(path, pass())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func pass() secret.Bytes { return secret.New([]byte(passphrase)) }

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func edit(t *testing.T, path string, change func(*file)) {
	t.Helper()
	var f file
	if err := json.Unmarshal(read(t, path), &f); err != nil {
		t.Fatal(err)
	}
	change(&f)
	content, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func saltOf(t *testing.T, content []byte) string {
	t.Helper()
	f, err := parse(content)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(f.Salt)
}

func codeOf(err error) pgerr.Code {
	var e *pgerr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
