package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// later is an expression, or a column of a derived table, that is made of
// literals and parameters only: a column of VALUES, `SELECT $1 AS name`, the
// arms of a COALESCE. What it is decides its first use: compared with or stored
// into a protected column, all of its literals are sealed for that column and it
// is a sealed column from then on. With any other use it is plain.
type later struct {
	// settle says what part each literal plays.
	settle []func(Use)
	// decided is nil until the first use.
	decided *Use
	// shown is the column that readers see, once it is sealed: of the type that
	// the literals have by then.
	shown *catalog.Protected
	// unknown says that it is one literal or parameter without a cast, which in
	// a set operation takes the type of the other arm.
	unknown bool
	// modified says that a literal is cast to a type with a length or precision.
	modified bool
	// kinds are those of the literals, which give a column its type.
	kinds kinds
	// typed is the type of a single literal with a cast, zero for others.
	typed catalog.Type
	// cast says that one of several literals has a cast, which the others follow.
	cast bool
	// hidden says that it is a column which is cast where it is used. What was
	// sealed is the cast value, and not what the column itself would show.
	hidden bool
}

// sealed returns the column that it was sealed for, nil while it is not.
func (l *later) sealed() *catalog.Protected {
	if l == nil {
		return nil
	}
	return l.shown
}

// undecided returns a new later of these parts, which is plain at the end
// unless something else is decided.
func (b *binder) undecided(parts ...func(Use)) *later {
	l := &later{settle: parts}
	b.pending = append(b.pending, l)
	return l
}

// decide gives all literals their part. It reports false, with a refusal,
// where another was decided before.
func (b *binder) decide(l *later, u Use) bool {
	if l.decided == nil {
		l.decided, l.shown = &u, u.Target
		if u.Target != nil && u.Cast.OID != 0 {
			l.shown = b.env.Snapshot.Retyped(u.Target, u.Cast)
		}
		for _, settle := range l.settle {
			settle(u)
		}
		return b.refusal == nil
	}
	d := l.decided
	switch {
	case d.Target == nil && u.Target == nil:
		return true
	case d.Target == nil:
		b.sealedWithPlain(u.Target)
	case u.Target == nil:
		b.unsupported("an expression beside its use for another column", d.Target)
	case d.Target.DomainID != u.Target.DomainID:
		b.otherDomain(d.Target, u.Target)
	case d.Target.Logical.OID != u.Target.Logical.OID || d.Cast != u.Cast:
		b.unsupported("two casts of one value", u.Target)
	default:
		return true
	}
	return false
}

// decideRest makes plain what nothing else was decided for.
func (b *binder) decideRest() {
	for _, l := range b.pending {
		if l.decided == nil {
			b.decide(l, Use{})
		}
	}
	b.settleNullTests()
	b.noneInClear()
}

// settleLater settles a reference to, or an expression of, literals.
func (b *binder) settleLater(n *pg.Node, t typ, u Use) {
	switch u.Role {
	case Verbatim:
		b.decide(t.later, u)
	case EqualityArray:
		b.sealedWithPlain(u.Target)
	case Stored:
		b.sealLater(n, t, u, false)
	case Equality:
		u = b.notWritten(u)
		if b.sealLater(n, t, u, true) {
			b.toTerm(n, typ{prot: u.Target})
		}
	}
}

