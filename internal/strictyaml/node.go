package strictyaml

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Node is a value in a file, with its place.
type Node struct {
	doc          *Document
	body         ast.Node
	path         string
	line, column int
	// source is set for a value that does not come from the file.
	source string
	// broken says that a problem was already reported for this value, so that
	// whoever reads it further stays silent.
	broken bool
}

// Field is a key that a mapping may have.
type Field struct {
	Key      string
	Required bool
	// Read is called with the key's value.
	Read func(Node)
}

// Report notes a problem of the caller's own. The hint may be empty.
func (n Node) Report(why, hint string) { n.doc.add(n, why, hint) }

// Path leads to the value from the root of the file.
func (n Node) Path() string { return n.path }

// IsMap, IsList and IsScalar tell the kind of a value without reporting.
func (n Node) IsMap() bool {
	switch n.body.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return !n.broken
	}
	return false
}

// IsList reports whether the value is a sequence.
func (n Node) IsList() bool {
	_, ok := n.body.(*ast.SequenceNode)
	return ok && !n.broken
}

// IsScalar reports whether the value is neither a mapping nor a sequence.
func (n Node) IsScalar() bool { return n.body != nil && !n.broken && !n.IsMap() && !n.IsList() }

// IsEmpty reports whether the key has no value behind it at all. A written
// null is not empty.
func (n Node) IsEmpty() bool {
	null, ok := n.body.(*ast.NullNode)
	return ok && !n.broken && null.Token.Type == token.ImplicitNullType
}

// Fields reads a mapping whose keys are known. It reports keys that are not
// among the fields, keys that occur twice, and required ones that are missing.
// It returns false where the value is no mapping.
func (n Node) Fields(fields ...Field) bool {
	var known []string
	for _, f := range fields {
		known = append(known, f.Key)
	}
	seen := map[string]bool{}
	ok := n.Entries(func(key Node, name string, value Node) {
		i := slices.Index(known, name)
		if i < 0 {
			n.doc.add(key, fmt.Sprintf("unknown key %q", name), Suggest(name, known))
			n.doc.problems[len(n.doc.problems)-1].Known = known
			return
		}
		seen[name] = true
		fields[i].Read(value)
	})
	for _, f := range fields {
		if ok && f.Required && !seen[f.Key] {
			n.Report(fmt.Sprintf("%q is missing", f.Key), "")
		}
	}
	return ok
}

// Peek returns the value of a key without reporting anything, for mappings
// whose keys depend on one of them.
func (n Node) Peek(name string) (Node, bool) {
	entries, _ := n.entries()
	for _, e := range entries {
		if key, ok := keyName(e.Key); ok && key == name {
			// Looked at through a document of its own, so that a tag or an alias is not reported twice.
			return nodeAt(&Document{}, e.Value, join(n.path, name)), true
		}
	}
	return Node{}, false
}

// Entries reads a mapping whose keys are names that the author chose, in the
// order of the file. key stands for the key's place, with the path of its
// value. It returns false where the value is no mapping.
func (n Node) Entries(each func(key Node, name string, value Node)) bool {
	entries, ok := n.entries()
	if !ok {
		n.wrongKind("a mapping (key: value)")
		return false
	}
	seen := map[string]int{}
	for _, e := range entries {
		key := nodeAt(n.doc, e.Key, n.path)
		name, ok := keyName(e.Key)
		if !ok {
			key.Report("a key must be a plain word", "write it in quotes")
			continue
		}
		key.path = join(n.path, name)
		if line, twice := seen[name]; twice {
			key.Report(fmt.Sprintf("%q is here twice", name), fmt.Sprintf("the first is in line %d", line))
			continue
		}
		seen[name] = key.line
		each(key, name, n.valueOf(e, key))
	}
	return true
}

// valueOf places an empty value at its key, so that a message points to text.
func (n Node) valueOf(e *ast.MappingValueNode, key Node) Node {
	value := nodeAt(n.doc, e.Value, key.path)
	if value.IsEmpty() {
		value.line, value.column = key.line, key.column
	}
	return value
}

