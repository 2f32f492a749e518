package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"slices"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// ContainerKind says what a value that holds sealed ones is made like.
type ContainerKind uint8

const (
	// Sealed is an envelope, where another container has one. It is the zero
	// value: what holds no envelope there does not open.
	Sealed ContainerKind = iota
	// Array is an SQL array of any number of dimensions: Items are its elements
	// in storage order, or else all of them are like Elem.
	Array
	// Record is a row value. As a part of a document it is an object.
	Record
	// JSON and JSONB are documents, made of Elem as to_json and to_jsonb make them.
	JSON
	JSONB
	// List is the array of a document with the parts Items.
	List
	// Rows is the array that json_agg makes of values like Elem.
	Rows
	// Map is an object of a document whose values are all like Elem.
	Map
	// Joined is text that the server could not put together: what is there is a
	// JSON array of the parts, as Join says.
	Joined
	// Text is the text form of Elem, as a string.
	Text
)

// A Join says how the parts of a [Joined] container become text.
type Join uint8

const (
	// Strict joins Items as the operator || does: NULL if one of them is.
	Strict Join = iota
	// Concat joins Items as concat does, which leaves NULLs out.
	Concat
	// Separated joins Items as concat_ws does; the first part is the separator.
	Separated
	// Delimited joins values like Elem as string_agg does: each part is an array
	// of the delimiter before the value and the value.
	Delimited
	// Elements joins the elements of arrays like Elem as array_to_string does:
	// the parts are the delimiter, what stands for NULL, and the elements.
	Elements
	// Chosen is one of Items: the parts are its place, from 0, and the text.
	Chosen
)

// A Container says where in a value of the result the sealed ones are, so that
// each is opened for what it is and nothing else is. It is immutable.
type Container struct {
	Kind ContainerKind
	// Join is set for Joined.
	Join Join
	// Target and Access are set for Sealed, as in ResultColumn.
	Target *catalog.Protected
	Access policy.Access
	// Type is the type of the elements of an Array of columns, and of a text that
	// is Chosen, as clients see it; zero where the server knows better.
	Type catalog.Type
	// Items are parts that are known by their places, Elem is what parts are that
	// are all alike.
	Items []Item
	Elem  *Container
}

// Item is a part of a container.
type Item struct {
	// Name is the part's name in a record or object. Expression says that it is
	// not known.
	Name       string
	Expression bool
	// Holds is nil for a part that holds nothing sealed.
	Holds *Container
}

// Equal reports whether two containers are read in the same way. same compares
// what the sealed values in them are.
func (c *Container) Equal(d *Container, same func(a, b *Container) bool) bool {
	if c == nil || d == nil || c == d {
		return c == d
	}
	if c.Kind != d.Kind || c.Join != d.Join || c.Type != d.Type || c.Kind == Sealed && !same(c, d) {
		return false
	}
	return c.Elem.Equal(d.Elem, same) && slices.EqualFunc(c.Items, d.Items, func(p, q Item) bool {
		return p.Name == q.Name && p.Expression == q.Expression && p.Holds.Equal(q.Holds, same)
	})
}

// Leaves calls each with every sealed value in the container.
func (c *Container) Leaves(each func(*Container)) {
	switch {
	case c == nil:
	case c.Kind == Sealed:
		each(c)
	default:
		c.Elem.Leaves(each)
		for _, item := range c.Items {
			item.Holds.Leaves(each)
		}
	}
}

// First returns the column of one of the sealed values, for refusals; nil for
// no container.
func (c *Container) First() (p *catalog.Protected) {
	c.Leaves(func(leaf *Container) {
		if p == nil {
			p = leaf.Target
		}
	})
	return p
}

// sameBox says that two containers are read in the same way.
func (c *Container) sameBox(d *Container) bool {
	return c.Equal(d, func(a, b *Container) bool { return a.Target == b.Target && a.Access == b.Access })
}

// noBox refuses a container where a rule does not know them.
func (b *binder) noBox(c *Container, what string) {
	b.unsupported(what, c.First())
}

// inBox is what refusals call an expression that is a container.
const inBox = "an operation on the record, array, document or text that it is a part of"

// noBoxes refuses output columns that are containers.
func (b *binder) noBoxes(what string, cols ...*column) {
	for _, c := range cols {
		if c != nil && c.box != nil {
			b.noBox(c.box, what)
			return
		}
	}
}

// boxTarget returns the output column of a container.
func (b *binder) boxTarget(x typ, name string, w want) *column {
	switch {
	case w.term != nil:
		b.noBox(x.box, "a comparison")
	case w.store != nil:
		b.noBox(x.box, "a write to a protected column")
	}
	return &column{name: name, box: x.box}
}

// mergeBoxes types a column of UNION ALL that is a container in one arm at
// least. Nobody could tell from which arm a row is, so both must be alike.
func (b *binder) mergeBoxes(l, r *column) *column {
	if !l.box.sameBox(r.box) {
		for _, c := range []*column{l, r} {
			b.noBoxes("a set operation with another kind of column", c)
		}
	}
	return &column{name: l.name, box: l.box}
}

// testable checks that the session may know which values in a container are
// NULL: that is all that a row tells to IS NULL, and more than count asks.
func (b *binder) testable(c *Container) {
	c.Leaves(func(leaf *Container) { b.mayFilter(leaf.Target) })
}

// castBox types a cast of a container: to text, between the kinds of documents,
// and of an array to one of text.
func (b *binder) castBox(c *Container, to *pg.TypeName) typ {
	t, ok := b.typeNamed(to)
	document := c.Kind == JSON || c.Kind == JSONB
	switch {
	case !ok:
	case textual(t.Name) && (c.Kind == Joined || c.Kind == Text):
		return typ{box: c}
	case textual(t.Name):
		return typ{box: &Container{Kind: Text, Elem: c}}
	case t.Name == "json" && c.Kind == Text && (c.Elem.Kind == JSON || c.Elem.Kind == JSONB):
		return typ{box: c.Elem}
	case t.Name == "jsonb" && c.Kind == Text && c.Elem.Kind == JSON:
		return b.document(JSONB, c.Elem)
	case t.Name == "jsonb" && document:
		return b.document(JSONB, c)
	case t.Name == "json" && document:
		return typ{box: c}
	case t.Elem != 0 && c.Kind == Array && textual(t.ElemName) && textual(c.Type.Name):
		box := *c
		box.Type, _ = b.env.Snapshot.Type(t.Elem)
		return typ{box: &box}
	}
	b.noBox(c, "a cast")
	return typ{}
}

// settleBeside settles an expression beside others. Where one of those is sealed
// a parameter may be its value too, and must not be sent in clear for this.
func (b *binder) settleBeside(n *pg.Node, t typ, sealed bool) {
	if !sealed {
		b.settlePlain(n, t)
		return
	}
	b.computing(func() { b.settlePlain(n, t) })
}
