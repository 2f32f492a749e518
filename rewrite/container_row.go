package rewrite

import (
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// leaf returns the container for the values of a protected column.
func (b *binder) leaf(p *catalog.Protected) *Container {
	return &Container{Kind: Sealed, Target: p, Access: b.access(p)}
}

// held returns what an expression holds as a part of a container, nil for a
// plain one.
func (b *binder) held(t typ) *Container {
	if t.prot != nil {
		return b.leaf(t.prot)
	}
	return t.box
}

// heldBy is held for an output column of a query.
func (b *binder) heldBy(c *column) *Container {
	b.force(c)
	switch p := c.protection(); {
	case c.box != nil:
		return c.box
	case p == nil:
		return nil
	case !p.Ready:
		b.notReady(p)
	case c.later != nil && c.later.hidden:
		b.unsupported("a literal that is cast where it is used, and shown without", p)
	}
	return b.leaf(c.protection())
}

// holds says that one of the parts holds something sealed.
func holds(items []Item) bool {
	for _, item := range items {
		if item.Holds != nil {
			return true
		}
	}
	return false
}

// wholeRow types a reference to the row of a FROM item.
func (b *binder) wholeRow(src *source) typ {
	for _, c := range src.cols {
		if c.merged.gone() {
			b.unsupported("the row of a join with USING or NATURAL", c.protection())
			return typ{}
		}
	}
	b.force(src.cols...)
	if !src.sealed() {
		return typ{}
	}
	if src.opaque {
		b.unsupportedIfSealed("a row whose columns pgveil does not know", src.cols)
		return typ{}
	}
	return typ{box: &Container{Kind: Record, Items: b.rowItems(src.cols)}}
}

func (b *binder) rowItems(cols []*column) []Item {
	items := make([]Item, len(cols))
	for i, c := range cols {
		items[i] = Item{Name: c.name, Holds: b.heldBy(c)}
	}
	return items
}

// rowExpr types ROW(…) and (a, b), in which a star stands for columns.
func (b *binder) rowExpr(r *pg.RowExpr, sc *scope) typ {
	box := &Container{Kind: Record}
	add := func(c *Container) {
		box.Items = append(box.Items, Item{Name: "f" + strconv.Itoa(len(box.Items)+1), Holds: c})
	}
	types, unknown := make([]typ, len(r.Args)), false
	for i, arg := range r.Args {
		cols, star, known := b.starTarget(&pg.ResTarget{Val: arg}, sc, nil)
		if !star {
			types[i] = b.infer(arg, sc)
			add(b.held(types[i]))
			continue
		}
		unknown = unknown || !known
		for _, c := range cols {
			add(b.heldBy(c))
		}
	}
	sealed := holds(box.Items)
	for i, arg := range r.Args {
		b.settleBeside(arg, types[i], sealed)
	}
	switch {
	case !sealed:
		return typ{}
	case unknown:
		b.noBox(box, "a row of columns that pgveil does not know")
		return typ{}
	}
	return typ{box: box}
}

// indirection types (row).field and (array)[1].
func (b *binder) indirection(n *pg.Node, e *pg.A_Indirection, sc *scope) typ {
	rest := e.Indirection
	t, ok := b.rowField(n, e, sc)
	if ok {
		rest = rest[1:]
	} else {
		t = b.infer(e.Arg, sc)
		b.settlePlain(e.Arg, t)
	}
	for _, step := range rest {
		if indices := step.GetAIndices(); indices != nil {
			b.plain(indices.Lidx, sc, "an array subscript")
			b.plain(indices.Uidx, sc, "an array subscript")
		}
	}
	for _, step := range rest {
		switch {
		case t.prot != nil:
			b.unsupported("a part of its value", t.prot)
			return typ{}
		case t.box == nil:
			return typ{}
		}
		t = b.stepInto(t.box, step)
	}
	return t
}

// rowField types (t).name where t is an item of FROM: it is t.name.
func (b *binder) rowField(n *pg.Node, e *pg.A_Indirection, sc *scope) (typ, bool) {
	ref, field := e.Arg.GetColumnRef(), e.Indirection[0].GetString_()
	if ref == nil || field == nil {
		return typ{}, false
	}
	if _, star := fieldNames(ref); star {
		return typ{}, false
	}
	f := b.refersTo(ref, sc)
	if f.col != nil || f.row == nil {
		return typ{}, false
	}
	fields := append(append([]*pg.Node{}, ref.Fields...), e.Indirection[0])
	return b.columnRef(n, &pg.ColumnRef{Fields: fields}, sc), true
}

// stepInto types one field or subscript of a container.
func (b *binder) stepInto(c *Container, step *pg.Node) typ {
	indices := step.GetAIndices()
	switch {
	case indices != nil && c.Kind == Array && indices.IsSlice:
		if c.Elem != nil {
			return typ{box: c}
		}
	case indices != nil && c.Kind == Array && c.Elem != nil:
		return b.element(c)
	case step.GetString_() != nil && c.Kind == Record:
		return b.field(c, step.GetString_().GetSval())
	}
	b.noBox(c, "a field or subscript of a container")
	return typ{}
}

// element types a subscript of an array whose elements are all alike.
func (b *binder) element(c *Container) typ {
	if c.Elem.Kind != Sealed {
		return typ{box: c.Elem}
	}
	p := c.Elem.Target
	if c.Type.OID != 0 {
		p = b.env.Snapshot.Retyped(p, c.Type)
	}
	return typ{prot: p}
}

func (b *binder) field(c *Container, name string) typ {
	found := -1
	for i, item := range c.Items {
		switch {
		case item.Name != name:
		case found >= 0:
			b.noBox(c, "a field of a name that two of the row's fields have")
			return typ{}
		default:
			found = i
		}
	}
	if found < 0 {
		b.noBox(c, "a field that pgveil does not know")
		return typ{}
	}
	held := c.Items[found].Holds
	switch {
	case held == nil:
		return typ{}
	case held.Kind == Sealed:
		return typ{prot: held.Target}
	}
	return typ{box: held}
}

// expanded returns the item of FROM that (t).* is of, nil for any other expression.
func (b *binder) expanded(e *pg.A_Indirection, sc *scope) *source {
	ref := e.Arg.GetColumnRef()
	if ref == nil || len(e.Indirection) != 1 {
		return nil
	}
	if _, star := fieldNames(ref); star {
		return nil
	}
	if f := b.refersTo(ref, sc); f.col == nil {
		return f.row
	}
	return nil
}

// fields expands (row).* where the row is an expression.
func (b *binder) fields(n *pg.Node, sc *scope) (cols []*column, known bool) {
	e := n.GetAIndirection()
	if len(e.Indirection) != 1 || b.expanded(e, sc) != nil {
		b.children(n, sc)
		return nil, false
	}
	t := b.infer(e.Arg, sc)
	b.settlePlain(e.Arg, t)
	switch {
	case t.prot != nil:
		b.unsupported("a star", t.prot)
	case t.box == nil:
		return nil, false
	case t.box.Kind != Record:
		b.noBox(t.box, "a star")
		return nil, false
	}
	for _, item := range t.box.Items {
		c := &column{name: item.Name, box: item.Holds}
		if c.box != nil && c.box.Kind == Sealed {
			c.prot, c.box = c.box.Target, nil
		}
		cols = append(cols, c)
	}
	return cols, true
}
