package pkcs11

import (
	"github.com/miekg/pkcs11"
)

// session is one session with the token. It does one operation at a time, and
// is used by one goroutine at a time.
type session struct {
	dev *device
	// epoch is the C_Initialize it belongs to. A session of an earlier one must not
	// even be closed: its handle may be another's by now.
	epoch  uint64
	handle pkcs11.SessionHandle
	open   bool
	// root is the handle of the root key, found under the login of that number.
	root  pkcs11.ObjectHandle
	login uint64
}

// operation is what is done with a session.
type operation struct {
	// unwraps says that the operation decrypts or unwraps: see classify.
	unwraps bool
	do      func(*session) ([]byte, error)
}

// run does op, and once for each class what mends the session, the handle of
// the root key or the login. What it returns is nobody's but the caller's.
func (s *session) run(op operation) ([]byte, class, error) {
	var mended [classes]bool
	for {
		out, c, err := s.try(op)
		if mended[c] || !s.mend(c) {
			if c == classOther {
				s.close() // who knows what it has begun
			}
			return out, c, err
		}
		mended[c] = true
	}
}

// mend undoes what c says is broken, and reports whether to try again.
func (s *session) mend(c class) bool {
	switch c {
	case classSession:
		s.open = false // the module says that it is gone
	case classHandle, classLogin:
		// A handle may be void because of a logout, so both lead to the same:
		// ask whether we are logged in, and find the key again.
		s.root, s.login = 0, 0
	default:
		return false
	}
	return true
}

// try does op on an open, logged-in session with the root key at hand.
func (s *session) try(op operation) ([]byte, class, error) {
	if err := s.prepare(); err != nil {
		return nil, classify(err, false), err
	}
	out, err := op.do(s)
	c := classify(err, op.unwraps)
	if op.unwraps && is(err, pkcs11.CKR_GENERAL_ERROR) {
		// A bad ciphertext, or a token that has just gone: ask it for something else.
		if _, gone := s.dev.module.GenerateRandom(s.handle, 8); gone != nil {
			c, err = classify(gone, false), gone
		}
	}
	return out, c, err
}

func (s *session) prepare() error {
	if !s.open {
		handle, err := s.dev.module.OpenSession(s.dev.slot, pkcs11.CKF_SERIAL_SESSION)
		if err != nil {
			return err
		}
		s.handle, s.open, s.root, s.login = handle, true, 0, 0
	}
	login, err := s.dev.ensureLogin(s)
	if err != nil {
		return err
	}
	if s.root != 0 && s.login == login {
		return nil
	}
	root, err := s.dev.findRoot(s)
	if err != nil {
		return err
	}
	s.root, s.login = root, login
	return nil
}

// close closes the session unless the module was initialised anew since.
func (s *session) close() {
	if s.open {
		_ = s.dev.module.CloseSession(s.handle) // it goes with the token at the latest
		s.open = false
	}
}

// find returns the objects that match the template, at most three.
func (s *session) find(template []*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := s.dev.module.FindObjectsInit(s.handle, template); err != nil {
		return nil, err
	}
	objects, _, err := s.dev.module.FindObjects(s.handle, 3)
	if final := s.dev.module.FindObjectsFinal(s.handle); err == nil {
		err = final
	}
	return objects, err
}

// attribute returns one attribute of an object.
func (s *session) attribute(object pkcs11.ObjectHandle, kind uint) ([]byte, error) {
	got, err := s.dev.module.GetAttributeValue(s.handle, object, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil {
		return nil, err
	}
	return got[0].Value, nil
}

// loggedIn reports whether the token takes the session for a user's. Without
// login a private key is not refused but merely not found.
func (s *session) loggedIn() (bool, error) {
	info, err := s.dev.module.GetSessionInfo(s.handle)
	if err != nil {
		return false, err
	}
	return info.State == pkcs11.CKS_RO_USER_FUNCTIONS || info.State == pkcs11.CKS_RW_USER_FUNCTIONS, nil
}
