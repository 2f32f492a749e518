package generate

import (
	"fmt"
	"slices"
	"strings"
)

// session writes statements that depend on one another.
func (s *statement) session() {
	switch s.Weighted(24, 22, 20, 10, 12, 12, 8) {
	case 1:
		s.cursor()
	case 2:
		s.temporary()
	case 3:
		s.newView()
	case 4:
		s.copyIn()
	case 5:
		s.copyOut()
	case 6:
		s.settings()
	default:
		s.prepared()
	}
}

// prepared writes PREPARE, and EXECUTE with what would have been parameters.
func (s *statement) prepared() {
	s.tag("PREPARE")
	s.useParams = true
	text, explains := "", false
	if s.Chance(40) {
		text = s.write(1)
	} else {
		text, _ = s.selection(1)
	}
	args, types := s.arguments()
	s.step("PREPARE p1" + types + " AS " + text)
	switch s.Weighted(70, 12, 10) {
	case 1:
		s.tag("EXPLAIN EXECUTE")
		s.step("EXPLAIN (COSTS OFF) EXECUTE p1" + args).Explains = true
		explains = true
	case 2:
		s.tag("CREATE TABLE AS EXECUTE")
		s.step("CREATE TEMP TABLE made1 AS EXECUTE p1" + args)
		s.step("TABLE made1")
	}
	if !explains {
		s.tag("EXECUTE")
		s.step("EXECUTE p1" + args)
	}
	if s.Chance(50) {
		s.step("EXECUTE p1" + args)
	}
	s.tag("DEALLOCATE")
	s.step(pick(s.Choices, []string{"DEALLOCATE p1", "DEALLOCATE PREPARE p1", "DEALLOCATE ALL"}))
}

// arguments turns the parameters into EXECUTE's arguments, and says with what
// types PREPARE declares them, if it does.
func (s *statement) arguments() (args, types string) {
	if len(s.params) == 0 {
		return "", ""
	}
	var values, names []string
	for i, p := range s.params {
		values = append(values, s.quoted(string(p)))
		names = append(names, string(s.sorts[i].Type))
		if s.Chance(10) {
			values[i] += "::" + names[i]
		}
	}
	s.params, s.sorts = nil, nil
	if s.declared || s.Chance(40) {
		s.tag("PREPARE with types")
		types = " (" + strings.Join(names, ", ") + ")"
	}
	return " (" + strings.Join(values, ", ") + ")", types
}

// cursor writes DECLARE, and what moves a cursor.
func (s *statement) cursor() {
	if s.Chance(25) {
		s.currentOf()
		return
	}
	s.tag("DECLARE")
	text, ordered := s.simple(1)
	hold := pick(s.Choices, []string{"", "", " WITH HOLD", " WITHOUT HOLD"})
	if strings.Contains(text, " FOR ") {
		hold = "" // and no SCROLL with FOR UPDATE
	}
	scroll := pick(s.Choices, []string{" ", " NO SCROLL ", " BINARY "})
	if hold == "" && s.Chance(40) && !strings.Contains(text, " FOR ") {
		scroll = " SCROLL "
	}
	if scroll == " BINARY " {
		s.textOnly = true
	}
	s.step("DECLARE c1" + scroll + "CURSOR" + hold + " FOR " + text)
	if hold == " WITH HOLD" && s.Chance(60) {
		s.tag("cursor after COMMIT")
		s.step("COMMIT")
	}
	moves := []string{"FETCH ALL FROM c1", "MOVE ALL IN c1"}
	if ordered {
		moves = append(moves, "FETCH c1", "FETCH 2 FROM c1", "FETCH FORWARD 3 FROM c1", "MOVE 1 IN c1", "FETCH NEXT FROM c1", "MOVE FORWARD 2 FROM c1", "FETCH 0 FROM c1")
	}
	if ordered && scroll == " SCROLL " {
		moves = append(moves, "FETCH BACKWARD 1 FROM c1", "FETCH PRIOR FROM c1", "FETCH FIRST FROM c1", "FETCH LAST FROM c1", "FETCH ABSOLUTE 2 FROM c1",
			"FETCH RELATIVE -1 FROM c1", "MOVE ABSOLUTE 0 IN c1", "MOVE BACKWARD ALL IN c1", "FETCH BACKWARD ALL FROM c1")
	}
	for range 1 + s.N(3) {
		s.tag("FETCH and MOVE")
		s.step(pick(s.Choices, moves)).Ordered = ordered
	}
	s.tag("CLOSE")
	s.step(pick(s.Choices, []string{"CLOSE c1", "CLOSE ALL"}))
}

// currentOf writes through a cursor's row.
func (s *statement) currentOf() {
	s.tag("CURRENT OF")
	t := pick(s.Choices, s.w.Tables)
	s.step("DECLARE c1 CURSOR FOR SELECT * FROM " + t.Ref() + " ORDER BY id FOR UPDATE")
	s.step(pick(s.Choices, []string{"FETCH c1", "FETCH 2 FROM c1", "MOVE 3 IN c1"})).Ordered = true
	if s.Chance(30) {
		s.step("DELETE FROM " + t.Ref() + " WHERE CURRENT OF c1")
	} else {
		col := pick(s.Choices, t.Columns[1:])
		s.step("UPDATE " + t.Ref() + " SET " + Ident(col.Name) + " = " + s.stored(col, true) + " WHERE CURRENT OF c1 RETURNING *")
	}
	s.step("CLOSE c1")
}

