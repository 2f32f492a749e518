package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// coalesce types COALESCE: sealed if one of its arguments is, and then all
// others must be sealed for the same domain, or literals, which are sealed.
func (b *binder) coalesce(c *pg.CoalesceExpr, sc *scope, store *Use) typ {
	return b.arms(c.Args, sc, "COALESCE", store)
}

// caseExpr types CASE, searched or simple. A simple one over a sealed
// expression compares terms.
func (b *binder) caseExpr(c *pg.CaseExpr, sc *scope, store *Use) typ {
	outer := b.deciding
	if store != nil {
		b.deciding = store.Target
	}
	arg := b.expr(c.Arg, sc)
	if arg.prot != nil {
		b.toTerm(c.Arg, arg)
	} else {
		b.computing(func() { b.settlePlain(c.Arg, arg) })
	}
	var arms []*pg.Node
	for _, n := range c.Args {
		w := n.GetCaseWhen()
		arms = append(arms, w.Result)
		if arg.prot == nil {
			b.aside(func() { b.whenPlain(c, w.Expr, sc) })
			continue
		}
		t := b.expr(w.Expr, sc)
		switch {
		case t.open && !t.array:
			b.settle(w.Expr, t, b.use(Equality, arg.prot))
		case t.prot != nil && t.prot.DomainID == arg.prot.DomainID && sameEquality(t.prot.Logical, arg.prot.Logical):
			b.toTerm(w.Expr, t)
		default:
			b.sealedWithPlain(arg.prot)
		}
	}
	b.deciding = outer
	if c.Defresult != nil {
		return b.withElse(arms, c.Defresult, sc, store)
	}
	t := b.arms(arms, sc, "CASE", store)
	if t.prot != nil && store == nil {
		t.prot = b.without(t.prot) // the NULL that stands for ELSE has no modifier
	}
	if t.box != nil {
		t.box = t.box.unmodified()
	}
	return t
}

// withElse types CASE with ELSE. That is read last, and decides first what type
// the whole is of.
func (b *binder) withElse(arms []*pg.Node, last *pg.Node, sc *scope, store *Use) typ {
	nodes := append([]*pg.Node{last}, arms...)
	types, members := make([]typ, len(nodes)), make([]member, len(nodes))
	for i := range arms {
		types[i+1], members[i+1] = b.arm(arms[i], sc, store)
	}
	types[0], members[0] = b.arm(last, sc, store)
	return b.oneOf(nodes, types, members, "CASE", store)
}

// arms types an expression whose value is that of one of its arms. store is set
// where that value is stored into a protected column.
func (b *binder) arms(arms []*pg.Node, sc *scope, what string, store *Use) typ {
	types, members := make([]typ, len(arms)), make([]member, len(arms))
	for i, n := range arms {
		types[i], members[i] = b.arm(n, sc, store)
	}
	return b.oneOf(arms, types, members, what, store)
}

// arm types one arm.
func (b *binder) arm(n *pg.Node, sc *scope, store *Use) (typ, member) {
	m := b.plainMember(n, sc)
	t := b.targetValue(n, sc, store)
	return t, b.holding(m, t)
}

// oneOf types what is one of arms that have been typed.
func (b *binder) oneOf(arms []*pg.Node, types []typ, members []member, what string, store *Use) typ {
	if b.refusal == nil && store == nil && choice(members, types) {
		return b.chosen(arms, members, types, what)
	}
	return b.typedArms(arms, types, what, store)
}

// typedArms does the same for arms that have been typed, and are no containers.
func (b *binder) typedArms(arms []*pg.Node, types []typ, what string, store *Use) typ {
	var sealed *catalog.Protected
	open, same := true, true
	for i := range types {
		open = open && types[i].open && !types[i].array
		if p := types[i].prot; p != nil {
			same = same && (sealed == nil || sealed.Logical == p.Logical && b.access(sealed) == b.access(p))
			sealed = p
		}
	}
	switch {
	case b.refusal != nil:
		return typ{}
	case sealed != nil && store != nil:
		return b.storedArms(arms, types, sealed, *store)
	case sealed != nil:
		return b.sealedArms(arms, types, sealed, same, what)
	case open && len(arms) > 0:
		return typ{open: true, later: b.laterArms(arms, types)}
	}
	for i, n := range arms {
		b.settlePlain(n, types[i])
	}
	return typ{}
}

