package generate

import (
	"fmt"
	"strings"
)

// from writes a FROM list and returns what its names mean.
func (s *statement) from(outer *scope, depth int) (string, *scope) {
	sc := &scope{outer: outer}
	text := s.item(sc, depth)
	for len(sc.rels) < 3 && s.Chance(35) {
		text = s.join(text, sc, depth)
	}
	if s.Chance(8) {
		s.tag("comma in FROM")
		text += ", " + s.item(sc, depth-1)
	}
	return text, sc
}

// base puts a table, view or CTE into the scope.
func (s *statement) base(sc *scope) string {
	choices := append(append([]*Table{}, s.w.Tables...), s.w.Views...)
	if len(s.ctes) > 0 && s.Chance(50) {
		cte := pick(s.Choices, s.ctes)
		alias := s.alias()
		sc.rels = append(sc.rels, rel{ref: alias, cols: cte.cols, keyed: cte.keyed})
		return cte.ref + " AS " + alias
	}
	t := pick(s.Choices, choices)
	if t.base != "" {
		s.tag("view")
	}
	return s.table(sc, t)
}

// table puts a given table into the scope.
func (s *statement) table(sc *scope, t *Table) string {
	r := rel{ref: t.Ref(), cols: t.Columns, keyed: true, table: t}
	text := t.Ref()
	if t.Schema == "public" && !s.shadowed(t.Name) && s.Chance(3) {
		s.tag("ONLY")
		text = "ONLY " + text
	} else if t.Schema == "public" {
		text = s.spell(t.Name)
		if s.shadowed(t.Name) || s.Chance(15) {
			s.tag("schema.table")
			text = "public." + text
		}
	}
	taken := t.Schema != "public"
	for _, u := range s.used {
		taken = taken || u == t.Name
	}
	switch {
	case taken || s.Chance(60):
		r.ref = s.alias()
		as := pick(s.Choices, []string{" AS ", " "})
		if strings.HasPrefix(r.ref, `"`) || s.Chance(10) {
			as = " AS "
		}
		text += as + r.ref
		if len(t.Columns) > 1 && s.Chance(6) {
			s.tag("alias with columns")
			r.cols = append([]Column{}, t.Columns...)
			r.cols[0].Name, r.cols[1].Name = "x1", "x2"
			text += " (x1, x2)"
			r.table = nil
		}
	default:
		s.used = append(s.used, t.Name)
	}
	sc.rels = append(sc.rels, r)
	return text + s.sampled(t)
}

func (s *statement) shadowed(name string) bool {
	for _, c := range s.ctes {
		if c.ref == Ident(name) {
			return true
		}
	}
	return false
}

// item puts something that may stand in FROM into the scope.
func (s *statement) item(sc *scope, depth int) string {
	if depth <= 0 {
		return s.base(sc)
	}
	switch s.Weighted(70, 12, 6, 9) {
	case 1:
		s.tag("subquery in FROM")
		text, cols := s.query(nil, depth-1)
		return s.derived(sc, "("+text+")", cols)
	case 2:
		return s.valuesItem(sc)
	case 3:
		return s.tableFunction(sc)
	default:
		return s.base(sc)
	}
}

// derived gives a subquery an alias, with new names for its columns now and then.
func (s *statement) derived(sc *scope, text string, cols []Column) string {
	alias := s.alias()
	text += " AS " + alias
	if s.Chance(25) {
		s.tag("alias with columns")
		cols = append([]Column{}, cols...)
		var names []string
		for i := range cols {
			cols[i].Name = fmt.Sprintf("y%d", i)
			names = append(names, cols[i].Name)
		}
		text += "(" + strings.Join(names, ", ") + ")"
	}
	sc.rels = append(sc.rels, rel{ref: alias, cols: cols})
	return text
}

