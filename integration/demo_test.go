package integration_test

import (
	"context"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/internal/demo"
)

// What `make demo` shows is what happened: it fails by itself if something is
// found in clear, if the guard lets plaintext in, or if a view cannot be read.
func TestDemo(t *testing.T) {
	t.Parallel()
	for name, hsm := range map[string]bool{"software": false, "SoftHSM": true} {
		t.Run(name, func(t *testing.T) { // one after the other: both want the same port
			sealedServer(t) // or the test is skipped
			var out strings.Builder
			err := demo.Run(t.Context(), &out, demo.Options{People: 60, HSM: hsm, Binary: pgveilBinary(t), Configs: "../configs"})
			if err != nil {
				t.Fatalf("Run() = %v\n%s", err, out.String())
			}
			custodian := map[bool]string{false: "software:", true: "pkcs11:"}[hsm]
			for _, want := range []string{custodian, "60 invented people", "registrar", "decrypt-fields", "pv1.", "ERROR 23514", "none is there", "make demo KEEP=1"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the show does not have %q:\n%s", want, out.String())
				}
			}
		})
	}
}

// Interrupted, it cleans up and says so.
func TestDemo_interrupted(t *testing.T) {
	t.Parallel()
	sealedServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := demo.Run(ctx, &out, demo.Options{People: 10, Binary: pgveilBinary(t), Configs: "../configs"}); err == nil {
		t.Errorf("Run() = nil with a context that is done:\n%s", out.String())
	}
}
