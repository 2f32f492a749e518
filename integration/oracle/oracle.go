// Package oracle decides whether pgveil told the truth: it runs a statement on
// a plain PostgreSQL and through pgveil on a sealed twin, and compares what a
// client can see of the two.
//
// [Run] gives an [Outcome]: rows, declared types, command tags, the error and
// the transaction state. [Judge] compares two of them and gives a [Verdict]:
// the same, refused by pgveil with a code, or wrong.
package oracle

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Mode is how a statement is sent.
type Mode uint8

// The modes.
const (
	// Simple sends a Query message; the statement must not have parameters.
	Simple Mode = iota
	// Extended sends Parse, Bind, Describe, Execute unnamed, results as text.
	Extended
	// Binary prepares a named statement, describes it, and asks for binary results.
	Binary
	// Mixed does so too, and then sends every other parameter in binary and asks
	// for every other column in binary.
	Mixed
)

// String returns the mode's name.
func (m Mode) String() string { return [...]string{"simple", "extended", "binary", "mixed"}[m] }

// Statement is what is run.
type Statement struct {
	SQL string
	// Params are in text form; a nil one is NULL.
	Params [][]byte
	// Types are the OIDs that the client declares for the parameters; 0, and
	// what is missing, is left to the server.
	Types []uint32
	// Copy is what is sent to COPY … FROM STDIN, if it is not nil. What COPY
	// sends is a Result of one column. Both are always in mode Simple.
	Copy []byte
}

// Column is a column of a result as its metadata declares it.
type Column struct {
	Name     string
	OID      uint32
	Modifier int32
	Size     int16
}

// Result is what one statement gave.
type Result struct {
	Columns []Column
	Rows    []Row
	Tag     string
}

// Row has the cells of a row, NULL or quoted so that all bytes are visible.
type Row []string

// String returns the row as one line.
func (r Row) String() string { return strings.Join(r, " | ") }

// Outcome is all that a client saw of what it sent.
type Outcome struct {
	Results []Result
	// Params are the types of the parameters, in mode Binary.
	Params []uint32
	// Err is what the server, or pgveil, answered instead.
	Err *pgconn.PgError
	// Broken is why the connection ended.
	Broken error
	// TxStatus is the transaction state afterwards: I, T or E.
	TxStatus byte
}

// Run runs a statement and returns what came of it.
func Run(ctx context.Context, conn *pgconn.PgConn, mode Mode, st Statement) Outcome {
	var out Outcome
	var err error
	switch {
	case st.Copy != nil:
		err = out.copyFrom(ctx, conn, st)
	case copyOut.MatchString(st.SQL):
		err = out.copyTo(ctx, conn, st.SQL)
	case mode == Simple:
		err = out.simple(ctx, conn, st)
	case mode == Extended:
		err = out.add(conn.ExecParams(ctx, st.SQL, st.Params, st.Types, nil, nil))
	default:
		err = out.prepared(ctx, conn, st, mode == Mixed)
	}
	if err != nil && !errors.As(err, &out.Err) {
		out.Broken = err
	}
	out.TxStatus = conn.TxStatus()
	return out
}

func (o *Outcome) simple(ctx context.Context, conn *pgconn.PgConn, st Statement) error {
	reader := conn.Exec(ctx, st.SQL)
	for reader.NextResult() {
		if err := o.add(reader.ResultReader()); err != nil {
			break // Close returns it too
		}
	}
	return reader.Close()
}

func (o *Outcome) prepared(ctx context.Context, conn *pgconn.PgConn, st Statement, mixed bool) error {
	const name = "oracle"
	desc, err := conn.Prepare(ctx, name, st.SQL, st.Types)
	if err != nil {
		return err
	}
	o.Params = desc.ParamOIDs
	params, forms := st.Params, []int16(nil)
	results := make([]int16, len(desc.Fields))
	for i := range results {
		results[i] = 1
		if mixed {
			results[i] = int16(i % 2)
		}
	}
	if mixed {
		params, forms = someBinary(st.Params, desc.ParamOIDs)
	}
	err = o.add(conn.ExecPrepared(ctx, name, params, forms, results))
	if errClose := conn.Deallocate(ctx, name); err == nil && errClose != nil && conn.TxStatus() != 'E' {
		err = errClose
	}
	return err
}

