package rewrite

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/policy"
)

// utility plans a statement that is not SELECT, INSERT, UPDATE or DELETE and
// that has a name in it that reaches something protected. Those that move no
// value and change no definition go on; all others are refused.
func (b *binder) utility(n *pg.Node) {
	if !b.carriedOut(n) {
		b.command(commandName(n.GetNode()))
		return
	}
	switch s := n.GetNode().(type) {
	case *pg.Node_TransactionStmt, *pg.Node_VariableSetStmt, *pg.Node_VariableShowStmt,
		*pg.Node_DiscardStmt, *pg.Node_DeallocateStmt, *pg.Node_ClosePortalStmt, *pg.Node_FetchStmt,
		*pg.Node_ListenStmt, *pg.Node_UnlistenStmt, *pg.Node_NotifyStmt, *pg.Node_CheckPointStmt,
		*pg.Node_LockStmt, *pg.Node_TruncateStmt, *pg.Node_GrantStmt, *pg.Node_GrantRoleStmt,
		*pg.Node_CommentStmt, *pg.Node_ConstraintsSetStmt, *pg.Node_ReindexStmt, *pg.Node_ExecuteStmt:
		return
	case *pg.Node_VacuumStmt:
		return // ANALYZE of a sealed column keeps samples of sealed values
	case *pg.Node_ExplainStmt:
		b.explain(s.ExplainStmt)
	case *pg.Node_CopyStmt:
		b.copyStmt(s.CopyStmt)
	case *pg.Node_PrepareStmt:
		b.prepare(s.PrepareStmt)
	case *pg.Node_DeclareCursorStmt:
		b.declare(s.DeclareCursorStmt)
	default:
		if !b.serverSide(n) && !b.definition(n) {
			b.command(commandName(s))
		}
	}
}

// carriedOut reports whether the session does its part in a statement that
// needs one: to change the data of COPY, to remember what PREPARE and DECLARE
// make, to look at the relations that it makes.
func (b *binder) carriedOut(n *pg.Node) bool {
	switch n.GetNode().(type) {
	case *pg.Node_CopyStmt:
		return b.env.Copies
	case *pg.Node_PrepareStmt, *pg.Node_DeclareCursorStmt:
		return b.env.Commands
	case *pg.Node_CreateTableAsStmt, *pg.Node_CreateStmt, *pg.Node_ViewStmt:
		return b.env.Overlays
	}
	return true
}

// explain plans the statement that EXPLAIN is of. What it shows is text that
// names terms and sealed values, never what they stand for.
func (b *binder) explain(s *pg.ExplainStmt) {
	switch s.Query.GetNode().(type) {
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt,
		*pg.Node_MergeStmt:
		for _, c := range b.statement(s.Query, &scope{}) {
			if p := c.protection(); p != nil && b.access(p).Read == policy.Deny {
				b.mayNot("read", p)
			}
		}
	default:
		b.utility(s.Query)
	}
}

// command refuses a command over a protected relation.
func (b *binder) command(name string) {
	b.refuse(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Utility,
		Message: fmt.Sprintf("cannot run %s over a protected relation", name),
		Detail:  "The command would have to be translated for sealed columns, and pgveil has no rule for it.",
		Hint:    "Run it on the server directly if it does not concern protected columns, then pgveil check.",
	})
}

// commandName returns what a person calls a statement of the tree. Most nodes
// are called as the command is: *Node_CopyStmt is COPY.
func commandName(s any) string {
	switch s.(type) {
	case *pg.Node_ViewStmt:
		return "CREATE VIEW"
	case *pg.Node_IndexStmt:
		return "CREATE INDEX"
	case *pg.Node_RuleStmt:
		return "CREATE RULE"
	case *pg.Node_CreateStmt:
		return "CREATE TABLE"
	case *pg.Node_CreateTrigStmt:
		return "CREATE TRIGGER"
	}
	name := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", s), "*pg_query.Node_"), "Stmt")
	var words strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			words.WriteByte(' ')
		}
		words.WriteRune(r)
	}
	return strings.ToUpper(words.String())
}
