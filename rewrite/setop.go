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
		return b.mergeLiteral(l.name, l.later, r, true)
	case open(r) && l.protection() != nil && l.box == nil && b.mergesWith(r.later, l.protection()):
		return b.mergeLiteral(l.name, r.later, l, false)
	}
	b.force(l, r)
	return nil
}

// mergesWith says that a column of literals beside a column of a type becomes
// one of it: a literal without a type does, any number beside a type that all
// numbers become, and what has the same type or is text beside text.
func (b *binder) mergesWith(l *later, p *catalog.Protected) bool {
	name := p.Logical.Name
	switch {
	case l.modified && b.depth == 0:
		return false // PostgreSQL keeps the modifier where both arms have it
	case l.unknown, b.depth > 0: // in a view, the server has seen to it
		return true
	case l.typed.OID != 0:
		return sameEquality(l.typed, p.Logical)
	case l.cast:
		return false
	case l.kinds == numbers:
		return name == "numeric" || name == "float8"
	case l.kinds == booleans:
		return name == "bool"
	}
	return l.kinds == texts && textual(name)
}

// mergeLiteral seals the literals of one arm as values of the column beside
// them. left says that they are those of the left arm, whose type prevails
// between text and varchar.
func (b *binder) mergeLiteral(name string, literal *later, beside *column, left bool) *column {
	p := beside.protection()
	u := b.use(Equality, p)
	if !beside.termed {
		u = b.notWritten(b.use(Stored, p))
	}
	switch {
	case literal.unknown, b.depth > 0:
	case literal.typed.OID != 0:
		u.Cast = literal.typed
	case literal.kinds == texts:
		b.asText(&u)
	}
	b.decide(literal, u)
	b.changed = b.changed || b.depth == 0
	out := &column{name: name, prot: b.without(p), termed: beside.termed}
	if left && u.Cast.OID != 0 {
		out.prot = b.env.Snapshot.Retyped(out.prot, u.Cast)
	}
	return out
}