// someBinary puts every other parameter into the binary form of its type,
// where that is known here.
func someBinary(text [][]byte, types []uint32) (params [][]byte, forms []int16) {
	m := pgtype.NewMap()
	params, forms = slices.Clone(text), make([]int16, len(text))
	for i := 0; i < len(text) && i < len(types); i += 2 {
		t, ok := m.TypeForOID(types[i])
		if !ok || text[i] == nil || t.OID == pgtype.JSONBArrayOID {
			continue
		}
		if t.OID == pgtype.JSONBOID {
			params[i], forms[i] = append([]byte{1}, text[i]...), 1
			continue
		}
		value, err := t.Codec.DecodeValue(m, t.OID, pgtype.TextFormatCode, text[i])
		if err != nil {
			continue // the server says so
		}
		if b, err := m.Encode(t.OID, pgtype.BinaryFormatCode, value, nil); err == nil && b != nil {
			params[i], forms[i] = b, 1
		}
	}
	return params, forms
}

func (o *Outcome) add(reader *pgconn.ResultReader) error {
	var r Result
	for _, f := range reader.FieldDescriptions() {
		r.Columns = append(r.Columns, Column{Name: f.Name, OID: f.DataTypeOID, Modifier: f.TypeModifier, Size: f.DataTypeSize})
	}
	for reader.NextRow() {
		r.Rows = append(r.Rows, row(reader.Values()))
	}
	tag, err := reader.Close()
	r.Tag = tag.String()
	if err == nil {
		o.Results = append(o.Results, r)
	}
	return err
}

// Null is the cell of a NULL.
const Null = "NULL"

func row(values [][]byte) Row {
	cells := make(Row, len(values))
	for i, v := range values {
		cells[i] = Null
		if v != nil {
			cells[i] = Quote(string(v))
		}
	}
	return cells
}

// Quote returns the cell of a value.
func Quote(value string) string { return strconv.Quote(value) }

// Unquote returns the value of a cell, which must not be [Null].
func Unquote(cell string) string {
	value, err := strconv.Unquote(cell)
	if err != nil {
		panic("internal error: a cell that was not quoted: " + cell)
	}
	return value
}

// Judgement is what a comparison came to.
type Judgement uint8

const (
	// Wrong is silently wrong, or an error that plain PostgreSQL would not give
	// and that pgveil does not account for. It is the zero value.
	Wrong Judgement = iota
	// Same means that a client cannot tell the difference.
	Same
	// Refused means that pgveil said that it does not do this.
	Refused
)

// Verdict is a Judgement with its reason.
type Verdict struct {
	Judgement Judgement
	// State is the SQLSTATE where there was an error, Code pgveil's own.
	State, Code string
	// Message is that of the refusal, which tells what Code leaves open.
	Message string
	// Why is the difference, with Wrong.
	Why string
}

// String returns the verdict as test pages write it: "same", "same error
// 23505", "refused no-equality-search", or "WRONG: …".
func (v Verdict) String() string {
	switch {
	case v.Judgement == Refused:
		return "refused " + v.Code
	case v.Judgement == Same && v.State != "":
		return "same error " + v.State
	case v.Judgement == Same:
		return "same"
	default:
		return "WRONG: " + v.Why
	}
}

// Judge compares what plain PostgreSQL gave with what pgveil gave. Rows are
// compared in order if ordered.
func Judge(plain, veiled Outcome, ordered bool) Verdict {
	if veiled.Broken != nil || plain.Broken != nil {
		return wrong("connection ended: plain %v, through pgveil %v", plain.Broken, veiled.Broken)
	}
	if code := Code(veiled.Err); code != "" {
		return judgeRefusal(plain, veiled, code)
	}
	if v := sameErrors(plain.Err, veiled.Err); v != "" {
		return wrong("%s", v)
	}
	if plain.TxStatus != veiled.TxStatus {
		return wrong("transaction state %c, want %c", veiled.TxStatus, plain.TxStatus)
	}
	if !slices.Equal(plain.Params, veiled.Params) {
		return wrong("parameter types %v, want %v", veiled.Params, plain.Params)
	}
	if len(plain.Results) != len(veiled.Results) {
		return wrong("%d results, want %d", len(veiled.Results), len(plain.Results))
	}
	for i := range plain.Results {
		if why := sameResult(plain.Results[i], veiled.Results[i], ordered); why != "" {
			return wrong("result %d: %s", i+1, why)
		}
	}
	if plain.Err != nil {
		return Verdict{Judgement: Same, State: plain.Err.Code}
	}
	return Verdict{Judgement: Same}
}

