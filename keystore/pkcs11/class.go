package pkcs11

import (
	"errors"

	"github.com/miekg/pkcs11"
)

// class says what an error of a module means for what to do next. Five modules
// were measured; docs/KEYS.md has the table.
type class int

const (
	// classNone is no error.
	classNone class = iota
	// classOther is an error of which nothing is known: it is passed on, nothing is retried.
	classOther
	// classSession: drop the session, retry once on a new one.
	classSession
	// classHandle: find the object again, retry once.
	classHandle
	// classLogin: log in, once for all who wait, and retry once.
	classLogin
	// classDevice: the token is away. Nothing less than C_Finalize, C_Initialize,
	// login and finding the key again brings it back.
	classDevice
	// classPIN: stop. Each retry brings the token nearer to locking itself.
	classPIN
	// classData: what the token was given is wrong; the token is well.
	classData
	classes
)

// classify tells the class of err. unwrapping says that the call decrypts or
// unwraps, where CKR_GENERAL_ERROR is what some modules say to a bad ciphertext.
func classify(err error, unwrapping bool) class {
	if err == nil {
		return classNone
	}
	var code pkcs11.Error
	if !errors.As(err, &code) {
		return classOther
	}
	switch uint(code) {
	case pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_SESSION_PARALLEL_NOT_SUPPORTED:
		return classSession
	case pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_KEY_HANDLE_INVALID,
		pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID, pkcs11.CKR_UNWRAPPING_KEY_HANDLE_INVALID:
		return classHandle
	case pkcs11.CKR_USER_NOT_LOGGED_IN:
		return classLogin
	case pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, pkcs11.CKR_DEVICE_REMOVED,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED:
		return classDevice
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LOCKED,
		// Not seen from the five, but to retry these would be as wrong.
		pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_EXPIRED:
		return classPIN
	case pkcs11.CKR_ENCRYPTED_DATA_INVALID, pkcs11.CKR_ENCRYPTED_DATA_LEN_RANGE,
		pkcs11.CKR_WRAPPED_KEY_INVALID, pkcs11.CKR_SIGNATURE_INVALID:
		return classData
	case pkcs11.CKR_GENERAL_ERROR:
		if unwrapping {
			return classData
		}
		return classDevice
	}
	return classOther
}

// is reports whether err is the module's code.
func is(err error, code uint) bool {
	var e pkcs11.Error
	return errors.As(err, &e) && uint(e) == code
}
