package pgveil_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/pgveil/pgveil/"

// floors is the house: a package may import packages of lower floors only, so
// that imports go one way (docs/ARCHITECTURE.md). A new package needs a line.
var floors = map[string]int{
	"internal/pgerr":  0,
	"internal/secret": 0,

	"internal/wire":       1,
	"internal/strictyaml": 1,
	"envelope/canon":      1,
	"rewrite/shape":       1,
	"eval/tree":           1,

	"internal/sqlscript": 2,

	"policy":          2,
	"keystore":        2,
	"envelope":        2,
	"eval":            2,
	"audit":           2,
	"internal/config": 2,

	"keystore/software":   3,
	"keystore/pkcs11":     3,
	"keystore/keymanager": 3,
	"rewrite/catalog":     3,
	"internal/workload":   3,

	"rewrite":        4,
	"rewrite/schema": 4,

	"proxy/copyrows": 5,

	"proxy":    6,
	"backfill": 6,
	"api":      6,

	"internal/lint": 6,

	"internal/cli": 7,
	"cmd/pgveil":   8,

	// For tests and for the scripts only; no package of the program may import them.
	"internal/strictyaml/schematest": 8,
	"internal/testkit":               8,
	"internal/testkit/registry":      8,
	"internal/bench":                 9,
	"internal/demo":                  9,
	"integration/oracle/syntax":      8,
	"integration/oracle":             9,
	"integration/oracle/generate":    10,
	"scripts/bench":                  10,
	"scripts/bench/relay":            10,
	"scripts/demo":                   10,
}

// reserved are imports that belong to few packages. "test" allows the tests of any.
var reserved = map[string][]string{
	// The wire's types stay on the wire.
	"github.com/jackc/pgx/v5/pgproto3": {"internal/wire", "internal/testkit", "test"},
	// Half a minute of C compilation, and PostgreSQL's tree: the compiler knows both,
	// and the reader of schema files, which makes a catalog of CREATE statements.
	"github.com/pganalyze/pg_query_go/v6": {"rewrite", "rewrite/schema", "integration/oracle/syntax", "test"},
	// C code that is ours to call lives behind one package.
	"github.com/miekg/pkcs11": {"keystore/pkcs11"},
	"C":                       {},
	// Custodians are chosen where the program is wired.
	module + "keystore/software":   {"internal/cli", "test"},
	module + "keystore/pkcs11":     {"internal/cli", "test"},
	module + "keystore/keymanager": {"internal/cli", "test"},
	// What is only there for tests stays out of the program.
	"testing":                            {"internal/testkit", "test"},
	module + "internal/testkit":          {"internal/demo", "internal/bench", "test"},
	module + "internal/testkit/registry": {"internal/demo", "test"},
}

// forbidden are imports that the floors would allow.
var forbidden = map[string][]string{
	// A plan says which slot is sealed for which column; it never seals. So every
	// test of a rewrite is a page of text.
	"rewrite": {"envelope", "keystore"},
	// Values are sealed by whoever was given the keys, not by who knows the rules.
	"policy":   {"keystore", "envelope"},
	"envelope": {"keystore", "policy"},
}

// goFile is one file of the module.
type goFile struct {
	path, pkg string // relative to the module; pkg is the folder
	test      bool
	syntax    *ast.File
}

func (f goFile) imports() []string {
	var paths []string
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("internal error: an import that does not parse: " + spec.Path.Value)
		}
		paths = append(paths, p)
	}
	return paths
}

func TestHouse_importsGoDown(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		floor, known := floors[f.pkg]
		if !known {
			t.Errorf("%s: package %s has no floor; add it to the table in house_test.go", f.path, f.pkg)
			continue
		}
		for _, imported := range f.imports() {
			name, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if below, known := floors[name]; !known || below >= floor {
				t.Errorf("%s: %s (floor %d) imports %s (floor %d)", f.path, f.pkg, floor, name, floors[name])
			}
		}
	}
}

func TestHouse_reservedImports(t *testing.T) {
	for _, f := range sources(t) {
		for _, imported := range f.imports() {
			owners, isReserved := reservedOwners(imported)
			if !isReserved || slices.Contains(owners, f.pkg) || f.test && slices.Contains(owners, "test") {
				continue
			}
			t.Errorf("%s imports %s, which is for %v", f.path, imported, owners)
		}
		for _, name := range forbidden[f.pkg] {
			if !f.test && slices.Contains(f.imports(), module+name) {
				t.Errorf("%s: %s must not import %s", f.path, f.pkg, name)
			}
		}
	}
}

// reservedOwners looks an import up with the packages beneath it.
func reservedOwners(imported string) ([]string, bool) {
	for p := imported; p != "." && p != "/"; p = path.Dir(p) {
		// The base of the module's own paths is not reserved for its folders.
		if owners, ok := reserved[p]; ok && (p == imported || !strings.HasPrefix(p, module)) {
			return owners, true
		}
	}
	return nil, false
}

func TestHouse_everyPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t) {
		if !f.test {
			documented[f.pkg] = documented[f.pkg] || f.syntax.Doc != nil
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc comment", pkg)
		}
	}
}

func TestHouse_noInit(t *testing.T) {
	for _, f := range sources(t) {
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function; pass what it sets up through a constructor", f.path)
			}
		}
	}
}

// docs/ERRORS.md has a heading for each code, and no heading without one.
func TestHouse_errorsAreDocumented(t *testing.T) {
	codes := codesOf(t, "internal/pgerr/codes.go")
	text, err := os.ReadFile("docs/ERRORS.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^#{2,4} +`?([a-z][a-z0-9-]*)`?\\s*$").FindAllStringSubmatch(string(text), -1) {
		if headings[m[1]] {
			t.Errorf("docs/ERRORS.md has %s twice", m[1])
		}
		headings[m[1]] = true
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		if !headings[code] {
			t.Errorf("docs/ERRORS.md has no heading for pgerr code %q", code)
		}
	}
	for _, heading := range slices.Sorted(maps.Keys(headings)) {
		if !codes[heading] {
			t.Errorf("docs/ERRORS.md describes %q, which is no pgerr code", heading)
		}
	}
}

// codesOf returns the values of the string constants declared as Code.
func codesOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "Code" {
			return true
		}
		for _, v := range spec.Values {
			code, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if codes[code] {
				t.Errorf("%s declares %q twice", path, code)
			}
			codes[code] = true
		}
		return true
	})
	return codes
}

// sources parses the module's Go files.
func sources(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "testdata" || base == "bin" || len(base) > 1 && strings.HasPrefix(base, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		syntax, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		files = append(files, goFile{path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files only; run from the module's root", len(files))
	}
	return files
}
