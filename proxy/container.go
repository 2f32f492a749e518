package proxy

import (
	"context"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// part is a container of a result, or a part of one, with what it takes to open
// the values in it. It is immutable.
type part struct {
	*rewrite.Container
	// shown and binary are how the value of a sealed part is shown, as text and in
	// binary.
	shown, binary cell
	elem          *part
	// items has nil for plain parts. byName finds the parts of a record where it is
	// an object without order; of several with one name the last.
	items  []*part
	byName map[string]*part
	// oid is the type that the part is described as within a binary form, elemOID
	// that of an array's elements; 0 where the server's word stands.
	oid, elemOID uint32
}

// makePart prepares a container for a run.
func makePart(r *run, c *rewrite.Container) (*part, error) {
	if c == nil {
		return nil, nil
	}
	p := &part{Container: c}
	var err error
	if p.elem, err = makePart(r, c.Elem); err != nil {
		return nil, err
	}
	for _, item := range c.Items {
		held, err := makePart(r, item.Holds)
		if err != nil {
			return nil, err
		}
		p.items = append(p.items, held)
		if c.Kind == rewrite.Record {
			if p.byName == nil {
				p.byName = make(map[string]*part, len(c.Items))
			}
			p.byName[item.Name] = held
		}
	}
	switch {
	case c.Kind == rewrite.Sealed:
		return p, p.seal(r)
	case c.Kind == rewrite.Array && c.Type.OID != 0:
		p.elemOID = elementShown(c).oid
		p.oid = describedAs(r.planning.state.snap, c).oid
	case c.Kind == rewrite.Joined && c.Type.OID != 0:
		p.oid = c.Type.OID
	}
	return p, nil
}

// seal completes a part that is a sealed value.
func (p *part) seal(r *run) error {
	column := rewrite.ResultColumn{Target: p.Target, Access: p.Access}
	var err error
	if p.shown, err = makeCell(r, &column, 0); err != nil {
		return err
	}
	p.binary = p.shown
	p.binary.format = 1
	if p.shown.asText {
		p.binary.format = 0
	}
	p.oid = shownAs(&column).oid
	return nil
}

// elementShown returns the type in which the elements of an array of columns
// are described to the client.
func elementShown(c *rewrite.Container) (t shown) {
	t = shown{oid: c.Type.OID, len: c.Type.Len, mod: c.Type.Mod}
	c.Leaves(func(leaf *rewrite.Container) {
		if showsText(&rewrite.ResultColumn{Target: leaf.Target, Access: leaf.Access}) {
			t = shown{oid: textOID, len: -1, mod: -1}
		}
	})
	return t
}

// describedAs returns the type in which a container is described to the client,
// the zero value where that is the server's.
func describedAs(snap *catalog.Snapshot, c *rewrite.Container) shown {
	switch {
	case c.Type.OID == 0:
		return shown{}
	case c.Kind == rewrite.Joined:
		return shown{oid: c.Type.OID, len: c.Type.Len, mod: c.Type.Mod}
	}
	elem := elementShown(c)
	array, ok := snap.ArrayOf(elem.oid)
	if !ok {
		return shown{}
	}
	return shown{oid: array.OID, len: array.Len, mod: elem.mod}
}

// shownTo returns the type in which a column is described to the client, the
// zero value where that is the server's.
func shownTo(r *run, c *rewrite.ResultColumn) shown {
	if c.Container != nil {
		return describedAs(r.planning.state.snap, c.Container)
	}
	return shownAs(c)
}

// at returns the part that an element of an array is. The elements of several
// arrays of one making stand behind one another.
func (p *part) at(i int) *part {
	if len(p.items) == 0 {
		return p.elem
	}
	return p.items[i%len(p.items)]
}

// walk opens what is in containers. It keeps its buffers from one to the next.
type walk struct {
	o   *opener
	ctx context.Context
	r   *run
	set *settings
	// free are buffers for the parts of parts.
	free [][]byte
}

// container returns what the client sees of a container, which is not NULL. The
// bytes are valid until the next call; nil is NULL.
func (o *opener) container(ctx context.Context, c *cell, stored []byte, r *run, set *settings) ([]byte, error) {
	w := &o.walk
	w.o, w.ctx, w.r, w.set = o, ctx, r, set
	form := w.text
	if c.format == 1 {
		form = w.binary
	}
	out, null, err := form(o.doc[:0], c.part, stored)
	o.doc = keep(out)
	switch {
	case err != nil || null:
		return nil, err
	case out == nil:
		return []byte{}, nil
	}
	return out, nil
}

// buffer returns a buffer to be given back by done.
func (w *walk) buffer() []byte {
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		return b
	}
	return nil
}

func (w *walk) done(buffers ...[]byte) {
	for _, b := range buffers {
		w.free = append(w.free, keep(b))
	}
}

// text appends the text form of a part whose text form in the server's answer
// is in. A nil part is plain.
func (w *walk) text(dst []byte, p *part, in []byte) (_ []byte, null bool, err error) {
	if p == nil {
		return append(dst, in...), false, nil
	}
	switch p.Kind {
	case rewrite.Sealed:
		shown, err := w.o.show(w.ctx, &p.shown, in, w.r, w.set)
		return append(dst, shown...), shown == nil, err
	case rewrite.Array:
		dst, err = w.arrayText(dst, p, in)
	case rewrite.Record:
		dst, err = w.recordText(dst, p, in)
	case rewrite.JSON, rewrite.JSONB:
		dst, err = w.document(dst, p, in)
	case rewrite.Joined:
		return w.joined(dst, p, in)
	case rewrite.Text:
		return w.cast(dst, p.elem, in)
	default:
		err = errMismatch
	}
	return dst, false, err
}