// valuesItem writes VALUES in FROM: ids, and plain values.
func (s *statement) valuesItem(sc *scope) string {
	s.tag("VALUES in FROM")
	sort := Sort{Type: pick(s.Choices, []Type{Text, Int4, Date, Bool})}
	var rows []string
	for i := range 1 + s.N(3) {
		value := quote(pick(s.Choices, s.w.pool(sort)))
		if i == 0 || s.Chance(30) {
			value += "::" + string(sort.Type)
		}
		rows = append(rows, fmt.Sprintf("(%d, %s)", i+1, value))
	}
	alias := s.alias()
	sc.rels = append(sc.rels, rel{ref: alias, keyed: true, cols: []Column{{Name: "k", Sort: Sort{Type: Int4}}, {Name: "val", Sort: sort}}})
	return fmt.Sprintf("(VALUES %s) AS %s(k, val)", strings.Join(rows, ", "), alias)
}

// join adds one more relation.
func (s *statement) join(left string, sc *scope, depth int) string {
	before := len(sc.rels)
	switch s.Weighted(28, 18, 13, 8, 5, 8, 12, 6) {
	case 0:
		s.tag("join ON")
		right := s.item(sc, depth-1)
		return left + " JOIN " + right + " ON " + s.joinCondition(sc, before, depth)
	case 1:
		s.tag("LEFT JOIN")
		right := s.item(sc, depth-1)
		return left + " LEFT JOIN " + right + " ON " + s.joinCondition(sc, before, depth)
	case 2:
		s.tag("cross join")
		right := s.item(sc, depth-1)
		return left + " CROSS JOIN " + right
	case 3:
		s.tag("RIGHT JOIN")
		right := s.item(sc, depth-1)
		return left + " RIGHT JOIN " + right + " ON " + s.joinCondition(sc, before, depth)
	case 4:
		s.tag("FULL JOIN")
		right := s.item(sc, depth-1)
		return left + " FULL JOIN " + right + " ON " + s.joinEquality(sc, before, "1 = 1")
	case 5:
		s.tag("LATERAL")
		return s.lateral(left, sc, depth)
	case 6:
		return s.using(left, sc)
	default:
		return s.natural(left, sc)
	}
}

// joinCondition relates what the scope had before to what came to it.
func (s *statement) joinCondition(sc *scope, before, depth int) string {
	if s.Chance(30) {
		return s.condition(sc, depth-1)
	}
	on := s.joinEquality(sc, before, "")
	if on == "" {
		return s.condition(sc, depth-1)
	}
	if s.Chance(20) {
		return on + " AND " + s.condition(sc, depth-1)
	}
	return on
}

// joinEquality compares a column of what is new with one of what was there.
func (s *statement) joinEquality(sc *scope, before int, otherwise string) string {
	left, right := &scope{rels: sc.rels[:before]}, &scope{rels: sc.rels[before:]}
	b, sort, ok := s.qualified(right, searchable)
	if !ok {
		return otherwise
	}
	a, _, ok := s.qualified(left, func(o Sort) bool { return sort.fits(o) && o.searchable() })
	if !ok {
		return otherwise
	}
	if sort.protected() {
		s.tag("join by a protected column")
	}
	return a + " = " + b
}

// qualified returns a column that is never ambiguous.
func (s *statement) qualified(sc *scope, suits func(Sort) bool) (string, Sort, bool) {
	type found struct {
		text string
		sort Sort
	}
	var all []found
	for _, r := range sc.rels {
		for _, col := range r.cols {
			if suits(col.Sort) && r.ref != "" {
				all = append(all, found{r.ref + "." + Ident(col.Name), col.Sort})
			}
		}
	}
	if len(all) == 0 {
		return "", Sort{}, false
	}
	f := pick(s.Choices, all)
	return f.text, f.sort, true
}

