package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// arrayExpr types ARRAY[…]. One of literals and parameters stays open.
func (b *binder) arrayExpr(a *pg.A_ArrayExpr, sc *scope) typ {
	list, groups := flattened(a)
	nested := len(groups) > 1 || len(a.Elements) > 0 && a.Elements[0].GetAArrayExpr() != nil
	types := make([]typ, len(list))
	members := make([]member, len(list))
	open, sealed := len(list) > 0 && !nested, false
	for i, e := range list {
		members[i] = b.plainMember(e, sc)
		types[i] = b.infer(e, sc)
		open = open && types[i].open && !types[i].array
		members[i] = b.holding(members[i], types[i])
		sealed = sealed || members[i].held != nil
	}
	if open {
		return typ{open: true, array: true}
	}
	for i, e := range list {
		b.settleMember(e, types[i], members, i)
	}
	if !sealed || b.refusal != nil {
		return typ{}
	}
	if nested && untyped(members, groups) {
		b.noBox(firstHeld(members), "an array constructor beside one without a type")
		return typ{}
	}
	return typ{box: b.arrayOf(members)}
}

// flattened returns the elements of ARRAY[…] in storage order, those of arrays
// in it in their places, and how many there are in each innermost one.
func flattened(a *pg.A_ArrayExpr) (list []*pg.Node, groups []int) {
	direct := 0
	for _, e := range a.Elements {
		inner := e.GetAArrayExpr()
		if inner == nil {
			list = append(list, e)
			direct++
			continue
		}
		elements, sizes := flattened(inner)
		list, groups = append(list, elements...), append(groups, sizes...)
	}
	if direct > 0 || len(a.Elements) == 0 {
		groups = append(groups, direct)
	}
	return list, groups
}

// untyped says that one of the innermost arrays has no element that brings a
// type: PostgreSQL makes it an array of text then.
func untyped(members []member, groups []int) bool {
	for _, n := range groups {
		typed := false
		for _, m := range members[:n] {
			typed = typed || m.held != nil || m.typ.OID != 0
		}
		if !typed {
			return true
		}
		members = members[n:]
	}
	return false
}

// member is an element of ARRAY[…].
type member struct {
	// held is nil for a plain element. It is of the type typ then, zero if that is
	// not known; a literal without a type takes that of the others.
	held *Container
	typ  catalog.Type
	// A parameter takes that of the others too, but only where it is text is that
	// the type that the server thinks of.
	literal, parameter, null bool
}

// plainMember says what is known of an element if it is plain. It looks at the
// element before it is settled.
func (b *binder) plainMember(n *pg.Node, sc *scope) member {
	m := member{null: n.GetAConst().GetIsnull()}
	_, m.literal = n.GetAConst().GetVal().(*pg.A_Const_Sval)
	p := n.GetParamRef()
	m.parameter = p != nil && b.declaredType(int(p.Number)) == 0
	if !m.literal && !m.null && !m.parameter {
		m.typ, _ = b.scalarType(n, sc)
	}
	return m
}

// arrayOf returns the container of ARRAY[…] with elements of which one at least
// holds something sealed.
func (b *binder) arrayOf(members []member) *Container {
	box := &Container{Kind: Array}
	typed := false
	for _, m := range members {
		switch {
		case m.held == nil:
			box.Items = append(box.Items, Item{})
			continue
		case m.held.Kind == Array:
			b.noBox(m.held, "an array of arrays that may be NULL or of any length")
		default:
			box.Items = append(box.Items, Item{Holds: m.held})
			typed = typed || m.held.Kind == Sealed
		}
	}
	if typed {
		box.Type = b.elementType(members)
	}
	return box
}