func wrong(format string, args ...any) Verdict {
	return Verdict{Judgement: Wrong, Why: fmt.Sprintf(format, args...)}
}

// judgeRefusal accepts a refusal that leaves the session as an error would.
func judgeRefusal(plain, veiled Outcome, code string) Verdict {
	// The same value is bad for both: pgveil raises PostgreSQL's own SQLSTATE.
	if plain.Err != nil && plain.Err.Code == veiled.Err.Code && plain.TxStatus == veiled.TxStatus {
		return Verdict{Judgement: Same, State: plain.Err.Code}
	}
	if plain.TxStatus == 'T' && veiled.TxStatus != 'E' {
		return wrong("refused (%s), but the transaction state is %c, want E", code, veiled.TxStatus)
	}
	return Verdict{Judgement: Refused, State: veiled.Err.Code, Code: code, Message: veiled.Err.Message}
}

func sameErrors(plain, veiled *pgconn.PgError) string {
	switch {
	case plain == nil && veiled == nil:
		return ""
	case plain == nil:
		return fmt.Sprintf("error %s (%s; %s; %s), want none", veiled.Code, veiled.Message, veiled.Detail, veiled.Hint)
	case veiled == nil:
		return fmt.Sprintf("no error, want %s (%s)", plain.Code, plain.Message)
	case plain.Code != veiled.Code:
		return fmt.Sprintf("error %s (%s), want %s (%s)", veiled.Code, veiled.Message, plain.Code, plain.Message)
	case plain.ConstraintName != veiled.ConstraintName:
		return fmt.Sprintf("error of constraint %q, want %q", veiled.ConstraintName, plain.ConstraintName)
	case plain.Position != veiled.Position:
		return fmt.Sprintf("error %s (%s) at position %d, want %d", veiled.Code, veiled.Message, veiled.Position, plain.Position)
	}
	return ""
}

// firstUserOID is where PostgreSQL begins to number what users create.
const firstUserOID = 16384

// sameColumn compares two columns. The two databases need not give the same
// number to a type of their own, such as that of a table's rows.
func sameColumn(a, b Column) bool {
	if a.OID >= firstUserOID && b.OID >= firstUserOID {
		a.OID = b.OID
	}
	return a == b
}

func sameResult(plain, veiled Result, ordered bool) string {
	if plain.Tag != veiled.Tag {
		return fmt.Sprintf("tag %q, want %q", veiled.Tag, plain.Tag)
	}
	if !slices.EqualFunc(plain.Columns, veiled.Columns, sameColumn) {
		return fmt.Sprintf("columns %v, want %v", veiled.Columns, plain.Columns)
	}
	got, want := lines(veiled.Rows, ordered), lines(plain.Rows, ordered)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("rows\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	return ""
}

func lines(rows []Row, ordered bool) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.String()
	}
	if !ordered {
		slices.Sort(all)
	}
	return all
}

// Guard is the code that stands for a refusal by the server's own CHECK
// constraint, where pgveil could not see what a statement would do.
const Guard = "guard"

var ownCode = regexp.MustCompile(`\(pgveil: ([a-z0-9-]+)\)$`)

// Code returns pgveil's code of an error, "" for one that is the server's.
func Code(err *pgconn.PgError) string {
	if err == nil {
		return ""
	}
	if strings.HasPrefix(err.ConstraintName, "pgveil_guard") {
		return Guard
	}
	for _, text := range []string{err.Hint, err.Detail} {
		if m := ownCode.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}
