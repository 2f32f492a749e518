package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/pkcs11"
	"go.uber.org/zap"
)

// health is the state of a device.
//
//	from         to           why
//	well         away         a call failed with an error of the device class
//	away         well         recovery came through (recover.go)
//	well, away   stopped      the token refused the PIN
//	any          closed       close
type health int

const (
	well health = iota + 1
	away
	stopped
	closed
)

// device is one login to one token, and a bounded set of sessions with it. A
// call into a module cannot be ended from outside, so each runs in a goroutine
// of its own, and a caller whose time is up leaves it behind: the session is set
// aside until the call returns, if it ever does.
type device struct {
	opts   Options
	module *pkcs11.Ctx
	// resolve finds the root key when the device is opened.
	resolve func(*session) (rootKey, error)
	root    rootKey // set once, in openDevice
	slot    uint    // changed only while no call is under way
	// initialised says that it was we who last initialised the module. Changed as slot is.
	initialised bool

	// places holds a token for each session that may be used.
	places chan struct{}

	// login is held while logging in, so that of all who find the token logged out
	// one logs in. logins counts the logins, from 1; handles of objects found under
	// an earlier one are void.
	login  sync.Mutex
	logins atomic.Uint64

	mu     sync.Mutex
	health health
	why    error // why the health is not well
	epoch  uint64
	idle   []*session
	// anchor is a session that is never used: a token logs out when the last
	// session closes.
	anchor *session
	// running counts the calls under way, aside those that nobody waits for any
	// more; quiet, if not nil, is closed when running reaches 0.
	running, aside int
	quiet          chan struct{}
	// attempt, if not nil, is closed when the recovery under way has come through
	// or failed.
	attempt chan struct{}

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // recovery
}

// openDevice loads the module, logs in and finds the root key.
func openDevice(ctx context.Context, opts Options, resolve func(*session) (rootKey, error)) (*device, error) {
	module, err := load(opts.Module)
	if err != nil {
		return nil, err
	}
	d := &device{
		opts: opts, module: module, resolve: resolve, health: away,
		places: make(chan struct{}, opts.Sessions),
	}
	if opts.PIN.Len() == 0 { // some tokens count even this as a wrong one
		return nil, badPIN(d.tokenName(), errors.New("it is empty"))
	}
	d.logins.Store(1)
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := d.within(ctx, d.start); err != nil {
		_ = d.close()
		switch classify(err, false) {
		case classPIN:
			err = badPIN(d.tokenName(), err)
		case classDevice:
			err = moduleFails(opts.Module, err)
		}
		return nil, fmt.Errorf("opening the token: %w", err)
	}
	d.mu.Lock()
	d.health, d.why = well, nil
	d.mu.Unlock()
	return d, nil
}

func (d *device) rootName() string { return d.root.String() }

// do runs op on a session. If the token turns out to be away, it waits for the
// recovery that this sets off, and tries once more.
func (d *device) do(ctx context.Context, op operation) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	if err := d.waitWell(ctx); err != nil {
		return nil, err
	}
	out, c, err := d.once(ctx, op)
	if c != classDevice {
		return out, err
	}
	if again := d.waitWell(ctx); again != nil {
		return nil, errors.Join(again, err)
	}
	out, _, err = d.once(ctx, op)
	return out, err
}

// waitWell returns nil if the token is well, now or when the attempt to recover
// it that is under way has ended. Between attempts it fails at once.
func (d *device) waitWell(ctx context.Context) error {
	d.mu.Lock()
	health, why, attempt := d.health, d.why, d.attempt
	d.mu.Unlock()
	if health == away && attempt != nil {
		select {
		case <-attempt:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrAway, context.Cause(ctx))
		}
		d.mu.Lock()
		health, why = d.health, d.why
		d.mu.Unlock()
	}
	if health == well {
		return nil
	}
	return why
}

// result is what a call came to.
type result struct {
	out   []byte
	class class
	err   error
}

// call is one operation under way.
type call struct {
	done chan result // buffered
	// left, guarded by device.mu, says that nobody waits any more; kept, that the
	// place is given back only when the call returns.
	left, kept bool
}

// once runs op in a goroutine and waits for it until ctx ends.
func (d *device) once(ctx context.Context, op operation) ([]byte, class, error) {
	select {
	case d.places <- struct{}{}:
	case <-ctx.Done():
		return nil, classOther, fmt.Errorf("%w: every session is busy", ErrOverrun)
	}
	s, err := d.take()
	if err != nil {
		<-d.places
		return nil, classOther, err
	}
	c := &call{done: make(chan result, 1)}
	go func() { // ends when the module returns; close waits for it as long as it can
		var r result
		r.out, r.class, r.err = s.run(op)
		d.finish(c, s, r)
	}()
	select {
	case r := <-c.done:
		return r.out, r.class, r.err
	case <-ctx.Done():
	}
	if d.leave(c) {
		d.opts.Log.Warn("token did not answer in time; session set aside", zap.Duration("timeout", d.opts.Timeout))
		return nil, classOther, fmt.Errorf("%w: %w", ErrOverrun, context.Cause(ctx))
	}
	r := <-c.done // it came through after all
	return r.out, r.class, r.err
}

