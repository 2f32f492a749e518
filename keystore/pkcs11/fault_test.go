package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/keystore"
)

// Faults are made by calling the module behind the device's back: it cannot
// tell them from a token that was pulled, and nothing is simulated.
func TestCustodian_mendsItself(t *testing.T) {
	c, _ := withRoot(t)
	module := c.dev.module
	for name, harm := range map[string]func() error{
		"all sessions closed": func() error { return module.CloseAllSessions(c.dev.slot) },
		"logged out":          func() error { return logout(c) },
		"finalized":           module.Finalize,
		"finalized and started again": func() error {
			return errors.Join(module.Finalize(), module.Initialize())
		},
	} {
		t.Run(name, func(t *testing.T) {
			roundTrip(t, c)
			if err := harm(); err != nil {
				t.Fatal(err)
			}
			roundTrip(t, c)
		})
	}
}

// logout logs the whole process out, as any other user of the module can.
func logout(c *Custodian) error {
	s, err := c.dev.module.OpenSession(c.dev.slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return err
	}
	return errors.Join(c.dev.module.Logout(s), c.dev.module.CloseSession(s))
}

// Of many who find the token logged out, one logs in.
func TestCustodian_oneLoginForAll(t *testing.T) {
	c, _ := withRoot(t)
	for range 5 {
		roundTrip(t, c)
		before := c.dev.logins.Load()
		if err := logout(c); err != nil {
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
		if got := c.dev.logins.Load() - before; got != 1 {
			t.Errorf("%d logins for eight who waited, want 1", got)
		}
	}
}

// A root key that is gone is an error that nothing retries for ever, and no
// reason to bring the token down.
func TestCustodian_rootKeyDeleted(t *testing.T) {
	c, opts := withRoot(t)
	inToken(t, opts, func(module *pkcs11.Ctx, s pkcs11.SessionHandle) error {
		if err := module.FindObjectsInit(s, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, opts.Key)}); err != nil {
			return err
		}
		found, _, err := module.FindObjects(s, 1)
		if err != nil || len(found) != 1 {
			return errors.Join(err, errors.New("the root key is not there"))
		}
		return errors.Join(module.FindObjectsFinal(s), module.DestroyObject(s, found[0]))
	})
	err := tryRoundTrip(c)
	if !errors.Is(err, errNoRoot) || errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("use without the root key = %v, want errNoRoot", err)
	}
	if err := c.dev.waitWell(t.Context()); err != nil {
		t.Errorf("the token is taken for %v", err)
	}
}

