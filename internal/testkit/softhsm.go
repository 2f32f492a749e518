package testkit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// SoftHSM is a PKCS#11 token in a folder of its own.
type SoftHSM struct {
	// Module is the path of the PKCS#11 library.
	Module string
	// Conf is the file that SOFTHSM2_CONF must name in the process that loads
	// the module, when it first does: the library reads it once a process.
	Conf string
	// Dir holds the token's objects.
	Dir string
	// Label names the token. PIN is the user's, SOPIN the security officer's.
	Label, PIN, SOPIN string
}

// Env returns what a process that uses the token needs in its environment.
func (h *SoftHSM) Env() []string { return []string{"SOFTHSM2_CONF=" + h.Conf} }

// StartSoftHSM makes an initialised, empty token that is gone after the test.
// It does not touch this process's environment.
func StartSoftHSM(t testing.TB) *SoftHSM {
	t.Helper()
	h, err := NewSoftHSM(t.TempDir())
	if err != nil {
		Unavailable(t, err)
	}
	return h
}

// NewSoftHSM makes an initialised, empty token under dir.
func NewSoftHSM(dir string) (*SoftHSM, error) {
	module, err := findSoftHSM()
	if err != nil {
		return nil, err
	}
	h := &SoftHSM{
		Module: module, Conf: filepath.Join(dir, "softhsm2.conf"), Dir: filepath.Join(dir, "tokens"),
		Label: "pgveil", PIN: "2468-user", SOPIN: "1357-officer",
	}
	if err := os.Mkdir(h.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the token's folder: %w", err)
	}
	conf := "directories.tokendir = " + h.Dir + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err := os.WriteFile(h.Conf, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("softhsm2-util", "--init-token", "--free", "--label", h.Label, "--pin", h.PIN, "--so-pin", h.SOPIN)
	cmd.Env = append(os.Environ(), h.Env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("running softhsm2-util: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return h, nil
}

// findSoftHSM returns the path of the module: PGVEIL_SOFTHSM, else where
// distributions put it.
func findSoftHSM() (string, error) {
	if path := os.Getenv("PGVEIL_SOFTHSM"); path != "" {
		return path, nil
	}
	if _, err := exec.LookPath("softhsm2-util"); err != nil {
		return "", fmt.Errorf("softhsm2-util: %w (scripts/setup.sh installs it)", ErrMissing)
	}
	for _, pattern := range []string{
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/*/softhsm/libsofthsm2.so",
		"/usr/lib64/*/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so",
	} {
		if paths, _ := filepath.Glob(pattern); len(paths) > 0 { // the patterns are well-formed
			if _, err := os.Stat(paths[0]); !errors.Is(err, fs.ErrNotExist) {
				return paths[0], err
			}
		}
	}
	return "", fmt.Errorf("libsofthsm2.so: %w (scripts/setup.sh installs it)", ErrMissing)
}
