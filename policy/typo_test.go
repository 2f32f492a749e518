package policy

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// keyInFile finds the keys of a YAML file by eye: a word before a colon.
var keyInFile = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_.]*:`)

// fixedKeys are those that the file format knows; all others are names.
var fixedKeys = map[string]bool{
	"version": true, "roles": true, "access": true, "tables": true, "limits": true, "users": true, "member_of": true,
	"claims": true, "read": true, "filter": true, "write": true, "search": true, "mask": true, "domain": true, "type": true,
	"pad": true, "dictionary": true, "keyset": true, "acknowledge": true, "keep_last": true, "keep_first": true,
	"text": true, "order": true, "prefix": true,
}

// A typo in any key, wherever it stands, is found where it stands.
func TestLoad_findsATypoInEveryKey(t *testing.T) {
	for _, name := range []string{"testdata/example.yaml", "../configs/openg2p.yaml", "testdata/every_key.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(data), "\n")
		tried := 0
		for i, line := range lines {
			code, _, _ := strings.Cut(line, "#")
			for _, at := range keyInFile.FindAllStringIndex(code, -1) {
				key := code[at[0] : at[1]-1]
				// "data:" and the like may be columns with a name of ours.
				if !fixedKeys[key] || strings.HasPrefix(code, "    "+key) && name != "testdata/every_key.yaml" {
					continue
				}
				tried++
				spoiled := append([]string(nil), lines...)
				spoiled[i] = line[:at[0]] + key + "x" + line[at[1]-1:]
				wantProblemAt(t, name, strings.Join(spoiled, "\n"), i+1, at[0]+1, key)
			}
		}
		if tried < 20 {
			t.Errorf("%s: only %d keys were tried", name, tried)
		}
	}
}

func wantProblemAt(t *testing.T, name, text string, line, column int, key string) {
	t.Helper()
	_, err := Load(name, []byte(text))
	problems, ok := errors.AsType[*Problems](err)
	if !ok {
		t.Errorf("%s:%d: %sx instead of %s is not noticed: %v", name, line, key, key, err)
		return
	}
	for _, p := range *problems {
		if p.Line == line && p.Column == column && p.Why == fmt.Sprintf("unknown key %q", key+"x") {
			if want := fmt.Sprintf("did you mean %q?", key); p.Hint != want {
				t.Errorf("%s:%d: hint %q, want %q", name, line, p.Hint, want)
			}
			return
		}
	}
	t.Errorf("%s: no problem at %d:%d for %sx, but:\n%v", name, line, column, key, err)
}

// The file that the last test reads has every key of the schema in it.
func TestEveryKeyFile_hasEveryKey(t *testing.T) {
	text := readFile(t, "every_key.yaml")
	load(t, text)
	for key := range fixedKeys {
		if !regexp.MustCompile(`\b` + key + `:`).MatchString(text) {
			t.Errorf("testdata/every_key.yaml has no %s", key)
		}
	}
	for _, key := range regexp.MustCompile(`"([a-z_]+)": \{`).FindAllStringSubmatch(string(Schema()), -1) {
		if name := key[1]; !fixedKeys[name] && !strings.Contains("properties items column role names limits equality propertyNames additionalProperties accessByRole", name) {
			t.Errorf("the schema has %s, which this test does not try", name)
		}
	}
}
