package proxy

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// What a step gave goes into the statement as text: an array of text for each
// column, or one text where the step has but one row. The text of the
// statement casts it back to the type that the column had, so that what the
// statement does with it, an assignment above all, is done with that type.
// A sealed value is text in any case.

// givenText appends what stands in the place of a step's rows, or of one value.
func (f *filler) givenText(dst []byte, g rewrite.Given) ([]byte, error) {
	if g.Step > len(f.steps) {
		return dst, fmt.Errorf("step %d has not run", g.Step)
	}
	answer, first := f.steps[g.Step-1], f.given+1
	if len(answer.fields) != len(answer.step.Columns) {
		return dst, errMismatch
	}
	for _, before := range f.steps[:g.Step-1] {
		first += len(before.fields)
	}
	if g.Column > 0 {
		name, err := f.givenType(answer, g.Column-1)
		return fmt.Appendf(dst, "($%d::pg_catalog.text)::%s", first+g.Column-1, name), err
	}
	var arrays, names []string
	for i := range answer.fields {
		name, err := f.givenType(answer, i)
		if err != nil {
			return dst, err
		}
		if i > 0 {
			dst = append(dst, ", "...)
		}
		column := rewrite.GivenName(i + 1)
		dst = fmt.Appendf(dst, "g.%s::%s AS %s", column, name, column)
		arrays = append(arrays, fmt.Sprintf("pg_catalog.unnest($%d::pg_catalog._text)", first+i))
		names = append(names, column)
	}
	return fmt.Appendf(dst, " FROM ROWS FROM (%s) AS g (%s)", strings.Join(arrays, ", "), strings.Join(names, ", ")), nil
}

// givenType returns the name of the type that a column of a step is given as.
func (f *filler) givenType(answer *stepAnswer, i int) (string, error) {
	use, oid := &answer.step.Columns[i], answer.fields[i].oid
	if use.Role == rewrite.Stored && isTextualColumn(use.Target) {
		return sealedType, nil
	}
	if use.Role == rewrite.Stored {
		if err := f.givenAssignable(use, oid); err != nil {
			return "", err
		}
	}
	schema, name, ok := f.planning.state.snap.TypeName(oid)
	if !ok || isPseudo(oid) {
		return "", &pgerr.Error{
			State:   pgerr.StateUnsupported,
			Code:    pgerr.UnsupportedType,
			Message: "cannot pass on a computed value of this type beside one for a protected column",
			Detail:  "pgveil does not know the type, or it has no text form.",
			Hint:    "Cast the value to the type of the column that it is written to.",
		}
	}
	if !f.exactText(oid, name) {
		return "", &pgerr.Error{
			State:   pgerr.StateUnsupported,
			Code:    pgerr.UnsupportedType,
			Message: fmt.Sprintf("cannot pass on a computed value of type %s under this DateStyle or extra_float_digits", name),
			Detail:  "Its text form would not be the whole value.",
			Hint:    "SET DateStyle TO ISO and SET extra_float_digits TO 1.",
		}
	}
	if use.Role == rewrite.Stored {
		return sealedType, nil
	}
	return quoteIdent(schema) + "." + quoteIdent(name), nil
}

// givenAssignable refuses a column whose type cannot be assigned to the one that
// it is written to, even if it has no value.
func (f *filler) givenAssignable(use *rewrite.Use, oid uint32) error {
	col, err := f.planning.state.column(use.Target)
	if err != nil {
		return err
	}
	t, _ := f.planning.state.snap.Type(oid)
	if from, ok := canonType(t); ok && !canon.Assignable(from, col.typ) {
		return notAssignable(col, from)
	}
	return nil
}

// sealedType is the type of a sealed value.
const sealedType = "pg_catalog.text"

// isPseudo reports whether a type is one of no value: record, unknown, void.
func isPseudo(oid uint32) bool {
	const record, void = 2249, 2278
	return oid == record || oid == void || oid == unknownOID
}

