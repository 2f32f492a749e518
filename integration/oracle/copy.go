package oracle

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
)

// copyOut matches a COPY that sends data, as the first word of its text.
var copyOut = regexp.MustCompile(`(?is)^\s*COPY\b.*\bTO\s+STDOUT\b`)

func (o *Outcome) copyFrom(ctx context.Context, conn *pgconn.PgConn, st Statement) error {
	tag, err := conn.CopyFrom(ctx, bytes.NewReader(st.Copy), st.SQL)
	if err == nil {
		o.Results = append(o.Results, Result{Tag: tag.String()})
	}
	return err
}

func (o *Outcome) copyTo(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	var data bytes.Buffer
	tag, err := conn.CopyTo(ctx, &data, sql)
	if err == nil {
		o.Results = append(o.Results, Result{Rows: copiedRows(data.Bytes()), Tag: tag.String()})
	}
	return err
}

// binarySignature begins the binary form of COPY; flags and an extension's
// length of four bytes each follow.
const binarySignature = "PGCOPY\n\xff\r\n\x00"

// copiedRows splits what COPY sent, because rows come in any order. The text
// forms are split into lines, which for CSV may be parts of rows.
func copiedRows(data []byte) []Row {
	var rows []Row
	rest, ok := bytes.CutPrefix(data, []byte(binarySignature))
	if !ok || len(rest) < 8 {
		for _, line := range bytes.SplitAfter(data, []byte("\n")) {
			rows = append(rows, row([][]byte{line}))
		}
		return rows
	}
	rows = append(rows, row([][]byte{data[:len(data)-len(rest)+8]}))
	rest = rest[8:]
	for len(rest) > 0 {
		n := tupleLength(rest)
		rows = append(rows, row([][]byte{rest[:n]}))
		rest = rest[n:]
	}
	return rows
}

// tupleLength returns the length of the tuple that data begins with, all of
// data where it is none.
func tupleLength(data []byte) int {
	if len(data) < 2 {
		return len(data)
	}
	at := 2
	for range max(0, int(int16(binary.BigEndian.Uint16(data)))) {
		if at+4 > len(data) {
			return len(data)
		}
		size := int32(binary.BigEndian.Uint32(data[at:]))
		at += 4 + max(0, int(size))
	}
	return min(at, len(data))
}

// String tells a COPY's data from the text of the statement in reports.
func (s Statement) String() string {
	text := s.SQL
	for i, p := range s.Params {
		value := fmt.Sprintf("%q", p)
		if p == nil {
			value = "NULL"
		}
		text += fmt.Sprintf("\n$%d: %s", i+1, value)
		if i < len(s.Types) && s.Types[i] != 0 {
			text += fmt.Sprintf(" (declared %d)", s.Types[i])
		}
	}
	if s.Copy != nil {
		text += fmt.Sprintf("\n<<< %q", s.Copy)
	}
	return text
}
