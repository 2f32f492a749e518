// Package testkit gives tests the real things: a throw-away PostgreSQL
// ([StartPostgres]), a SoftHSM token ([StartSoftHSM]), and secrets that can be
// recognised wherever they turn up ([Planter], [Leaks]).
//
// A test that needs something this machine does not have is skipped; with
// PGVEIL_REQUIRE_ALL=1 in the environment, as in `make test`, it fails.
package testkit

import (
	"errors"
	"os"
	"testing"
)

// ErrMissing is wrapped by errors that say that a program or a library is not
// installed, as opposed to one that is there and does not work.
var ErrMissing = errors.New("not installed")

// RequireAll reports whether a test must fail rather than be skipped when
// something it needs is missing.
func RequireAll() bool { return os.Getenv("PGVEIL_REQUIRE_ALL") == "1" }

// Unavailable ends the test because of err: it is skipped if err says that
// something is not installed and PGVEIL_REQUIRE_ALL is not set, else it fails.
func Unavailable(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrMissing) && !RequireAll() {
		t.Skip(err)
	}
	t.Fatal(err)
}