func TestCustodian_damagedIsNotAway(t *testing.T) {
	c, _ := withRoot(t)
	w, err := c.Wrap(t.Context(), secret.New(make([]byte, 32)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Bytes {
		bad := keystore.Wrapped{Scheme: w.Scheme, Bytes: bytes.Clone(w.Bytes)}
		bad.Bytes[i] ^= 0x80
		if _, err := c.Unwrap(t.Context(), bad, nil); !errors.Is(err, keystore.ErrDamaged) || errors.Is(err, ErrAway) {
			t.Errorf("Unwrap with byte %d changed = %v, want ErrDamaged", i, err)
		}
	}
	for name, bad := range map[string]keystore.Wrapped{
		"empty":                {Scheme: w.Scheme},
		"cut short":            {Scheme: w.Scheme, Bytes: w.Bytes[:16]},
		"of odd length":        {Scheme: w.Scheme, Bytes: w.Bytes[:13]},
		"of another scheme":    {Scheme: "aes-gcm", Bytes: w.Bytes},
		"of an unknown scheme": {Scheme: "aes-cbc-pad", Bytes: w.Bytes},
		"of an RSA scheme":     {Scheme: "rsa-oaep-sha1-signed", Bytes: w.Bytes},
	} {
		if _, err := c.Unwrap(t.Context(), bad, nil); !errors.Is(err, keystore.ErrDamaged) {
			t.Errorf("Unwrap of a key %s = %v, want ErrDamaged", name, err)
		}
	}
	roundTrip(t, c)
}

// A call that overruns leaves the others their places, and what it would have
// returned is wiped. The overrunning call is a real one, held up inside.
func TestDevice_overrun(t *testing.T) {
	c, _ := withRoot(t)
	hold, stuck := make(chan struct{}), make(chan struct{})
	late := []byte("a key that came too late")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.dev.do(ctx, operation{do: func(*session) ([]byte, error) {
		close(stuck)
		<-hold
		return late, nil
	}})
	<-stuck
	if !errors.Is(err, ErrOverrun) {
		t.Fatalf("do = %v, want ErrOverrun", err)
	}
	roundTrip(t, c)
	close(hold)
	quiet, cancelQuiet := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancelQuiet()
	if err := c.dev.waitQuiet(quiet); err != nil {
		t.Fatal(err)
	}
	c.dev.mu.Lock()
	defer c.dev.mu.Unlock()
	if !bytes.Equal(late, make([]byte, len(late))) {
		t.Errorf("what came too late was not wiped: %q", late)
	}
	if c.dev.aside != 0 || len(c.dev.places) != 0 {
		t.Errorf("afterwards %d sessions aside and %d places taken, want none", c.dev.aside, len(c.dev.places))
	}
}

// A token that never answers holds a bounded number of threads, and Close does
// not wait for ever, nor finalize the module under a call.
func TestDevice_overrunsAreBounded(t *testing.T) {
	_, opts := softHSM(t)
	if _, err := CreateRoot(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	opts.Sessions, opts.Timeout = 2, 300*time.Millisecond
	c, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := c.dev.do(ctx, operation{do: func(*session) ([]byte, error) { <-hold; return nil, nil }})
		cancel()
		if !errors.Is(err, ErrOverrun) {
			t.Fatalf("do = %v, want ErrOverrun", err)
		}
	}
	c.dev.mu.Lock()
	running := c.dev.running
	c.dev.mu.Unlock()
	if running > 2*opts.Sessions {
		t.Errorf("%d calls hang in the module, want at most %d", running, 2*opts.Sessions)
	}
	if err := c.Close(); !errors.Is(err, ErrOverrun) {
		t.Errorf("Close with calls under way = %v, want ErrOverrun", err)
	}
	close(hold)
	if err := c.dev.waitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.dev.module.Finalize(); err != nil {
		t.Error(err)
	}
}

// remote is SoftHSM behind p11-kit's server, a process that can be ended: what a
// network HSM looks like when it goes away.
type remote struct {
	hsm    *testkit.SoftHSM
	server string
	socket string
	cmd    *exec.Cmd
}

// p11kit returns where p11-kit's server and client module are.
func p11kit(t *testing.T) (server, client string) {
	t.Helper()
	server = "/usr/libexec/p11-kit/p11-kit-server"
	clients, _ := filepath.Glob("/usr/lib/*/pkcs11/p11-kit-client.so") // the pattern is well-formed
	if _, err := os.Stat(server); err != nil || len(clients) == 0 {
		testkit.Unavailable(t, fmt.Errorf("p11-kit and p11-kit-modules: %w (scripts/setup.sh installs them)", testkit.ErrMissing))
	}
	return server, clients[0]
}

// startRemote makes a token with an RSA root key, serves it, and returns the
// options that reach it. p11-kit filters key wrapping and GCM out, so RSA it is.
func startRemote(t *testing.T) (*remote, Options) {
	t.Helper()
	server, client := p11kit(t)
	h, opts := softHSM(t)
	generateRSA(t, opts, 2048, true)
	r := &remote{hsm: h, server: server, socket: filepath.Join(t.TempDir(), "p11")}
	r.start(t)
	t.Cleanup(func() { r.end(t) })
	t.Setenv("P11_KIT_SERVER_ADDRESS", "unix:path="+r.socket)
	opts.Module = client
	return r, opts
}

func (r *remote) start(t *testing.T) {
	t.Helper()
	_ = os.Remove(r.socket)
	r.cmd = exec.Command(r.server, "--foreground", "--name", r.socket,
		"--provider", r.hsm.Module, "pkcs11:token="+r.hsm.Label)
	r.cmd.Env = append(os.Environ(), append(r.hsm.Env(), "XDG_RUNTIME_DIR="+filepath.Dir(r.socket))...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children, one a client, go with it
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", r.socket)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("p11-kit-server does not answer: %v", err)
		}
	}
}

// signal reaches the server and its children.
func (r *remote) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-r.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
}

func (r *remote) end(t *testing.T) {
	t.Helper()
	r.signal(t, syscall.SIGKILL)
	_ = r.cmd.Wait() // it was killed
}

// eventually waits for a custodian to come back by itself.
func eventually(t *testing.T, c *Custodian) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = tryRoundTrip(c); err == nil {
			return
		}
	}
	t.Fatalf("the custodian has not come back: %v", err)
}

func TestRemote_goesAwayAndComesBack(t *testing.T) {
	r, opts := startRemote(t)
	c := mustOpen(t, opts)
	roundTrip(t, c)
	if !strings.HasPrefix(c.Scheme(), "rsa-oaep-") {
		t.Logf("p11-kit lets %s through", c.Scheme())
	}
	for range 2 {
		r.end(t)
		for range 3 {
			began := time.Now()
			err := tryRoundTrip(c)
			if err == nil || errors.Is(err, keystore.ErrDamaged) || errors.Is(err, ErrStopped) {
				t.Fatalf("use while the token is away = %v, want ErrAway", err)
			}
			if !errors.Is(err, ErrAway) && !errors.Is(err, ErrOverrun) {
				t.Errorf("use while the token is away = %v, want ErrAway", err)
			}
			if took := time.Since(began); took > opts.Timeout+time.Second {
				t.Errorf("it took %v to say so", took)
			}
		}
		r.start(t)
		eventually(t, c)
	}
}

// The server stops answering without going away: calls hang in the module until
// it goes on.
func TestRemote_hangs(t *testing.T) {
	r, opts := startRemote(t)
	opts.Timeout = time.Second
	c := mustOpen(t, opts)
	roundTrip(t, c)
	r.signal(t, syscall.SIGSTOP)
	began := time.Now()
	err := tryRoundTrip(c)
	if !errors.Is(err, ErrOverrun) || errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("use of a token that hangs = %v, want ErrOverrun", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to give up", took)
	}
	r.signal(t, syscall.SIGCONT)
	eventually(t, c)
}
