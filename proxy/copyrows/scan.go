package copyrows

import (
	"github.com/pgveil/pgveil/rewrite"
)

// lineScanner finds rows and fields in text and CSV as PostgreSQL's
// CopyReadLine and CopyReadAttributes do. In text a backslash takes the
// special meaning from the character behind it, a line end too; in CSV quotes
// do. The first line end decides what a line end is.
type lineScanner struct {
	csv                      bool
	delimiter, quote, escape byte
	// marker says that a line \. is the end of the data.
	marker bool
	// columns is how many fields a row has at most.
	columns int
	// stops says at which bytes the scanner must look.
	stops [256]uint8
	style lineEnd
	// header says that the first line is still to come; loose that it is not
	// looked into.
	header, loose bool

	// Of the row at hand: how far it was scanned, and where its present field begins.
	pos, start      int
	inQuote, quoted bool
	found           row
}

// What lineScanner.stops says of a byte: whether it stops the scanner outside
// and inside quotes.
const (
	stopsPlain uint8 = 1 << iota
	stopsQuoted
)

type lineEnd uint8

const (
	endUnknown lineEnd = iota
	endNL
	endCR
	endCRNL
)

func newLineScanner(c *rewrite.Copy, endMarker bool) *lineScanner {
	s := &lineScanner{
		csv: c.Format == rewrite.CopyCSV, delimiter: c.Delimiter, quote: c.Quote, escape: c.Escape,
		columns: len(c.Columns), header: c.Header, loose: c.Header && !(c.From && c.Match),
	}
	s.marker = c.From && (endMarker || !s.csv)
	if !c.From {
		s.style = endNL
	}
	for _, b := range []byte{'\n', '\r', c.Delimiter} {
		s.stops[b] |= stopsPlain
	}
	if s.csv {
		s.stops[c.Quote] |= stopsPlain | stopsQuoted
		for _, b := range []byte{'\n', '\r', c.Escape} {
			s.stops[b] |= stopsQuoted
		}
	} else {
		s.stops['\\'] |= stopsPlain
	}
	return s
}

func (s *lineScanner) row() *row { return &s.found }

func (s *lineScanner) reset() {
	s.pos, s.start, s.inQuote, s.quoted = 0, 0, false, false
	s.header, s.loose = false, false
	s.found = row{fields: s.found.fields[:0]}
}

// step is what a scanner does at a byte that stops it.
type step uint8

const (
	goOn step = iota
	needMore
	rowDone
)

func (s *lineScanner) next(b []byte, last bool) (int, error) {
	if s.pos == 0 && s.marker && b[0] == '\\' {
		if end, what, err := s.endOfData(b, last); what != goOn || err != nil {
			return end, err
		}
	}
	for i := s.pos; ; {
		mask := stopsPlain
		if s.inQuote {
			mask = stopsQuoted
		}
		for i < len(b) && s.stops[b[i]]&mask == 0 {
			i++
		}
		s.pos = i
		if i == len(b) {
			if !last {
				return 0, nil
			}
			return i, s.lastLine(i)
		}
		n, what, err := s.stop(b, i, last)
		switch {
		case err != nil || what == needMore:
			return 0, err
		case what == rowDone:
			return i + n, nil
		}
		i += n
	}
}

// lastLine ends a row that has no line end.
func (s *lineScanner) lastLine(end int) error {
	if s.inQuote {
		return badCopyData("unterminated CSV quoted field")
	}
	return s.endRow(end)
}

// stop looks at the byte at i and returns how many bytes it deals with.
func (s *lineScanner) stop(b []byte, i int, last bool) (int, step, error) {
	c := b[i]
	switch {
	case s.inQuote:
		return s.stopInQuotes(b, i, last)
	case s.csv && c == s.quote:
		s.inQuote, s.quoted = true, true
		return 1, goOn, nil
	case !s.csv && c == '\\':
		return s.backslash(b, i, last)
	case c == s.delimiter:
		err := s.endField(i)
		s.start, s.quoted = i+1, false
		return 1, goOn, err
	}
	n, what, err := s.lineEnds(b, i, last)
	if err != nil || what == needMore {
		return 0, what, err
	}
	return n, rowDone, s.endRow(i)
}

