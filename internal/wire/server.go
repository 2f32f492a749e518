package wire

// Field is one column of a RowDescription.
type Field struct {
	Name []byte
	// TableOID and Num are the column's origin, 0 for an expression.
	TableOID uint32
	Num      int16
	TypeOID  uint32
	// Size is the type's size, negative for a variable one; Mod its modifier, -1 for none.
	Size int16
	Mod  int32
	// Format is 0 for text, 1 for binary. In the description of a statement it is always 0.
	Format int16
}

// fieldLen is the least a field takes: an empty name and its fixed part.
const fieldLen = 1 + 18

// RowDescription describes the rows that follow, or would.
type RowDescription struct {
	Fields []Field
}

// Decode reads a body. The names alias it.
func (m *RowDescription) Decode(body []byte) error {
	c := cursor{b: body}
	m.Fields = m.Fields[:0]
	for range c.count(fieldLen) {
		m.Fields = append(m.Fields, Field{
			Name:     c.text(),
			TableOID: c.uint32(),
			Num:      int16(c.uint16()),
			TypeOID:  c.uint32(),
			Size:     int16(c.uint16()),
			Mod:      int32(c.uint32()),
			Format:   int16(c.uint16()),
		})
	}
	return c.end("RowDescription")
}

// Append appends the frame to dst.
func (m *RowDescription) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypeRowDescription)
	b.count(len(m.Fields))
	for i := range m.Fields {
		f := &m.Fields[i]
		b.text(f.Name)
		b.uint32(f.TableOID)
		b.uint16(uint16(f.Num))
		b.uint32(f.TypeOID)
		b.uint16(uint16(f.Size))
		b.uint32(uint32(f.Mod))
		b.uint16(uint16(f.Format))
	}
	return b.end()
}

// ParameterDescription tells the types of a statement's parameters.
type ParameterDescription struct {
	OIDs []uint32
}

// Decode reads a body.
func (m *ParameterDescription) Decode(body []byte) error {
	c := cursor{b: body}
	m.OIDs = c.uint32s(m.OIDs)
	return c.end("ParameterDescription")
}

// Append appends the frame to dst.
func (m *ParameterDescription) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypeParameterDescription)
	b.uint32s(m.OIDs)
	return b.end()
}

// DataRow walks over the cells of a row:
//
//	var row wire.DataRow
//	if err := row.Reset(body); err != nil { … }
//	for row.Next() { … row.Value() … }
//	if err := row.Err(); err != nil { … }
//
// It allocates nothing. To put a row together again, append BeginRow, one
// AppendValue for each cell, and EndFrame.
type DataRow struct {
	c     cursor
	left  int
	value []byte
}

// Reset begins with a new body.
func (r *DataRow) Reset(body []byte) error {
	*r = DataRow{c: cursor{b: body}}
	r.left = r.c.count(4)
	if r.c.bad {
		return malformed("DataRow")
	}
	return nil
}

// Left returns how many cells Next has still to hand out.
func (r *DataRow) Left() int { return r.left }

// Next goes to the next cell; it is false after the last and after an error.
func (r *DataRow) Next() bool {
	if r.left == 0 || r.c.bad {
		return false
	}
	r.left--
	r.value = r.c.value()
	return !r.c.bad
}

// Value returns the current cell, nil for NULL. It aliases the body.
func (r *DataRow) Value() []byte { return r.value }

// Err tells, after Next was false, whether the row was sound to its end.
func (r *DataRow) Err() error { return r.c.end("DataRow") }

// BeginRow appends the head of a DataRow with n cells, which the caller
// appends next; EndFrame closes it. n must be less than 65536, as it is when
// it was read from a row.
func BeginRow(dst []byte, n int) []byte {
	return append(BeginFrame(dst, TypeDataRow), byte(n>>8), byte(n))
}

// DecodeParameterStatus returns the name and value of a setting, as copies.
func DecodeParameterStatus(body []byte) (name, value string, err error) {
	c := cursor{b: body}
	n, v := c.text(), c.text()
	return string(n), string(v), c.end("ParameterStatus")
}

// AppendParameterStatus appends a ParameterStatus to dst.
func AppendParameterStatus(dst []byte, name, value string) ([]byte, error) {
	b := build(dst, TypeParameterStatus)
	b.text([]byte(name))
	b.text([]byte(value))
	return b.end()
}

// The transaction states of ReadyForQuery.
const (
	Idle          = 'I'
	InTransaction = 'T'
	Failed        = 'E'
)

// DecodeReadyForQuery returns the transaction state.
func DecodeReadyForQuery(body []byte) (byte, error) {
	c := cursor{b: body}
	status := c.byte()
	if status != Idle && status != InTransaction && status != Failed {
		c.bad = true
	}
	return status, c.end("ReadyForQuery")
}

// AppendReadyForQuery appends a ReadyForQuery to dst.
func AppendReadyForQuery(dst []byte, status byte) []byte {
	return append(dst, TypeReadyForQuery, 0, 0, 0, 5, status)
}

// DecodeCommandTag returns the tag of a CommandComplete, which aliases body.
func DecodeCommandTag(body []byte) ([]byte, error) {
	c := cursor{b: body}
	tag := c.text()
	return tag, c.end("CommandComplete")
}

// The authentication requests that pgveil looks into or acts upon.
const (
	AuthOK           = 0
	AuthCleartext    = 3
	AuthMD5          = 5
	AuthGSS          = 7
	AuthGSSContinue  = 8
	AuthSSPI         = 9
	AuthSASL         = 10
	AuthSASLContinue = 11
	AuthSASLFinal    = 12
)

// DecodeAuthentication returns the kind of an Authentication message and what
// follows it, which aliases body.
func DecodeAuthentication(body []byte) (kind uint32, data []byte, err error) {
	c := cursor{b: body}
	kind = c.uint32()
	if c.bad {
		return 0, nil, malformed("Authentication")
	}
	return kind, c.b, nil
}

// AuthSASLRequest offers mechanisms, the preferred one first.
type AuthSASLRequest struct {
	Mechanisms []string
}

// Decode reads the data of an Authentication message of kind AuthSASL.
func (m *AuthSASLRequest) Decode(data []byte) error {
	c := cursor{b: data}
	m.Mechanisms = m.Mechanisms[:0]
	for {
		name := c.text()
		if len(name) == 0 {
			return c.end("AuthenticationSASL")
		}
		m.Mechanisms = append(m.Mechanisms, string(name))
	}
}

// Append appends the frame to dst.
func (m *AuthSASLRequest) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypeAuthentication)
	b.uint32(AuthSASL)
	for _, name := range m.Mechanisms {
		b.text([]byte(name))
	}
	b.byte(0)
	return b.end()
}
