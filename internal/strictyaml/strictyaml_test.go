package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readAnimal is a small file format of the tests.
func readAnimal(root Node) map[string]any {
	got := map[string]any{}
	root.Fields(
		Field{Key: "name", Required: true, Read: func(n Node) { got["name"], _ = n.Text() }},
		Field{Key: "legs", Read: func(n Node) { got["legs"], _ = n.Int(0, 8) }},
		Field{Key: "tame", Read: func(n Node) { got["tame"], _ = n.Bool() }},
		Field{Key: "food", Read: func(n Node) { got["food"] = n.Texts() }},
		Field{Key: "size", Read: func(n Node) { got["size"], _ = n.Word("small", "large", "null") }},
		Field{Key: "young", Read: func(n Node) {
			n.Entries(func(_ Node, name string, value Node) { got["young."+name], _ = value.Raw() })
		}},
	)
	return got
}

func TestParse_readsEveryKindOfValue(t *testing.T) {
	doc, root := Parse("cat.yaml", []byte(`---
name: Tom   # a comment
legs: 4
tame: false
food: [mice, 'fish, raw', "milk"]
size: null
young:
  Ann: ""
  "1": numeric(12,2)
  block: |
    two
    lines
`))
	got := readAnimal(root)
	if err := doc.Err(); err != nil {
		t.Fatalf("Err() = %v, want nil", err)
	}
	want := map[string]any{
		"name": "Tom", "legs": 4, "tame": false, "size": "null",
		"food":      []string{"mice", "fish, raw", "milk"},
		"young.Ann": "", "young.1": "numeric(12,2)", "young.block": "two\nlines\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestParse_reports(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"an empty file", "", `f:1:1: the file is empty`},
		{"only comments", "# nothing\n", `f:1:1: the file is empty`},
		{"no mapping", "- a\n", `f:1:1: must be a mapping (key: value)`},
		{"a typo", "name: x\nlges: 4\n", `f:2:1: lges: unknown key "lges" (did you mean "legs"?)`},
		{"a strange key", "name: x\ncolour: 4\n",
			`f:2:1: colour: unknown key "colour" (known here: name, legs, tame, food, size or young)`},
		{"a missing key", "legs: 4\n", `f:1:1: "name" is missing`},
		{"everything at once", "nam: x\nlegs: four\ntame: yes\nfood: fish\nsize: lareg\n", `
f:1:1: nam: unknown key "nam" (did you mean "name"?)
f:1:1: "name" is missing
f:2:7: legs: must be a whole number
f:3:7: tame: must be true or false
f:4:7: food: must be a list ([a, b])
f:5:7: size: "lareg" is not known (did you mean "large"?)`},
		{"numbers that are not plain", "name: x\nlegs: 010\n", `f:2:7: legs: 010 is not a plain decimal number`},
		{"a number out of range", "name: x\nlegs: 9\n", `f:2:7: legs: 9 is out of range (from 0 to 8)`},
		{"a number as text", "name: 12\n", `f:1:7: name: must be text (write it in quotes: "12")`},
		{"a boolean as text", "name: true\n", `f:1:7: name: must be text (write it in quotes: "true")`},
		{"an empty value", "name:\nlegs: 4\n", `f:1:1: name: has no value (must be text)`},
		{"an empty text", "name: ''\n", `f:1:7: name: is empty`},
		{"a duplicate key", "name: x\nname: y\n", `f:2:1: name: "name" is here twice (the first is in line 1)`},
		{"a duplicate item", "name: x\nfood: [a, b, a]\n", `f:2:14: food[2]: "a" is here twice`},
		{"an item of another kind", "name: x\nfood: [a, [b]]\n", `f:2:11: food[1]: must be text`},
		{"anchors and aliases", "name: &n x\nsize: *n\n", `
f:1:7: name: anchors and aliases are not read here (write the value out)
f:2:7: size: anchors and aliases are not read here (write the value out)`},
		{"tags", "name: !!str x\n", `f:1:7: name: tags are not read here (leave it out, or write text in quotes)`},
		{"merge keys", "name: x\n<<: {legs: 3}\n", `f:2:1: a key must be a plain word (write it in quotes)`},
		{"number keys", "name: x\nyoung:\n  1: a\n", `f:3:3: young: a key must be a plain word (write it in quotes)`},
		{"two documents", "name: x\n---\nname: y\n", `f:3:1: the file holds several documents (write one, without ---)`},
		{"an unclosed list", "name: x\nfood: [a,\n", `f:2:7: sequence end token ']' not found`},
		{"a wrong indent", "name: x\n  legs: 4\n", `f:1:7: mapping value is not allowed in this context`},
		{"a comma that is not between parentheses", "{name: 'x(1', 2): 3}", `f:1:15: "2)": unknown key "2)" (known here: name, legs, tame, food, size or young)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc, root := Parse("f", []byte(tc.text))
			readAnimal(root)
			err := doc.Err()
			if err == nil {
				t.Fatalf("Parse(%q) found no problem, want %s", tc.text, tc.want)
			}
			if diff := cmp.Diff(strings.TrimSpace(tc.want), err.Error()); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", tc.text, diff)
			}
		})
	}
}

func TestParse_joinsTypesInFlowMappings(t *testing.T) {
	for text, want := range map[string]string{
		"{name: numeric(12,2)}":              "numeric(12,2)",
		"{name: numeric(12, 2), legs: 4}":    "numeric(12,2)",
		"{name: 'numeric(12,2)'}":            "numeric(12,2)",
		"name: numeric(12,2)":                "numeric(12,2)",
		"{name: varchar(3), legs: 4}":        "varchar(3)",
		"{legs: 4, name: \"numeric(12,2)\"}": "numeric(12,2)",
	} {
		doc, root := Parse("f", []byte(text))
		got := readAnimal(root)["name"]
		if err := doc.Err(); err != nil || got != want {
			t.Errorf("name of %q = %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestProblems_isAnErrorThatCallersCanTake(t *testing.T) {
	doc, root := Parse("f", []byte("b: 1\na: 2\n"))
	readAnimal(root)
	err := fmt.Errorf("reading: %w", doc.Err())
	var problems *Problems
	if !errors.As(err, &problems) {
		t.Fatalf("errors.As(%T, *Problems) = false, want true", err)
	}
	first := (*problems)[0]
	if first.Line != 1 || first.Column != 1 || first.Path != "b" || first.File != "f" {
		t.Errorf("first problem = %+v, want b at f:1:1", first)
	}
	if diff := cmp.Diff([]string{"name", "legs", "tame", "food", "size", "young"}, first.Known); diff != "" {
		t.Errorf("Known (-want +got):\n%s", diff)
	}
}

// A scalar that the parser chokes on may be a secret, so a message never quotes the text.
func TestParse_syntaxErrorDoesNotQuoteTheText(t *testing.T) {
	for _, text := range []string{
		"name: [hunter2\n", "name: 'hunter2\n", "name: \"hunter2\n", "name: x: hunter2\n", "hunter2\n  a: b\n",
		"name: {hunter2\n", "name: %hunter2\n", "name: `hunter2\n", "name: @hunter2\n", "name: \"\\qhunter2\"\n",
	} {
		doc, _ := Parse("f", []byte(text))
		if err := doc.Err(); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q) quotes the text: %v", text, err)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"search", "mask", "domain", "keyset"}
	for word, want := range map[string]string{
		"serach":   `did you mean "search"?`,
		"Mask":     `did you mean "mask"?`,
		"masks":    `did you mean "mask"?`,
		"domian":   `did you mean "domain"?`,
		"key_set":  `did you mean "keyset"?`,
		"x":        "known here: search, mask, domain or keyset",
		"visibile": "known here: search, mask, domain or keyset",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := Suggest("x", nil); got != "" {
		t.Errorf("Suggest without known words = %q, want none", got)
	}
}

// FuzzParse checks that no text panics, and that every problem has a place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"name: x\nlegs: 4\n", "{name: numeric(12,2)}", "a: &x [1, *x]\n", "? {a: b}\n: c", "- - - -", "a: |\n x\n", "<<: *a", "\x00", "a: !!binary x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, root := Parse("f", data)
		readAnimal(root)
		err := doc.Err()
		if err == nil {
			return
		}
		for _, p := range *err.(*Problems) {
			if p.Line < 1 || p.Column < 0 || p.Why == "" {
				t.Errorf("Parse(%q) has a problem without place or reason: %+v", data, p)
			}
		}
	})
}
