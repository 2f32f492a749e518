package rewrite

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// CopyFormat is the format of COPY data.
type CopyFormat uint8

// The formats of COPY.
const (
	CopyText CopyFormat = iota
	CopyCSV
	CopyBinary
)

// Copy says how the rows of a COPY are read and written. Columns that are not
// protected are passed on as they are.
type Copy struct {
	// From is true for COPY … FROM STDIN.
	From   bool
	Format CopyFormat
	// Header says that the first line holds column names, Match that the server
	// compares them with the columns'.
	Header, Match bool
	// Delimiter, Quote and Escape are single bytes; the latter two matter for CSV only.
	Delimiter, Quote, Escape byte
	// Null is the string that stands for NULL. Default, if HasDefault is set, is
	// the one that stands for the column's default.
	Null, Default string
	HasDefault    bool
	Columns       []CopyColumn
}

// CopyColumn is one column of COPY data.
type CopyColumn struct {
	// Use is what becomes of a value of COPY FROM; its Role is Verbatim for a plain column.
	Use Use
	// Result is how a value of COPY TO is shown; its Target is nil for a plain column.
	Result ResultColumn
	// ForceQuote, ForceNotNull and ForceNull are the options of CSV.
	ForceQuote, ForceNotNull, ForceNull bool
}

// copyStmt plans COPY over sealed columns, between client and server.
func (b *binder) copyStmt(s *pg.CopyStmt) {
	var columns []*column
	if s.Query != nil {
		columns = b.copyQuery(s)
	} else {
		columns = b.copyTable(s)
	}
	if b.refusal != nil || !b.reached {
		return
	}
	if s.Filename != "" || s.IsProgram {
		b.command("COPY with a file or program of the server")
		return
	}
	c := &Copy{From: s.IsFrom, Delimiter: '\t', Null: `\N`, Quote: '"', Columns: make([]CopyColumn, len(columns))}
	sealed := false
	for i, col := range columns {
		p := col.protection()
		if p == nil {
			continue
		}
		sealed = true
		if col.box != nil {
			b.readBox(col.box)
			c.Columns[i].Result = ResultColumn{Container: col.box}
			continue
		}
		if s.IsFrom {
			c.Columns[i].Use = *b.stored(p, false)
			continue
		}
		a := b.access(p)
		if !p.Ready {
			b.notReady(p)
		}
		if a.Read == 0 {
			b.mayNot("read", p)
		}
		c.Columns[i].Result = ResultColumn{Target: p, Access: a}
	}
	if sealed {
		b.copyOptions(c, s, columns)
		b.copy = c
	}
}

// copyTable binds COPY of a table and returns its columns in the order of the data.
func (b *binder) copyTable(s *pg.CopyStmt) []*column {
	target := b.target(s.Relation)
	b.plain(s.WhereClause, &scope{sources: []*source{target}}, "WHERE of COPY")
	if len(s.Attlist) == 0 {
		var columns []*column
		for _, c := range target.cols {
			if target.rel == nil || !target.rel.Column(c.name).Generated {
				columns = append(columns, c)
			}
		}
		return columns
	}
	columns := make([]*column, len(s.Attlist))
	for i, name := range stringsOf(s.Attlist) {
		columns[i] = target.find(name)
		if columns[i] == nil {
			columns[i] = &column{name: name}
			if target.sealed() && !target.opaque {
				b.undefinedColumn(name)
			}
		}
	}
	return columns
}

// copyQuery plans the query of COPY (query) TO.
func (b *binder) copyQuery(s *pg.CopyStmt) []*column {
	columns, open := b.derived(s.Query, &scope{}, nil)
	b.force(columns...)
	if open {
		b.unsupportedIfSealed("COPY of a query with a star whose columns pgveil does not know", columns)
	}
	return columns
}

// copyOptions reads the options that say how rows are written.
func (b *binder) copyOptions(c *Copy, s *pg.CopyStmt, columns []*column) {
	options := map[string]*pg.Node{}
	for _, n := range s.Options {
		d := n.GetDefElem()
		options[d.Defname] = d.Arg
	}
	if format, ok := options["format"]; ok {
		switch format.GetString_().GetSval() {
		case "csv":
			c.Format, c.Delimiter, c.Null = CopyCSV, ',', ""
		case "binary":
			c.Format = CopyBinary
		}
	}
	for name, arg := range options {
		b.copyOption(c, name, arg, columns)
	}
	if _, ok := options["escape"]; !ok {
		c.Escape = c.Quote
	}
}

func (b *binder) copyOption(c *Copy, name string, arg *pg.Node, columns []*column) {
	text := arg.GetString_().GetSval()
	switch name {
	case "format", "freeze":
	case "delimiter":
		b.copyByte(&c.Delimiter, text)
	case "quote":
		b.copyByte(&c.Quote, text)
	case "escape":
		b.copyByte(&c.Escape, text)
	case "null":
		c.Null = text
	case "default":
		c.Default, c.HasDefault = text, true
	case "header":
		c.Match = strings.EqualFold(text, "match")
		c.Header = c.Match || isTrue(arg)
	case "encoding":
		if e := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(text)); e != "UTF8" && e != "UNICODE" {
			b.command("COPY in an encoding other than UTF8")
		}
	case "force_quote":
		each(arg, columns, func(i int) { c.Columns[i].ForceQuote = true })
	case "force_not_null":
		each(arg, columns, func(i int) { c.Columns[i].ForceNotNull = true })
	case "force_null":
		each(arg, columns, func(i int) { c.Columns[i].ForceNull = true })
	default:
		b.command("COPY with option " + name)
	}
}

// copyByte reads an option that must be one byte. The server would refuse
// others too, but only after pgveil had to know.
func (b *binder) copyByte(dst *byte, text string) {
	if len(text) != 1 {
		b.refuse(&pgerr.Error{
			State:   "0A000",
			Code:    pgerr.Utility,
			Message: "COPY delimiter, quote and escape must be a single one-byte character",
		})
		return
	}
	*dst = text[0]
}

// isTrue reads a boolean option: present alone, a word, or HEADER MATCH.
func isTrue(arg *pg.Node) bool {
	switch v := arg.GetNode().(type) {
	case nil:
		return true
	case *pg.Node_Boolean:
		return v.Boolean.Boolval
	case *pg.Node_Integer:
		return v.Integer.Ival != 0
	case *pg.Node_String_:
		switch strings.ToLower(v.String_.Sval) {
		case "false", "off", "0":
			return false
		}
	}
	return true
}

// each calls f with the index of every column that a list of names, or a star, names.
func each(arg *pg.Node, columns []*column, f func(i int)) {
	_, star := arg.GetNode().(*pg.Node_AStar)
	for i, c := range columns {
		for _, name := range stringsOf(arg.GetList().GetItems()) {
			if name == c.name {
				f(i)
			}
		}
		if star {
			f(i)
		}
	}
}