// temporary makes a temporary table of a query, or of columns, and uses it.
func (s *statement) temporary() {
	s.tag("temporary table")
	var cols []Column
	if s.Chance(25) {
		cols = []Column{{Name: "c0", Sort: Sort{Type: Int4}}, {Name: "c1", Sort: Sort{Type: pick(s.Choices, []Type{Text, Date, Int4, Varchar})}}}
		s.step("CREATE TEMP TABLE made1 (c0 int4, c1 " + string(cols[1].Type) + ")")
	} else {
		cols = s.madeOfQuery()
	}
	s.made = []rel{{ref: "made1", cols: cols}}
	s.ctes = slices.Clone(s.made)
	for range 1 + s.N(2) {
		s.useOf(cols)
	}
	if s.Chance(30) {
		s.step(pick(s.Choices, []string{"DROP TABLE made1", "TRUNCATE made1"}))
	}
}

func (s *statement) madeOfQuery() []Column {
	if s.Chance(20) {
		s.tag("SELECT INTO")
		from, sc := s.from(nil, 1)
		items, cols := s.columnItems(sc, 1+s.N(3))
		s.step("SELECT " + items + " INTO TEMP made1 FROM " + from)
		return cols
	}
	s.tag("CREATE TABLE AS")
	text, cols := s.query(nil, 1)
	form := pick(s.Choices, []string{"%s AS %s", "%s AS %s", "%s ON COMMIT DROP AS %s", "%s ON COMMIT PRESERVE ROWS AS %s", "%s ON COMMIT DELETE ROWS AS %s WITH NO DATA"})
	name := pick(s.Choices, []string{"TEMP TABLE made1", "TEMP TABLE made1", "TEMPORARY TABLE IF NOT EXISTS made1", "TABLE made1", "UNLOGGED TABLE made1", "MATERIALIZED VIEW made1"})
	if !strings.Contains(name, "TEMP") {
		s.tag("CREATE TABLE AS, to stay")
		form = "%s AS %s"
	}
	s.step("CREATE " + fmt.Sprintf(form, name, text))
	if strings.HasPrefix(name, "MATERIALIZED") && s.Chance(50) {
		s.tag("REFRESH MATERIALIZED VIEW")
		s.step("REFRESH MATERIALIZED VIEW made1")
	}
	return cols
}

// useOf reads, fills or changes what was made.
func (s *statement) useOf(cols []Column) {
	col := pick(s.Choices, cols)
	switch s.Weighted(50, 15, 15, 10, 10) {
	case 1:
		s.tag("INSERT into what was made")
		var values []string
		for _, c := range cols {
			values = append(values, s.literal(c.Sort, false))
		}
		s.step("INSERT INTO made1 VALUES (" + strings.Join(values, ", ") + ") RETURNING *")
	case 2:
		s.tag("copy into what was made")
		var sorts []Sort
		for _, c := range cols {
			sorts = append(sorts, c.Sort)
		}
		s.step("INSERT INTO made1 " + s.querySelecting(nil, sorts, 1))
	case 3:
		s.tag("UPDATE what was made")
		s.step("UPDATE made1 SET " + Ident(col.Name) + " = " + s.literal(col.Sort, false))
	case 4:
		s.tag("copy from what was made")
		t := pick(s.Choices, s.w.Tables)
		to := pick(s.Choices, t.Columns[1:])
		s.step("UPDATE " + t.Ref() + " SET " + Ident(to.Name) + " = (SELECT min(" + Ident(col.Name) + ") FROM made1) WHERE id = 1")
	default:
		text, ordered := s.selection(1)
		s.step(text).Ordered = ordered
	}
}

// newView makes a view and reads it.
func (s *statement) newView() {
	s.tag("CREATE VIEW")
	if s.Chance(25) {
		s.tag("view with CHECK OPTION")
		t := pick(s.Choices, s.w.Tables)
		s.useParams = false
		sc := &scope{rels: []rel{{ref: t.Ref(), cols: t.Columns}}}
		s.step("CREATE VIEW made1 AS SELECT * FROM " + t.Ref() + " WHERE " + s.condition(sc, 0) + " WITH " +
			pick(s.Choices, []string{"LOCAL ", "CASCADED ", ""}) + "CHECK OPTION")
		col := pick(s.Choices, t.Columns[1:])
		s.step("UPDATE made1 SET " + Ident(col.Name) + " = " + s.stored(col, false) + " WHERE id < 4")
		s.step("SELECT * FROM made1")
		return
	}
	s.useParams = false
	text, cols := s.query(nil, 1)
	s.step(pick(s.Choices, []string{"CREATE VIEW ", "CREATE TEMP VIEW ", "CREATE OR REPLACE VIEW "}) + "made1 AS " + text)
	s.made = []rel{{ref: "made1", cols: cols}}
	s.ctes = slices.Clone(s.made)
	text, ordered := s.selection(1)
	s.step(text).Ordered = ordered
}

// settings changes how values are written and read, and reads some.
func (s *statement) settings() {
	s.tag("settings")
	s.step(pick(s.Choices, []string{
		"SET LOCAL datestyle TO 'SQL, DMY'", "SET LOCAL datestyle TO 'German'", "SET LOCAL timezone TO 'Asia/Kolkata'", "SET LOCAL extra_float_digits TO 0",
		"SET LOCAL timezone TO '-03:30'", "SET LOCAL datestyle TO 'Postgres, MDY'", "SET LOCAL search_path TO elsewhere, public", "SET LOCAL bytea_output TO escape",
		"SET LOCAL search_path TO public, elsewhere, pg_catalog",
	}))
	text, ordered := s.selection(1)
	s.step(text).Ordered = ordered
}
