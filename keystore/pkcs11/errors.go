package pkcs11

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Errors of a device, for errors.Is. Store hides them from clients.
var (
	// ErrAway says that the token does not answer. It is being looked for.
	ErrAway = errors.New("token is away")
	// ErrStopped says that the token refused the PIN, so it is not asked again.
	ErrStopped = errors.New("token refused the PIN and is not asked again")
	// ErrOverrun says that the token did not answer in time.
	ErrOverrun = errors.New("token did not answer in time")
	// ErrClosed says that the custodian was closed.
	ErrClosed = errors.New("custodian is closed")
)

func custodianError(code pgerr.Code, cause error, message, detail, hint string) error {
	return &pgerr.Error{
		State: pgerr.StateKeys, Code: code, Message: message, Detail: detail, Hint: hint, Cause: cause,
	}
}

func noModule(path string, cause error) error {
	return custodianError(pgerr.CustodianModule, cause, fmt.Sprintf("the PKCS#11 module %s cannot be loaded", path),
		"", "check the path; on Debian SoftHSM's is /usr/lib/softhsm/libsofthsm2.so, of package softhsm2")
}

func moduleFails(path string, cause error) error {
	return custodianError(pgerr.CustodianModule, cause, fmt.Sprintf("the PKCS#11 module %s does not start", path),
		cause.Error(), "check the module's own configuration, for SoftHSM the file that SOFTHSM2_CONF names")
}

func noToken(wanted string, seen []string) error {
	detail := "the module shows no token"
	if len(seen) > 0 {
		detail = "the module shows " + strings.Join(seen, ", ")
	}
	return custodianError(pgerr.CustodianToken, nil, fmt.Sprintf("there is no token %s", wanted), detail,
		"check the label or the serial number, and that the token is initialised and plugged in or reachable")
}

func twoTokens(wanted string, seen []string) error {
	return custodianError(pgerr.CustodianToken, nil, fmt.Sprintf("there are several tokens %s", wanted),
		"the module shows "+strings.Join(seen, ", "), "name the token by its serial number")
}

func badPIN(token string, cause error) error {
	return custodianError(pgerr.CustodianPIN, errors.Join(ErrStopped, cause), fmt.Sprintf("token %s refused the PIN", token),
		cause.Error(), "check the user PIN and start again; pgveil has tried once and will not try more, since tokens lock after a few wrong ones")
}

func noKey(label, token string) error {
	return custodianError(pgerr.CustodianKey, nil, fmt.Sprintf("there is no root key %q in token %s", label, token),
		"", "check the label, or make a root key; docs/KEYS.md tells how")
}

func unfitKey(label, detail, hint string) error {
	return custodianError(pgerr.CustodianKey, nil, fmt.Sprintf("key %q is not fit to be a root key", label), detail, hint)
}

func keyExists(label, token string) error {
	return custodianError(pgerr.CustodianKey, nil, fmt.Sprintf("there is a key %q in token %s already", label, token),
		"", "use that one, or take another label")
}

func noScheme(tried []error) error {
	return custodianError(pgerr.CustodianScheme, errors.Join(tried...), "the token cannot wrap keys in a way that notices tampering",
		"no scheme passed its self-test; the log has the reasons",
		"make an AES key that may wrap and encrypt, or an RSA key that may decrypt and sign; docs/KEYS.md has the schemes")
}
