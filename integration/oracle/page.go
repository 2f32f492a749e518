package oracle

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/tools/txtar"
)

// Page is a file of statements over one schema and one policy:
//
//	-- schema --
//	CREATE TABLE …           before pgveil seals what is there; no secrets
//	-- policy --
//	version: 1 …
//	-- fill --
//	INSERT INTO …            through pgveil
//	-- statements --
//	# what this shows
//	SELECT … WHERE email = '{{email.ann}}'
//	$1: a parameter
//	=> same
//
// Blocks are separated by empty lines. {{kind.name}} is a secret, made anew in
// every run, the same for the same name. What follows => is a [Verdict], after
// which may stand "as USER", "unordered" (ORDER BY is not the outermost) and
// "once" (sent in mode Simple only, outside of a transaction).
type Page struct {
	// Comment is what stands before the first section.
	Comment              string
	Schema, Policy, Fill string
	Blocks               []Block

	archive *txtar.Archive
}

// Block is one statement with what is expected of it.
type Block struct {
	Statement Statement
	// Want is the verdict as written.
	Want string
	// User is who runs it, "" for the page's first.
	User string
	// Ordered says that the rows' order counts, Once that it is sent only once.
	Ordered, Once bool
	// Line is where the block's last line is, from 1, in the section.
	Line int
}

// Secrets makes and remembers what stands for {{kind.name}}.
type Secrets func(kind, name string) (string, error)

// The names are not spaced, so that a page stays valid SQL to a reader's eye.
var placeholder = regexp.MustCompile(`\{\{([a-z]+)\.([a-z0-9_]+)\}\}`)

// Fill replaces the placeholders in text.
func (s Secrets) Fill(text string) (string, error) {
	var failed error
	filled := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		value, err := s(m[1], m[2])
		if err != nil && failed == nil {
			failed = fmt.Errorf("filling %s: %w", found, err)
		}
		return value
	})
	return filled, failed
}

// Parse reads a page. name is for errors.
func Parse(name string, data []byte, secrets Secrets) (*Page, error) {
	p := &Page{archive: txtar.Parse(data)}
	p.Comment = strings.TrimSpace(string(p.archive.Comment))
	for _, f := range p.archive.Files {
		text, err := secrets.Fill(string(f.Data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		switch f.Name {
		case "schema":
			p.Schema = text
		case "policy":
			p.Policy = text
		case "fill":
			p.Fill = text
		case "statements":
			if p.Blocks, err = blocks(text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		default:
			return nil, fmt.Errorf("%s: unknown section %q", name, f.Name)
		}
	}
	return p, nil
}

func blocks(text string) ([]Block, error) {
	var all []Block
	var sql []string
	var b Block
	for i, line := range strings.Split(text, "\n") {
		value, isParam := strings.CutPrefix(line, fmt.Sprintf("$%d: ", len(b.Statement.Params)+1))
		want, isEnd := strings.CutPrefix(line, "=> ")
		switch {
		case isParam && value == "NULL":
			b.Statement.Params = append(b.Statement.Params, nil)
		case isParam:
			b.Statement.Params = append(b.Statement.Params, []byte(value))
		case isEnd:
			b.Statement.SQL, b.Line = strings.Join(sql, "\n"), i+1
			b.Ordered = strings.Contains(strings.ToUpper(b.Statement.SQL), "ORDER BY")
			if err := b.expect(want); err != nil {
				return nil, fmt.Errorf("statements, line %d: %w", i+1, err)
			}
			all, sql, b = append(all, b), nil, Block{}
		case len(sql) == 0 && (line == "" || strings.HasPrefix(line, "#")):
		default:
			sql = append(sql, line)
		}
	}
	if len(sql) > 0 {
		return nil, fmt.Errorf("statements: the last one has no => line: %.40q", sql[0])
	}
	return all, nil
}

func (b *Block) expect(want string) error {
	words := strings.Fields(want)
	var verdict []string
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "as":
			if i++; i == len(words) {
				return fmt.Errorf("as whom, in %q?", want)
			}
			b.User = words[i]
		case "unordered":
			b.Ordered = false
		case "once":
			b.Once = true
		default:
			verdict = append(verdict, words[i])
		}
	}
	b.Want = strings.Join(verdict, " ")
	return nil
}

// Rewrite returns the page with other verdicts: got[i] for Blocks[i].
func (p *Page) Rewrite(got []string) []byte {
	out := *p.archive
	out.Files = append([]txtar.File(nil), p.archive.Files...)
	for i, f := range out.Files {
		if f.Name != "statements" {
			continue
		}
		lines := strings.Split(string(f.Data), "\n")
		for j, b := range p.Blocks {
			was := lines[b.Line-1]
			lines[b.Line-1] = strings.Replace(was, "=> "+b.Want, "=> "+got[j], 1)
		}
		out.Files[i].Data = []byte(strings.Join(lines, "\n"))
	}
	return txtar.Format(&out)
}
