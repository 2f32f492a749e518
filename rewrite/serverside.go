package rewrite

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// This file is about code that runs inside the server. It meets sealed values
// only, and pgveil does not see the statements in it go by. A statement comes
// here because a name in it, or in the code, reaches something protected.

// serverSide refuses code that would run in the server. It reports false for a
// statement that is none.
func (b *binder) serverSide(n *pg.Node) bool {
	switch s := n.GetNode().(type) {
	case *pg.Node_DoStmt:
		b.runsInside("run a DO block that names a protected relation",
			"Send its statements one by one from the application, or leave protected relations out of the block.")
	case *pg.Node_CreateFunctionStmt:
		kind := "function"
		if s.CreateFunctionStmt.IsProcedure {
			kind = "procedure"
		}
		b.runsInside(fmt.Sprintf("create %s %s, which names a protected relation", kind, lastName(s.CreateFunctionStmt.Funcname)),
			"Do its work in the application, or leave protected relations out of it. "+
				"If it uses plain columns only, create it on the server directly, and call it with nothing protected beside it.")
	case *pg.Node_CreateTrigStmt:
		b.runsInside(fmt.Sprintf("create trigger %s on a protected relation", s.CreateTrigStmt.Trigname),
			"If its function looks at plain columns only, create it on the server directly, then run pgveil check.")
	case *pg.Node_RuleStmt:
		b.runsInside(fmt.Sprintf("create rule %s, which reaches a protected relation", s.RuleStmt.Rulename),
			"Send what the rule would do from the application, or use a view.")
	case *pg.Node_CallStmt:
		b.call(s.CallStmt)
	default:
		return false
	}
	return true
}

// call plans CALL: the procedure must not reach anything protected, nor get
// anything sealed.
func (b *binder) call(s *pg.CallStmt) {
	before := b.refusal
	b.plain(&pg.Node{Node: &pg.Node_FuncCall{FuncCall: s.Funccall}}, &scope{}, "CALL")
	if before == nil && b.refusal != nil && b.refusal.Code == pgerr.Tainted {
		reason := b.refusal.Detail
		b.refusal = nil
		b.runsInside(fmt.Sprintf("call procedure %s: %s", lastName(s.Funccall.GetFuncname()), reason),
			"Send the statements of the procedure from the application.")
	}
}

func (b *binder) runsInside(what, cure string) {
	b.refuse(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.ServerSide,
		Message: "cannot " + what,
		Detail:  "It would run inside the server, which holds sealed values only, and pgveil does not see its statements to translate them.",
		Hint:    cure,
	})
}

// rowPolicy plans CREATE POLICY and ALTER POLICY: conditions of the table's
// rows, in which comparisons with sealed columns move to terms.
func (b *binder) rowPolicy(rv *pg.RangeVar, conditions ...*pg.Node) {
	sc := &scope{sources: []*source{b.target(rv)}}
	for _, c := range conditions {
		b.plain(c, sc, "a row security policy")
	}
}
