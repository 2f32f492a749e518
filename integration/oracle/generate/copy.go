package generate

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// copyIn writes COPY … FROM STDIN with its data, and reads what came of it.
func (s *statement) copyIn() {
	t := pick(s.Choices, s.w.Tables)
	cols := s.someColumns(t)
	list := " (" + names(cols) + ")"
	if s.Chance(15) {
		cols, list = t.Columns, ""
	}
	var sql, data string
	if s.Chance(20) {
		cols = slices.DeleteFunc(slices.Clone(cols), func(col Column) bool { return col.Type != Int4 && col.Type.family() != Text })
		list = " (" + names(cols) + ")"
		s.tag("COPY FROM, binary")
		sql, data = " (FORMAT binary)", binaryData(cols, s.records(cols))
	} else if records := s.records(cols); s.Chance(50) {
		s.tag("COPY FROM, text")
		sql, data = s.textData(records)
	} else {
		s.tag("COPY FROM, CSV")
		sql, data = s.csvData(cols, records)
	}
	if s.Chance(10) {
		s.tag("COPY FROM … WHERE")
		sql += " WHERE id > 0"
	}
	step := s.step("COPY " + t.Ref() + list + " FROM STDIN" + sql)
	step.Copy = []byte(data)
	s.step("SELECT * FROM " + t.Ref())
}

// records are rows of values; nil is NULL.
func (s *statement) records(cols []Column) [][]*string {
	var rows [][]*string
	for i := range s.N(4) {
		var row []*string
		for _, col := range cols {
			value := pick(s.Choices, s.w.pool(col.Sort))
			switch {
			case col.Name == "id":
				value = fmt.Sprint(600 + i)
			case col.Name == "ref":
				value = fmt.Sprint(1 + s.N(8))
			case s.Chance(20):
				row = append(row, nil)
				continue
			case s.Chance(4):
				s.tag("COPY of a malformed value")
				value += strings.Repeat(" too long", 4)
			default:
				value = fitted(col.Type, value)
				if s.Chance(15) {
					value = variant(s.Choices, col.Type.family(), value, false)
				}
			}
			row = append(row, &value)
		}
		rows = append(rows, row)
	}
	return rows
}

func (s *statement) textData(records [][]*string) (options, data string) {
	delimiter, null := "\t", `\N`
	switch s.N(4) {
	case 1:
		delimiter, options = "|", " WITH (DELIMITER '|')"
	case 2:
		null, options = "nothing", " (FORMAT text, NULL 'nothing')"
	case 3:
		options = " (ENCODING 'UTF8')"
	}
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "|", `\|`)
	var b strings.Builder
	for _, row := range records {
		for i, value := range row {
			if i > 0 {
				b.WriteString(delimiter)
			}
			if value == nil {
				b.WriteString(null)
				continue
			}
			b.WriteString(escape.Replace(*value))
		}
		b.WriteString("\n")
	}
	if s.Chance(30) {
		b.WriteString("\\.\n")
	}
	return options, b.String()
}

func (s *statement) csvData(cols []Column, records [][]*string) (options, data string) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	all := []string{"FORMAT csv"}
	switch s.N(6) {
	case 1:
		w.Comma = ';'
		all = append(all, "DELIMITER ';'")
	case 2:
		all = append(all, "HEADER")
		var header []string
		for _, col := range cols {
			header = append(header, col.Name)
		}
		_ = w.Write(header) // to memory
	case 3:
		all = append(all, "FORCE_NOT_NULL ("+names(cols[:1])+")")
	case 4:
		all = append(all, "FORCE_NULL ("+names(cols[len(cols)-1:])+")")
	case 5:
		all = append(all, `ESCAPE '"', QUOTE '"', NULL ''`)
	}
	for _, row := range records {
		line := make([]string, len(row))
		for i, value := range row {
			if value != nil {
				line[i] = *value
			}
		}
		_ = w.Write(line)
	}
	w.Flush()
	return " WITH (" + strings.Join(all, ", ") + ")", b.String()
}

// binaryData writes rows of numbers and texts in COPY's binary form.
func binaryData(cols []Column, records [][]*string) string {
	data := []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, row := range records {
		data = binary.BigEndian.AppendUint16(data, uint16(len(row)))
		for i, value := range row {
			if value == nil {
				data = binary.BigEndian.AppendUint32(data, 1<<32-1)
				continue
			}
			field := []byte(*value)
			if n, err := strconv.Atoi(strings.TrimSpace(*value)); err == nil && cols[i].Type == Int4 {
				field = binary.BigEndian.AppendUint32(nil, uint32(n))
			}
			data = binary.BigEndian.AppendUint32(data, uint32(len(field)))
			data = append(data, field...)
		}
	}
	return string(binary.BigEndian.AppendUint16(data, 1<<16-1))
}

// copyOut writes COPY … TO STDOUT of a table or a query.
func (s *statement) copyOut() {
	s.useParams = false
	var what string
	if s.Chance(40) {
		s.tag("COPY table TO")
		t := pick(s.Choices, s.w.Tables)
		what = t.Ref()
		if s.Chance(60) {
			what += " (" + names(s.someColumns(t)) + ")"
		}
	} else {
		s.tag("COPY (query) TO")
		text, _ := s.selection(1)
		what = "(" + text + ")"
		if s.Chance(10) {
			s.tag("COPY (write RETURNING) TO")
			text, _ = s.returningWrite()
			what = "(" + text + ")"
		}
	}
	options := pick(s.Choices, []string{
		"", "", " (FORMAT csv)", " (FORMAT csv, HEADER, FORCE_QUOTE *)", " (FORMAT csv, DELIMITER ';', NULL 'none', QUOTE '''')", " (FORMAT binary)",
		" (DELIMITER ',', NULL '')", " (FORMAT csv, ESCAPE '!', FORCE_QUOTE *)", " WITH CSV HEADER", " (HEADER, FORMAT text)",
	})
	if strings.Contains(options, "binary") && slices.Contains(s.tags, "container") {
		options = ""
	}
	s.step("COPY " + what + " TO STDOUT" + options)
}
