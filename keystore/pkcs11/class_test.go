package pkcs11

import (
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"
)

// The codes that five real tokens gave, and what recovered from each.
func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		code               uint
		otherwise, unwraps class
	}{
		{0xB3, classSession, classSession},
		{0xB0, classSession, classSession},
		{0xB4, classSession, classSession},
		{0x82, classHandle, classHandle},
		{0x60, classHandle, classHandle},
		{0x113, classHandle, classHandle}, // of C_WrapKey, SoftHSM after C_Logout
		{0xF0, classHandle, classHandle},  // of C_UnwrapKey, likewise
		{0x101, classLogin, classLogin},
		{0x30, classDevice, classDevice},
		{0x31, classDevice, classDevice},
		{0x32, classDevice, classDevice},
		{0xE0, classDevice, classDevice},
		{0x190, classDevice, classDevice},
		{0x5, classDevice, classData},
		{0xA0, classPIN, classPIN},
		{0xA4, classPIN, classPIN},
		{0x40, classData, classData},
		{0x41, classData, classData},
		{0x110, classData, classData},
		{0xC0, classData, classData},
		{0x70, classOther, classOther}, // CKR_MECHANISM_INVALID
		{0x54, classOther, classOther}, // CKR_FUNCTION_NOT_SUPPORTED
	} {
		err := fmt.Errorf("doing: %w", pkcs11.Error(tc.code))
		if got := classify(err, false); got != tc.otherwise {
			t.Errorf("classify(0x%X, false) = %d, want %d", tc.code, got, tc.otherwise)
		}
		if got := classify(err, true); got != tc.unwraps {
			t.Errorf("classify(0x%X, true) = %d, want %d", tc.code, got, tc.unwraps)
		}
	}
	if classify(nil, true) != classNone || classify(errors.New("x"), true) != classOther {
		t.Error("no error and an error that is not the module's must be told apart from its codes")
	}
}

// What is not a token's fault must not bring it down, and a refused PIN least of all.
func TestMend_onlyWhatCanBeMended(t *testing.T) {
	for c := classNone; c < classes; c++ {
		s := &session{open: true, root: 7, login: 3}
		want := c == classSession || c == classHandle || c == classLogin
		if got := s.mend(c); got != want {
			t.Errorf("mend(%d) = %t, want %t", c, got, want)
		}
	}
}
