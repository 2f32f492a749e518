package keystore

import (
	"fmt"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// The errors of this package that reach a client. What a custodian or a storage
// said goes into Cause: it may name hosts and files.

func keyError(code pgerr.Code, cause error, message, detail, hint string) error {
	return &pgerr.Error{
		State: pgerr.StateKeys, Code: code, Message: message, Detail: detail, Hint: hint, Cause: cause,
	}
}

func away(r Record, cause error) error {
	return keyError(pgerr.KeysAway, cause, fmt.Sprintf("the %s cannot be had now", r),
		"the custodian of the root key does not answer, and no copy in memory is still valid",
		"try again; an administrator finds the cause in pgveil's log and needs not restart it")
}

func storageAway(cause error) error {
	return keyError(pgerr.KeyStorageAway, cause, "the stored keys cannot be read or written now",
		"the table pgveil.key does not answer",
		"try again; an administrator finds the cause in pgveil's log")
}

func damaged(r Record, cause error) error {
	return keyError(pgerr.KeyRecordDamaged, cause, fmt.Sprintf("the record of the %s is damaged", r),
		"what is stored in pgveil.key is not what pgveil wrote there",
		"restore this row of pgveil.key from a backup, and find out who changed it")
}

func twoActive(a, b Record) error {
	return keyError(pgerr.KeyRecordDamaged, nil, fmt.Sprintf("the %s and the %s are both active", a, b),
		"of one purpose only one key may be active",
		"restore these rows of pgveil.key from a backup, and find out who changed them")
}

func halfKeyset(keyset string, there, gone Purpose) error {
	return keyError(pgerr.KeyRecordDamaged, nil, fmt.Sprintf("keyset %q has %s keys but no %s keys", keyset, there, gone),
		"the two are made together, so records are missing",
		"restore the missing rows of pgveil.key from a backup; a new key would not open what is stored")
}

func noVersion(r Record) error {
	return keyError(pgerr.KeyMissing, nil, fmt.Sprintf("there is no %s", r),
		"a stored value names a key of which there is no record",
		"restore the missing row of pgveil.key from a backup")
}

func noActive(keyset string, p Purpose) error {
	return keyError(pgerr.KeyMissing, nil, fmt.Sprintf("keyset %q has no active %s key", keyset, p),
		"", "make the keys with `pgveil apply` or `pgveil keys create`; if they were there before, restore pgveil.key from a backup")
}

func notServed(r Record) error {
	e := &pgerr.Error{
		State: pgerr.StateKeys, Code: pgerr.KeyNotServed,
		Message: fmt.Sprintf("the %s is %s", r, r.State),
		Detail:  "no stored value was believed to need it any more",
		Hint:    "move it back to retiring",
	}
	if r.State == Destroyed {
		e.Hint = "values under it cannot be opened; restore the row of pgveil.key from a backup made before, if there is one"
	}
	return e
}

func otherCustodian(r Record, have string) error {
	return keyError(pgerr.KeyOtherCustodian, nil, fmt.Sprintf("the %s was wrapped by another root key", r),
		fmt.Sprintf("it needs %s, and the configured custodian holds %s", r.Custodian, have),
		"configure the custodian that made the keyset")
}

func stateRefused(r Record, next State) error {
	return keyError(pgerr.KeyStateRefused, nil, fmt.Sprintf("the %s cannot become %s", r, next),
		fmt.Sprintf("it is %s", r.State), "docs/KEYS.md has the table of states")
}

func refused(r Record, next State, detail, hint string) error {
	return keyError(pgerr.KeyStateRefused, nil, fmt.Sprintf("the %s cannot become %s", r, next), detail, hint)
}