// take returns an idle session or a new one, not yet open.
func (d *device) take() (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.health != well {
		return nil, d.why
	}
	d.running++
	if n := len(d.idle); n > 0 {
		s := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return s, nil
	}
	return &session{dev: d, epoch: d.epoch}, nil
}

// leave sets a call's session aside, unless the call has ended meanwhile. Its
// place goes to another, until as many sessions are aside as there are places:
// then a token that never answers holds no more threads.
func (d *device) leave(c *call) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(c.done) > 0 {
		return false
	}
	c.left = true
	d.aside++
	if c.kept = d.aside > d.opts.Sessions; !c.kept {
		<-d.places
	}
	return true
}

// finish takes a session back, notes what the result says of the token, and
// hands the result over, or wipes it if nobody waits.
func (d *device) finish(c *call, s *session, r result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.open && d.health == well && s.epoch == d.epoch && r.class != classDevice {
		d.idle = append(d.idle, s)
	} // else it goes, or went, with C_Finalize
	if d.running--; d.running == 0 && d.quiet != nil {
		close(d.quiet)
		d.quiet = nil
	}
	if s.epoch == d.epoch {
		switch r.class {
		case classDevice:
			d.fallAway(r.err)
			r.err = errors.Join(ErrAway, r.err)
		case classPIN:
			d.stop(r.err)
			r.err = d.why
		}
	}
	if c.left {
		clear(r.out)
		d.aside--
	}
	if !c.left || c.kept {
		<-d.places
	}
	if !c.left {
		c.done <- r
	}
}

// stop ends all use of the token. The caller holds mu.
func (d *device) stop(cause error) {
	if d.health == stopped || d.health == closed {
		return
	}
	d.health, d.why = stopped, badPIN(d.tokenName(), cause)
	d.opts.Log.Error("token refused the PIN; it will not be asked again", zap.String("token", d.tokenName()), zap.NamedError("err", cause))
}

// tokenName names the token for people.
func (d *device) tokenName() string {
	switch {
	case d.opts.Serial == "":
		return fmt.Sprintf("%q", d.opts.Token)
	case d.opts.Token == "":
		return fmt.Sprintf("of serial number %s", d.opts.Serial)
	}
	return fmt.Sprintf("%q of serial number %s", d.opts.Token, d.opts.Serial)
}

// ensureLogin returns the number of the login that is in force, after logging
// in if the token says that nobody is.
func (d *device) ensureLogin(s *session) (uint64, error) {
	if login := d.logins.Load(); s.login == login {
		return login, nil
	}
	d.login.Lock()
	defer d.login.Unlock()
	in, err := s.loggedIn()
	if err != nil || in {
		return d.logins.Load(), err
	}
	err = d.opts.PIN.Use(func(pin []byte) error {
		return d.module.Login(s.handle, pkcs11.CKU_USER, string(pin))
	})
	if err != nil && !is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		return 0, err
	}
	return d.logins.Add(1), nil
}

// close ends recovery, waits for calls under way up to the timeout, and lets go
// of the module if none is left: to finalize a module under a call is to risk a crash.
func (d *device) close() error {
	d.mu.Lock()
	if d.health == closed {
		d.mu.Unlock()
		return nil
	}
	d.health, d.why = closed, ErrClosed
	d.mu.Unlock()
	d.cancel()

	ctx, cancel := context.WithTimeout(context.Background(), d.opts.Timeout)
	defer cancel()
	err := d.within(ctx, func() error {
		d.wg.Wait()
		if err := d.waitQuiet(ctx); err != nil {
			return err
		}
		if !d.initialised {
			return nil // another's, or never
		}
		return d.module.Finalize()
	})
	if err != nil && !is(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
		return fmt.Errorf("closing the token: %w", err)
	}
	return nil
}

// within runs f, which calls the module, and leaves it behind when ctx or the
// timeout ends.
func (d *device) within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }() // ends when the module returns
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrOverrun, context.Cause(ctx))
	}
}

// waitQuiet waits until no call is under way.
func (d *device) waitQuiet(ctx context.Context) error {
	d.mu.Lock()
	if d.running == 0 {
		d.mu.Unlock()
		return nil
	}
	if d.quiet == nil {
		d.quiet = make(chan struct{})
	}
	quiet, running := d.quiet, d.running
	d.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %d calls have not returned from the module", ErrOverrun, running)
	}
}

// The pauses between attempts to recover a token.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)
