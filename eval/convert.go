package eval

import (
	"slices"

	"github.com/pgveil/pgveil/envelope/canon"
)

// A castContext is when PostgreSQL converts by a cast of pg_cast.
type castContext uint8

const (
	explicit castContext = iota + 1
	assignment
	implicit
)

// casts are the casts of pg_cast among the types that are known here. A cast
// that goes through the text form, which needs no entry there, is explicit from
// text and an assignment to it.
var casts = map[[2]canon.Kind]castContext{
	{canon.Int2, canon.Int4}: implicit, {canon.Int2, canon.Int8}: implicit, {canon.Int2, canon.Numeric}: implicit,
	{canon.Int2, canon.Float4}: implicit, {canon.Int2, canon.Float8}: implicit,
	{canon.Int4, canon.Int2}: assignment, {canon.Int4, canon.Int8}: implicit, {canon.Int4, canon.Numeric}: implicit,
	{canon.Int4, canon.Float4}: implicit, {canon.Int4, canon.Float8}: implicit, {canon.Int4, canon.Bool}: explicit,
	{canon.Int8, canon.Int2}: assignment, {canon.Int8, canon.Int4}: assignment, {canon.Int8, canon.Numeric}: implicit,
	{canon.Int8, canon.Float4}: implicit, {canon.Int8, canon.Float8}: implicit,
	{canon.Numeric, canon.Int2}: assignment, {canon.Numeric, canon.Int4}: assignment, {canon.Numeric, canon.Int8}: assignment,
	{canon.Numeric, canon.Float4}: implicit, {canon.Numeric, canon.Float8}: implicit,
	{canon.Float4, canon.Int2}: assignment, {canon.Float4, canon.Int4}: assignment, {canon.Float4, canon.Int8}: assignment,
	{canon.Float4, canon.Numeric}: assignment, {canon.Float4, canon.Float8}: implicit,
	{canon.Float8, canon.Int2}: assignment, {canon.Float8, canon.Int4}: assignment, {canon.Float8, canon.Int8}: assignment,
	{canon.Float8, canon.Numeric}: assignment, {canon.Float8, canon.Float4}: assignment,
	{canon.Bool, canon.Int4}: explicit, {canon.Bool, canon.Text}: assignment,
	{canon.Bool, canon.Varchar}: assignment, {canon.Bool, canon.Bpchar}: assignment,
	{canon.Text, canon.Varchar}: implicit, {canon.Text, canon.Bpchar}: implicit,
	{canon.Varchar, canon.Text}: implicit, {canon.Varchar, canon.Bpchar}: implicit,
	{canon.Bpchar, canon.Text}: implicit, {canon.Bpchar, canon.Varchar}: implicit,
	{canon.Date, canon.Timestamp}: implicit, {canon.Date, canon.Timestamptz}: implicit,
	{canon.Timestamp, canon.Date}: assignment, {canon.Timestamp, canon.Time}: assignment, {canon.Timestamp, canon.Timestamptz}: implicit,
	{canon.Timestamptz, canon.Date}: assignment, {canon.Timestamptz, canon.Time}: assignment,
	{canon.Timestamptz, canon.Timestamp}: assignment, {canon.Timestamptz, canon.Timetz}: assignment,
	{canon.Time, canon.Interval}: implicit, {canon.Time, canon.Timetz}: implicit,
	{canon.Timetz, canon.Time}: assignment, {canon.Interval, canon.Time}: assignment,
	{canon.JSON, canon.JSONB}: assignment, {canon.JSONB, canon.JSON}: assignment,
	{canon.JSONB, canon.Bool}: explicit, {canon.JSONB, canon.Int2}: explicit, {canon.JSONB, canon.Int4}: explicit,
	{canon.JSONB, canon.Int8}: explicit, {canon.JSONB, canon.Numeric}: explicit,
	{canon.JSONB, canon.Float4}: explicit, {canon.JSONB, canon.Float8}: explicit,
}

// implicitly says that PostgreSQL converts one kind to the other by itself.
func implicitly(from, to canon.Kind) bool {
	return from == to || from == unknown || to == anyValue || to == anyNonArray || casts[[2]canon.Kind{from, to}] == implicit
}

// castable says that a cast from one kind to the other exists.
func castable(from, to canon.Kind) bool {
	return from == to || casts[[2]canon.Kind{from, to}] != 0 || category(from) == 'S' || category(to) == 'S'
}

// commonType returns the type of CASE, COALESCE and the like over operands of
// these types, the most significant first: select_common_type.
func commonType(types []canon.Kind, what string) (canon.Kind, error) {
	common := types[0]
	if common != unknown && !slices.ContainsFunc(types, func(k canon.Kind) bool { return k != common }) {
		return common, nil
	}
	for _, k := range types[1:] {
		switch {
		case k == unknown || k == common:
		case common == unknown:
			common = k
		case category(k) != category(common):
			return unknown, wrongTypes(stateMismatch, "%s types %s and %s cannot be matched", what, sqlName(common), sqlName(k))
		case !preferred(common) && implicitly(common, k) && !implicitly(k, common):
			common = k
		}
	}
	if common == unknown {
		return canon.Text, nil
	}
	for _, k := range types {
		if !implicitly(k, common) {
			return unknown, wrongTypes(stateCast, "%s could not convert type %s to %s", what, sqlName(k), sqlName(common))
		}
	}
	return common, nil
}

// Cast converts a canonical value of one type to another, as :: does. Text is
// read and written in the session's forms.
func Cast(from, to canon.Type, forms *canon.Settings, v []byte) ([]byte, error) {
	switch {
	case isText(to):
		text, err := textOf(from, forms, v)
		if err != nil {
			return nil, err
		}
		return canon.FromText(to, forms, cut(text, to))
	case isText(from):
		return canon.FromText(to, forms, v)
	case from.Kind == canon.Bool && to.Kind == canon.Int4:
		return []byte{0, 0, 0, v[0]}, nil
	case from.Kind == canon.Int4 && to.Kind == canon.Bool:
		return boolValue(slices.ContainsFunc(v, func(b byte) bool { return b != 0 })).Data, nil
	}
	return canon.Coerce(from, to, forms, v)
}

// Text returns a value as a cast to text gives it.
func Text(from canon.Type, forms *canon.Settings, v []byte) ([]byte, error) {
	return textOf(from, forms, v)
}

func textOf(from canon.Type, forms *canon.Settings, v []byte) ([]byte, error) {
	if isText(from) || from.Kind == canon.Bool && !from.Array {
		return canon.Coerce(from, typeOf(canon.Text), forms, v) // a bpchar loses its padding, bool has words
	}
	return canon.AppendText(nil, from, forms, v)
}

// isText reports whether a type's values are strings.
func isText(t canon.Type) bool {
	return !t.Array && (t.Kind == canon.Citext || category(t.Kind) == 'S')
}

// cut shortens a string to the length of its type, which an explicit cast does.
func cut(text []byte, t canon.Type) []byte {
	const header = 4 // VARHDRSZ
	if t.Kind != canon.Varchar && t.Kind != canon.Bpchar || t.Mod < header {
		return text
	}
	n := int(t.Mod) - header
	for i := range string(text) {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// Assignable reports whether a value of one type may be stored in a column of
// the other.
func Assignable(from, to canon.Type) bool {
	if from.Array || to.Array {
		return from.Array == to.Array && from.Kind == to.Kind
	}
	how := casts[[2]canon.Kind{from.Kind, to.Kind}]
	return from.Kind == to.Kind || how == assignment || how == implicit || isText(to)
}
