package wire

// DecodeCopyResponse reads the body of a CopyInResponse or CopyOutResponse:
// whether the data is binary, and how many columns it has.
func DecodeCopyResponse(body []byte) (binary bool, columns int, err error) {
	c := cursor{b: body}
	overall := c.byte()
	columns = c.count(2)
	for range columns {
		if c.uint16() != uint16(overall) {
			c.bad = true
		}
	}
	if overall > 1 {
		c.bad = true
	}
	return overall == 1, columns, c.end("CopyResponse")
}

// AppendCopyFail appends a CopyFail to dst. The server takes the reason into
// its message.
func AppendCopyFail(dst []byte, reason string) ([]byte, error) {
	b := build(dst, TypeCopyFail)
	b.text([]byte(reason))
	return b.end()
}
