package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// value types an expression. Where store is set the value goes into a protected
// column, so that the literals among the arms of CASE and COALESCE are values
// of that column, with its length and the roles' right to write it.
func (b *binder) value(n *pg.Node, sc *scope, store *Use) typ {
	if store == nil || b.refusal != nil || b.constantAt(n) != nil {
		return b.expr(n, sc)
	}
	switch e := n.GetNode().(type) {
	case *pg.Node_CaseExpr:
		return b.caseExpr(e.CaseExpr, sc, store)
	case *pg.Node_CoalesceExpr:
		return b.coalesce(e.CoalesceExpr, sc, store)
	case *pg.Node_AExpr:
		if ref := e.AExpr.Lexpr.GetColumnRef(); ref != nil && e.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF && equality(e.AExpr) {
			return b.storedNullIf(n, ref, sc)
		}
	}
	return b.expr(n, sc)
}

// storedNullIf types NULLIF of a column that is stored. It gives what the column
// holds or NULL, so what fits the column is the same, although the type that
// PostgreSQL gives it is that of the operator.
func (b *binder) storedNullIf(n *pg.Node, ref *pg.ColumnRef, sc *scope) typ {
	f := b.refersTo(ref, sc)
	t := b.expr(n, sc)
	if t.prot != nil && f.col != nil && f.col.prot != nil {
		return typ{prot: f.col.prot}
	}
	return t
}

// targetValue types an item of a target list as value does, or lets containers
// through where it is not stored into a protected column.
func (b *binder) targetValue(n *pg.Node, sc *scope, store *Use) typ {
	if store == nil {
		return b.infer(n, sc)
	}
	if key := b.groupKeyOf(n, sc); key != nil {
		if anyMessage(key.term.ProtoReflect(), isParam) {
			b.unsupported("a write of an expression with literals that is grouped by", store.Target)
		}
		return b.infer(n, sc)
	}
	return b.value(n, sc, store)
}

func isParam(m proto.Message) bool {
	_, ok := m.(*pg.ParamRef)
	return ok
}

// storeValue settles a typed expression that is stored into a protected column.
func (b *binder) storeValue(n *pg.Node, t typ, u Use) {
	switch {
	case t.open && !t.array:
		b.settle(n, t, u)
	case t.open:
		b.computedValue(u.Target)
	default:
		from := t.prot
		if t.col != nil {
			from = b.sealedFor(t.col.later, from)
			b.comparedFirst(t.col.later, u)
		}
		b.assign(&column{prot: u.Target}, from)
	}
}

// sealedFor returns the column that a value was sealed for: of literals that
// were stored before, the one that they were stored into, with its length.
func (b *binder) sealedFor(l *later, p *catalog.Protected) *catalog.Protected {
	if l != nil && l.decided != nil && l.decided.Target != nil {
		return l.decided.Target
	}
	return p
}

// storedArms settles the arms of CASE or COALESCE, one of them sealed, that are
// stored into a protected column.
func (b *binder) storedArms(arms []*pg.Node, types []typ, sealed *catalog.Protected, u Use) typ {
	for i, n := range arms {
		if types[i].open && !b.takesType(n, sealed.Logical) && !(textual(sealed.Logical.Name) && b.isText(n)) {
			b.computedValue(u.Target)
			return typ{}
		}
		part := u
		if n.GetParamRef() != nil && textual(sealed.Logical.Name) && sealed.Logical.OID != u.Target.Logical.OID {
			part.Cast, _ = b.env.Snapshot.Type(sealed.Logical.OID) // the parameter is of the arms' type
		}
		b.storeValue(n, types[i], part)
	}
	return typ{prot: u.Target}
}

// isText says that a literal or parameter is given the type text or varchar,
// between which a value is the same.
func (b *binder) isText(n *pg.Node) bool {
	if own, ok := b.constantType(n); ok {
		return textual(own.Name)
	}
	if p := n.GetParamRef(); p != nil {
		return textLike(b.declaredType(int(p.Number)))
	}
	return isLiteral(n.GetTypeCast().GetArg()) && (b.isCastTo(n, textOID) || b.isCastTo(n, varcharOID))
}

// comparedFirst refuses to store a value that was sealed for a comparison, not
// as one that is written, where the roles read the column through a mask: it
// may be what they have read, and would replace what it stands for.
func (b *binder) comparedFirst(l *later, u Use) {
	if l == nil || l.decided == nil || l.decided.Target == nil || u.Access.Read != policy.Masked {
		return
	}
	if l.decided.Access != u.Access || u.Update && !l.decided.Update {
		b.unsupported("a value that is compared before it is written, by a role that reads it through a mask", u.Target)
	}
}
