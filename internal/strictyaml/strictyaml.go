// Package strictyaml reads YAML files that people write and others rely on:
// the policy and the configuration. Nothing is ignored or guessed, and every
// problem is reported at once with its line, its column and what to write
// instead.
//
// [Parse] gives the root [Node] of a file. A package walks its own files with
// [Node.Fields] (known keys), [Node.Entries] (keys that are names) and
// [Node.Items], and reads scalars with [Node.Text], [Node.Word], [Node.Int] and
// [Node.Bool], which report what does not fit. Rules of its own it reports with
// [Node.Report]. [Document.Err] returns all that was found.
//
// What makes a file mean something else than it says is refused: anchors and
// aliases, tags, merge keys, several documents, numbers that are not decimal,
// duplicate keys.
package strictyaml

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Document is one file while it is read. It is not safe for several goroutines.
type Document struct {
	file     string
	problems Problems
}

// Parse reads the text of a file. The name is for messages only. Text that is
// not YAML is a problem like any other: the root node is then empty and every
// question about it has the answer no.
func Parse(name string, data []byte) (*Document, Node) {
	d := &Document{file: name}
	root := Node{doc: d, line: 1, column: 1, broken: true}

	file, err := parseSafely(data)
	if err != nil {
		d.syntaxProblem(err)
		return d, root
	}
	if len(file.Docs) > 1 && file.Docs[1].Body != nil {
		d.add(nodeAt(d, file.Docs[1].Body, ""), "the file holds several documents", "write one, without ---")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		d.add(root, "the file is empty", "")
		return d, root
	}
	return d, nodeAt(d, file.Docs[0].Body, "")
}

var errUnreadable = errors.New("not readable as YAML")

// parseSafely keeps a parser that panics on strange text from ending the process.
func parseSafely(data []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errUnreadable
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

func (d *Document) syntaxProblem(err error) {
	// Not err.Error(): it quotes the text around the place, which may be a secret.
	p := Problem{File: d.file, Line: 1, Column: 1, Why: errUnreadable.Error()}
	var at yaml.Error
	if errors.As(err, &at) {
		p.Why = at.GetMessage()
		if t := at.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	d.problems = append(d.problems, p)
}

// Elsewhere returns a node that stands for a value from a flag or a variable
// of the environment, for reporting: source is its name, path the key of the
// file that it replaces.
func (d *Document) Elsewhere(source, path string) Node {
	return Node{doc: d, path: path, source: source, broken: true}
}

// Err returns what is wrong so far as a *[Problems], sorted by position, or nil.
func (d *Document) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	d.problems.sort()
	problems := append(Problems(nil), d.problems...)
	return &problems
}

func (d *Document) add(n Node, why, hint string) {
	file := d.file
	if n.source != "" {
		file = n.source
	}
	d.problems = append(d.problems, Problem{
		File: file, Line: n.line, Column: n.column, Path: n.path, Why: why, Hint: hint,
	})
}

func nodeAt(d *Document, body ast.Node, path string) Node {
	n := Node{doc: d, body: body, path: path, line: 1, column: 1}
	t := body.GetToken()
	if m, ok := body.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	if m, ok := body.(*ast.MappingValueNode); ok {
		t = m.Key.GetToken()
	}
	if t != nil && t.Position != nil {
		n.line, n.column = t.Position.Line, t.Position.Column
	}
	switch body.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		n.broken = true
		d.add(n, "anchors and aliases are not read here", "write the value out")
	case *ast.TagNode:
		n.broken = true
		// The tag is not repeated: it may be a password that begins with "!".
		d.add(n, "tags are not read here", "leave it out, or write text in quotes")
	}
	return n
}

func tokenText(t *token.Token) string {
	if t == nil {
		return ""
	}
	return t.Value
}