func (b *binder) laterArms(arms []*pg.Node, types []typ) *later {
	parts := make([]func(Use), len(arms))
	cast, kinds := false, kinds(0)
	for i, n := range arms {
		parts[i] = func(u Use) { b.settle(n, types[i], u) }
		cast = cast || n.GetTypeCast() != nil || b.constantAt(n) != nil
		if later := types[i].later; later != nil {
			kinds, cast = kinds|later.kinds, cast || later.cast
		} else {
			kinds |= b.kindOf(n)
		}
	}
	l := b.undecided(parts...)
	l.cast, l.kinds, l.modified = cast, kinds, slices.ContainsFunc(arms, modified)
	return l
}

func (b *binder) sealedArms(arms []*pg.Node, types []typ, sealed *catalog.Protected, same bool, what string) typ {
	if !same {
		b.unsupported(what+" over columns of different types or access", sealed)
		return typ{}
	}
	unmodified, typed := sealed, false
	for i, n := range arms {
		switch t := types[i]; {
		case t.prot != nil && (t.recast || t.prot.DomainID != sealed.DomainID):
			b.otherDomain(sealed, t.prot)
		case t.prot != nil:
			typed = true
		case t.open && modified(n):
			b.unsupported(what+" with a literal cast to a type with a length", sealed)
		case t.open && !t.array && what == "COALESCE" && textual(sealed.Logical.Name) && b.isCastTo(n, textOID):
			b.settle(n, t, b.notWritten(b.use(Stored, sealed)))
			unmodified = b.without(sealed)
			if i == 0 { // of text and varchar the first decides
				unmodified = b.compared(sealed)
			}
		case t.open && !t.array && !b.takesType(n, sealed.Logical):
			b.unsupported(what+" with a literal of another type", sealed)
		case t.later != nil && !t.later.cast && t.later.typed.OID == 0 && textual(sealed.Logical.Name):
			b.settle(n, t, b.notWritten(b.use(Stored, sealed)))
			unmodified = b.without(unmodified)
			if !typed { // an expression of literals is text, and of text and varchar the first decides
				unmodified = b.compared(unmodified)
			}
			typed = true
		case t.open && !t.array:
			b.settle(n, t, b.notWritten(b.use(Stored, sealed)))
			if !t.null || what != "COALESCE" { // the planner drops the NULLs of COALESCE
				unmodified = b.without(unmodified) // PostgreSQL keeps a modifier where all arms have it
			}
		default:
			b.unsupported(what+" with an expression that the server computes", sealed)
		}
	}
	return typ{prot: unmodified}
}

// nullIf types NULLIF. Over a sealed expression it becomes a CASE over terms.
func (b *binder) nullIf(n *pg.Node, e *pg.A_Expr, l typ, r typ) typ {
	if l.prot == nil {
		b.unsupported("NULLIF with an unprotected left side", r.prot)
		return typ{}
	}
	value := &pg.Node{Node: e.Lexpr.Node}
	b.compare(e.Lexpr, l, e.Rexpr, r)
	equal := pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP, []*pg.Node{pg.MakeStrNode("=")}, e.Lexpr, e.Rexpr, -1)
	when := &pg.Node{Node: &pg.Node_CaseWhen{CaseWhen: &pg.CaseWhen{
		Expr:   equal,
		Result: &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Isnull: true}}},
	}}}
	n.Node = &pg.Node_CaseExpr{CaseExpr: &pg.CaseExpr{Args: []*pg.Node{when}, Defresult: value}}
	return typ{prot: b.compared(l.prot)}
}

// compared returns the column as the operator = takes it: there is none for
// varchar but text's.
func (b *binder) compared(p *catalog.Protected) *catalog.Protected {
	if p.Logical.Name != "varchar" {
		return p
	}
	text, ok := b.env.Snapshot.Type(textOID)
	if !ok {
		return p
	}
	return b.env.Snapshot.Retyped(p, text)
}
