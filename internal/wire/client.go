package wire

// Parse prepares a statement.
type Parse struct {
	Name, SQL []byte
	// OIDs are the types of the first parameters; 0 leaves one to the server.
	OIDs []uint32
}

// Decode reads a body. Name and SQL alias it.
func (m *Parse) Decode(body []byte) error {
	c := cursor{b: body}
	m.Name, m.SQL = c.text(), c.text()
	m.OIDs = c.uint32s(m.OIDs)
	return c.end("Parse")
}

// Append appends the frame to dst.
func (m *Parse) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypeParse)
	b.text(m.Name)
	b.text(m.SQL)
	b.uint32s(m.OIDs)
	return b.end()
}

// Bind makes a portal of a statement and its parameters.
type Bind struct {
	Portal, Statement []byte
	// ParamFormats has no element (all text), one (for all) or one for each parameter.
	ParamFormats []int16
	// Params are the values; nil is NULL.
	Params [][]byte
	// ResultFormats has no element (all text), one (for all) or one for each column.
	ResultFormats []int16
}

// Decode reads a body. The names and values alias it.
func (m *Bind) Decode(body []byte) error {
	c := cursor{b: body}
	m.Portal, m.Statement = c.text(), c.text()
	m.ParamFormats = c.int16s(m.ParamFormats)
	m.Params = m.Params[:0]
	for range c.count(4) {
		m.Params = append(m.Params, c.value())
	}
	m.ResultFormats = c.int16s(m.ResultFormats)
	if n := len(m.ParamFormats); n > 1 && n != len(m.Params) {
		c.bad = true
	}
	return c.end("Bind")
}

// Append appends the frame to dst.
func (m *Bind) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypeBind)
	b.text(m.Portal)
	b.text(m.Statement)
	b.int16s(m.ParamFormats)
	b.count(len(m.Params))
	for _, v := range m.Params {
		b.value(v)
	}
	b.int16s(m.ResultFormats)
	return b.end()
}

// BindNames reads the names at the head of a Bind and leaves the rest
// undecoded, for statements that no plan changes. Both alias body.
func BindNames(body []byte) (portal, statement []byte, err error) {
	c := cursor{b: body}
	portal, statement = c.text(), c.text()
	if c.bad {
		return nil, nil, malformed("Bind")
	}
	return portal, statement, nil
}

// Format returns the format code of element i under the protocol's
// abbreviations: none is text for all, one holds for all.
func Format(formats []int16, i int) int16 {
	switch {
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	default:
		return 0
	}
}

// The kinds of what Describe and Close name.
const (
	KindStatement = 'S'
	KindPortal    = 'P'
)

// Describe asks for the description of a statement or portal.
type Describe struct {
	// Kind is KindStatement or KindPortal.
	Kind byte
	Name []byte
}

// Decode reads a body. Name aliases it.
func (m *Describe) Decode(body []byte) error {
	return decodeNamed(body, &m.Kind, &m.Name, "Describe")
}

// Append appends the frame to dst.
func (m *Describe) Append(dst []byte) ([]byte, error) {
	return appendNamed(dst, TypeDescribe, m.Kind, m.Name)
}

// Close drops a statement or portal.
type Close struct {
	// Kind is KindStatement or KindPortal.
	Kind byte
	Name []byte
}

// Decode reads a body. Name aliases it.
func (m *Close) Decode(body []byte) error {
	return decodeNamed(body, &m.Kind, &m.Name, "Close")
}

// Append appends the frame to dst.
func (m *Close) Append(dst []byte) ([]byte, error) {
	return appendNamed(dst, TypeClose, m.Kind, m.Name)
}

func decodeNamed(body []byte, kind *byte, name *[]byte, what string) error {
	c := cursor{b: body}
	*kind, *name = c.byte(), c.text()
	if *kind != KindStatement && *kind != KindPortal {
		c.bad = true
	}
	return c.end(what)
}

func appendNamed(dst []byte, typ, kind byte, name []byte) ([]byte, error) {
	b := build(dst, typ)
	b.byte(kind)
	b.text(name)
	return b.end()
}

// Execute runs a portal.
type Execute struct {
	Portal []byte
	// MaxRows suspends the portal after so many rows; 0 or less is no limit.
	MaxRows int32
}

// Decode reads a body. Portal aliases it.
func (m *Execute) Decode(body []byte) error {
	c := cursor{b: body}
	m.Portal, m.MaxRows = c.text(), int32(c.uint32())
	return c.end("Execute")
}

// Append appends the frame to dst.
func (m *Execute) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypeExecute)
	b.text(m.Portal)
	b.uint32(uint32(m.MaxRows))
	return b.end()
}

// DecodeQuery returns the SQL of a Query's body, which it aliases.
func DecodeQuery(body []byte) ([]byte, error) {
	c := cursor{b: body}
	sql := c.text()
	return sql, c.end("Query")
}

// AppendQuery appends a Query to dst.
func AppendQuery(dst, sql []byte) ([]byte, error) {
	b := build(dst, TypeQuery)
	b.text(sql)
	return b.end()
}

// SASLInitial is the client's first answer to a SASL request.
type SASLInitial struct {
	Mechanism []byte
	// Data is the mechanism's first message; nil for none.
	Data []byte
}

// Decode reads the body of a frame of TypePassword. The fields alias it.
func (m *SASLInitial) Decode(body []byte) error {
	c := cursor{b: body}
	m.Mechanism, m.Data = c.text(), c.value()
	return c.end("SASLInitialResponse")
}

// Append appends the frame to dst.
func (m *SASLInitial) Append(dst []byte) ([]byte, error) {
	b := build(dst, TypePassword)
	b.text(m.Mechanism)
	b.value(m.Data)
	return b.end()
}
