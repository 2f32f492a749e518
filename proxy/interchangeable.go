package proxy

import (
	"slices"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// interchangeable reports whether a statement that was sent as a's text, and
// described to the client as a says, may go on as b. What the roles may do can
// differ: PostgreSQL too checks rights when a statement runs, not when it is
// prepared.
func interchangeable(a, b *rewrite.Plan) bool {
	if a == b {
		return true
	}
	if a.Verdict != b.Verdict || !slices.Equal(a.ClientParams, b.ClientParams) || !sameMade(a, b) {
		return false
	}
	return slices.EqualFunc(a.Steps, b.Steps, sameStep) && sameText(a.Text, b.Text) &&
		sameParams(a.Params, b.Params) && sameColumns(a.Columns, b.Columns)
}

func sameText(a, b []rewrite.Piece) bool {
	return slices.EqualFunc(a, b, func(p, q rewrite.Piece) bool {
		return p.Text == q.Text && p.Slot == q.Slot && p.Word == q.Word && p.Given == q.Given && sameConstant(p.Constant, q.Constant) && slices.EqualFunc(p.Uses, q.Uses, sameUse)
	})
}

func sameStep(a, b rewrite.Step) bool {
	return sameText(a.Text, b.Text) && sameParams(a.Params, b.Params) && slices.EqualFunc(a.Columns, b.Columns, sameUse)
}

// sameMade reports whether two plans make interchangeable names and relations.
func sameMade(a, b *rewrite.Plan) bool {
	if (a.Prepared == nil) != (b.Prepared == nil) || (a.Cursor == nil) != (b.Cursor == nil) || (a.Made == nil) != (b.Made == nil) {
		return false
	}
	if p, q := a.Made, b.Made; p != nil {
		return p.Schema == q.Schema && p.Name == q.Name && p.Temporary == q.Temporary && slices.EqualFunc(p.Sealed, q.Sealed, sameColumn)
	}
	if p, q := a.Prepared, b.Prepared; p != nil {
		return p.Name == q.Name && slices.Equal(p.ClientParams, q.ClientParams) &&
			sameParams(p.Params, q.Params) && sameColumns(p.Columns, q.Columns)
	}
	if p, q := a.Cursor, b.Cursor; p != nil {
		return p.Name == q.Name && p.Hold == q.Hold && sameColumns(p.Columns, q.Columns)
	}
	return true
}

func sameParams(a, b []rewrite.Param) bool {
	return slices.EqualFunc(a, b, func(p, q rewrite.Param) bool {
		return p.Client == q.Client && sameConstant(p.Constant, q.Constant) && p.OID == q.OID && sameUse(p.Use, q.Use)
	})
}

// sameConstant reports whether two plans of one text compute the same of it. The
// text is the same, so that the types tell.
func sameConstant(a, b *rewrite.Constant) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && slices.Equal(a.Leaves, b.Leaves)
}

func sameColumns(a, b []rewrite.ResultColumn) bool {
	return slices.EqualFunc(a, b, func(p, q rewrite.ResultColumn) bool {
		return sameColumn(p.Target, q.Target) && p.RelationOID == q.RelationOID && p.Num == q.Num &&
			(p.Target == nil || shownAs(&p) == shownAs(&q)) && p.Container.Equal(q.Container, sameLeaf)
	})
}

// sameLeaf reports whether a value inside of two containers is the same one,
// shown in the same type.
func sameLeaf(a, b *rewrite.Container) bool {
	p := rewrite.ResultColumn{Target: a.Target, Access: a.Access}
	q := rewrite.ResultColumn{Target: b.Target, Access: b.Access}
	return sameColumn(a.Target, b.Target) && shownAs(&p) == shownAs(&q)
}

func sameUse(a, b rewrite.Use) bool {
	return a.Role == b.Role && a.Cast == b.Cast && a.Negate == b.Negate && sameColumn(a.Target, b.Target)
}

// sameColumn reports whether values sealed for a are values sealed for b,
// where the two may come from different snapshots.
func sameColumn(a, b *catalog.Protected) bool {
	if a == nil || b == nil || a == b {
		return a == b
	}
	return a.DomainID == b.DomainID && a.Logical == b.Logical && a.Column.String() == b.Column.String() &&
		a.Column.Search == b.Column.Search && a.Column.Pad == b.Column.Pad
}
