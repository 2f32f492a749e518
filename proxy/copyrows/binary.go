package copyrows

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// binarySignature opens the data of a binary COPY; four bytes of flags and a
// header extension with its length follow.
var binarySignature = []byte("PGCOPY\n\xff\r\n\x00")

// binaryLength is the size of the length before a value.
const binaryLength = 4

// binaryScanner finds the rows of the binary format: a count of fields, each a
// length and a value. A count of -1 ends the data.
type binaryScanner struct {
	columns, limit int
	// begun says that the header has been read.
	begun bool
	// pos is how far the row at hand was scanned.
	pos   int
	found row
}

func (s *binaryScanner) row() *row { return &s.found }

func (s *binaryScanner) reset() {
	s.pos = 0
	s.found = row{fields: s.found.fields[:0]}
}

func (s *binaryScanner) next(b []byte, last bool) (int, error) {
	end, err := s.find(b)
	if end == 0 && err == nil && last {
		err = badCopyData("unexpected EOF in COPY data")
	}
	return end, err
}

func (s *binaryScanner) find(b []byte) (int, error) {
	if !s.begun {
		return s.header(b)
	}
	if s.pos == 0 {
		const count = 2
		if len(b) < count {
			return 0, nil
		}
		switch n := int16(binary.BigEndian.Uint16(b)); {
		case n == -1:
			s.found.kind = rowEnd
			return count, nil
		case int(n) != s.columns:
			return 0, badCopyData(fmt.Sprintf("row field count is %d, expected %d", n, s.columns))
		}
		s.pos = count
	}
	return s.values(b)
}

// values reads the fields that are whole.
func (s *binaryScanner) values(b []byte) (int, error) {
	for len(s.found.fields) < s.columns {
		start := s.pos + binaryLength
		if len(b) < start {
			return 0, nil
		}
		n := int(int32(binary.BigEndian.Uint32(b[s.pos:])))
		f := field{start: start, end: start, null: n == -1}
		switch {
		case n < -1:
			return 0, &pgerr.Error{State: "22P03", Code: pgerr.CopyData, Message: "invalid field size"}
		case n > s.limit:
			return 0, &pgerr.Error{
				State:   "54000",
				Code:    pgerr.MessageTooLong,
				Message: "field of COPY data is too long",
				Detail:  fmt.Sprintf("The limit is %d bytes.", s.limit),
			}
		case n > 0:
			f.end += n
		}
		if len(b) < f.end {
			return 0, nil
		}
		s.found.fields = append(s.found.fields, f)
		s.pos = f.end
	}
	return s.pos, nil
}

// header reads what stands before the first row.
func (s *binaryScanner) header(b []byte) (int, error) {
	signed := min(len(b), len(binarySignature))
	if !bytes.Equal(b[:signed], binarySignature[:signed]) {
		return 0, badCopyData("COPY file signature not recognized")
	}
	head := len(binarySignature) + 4 + binaryLength
	if len(b) < head {
		return 0, nil
	}
	flags := binary.BigEndian.Uint32(b[len(binarySignature):])
	extension := int(int32(binary.BigEndian.Uint32(b[head-binaryLength:])))
	switch {
	case flags>>16 != 0: // row OIDs, or what is not known
		return 0, badCopyData("unrecognized critical flags in COPY file header")
	case extension < 0, extension > s.limit:
		return 0, badCopyData("invalid COPY file header (wrong length)")
	case len(b) < head+extension:
		return 0, nil
	}
	s.begun = true
	s.found.kind = rowVerbatim
	return head + extension, nil
}

// binaryField appends what becomes of a sealed field, with its length.
func (r *Rows) binaryField(i int, f *field, value []byte) error {
	const null = 0xffffffff
	if f.null {
		r.out = binary.BigEndian.AppendUint32(r.out, null)
		return nil
	}
	start := len(r.out)
	out, isNull, err := r.change(append(r.out, 0, 0, 0, 0), i, value)
	if err != nil {
		return err
	}
	if isNull {
		r.out = binary.BigEndian.AppendUint32(out[:start], null)
		return nil
	}
	r.out = out
	binary.BigEndian.PutUint32(r.out[start:], uint32(len(out)-start-binaryLength))
	return nil
}
