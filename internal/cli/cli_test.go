package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/strictyaml"
)

func TestReport(t *testing.T) {
	problems := &strictyaml.Problems{
		{File: "a", Line: 1, Column: 2, Path: "x", Why: "is wrong", Hint: "write y"},
		{File: "--listen", Why: "is no address"},
	}
	for _, tc := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"done", nil, 0, ""},
		{"told already", errReported, 1, ""},
		{"any error", errors.New("it broke"), 1, "pgveil: error: it broke\n"},
		{"interrupted", fmt.Errorf("sealing: %w", context.Canceled), 1, "pgveil: error: interrupted\npgveil: hint: what was done stays done; run it again to go on\n"},
		{"usage", &usageError{message: "no", hint: "do"}, 2, "pgveil: error: no\npgveil: hint: do\n"},
		{"problems", fmt.Errorf("loading: %w", problems), 2, "pgveil: error: a:1:2: x: is wrong (write y)\npgveil: error: --listen: is no address\n"},
		{"one of ours, with its cause", fmt.Errorf("opening: %w", &pgerr.Error{
			State: "58000", Code: pgerr.KeysAway, Message: "no keys", Hint: "look", Cause: errors.New("token gone"),
		}), 1, "pgveil: error: opening: no keys (SQLSTATE 58000, keys-away): token gone\npgveil: hint: look\n"},
		// A token locks after a few wrong PINs: a supervisor must not start it again.
		{"a wrong PIN", &pgerr.Error{State: "58000", Code: pgerr.CustodianPIN, Message: "wrong PIN"}, 2,
			"pgveil: error: wrong PIN (SQLSTATE 58000, custodian-pin)\n"},
		{"no secret", fmt.Errorf("x: %w", config.ErrNoSecret), 2, "pgveil: error: x: secret cannot be had\n"},
	} {
		var out bytes.Buffer
		if got := report(&out, tc.err); got != tc.code {
			t.Errorf("%s: report = %d, want %d", tc.name, got, tc.code)
		}
		if out.String() != tc.want {
			t.Errorf("%s: report says %q, want %q", tc.name, out.String(), tc.want)
		}
	}
}

// Every command has help that is written by hand, names the command and ends with an example.
func TestEveryCommandHasHelp(t *testing.T) {
	root := newRoot(IO{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	count := 0
	for _, cmd := range append(root.Commands(), newKeys(IO{}).Commands()...) {
		count++
		if cmd.Name() == "help" {
			continue
		}
		if !strings.Contains(cmd.Long, "Usage:\n    pgveil ") || !strings.Contains(cmd.Long, "\nExample:\n    $ ") {
			t.Errorf("%s: help has no usage or no example:\n%s", cmd.Name(), cmd.Long)
		}
		for line := range strings.Lines(cmd.Long) {
			if len([]rune(line)) > 91 {
				t.Errorf("%s: help has a line of %d characters: %s", cmd.Name(), len(line), line)
			}
		}
		if !strings.HasSuffix(cmd.Long, "\n") {
			t.Errorf("%s: help does not end with a line end", cmd.Name())
		}
		for _, name := range []string{"config", "server", "database", "listen", "offline", "user", "search-path", "log-format", "log-level"} {
			inFlags, inHelp := cmd.Flags().Lookup(name) != nil, strings.Contains(cmd.Long, "    --"+name+" ")
			if inFlags != inHelp {
				t.Errorf("%s: flag --%s is taken: %v, in the help: %v", cmd.Name(), name, inFlags, inHelp)
			}
		}
	}
	if count < 10 {
		t.Errorf("%d commands, want 10", count)
	}
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	l := logSettings{format: "json", level: "warn"}
	log, err := l.logger(&out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("not shown")
	log.Warn("shown", zap.String("database", "reg"))
	if got := out.String(); strings.Contains(got, "not shown") || !strings.Contains(got, `"level":"warn"`) || !strings.Contains(got, `"database":"reg"`) {
		t.Errorf("log = %s, want one warning in JSON", got)
	}
	out.Reset()
	l = logSettings{format: "console", level: "debug"}
	if log, err = l.logger(&out); err != nil {
		t.Fatal(err)
	}
	log.Debug("shown")
	if got := out.String(); !strings.Contains(got, "DEBUG\tshown") || strings.Contains(got, "\x1b[") {
		t.Errorf("log = %q, want a plain line", got)
	}
}

func TestSearchPath(t *testing.T) {
	for setting, want := range map[string]string{
		`"$user", public`:          "pg_catalog ann public",
		`app,  "Odd Name" , extra`: "pg_catalog app Odd Name extra",
		"":                         "pg_catalog",
		"pg_catalog, x":            "pg_catalog x",
	} {
		if got := strings.Join(searchPath(setting, "ann"), " "); got != want {
			t.Errorf("searchPath(%q) = %s, want %s", setting, got, want)
		}
	}
}
