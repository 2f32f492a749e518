package generate

import (
	"fmt"
	"strings"
)

// write writes INSERT, UPDATE, DELETE or MERGE.
func (s *statement) write(depth int) string {
	kind := s.Weighted(45, 30, 12, 8)
	if kind == 3 {
		return s.mergeInto() // which takes no WITH RECURSIVE
	}
	with := s.with(depth)
	text, sc := "", (*scope)(nil)
	switch kind {
	case 1:
		text, sc = s.update(depth)
	case 2:
		text, sc = s.remove(depth)
	default:
		text, sc = s.insert(depth)
	}
	return with + text + s.returning(sc)
}

// returningWrite writes a statement for a CTE, with the columns it returns.
func (s *statement) returningWrite() (string, []Column) {
	var text string
	var sc *scope
	switch s.N(3) {
	case 0:
		text, sc = s.insert(0)
	case 1:
		text, sc = s.update(0)
	default:
		text, sc = s.remove(0)
	}
	target := &scope{rels: sc.rels[:1]}
	var items []string
	var cols []Column
	for i := range 1 + s.N(3) {
		if ref, sort, ok := s.qualified(target, anySort); ok {
			items = append(items, fmt.Sprintf("%s AS c%d", ref, i))
			cols = append(cols, Column{Name: fmt.Sprintf("c%d", i), Sort: sort})
		}
	}
	return text + " RETURNING " + strings.Join(items, ", "), cols
}

func (s *statement) returning(sc *scope) string {
	switch s.Weighted(50, 15, 35) {
	case 1:
		s.tag("RETURNING *")
		if len(sc.rels) > 1 && sc.rels[1].table == nil {
			return " RETURNING " + sc.rels[0].ref + ".*" // which of several matches it shows is chance
		}
		return " RETURNING *"
	case 2:
		s.tag("RETURNING")
		items := s.items(&scope{rels: sc.rels[:1]}, 1)
		if items == "*" {
			items = sc.rels[0].ref + ".*"
		}
		return " RETURNING " + items
	default:
		return ""
	}
}

// target chooses what is written to, and how it is called.
func (s *statement) target() (*Table, string, *scope) {
	t := pick(s.Choices, s.w.Tables)
	if s.Chance(8) {
		s.tag("write through a view")
		t = pick(s.Choices, s.w.Views)
	}
	sc := &scope{}
	s.used = append(s.used, t.Name)
	text := t.Ref()
	if t.Schema == "public" && (s.shadowedRef(t.Ref()) || s.Chance(15)) {
		text = "public." + text
	}
	r := rel{ref: t.Ref(), cols: t.Columns, keyed: true, table: t}
	if s.Chance(30) || t.Schema != "public" {
		r.ref = s.alias()
		text += " AS " + r.ref
	}
	sc.rels = []rel{r}
	return t, text, sc
}

// someColumns returns id and some of the others, in any order.
func (s *statement) someColumns(t *Table) []Column {
	cols := []Column{t.Columns[0]}
	for _, col := range t.Columns[1:] {
		if col.NotNull || s.Chance(50) {
			at := s.N(len(cols) + 1)
			cols = append(cols[:at], append([]Column{col}, cols[at:]...)...)
		}
	}
	return cols
}

func names(cols []Column) string {
	var all []string
	for _, col := range cols {
		all = append(all, Ident(col.Name))
	}
	return strings.Join(all, ", ")
}

// stored writes a value for a column.
func (s *statement) stored(col Column, withDefault bool) string {
	switch {
	case col.Name == "id":
		return fmt.Sprint(100 + s.N(400))
	case col.Name == "ref":
		return fmt.Sprint(1 + s.N(8))
	case withDefault && s.Chance(8):
		s.tag("DEFAULT")
		return "DEFAULT"
	case s.Chance(10):
		return "NULL"
	case s.Chance(3):
		s.tag("value too long or malformed")
		word := "plain"
		if col.protected() {
			word = s.w.marks.word
		}
		return quote(word + strings.Repeat(" too long", 4))
	case s.wild && col.protected() && s.Chance(15):
		s.tag("wild stored value")
		return pick(s.Choices, []string{"lower('" + s.w.marks.word + "')", "'" + s.w.marks.word + "' || 'b'", "(SELECT '" + s.w.marks.word + "')", "format('%s', '" + s.w.marks.word + "')"})
	}
	return s.literal(col.Sort, false)
}

