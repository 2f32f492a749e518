package generate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// World is a schema with a policy, and the values that live in it.
type World struct {
	Seed   uint64
	Tables []*Table
	// Views show columns of one table each.
	Views []*Table

	marks marks
	pools map[string][]string // by domain; of plain values by type
	fill  []string
	leak  *regexp.Regexp
}

// Table is a table, or a view over one.
type Table struct {
	Schema, Name string
	// Columns begin with id, the primary key, and ref, which holds other tables' ids.
	Columns []Column
	// base is the definition of a view.
	base string
}

// Column is a column of a Table.
type Column struct {
	Name string
	Sort
	NotNull, Unique bool
	Default         string // as SQL, "" for none
}

// NewWorld makes the world of a seed.
func NewWorld(seed uint64) *World {
	c := Random(seed, 0)
	w := &World{Seed: seed, marks: newMarks(c), pools: map[string][]string{}}
	for _, t := range types() {
		w.pools[string(t.family())] = w.marks.pool(c, t.family(), false)
	}
	w.leak = w.marks.pattern()
	names := []string{"people", "Other Table", "items", "visit", "select", "card"}
	shared := w.sharedDomains(c)
	for i := range 3 + c.N(3) {
		t := &Table{Schema: "public", Name: names[i]}
		if i == 3 && c.Chance(50) {
			t.Schema, t.Name = "elsewhere", "people"
		}
		w.columns(c, t, shared)
		w.Tables = append(w.Tables, t)
	}
	for i := range 2 {
		w.view(c, fmt.Sprintf("view%d", i+1), pick(c, w.Tables))
	}
	for _, t := range w.Tables {
		w.fillTable(c, t)
	}
	return w
}

// sharedDomains makes the domains that several columns may declare.
func (w *World) sharedDomains(c *Choices) []Sort {
	var shared []Sort
	for i, t := range []Type{Text, Varchar, pick(c, types())} {
		s := Sort{Type: t, Domain: fmt.Sprintf("shared%d", i), Equality: true, Mask: maskFor(c, t)}
		w.pools[s.Domain] = w.marks.pool(c, t.family(), true)
		shared = append(shared, s)
	}
	return shared
}

func columnNames() []string {
	return []string{"name", "phone", "order", "Mixed Case", "note", "val", `quo"te`, "born", "dot.ted", "ünï", "v2", "group", "code"}
}

func (w *World) columns(c *Choices, t *Table, shared []Sort) {
	t.Columns = []Column{{Name: "id", Sort: Sort{Type: Int4}, NotNull: true}, {Name: "ref", Sort: Sort{Type: Int4}}}
	names := columnNames()
	for range 5 + c.N(4) {
		at := c.N(len(names))
		col := Column{Name: names[at], Sort: Sort{Type: pick(c, types())}}
		names = slices.Delete(names, at, at+1)
		switch c.Weighted(40, 30, 30) {
		case 1:
			col.Domain = t.Schema + "." + t.Name + "." + col.Name
			col.Equality, col.Mask = c.Chance(85), maskFor(c, col.Type)
			w.pools[col.Domain] = w.marks.pool(c, col.Type.family(), true)
		case 2:
			col.Sort = pick(c, shared)
			if col.Type.family() == Text {
				col.Type = pick(c, []Type{Text, Varchar, Short})
			}
		}
		switch {
		case col.Type == Bool || !col.searchable():
		case c.Chance(12):
			col.Unique = true
		case c.Chance(15):
			col.NotNull = true
		}
		if !col.protected() && !col.Unique && c.Chance(25) {
			col.Default = quote(pick(c, w.pool(col.Sort)))
		}
		t.Columns = append(t.Columns, col)
	}
}

func (w *World) view(c *Choices, name string, over *Table) {
	v := &Table{Schema: "public", Name: name, Columns: slices.Clone(over.Columns[:1])}
	var shown []string
	for _, col := range over.Columns[1:] {
		// Of a column with another stored type, apply would have to change the type under the view.
		asIs := !col.protected() || col.Type == Text || col.Type == Varchar || col.Type == Citext
		if asIs && (col.Name == "ref" || c.Chance(80)) {
			v.Columns = append(v.Columns, col)
		}
	}
	for _, col := range v.Columns {
		shown = append(shown, Ident(col.Name))
	}
	v.base = fmt.Sprintf("SELECT %s FROM %s", strings.Join(shown, ", "), over.Ref())
	if contains(v.Columns, "ref") && c.Chance(50) {
		v.base += " WHERE ref IS NOT NULL"
	}
	w.Views = append(w.Views, v)
}

// pool returns the values that a sort may have.
func (w *World) pool(s Sort) []string {
	if s.protected() {
		return w.pools[s.Domain]
	}
	return w.pools[string(s.Type.family())]
}