func (n Node) entries() ([]*ast.MappingValueNode, bool) {
	if n.broken {
		return nil, false
	}
	switch m := n.body.(type) {
	case *ast.MappingNode:
		if m.IsFlowStyle {
			return joinParentheses(m.Values), true
		}
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

func keyName(key ast.Node) (string, bool) {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value, true
	}
	return "", false
}

var simpleName = regexp.MustCompile(`^[\pL\pN_*-]+$`)

func join(path, name string) string {
	if !simpleName.MatchString(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// Items reads a sequence. It returns false where the value is none.
func (n Node) Items(each func(Node)) bool {
	if !n.IsList() {
		n.wrongKind("a list ([a, b])")
		return false
	}
	for i, item := range n.body.(*ast.SequenceNode).Values {
		each(nodeAt(n.doc, item, fmt.Sprintf("%s[%d]", n.path, i)))
	}
	return true
}

// Texts reads a sequence of strings, without duplicates.
func (n Node) Texts() []string {
	var texts []string
	n.Items(func(item Node) {
		s, ok := item.Text()
		if ok && slices.Contains(texts, s) {
			item.Report(fmt.Sprintf("%q is here twice", s), "")
		} else if ok {
			texts = append(texts, s)
		}
	})
	return texts
}

// Text reads a string that is not empty. Numbers, booleans and null must be
// quoted to be one.
func (n Node) Text() (string, bool) {
	s, ok := n.Raw()
	if !ok {
		return "", false
	}
	if strings.TrimSpace(s) == "" {
		n.Report("is empty", "")
		return "", false
	}
	if strings.ContainsRune(s, 0) {
		n.Report("holds a NUL character", "")
		return "", false
	}
	return s, true
}

// Raw reads a string, which may be empty.
func (n Node) Raw() (string, bool) {
	switch s := n.body.(type) {
	case *ast.StringNode:
		if !n.broken {
			return s.Value, true
		}
	case *ast.LiteralNode:
		if !n.broken {
			return s.Value.Value, true
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.doc.add(n, "must be text", fmt.Sprintf("write it in quotes: %q", n.body.GetToken().Value))
		return "", false
	}
	n.wrongKind("text")
	return "", false
}

// Word reads one of the given words. A written null counts as the word "null".
func (n Node) Word(known ...string) (string, bool) {
	if !n.IsScalar() || n.IsEmpty() {
		n.wrongKind(OneOf(known))
		return "", false
	}
	word := tokenText(n.body.GetToken())
	switch body := n.body.(type) {
	case *ast.NullNode:
		word = "null"
	case *ast.LiteralNode:
		word = body.Value.Value
	}
	if !slices.Contains(known, word) {
		n.Report(fmt.Sprintf("%q is not known", word), Suggest(word, known))
		return "", false
	}
	return word, true
}

// Int reads a decimal number from least to most.
func (n Node) Int(least, most int) (int, bool) {
	if _, ok := n.body.(*ast.IntegerNode); !ok || n.broken {
		n.wrongKind("a whole number")
		return 0, false
	}
	text := n.body.GetToken().Value
	i, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(i) != text {
		n.Report(fmt.Sprintf("%s is not a plain decimal number", text), "")
		return 0, false
	}
	if i < least || i > most {
		n.Report(fmt.Sprintf("%d is out of range", i), fmt.Sprintf("from %d to %d", least, most))
		return 0, false
	}
	return i, true
}

// Bool reads true or false.
func (n Node) Bool() (value, ok bool) {
	if b, isBool := n.body.(*ast.BoolNode); isBool && !n.broken {
		return b.Value, true
	}
	n.wrongKind("true or false")
	return false, false
}

func (n Node) wrongKind(want string) {
	switch {
	case n.broken:
	case n.IsEmpty():
		n.Report("has no value", "must be "+want)
	default:
		n.Report("must be "+want, "")
	}
}

// Written reports whether the node stands for a value of a file. The zero
// Node, which a caller has for a key that is not there, does not.
func (n Node) Written() bool { return n.doc != nil }

// Scalar returns the text of a value that is neither a mapping nor a sequence,
// whatever its kind, and reports nothing: "" for none.
func (n Node) Scalar() string {
	if n.body == nil || !n.IsScalar() || n.IsEmpty() {
		return ""
	}
	if block, ok := n.body.(*ast.LiteralNode); ok {
		return block.Value.Value
	}
	return tokenText(n.body.GetToken())
}
