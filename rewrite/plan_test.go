package rewrite_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/pgveil/pgveil/eval"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

var update = flag.Bool("update", false, "write the plans that the compiler makes into testdata")

// page is a txtar file of testdata: a schema, a policy, the session's user,
// then statements, each with the plan that is expected of it.
type page struct {
	archive  *txtar.Archive
	env      rewrite.Env
	compiler *rewrite.Compiler
}

func TestPlan_pages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runPage(t, file) })
	}
}

func runPage(t *testing.T, file string) {
	p := openPage(t, file)
	for i := range p.archive.Files {
		f := &p.archive.Files[i]
		if f.Name != "sql" {
			continue
		}
		sql := strings.TrimSpace(string(f.Data))
		got := p.plan(t, sql)
		answer := &p.archive.Files[i+1]
		if answer.Name != "plan" {
			t.Fatalf("%s: -- sql -- %q has no -- plan -- behind it", file, sql)
		}
		if *update {
			answer.Data = []byte(got)
			continue
		}
		if diff := cmp.Diff(string(answer.Data), got); diff != "" {
			t.Errorf("Plan(%q): (-want +got)\n%s", sql, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(p.archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func openPage(t *testing.T, file string) *page {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	section := func(name string) []byte {
		for _, f := range archive.Files {
			if f.Name == name {
				return f.Data
			}
		}
		t.Fatalf("%s has no -- %s --", file, name)
		return nil
	}
	p := &page{archive: archive, compiler: rewrite.New(1000)}
	p.env = environment(t, section("policy"), section("schema"), strings.TrimSpace(string(section("user"))))
	p.env.Commands = strings.HasSuffix(file, "session.txtar")
	p.env.Copies, p.env.Overlays = p.env.Commands, true
	p.env.Steps = strings.HasSuffix(file, "steps.txtar")
	return p
}

func environment(t testing.TB, pol, schema []byte, user string) rewrite.Env {
	t.Helper()
	loaded, err := policy.Load("policy.yaml", pol)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := catalog.Build(loaded, string(schema))
	if err != nil {
		t.Fatal(err)
	}
	return rewrite.Env{
		Snapshot: snap, Policy: loaded, User: user,
		SearchPath: []string{"pg_catalog", "public"},
		Roles:      loaded.RolesOf(policy.Identity{User: user}),
		Evaluator:  eval.Registry{},
	}
}

// plan prints the plan of one statement as the pages show it.
func (p *page) plan(t *testing.T, sql string) string {
	t.Helper()
	return show(planOf(t, &p.env, p.compiler, sql))
}

type planned struct {
	sql  string
	st   *shape.Statement
	plan *rewrite.Plan
}

func planOf(t *testing.T, env *rewrite.Env, c *rewrite.Compiler, sql string) planned {
	t.Helper()
	scanner := shape.NewScanner([2]uint64{1, 2})
	statements, err := scanner.Scan([]byte(sql), true, rewrite.Matcher(env.Snapshot))
	if err != nil || len(statements) != 1 {
		t.Fatalf("Scan(%q) = %d statements, %v; want one", sql, len(statements), err)
	}
	st := &statements[0]
	if rewrite.FlagsOf(st)&rewrite.Reaches == 0 {
		return planned{sql: sql, st: st}
	}
	return planned{sql: sql, st: st, plan: c.Plan(env, []byte(sql), st, nil)}
}

// show prints a plan with the client's literals in their places.
func show(p planned) string {
	var out bytes.Buffer
	switch {
	case p.plan == nil:
		return "untouched\n"
	case p.plan.Verdict == rewrite.Refuse:
		e := p.plan.Refusal
		fmt.Fprintf(&out, "refuse %s %s: %s\n", e.State, e.Code, e.Message)
		return out.String()
	case p.plan.Verdict == rewrite.Forward:
		out.WriteString("forward\n")
	default:
		showSteps(&out, p)
		out.WriteString("rewrite\n")
		showText(&out, p, p.plan.Text)
	}
	for i, param := range p.plan.Params {
		if param.Constant != nil {
			fmt.Fprintf(&out, "$%d = %s\n", i+1, showUse(param.Use, showConstant(p, param.Constant)))
			continue
		}
		fmt.Fprintf(&out, "$%d = %s of the client's $%d\n", i+1, showUse(param.Use, "value"), param.Client)
	}
	for i, c := range p.plan.ClientParams {
		if c.OID != 0 {
			fmt.Fprintf(&out, "the client's $%d is of type %d\n", i+1, c.OID)
		}
	}
	for i, c := range p.plan.Columns {
		if c.Container != nil {
			fmt.Fprintf(&out, "column %d opens %s\n", i+1, c.Container)
		}
		if c.Target != nil {
			fmt.Fprintf(&out, "column %d opens %s %s as %s\n", i+1, c.Target.Column, c.Target.Logical.Name, c.Access.Read)
		}
	}
	showSession(&out, p.plan)
	return out.String()
}

func showText(out *bytes.Buffer, p planned, pieces []rewrite.Piece) {
	for _, piece := range pieces {
		out.WriteString(piece.Text)
		showSlot(out, p, piece)
	}
	out.WriteString("\n")
}

func showSteps(out *bytes.Buffer, p planned) {
	for i, s := range p.plan.Steps {
		fmt.Fprintf(out, "step %d, at most %d rows\n", i+1, s.Limit)
		showText(out, p, s.Text)
		for k, param := range s.Params {
			fmt.Fprintf(out, "$%d = %s of the client's $%d\n", k+1, showUse(param.Use, "value"), param.Client)
		}
		for k, u := range s.Columns {
			if u.Role != rewrite.Verbatim {
				fmt.Fprintf(out, "column %d becomes %s\n", k+1, showUse(u, "value"))
			}
		}
	}
}

func showSession(out *bytes.Buffer, p *rewrite.Plan) {
	if m := p.Made; m != nil {
		fmt.Fprintf(out, "makes %q.%q temporary %t\n", m.Schema, m.Name, m.Temporary)
		for i, c := range m.Sealed {
			if c != nil {
				fmt.Fprintf(out, "its column %d holds %s %s\n", i+1, c.Column, c.Logical.Name)
			}
		}
	}
	if c := p.Copy; c != nil {
		fmt.Fprintf(out, "copy %v format %d header %t match %t delimiter %q quote %q escape %q null %q\n", c.From, c.Format, c.Header, c.Match, c.Delimiter, c.Quote, c.Escape, c.Null)
		for i, col := range c.Columns {
			switch {
			case col.Use.Target != nil:
				fmt.Fprintf(out, "field %d is %s\n", i+1, showUse(col.Use, "value"))
			case col.Result.Container != nil:
				fmt.Fprintf(out, "field %d opens %s\n", i+1, col.Result.Container)
			case col.Result.Target != nil:
				fmt.Fprintf(out, "field %d opens %s as %s\n", i+1, col.Result.Target.Column, col.Result.Access.Read)
			}
		}
	}
	if prepared := p.Prepared; prepared != nil {
		fmt.Fprintf(out, "prepares %s with %d parameters and %d columns\n", prepared.Name, len(prepared.Params), len(prepared.Columns))
		for i, param := range prepared.Params {
			fmt.Fprintf(out, "$%d = %s of the client's $%d\n", i+1, showUse(param.Use, "value"), param.Client)
		}
	}
	if cursor := p.Cursor; cursor != nil {
		fmt.Fprintf(out, "declares %s hold %t with %d columns\n", cursor.Name, cursor.Hold, len(cursor.Columns))
	}
}

func showSlot(out *bytes.Buffer, p planned, piece rewrite.Piece) {
	if piece.Slot < 0 {
		switch g := piece.Given; {
		case piece.Word != "":
			out.WriteString(showUse(piece.Uses[0], piece.Word))
		case g.Step > 0 && g.Column == 0:
			fmt.Fprintf(out, "<step %d>", g.Step)
		case g.Step > 0:
			fmt.Fprintf(out, "<step %d column %d>", g.Step, g.Column)
		case piece.Constant != nil:
			out.WriteString(showUse(piece.Uses[0], showConstant(p, piece.Constant)))
		}
		return
	}
	slot := p.st.Slots[piece.Slot]
	if slot.Form != shape.Rows {
		for i, l := range slot.Literals {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(showUse(piece.Uses[0], p.sql[l.Start:l.End]))
		}
		return
	}
	for i, l := range slot.Literals {
		switch {
		case i == 0:
			out.WriteString("(")
		case i%slot.Width == 0:
			out.WriteString("), (")
		default:
			out.WriteString(", ")
		}
		out.WriteString(showUse(piece.Uses[i%slot.Width], p.sql[l.Start:l.End]))
	}
	out.WriteString(")")
}

func showUse(u rewrite.Use, value string) string {
	if u.Negate {
		value = "-" + value
	}
	if u.Cast.OID != 0 {
		value += "::" + u.Cast.Name
	}
	switch u.Role {
	case rewrite.Stored:
		return fmt.Sprintf("seal(%s, %s)", u.Target.Column.Name, value)
	case rewrite.Equality:
		return fmt.Sprintf("term(%s, %s)", u.Target.Column.Name, value)
	case rewrite.EqualityArray:
		return fmt.Sprintf("terms(%s, %s)", u.Target.Column.Name, value)
	}
	return value
}
