package proxy

import (
	"context"
	"errors"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// cell says how one column of a result is shown.
type cell struct {
	// col is nil for a column that is copied, and for a container.
	col    *column
	access policy.Access
	// name is the column's name in the policy, for errors.
	name   string
	format int16
	// asText says that the value is shown as text though its type is another.
	asText bool
	// part is set for a container, col for any other column that is opened.
	part *part
}

// opens reports whether anything in the column is to be opened.
func (c *cell) opens() bool { return c.col != nil || c.part != nil }

// shown is a type as a RowDescription tells it.
type shown struct {
	oid uint32
	len int16
	mod int32
}

const textOID = 25

// shownAs returns the type in which a protected column is described to the
// client. What is not a value of the column's type is text.
func shownAs(c *rewrite.ResultColumn) shown {
	t := c.Target.Logical
	if showsText(c) {
		return shown{oid: textOID, len: -1, mod: -1}
	}
	return shown{oid: t.OID, len: t.Len, mod: t.Mod}
}

// showsText reports whether the client gets a string where the column's type
// is another.
func showsText(c *rewrite.ResultColumn) bool {
	t, ok := canonType(c.Target.Logical)
	if !ok || isTextual(t) {
		return false
	}
	switch c.Access.Read {
	case policy.Seal:
		return true
	case policy.Masked:
		return c.Access.Mask.Kind != policy.MaskYear || !isDated(t)
	}
	return false
}

// makeCells returns how the rows of a run are shown. format gives the result format of a column.
func makeCells(r *run, format func(i int) int16) ([]cell, error) {
	cells := make([]cell, len(r.plan.Columns))
	for i := range r.plan.Columns {
		c := &r.plan.Columns[i]
		if !c.Opens() {
			continue
		}
		var err error
		if cells[i], err = makeCell(r, c, format(i)); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

// makeCell returns how the values of a column that is opened are shown.
func makeCell(r *run, c *rewrite.ResultColumn, format int16) (cell, error) {
	if c.Container != nil {
		p, err := makePart(r, c.Container)
		return cell{part: p, format: format}, err
	}
	col, err := r.planning.state.column(c.Target)
	if err != nil {
		return cell{}, err
	}
	return cell{
		col: col, access: c.Access, name: c.Target.Column.String(), format: format, asText: showsText(c),
	}, nil
}

// opener shows cells. It is the server's side's, and reuses its buffers.
type opener struct {
	plain []byte
	value []byte
	// doc is the buffer of containers, which walk opens.
	doc  []byte
	walk walk
}

// row appends the row that the client gets as a frame.
func (o *opener) row(ctx context.Context, dst, body []byte, r *run, set *settings) ([]byte, error) {
	var row wire.DataRow
	if err := row.Reset(body); err != nil {
		return dst, err
	}
	if row.Left() != len(r.cells) {
		return dst, errMismatch
	}
	start := len(dst)
	dst = wire.BeginRow(dst, row.Left())
	for i := 0; row.Next(); i++ {
		value := row.Value()
		if c := &r.cells[i]; c.opens() && value != nil {
			var err error
			if value, err = o.show(ctx, c, value, r, set); err != nil {
				return dst[:start], err
			}
		}
		dst = wire.AppendValue(dst, value)
	}
	o.plain, o.value, o.doc = keep(o.plain), keep(o.value), keep(o.doc)
	if err := row.Err(); err != nil {
		return dst[:start], err
	}
	return wire.EndFrame(dst, start)
}

// show returns what the client sees of a stored value, which is not NULL. The
// bytes are valid until the next call; nil is NULL.
func (o *opener) show(ctx context.Context, c *cell, stored []byte, r *run, set *settings) ([]byte, error) {
	if c.part != nil {
		return o.container(ctx, c, stored, r, set)
	}
	switch c.access.Read {
	case policy.Null:
		return nil, nil
	case policy.Seal:
		return stored, nil
	case policy.Masked, policy.Reveal:
	default:
		return nil, errors.New("internal error: a column that may not be read is in a result")
	}
	plain, err := o.open(ctx, c, stored, set)
	if err != nil {
		return nil, err
	}
	if c.access.Read == policy.Masked {
		text, value, err := o.masked(c, plain, r, set)
		if err != nil || value == nil {
			return text, err
		}
		plain = value
	}
	if o.value, err = o.encode(o.value[:0], c, plain, r, set); err != nil {
		return nil, c.located(err)
	}
	if o.value == nil {
		o.value = []byte{}
	}
	return o.value, nil
}

// open returns the canonical form of a stored value, valid until the next call.
func (o *opener) open(ctx context.Context, c *cell, stored []byte, set *settings) ([]byte, error) {
	plain, err := c.col.codec.Open(ctx, o.plain[:0], stored)
	if err != nil {
		return nil, c.located(err)
	}
	o.plain = plain
	if set.zoneUnknown && c.needsZone() {
		return nil, unknownZone()
	}
	return plain, nil
}

// needsZone reports whether the value is written in the session's time zone.
func (c *cell) needsZone() bool {
	k := c.col.typ.Kind
	return (k == canon.Timestamptz || k == canon.Timetz) && (c.format == 0 || c.asText)
}

// encode appends a value in the format that the client asked for.
func (o *opener) encode(dst []byte, c *cell, plain []byte, r *run, set *settings) ([]byte, error) {
	if c.format == 1 {
		return canon.AppendBinary(dst, c.col.typ, plain)
	}
	return canon.AppendText(dst, c.col.typ, r.forms(set), plain)
}

// masked returns a value through the mask of the session's roles: a text, or
// for a date without its day another value of the type, in canonical form.
func (o *opener) masked(c *cell, plain []byte, r *run, set *settings) (text, value []byte, err error) {
	typ, mask := c.col.typ, c.access.Mask
	switch {
	case isTextual(typ):
		text := plain
		if typ.Kind == canon.Bpchar {
			text = trimBlanks(plain)
		}
		return []byte(mask.Apply(string(text))), nil, nil
	case mask.Kind == policy.MaskYear && isDated(typ):
		value, err = o.year(c, plain, r, set)
		return nil, value, err
	}
	if o.value, err = canon.AppendText(o.value[:0], typ, r.forms(set), plain); err != nil {
		return nil, nil, c.located(err)
	}
	return []byte(mask.Apply(string(o.value))), nil, nil
}

// year masks a date or timestamp in its ISO form, and returns the result as a
// value of the type.
func (o *opener) year(c *cell, plain []byte, r *run, set *settings) ([]byte, error) {
	iso := *r.forms(set)
	iso.DateStyle = "ISO, MDY"
	text, err := canon.AppendText(nil, c.col.typ, &iso, plain)
	if err != nil {
		return nil, c.located(err)
	}
	masked, err := canon.FromText(c.col.typ, &iso, []byte(c.access.Mask.Apply(string(text))))
	if err != nil {
		return nil, c.located(err)
	}
	return masked, nil
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// located names the column in an error about one of its values.
func (c *cell) located(err error) error {
	var refusal *pgerr.Error
	if !errors.As(err, &refusal) {
		return err
	}
	named := *refusal
	named.Schema, named.Table, named.Column = c.col.prot.Column.Schema, c.col.prot.Column.Table, c.col.prot.Column.Name
	if named.State == pgerr.StateDamaged {
		named.Message += " in column " + c.name
	}
	return &named
}

// forms returns the settings that the text forms of the run's result depend on.
func (r *run) forms(set *settings) *canon.Settings {
	if r.formsOf != set {
		r.formsOf, r.cachedForms = set, r.planning.forms(set)
	}
	return r.cachedForms
}

// errMismatch says that the server's result is not the one that was planned.
// Whoever changed a table under a plan gets no rows.
var errMismatch = &pgerr.Error{
	State:   pgerr.StateUnsupported,
	Code:    pgerr.ResultMismatch,
	Message: "the result is not the one that was planned",
	Detail:  "A table has changed, or a name means another table than pgveil thought. No row was passed on.",
	Hint:    "Try again.",
}

// agree reports whether the server describes the result that was planned: as
// many columns, each from where the plan says, and no protected column where
// the plan sees a plain one.
func (r *run) agree(fields []wire.Field) bool {
	cols := r.plan.Columns
	if cols != nil && len(cols) != len(fields) {
		return false
	}
	for i := range fields {
		f := &fields[i]
		planned := rewrite.ResultColumn{}
		if cols != nil {
			planned = cols[i]
		}
		if planned.RelationOID != 0 && (planned.RelationOID != f.TableOID || planned.Num != f.Num) {
			return false
		}
		if !planned.Opens() && protects(r.planning.state.snap, f.TableOID, f.Num) {
			return false
		}
	}
	return true
}

func protects(snap *catalog.Snapshot, oid uint32, num int16) bool {
	if oid == 0 || num <= 0 {
		return false
	}
	rel := snap.Relation(oid)
	if rel == nil {
		return false
	}
	for i := range rel.Columns {
		if rel.Columns[i].Num == num {
			return rel.Columns[i].Protected != nil
		}
	}
	return false
}