func (s *statement) lateral(left string, sc *scope, depth int) string {
	inner := &scope{outer: sc}
	table := s.base(inner)
	key, _, ok := s.qualified(sc, plain(Int4))
	if !ok {
		key = "1"
	}
	item, cols := s.columnItems(inner, 1+s.N(2))
	own, _, _ := s.qualified(&scope{rels: []rel{{ref: inner.rels[0].ref, cols: inner.rels[0].cols}}}, plain(Int4))
	if own == "" {
		own = "1"
	}
	alias := s.alias()
	sc.rels = append(sc.rels, rel{ref: alias, cols: cols})
	inside := fmt.Sprintf("LATERAL (SELECT %s FROM %s WHERE %s = %s) AS %s", item, table, own, key, alias)
	return left + pick(s.Choices, []string{" CROSS JOIN " + inside, " JOIN " + inside + " ON true", " LEFT JOIN " + inside + " ON true"})
}

// using joins by columns of one name.
func (s *statement) using(left string, sc *scope) string {
	right := &scope{}
	table := s.base(right)
	shared := s.commonColumns(sc, right)
	if len(shared) == 0 {
		s.tag("cross join")
		sc.rels = append(sc.rels, right.rels...)
		return left + " CROSS JOIN " + table
	}
	col := pick(s.Choices, shared)
	s.tag("USING")
	if col.protected() {
		s.tag("USING a protected column")
	}
	kind := pick(s.Choices, []string{" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "})
	s.merge(sc, right, []Column{col})
	return left + kind + table + " USING (" + Ident(col.Name) + ")"
}

func (s *statement) natural(left string, sc *scope) string {
	right := &scope{}
	table := s.base(right)
	shared := s.commonColumns(sc, right)
	// Only if every common name can be compared.
	for _, r := range right.rels {
		for _, col := range r.cols {
			if sc.has(col.Name) && !contains(shared, col.Name) {
				shared = nil
			}
		}
	}
	if len(shared) == 0 {
		s.tag("cross join")
		sc.rels = append(sc.rels, right.rels...)
		return left + " CROSS JOIN " + table
	}
	s.tag("NATURAL JOIN")
	s.merge(sc, right, shared)
	for _, col := range shared {
		if col.protected() {
			s.tag("NATURAL JOIN over a protected column")
		}
	}
	return left + pick(s.Choices, []string{" NATURAL JOIN ", " NATURAL LEFT JOIN ", " NATURAL FULL JOIN ", " NATURAL RIGHT JOIN "}) + table
}

// commonColumns are those that either side has once, and that can be compared.
func (s *statement) commonColumns(left, right *scope) []Column {
	var shared []Column
	for _, r := range right.rels {
		for _, col := range r.cols {
			if !col.searchable() && !s.wild || !left.alone(col.Name) || !right.alone(col.Name) {
				continue
			}
			for _, l := range left.rels {
				for _, o := range l.cols {
					if o.Name == col.Name && o.fits(col.Sort) && o.Type == col.Type {
						shared = append(shared, col)
					}
				}
			}
		}
	}
	return shared
}

// merge makes the columns that USING merges: bare names mean those.
func (s *statement) merge(sc, right *scope, cols []Column) {
	for i, r := range right.rels {
		right.rels[i] = rel{ref: r.ref, cols: hide(r.cols, cols)}
	}
	for i, r := range sc.rels {
		sc.rels[i] = rel{ref: r.ref, cols: hide(r.cols, cols)}
	}
	sc.rels = append(append(sc.rels, right.rels...), rel{cols: cols})
}

func hide(all, without []Column) []Column {
	var rest []Column
	for _, col := range all {
		if !contains(without, col.Name) {
			rest = append(rest, col)
		}
	}
	return rest
}

func contains(cols []Column, name string) bool {
	for _, col := range cols {
		if col.Name == name {
			return true
		}
	}
	return false
}

func (sc *scope) has(name string) bool {
	for _, r := range sc.rels {
		if contains(r.cols, name) {
			return true
		}
	}
	return false
}