func quoteIdent(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// exactText reports whether the text form of a type's values is the whole value
// under the session's settings.
func (f *filler) exactText(oid uint32, name string) bool {
	iso := strings.HasPrefix(f.settings.canon.DateStyle, "ISO")
	if iso && f.planning.id.floatDigits > 0 {
		return true
	}
	const firstNormalOID = 16384
	if oid >= firstNormalOID {
		return false // it may hold anything
	}
	switch strings.TrimPrefix(name, "_") {
	case "bool", "int2", "int4", "int8", "numeric", "text", "varchar", "bpchar", "name", "uuid", "json", "jsonb", "bytea", "oid", "tid", "date", "timestamp", "time", "timetz", "interval":
		return true
	case "float4", "float8":
		return f.planning.id.floatDigits > 0
	case "timestamptz":
		return iso // else a zone is written as an abbreviation
	}
	return false
}

// givenParams appends the parameters that are made of what a plan's steps gave.
// Of a step that was only described they are no rows, or NULL.
func (f *filler) givenParams(sent *wire.Bind, plan *rewrite.Plan, answers []*stepAnswer) error {
	for k, answer := range answers {
		values, err := f.givenValues(answer, single(plan, k+1))
		if err != nil {
			return err
		}
		sent.Params = append(sent.Params, values...)
		for range values {
			sent.ParamFormats = append(sent.ParamFormats, 0)
		}
	}
	return nil
}

// givenTypes appends the types of those parameters.
func givenTypes(oids []uint32, plan *rewrite.Plan, answers []*stepAnswer) []uint32 {
	const textArrayOID = 1009
	for k, answer := range answers {
		oid := uint32(textArrayOID)
		if single(plan, k+1) {
			oid = textOID
		}
		for range answer.fields {
			oids = append(oids, oid)
		}
	}
	return oids
}

// single reports whether the values of a step's only row are used one by one.
func single(plan *rewrite.Plan, step int) bool {
	for i := range plan.Text {
		if g := plan.Text[i].Given; g.Step == step {
			return g.Column > 0
		}
	}
	return false
}

// givenValues returns a parameter for each column of a step: the array of its
// values, or its only value.
func (f *filler) givenValues(answer *stepAnswer, single bool) ([][]byte, error) {
	columns := answer.step.Columns
	values := make([][]byte, len(columns))
	if !single {
		for i := range values {
			values[i] = []byte{'{'}
		}
	}
	for n, body := range answer.rows {
		var row wire.DataRow
		if err := row.Reset(body); err != nil || row.Left() != len(values) {
			return nil, errMismatch
		}
		for i := 0; row.Next(); i++ {
			value, err := f.givenValue(row.Value(), answer.fields[i], &columns[i])
			switch {
			case err != nil:
				return nil, err
			case single:
				values[i] = bytes.Clone(value)
			default:
				values[i] = appendElement(values[i], value, n > 0)
			}
		}
		if err := row.Err(); err != nil {
			return nil, errMismatch
		}
		answer.rows[n] = nil // it is not needed twice
	}
	if !single {
		for i := range values {
			values[i] = append(values[i], '}')
		}
	}
	return values, nil
}

// givenValue seals a value where it is written to a protected column. The
// result is valid until the next call.
func (f *filler) givenValue(value []byte, field stepField, use *rewrite.Use) ([]byte, error) {
	if value == nil || use.Role == rewrite.Verbatim {
		return value, nil
	}
	t, _ := f.planning.state.snap.Type(field.oid)
	t.Mod = field.mod
	typ, supported := canonType(t)
	in := &input{text: value, typ: typ}
	switch {
	case isTextualColumn(use.Target):
		in.text, in.typ = castText(value, t.Name, typ)
	case !supported:
		return nil, cannotAssign(use.Target, t)
	}
	sealed, err := f.use(f.sealed[:0], in, use)
	f.sealed = sealed
	return sealed, err
}

// castText returns the text that a value is cast to when it is assigned to a
// text column: what its output function gives, but for the types whose cast is
// another function.
func castText(value []byte, name string, typ canon.Type) ([]byte, canon.Type) {
	switch {
	case typ.Kind == canon.Bool && !typ.Array, isTextual(typ):
		return value, typ
	case name == "inet" && !bytes.ContainsRune(value, '/'):
		mask := "/32"
		if bytes.ContainsRune(value, ':') {
			mask = "/128"
		}
		value = append(bytes.Clone(value), mask...)
	}
	return value, builtinType("text")
}

// isTextualColumn reports whether every type can be assigned to the column.
func isTextualColumn(p *catalog.Protected) bool {
	t, ok := canonType(p.Logical)
	return ok && isTextual(t)
}

func cannotAssign(p *catalog.Protected, t catalog.Type) error {
	typ, _ := canonType(p.Logical)
	return &pgerr.Error{
		State:   "42804",
		Code:    pgerr.UnsupportedCast,
		Message: fmt.Sprintf("column %q is of type %s but expression is of type %s", p.Column.Name, typ, t.Name),
		Hint:    "You will need to rewrite or cast the expression.",
	}
}

// appendElement appends an element to an array's text.
func appendElement(dst, value []byte, comma bool) []byte {
	if comma {
		dst = append(dst, ',')
	}
	if value == nil {
		return append(dst, "NULL"...)
	}
	dst = append(dst, '"')
	for _, c := range value {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// stepParam returns the type of a client's parameter that only a step uses, 0
// for none.
func (st *statement) stepParam(plan *rewrite.Plan, client int) uint32 {
	for k := range st.steps {
		for n, p := range plan.Steps[k].Params {
			if p.Client == client && p.Use.Role == rewrite.Verbatim && n < len(st.steps[k].params) {
				return st.steps[k].params[n]
			}
		}
	}
	return 0
}
