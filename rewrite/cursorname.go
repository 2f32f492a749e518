package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/shape"
)

// CursorName returns the cursor that a FETCH, MOVE or CLOSE statement names.
// all says that it is CLOSE ALL. ok is false for any other statement, and for
// one that does not follow the grammar.
func CursorName(sql []byte, st *shape.Statement) (name string, all, ok bool) {
	tree, err := pg.Parse(string(sql[st.Start:st.End]))
	if err != nil || len(tree.Stmts) != 1 {
		return "", false, false
	}
	switch s := tree.Stmts[0].Stmt.GetNode().(type) {
	case *pg.Node_FetchStmt:
		return s.FetchStmt.Portalname, false, true
	case *pg.Node_ClosePortalStmt:
		name = s.ClosePortalStmt.Portalname
		return name, name == "", true
	}
	return "", false, false
}
