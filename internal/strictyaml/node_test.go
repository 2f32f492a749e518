package strictyaml

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse returns the value of key "v".
func parse(t *testing.T, text string) (*Document, Node) {
	t.Helper()
	doc, root := Parse("f", []byte("v: "+text+"\n"))
	var v Node
	if !root.Fields(Field{Key: "v", Required: true, Read: func(n Node) { v = n }}) || !v.Written() {
		t.Fatalf("%q is not read: %v", text, doc.Err())
	}
	return doc, v
}

func TestNode_kinds(t *testing.T) {
	for _, tc := range []struct {
		text                       string
		isMap, isList, isScalar    bool
		isEmpty                    bool
		scalar                     string
		raw, asText, asInt, asBool bool
	}{
		{text: "", isEmpty: true, isScalar: true},
		{text: "null", isScalar: true, scalar: "null"},
		{text: "~", isScalar: true, scalar: "~"},
		{text: "word", isScalar: true, scalar: "word", raw: true, asText: true},
		{text: "'quoted: #'", isScalar: true, scalar: "quoted: #", raw: true, asText: true},
		{text: "''", isScalar: true, scalar: "", raw: true},
		{text: "7", isScalar: true, scalar: "7", asInt: true},
		{text: "-7", isScalar: true, scalar: "-7"},
		{text: "7.5", isScalar: true, scalar: "7.5"},
		{text: "0x7", isScalar: true, scalar: "0x7"},
		{text: ".inf", isScalar: true, scalar: ".inf"},
		{text: "true", isScalar: true, scalar: "true", asBool: true},
		{text: "yes", isScalar: true, scalar: "yes", raw: true, asText: true},
		{text: "|\n  two\n  lines", isScalar: true, scalar: "two\nlines", raw: true, asText: true},
		{text: "[]", isList: true},
		{text: "[a, b]", isList: true},
		{text: "\n  - a", isList: true},
		{text: "{}", isMap: true},
		{text: "{a: 1}", isMap: true},
		{text: "\n  a: 1", isMap: true},
		{text: "&x 1"},
		{text: "!t x"},
	} {
		_, n := parse(t, tc.text)
		if n.IsMap() != tc.isMap || n.IsList() != tc.isList || n.IsScalar() != tc.isScalar || n.IsEmpty() != tc.isEmpty {
			t.Errorf("%q: map, list, scalar, empty = %v, %v, %v, %v", tc.text, n.IsMap(), n.IsList(), n.IsScalar(), n.IsEmpty())
		}
		if got := n.Scalar(); got != tc.scalar && got != tc.scalar+"\n" {
			t.Errorf("%q: Scalar() = %q, want %q", tc.text, got, tc.scalar)
		}
		_, raw := n.Raw()
		_, asText := n.Text()
		_, asInt := n.Int(0, 10)
		_, asBool := n.Bool()
		if raw != tc.raw || asText != tc.asText || asInt != tc.asInt || asBool != tc.asBool {
			t.Errorf("%q: read as raw, text, int, bool = %v, %v, %v, %v", tc.text, raw, asText, asInt, asBool)
		}
	}
}

// Whatever cannot be read is said, and said once for what the parser refused.
func TestNode_everyRefusalIsReported(t *testing.T) {
	for _, text := range []string{"", "null", "word", "7", "true", "[a]", "{a: 1}", "&x 1", "!t x", "''"} {
		for name, read := range map[string]func(Node) bool{
			"Text":    func(n Node) bool { _, ok := n.Text(); return ok },
			"Int":     func(n Node) bool { _, ok := n.Int(0, 10); return ok },
			"Bool":    func(n Node) bool { _, ok := n.Bool(); return ok },
			"Word":    func(n Node) bool { _, ok := n.Word("word"); return ok },
			"Items":   func(n Node) bool { return n.Items(func(Node) {}) },
			"Entries": func(n Node) bool { return n.Entries(func(Node, string, Node) {}) },
			"Fields":  func(n Node) bool { return n.Fields(Field{Key: "a", Read: func(Node) {}}) },
		} {
			doc, n := parse(t, text)
			if ok := read(n); ok == (doc.Err() != nil) {
				t.Errorf("%s of %q = %v, with problems: %v", name, text, ok, doc.Err())
			}
			if err := doc.Err(); err != nil && len(*err.(*Problems)) != 1 {
				t.Errorf("%s of %q has more than one problem:\n%v", name, text, err)
			}
		}
	}
}

func TestNode_Peek(t *testing.T) {
	doc, n := parse(t, "{kind: software, other: !t x, list: [a]}")
	kind, ok := n.Peek("kind")
	if !ok || kind.Scalar() != "software" || kind.Path() != "v.kind" {
		t.Errorf("Peek(kind) = %q at %s, %v", kind.Scalar(), kind.Path(), ok)
	}
	if _, ok := n.Peek("missing"); ok {
		t.Error("Peek(missing) = true")
	}
	if other, ok := n.Peek("other"); !ok || other.Scalar() != "" {
		t.Errorf("Peek of a tag = %q, %v, want nothing readable", other.Scalar(), ok)
	}
	if kind, ok := kind.Peek("x"); ok {
		t.Errorf("Peek into a word = %v", kind)
	}
	if err := doc.Err(); err != nil {
		t.Errorf("Peek has reported: %v", err)
	}
}

func TestNode_Entries_keepsTheOrderOfTheFile(t *testing.T) {
	_, n := parse(t, "{z: 1, a: 2, 'odd key': 3, \"*\": 4}")
	var got []string
	n.Entries(func(key Node, name string, value Node) { got = append(got, name+"="+value.Scalar()+"@"+key.Path()) })
	want := []string{"z=1@v.z", "a=2@v.a", "odd key=3@v.\"odd key\"", "*=4@v.*"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Entries (-want +got):\n%s", diff)
	}
}

func TestDocument_Elsewhere(t *testing.T) {
	doc, root := Parse("f", []byte("a: 1\n"))
	root.Report("is wrong", "")
	doc.Elsewhere("--flag", "a.b").Report("is wrong too", "change it")
	want := "--flag: a.b: is wrong too (change it)\nf:1:1: is wrong"
	if err := doc.Err(); err == nil || err.Error() != want {
		t.Errorf("Err() = %v, want %s", err, want)
	}
	if (Node{}).Written() {
		t.Error("the zero Node is written")
	}
}

func TestOneOf(t *testing.T) {
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := OneOf(words); got != want {
			t.Errorf("OneOf(%v) = %q, want %q", words, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "acb", 1},
		{"serach", "search", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(tc.a, tc.b); got != tc.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := editDistance(tc.b, tc.a); got != tc.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tc.b, tc.a, got, tc.want)
		}
	}
}
