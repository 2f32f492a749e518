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

	"github.com/pgveil/pgveil/internal/lint"
	"github.com/pgveil/pgveil/internal/strictyaml"
	"github.com/pgveil/pgveil/internal/workload"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/schema"
)

// lintFlags say whose statements are looked at, how they are read and shown.
type lintFlags struct {
	settings
	who sender
	// schema and policy are files that stand for the server and the configuration.
	schema, policy string
	input, format  string
	only           []string
	literals       bool
}

// sender is whose rights and search path a statement is planned with.
type sender struct {
	user, path string
	// memberOf is for where there is no server to say it.
	memberOf []string
}

func newLint(streams IO) *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use: "lint", Long: helpLint, Args: exactArgs(1, "a file, or - for standard input,"),
		RunE: func(cmd *cobra.Command, args []string) error { return runLint(cmd.Context(), streams, &f, args[0]) },
	}
	f.addDatabaseTo(cmd)
	cmd.Flags().StringVar(&f.who.user, "user", "", "")
	cmd.Flags().StringVar(&f.who.path, "search-path", `"$user", public`, "")
	cmd.Flags().StringSliceVar(&f.who.memberOf, "member-of", nil, "")
	cmd.Flags().StringVar(&f.schema, "schema", "", "")
	cmd.Flags().StringVar(&f.policy, "policy", "", "")
	cmd.Flags().StringVar(&f.input, "input", "", "")
	cmd.Flags().StringVar(&f.format, "format", "text", "")
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "")
	cmd.Flags().BoolVar(&f.literals, "show-literals", false, "")
	return cmd
}

func runLint(ctx context.Context, streams IO, f *lintFlags, file string) error {
	if err := f.check(); err != nil {
		return err
	}
	in, name, err := openInput(streams, file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	env, err := f.env(ctx, streams.Err)
	if err != nil {
		return err
	}
	result, err := f.read(ctx, streams.Err, env, in, name)
	if err != nil {
		return err
	}
	return f.write(streams.Out, result)
}

// check finds out what cannot be meant, before anything is opened.
func (f *lintFlags) check() error {
	formats := []string{}
	for _, known := range workload.Formats() {
		formats = append(formats, string(known))
	}
	for _, choice := range []struct {
		flag, value string
		known       []string
	}{
		{"--input", f.input, formats}, {"--format", f.format, []string{"text", "json"}},
	} {
		if choice.value != "" && !slices.Contains(choice.known, choice.value) {
			return notAmong(choice.flag, choice.value, choice.known)
		}
	}
	verdicts := []string{string(lint.Forwarded), string(lint.Rewritten), string(lint.Refused)}
	for _, v := range f.only {
		if !slices.Contains(verdicts, v) {
			return notAmong("--only", v, verdicts)
		}
	}
	switch {
	case f.policy != "" && f.schema == "":
		return &usageError{message: "--policy needs --schema", hint: "without a schema file the server is asked, as the configuration says"}
	case len(f.who.memberOf) > 0 && f.schema == "":
		return &usageError{message: "--member-of needs --schema", hint: "without a schema file the server says what roles a user is a member of"}
	case f.policy != "" && f.who.user == "":
		return &usageError{message: "--policy needs --user", hint: "name the database user whose statements these are"}
	}
	return nil
}

func notAmong(flag, value string, known []string) error {
	return &usageError{message: fmt.Sprintf("%s: there is no %q", flag, value), hint: strictyaml.Suggest(value, known)}
}

func openInput(streams IO, file string) (io.ReadCloser, string, error) {
	if file == "-" {
		return io.NopCloser(streams.In), "stdin", nil
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, "", fileError("the statements in", file, err, "name a file, or - for standard input")
	}
	return in, file, nil
}

// env reads what planning depends on: from the server, or from a schema file.
func (f *lintFlags) env(ctx context.Context, warnings io.Writer) (*rewrite.Env, error) {
	var env *rewrite.Env
	var err error
	if f.schema != "" {
		env, err = f.offlineEnv(warnings)
	} else {
		env, err = serverEnv(ctx, f.settings, f.who)
	}
	if err != nil {
		return nil, err
	}
	env.Snapshot = env.Snapshot.AsApplied()
	for _, p := range env.Snapshot.Problems() {
		fmt.Fprintf(warnings, "pgveil: warning: %s\n", p)
	}
	return env, nil
}

// offlineEnv reads a schema file and the policy for it.
func (f *lintFlags) offlineEnv(warnings io.Writer) (*rewrite.Env, error) {
	pol, err := f.offlinePolicy()
	if err != nil {
		return nil, err
	}
	sql, err := readFile("the schema", f.schema, "pg_dump --schema-only writes one")
	if err != nil {
		return nil, err
	}
	snapshot, notes := schema.Read(sql, pol)
	for _, n := range notes {
		fmt.Fprintf(warnings, "pgveil: warning: %s:%d: %s\n", f.schema, n.Line, n.What)
	}
	env := newEnv(pol, f.who)
	env.Snapshot = snapshot
	return env, nil
}

// offlinePolicy reads the policy, and completes who the user is.
func (f *lintFlags) offlinePolicy() (*policy.Policy, error) {
	if f.policy != "" {
		data, err := readFile("the policy", f.policy, "configs/openg2p.yaml is an example")
		if err != nil {
			return nil, err
		}
		return policy.Load(f.policy, data)
	}
	c, err := f.load()
	if err != nil {
		return nil, err
	}
	t, err := f.one(c)
	if err != nil {
		return nil, err
	}
	if f.who.user == "" {
		f.who.user = c.Server.ServiceUser
	}
	return t.policy, nil
}

// read looks at every statement of a stream.
func (f *lintFlags) read(ctx context.Context, talk io.Writer, env *rewrite.Env, in io.Reader, name string) (*lint.Result, error) {
	format, statements, err := workload.Read(in, workload.Format(f.input))
	if err != nil {
		return nil, &usageError{message: "reading " + name, cause: err}
	}
	fmt.Fprintf(talk, "pgveil: reading %s as %s, for user %s, roles: %s\n",
		name, format, env.User, orNone(strings.Join(env.Policy.RoleNames(env.Roles), ", ")))
	const hint = "if it is something else, name the format with --input"
	l := lint.New(env, lint.Options{Database: f.database, ShowLiterals: f.literals})
	for st, err := range statements {
		if err == nil {
			err = ctx.Err()
		}
		switch {
		case errors.Is(err, context.Canceled):
			return nil, err
		case err != nil:
			return nil, &usageError{message: "reading " + name + " as " + string(format), cause: err, hint: hint}
		}
		l.Add(name, st)
	}
	result := l.Result()
	if len(result.Findings) == 0 && result.OtherDatabases == 0 {
		return nil, &usageError{message: fmt.Sprintf("%s has no statement, read as %s", name, format), hint: hint}
	}
	return result, nil
}

// write prints what was found. Totals are those of all statements.
func (f *lintFlags) write(w io.Writer, result *lint.Result) error {
	write := result.WriteTable
	if f.format == "json" {
		write = result.WriteJSON
	}
	if err := write(w, f.shown); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	if result.Totals().Refused.Distinct > 0 {
		return errReported
	}
	return nil
}

func (f *lintFlags) shown(v lint.Verdict) bool {
	return len(f.only) == 0 || slices.Contains(f.only, string(v))
}
