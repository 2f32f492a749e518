package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/shape"
)

// isSyntax notes that a literal is a word of the grammar, so that it stays
// where it is and plans depend on it.
func (b *binder) isSyntax(n *pg.Node) {
	if slot := b.slotAt(location(n)); slot >= 0 {
		b.syntax[slot] = true
	}
}

// allSeen refuses a statement with a literal that no rule has looked at. It
// stands in a place that the binder does not visit, where it may be compared
// with a protected column or stored into one. Whole numbers are places in
// ORDER BY, and modifiers of types.
func (b *binder) allSeen(tree *pg.ParseResult) {
	if b.refusal != nil || !b.reached {
		return
	}
	options := b.copyOptionsAt(tree.Stmts[0].Stmt.GetCopyStmt())
	for i := range b.st.Slots {
		s := &b.st.Slots[i]
		_, moved := b.slots[i]
		switch {
		case moved, b.syntax[i], s.Start >= options:
		case s.Form == shape.Single && s.Literals[0].Kind == shape.Integer:
		default:
			b.unsupported("a literal outside of an expression", nil)
			return
		}
	}
}

// copyOptionsAt returns where the options of COPY begin, the end of the
// statement where it has none.
func (b *binder) copyOptionsAt(s *pg.CopyStmt) int {
	if len(s.GetOptions()) == 0 {
		return b.st.End
	}
	return b.st.Start + int(s.Options[0].GetDefElem().GetLocation())
}
