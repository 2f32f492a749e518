// Package integration_test runs the program as users do: a real PostgreSQL,
// the pgveil binary between it and real clients, and a plain twin that says
// what is true. Every run plants secrets and searches the sealed server's
// files, its log, its WAL and pgveil's own log for them.
package integration_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pgveil/pgveil/internal/testkit"
)

// shared is what all tests of a run use: servers and the binary take seconds
// to make, so each is made once, by the first test that needs it.
type shared struct {
	dir           string
	plain, sealed func() (*testkit.Postgres, error)
	binary        func() (string, error)

	mu    sync.Mutex
	close []func() error
}

// common is set by TestMain before any test runs.
var common *shared

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "pgveil-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	common = &shared{dir: dir}
	common.plain = sync.OnceValues(common.startServer)
	common.sealed = sync.OnceValues(common.startServer)
	common.binary = sync.OnceValues(common.build)
	defer func() {
		for _, f := range common.close {
			if err := f(); err != nil {
				fmt.Fprintln(os.Stderr, "cleaning up:", err)
				code = 1
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "cleaning up:", err)
			code = 1
		}
	}()
	return m.Run()
}

func (s *shared) startServer() (*testkit.Postgres, error) {
	pg, err := testkit.NewPostgres(testkit.WithSetting("max_connections", "200"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.close = append(s.close, pg.Close)
	s.mu.Unlock()
	return pg, nil
}

// build makes the binary as a release is made, without the race detector.
// PGVEIL_BINARY names one that is there already.
func (s *shared) build() (string, error) {
	if path := os.Getenv("PGVEIL_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(s.dir, "pgveil")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "../cmd/pgveil")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building pgveil: %w: %s", err, out)
	}
	return path, nil
}

// sealedServer returns the server that pgveil stands before.
func sealedServer(t *testing.T) *testkit.Postgres {
	t.Helper()
	pg, err := common.sealed()
	if err != nil {
		testkit.Unavailable(t, err)
	}
	return pg
}

// plainServer returns the server of the twins. It is another one, because
// nothing of a twin may stand in the files that are searched for leaks.
func plainServer(t *testing.T) *testkit.Postgres {
	t.Helper()
	pg, err := common.plain()
	if err != nil {
		testkit.Unavailable(t, err)
	}
	return pg
}

func pgveilBinary(t *testing.T) string {
	t.Helper()
	path, err := common.binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// exitCode returns what a command ended with, and fails the test if it did not run.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}