// sealLater decides that the literals are sealed. The server sees text that is
// already sealed, so a cast goes with the literals. Without one they are of
// type text to PostgreSQL, which no other type of column takes.
func (b *binder) sealLater(n *pg.Node, t typ, u Use, compared bool) bool {
	cast := n.GetTypeCast()
	switch {
	case cast != nil:
		to, ok := b.typeNamed(cast.TypeName)
		if !ok {
			b.unsupported("a value cast to this type", u.Target)
			return false
		}
		u.Cast = to
	case t.column && t.later.typed.OID != 0 && compared && !comparesAs(t.later.typed, u.Target.Logical):
		b.unsupported("a comparison between types "+u.Target.Logical.Name+" and "+t.later.typed.Name, u.Target)
		return false
	case t.column && t.later.typed.OID != 0:
		u.Cast = t.later.typed
	case t.column && !b.resolveKinds(t.later.kinds, &u, compared):
		return false
	case !t.column && !t.later.cast && !b.asText(&u):
		return false // to PostgreSQL it is of type text
	}
	if t.column {
		u.Exact = bounded(u)
	}
	// A column of literals is of type text, whatever it is cast to where it is used.
	b.textParams = t.column && !t.later.cast && t.later.typed.OID == 0
	decided := b.decide(t.later, u)
	b.textParams = false
	if !decided {
		return false
	}
	t.later.hidden = t.later.hidden || t.column && t.later.kinds&^texts != 0 || u.Exact && !textual(u.Target.Logical.Name)
	if cast != nil {
		t.later.hidden = t.later.hidden || t.column
		n.Node = cast.Arg.Node
	}
	b.changed = true
	return true
}

// comparesAs says that a value of one type is equal to what it is as a value of
// the column's type, and to nothing else.
func comparesAs(from, column catalog.Type) bool {
	wider := map[string]int{"int2": 1, "int4": 2, "int8": 3, "numeric": 4}
	return sameEquality(from, column) || wider[from.Name] > 0 && wider[from.Name] < wider[column.Name]
}

// bounded says that a value may be rounded or cut where it is stored.
func bounded(u Use) bool { return u.Role == Stored && u.Target.Logical.Mod != -1 }

// asText says of a use that the value is of type text by then.
func (b *binder) asText(u *Use) bool {
	if !textual(u.Target.Logical.Name) {
		b.computedValue(u.Target)
		return false
	}
	u.Cast, _ = b.env.Snapshot.Type(textOID)
	return true
}

// laterColumn returns a column of a derived table for an open expression.
func (b *binder) laterColumn(name string, n *pg.Node, t typ) *column {
	l := t.later
	if l == nil {
		l = b.ownLater(n, t)
	}
	l.modified = l.modified || modified(n)
	return &column{name: name, later: l}
}

// ownLater returns a later of its own for an open expression.
func (b *binder) ownLater(n *pg.Node, t typ) *later {
	l := b.undecided(func(u Use) { b.settle(n, t, u) })
	cast := n.GetTypeCast()
	own, constant := b.constantType(n)
	switch {
	case t.later != nil:
		l.typed, l.kinds, l.cast = t.later.typed, t.later.kinds, t.later.cast
	case constant:
		l.typed = own
	case cast != nil && !b.ownSealed(n):
		l.typed, _ = b.typeNamed(cast.TypeName)
	default:
		l.kinds = b.kindOf(n)
		l.unknown = l.kinds&^texts == 0
	}
	return l
}

// laterTyp types a reference to a column of literals, as decided so far.
func (c *column) laterTyp() typ {
	switch {
	case c.later.decided == nil:
		return typ{open: true, later: c.later, column: true}
	case c.later.sealed() != nil:
		return typ{prot: c.later.sealed(), col: c}
	}
	return typ{}
}

// force decides that columns of literals are plain, where their values decide
// which rows there are or in which order.
func (b *binder) force(cols ...*column) {
	for _, c := range cols {
		if c != nil && c.later != nil && c.later.decided == nil {
			b.decide(c.later, Use{})
		}
	}
}

// protection returns what an output column is sealed for, nil for a plain one.
// For a container it is one of the columns whose values are inside.
func (c *column) protection() *catalog.Protected {
	if c.prot != nil {
		return c.prot
	}
	if c.box != nil {
		return c.box.First()
	}
	return c.later.sealed()
}

// notWritten turns a use into one that seals a literal which is shown or
// compared, not written: the column's length does not bound it, and a masked
// value may stand there.
func (b *binder) notWritten(u Use) Use {
	u.Role = Stored
	u.Target = b.without(u.Target)
	u.Access = policy.Access{Read: policy.Reveal}
	return u
}

// without returns the column without its type's modifier.
func (b *binder) without(p *catalog.Protected) *catalog.Protected {
	t := p.Logical
	t.Mod = -1
	return b.env.Snapshot.Retyped(p, t)
}
