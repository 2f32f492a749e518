package proxy

import (
	"context"
	"fmt"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// filler puts sealed values and terms where a plan wants them: in the text of
// a statement, and in the parameters of a Bind. It is the client's side's.
type filler struct {
	// A filler lives as long as the call that made it, so it may keep its context.
	ctx      context.Context
	planning *planning
	settings *settings
	forms    *canon.Settings
	// steps are the answers of the steps of the plan that is being filled, and
	// given is the number of the parameter before the first of theirs.
	steps []*stepAnswer
	given int
	// value, plain, equality and sealed are buffers.
	value, plain, equality, sealed []byte
}

// filler returns a filler for the session's present planning and settings.
func (s *session) filler(ctx context.Context) *filler {
	a, set := &s.asks, s.settings.Load()
	if a.formsOf != set || a.formsIn != a.planning {
		a.formsOf, a.formsIn, a.forms = set, a.planning, a.planning.forms(set)
	}
	return &filler{ctx: ctx, planning: a.planning, settings: set, forms: a.forms}
}

// text appends what is sent instead of a statement. steps are the answers of
// its steps so far.
func (f *filler) text(dst, sql []byte, stmt *shape.Statement, plan *rewrite.Plan, steps ...*stepAnswer) ([]byte, error) {
	f.steps, f.given = steps, len(plan.Params)
	return f.pieces(dst, sql, stmt, plan.Text)
}

func (f *filler) pieces(dst, sql []byte, stmt *shape.Statement, pieces []rewrite.Piece) ([]byte, error) {
	var err error
	for i := range pieces {
		p := &pieces[i]
		dst = append(dst, p.Text...)
		switch {
		case p.Given.Step > 0:
			dst, err = f.givenText(dst, p.Given)
		case p.Slot >= 0:
			dst, err = f.slot(dst, sql, &stmt.Slots[p.Slot], p.Uses)
		case p.Constant != nil:
			dst, err = f.constantLiteral(dst, p.Constant, &p.Uses[0], operands{sql: sql, stmt: stmt})
		case p.Word != "":
			dst, err = f.sealLiteral(dst, &input{text: []byte(p.Word), typ: boolType()}, &p.Uses[0])
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// slot appends the literals of a slot.
func (f *filler) slot(dst, sql []byte, slot *shape.Slot, uses []rewrite.Use) ([]byte, error) {
	var err error
	for i := range slot.Literals {
		use := &uses[0]
		column := 0
		if slot.Form == shape.Rows {
			column = i % slot.Width
			use = &uses[column]
		}
		switch {
		case slot.Form == shape.Rows && i > 0 && column == 0:
			dst = append(dst, "), ("...)
		case slot.Form == shape.Rows && i == 0:
			dst = append(dst, '(')
		case i > 0:
			dst = append(dst, ", "...)
		}
		if dst, err = f.literal(dst, sql, &slot.Literals[i], use); err != nil {
			return dst, err
		}
	}
	if slot.Form == shape.Rows {
		dst = append(dst, ')')
	}
	return dst, nil
}

// literal appends one literal of the client's text in the role it plays.
func (f *filler) literal(dst, sql []byte, lit *shape.Literal, use *rewrite.Use) ([]byte, error) {
	switch {
	case use.Role == rewrite.Verbatim:
		return append(dst, sql[lit.Start:max(lit.End, lit.CastEnd)]...), nil
	case lit.Kind == shape.Null:
		return append(dst, "NULL"...), nil
	case lit.Kind == shape.Default && use.Role == rewrite.Stored:
		return append(dst, "DEFAULT"...), nil
	}
	in, err := f.read(sql, lit, use)
	if err != nil {
		return dst, err
	}
	return f.sealLiteral(dst, in, use)
}

// read takes a literal's value out of the text.
func (f *filler) read(sql []byte, lit *shape.Literal, use *rewrite.Use) (*input, error) {
	value := f.value[:0]
	if use.Negate {
		value = append(value, '-')
	}
	var err error
	if value, err = shape.AppendValue(value, sql, *lit, !f.settings.backslash); err != nil {
		return nil, fmt.Errorf("reading a literal: %w", err)
	}
	f.value = value
	in := &input{text: value}
	switch lit.Kind {
	case shape.Integer:
		in.typ = integerType(value)
	case shape.Float:
		in.typ = builtinType("numeric")
	case shape.True, shape.False:
		in.typ = boolType()
		in.text = []byte("false")
		if lit.Kind == shape.True {
			in.text = []byte("true")
		}
	case shape.String:
	default:
		return nil, &pgerr.Error{
			State:   "42804",
			Code:    pgerr.UnsupportedCast,
			Message: "column " + use.Target.Column.Name + " cannot take a value of this type",
		}
	}
	if lit.CastEnd == 0 {
		return in, nil
	}
	return in, f.castTo(in, sql[lit.CastStart:lit.CastEnd])
}

// castTo notes the cast that stands behind a literal of a list.
func (f *filler) castTo(in *input, name []byte) error {
	schema, word, mod, err := catalog.ParseType(string(name))
	if err == nil {
		if t, ok := f.planning.state.snap.TypeByName(f.planning.id.Path, schema, word); ok {
			t.Mod = mod
			if in.cast, ok = canonType(t); ok {
				return nil
			}
		}
	}
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.UnsupportedCast,
		Message: "a literal for a protected column is cast to a type that is not supported",
		Hint:    "Write the literal without the cast.",
	}
}

// sealLiteral appends a value as a string literal. What is sealed, a term or
// an array of terms needs no escapes.
func (f *filler) sealLiteral(dst []byte, in *input, use *rewrite.Use) ([]byte, error) {
	if use.Cast.OID != 0 {
		t, err := castType(use.Cast)
		if err != nil {
			return dst, err
		}
		in.cast = t
	}
	dst = append(dst, '\'')
	dst, err := f.use(dst, in, use)
	return append(dst, '\''), err
}

// bind makes the Bind that is sent from the client's.
// stmt is the statement's text, scanned, where needsText says so.
func (f *filler) bind(sent, m *wire.Bind, st *statement, stmt *shape.Statement) error {
	sent.Portal, sent.Statement, sent.ResultFormats = m.Portal, m.Statement, m.ResultFormats
	sent.Params, sent.ParamFormats = sent.Params[:0], sent.ParamFormats[:0]
	return f.params(sent, m, st, stmt, st.plan.Params)
}

// params appends parameters made of those of the client's Bind.
func (f *filler) params(sent, m *wire.Bind, st *statement, stmt *shape.Statement, params []rewrite.Param) error {
	for i := range params {
		p := &params[i]
		if p.Constant != nil {
			sealed, null, err := f.constant([]byte{}, p.Constant, &p.Use, operands{sql: st.sql, stmt: stmt, bind: m})
			if err != nil {
				return err
			}
			if null {
				sealed = nil
			}
			sent.Params, sent.ParamFormats = append(sent.Params, sealed), append(sent.ParamFormats, 0)
			continue
		}
		value := m.Params[p.Client-1]
		format := wire.Format(m.ParamFormats, p.Client-1)
		if p.Use.Role == rewrite.Verbatim || value == nil {
			sent.Params = append(sent.Params, value)
			sent.ParamFormats = append(sent.ParamFormats, format)
			continue
		}
		in, err := f.param(value, format, p, st)
		if err != nil {
			return err
		}
		sealed, err := f.use(nil, in, &p.Use)
		if err != nil {
			return err
		}
		sent.Params = append(sent.Params, sealed)
		sent.ParamFormats = append(sent.ParamFormats, 0)
	}
	return nil
}

// param says what type a parameter's value is of: what the client declared,
// else what the cast or the column makes PostgreSQL infer.
func (f *filler) param(value []byte, format int16, p *rewrite.Param, st *statement) (*input, error) {
	if err := knownFormat(format); err != nil {
		return nil, err
	}
	in := &input{text: value, binary: format == 1}
	var err error
	if p.Use.Cast.OID != 0 {
		if in.cast, err = castType(p.Use.Cast); err != nil {
			return nil, err
		}
	}
	in.typ, err = f.paramType(p, st, in.cast)
	return in, err
}

func knownFormat(format int16) error {
	if format == 0 || format == 1 {
		return nil
	}
	return &pgerr.Error{
		State:   "22023",
		Code:    pgerr.ProtocolBroken,
		Message: fmt.Sprintf("unsupported format code: %d", format),
	}
}

// unknownOID is PostgreSQL's type of a parameter whose type is to be inferred.
const unknownOID = 705

func (f *filler) paramType(p *rewrite.Param, st *statement, cast canon.Type) (canon.Type, error) {
	n := p.Client - 1
	oid := uint32(0)
	if n < len(st.oids) && st.oids[n] != unknownOID {
		oid = st.oids[n]
	}
	if oid == 0 && cast.Kind != canon.Unsupported {
		return cast, nil
	}
	if oid == 0 && n < len(st.plan.ClientParams) {
		oid = st.plan.ClientParams[n].OID
	}
	if oid == 0 {
		return canon.Type{}, nil
	}
	if t, ok := f.planning.state.snap.Type(oid); ok {
		if typ, ok := canonType(t); ok {
			return typ, nil
		}
	}
	return canon.Type{}, &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.UnsupportedCast,
		Message: fmt.Sprintf("parameter $%d has a type that cannot be sealed", p.Client),
		Hint:    "Declare it with the column's type, or leave the type to the server.",
	}
}