func (s *lineScanner) stopInQuotes(b []byte, i int, last bool) (int, step, error) {
	c := b[i]
	if c == s.escape && c != s.quote {
		if i+1 == len(b) && !last {
			return 0, needMore, nil
		}
		if i+1 < len(b) && (b[i+1] == s.escape || b[i+1] == s.quote) {
			return 2, goOn, nil
		}
		return 1, goOn, nil
	}
	switch {
	case c == s.quote: // a doubled one closes and opens
		s.inQuote = false
	case s.countsAsLine(c):
		s.found.lines++
	}
	return 1, goOn, nil
}

// countsAsLine reports whether PostgreSQL counts a line at this byte in quotes:
// while the line end is not known yet, it counts carriage returns.
func (s *lineScanner) countsAsLine(c byte) bool {
	if s.style == endNL {
		return c == '\n'
	}
	return c == '\r'
}

// backslash steps over the character behind a backslash too.
func (s *lineScanner) backslash(b []byte, i int, last bool) (int, step, error) {
	switch {
	case i+1 == len(b) && last:
		return 1, goOn, nil
	case i+1 == len(b):
		return 0, needMore, nil
	case s.marker && b[i+1] == '.':
		// At the beginning of a line endOfData has seen it. Elsewhere some versions
		// of PostgreSQL end the data here and others do not.
		return 0, goOn, badCopyData("end-of-copy marker corrupt")
	}
	return 2, goOn, nil
}

// endOfData looks for \. on a line of its own.
func (s *lineScanner) endOfData(b []byte, last bool) (int, step, error) {
	if len(b) > 1 && b[1] != '.' {
		return 0, goOn, nil
	}
	const mark = 2
	if len(b) <= mark {
		switch {
		case !last:
			return 0, needMore, nil
		case s.csv || len(b) < mark:
			return 0, goOn, nil
		}
		return 0, goOn, badCopyData("end-of-copy marker corrupt")
	}
	if c := b[mark]; c != '\n' && c != '\r' {
		if s.csv {
			return 0, goOn, nil
		}
		return 0, goOn, badCopyData("end-of-copy marker corrupt")
	}
	n, what, err := s.lineEnds(b, mark, last)
	switch {
	case err != nil:
		return 0, goOn, badCopyData("end-of-copy marker does not match previous newline style")
	case what == needMore:
		return 0, needMore, nil
	}
	s.found.kind = rowEnd
	return mark + n, what, nil
}

// lineEnds reads the line end at i.
func (s *lineScanner) lineEnds(b []byte, i int, last bool) (int, step, error) {
	if b[i] == '\n' {
		if s.style == endCR || s.style == endCRNL {
			return 0, goOn, badCopyData(s.strayName("newline"))
		}
		s.style = endNL
		return 1, rowDone, nil
	}
	switch {
	case s.style == endNL:
		return 0, goOn, badCopyData(s.strayName("carriage return"))
	case s.style == endCR:
		return 1, rowDone, nil
	case i+1 == len(b) && !last:
		return 0, needMore, nil
	case i+1 < len(b) && b[i+1] == '\n':
		s.style = endCRNL
		return 2, rowDone, nil
	case s.style == endCRNL:
		return 0, goOn, badCopyData(s.strayName("carriage return"))
	}
	s.style = endCR
	return 1, rowDone, nil
}

func (s *lineScanner) strayName(what string) string {
	if s.csv {
		return "unquoted " + what + " found in data"
	}
	return "literal " + what + " found in data"
}

func (s *lineScanner) endRow(end int) error {
	s.found.content = end
	if s.header {
		s.found.kind = rowOfNames
	}
	return s.endField(end)
}

// endField notes the field that ends at end. A row with more fields than
// columns is refused at once, so that a row takes no more memory than its bytes.
func (s *lineScanner) endField(end int) error {
	switch {
	case s.loose:
		return nil
	case len(s.found.fields) == s.columns:
		return badCopyData("extra data after last expected column")
	}
	s.found.fields = append(s.found.fields, field{start: s.start, end: end, quoted: s.quoted})
	return nil
}
