package generate

import (
	"slices"
	"strings"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/policy"
)

// The users that may not read everything.
const (
	// Clerk reads through masks, and may filter and write.
	Clerk = "clerk"
	// Outsider reads what is stored.
	Outsider = "outsider"
)

// maskFor chooses what a clerk sees of a column. Dates keep their type with a year only.
func maskFor(c *Choices, t Type) policy.Mask {
	switch t {
	case Date, Timestamp, Timestamptz:
		return pick(c, []policy.Mask{{Kind: policy.MaskYear}, {Kind: policy.MaskAll}})
	}
	return pick(c, []policy.Mask{
		{}, {Kind: policy.MaskKeepLast, N: 3}, {Kind: policy.MaskInitials}, {Kind: policy.MaskAll}, {Kind: policy.MaskKeepFirst, N: 1},
		{Kind: policy.MaskText, Text: "hidden"}, {Kind: policy.MaskEmail},
	})
}

// maskYAML writes a mask as policies do, "" for the default.
func maskYAML(m policy.Mask) string {
	switch m.Kind {
	case policy.MaskYear:
		return "mask: year"
	case policy.MaskAll:
		return "mask: all"
	case policy.MaskInitials:
		return "mask: initials"
	case policy.MaskEmail:
		return "mask: email"
	case policy.MaskKeepLast:
		return "mask: {keep_last: 3}"
	case policy.MaskKeepFirst:
		return "mask: {keep_first: 1}"
	case policy.MaskText:
		return "mask: {text: hidden}"
	}
	return ""
}

// asRole writes a query whose output is known column by column, and says who runs it.
func (s *statement) asRole() string {
	user := pick(s.Choices, []string{Clerk, Outsider})
	s.tag("as " + user)
	s.wild, s.noContainers = false, true
	with := ""
	if s.Chance(15) {
		name := s.alias()
		text, cols := s.query(nil, 1)
		s.ctes = append(s.ctes, rel{ref: name, cols: cols})
		with = "WITH " + name + " AS (" + text + ") "
	}
	from, sc := s.from(nil, 1)
	if s.Chance(30) {
		if item, _, ok := s.containerOf(sc); ok && s.w.Leak([]byte(" "+item)) == "" && len(s.params) == 0 {
			s.step(with + "SELECT " + item + " FROM " + from).Hidden = true
			return user
		}
	}
	items, cols := s.columnItems(sc, 1+s.N(3))
	text := with + "SELECT " + items + " FROM " + from
	if s.Chance(60) {
		text += " WHERE " + s.condition(sc, 1)
	}
	step := s.step(text)
	for _, col := range cols {
		step.Output = append(step.Output, col.Sort)
	}
	return user
}

// Seen returns what a user sees of what plain PostgreSQL gives to everyone,
// and what pgveil gave, so that the two can be compared: sealed values, of which
// no two are equal, become one word.
func Seen(user string, output []Sort, plain, veiled oracle.Outcome) (want, got oracle.Outcome) {
	want, got = copyOf(plain), copyOf(veiled)
	for i, r := range want.Results {
		if i >= len(got.Results) || len(r.Columns) != len(output) {
			continue
		}
		for c, sort := range output {
			if sort.protected() {
				seeColumn(user, sort, c, r, got.Results[i])
			}
		}
	}
	return want, got
}

func seeColumn(user string, sort Sort, c int, want, got oracle.Result) {
	const sealed = "<sealed>"
	text := user == Outsider || sort.Mask.Kind != policy.MaskYear
	if text && sort.Type.family() != Text && sort.Type != Citext {
		want.Columns[c] = oracle.Column{Name: want.Columns[c].Name, OID: 25, Modifier: -1, Size: -1}
	}
	for _, row := range want.Rows {
		if row[c] == oracle.Null {
			continue
		}
		if user == Outsider {
			row[c] = sealed
			continue
		}
		row[c] = oracle.Quote(sort.Mask.Apply(oracle.Unquote(row[c])))
	}
	for _, row := range got.Rows {
		if user == Outsider && c < len(row) && isSealed(row[c]) {
			row[c] = sealed
		}
	}
}

func isSealed(cell string) bool { return len(cell) > 30 && cell[:5] == `"pv1.` }

func copyOf(o oracle.Outcome) oracle.Outcome {
	results := slices.Clone(o.Results)
	for i, r := range results {
		results[i].Columns = slices.Clone(r.Columns)
		results[i].Rows = make([]oracle.Row, len(r.Rows))
		for j, row := range r.Rows {
			results[i].Rows[j] = slices.Clone(row)
		}
	}
	o.Results = results
	return o
}

// Unmasked returns what a user was shown without what masks show of a date: its year.
func Unmasked(user, shown string) string {
	if user != Clerk {
		return shown
	}
	return strings.ReplaceAll(shown, secretYear+"-01-01", "")
}
