package configs

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
)

// checker checks a document against a JSON Schema, as an editor would. It
// knows the keywords that our schemas use, and fails on any other.
type checker struct {
	t           *testing.T
	definitions map[string]any
}

func newChecker(t *testing.T, schema []byte) (*checker, map[string]any) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	definitions, _ := root["$defs"].(map[string]any)
	return &checker{t, definitions}, root
}

// check returns what is wrong with value, or "".
func (c *checker) check(schema map[string]any, value any, path string) string {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		if wrong := c.keyword(schema, keyword, value, path); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (c *checker) keyword(schema map[string]any, keyword string, value any, path string) string {
	want := schema[keyword]
	fail := func(ok bool) string {
		if ok {
			return ""
		}
		return fmt.Sprintf("%s: %v is not %s %v", path, value, keyword, want)
	}
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	text, isText := value.(string)
	number, isNumber := value.(float64)
	switch keyword {
	case "$schema", "$id", "$defs", "title", "description", "default":
		return ""
	case "$ref":
		definition, ok := c.definitions[strings.TrimPrefix(want.(string), "#/$defs/")].(map[string]any)
		if !ok {
			c.t.Fatalf("%s refers to %v, which is not defined", path, want)
		}
		return c.check(definition, value, path)
	case "type":
		return fail(map[string]bool{
			"object": isObject, "array": isList, "string": isText, "integer": isNumber && number == math.Trunc(number),
			"boolean": value == true || value == false,
		}[want.(string)])
	case "const":
		return fail(value == want)
	case "enum":
		return fail(slices.Contains(want.([]any), value))
	case "pattern":
		return fail(!isText || regexp.MustCompile(want.(string)).MatchString(text))
	case "minLength":
		return fail(!isText || len([]rune(text)) >= int(want.(float64)))
	case "minimum":
		return fail(!isNumber || number >= want.(float64))
	case "maximum":
		return fail(!isNumber || number <= want.(float64))
	case "minItems":
		return fail(!isList || len(list) >= int(want.(float64)))
	case "uniqueItems":
		return fail(!isList || distinct(list))
	case "minProperties":
		return fail(!isObject || len(object) >= int(want.(float64)))
	case "maxProperties":
		return fail(!isObject || len(object) <= int(want.(float64)))
	case "required":
		for _, name := range want.([]any) {
			if _, ok := object[name.(string)]; isObject && !ok {
				return fmt.Sprintf("%s: %v is missing", path, name)
			}
		}
		return ""
	case "items":
		for i, item := range list {
			if wrong := c.check(want.(map[string]any), item, fmt.Sprintf("%s[%d]", path, i)); wrong != "" {
				return wrong
			}
		}
		return ""
	case "oneOf":
		return c.oneOf(want.([]any), value, path)
	case "properties", "additionalProperties", "propertyNames":
		return c.properties(schema, keyword, object, path)
	}
	c.t.Fatalf("%s: the schema has the keyword %s, which this test does not know", path, keyword)
	return ""
}

func distinct(list []any) bool {
	seen := map[string]bool{}
	for _, item := range list {
		text := fmt.Sprint(item)
		if seen[text] {
			return false
		}
		seen[text] = true
	}
	return true
}

func (c *checker) oneOf(alternatives []any, value any, path string) string {
	matches, reasons := 0, []string{}
	for _, alternative := range alternatives {
		if wrong := c.check(alternative.(map[string]any), value, path); wrong != "" {
			reasons = append(reasons, wrong)
			continue
		}
		matches++
	}
	if matches == 1 {
		return ""
	}
	return fmt.Sprintf("%s: %d forms fit: %s", path, matches, strings.Join(reasons, "; "))
}

func (c *checker) properties(schema map[string]any, keyword string, object map[string]any, path string) string {
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		own, isOwn := properties[name].(map[string]any)
		wrong := ""
		switch other := schema["additionalProperties"].(type) {
		case map[string]any:
			if keyword == "additionalProperties" && !isOwn {
				wrong = c.check(other, object[name], path+"."+name)
			}
		case bool:
			if keyword == "additionalProperties" && !isOwn && !other {
				wrong = path + ": unknown key " + name
			}
		}
		if keyword == "properties" && isOwn {
			wrong = c.check(own, object[name], path+"."+name)
		}
		if keyword == "propertyNames" {
			wrong = c.check(schema["propertyNames"].(map[string]any), name, path+" (key)")
		}
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// document turns YAML into what JSON would have given.
func document(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(asJSON, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func checkPolicy(t *testing.T, text string) string {
	c, root := newChecker(t, policy.Schema())
	return c.check(root, document(t, text), "policy")
}

func checkConfig(t *testing.T, text string) string {
	c, root := newChecker(t, config.Schema())
	return c.check(root, document(t, text), "config")
}

func TestSchemas_acceptTheExamples(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, "../policy/testdata/every_key.yaml") {
		text := string(read(t, name))
		check := checkConfig
		if strings.Contains(text, "\ntables:") {
			check = checkPolicy
		}
		if wrong := check(t, text); wrong != "" {
			t.Errorf("%s: the schema refuses it: %s", name, wrong)
		}
	}
}

// What one accepts the other must too, or an editor misleads its user.
func TestSchemas_agreeWithTheDecoders(t *testing.T) {
	policyWith := func(column string) string { return "version: 1\ntables:\n  t:\n    c: " + column + "\n" }
	configWith := func(key string) string {
		return "version: 1\nlisten: :1\nserver: {address: 'db:1', service_user: x}\ndatabases: {}\n" + key + "\n"
	}
	for _, tc := range []struct {
		column string
		want   bool
	}{
		{"{}", true},
		{"{search: []}", true},
		{"{search: [equality, substring, range]}", true},
		{"{search: [order], acknowledge: [order]}", true},
		{"{search: [{order: {prefix: 2}}], acknowledge: [order]}", true},
		{"{search: [{order: {prefix: 65}}], acknowledge: [order]}", false},
		{"{search: [{order: {}}], acknowledge: [order]}", false},
		{"{search: [{}]}", false},
		{"{search: [equality, equality]}", false},
		{"{search: equality}", false},
		{"{search: [exact]}", false},
		{"{mask: initials}", true},
		{"{mask: {keep_last: 4}}", true},
		{"{mask: {keep_last: 0}}", false},
		{"{mask: {keep_last: 4, keep_first: 4}}", false},
		{"{mask: {}}", false},
		{"{mask: {text: ''}}", false},
		{"{mask: none}", false},
		{"{pad: 16}", true},
		{"{pad: -1}", false},
		{"{pad: '16'}", false},
		{"{dictionary: maybe}", false},
		{"{domain: people.name}", true},
		{"{domain: 'two words'}", false},
		{"{keyset: ''}", false},
		{"{type: numeric}", true},
		{"{type: 7}", false},
		{"{access: {'*': reveal}}", true},
		{"{access: {'*': null}}", true},
		{"{access: {'*': {read: null, filter: true}}}", true},
		{"{access: {'*': {read: mask, mask: year}}}", true},
		{"{access: {'*': {filter: true}}}", false},
		{"{access: {'*': {read: mask, filter: 'yes'}}}", false},
		{"{access: {'*': show}}", false},
		{"{access: reveal}", false},
		{"{acknowledge: [equality]}", false},
		{"[]", false},
		{"{colour: red}", false},
	} {
		_, err := policy.Load("p", []byte(policyWith(tc.column)))
		wrong := checkPolicy(t, policyWith(tc.column))
		if (err == nil) != tc.want || (wrong == "") != tc.want {
			t.Errorf("column %s: decoder: %v, schema: %q, want accepted: %v", tc.column, err, wrong, tc.want)
		}
	}
	for _, tc := range []struct {
		key  string
		want bool
	}{
		{"", true},
		{"auth: {mode: relay}", true},
		{"auth: {mode: scram}", false},
		{"auth: {}", false},
		{"admin: {listen: ':1'}", true},
		{"admin: {}", false},
		{"tls: {cert: a, key: b}", true},
		{"tls: {cert: a}", false},
		{"tls: {cert: a, key: b, require: yes please}", false},
		{"custodian: {kind: software, file: f, passphrase: env:P}", true},
		{"custodian: {kind: software, file: f, passphrase: file:/p}", true},
		{"custodian: {kind: software, file: f, passphrase: hunter2}", false},
		{"custodian: {kind: software, file: f}", false},
		{"custodian: {kind: software, module: m, passphrase: env:P}", false},
		{"custodian: {kind: pkcs11, module: m, token: t, pin: env:P, key: k}", true},
		{"custodian: {kind: pkcs11, module: m, token: t, pin: env:P, key: k, key_lifetime: 1h30m}", true},
		{"custodian: {kind: pkcs11, module: m, token: t, pin: env:P, key: k, key_lifetime: 3600}", false},
		{"custodian: {kind: keymanager, url: x}", false},
		{"limits: {max_message: 16MiB, max_startup: 65536, connections: 3, login_timeout: 5s}", true},
		{"limits: {max_message: 16MB}", false},
		{"limits: {connections: 0}", false},
		{"limits: {connections: many}", false},
		{"colour: red", false},
	} {
		_, err := config.Load("c", []byte(configWith(tc.key)))
		wrong := checkConfig(t, configWith(tc.key))
		if (err == nil) != tc.want || (wrong == "") != tc.want {
			t.Errorf("%s: decoder: %v, schema: %q, want accepted: %v", tc.key, err, wrong, tc.want)
		}
	}
}

// The roles of a policy, of which the schema knows less than the decoder.
func TestSchemas_roles(t *testing.T) {
	for roles, want := range map[string]bool{
		"{r: {users: [u]}}":                true,
		"{r: {claims: {a.b: c}}}":          true,
		"{r: {}}":                          false,
		"{r: {users: u}}":                  false,
		"{r: {users: [u, u]}}":             false,
		"{r: {users: ['']}}":               false,
		"{'*': {users: [u]}}":              false,
		"{r: {claims: {a: true}}}":         false,
		"{r: {users: [u], colour: [red]}}": false,
	} {
		text := "version: 1\nroles: " + roles + "\ntables: {}\n"
		_, err := policy.Load("p", []byte(text))
		wrong := checkPolicy(t, text)
		if (err == nil) != want || (wrong == "") != want {
			t.Errorf("roles %s: decoder: %v, schema: %q, want accepted: %v", roles, err, wrong, want)
		}
	}
}