func (s *statement) insert(depth int) (string, *scope) {
	t, text, sc := s.target()
	cols := s.someColumns(t)
	text = "INSERT INTO " + text
	switch s.Weighted(70, 15) {
	case 0:
		text += " (" + names(cols) + ")"
	default:
		s.tag("INSERT without columns")
		cols = t.Columns
	}
	if s.Chance(4) {
		text += pick(s.Choices, []string{" OVERRIDING USER VALUE", " OVERRIDING SYSTEM VALUE"})
	}
	switch s.Weighted(60, 28, 8) {
	case 1:
		text += " " + s.insertSelect(cols, depth)
	case 2:
		text += " " + s.insertUnnest(cols)
	default:
		s.tag("INSERT VALUES")
		text += " VALUES " + s.rows(cols)
	}
	if s.Chance(25) {
		text += s.onConflict(t, sc)
	}
	return text, sc
}

func (s *statement) rows(cols []Column) string {
	var rows []string
	n := 1 + s.Weighted(60, 20, 10)
	if n > 1 {
		s.tag("INSERT several rows")
	}
	for range n {
		var values []string
		for _, col := range cols {
			values = append(values, s.stored(col, true))
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	return strings.Join(rows, ", ")
}

// insertSelect copies rows, with new ids.
func (s *statement) insertSelect(cols []Column, depth int) string {
	s.tag("INSERT SELECT")
	before := len(s.params)
	from, sc := s.from(nil, min(depth, 1)-1)
	if sc.keys() == "" { // which row gets which id would be chance
		s.undo(before)
		sc = &scope{}
		from = s.table(sc, pick(s.Choices, s.w.Tables))
	}
	var items []string
	key := sc.keys()
	if strings.Contains(key, ",") {
		key = "row_number() OVER (ORDER BY " + key + ")"
	}
	for _, col := range cols {
		if col.Name == "id" {
			items = append(items, "500 + "+key)
			continue
		}
		text, from, ok := s.column(sc, func(o Sort) bool {
			return o.fits(col.Sort) || o.Type.family() == col.Type.family() && (s.wild || !o.protected() && s.Chance(40))
		})
		switch {
		case ok && from.Domain == "" && col.protected():
			s.tag("INSERT SELECT of a plain column")
			items = append(items, text)
		case ok && from.Domain != col.Domain:
			s.tag("wild copy")
			items = append(items, text)
		case ok && s.Chance(80):
			items = append(items, text)
		default:
			items = append(items, s.stored(col, false))
		}
	}
	text := "SELECT " + strings.Join(items, ", ") + " FROM " + from
	if s.Chance(60) {
		text += " WHERE " + s.condition(sc, depth-1)
	}
	return text
}

// insertUnnest writes the rows of parallel arrays, as drivers do for many rows.
func (s *statement) insertUnnest(cols []Column) string {
	s.tag("INSERT SELECT of unnest")
	var arrays, items []string
	n := 1 + s.N(2)
	for i, col := range cols {
		name := fmt.Sprintf("e%d", i)
		items = append(items, name)
		var elements []string
		for k := range n {
			value := fitted(col.Type, pick(s.Choices, s.w.pool(col.Sort)))
			switch {
			case col.Name == "id":
				value = fmt.Sprint(700 + k)
			case col.Name == "ref":
				value = fmt.Sprint(1 + s.N(8))
			}
			elements = append(elements, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
		}
		if col.Type == TextArray { // unnest takes all of its dimensions apart
			arrays, items[i] = append(arrays, "'{1,2}'::int[]"), s.stored(col, false)
			continue
		}
		arrays = append(arrays, s.arrayOf(col.Sort, "{"+strings.Join(elements, ",")+"}"))
	}
	if len(cols) == 1 && s.Chance(50) {
		return "SELECT unnest(" + arrays[0] + ")"
	}
	alias := s.alias()
	var columns []string
	for i := range cols {
		columns = append(columns, fmt.Sprintf("e%d", i))
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") + ") AS " + alias + "(" + strings.Join(columns, ", ") + ")"
}

// arrayOf writes an array, as a literal or a parameter.
func (s *statement) arrayOf(sort Sort, text string) string {
	name := sort.Type.family()
	if sort.Type == Numeric {
		name = "numeric"
	}
	if s.useParams && s.Chance(80) {
		s.params, s.sorts = append(s.params, []byte(text)), append(s.sorts, Sort{Type: name + "[]", Container: true})
		return fmt.Sprintf("$%d::%s[]", len(s.params), name)
	}
	return quote(text) + "::" + string(name) + "[]"
}

func (s *statement) onConflict(t *Table, sc *scope) string {
	conflict := "(id)"
	for _, col := range t.Columns {
		if col.Unique && s.Chance(40) {
			s.tag("ON CONFLICT (unique column)")
			conflict = pick(s.Choices, []string{"(" + Ident(col.Name) + ")", "ON CONSTRAINT " + Ident(t.constraint(col))})
		}
	}
	if s.Chance(40) {
		s.tag("ON CONFLICT DO NOTHING")
		return " ON CONFLICT " + pick(s.Choices, []string{conflict + " ", ""}) + "DO NOTHING"
	}
	s.tag("ON CONFLICT DO UPDATE")
	excluded := &scope{rels: []rel{{ref: "EXCLUDED", cols: t.Columns}}}
	both := &scope{rels: append(append([]rel{}, excluded.rels...), sc.rels...)}
	text := " ON CONFLICT " + conflict + " DO UPDATE SET " + s.assignments(t, both, 0)
	switch s.Weighted(65, 15, 20) {
	case 1:
		text += " WHERE " + sc.rels[0].ref + ".id > 0"
	case 2:
		if a, sort, ok := s.qualified(excluded, searchable); ok {
			s.tag("ON CONFLICT DO UPDATE WHERE")
			text += " WHERE " + a + pick(s.Choices, []string{" = ", " IS DISTINCT FROM "}) + s.sameQualified(both, sort)
		}
	}
	return text
}

// assignments writes what SET says, over a scope in which names are qualified.
func (s *statement) assignments(t *Table, sc *scope, depth int) string {
	var sets []string
	done := map[string]bool{}
	for range 1 + s.N(3) {
		col := pick(s.Choices, t.Columns[1:])
		if done[col.Name] {
			continue
		}
		done[col.Name] = true
		if other := pick(s.Choices, t.Columns[1:]); s.Chance(15) && !done[other.Name] {
			done[other.Name] = true
			sets = append(sets, s.multiAssignment(col, other))
			continue
		}
		sets = append(sets, Ident(col.Name)+" = "+s.assigned(col, sc, depth))
	}
	return strings.Join(sets, ", ")
}

// sameQualified returns a column that is never ambiguous, or a literal, of a sort.
func (s *statement) sameQualified(sc *scope, sort Sort) string {
	if col, _, ok := s.qualified(sc, sort.fits); ok && s.Chance(60) {
		return col
	}
	return s.literal(sort, true)
}

func (s *statement) multiAssignment(a, b Column) string {
	s.tag("multi-assignment")
	left := "(" + Ident(a.Name) + ", " + Ident(b.Name) + ") = "
	switch s.N(3) {
	case 0:
		return left + "(" + s.stored(a, true) + ", " + s.stored(b, true) + ")"
	case 1:
		return left + "ROW(" + s.stored(a, false) + ", " + s.stored(b, false) + ")"
	default:
		s.tag("multi-assignment from a subquery")
		inner := &scope{}
		table := s.table(inner, pick(s.Choices, s.w.Tables))
		var items []string
		for _, col := range []Column{a, b} {
			text, _, ok := s.qualified(inner, col.fits)
			if !ok {
				text = s.stored(col, false)
			}
			items = append(items, text)
		}
		return left + "(SELECT " + strings.Join(items, ", ") + " FROM " + table + " WHERE " + inner.rels[0].ref + "." + Ident(inner.rels[0].cols[0].Name) + " = 2)"
	}
}

func (s *statement) assigned(col Column, sc *scope, depth int) string {
	suits := col.fits
	if s.wild {
		suits = func(o Sort) bool { return o.Type.family() == col.Type.family() }
	}
	switch s.Weighted(50, 20, 6, 6, 6) {
	case 1:
		if text, from, ok := s.qualified(sc, suits); ok {
			if from.Domain != col.Domain {
				s.tag("wild copy")
			}
			s.tag("SET column = column")
			return text
		}
	case 2:
		s.tag("SET column = CASE")
		if ref, _, ok := s.qualified(sc, col.fits); ok {
			key, _, found := s.qualified(sc, plain(Int4))
			if found {
				return "CASE WHEN " + key + " > 3 THEN " + s.stored(col, false) + " ELSE " + ref + " END"
			}
		}
	case 3:
		s.tag("SET column = COALESCE")
		if ref, _, ok := s.qualified(sc, col.fits); ok {
			return "COALESCE(" + ref + ", " + s.stored(col, false) + ")"
		}
	case 4:
		text, sort := s.scalarSubquery(&scope{}, col.Sort, depth)
		if sort.fits(col.Sort) {
			s.tag("SET column = (subquery)")
			return text
		}
	}
	return s.stored(col, true)
}

func (s *statement) update(depth int) (string, *scope) {
	s.tag("UPDATE")
	t, text, sc := s.target()
	target := sc.rels[0]
	head := "UPDATE " + text + " SET "
	switch s.Weighted(65, 18, 12) {
	case 1:
		s.tag("UPDATE FROM")
		from := s.table(sc, pick(s.Choices, s.w.Tables))
		set := s.assignments(t, sc, depth)
		other := sc.rels[1]
		// By its key, so that each row is met once.
		return head + set + " FROM " + from + " WHERE " + target.ref + "." + pick(s.Choices, []string{"id", "ref"}) + " = " + other.ref + "." + Ident(other.cols[0].Name), sc
	case 2:
		return head + s.updateFromValues(t, target), sc
	}
	set := s.assignments(t, sc, depth)
	if s.Chance(85) {
		return head + set + " WHERE " + s.condition(sc, depth), sc
	}
	return head + set, sc
}

// updateFromValues is how Odoo writes many rows at once.
func (s *statement) updateFromValues(t *Table, target rel) string {
	s.tag("UPDATE FROM VALUES")
	col := pick(s.Choices, t.Columns[min(2, len(t.Columns)-1):])
	var rows []string
	for i := range 1 + s.N(3) {
		value := s.stored(col, false)
		if strings.HasPrefix(value, "$") && i == 0 && !strings.Contains(value, "::") {
			value += "::" + string(col.Type)
		}
		rows = append(rows, fmt.Sprintf("(%d, %s)", i+1, value))
	}
	return fmt.Sprintf(`%s = "__tmp".v::%s FROM (VALUES %s) AS "__tmp"(id, v) WHERE %s.id = "__tmp".id`,
		Ident(col.Name), col.Type, strings.Join(rows, ", "), target.ref)
}

func (s *statement) remove(depth int) (string, *scope) {
	s.tag("DELETE")
	_, text, sc := s.target()
	target := sc.rels[0]
	text = "DELETE FROM " + text
	if s.Chance(25) {
		s.tag("DELETE USING")
		using := s.base(sc)
		sc.rels[1].table = nil // several rows may match
		other, sort, ok := s.qualified(&scope{rels: sc.rels[1:]}, searchable)
		mine, _, fits := s.qualified(&scope{rels: []rel{target}}, sort.fits)
		if !ok || !fits {
			return text + " USING " + using + " WHERE " + target.ref + ".id = 1", sc
		}
		return text + " USING " + using + " WHERE " + mine + " = " + other, sc
	}
	return text + " WHERE " + s.condition(sc, depth), sc
}
