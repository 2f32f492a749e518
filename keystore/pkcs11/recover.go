package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/miekg/pkcs11"
	"go.uber.org/zap"
)

// load opens the shared library. It is never unloaded: modules are known to
// crash on that, and a process opens one or two in its life.
func load(path string) (*pkcs11.Ctx, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, noModule(path, err)
	} else if info.IsDir() {
		return nil, noModule(path, errors.New("it is a folder"))
	}
	module := pkcs11.New(path)
	if module == nil {
		return nil, noModule(path, errors.New("dlopen, or C_GetFunctionList, refused"))
	}
	return module, nil
}

// fallAway notes that the token is away and sets recovery off. The caller holds mu.
func (d *device) fallAway(cause error) {
	if d.health != well {
		return
	}
	d.health, d.why = away, fmt.Errorf("%w: %w", ErrAway, cause)
	d.attempt = make(chan struct{})
	d.opts.Log.Warn("token is away", zap.String("token", d.tokenName()), zap.NamedError("err", cause))
	d.wg.Go(d.recover)
}

// recover tries to bring the token back until it is back, the PIN is refused or
// the device is closed. Only one recovery runs at a time: fallAway starts it,
// and only from well.
func (d *device) recover() {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := d.restart()
		if d.attempted(err) {
			return
		}
		select {
		case <-time.After(pause):
		case <-d.ctx.Done():
			return
		}
		d.mu.Lock()
		d.attempt = make(chan struct{})
		d.mu.Unlock()
	}
}

// attempted notes what an attempt came to, tells who waits for it, and reports
// whether it was the last.
func (d *device) attempted(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		close(d.attempt)
		d.attempt = nil
	}()
	switch {
	case d.health != away: // closed, meanwhile
		return true
	case err == nil:
		d.health, d.why = well, nil
		d.opts.Log.Info("token is back", zap.String("token", d.tokenName()))
		return true
	case classify(err, false) == classPIN:
		d.stop(err)
		return true
	}
	d.why = fmt.Errorf("%w: %w", ErrAway, err)
	d.opts.Log.Debug("token is still away", zap.String("token", d.tokenName()), zap.NamedError("err", err))
	return false
}

// restart finalizes the module and starts it again. While a call is in the
// module it does not touch it.
func (d *device) restart() error {
	ctx, cancel := context.WithTimeout(d.ctx, d.opts.Timeout)
	defer cancel()
	if err := d.waitQuiet(ctx); err != nil {
		return err
	}
	// Not d.within: a hanging start must not be followed by another beside it.
	_ = d.module.Finalize() // it may say that the device is gone, which is why we are here
	return d.start()
}

// start initialises the module, finds the token, logs in and finds the root
// key. No other call is under way.
func (d *device) start() error {
	err := d.module.Initialize()
	if err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return fmt.Errorf("initialising the module: %w", err)
	}
	d.initialised = err == nil
	slot, err := d.findSlot()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.slot = slot
	d.epoch++
	d.idle = nil
	anchor := &session{dev: d, epoch: d.epoch}
	d.anchor = anchor
	d.mu.Unlock()
	d.logins.Add(1) // whatever was found before is void

	if anchor.handle, err = d.module.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
		return fmt.Errorf("opening a session: %w", err)
	}
	anchor.open = true
	if _, err := d.ensureLogin(anchor); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	if d.root.id == nil {
		d.root, err = d.resolve(anchor)
		return err
	}
	_, err = d.findRoot(anchor)
	return err
}

// findSlot returns the slot that holds the token of the wanted label, serial
// number, or both.
func (d *device) findSlot() (uint, error) {
	slots, err := d.module.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("listing tokens: %w", err)
	}
	var found []uint
	var seen, matching []string
	for _, slot := range slots {
		info, err := d.module.GetTokenInfo(slot)
		if err != nil || info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		label, serial := unpad(info.Label), unpad(info.SerialNumber)
		name := fmt.Sprintf("%q of serial number %s", label, serial)
		seen = append(seen, name)
		if (d.opts.Token == "" || d.opts.Token == label) && (d.opts.Serial == "" || d.opts.Serial == serial) {
			found = append(found, slot)
			matching = append(matching, name)
		}
	}
	switch len(found) {
	case 0:
		return 0, noToken(d.tokenName(), seen)
	case 1:
		return found[0], nil
	}
	return 0, twoTokens(d.tokenName(), matching)
}

// unpad removes what fills PKCS#11's fixed-width strings up: blanks, or zeros
// where a module is careless.
func unpad(s string) string { return strings.TrimRight(s, " \x00") }
