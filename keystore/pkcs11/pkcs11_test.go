package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/keystore"
)

var _ keystore.Custodian = (*Custodian)(nil)

func TestCreateRoot_thenOpen(t *testing.T) {
	_, opts := softHSM(t)
	id, err := CreateRoot(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, opts)
	if c.ID() != id || !strings.HasPrefix(id, "pkcs11:") || len(id) != len("pkcs11:")+32 {
		t.Errorf("CreateRoot, ID = %q, %q, want the same", id, c.ID())
	}
	if c.Scheme() != "aes-key-wrap" {
		t.Errorf("Scheme = %q, want aes-key-wrap on SoftHSM", c.Scheme())
	}
	roundTrip(t, c)
}

func TestCustodian_unwrapsAfterAnotherStart(t *testing.T) {
	first, opts := withRoot(t)
	key := secret.New(bytes.Repeat([]byte{9}, 32))
	w, err := first.Wrap(t.Context(), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Unwrap(t.Context(), w, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Unwrap after Close = %v, want ErrClosed", err)
	}
	second := mustOpen(t, opts)
	back, err := second.Unwrap(t.Context(), w, nil)
	if err != nil || !back.Equal(key) || second.ID() != first.ID() {
		t.Errorf("Unwrap after another start = %v, IDs %q, %q", err, first.ID(), second.ID())
	}
}

// The root key never leaves the token: neither read nor wrapped.
func TestCreateRoot_keyCannotLeaveTheToken(t *testing.T) {
	c, _ := withRoot(t)
	_, err := c.dev.do(t.Context(), operation{do: func(s *session) ([]byte, error) {
		return s.attribute(s.root, pkcs11.CKA_VALUE)
	}})
	if !is(err, pkcs11.CKR_ATTRIBUTE_SENSITIVE) {
		t.Errorf("reading CKA_VALUE = %v, want CKR_ATTRIBUTE_SENSITIVE", err)
	}
	_, err = c.dev.do(t.Context(), operation{do: func(s *session) ([]byte, error) {
		return s.dev.module.WrapKey(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_WRAP, nil)}, s.root, s.root)
	}})
	if !is(err, pkcs11.CKR_KEY_UNEXTRACTABLE) {
		t.Errorf("wrapping the root key = %v, want CKR_KEY_UNEXTRACTABLE", err)
	}
	for kind, want := range map[uint]byte{
		pkcs11.CKA_SENSITIVE: 1, pkcs11.CKA_ALWAYS_SENSITIVE: 1, pkcs11.CKA_NEVER_EXTRACTABLE: 1, pkcs11.CKA_LOCAL: 1,
		pkcs11.CKA_PRIVATE: 1, pkcs11.CKA_TOKEN: 1, pkcs11.CKA_EXTRACTABLE: 0, pkcs11.CKA_MODIFIABLE: 0, pkcs11.CKA_DERIVE: 0,
	} {
		got, err := c.dev.do(t.Context(), operation{do: func(s *session) ([]byte, error) { return s.attribute(s.root, kind) }})
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("attribute 0x%X = %v, %v, want %d", kind, got, err, want)
		}
	}
}

// What passes through the token on its way leaves no object behind.
func TestCustodian_leavesNoObjects(t *testing.T) {
	c, _ := withRoot(t)
	for range 5 {
		roundTrip(t, c)
	}
	_, err := c.dev.do(t.Context(), operation{do: func(s *session) ([]byte, error) {
		all, err := s.find(nil)
		if len(all) != 1 {
			t.Errorf("the token shows %d objects, want the root key only", len(all))
		}
		return nil, err
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateRoot_refusesATakenLabel(t *testing.T) {
	c, opts := withRoot(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateRoot(t.Context(), opts); code(t, err) != pgerr.CustodianKey {
		t.Errorf("CreateRoot of a taken label = %v, want custodian-key", err)
	}
	opts.Key = ""
	if _, err := CreateRoot(t.Context(), opts); err == nil {
		t.Error("CreateRoot without a label made a key")
	}
}

func TestOpen_moduleMissing(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "module.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "nowhere.so"), dir, text, ""} {
		if _, err := Open(t.Context(), Options{Module: path}); code(t, err) != pgerr.CustodianModule {
			t.Errorf("Open(%q) = %v, want custodian-module", path, err)
		}
	}
}

func TestOpen_moduleDoesNotStart(t *testing.T) {
	_, opts := softHSM(t)
	t.Setenv("SOFTHSM2_CONF", filepath.Join(t.TempDir(), "nowhere.conf"))
	if _, err := Open(t.Context(), opts); code(t, err) != pgerr.CustodianModule && code(t, err) != pgerr.CustodianToken {
		t.Errorf("Open with a broken configuration = %v", err)
	}
}

func TestOpen_tokenMissing(t *testing.T) {
	_, opts := softHSM(t)
	opts.Token = "another"
	_, err := Open(t.Context(), opts)
	if code(t, err) != pgerr.CustodianToken || !strings.Contains(err.Error(), `"pgveil"`) {
		t.Errorf("Open = %v, want custodian-token that names the tokens there are", err)
	}
	opts.Token, opts.Serial = "pgveil", "0000"
	if _, err := Open(t.Context(), opts); code(t, err) != pgerr.CustodianToken {
		t.Errorf("Open by a wrong serial number = %v, want custodian-token", err)
	}
}

func TestOpen_twoTokensOfOneLabel(t *testing.T) {
	h, opts := softHSM(t)
	cmd := exec.Command("softhsm2-util", "--init-token", "--free", "--label", h.Label, "--pin", h.PIN, "--so-pin", h.SOPIN)
	cmd.Env = append(os.Environ(), h.Env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, err := CreateRoot(t.Context(), opts)
	if code(t, err) != pgerr.CustodianToken {
		t.Fatalf("CreateRoot = %v, want custodian-token", err)
	}
	var e *pgerr.Error
	errors.As(err, &e)
	serial := strings.Fields(e.Detail[strings.Index(e.Detail, "serial number ")+len("serial number "):])[0]
	opts.Serial = strings.TrimSuffix(serial, ",")
	if _, err := CreateRoot(t.Context(), opts); err != nil {
		t.Fatalf("CreateRoot by serial number = %v", err)
	}
	opts.Token = ""
	roundTrip(t, mustOpen(t, opts))
}

// A wrong PIN is tried once. SoftHSM says when one more try would do harm.
func TestOpen_wrongPIN(t *testing.T) {
	c, opts := withRoot(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{"0000-wrong", "x", ""} {
		wrong := opts
		wrong.PIN = secret.New([]byte(pin))
		_, err := Open(t.Context(), wrong)
		if code(t, err) != pgerr.CustodianPIN || !errors.Is(err, ErrStopped) {
			t.Errorf("Open with PIN %q = %v, want custodian-pin", pin, err)
		}
	}
	roundTrip(t, mustOpen(t, opts)) // not locked
}

// A token whose PIN was changed while we were logged in is not asked again and
// again after a restart of it.
func TestCustodian_pinRefusedOnRecoveryStops(t *testing.T) {
	c, opts := withRoot(t)
	wrong := secret.New([]byte("0000-wrong"))
	c.dev.mu.Lock()
	c.dev.opts.PIN = wrong
	c.dev.mu.Unlock()
	if err := c.dev.module.Finalize(); err != nil { // the device class, for real
		t.Fatal(err)
	}
	for range 3 {
		if err := tryRoundTrip(c); !errors.Is(err, ErrStopped) {
			t.Errorf("use after a refused PIN = %v, want ErrStopped", err)
		}
	}
	if got := c.dev.logins.Load(); got > 4 {
		t.Errorf("the token was asked to log in after it refused: %d", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, mustOpen(t, opts)) // not locked
}

func TestOpen_unfitKeys(t *testing.T) {
	attr := pkcs11.NewAttribute
	for name, make := range map[string]func(t *testing.T, opts Options){
		"missing":     func(*testing.T, Options) {},
		"extractable": func(t *testing.T, o Options) { generateAES(t, o, attr(pkcs11.CKA_EXTRACTABLE, true)) },
		"readable":    func(t *testing.T, o Options) { generateAES(t, o, attr(pkcs11.CKA_SENSITIVE, false)) },
		"without ID":  func(t *testing.T, o Options) { generateAES(t, o, attr(pkcs11.CKA_ID, []byte{})) },
		"twice":       func(t *testing.T, o Options) { generateAES(t, o); generateAES(t, o) },
		"short RSA":   func(t *testing.T, o Options) { generateRSA(t, o, 1024, true) },
	} {
		t.Run(name, func(t *testing.T) {
			_, opts := softHSM(t)
			make(t, opts)
			c, err := Open(t.Context(), opts)
			if code(t, err) != pgerr.CustodianKey {
				t.Errorf("Open = %v, %v, want custodian-key", c, err)
			}
		})
	}
}

func TestOpen_keyThatMayNotWrap(t *testing.T) {
	_, opts := softHSM(t)
	no := func(kind uint) *pkcs11.Attribute { return pkcs11.NewAttribute(kind, false) }
	generateAES(t, opts, no(pkcs11.CKA_WRAP), no(pkcs11.CKA_ENCRYPT))
	if _, err := Open(t.Context(), opts); code(t, err) != pgerr.CustodianScheme {
		t.Errorf("Open = %v, want custodian-scheme", err)
	}
}

// A key that may encrypt and not wrap makes the next scheme in the order serve.
func TestOpen_choosesByTrying(t *testing.T) {
	_, opts := softHSM(t)
	generateAES(t, opts, pkcs11.NewAttribute(pkcs11.CKA_WRAP, false))
	c := mustOpen(t, opts)
	if c.Scheme() != "aes-gcm" {
		t.Errorf("Scheme = %q, want aes-gcm", c.Scheme())
	}
	roundTrip(t, c)
}

func TestCustodian_concurrently(t *testing.T) {
	c, _ := withRoot(t)
	var wg sync.WaitGroup
	for range 12 { // more than there are sessions
		wg.Go(func() {
			for range 20 {
				if err := tryRoundTrip(c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c.dev.mu.Lock()
	defer c.dev.mu.Unlock()
	if n := len(c.dev.idle); n == 0 || n > 4 || c.dev.running != 0 || len(c.dev.places) != 0 {
		t.Errorf("afterwards %d sessions idle, %d calls running, %d places taken, want 1 to 4, 0, 0", n, c.dev.running, len(c.dev.places))
	}
}

func TestCustodian_callersContext(t *testing.T) {
	c, _ := withRoot(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wrap(ctx, secret.New(make([]byte, 32)), nil); err == nil || errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("Wrap with an ended context = %v", err)
	}
	roundTrip(t, c)
}

func TestCustodian_closeTwice(t *testing.T) {
	c, _ := withRoot(t)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := tryRoundTrip(c); !errors.Is(err, ErrClosed) {
		t.Errorf("use after Close = %v, want ErrClosed", err)
	}
}

// The whole store on a token: what a demo with SoftHSM does.
func TestStore_onAToken(t *testing.T) {
	c, _ := withRoot(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	pg := testkit.StartPostgres(t)
	storage := openStorage(t, pg)
	s, err := keystore.Open(ctx, storage, c, keystore.Options{Refresh: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "people"); err != nil {
		t.Fatal(err)
	}
	_, key, err := s.Keyset("people").Active(ctx)
	if err != nil || key.Len() != keystore.KeySize {
		t.Fatalf("Active = %v", err)
	}
	infos, err := s.List(ctx)
	if err != nil || len(infos) != 2 || infos[0].Scheme != "aes-key-wrap" || infos[0].Custodian != c.ID() {
		t.Errorf("List = %+v, %v", infos, err)
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
	s.Close()
}