// Ref returns how SQL names the table.
func (t *Table) Ref() string {
	if t.Schema == "public" {
		return Ident(t.Name)
	}
	return Ident(t.Schema) + "." + Ident(t.Name)
}

// Schema returns the statements that make the tables and views.
func (w *World) Schema() string {
	var b strings.Builder
	b.WriteString("CREATE EXTENSION IF NOT EXISTS citext;\nCREATE SCHEMA elsewhere;\n")
	for _, t := range w.Tables {
		b.WriteString(t.definition() + ";\n")
	}
	for _, v := range w.Views {
		b.WriteString(v.definition() + ";\n")
	}
	b.WriteString("GRANT ALL ON SCHEMA elsewhere TO PUBLIC;\nGRANT ALL ON ALL TABLES IN SCHEMA elsewhere TO PUBLIC;\n")
	return b.String()
}

// SchemaOf returns the definitions of those relations that a text may name.
func (w *World) SchemaOf(sql string) string {
	var b strings.Builder
	for _, t := range append(slices.Clone(w.Tables), w.Views...) {
		if strings.Contains(strings.ToLower(sql), strings.ToLower(t.Name)) {
			b.WriteString(t.definition() + ";\n")
		}
	}
	return b.String()
}

func (t *Table) definition() string {
	if t.base != "" {
		return "CREATE VIEW " + t.Ref() + " AS " + t.base
	}
	lines := []string{"id int4 PRIMARY KEY"}
	for _, col := range t.Columns[1:] {
		line := Ident(col.Name) + " " + string(col.Type)
		if col.NotNull {
			line += " NOT NULL"
		}
		if col.Default != "" {
			line += " DEFAULT " + col.Default
		}
		if col.Unique {
			line += fmt.Sprintf(" CONSTRAINT %s UNIQUE", Ident(t.constraint(col)))
		}
		if col.protected() {
			line += " /* " + strings.ReplaceAll(col.Domain, "*/", "") + " */"
		}
		lines = append(lines, line)
	}
	return "CREATE TABLE " + t.Ref() + " (" + strings.Join(lines, ", ") + ")"
}

func (t *Table) constraint(col Column) string { return t.Name + " " + col.Name + " is unique" }

// Policy returns the policy, in which user may read everything and [Clerk] through masks.
func (w *World) Policy(user string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nroles:\n  full: {users: [%s]}\n  desk: {users: [%s]}\naccess:\n  full: reveal\n"+
		"  desk: {read: mask, filter: true, write: true}\n  \"*\": seal\ntables:\n", user, Clerk)
	for _, t := range w.Tables {
		name := t.Name
		if t.Schema != "public" {
			name = t.Schema + "." + name
		}
		var lines []string
		for _, col := range t.Columns {
			if !col.protected() {
				continue
			}
			var parts []string
			if col.Equality {
				parts = append(parts, "search: [equality]")
			}
			if strings.HasPrefix(col.Domain, "shared") {
				parts = append(parts, "domain: "+col.Domain)
			}
			if mask := maskYAML(col.Mask); mask != "" {
				parts = append(parts, mask)
			}
			lines = append(lines, fmt.Sprintf("    '%s': {%s}\n", col.Name, strings.Join(parts, ", ")))
		}
		if len(lines) > 0 {
			fmt.Fprintf(&b, "  '%s':\n%s", name, strings.Join(lines, ""))
		}
	}
	return b.String()
}

// Fill returns the statements that fill the tables.
func (w *World) Fill() []string { return w.fill }

// Marks returns what every search for leaks in files should find nothing of.
func (w *World) Marks() []string { return []string{w.marks.word, w.marks.uuid} }

func (w *World) fillTable(c *Choices, t *Table) {
	for id := 1; id <= 6+c.N(5); id++ {
		values := []string{fmt.Sprint(id)}
		for i, col := range t.Columns[1:] {
			pool := w.pool(col.Sort)
			switch {
			case i == 0 && c.Chance(20):
				values = append(values, "NULL")
			case i == 0:
				values = append(values, fmt.Sprint(1+c.N(8)))
			case col.Unique && id <= len(pool):
				values = append(values, quote(fitted(col.Type, pool[id-1])))
			case !col.NotNull && (c.Chance(20) || col.Unique):
				values = append(values, "NULL")
			default:
				values = append(values, quote(fitted(col.Type, pick(c, pool))))
			}
		}
		w.fill = append(w.fill, fmt.Sprintf("INSERT INTO %s VALUES (%s)", t.Ref(), strings.Join(values, ", ")))
	}
}

// fitted cuts a value to what its column holds.
func fitted(t Type, value string) string {
	if r := []rune(value); t == Short && len(r) > 24 {
		return string(r[:24])
	}
	return value
}

var plainIdent = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Ident returns a name as SQL writes it.
func Ident(name string) string {
	reserved := []string{"select", "order", "group"}
	if plainIdent.MatchString(name) && !slices.Contains(reserved, name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }
