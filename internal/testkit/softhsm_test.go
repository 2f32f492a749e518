package testkit_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/internal/testkit"
)

func TestStartSoftHSM_makesATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := testkit.StartSoftHSM(t), testkit.StartSoftHSM(t)
	if a.Dir == b.Dir {
		t.Fatal("two tokens share a folder")
	}
	cmd := exec.Command("softhsm2-util", "--show-slots")
	cmd.Env = append(os.Environ(), a.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util --show-slots: %v: %s", err, out)
	}
	if n := strings.Count(string(out), "Label:            "+a.Label); n != 1 {
		t.Errorf("the token is there %d times, want once:\n%s", n, out)
	}
	if _, err := os.Stat(a.Module); err != nil {
		t.Errorf("module: %v", err)
	}
}
