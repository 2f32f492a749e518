package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/pgveil/pgveil/eval"
	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

func newExplain(streams IO) *cobra.Command {
	var s settings
	var who sender
	cmd := &cobra.Command{
		Use: "explain", Long: helpExplain, Args: exactArgs(1, "a statement in quotes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := serverEnv(cmd.Context(), s, who)
			if err != nil {
				return err
			}
			return explain(streams.Out, env, []byte(args[0]))
		},
	}
	s.addDatabaseTo(cmd)
	cmd.Flags().StringVar(&who.user, "user", "", "")
	cmd.Flags().StringVar(&who.path, "search-path", `"$user", public`, "")
	return cmd
}

// membershipsSQL finds the roles that a user is a direct or indirect member of.
const membershipsSQL = `
WITH RECURSIVE m(oid) AS (
	SELECT a.roleid FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles r ON a.member = r.oid WHERE r.rolname = $1
	UNION
	SELECT a.roleid FROM pg_catalog.pg_auth_members a JOIN m ON a.member = m.oid)
SELECT r.rolname::text FROM pg_catalog.pg_roles r JOIN m ON r.oid = m.oid`

// serverEnv asks the server for what planning depends on, as the service user,
// for another.
func serverEnv(ctx context.Context, s settings, who sender) (*rewrite.Env, error) {
	c, err := s.load()
	if err != nil {
		return nil, err
	}
	t, err := s.one(c)
	if err != nil {
		return nil, err
	}
	if who.user == "" {
		who.user = c.Server.ServiceUser
	}
	service, err := newService(c, config.SystemResolver())
	if err != nil {
		return nil, err
	}
	defer service.close()
	conn, err := service.dial(ctx, t.name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	rows, _ := conn.Query(ctx, membershipsSQL, who.user) // CollectRows has the error
	if who.memberOf, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("reading the roles of %s: %w", who.user, err)
	}
	env := newEnv(t.policy, who)
	if env.Snapshot, err = catalog.Load(ctx, conn, t.policy); err != nil {
		return nil, err
	}
	return env, nil
}

// newEnv returns all of an environment but its catalog.
func newEnv(p *policy.Policy, who sender) *rewrite.Env {
	return &rewrite.Env{
		Policy: p, User: who.user, SearchPath: searchPath(who.path, who.user),
		Roles:  p.RolesOf(policy.Identity{User: who.user, MemberOf: who.memberOf}),
		Copies: true, Commands: true, Overlays: true, Steps: true, Evaluator: eval.Registry{}, // as a session does
	}
}

// searchPath reads the setting search_path. Schemas that do not exist do no harm.
func searchPath(setting, user string) []string {
	path := []string{"pg_catalog"}
	for name := range strings.SplitSeq(setting, ",") {
		name = strings.Trim(strings.TrimSpace(name), `"`)
		if name == "$user" {
			name = user
		}
		if name != "" && name != "pg_catalog" {
			path = append(path, name)
		}
	}
	return path
}

