// Package cli is the command line. It reads flags and files, builds what a
// command needs out of the other packages, prints, and turns errors into exit
// codes: 0 done, 1 ran and failed, 2 usage or configuration, where running it
// again will not help.
//
// [Run] is all that main calls. Each command has a file: serve.go, check.go,
// apply.go, explain.go, lint.go, keys.go; help.go holds what people read. stdout is
// data, stderr is talk.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/strictyaml"
)

// IO are the streams of a command.
type IO struct {
	// In is read where a file is asked for and - is given.
	In io.Reader
	// Out is for data, Err for people.
	Out, Err io.Writer
	// Reload asks serve to read its policies again. It may be nil.
	Reload <-chan os.Signal
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run runs one command and returns its exit code. It has said on streams.Err
// what went wrong.
func Run(ctx context.Context, args []string, streams IO) int {
	root := newRoot(streams)
	root.SetArgs(args)
	return report(streams.Err, root.ExecuteContext(ctx))
}

// newRoot returns the tree of commands.
func newRoot(streams IO) *cobra.Command {
	root := &cobra.Command{
		Use: "pgveil", Long: helpRoot,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.Args = cobra.ArbitraryArgs
	root.RunE = func(_ *cobra.Command, args []string) error { return unknownCommand(root, args) }
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(streams.Out, cmd.Long) })
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{message: err.Error(), hint: "pgveil help" + strings.TrimPrefix(cmd.CommandPath(), "pgveil")}
	})
	root.AddCommand(
		newServe(streams), newCheck(streams), newApply(streams), newExplain(streams), newLint(streams),
		newKeys(streams), newSchema(streams), newVersion(streams), newHelp(root),
	)
	return root
}

// newHelp replaces cobra's own, which prints more than our text.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help", Long: helpRoot, Args: cobra.ArbitraryArgs, RunE: func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 || cmd == nil {
			return unknownCommand(root, args)
		}
		return cmd.Help()
	}}
}

// unknownCommand says what was meant, most likely.
func unknownCommand(parent *cobra.Command, args []string) error {
	var names []string
	for _, c := range parent.Commands() {
		if c.Name() != "help" {
			names = append(names, c.Name())
		}
	}
	if len(args) == 0 {
		return &usageError{message: "a command is missing", hint: "one of " + strings.Join(names, ", ")}
	}
	return &usageError{
		message: fmt.Sprintf("%q is not a command", strings.Join(args, " ")),
		hint:    strictyaml.Suggest(args[0], names),
	}
}

// exactArgs is cobra's check with our words.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return &usageError{message: what + " is missing", hint: "pgveil help" + strings.TrimPrefix(cmd.CommandPath(), "pgveil")}
		case len(args) > n:
			return &usageError{message: fmt.Sprintf("%q is too much", args[n]), hint: "pgveil help" + strings.TrimPrefix(cmd.CommandPath(), "pgveil")}
		}
		return nil
	}
}

// usageError is a command line or a configuration that cannot work.
type usageError struct {
	message, hint string
	cause         error
}

func (e *usageError) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

func (e *usageError) Unwrap() error { return e.cause }

// errReported ends a command that has already told what is wrong.
var errReported = errors.New("reported")

// report tells what went wrong and returns the exit code.
func report(w io.Writer, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "pgveil: error: interrupted")
		fmt.Fprintln(w, "pgveil: hint: what was done stays done; run it again to go on")
		return exitFailed
	}
	if problems, ok := errors.AsType[*strictyaml.Problems](err); ok {
		for _, p := range *problems {
			fmt.Fprintln(w, "pgveil: error: "+p.String())
		}
		return exitUsage
	}
	fmt.Fprintln(w, "pgveil: error: "+message(err))
	if hint := hintOf(err); hint != "" {
		fmt.Fprintln(w, "pgveil: hint: "+hint)
	}
	if isConfiguration(err) {
		return exitUsage
	}
	return exitFailed
}

// message adds the cause of one of our errors, which only a person at the
// command line gets to see.
func message(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*pgerr.Error](err); ok && e.Cause != nil && !strings.Contains(text, e.Cause.Error()) {
		text += ": " + e.Cause.Error()
	}
	return text
}

func hintOf(err error) string {
	if e, ok := errors.AsType[*usageError](err); ok {
		return e.hint
	}
	if e, ok := errors.AsType[*pgerr.Error](err); ok {
		return e.Hint
	}
	return ""
}

// isConfiguration reports whether someone must change something before it can
// work. Above all, a supervisor must not try a wrong PIN again: tokens lock.
func isConfiguration(err error) bool {
	if _, ok := errors.AsType[*usageError](err); ok || errors.Is(err, config.ErrNoSecret) {
		return true
	}
	e, ok := errors.AsType[*pgerr.Error](err)
	return ok && slices.Contains([]pgerr.Code{
		pgerr.CustodianFile, pgerr.CustodianPassphrase, pgerr.CustodianModule, pgerr.CustodianPIN, pgerr.CustodianKey,
	}, e.Code)
}
