package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
)

// input is a literal or parameter on its way to be sealed.
type input struct {
	text []byte
	// binary says that text is the binary form, canonical that it is the canonical
	// form of typ.
	binary, canonical bool
	// typ is the type the value is written in; Unsupported for a string or
	// parameter of unknown type, which is read as what it meets.
	typ canon.Type
	// cast is the type that the statement casts it to, Unsupported for none.
	cast canon.Type
}

// noTerm is compared with where no stored value can be equal. A term has 22
// characters.
const noTerm = "~"

// use appends what is sent of a value, which is not NULL, in the role it plays.
func (f *filler) use(dst []byte, in *input, use *rewrite.Use) ([]byte, error) {
	col, err := f.planning.state.column(use.Target)
	if err != nil {
		return dst, err
	}
	switch use.Role {
	case rewrite.Stored:
		return f.stored(dst, in, use, col)
	case rewrite.Equality:
		return f.term(dst, in, col)
	case rewrite.EqualityArray:
		return f.terms(dst, in, col)
	}
	return dst, errors.New("a role that cannot be filled")
}

// stored appends the envelope of a value.
func (f *filler) stored(dst []byte, in *input, use *rewrite.Use, col *column) ([]byte, error) {
	if in.isText() && envelope.Looks(in.text) {
		// Whoever reads sealed strings may write them back: it is stored as it was.
		if _, err := col.codec.Open(f.ctx, f.plain[:0], in.text); err != nil {
			return dst, err
		}
		return append(dst, in.text...), nil
	}
	v, err := f.assign(in, col)
	if err != nil {
		return dst, err
	}
	if err := f.notMasked(v, use, col); err != nil {
		return dst, err
	}
	if use.Exact {
		if err := f.unchanged(in, v, col); err != nil {
			return dst, err
		}
	}
	return f.seal(dst, v, col)
}

// unchanged refuses a value that the column's length or precision has made
// another one. The statement also compares it, and would see the stored one.
func (f *filler) unchanged(in *input, stored []byte, col *column) error {
	free := *col
	free.typ.Mod = -1
	whole, err := f.assign(in, &free)
	if err != nil {
		return err
	}
	before, err := canon.AppendEquality(nil, free.typ, whole)
	if err != nil {
		return err
	}
	after, err := canon.AppendEquality(nil, col.typ, stored)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.ChangedByStoring,
		Message: "cannot round or cut a value to the type of column " + col.prot.Column.String() + " here",
		Detail:  "The statement makes it a column of its own before it stores it, where it is still whole.",
		Hint:    "Write the value as the column stores it, or store it where it stands in the statement.",
		Schema:  col.prot.Column.Schema, Table: col.prot.Column.Table, Column: col.prot.Column.Name,
	}
}

func (f *filler) seal(dst, v []byte, col *column) ([]byte, error) {
	var equality []byte
	if col.prot.Column.Search.Equality {
		eq, err := canon.AppendEquality(f.equality[:0], col.typ, v)
		if err != nil {
			return dst, err
		}
		f.equality, equality = eq, eq
	}
	return col.codec.Seal(f.ctx, dst, v, equality)
}

// isText reports whether the value is written as characters.
func (in *input) isText() bool {
	return !in.binary && !in.canonical || in.typ.Kind == canon.Unsupported || isTextual(in.typ)
}

// isTextual reports whether a type's values are strings.
func isTextual(t canon.Type) bool {
	switch t.Kind {
	case canon.Text, canon.Varchar, canon.Bpchar, canon.Citext:
		return !t.Array
	}
	return false
}

// canonical returns the value in the canonical form of its own type, or of
// the type that it meets if its own is unknown, and which of the two that is.
func (f *filler) canonical(in *input, meets canon.Type) ([]byte, canon.Type, error) {
	typ := in.typ
	if typ.Kind == canon.Unsupported {
		if typ = in.cast; typ.Kind == canon.Unsupported {
			typ = meets
		}
	}
	if err := f.zoneKnown(typ); err != nil {
		return nil, typ, err
	}
	if in.canonical {
		return in.text, typ, nil
	}
	// A cast to varchar(3) cuts; only an assignment is too long.
	read := typ
	if typ == in.cast && isTextual(typ) {
		read.Mod = -1
	}
	var v []byte
	var err error
	if in.binary {
		v, err = canon.FromBinary(read, in.text)
	} else {
		v, err = canon.FromText(read, f.forms, in.text)
	}
	if err != nil {
		return nil, typ, err
	}
	if in.cast.Kind == canon.Unsupported {
		return v, typ, nil
	}
	v, err = eval.Cast(read, in.cast, f.forms, v)
	return v, in.cast, err
}