// explain prints what becomes of each statement of a text.
func explain(w io.Writer, env *rewrite.Env, sql []byte) error {
	scanner := shape.NewScanner([2]uint64{})
	statements, err := scanner.Scan(sql, true, rewrite.Matcher(env.Snapshot))
	if err != nil {
		return fmt.Errorf("reading the statement: %w", err)
	}
	fmt.Fprintf(w, "as %s, roles: %s\n", env.User, orNone(strings.Join(env.Policy.RoleNames(env.Roles), ", ")))
	compiler := rewrite.New(len(statements) + 1)
	for i := range statements {
		e := explanation{w: w, sql: sql, st: &statements[i]}
		fmt.Fprintln(w)
		if rewrite.FlagsOf(e.st)&rewrite.Reaches == 0 {
			fmt.Fprintln(w, "forwarded untouched: it reaches nothing protected")
			continue
		}
		e.plan = compiler.Plan(env, sql, e.st, nil)
		e.print()
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// explanation prints the plan of one statement.
type explanation struct {
	w    io.Writer
	sql  []byte
	st   *shape.Statement
	plan *rewrite.Plan
}

func (e *explanation) print() {
	switch e.plan.Verdict {
	case rewrite.Forward:
		fmt.Fprintln(e.w, "forwarded as it is")
	case rewrite.Rewrite:
		for i := range e.plan.Steps {
			e.step(i+1, &e.plan.Steps[i])
		}
		fmt.Fprintln(e.w, "sent instead:")
		e.text(e.plan.Text)
	default:
		e.refusal()
		return
	}
	e.params(e.plan.Params)
	for i, c := range e.plan.Columns {
		if c.Target != nil {
			fmt.Fprintf(e.w, "result column %d: %s, %s\n", i+1, c.Target.Column, readName(c.Access.Read))
		}
		if c.Container != nil {
			fmt.Fprintf(e.w, "result column %d: opened inside of %s\n", i+1, c.Container)
		}
	}
}

// step prints a query that is run before the statement.
func (e *explanation) step(n int, s *rewrite.Step) {
	fmt.Fprintf(e.w, "step %d, in the same transaction, of at most %d rows:\n", n, s.Limit)
	e.text(s.Text)
	e.params(s.Params)
	for i, u := range s.Columns {
		if u.Role == rewrite.Stored {
			fmt.Fprintf(e.w, "its column %d: sealed for %s\n", i+1, u.Target.Column)
		}
	}
}

func (e *explanation) text(pieces []rewrite.Piece) {
	fmt.Fprint(e.w, "    ")
	for _, piece := range pieces {
		fmt.Fprint(e.w, strings.ReplaceAll(piece.Text, "\n", "\n    "))
		e.slot(piece)
	}
	fmt.Fprintln(e.w)
}

func (e *explanation) params(params []rewrite.Param) {
	for i, p := range params {
		switch {
		case p.Constant != nil:
			fmt.Fprintf(e.w, "parameter $%d: %s, computed from the client's\n", i+1, use(p.Use, ""))
		case p.Use.Role != rewrite.Verbatim:
			fmt.Fprintf(e.w, "parameter $%d: %s, of the client's $%d\n", i+1, use(p.Use, ""), p.Client)
		}
	}
}

func (e *explanation) refusal() {
	r := e.plan.Refusal
	fmt.Fprintf(e.w, "refused: %s (SQLSTATE %s, %s)\n", r.Message, r.State, r.Code)
	if r.Detail != "" {
		fmt.Fprintln(e.w, "detail: "+r.Detail)
	}
	if r.Hint != "" {
		fmt.Fprintln(e.w, "hint: "+r.Hint)
	}
}

// slot prints what stands in the place of the client's literals.
func (e *explanation) slot(piece rewrite.Piece) {
	if piece.Slot < 0 {
		switch g := piece.Given; {
		case piece.Word != "" || piece.Constant != nil:
			fmt.Fprint(e.w, use(piece.Uses[0], piece.Word))
		case g.Step > 0 && g.Column == 0:
			fmt.Fprintf(e.w, "<the rows of step %d>", g.Step)
		case g.Step > 0:
			fmt.Fprintf(e.w, "<column %d of step %d>", g.Column, g.Step)
		}
		return
	}
	slot := e.st.Slots[piece.Slot]
	for i, l := range slot.Literals {
		u := piece.Uses[0]
		if slot.Form == shape.Rows {
			u = piece.Uses[i%slot.Width]
		}
		literal := string(e.sql[l.Start:l.End])
		if l.Kind != shape.Null && l.Kind != shape.Default {
			literal = use(u, literal)
		}
		fmt.Fprint(e.w, before(slot, i), literal)
	}
	if slot.Form == shape.Rows {
		fmt.Fprint(e.w, ")")
	}
}

// before is what stands before the i-th literal of a slot.
func before(slot shape.Slot, i int) string {
	switch {
	case slot.Form != shape.Rows && i == 0:
		return ""
	case slot.Form == shape.Rows && i == 0:
		return "("
	case slot.Form == shape.Rows && i%slot.Width == 0:
		return "), ("
	default:
		return ", "
	}
}

// use says what becomes of a literal. What is sealed is not repeated.
func use(u rewrite.Use, literal string) string {
	switch u.Role {
	case rewrite.Stored:
		return fmt.Sprintf("<sealed for %s>", u.Target.Column)
	case rewrite.Equality:
		return fmt.Sprintf("<term of %s>", u.Target.Column)
	case rewrite.EqualityArray:
		return fmt.Sprintf("<terms of %s>", u.Target.Column)
	default:
		return literal
	}
}

func readName(r policy.Read) string {
	switch r {
	case policy.Reveal:
		return "opened"
	case policy.Masked:
		return "opened and masked"
	case policy.Seal:
		return "left sealed"
	case policy.Null:
		return "shown as NULL"
	default:
		return "refused"
	}
}
