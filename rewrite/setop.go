package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// setOperation types UNION, INTERSECT and EXCEPT.
func (b *binder) setOperation(s *pg.SelectStmt, sc *scope, wants []want) []*column {
	l := b.query(s.Larg, sc.child(), wants)
	r := b.query(s.Rarg, sc.child(), wants)
	out := b.merge(s, l, r, wants)
	b.tail(s, sc, out)
	if b.comparesSealed(s, out, wants) {
		b.compareTerms(s, out, wants)
	}
	return out
}

// compares says that a set operation compares rows.
func compares(s *pg.SelectStmt) bool {
	return s.Op != pg.SetOperation_SETOP_UNION || !s.All
}

// comparesSealed says that a set operation compares rows of sealed values that
// are not their terms already.
func (b *binder) comparesSealed(s *pg.SelectStmt, out []*column, wants []want) bool {
	if b.refusal != nil || !compares(s) {
		return false
	}
	b.noBoxes("a set operation that compares rows", out...)
	for i, c := range out {
		if c.protection() != nil && !wantAt(wants, i).terms() {
			return true
		}
	}
	return false
}

// merge types the output columns of a set operation.
func (b *binder) merge(s *pg.SelectStmt, l, r []*column, wants []want) []*column {
	if b.refusal != nil {
		return nil
	}
	if len(l) != len(r) {
		if b.reached {
			b.unsupported("a set operation of different widths", nil)
		}
		return l
	}
	out := make([]*column, len(l))
	for i := range l {
		if compares(s) && l[i].protection() == nil && r[i].protection() == nil {
			b.force(l[i], r[i])
		}
		out[i] = b.mergeColumn(s, l[i], r[i])
		if compares(s) && !wantAt(wants, i).terms() {
			b.mayCompare(l[i].prot)
			b.mayCompare(r[i].prot)
		}
	}
	return out
}

// mergeColumn types a column of a set operation by that of its two arms.
func (b *binder) mergeColumn(s *pg.SelectStmt, l, r *column) *column {
	if c := b.mergeLater(l, r); c != nil {
		return c
	}
	if l.box != nil || r.box != nil {
		return b.mergeBoxes(l, r)
	}
	lp, rp := l.protection(), r.protection()
	out := &column{name: l.name, prot: lp, server: l.server && r.server, termed: l.termed && r.termed}
	switch {
	case lp == nil && rp == nil:
	case lp == nil:
		b.unsupported("a set operation with an unprotected column", rp)
	case rp == nil:
		b.unsupported("a set operation with an unprotected column", lp)
	case lp.DomainID != rp.DomainID:
		b.otherDomain(lp, rp)
	case lp.Logical.OID != rp.Logical.OID && !sameEquality(lp.Logical, rp.Logical):
		b.unsupported("a set operation between types", lp)
	default:
		if s.Op == pg.SetOperation_SETOP_UNION && !out.termed { // the others show values of the left arm
			b.sameAccess(lp, rp, "a set operation")
		}
		out.prot = b.either(lp, rp)
	}
	return out
}

// either returns what a column of one of two sealed columns' values is: of the
// type that both have or else, as text and varchar coerce both ways, of the
// left one's without its length.
func (b *binder) either(l, r *catalog.Protected) *catalog.Protected {
	switch {
	case l == nil || r == nil:
		return nil
	case l.Logical.OID != r.Logical.OID || l.Logical.Mod != r.Logical.Mod:
		return b.without(l)
	}
	return l
}

// sameAccess refuses to show values of two columns in one that the session's
// roles read in different ways.
func (b *binder) sameAccess(l, r *catalog.Protected, what string) {
	if l != nil && r != nil && b.access(l) != b.access(r) {
		b.unsupported(what+" of columns with different access", l)
	}
}

// mergeLater types a column of which one arm is made of literals, nil where
// none is. Beside a sealed arm a single literal is sealed.
func (b *binder) mergeLater(l, r *column) *column {
	open := func(c *column) bool { return c.later != nil && c.later.decided == nil }
	switch {
	case l.later != nil && l.later == r.later:
		return &column{name: l.name, later: l.later}
	case open(l) && open(r):
		both := b.undecided(func(u Use) { b.decide(l.later, u) }, func(u Use) { b.decide(r.later, u) })
		both.unknown = l.later.unknown && r.later.unknown
		return &column{name: l.name, later: both}
	case open(l) && r.protection() != nil && r.box == nil && b.mergesWith(l.later, r.protection()):
		return b.mergeLiteral(l.name, l.later, r)
	case open(r) && l.protection() != nil && l.box == nil && b.mergesWith(r.later, l.protection()):
		return b.mergeLiteral(l.name, r.later, l)
	}
	b.force(l, r)
	return nil
}

// mergesWith says that a literal takes the type of a column beside it: one
// without a type does, and any number beside a type that all numbers become.
func (b *binder) mergesWith(l *later, p *catalog.Protected) bool {
	name := p.Logical.Name
	return l.unknown || b.depth > 0 || l.kinds == numbers && l.typed.OID == 0 && !l.cast && (name == "numeric" || name == "float8")
}

func (b *binder) mergeLiteral(name string, literal *later, beside *column) *column {
	p := beside.protection()
	u := b.use(Equality, p)
	if !beside.termed {
		u = b.notWritten(b.use(Stored, p))
	}
	b.decide(literal, u)
	b.changed = b.changed || b.depth == 0
	return &column{name: name, prot: b.without(p), termed: beside.termed}
}