// assign returns the canonical form that a column stores: the value converted
// as an assignment does.
func (f *filler) assign(in *input, col *column) ([]byte, error) {
	to := col.typ
	v, from, err := f.canonical(in, to)
	if err != nil {
		return nil, err
	}
	switch {
	case from == to:
		return v, nil
	case isTextual(to) && !isTextual(from):
		text, err := eval.Text(from, f.forms, v)
		if err != nil {
			return nil, err
		}
		return canon.FromText(to, f.forms, text)
	}
	if err := f.zoneKnown(to); err != nil {
		return nil, err
	}
	v, err = canon.Coerce(from, to, f.forms, v)
	var refusal *pgerr.Error
	if errors.As(err, &refusal) && refusal.Code == pgerr.UnsupportedCast {
		return nil, notAssignable(col, from)
	}
	return v, err
}

func notAssignable(col *column, from canon.Type) error {
	return &pgerr.Error{
		State:   "42804",
		Code:    pgerr.UnsupportedCast,
		Message: fmt.Sprintf("column %q is of type %s but expression is of type %s", col.prot.Column.Name, col.typ, from),
		Hint:    "Write a value of the column's type.",
	}
}

// zoneKnown refuses what depends on a time zone that has no rules here.
func (f *filler) zoneKnown(t canon.Type) error {
	if f.settings.zoneUnknown && (t.Kind == canon.Timestamptz || t.Kind == canon.Timetz) {
		return unknownZone()
	}
	return nil
}

func unknownZone() error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.UnknownZone,
		Message: "pgveil does not know the session's time zone",
		Detail:  "Times with a zone cannot be read or written in it.",
		Hint:    "SET TimeZone to a name of the tz database, such as 'Europe/Paris' or 'UTC'.",
	}
}

// notMasked refuses a value that the session has read through a mask and now
// writes back: it would destroy what it stands for.
func (f *filler) notMasked(v []byte, use *rewrite.Use, col *column) error {
	if use.Access.Read != policy.Masked || len(v) == 0 {
		return nil
	}
	mask := use.Access.Mask
	text := string(v)
	switch {
	case mask.Kind == policy.MaskYear && !use.Update:
		return nil // the first of January is a birthday too
	case mask.Kind == policy.MaskYear && isDated(col.typ):
		iso, err := canon.AppendText(nil, col.typ, nil, v)
		if err != nil {
			return err
		}
		text = string(iso)
	case !isTextual(col.typ):
		return nil // a mask is no value of the type
	}
	if mask.Apply(text) != text {
		return nil
	}
	return &pgerr.Error{
		State:   pgerr.StateForbidden,
		Code:    pgerr.MaskWrittenBack,
		Message: "cannot store a masked value in column " + col.prot.Column.String(),
		Detail:  "The session's roles read this column through a mask, and the value looks like one that was read and is written back. The real value would be lost.",
		Hint:    "Leave the column out of the statement, or write a whole new value.",
		Schema:  col.prot.Column.Schema, Table: col.prot.Column.Table, Column: col.prot.Column.Name,
	}
}

// isDated reports whether a year mask gives a value of the type.
func isDated(t canon.Type) bool {
	return !t.Array && (t.Kind == canon.Date || t.Kind == canon.Timestamp || t.Kind == canon.Timestamptz)
}

func builtinType(name string) canon.Type {
	t, _ := canon.TypeOf(0, -1, name, 0, "")
	return t
}

func boolType() canon.Type { return builtinType("bool") }

// integerType returns the type of an integer literal.
func integerType(digits []byte) canon.Type {
	n, err := strconv.ParseInt(string(digits), 10, 64)
	switch {
	case err != nil:
		return builtinType("numeric")
	case n > math.MaxInt32 || n < -math.MaxInt32:
		// The parser reads -2147483648 as minus a bigint.
		return builtinType("int8")
	}
	return builtinType("int4")
}
