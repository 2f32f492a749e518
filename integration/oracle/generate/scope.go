package generate

import (
	"fmt"
	"slices"
	"strings"
)

// rel is something in FROM, with what is known of its columns.
type rel struct {
	// ref qualifies its columns; "" stands for the merged columns of USING.
	ref  string
	cols []Column
	// keyed says that its first column tells its rows apart.
	keyed bool
	// table is what a base table is locked and joined by, nil otherwise.
	table *Table
}

// scope is what names mean in one query level, and around it.
type scope struct {
	rels  []rel
	outer *scope
}

// statement is what is being written.
type statement struct {
	*Choices
	w *World

	params    [][]byte
	sorts     []Sort // of the parameters
	useParams bool
	// declared says that the client declares what types the parameters have.
	declared bool
	// noContainers leaves containers out, of which it is not known how they are seen.
	noContainers bool
	// textOnly says that binary results hold what differs from server to server.
	textOnly bool
	steps    []Step
	// wild lets protected columns be used in ways that no server could serve.
	wild bool
	tags []string
	used []string // names that are taken as references
	ctes []rel
	made []rel // by an earlier step
}

func (s *statement) tag(name string) {
	if !slices.Contains(s.tags, name) {
		s.tags = append(s.tags, name)
	}
}

// alias returns a name that no other relation of the statement has. Now and
// then it is one that means something else in the schema.
func (s *statement) alias() string {
	if s.Chance(12) {
		name := pick(s.Choices, append(columnNames(), "people", "items", "visit", "Other Table"))
		if !slices.Contains(s.used, name) {
			s.tag("alias is another's name")
			s.used = append(s.used, name)
			return Ident(name)
		}
	}
	name := fmt.Sprintf("a%d", len(s.used))
	s.used = append(s.used, name)
	return name
}

// spell writes a name in one of the ways that mean it.
func (s *statement) spell(name string) string {
	id := Ident(name)
	switch s.Weighted(80, 10, 6, 2) {
	case 1:
		if id == name {
			return `"` + name + `"`
		}
	case 2:
		if id == name {
			return strings.ToUpper(name)
		}
	case 3:
		if id == name {
			s.tag("U& name")
			return fmt.Sprintf(`U&"\%04x%s"`, name[0], name[1:])
		}
	}
	return id
}

// column returns a column of the scope that suits, as SQL.
func (s *statement) column(sc *scope, suits func(Sort) bool) (string, Sort, bool) {
	type found struct {
		rel rel
		col Column
	}
	var all []found
	for _, r := range sc.rels {
		for _, col := range r.cols {
			if suits(col.Sort) {
				all = append(all, found{r, col})
			}
		}
	}
	if len(all) == 0 {
		return "", Sort{}, false
	}
	f := pick(s.Choices, all)
	return s.refer(sc, f.rel, f.col), f.col.Sort, true
}

func (s *statement) refer(sc *scope, r rel, col Column) string {
	name := s.spell(col.Name)
	if r.ref == "" || sc.alone(col.Name) && s.Chance(50) {
		return name
	}
	if r.table != nil && r.ref == r.table.Ref() && s.Chance(10) && r.table.Schema == "public" {
		s.tag("schema.table.column")
		return "public." + r.ref + "." + name
	}
	return r.ref + "." + name
}

// alone says whether a name means one column without being qualified.
func (sc *scope) alone(name string) bool {
	n := 0
	for _, r := range sc.rels {
		for _, col := range r.cols {
			if col.Name == name {
				n++
			}
		}
	}
	return n == 1
}

func anySort(Sort) bool { return true }

func plain(t Type) func(Sort) bool {
	return func(s Sort) bool { return !s.protected() && s.Type.family() == t }
}

func searchable(s Sort) bool { return s.searchable() }

// literal returns a value of a sort: as a literal in one of its spellings, or
// as a parameter; with a cast or without.
func (s *statement) literal(sort Sort, compared bool) string {
	if sort.Container {
		return "NULL"
	}
	if s.Chance(5) {
		return s.constant(sort, compared)
	}
	value := pick(s.Choices, s.w.pool(sort))
	if !compared {
		value = fitted(sort.Type, value)
	}
	if s.Chance(20) {
		value = variant(s.Choices, sort.Type.family(), value, compared)
	}
	if s.useParams && s.Chance(60) {
		text := s.parameter(sort, value)
		if s.Chance(25) {
			s.tag("parameter with cast")
			text += "::" + string(sort.Type)
		}
		return text
	}
	text := s.quoted(value)
	switch s.Weighted(70, 12, 8, 5) {
	case 1:
		s.tag("literal with cast")
		text += "::" + string(sort.Type)
	case 2:
		s.tag("literal with cast")
		text = "CAST(" + text + " AS " + string(sort.Type) + ")"
	case 3:
		switch sort.Type {
		case Date, Timestamp, Timestamptz, Bool, UUID:
			return string(sort.Type) + " " + quote(value)
		case Int4, Int8, Numeric, Float8:
			if value[0] >= '0' && value[0] <= '9' && !strings.HasPrefix(value, "00") {
				return value
			}
		}
	}
	return text
}

// parameter passes a value as a parameter, or takes one that is there already.
func (s *statement) parameter(sort Sort, value string) string {
	for i, of := range s.sorts {
		// A protected value is never asked for where it would not be protected. Which of
		// text and varchar a parameter is depends on the order of PostgreSQL's analysis.
		if of.Type == sort.Type && sort.Type != Varchar && sort.Type != Short && (of.Domain == "" || of.Domain == sort.Domain) && s.Chance(15) {
			s.tag("one parameter in several places")
			return fmt.Sprintf("$%d", i+1)
		}
	}
	s.params, s.sorts = append(s.params, []byte(value)), append(s.sorts, sort)
	return fmt.Sprintf("$%d", len(s.params))
}

// undo takes back the parameters after the first n.
func (s *statement) undo(n int) { s.params, s.sorts = s.params[:n], s.sorts[:n] }

// quoted writes a string constant in one of the lexer's forms.
func (s *statement) quoted(value string) string {
	switch s.Weighted(75, 10, 10, 5) {
	case 1:
		s.tag("E'' literal")
		return "E" + strings.ReplaceAll(quote(value), `\`, `\\`)
	case 2:
		s.tag("$$ literal")
		return "$q$" + value + "$q$"
	case 3:
		s.tag("U&'' literal")
		return "U&" + strings.ReplaceAll(quote(value), `\`, `\\`)
	default:
		return quote(value)
	}
}
