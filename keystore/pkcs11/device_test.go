package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/pgveil/pgveil/internal/secret"
)

// fails is an operation that fails as the module does with code.
func fails(code uint, unwraps bool, calls *int) operation {
	return operation{unwraps: unwraps, do: func(*session) ([]byte, error) {
		*calls++
		return nil, pkcs11.Error(code)
	}}
}

// Each class is tried as often as it may help, and only the device class and
// the PIN class change the device's health.
func TestDevice_triesAsOftenAsItHelps(t *testing.T) {
	for _, tc := range []struct {
		name    string
		code    uint
		unwraps bool
		calls   int
		epochs  uint64
		health  health
	}{
		{"session", pkcs11.CKR_SESSION_HANDLE_INVALID, false, 2, 0, well},
		{"handle", pkcs11.CKR_OBJECT_HANDLE_INVALID, false, 2, 0, well},
		{"login", pkcs11.CKR_USER_NOT_LOGGED_IN, false, 2, 0, well},
		{"data", pkcs11.CKR_WRAPPED_KEY_INVALID, true, 1, 0, well},
		{"general error while unwrapping, token well", pkcs11.CKR_GENERAL_ERROR, true, 1, 0, well},
		{"other", pkcs11.CKR_MECHANISM_INVALID, false, 1, 0, well},
		{"device", pkcs11.CKR_DEVICE_ERROR, false, 2, 2, well}, // it failed again, and was recovered again
		{"general error", pkcs11.CKR_GENERAL_ERROR, false, 2, 2, well},
		{"PIN", pkcs11.CKR_PIN_LOCKED, false, 1, 0, stopped},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := withRoot(t)
			before := c.dev.epoch
			calls := 0
			_, err := c.dev.do(t.Context(), fails(tc.code, tc.unwraps, &calls))
			if !is(err, tc.code) {
				t.Errorf("do = %v, want code 0x%X", err, tc.code)
			}
			if calls != tc.calls {
				t.Errorf("the token was asked %d times, want %d", calls, tc.calls)
			}
			_ = c.dev.waitWell(t.Context()) // for the recovery under way, if any
			c.dev.mu.Lock()
			defer c.dev.mu.Unlock()
			if c.dev.health != tc.health || c.dev.epoch-before != tc.epochs {
				t.Errorf("afterwards health %d, %d restarts, want %d, %d", c.dev.health, c.dev.epoch-before, tc.health, tc.epochs)
			}
		})
	}
}

// Many callers who see the token go away set one recovery off.
func TestDevice_oneRecoveryForAll(t *testing.T) {
	c, _ := withRoot(t)
	before := c.dev.epoch
	if err := c.dev.module.Finalize(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := tryRoundTrip(c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c.dev.mu.Lock()
	defer c.dev.mu.Unlock()
	if got := c.dev.epoch - before; got != 1 {
		t.Errorf("the module was restarted %d times, want once", got)
	}
}

// A call under way keeps the module from being finalized under it.
func TestDevice_recoveryWaitsForCalls(t *testing.T) {
	c, _ := withRoot(t)
	before := c.dev.epoch
	hold, inside := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.dev.do(context.Background(), operation{do: func(s *session) ([]byte, error) {
			close(inside)
			<-hold
			return s.dev.module.GenerateRandom(s.handle, 8)
		}})
		if err != nil {
			t.Errorf("the call under way = %v, want it undisturbed", err)
		}
	})
	<-inside
	calls := 0
	wg.Go(func() { _, _ = c.dev.do(context.Background(), fails(pkcs11.CKR_DEVICE_REMOVED, false, &calls)) })
	for {
		c.dev.mu.Lock()
		waiting := c.dev.health == away && c.dev.quiet != nil
		c.dev.mu.Unlock()
		if waiting {
			break
		}
		time.Sleep(time.Millisecond)
	}
	c.dev.mu.Lock()
	if c.dev.epoch != before {
		t.Error("the module was restarted under a call")
	}
	c.dev.mu.Unlock()
	close(hold)
	wg.Wait()
	eventually(t, c)
}

// Between attempts to recover, calls fail at once instead of piling up.
func TestDevice_failsFastWhileAway(t *testing.T) {
	c, opts := withRoot(t)
	t.Setenv("SOFTHSM2_CONF", "/nonexistent/softhsm2.conf")
	if err := c.dev.module.Finalize(); err != nil {
		t.Fatal(err)
	}
	if err := tryRoundTrip(c); !errors.Is(err, ErrAway) {
		t.Fatalf("use of a token that is away = %v, want ErrAway", err)
	}
	began := time.Now()
	for range 50 {
		if err := tryRoundTrip(c); !errors.Is(err, ErrAway) {
			t.Fatalf("use of a token that is away = %v, want ErrAway", err)
		}
	}
	if took := time.Since(began); took > opts.Timeout {
		t.Errorf("fifty refusals took %v", took)
	}
}

// Neither the PIN nor a key shows in the log, at any level, whatever happens.
func TestCustodian_logsNoSecret(t *testing.T) {
	var out syncBuffer
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &out, zap.DebugLevel)
	_, opts := softHSM(t)
	opts.Log = zap.New(core)
	if _, err := CreateRoot(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, opts)
	roundTrip(t, c)
	if err := c.dev.module.Finalize(); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, c)
	if err := c.Close(); err != nil { // while it is logged in, so is the whole process
		t.Fatal(err)
	}
	wrong := opts
	wrong.PIN = secret.New([]byte("planted-wrong-pin"))
	if _, err := Open(t.Context(), wrong); err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("Open with a wrong PIN = %v", err)
	}
	log := out.String()
	for _, secret := range []string{"2468-user", "planted-wrong-pin", "0123456789abcdef0123456789abcdef"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows %q:\n%s", secret, log)
		}
	}
	for _, want := range []string{"root key found", "token is away", "token is back"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
}

type syncBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) Sync() error { return nil }

func (b *syncBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.String()
}
