// Package copyrows changes the values of some columns in the data of a COPY. The
// data is a stream: a message may hold many rows, and a row or a field may be
// spread over many messages. [Rows] finds the rows, has the values of sealed
// columns changed, and passes on everything else byte for byte. It knows no
// sockets and no keys. scan.go finds rows and fields in text and CSV, text.go
// says how one value is written there, binary.go does the binary format.
//
// A row is passed on when it is complete and has as many fields as the COPY
// has columns. Were its first fields sent before the last is seen, a file with
// the wrong delimiter would put protected values into the server's message
// about a plain column.
package copyrows

import (
	"errors"
	"fmt"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Change turns the value of column i, which is not NULL, into what is passed
// on, appended to dst. null says that it is NULL now.
type Change func(dst []byte, i int, value []byte) (out []byte, null bool, err error)

// Rows changes the data of one COPY. Its memory is bounded by the longest
// row and the longest message.
type Rows struct {
	copy   *rewrite.Copy
	change Change
	// emit takes rows that are done; the bytes are valid during the call. It is
	// called at the end of a row once there are full bytes, and at the end of a message.
	emit func([]byte) error
	full int
	// limit is the longest row.
	limit int
	// sealed are the columns that change, table and names are for errors.
	sealed []int
	table  string

	scan   rowScanner
	binary bool
	// held is the beginning of a row whose rest has not come.
	held []byte
	// out are rows that are done; value is a buffer.
	out, value []byte
	// line is the number of the last line, or binary row, that was read.
	line int
	// over says that the data has said that it ends. What else comes is not data.
	over bool
}

// rowScanner finds the end of the row that b begins with, going on where it
// stopped when it saw less of it. It returns 0 if more is needed. last says
// that no more comes.
type rowScanner interface {
	next(b []byte, last bool) (end int, err error)
	// row is what the scanner found: valid until reset, which comes before the next row.
	row() *row
	reset()
}

// row is one row of a COPY, or something that stands in its place.
type row struct {
	kind   rowKind
	fields []field
	// content is where the line end of a text row begins; lines is how many line
	// ends stand within its quotes.
	content, lines int
}

// rowKind is what a row holds; the zero value is values.
type rowKind uint8

const (
	// rowOfNames is the header line of text and CSV.
	rowOfNames rowKind = iota + 1
	// rowVerbatim holds no values: the header of the binary format.
	rowVerbatim
	// rowEnd says that no row follows.
	rowEnd
)

// field is a field of a row, by its offsets in it.
type field struct {
	start, end int
	// quoted says that there are quotes in it, null that it is NULL by its length.
	quoted, null bool
}

// New returns Rows for a COPY with at least one sealed column.
// endMarker says that the server takes a line \. for the end of CSV.
func New(c *rewrite.Copy, change Change, emit func([]byte) error, limit int, endMarker bool) *Rows {
	r := &Rows{copy: c, change: change, emit: emit, limit: limit, binary: c.Format == rewrite.CopyBinary}
	for i := range c.Columns {
		if target := r.target(i); target != nil {
			r.sealed = append(r.sealed, i)
			r.table = target.Column.Table
		}
	}
	if r.binary {
		r.scan = &binaryScanner{columns: len(c.Columns), limit: limit}
	} else {
		r.scan = newLineScanner(c, endMarker)
	}
	if c.From {
		r.full = fullMessage
	}
	return r
}

// fullMessage is how many bytes of rows are sent to the server in one message,
// where the client sends so many. The server sends its rows one by one.
const fullMessage = 32 << 10

// Write takes the next piece of the data.
func (r *Rows) Write(data []byte) error {
	if len(r.held) > 0 {
		r.held = append(r.held, data...)
		data = r.held
	}
	n, err := r.rows(data, false)
	if err != nil {
		return err
	}
	rest := data[n:]
	switch {
	case len(rest) > r.limit:
		return r.located(&pgerr.Error{
			State:   "54000",
			Code:    pgerr.MessageTooLong,
			Message: "row of COPY data is too long",
			Detail:  fmt.Sprintf("The limit is %d bytes.", r.limit),
		}, r.line+1, -1)
	case len(rest) == 0:
		r.held = reuse(r.held)
	case n > 0 || len(r.held) == 0:
		r.held = append(r.held[:0], rest...)
	}
	return r.flush()
}

// Finish takes the end of the data.
func (r *Rows) Finish() error {
	if !r.over && len(r.held) > 0 {
		if _, err := r.rows(r.held, true); err != nil {
			return err
		}
		r.held = nil
	}
	return r.flush()
}

// rows changes the complete rows of data and returns how much of it they are.
func (r *Rows) rows(data []byte, last bool) (int, error) {
	n := 0
	for n < len(data) && !r.over {
		end, err := r.scan.next(data[n:], last)
		if err != nil {
			return n, r.located(err, r.line+1+r.scan.row().lines, -1)
		}
		if end == 0 {
			return n, nil
		}
		kind := r.scan.row().kind
		if err := r.row(data[n : n+end]); err != nil {
			return n, err
		}
		n += end
		r.scan.reset()
		if len(r.out) >= r.full && kind != rowVerbatim { // PostgreSQL sends the header with the first row
			if err := r.flush(); err != nil {
				return n, err
			}
		}
	}
	if r.over && r.binary && n < len(data) {
		return n, r.located(badCopyData("received copy data after EOF marker"), r.line+1, -1)
	}
	// The server ignores what stands behind the end of text.
	return len(data), nil
}

func (r *Rows) flush() error {
	if len(r.out) == 0 {
		return nil
	}
	err := r.emit(r.out)
	r.out, r.value = reuse(r.out), reuse(r.value)
	return err
}

// row appends what is passed on of a row.
func (r *Rows) row(raw []byte) error {
	row := r.scan.row()
	switch row.kind {
	case rowVerbatim:
		r.out = append(r.out, raw...)
		return nil
	case rowEnd:
		r.over = true
		r.out = append(r.out, raw...)
		return nil
	case rowOfNames:
		r.line += 1 + row.lines
		return r.names(raw, row)
	}
	r.line += 1 + row.lines
	if len(row.fields) != len(r.copy.Columns) {
		return r.located(badCopyData("missing data for columns"), r.line, -1)
	}
	done := 0
	for _, i := range r.sealed {
		f := &row.fields[i]
		var err error
		if r.binary {
			r.out = append(r.out, raw[done:f.start-binaryLength]...)
			err = r.binaryField(i, f, raw[f.start:f.end])
		} else {
			r.out = append(r.out, raw[done:f.start]...)
			err = r.textField(i, f, raw[f.start:f.end])
		}
		if err != nil {
			return r.located(err, r.line, i)
		}
		done = f.end
	}
	r.out = append(r.out, raw[done:]...)
	return nil
}

// names appends a header line. The server shows its own to the client; the
// client's is for the server to skip or to compare. Whoever says HEADER but
// has none loses the first row, and must not have it sent in clear.
func (r *Rows) names(raw []byte, row *row) error {
	switch {
	case !r.copy.From:
		r.out = append(r.out, raw...)
		return nil
	case !r.copy.Match:
		r.out = append(r.out, raw[row.content:]...)
		return nil
	case len(row.fields) != len(r.copy.Columns):
		return r.located(badCopyData("wrong number of fields in header line"), r.line, -1)
	}
	for _, i := range r.sealed {
		f := &row.fields[i]
		name := r.target(i).Column.Name
		if got := r.textValue(f, raw[f.start:f.end]); string(got) != name {
			return r.located(badCopyData(fmt.Sprintf("column name mismatch in header line field %d: expected %q", i+1, name)), r.line, -1)
		}
	}
	r.out = append(r.out, raw...)
	return nil
}

// located says where in the data an error arose, as PostgreSQL's CONTEXT does.
func (r *Rows) located(err error, line, column int) error {
	var refusal *pgerr.Error
	if !errors.As(err, &refusal) {
		refusal = pgerr.From(err)
	}
	at := *refusal
	at.Where = fmt.Sprintf("COPY %s, line %d", r.table, line)
	if column >= 0 {
		c := r.target(column).Column
		at.Where += ", column " + c.Name
		at.Schema, at.Table, at.Column = c.Schema, c.Table, c.Name
	}
	return &at
}

// badCopyData is an error of data that is not in its format.
func badCopyData(message string) error {
	return &pgerr.Error{
		State:   "22P04",
		Code:    pgerr.CopyData,
		Message: message,
		Hint:    "Check the format, the delimiter and the columns of the COPY.",
	}
}

// isNull reports whether a field is the string that stands for NULL.
func (r *Rows) isNull(f *field, raw []byte) bool {
	return !f.quoted && string(raw) == r.copy.Null
}

// target returns the protected column that a column of the data is, one of those
// in it for a container, nil for a plain one.
func (r *Rows) target(i int) *catalog.Protected {
	c := &r.copy.Columns[i]
	if r.copy.From {
		return c.Use.Target
	}
	if c.Result.Container != nil {
		return c.Result.Container.First()
	}
	return c.Result.Target
}

// keepBuffer is the largest buffer that is kept for the next row.
const keepBuffer = 64 << 10

// reuse returns an empty buffer, b itself unless it is large.
func reuse(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}
