package rewrite

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// createView plans CREATE VIEW. What is stored is the query that would be sent:
// it compares terms, and its literals are terms and sealed values. So a view is
// accepted only if it can be read back out of that.
func (b *binder) createView(s *pg.ViewStmt) {
	out := b.statement(s.Query, &scope{})
	b.decideRest()
	columns := b.results(out)
	switch {
	case b.refusal != nil:
		return
	case len(b.client) > 0 || len(b.params) > 0:
		b.unsupportedIfReached("a parameter in the definition of a view")
	case b.reached || columns != nil:
		b.mustReadBack(s.Query, "view "+s.View.GetRelname(), out)
		b.made = &Made{Schema: s.View.GetSchemaname(), Name: s.View.GetRelname(), Temporary: temporary(s.View)}
	}
}

// materialize plans CREATE MATERIALIZED VIEW, whose rows are a copy.
func (b *binder) materialize(s *pg.CreateTableAsStmt, out []*column) {
	name := s.Into.GetRel().GetRelname()
	if sealed := b.shownFor(out); firstOf(sealed) != nil {
		b.permanentCopy("materialized view "+name, firstOf(sealed), "Use a view, or leave the column out of it.")
		return
	}
	b.noBoxes("a materialized view", out...)
	if b.refusal == nil && b.reached {
		b.mustReadBack(s.Query, "materialized view "+name, out)
		b.made = &Made{Schema: s.Into.GetRel().GetSchemaname(), Name: name}
	}
}

// mustReadBack refuses a definition that pgveil would not understand when the
// view is used.
func (b *binder) mustReadBack(query *pg.Node, what string, out []*column) {
	b.noBoxes("the definition of a view", out...)
	if b.refusal != nil {
		return
	}
	text, err := pg.Deparse(&pg.ParseResult{Version: b.grammar, Stmts: []*pg.RawStmt{{Stmt: query}}})
	if err != nil {
		b.refuse(internalRefusal("the definition cannot be written out"))
		return
	}
	pieces, ok := b.cut(text)
	if !ok {
		b.refuse(internalRefusal("a parameter was lost"))
		return
	}
	columns, refusal := b.readDefinition(b.env, b.placeholders(pieces), len(out))
	if refusal == nil {
		for i := range columns {
			if columns[i].protection() != out[i].protection() {
				refusal = internalRefusal("a column of the view would be read as another")
			}
		}
	}
	if refusal == nil {
		return
	}
	b.refuse(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Unsupported,
		Message: fmt.Sprintf("cannot create %s", what),
		Detail:  "pgveil could not read it back out of the definition that the server keeps: " + refusal.Message + ".",
		Hint:    "Write the query in full where it is used, or simplify it.",
		Schema:  refusal.Schema, Table: refusal.Table, Column: refusal.Column,
	})
}

// placeholders joins pieces of text, with literals of the right form in the
// place of slots: what the server is going to keep looks like it.
func (b *binder) placeholders(pieces []Piece) string {
	var text strings.Builder
	for _, p := range pieces {
		text.WriteString(p.Text)
		switch {
		case p.Word != "":
			text.WriteString(placeholder(p.Uses[0]))
		case p.Slot < 0:
		default:
			b.placeholderSlot(&text, p)
		}
	}
	return text.String()
}

func (b *binder) placeholderSlot(text *strings.Builder, p Piece) {
	slot := &b.st.Slots[p.Slot]
	for i := range slot.Literals {
		lit := &slot.Literals[i]
		use := p.Uses[i%len(p.Uses)]
		first, last := slot.Form == shape.Rows && i%slot.Width == 0, slot.Form == shape.Rows && i%slot.Width == slot.Width-1
		if i > 0 {
			text.WriteString(", ")
		}
		if first {
			text.WriteByte('(')
		}
		if use.Role == Verbatim || lit.Kind == shape.Null || lit.Kind == shape.Default {
			text.Write(b.sql[lit.Start:lit.End])
		} else {
			text.WriteString(placeholder(use))
		}
		if last {
			text.WriteByte(')')
		}
	}
}

func placeholder(u Use) string {
	term := strings.Repeat("A", termLength)
	switch u.Role {
	case Equality:
		return "'" + term + "'"
	case EqualityArray:
		return "'{" + term + "}'"
	}
	return "'" + envelopePrefix + "'"
}