// elementType returns the type of the elements of ARRAY[…] as the client sees
// it: that of the first element that has one. The server sees other types, so
// what it would convert to that type is refused.
func (b *binder) elementType(members []member) (t catalog.Type) {
	var access *Container
	for _, m := range members {
		own := m.ownType()
		switch {
		case m.null:
			t.Mod = -1
			continue
		case m.literal && t.OID == 0:
		case m.literal && !textual(t.Name), own.OID == 0 && !m.literal, own.Elem != 0,
			m.held == nil && !m.literal && !textual(own.Name),
			t.OID != 0 && own.OID != 0 && t.OID != own.OID && !(textual(t.Name) && textual(own.Name)):
			b.noBox(firstHeld(members), "an array constructor beside a value of another type")
		}
		if leaf := m.firstLeaf(); leaf != nil && !textual(own.Name) {
			if access != nil && access.Access != leaf.Access {
				b.noBox(leaf, "an array constructor over columns of different access")
			}
			access = leaf
		}
		switch {
		case m.literal:
			t.Mod = -1
		case t.OID == 0 && t.Mod == -1:
			t = own
			t.Mod = -1
		case t.OID == 0:
			t = own
		case own.OID != t.OID || own.Mod != t.Mod:
			t.Mod = -1
		}
	}
	for _, m := range members {
		if m.literal && !textual(t.Name) {
			b.noBox(firstHeld(members), "an array constructor beside a value of another type")
		}
	}
	return t
}

// ownType returns the type that an element brings, zero for one that has none.
func (m *member) ownType() catalog.Type {
	switch {
	case m.held == nil:
		return m.typ
	case m.held.Kind == Sealed:
		return m.held.Target.Logical
	case m.held.Kind == Array:
		return m.held.Type
	}
	return m.typ
}

// holding completes a member once its type is known.
func (b *binder) holding(m member, t typ) member {
	m.held = b.held(t)
	if m.held != nil && (m.held.Kind == Joined || m.held.Kind == Text) {
		if m.typ = m.held.Type; m.typ.OID == 0 {
			m.typ, _ = b.env.Snapshot.Type(textOID)
		}
	}
	return m
}

func (m *member) firstLeaf() (leaf *Container) {
	m.held.Leaves(func(c *Container) {
		if leaf == nil {
			leaf = c
		}
	})
	return leaf
}

// settleMember settles an element of ARRAY[…], or an arm. A text that stands
// where sealed ones do is sealed for their column, and shown as it is.
func (b *binder) settleMember(n *pg.Node, t typ, members []member, i int) {
	m := &members[i]
	beside := firstHeld(members)
	p := beside.First()
	if m.held != nil || p == nil || !t.open || t.array || m.null ||
		!m.literal && !m.parameter && !textual(m.typ.Name) {
		b.settleBeside(n, t, beside != nil)
		return
	}
	as := m.typ
	if as.OID == 0 {
		as, _ = b.env.Snapshot.Type(textOID)
	}
	as.Mod = -1
	p = b.env.Snapshot.Retyped(p, as)
	b.settle(n, t, b.notWritten(b.use(Stored, p)))
	m.held = &Container{Kind: Sealed, Target: p, Access: policy.Access{Read: policy.Reveal}}
}

func firstHeld(members []member) *Container {
	for _, m := range members {
		if m.held != nil {
			return m.held
		}
	}
	return nil
}

// collected returns the container of array_agg and ARRAY(SELECT …).
func (b *binder) collected(held *Container, mod func(catalog.Type) int32) *Container {
	switch {
	case held.Kind == Array:
		box := *held
		box.Type.Mod = mod(box.Type)
		return &box
	case held.Kind != Sealed:
		return &Container{Kind: Array, Elem: held}
	case held.Target.Logical.Elem != 0:
		b.unsupported("an array of arrays", held.Target)
	}
	t := held.Target.Logical
	t.Mod = mod(t)
	return &Container{Kind: Array, Elem: held, Type: t}
}

// arraySubLink types ARRAY(SELECT …).
func (b *binder) arraySubLink(query *pg.SelectStmt, sc *scope) typ {
	out := b.valueQuery(query, sc)
	if len(out) != 1 || b.refusal != nil {
		b.noSealed(out, "an array of several columns")
		return typ{}
	}
	held := b.heldBy(out[0])
	if held == nil {
		return typ{}
	}
	return typ{box: b.collected(held, func(t catalog.Type) int32 { return t.Mod })}
}
