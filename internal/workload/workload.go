// Package workload reads the statements that an application sends from
// whatever has recorded them: a file with one a line, a script of psql, a log of
// PostgreSQL, the view pg_stat_statements, a trace.
//
// [Read] finds out what a stream holds, unless it is told, and yields each
// [Statement] with its place. Each format has a file of its own.
package workload

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Statement is what was sent at one time. Its text may hold several statements.
type Statement struct {
	Text []byte
	// Line is where it begins, from 1.
	Line int
	// Seen is how often it was sent.
	Seen int64
	// Database is where it was sent to, empty where the record does not tell.
	Database string
}

// Format is a way to record statements.
type Format string

// The formats.
const (
	// Lines has one statement a line.
	Lines Format = "lines"
	// Script is read as psql reads it: a statement ends with a semicolon.
	Script Format = "script"
	// Log is PostgreSQL's log as text, CSVLog as CSV.
	Log    Format = "log"
	CSVLog Format = "csvlog"
	// StatStatements is the view pg_stat_statements, as CSV or as psql -A prints it.
	StatStatements Format = "pg_stat_statements"
	// JSONLines has one object a line.
	JSONLines Format = "jsonl"
)

// Formats returns all of them.
func Formats() []Format {
	return []Format{Lines, Script, Log, CSVLog, StatStatements, JSONLines}
}

// maxLine bounds a line, and so a statement of most formats.
const maxLine = 256 << 20

// peekSize is how much of a stream is looked at to find out what it holds.
const peekSize = 64 << 10

// errTooLong says that a line is beyond maxLine.
var errTooLong = errors.New("the line is too long")

// Read yields the statements of a stream, which may be compressed with gzip.
// An empty format is found out. It returns the format that it reads. The
// sequence ends at the first error; it can be ranged over once.
func Read(r io.Reader, f Format) (Format, iter.Seq2[Statement, error], error) {
	in, err := open(r)
	if err != nil {
		return f, nil, err
	}
	peek, err := in.Peek(peekSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return f, nil, err
	}
	if f == "" {
		f = detect(peek)
	}
	reader := map[Format]func(*bufio.Reader) iter.Seq2[Statement, error]{
		Lines: readLines, Script: readScript, Log: readLog, CSVLog: readCSVLog, StatStatements: readStatStatements, JSONLines: readJSON,
	}[f]
	if reader == nil {
		return f, nil, fmt.Errorf("%q is no format", f)
	}
	return f, reader(in), nil
}

// open unpacks a stream and drops a byte order mark.
func open(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, peekSize)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		in = bufio.NewReaderSize(unzipped, peekSize)
	}
	if mark, _ := in.Peek(3); string(mark) == "\xef\xbb\xbf" {
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// line is one line of a stream without its end.
type line struct {
	text   []byte
	number int
}

// eachLine yields the lines of a stream.
func eachLine(in *bufio.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		for n := 1; ; n++ {
			text, err := readLine(in)
			if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
				if !yield(line{bytes.TrimRight(text, "\r\n"), n}, nil) {
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(line{number: n}, err)
				}
				return
			}
		}
	}
}

// readLine reads up to a line's end. The bytes are the caller's.
func readLine(in *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			return nil, errTooLong
		}
		text = append(text, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

// fail ends a sequence with what is wrong at a line.
func fail(yield func(Statement, error) bool, number int, err error) {
	yield(Statement{}, fmt.Errorf("line %d: %w", number, err))
}
