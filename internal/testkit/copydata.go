package testkit

import (
	"encoding/binary"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// CopyPlan is a COPY of a table of n columns of which the named ones are sealed.
func CopyPlan(from bool, format rewrite.CopyFormat, n int, sealed map[int]string) *rewrite.Copy {
	c := &rewrite.Copy{
		From: from, Format: format, Delimiter: '\t', Null: `\N`, Quote: '"', Escape: '"',
		Columns: make([]rewrite.CopyColumn, n),
	}
	if format == rewrite.CopyCSV {
		c.Delimiter, c.Null = ',', ""
	}
	for i, name := range sealed {
		target := &catalog.Protected{Column: &policy.Column{Schema: "public", Table: "people", Name: name}}
		if from {
			c.Columns[i].Use = rewrite.Use{Role: rewrite.Stored, Target: target}
		} else {
			c.Columns[i].Result.Target = target
		}
	}
	return c
}

// CopyBinary returns a binary COPY of rows; a field "\x00N" is NULL.
func CopyBinary(rows ...[]string) []byte {
	out := append([]byte(nil), "PGCOPY\n\xff\r\n\x00"...)
	out = append(out, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, row := range rows {
		out = binary.BigEndian.AppendUint16(out, uint16(len(row)))
		for _, f := range row {
			if f == "\x00N" {
				out = binary.BigEndian.AppendUint32(out, 0xffffffff)
				continue
			}
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(f))), f...)
		}
	}
	return append(out, 0xff, 0xff)
}
