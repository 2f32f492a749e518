package proxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
)

func startContainers(t *testing.T) *sealed {
	t.Helper()
	s := startSealed(t)
	must(t, s.as("officer"),
		`INSERT INTO people (name, phone, birth, income, seen, doc, hidden, city) VALUES
		 ('Abebe Bikila', '+251911000111', '1932-08-07', 5, '1960-09-10 12:00+00', '{"k": 1}', 7, 'Rome'), ('Haile', NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	return s
}

func TestContainer_masked(t *testing.T) {
	s := startContainers(t)
	c := s.as("clerk")
	for _, tc := range []struct{ sql, want string }{
		{"SELECT json_build_object('n', name, 'b', birth, 'i', income, 's', seen) FROM people", `{"n" : "A. B.", "b" : "1932-01-01", "i" : "****", "s" : "1960-01-01T00:00:00+00:00"}/{"n" : "H.", "b" : null, "i" : null, "s" : null}`},
		{"SELECT jsonb_build_object('n', name, 'b', birth, 'i', income) FROM people WHERE id = 1", `{"b": "1932-01-01", "i": "****", "n": "A. B."}`},
		{"SELECT ROW(name, phone, birth, income), ARRAY[name, phone] FROM people", `("A. B.",*********0111,1932-01-01,****)|{"A. B.",*********0111}/(H.,,,)|{H.,NULL}`},
		{"SELECT name || '/' || birth || '/' || income, concat(name, '-', phone) FROM people", `A. B./1932-01-01/****|A. B.-*********0111/-|H.-`},
		{"SELECT string_agg(name, ', ' ORDER BY id), array_to_string(array_agg(income ORDER BY id), ',', '?') FROM people", `A. B., H.|****,?`},
		{"SELECT COALESCE(phone, name), birth::text, income::text FROM people", `*********0111|1932-01-01|****/H.|-|-`},
	} {
		check(t, c, tc.sql, tc.want)
	}
	for sql, want := range map[string]uint32{
		"SELECT array_agg(birth) FROM people":  1182, // a year is still a date
		"SELECT array_agg(income) FROM people": 1009, // a mask is text
		"SELECT array_agg(name) FROM people":   1015,
	} {
		if got := described(t, c, sql); got != want {
			t.Errorf("%s is described as type %d, want %d", sql, got, want)
		}
	}
}

func described(t *testing.T, c *pgx.Conn, sql string) uint32 {
	t.Helper()
	d, err := c.PgConn().Prepare(t.Context(), "", sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Fields[0].DataTypeOID
}

func TestContainer_sealed(t *testing.T) {
	s := startContainers(t)
	c := s.as("stranger")
	cells := strings.Split(simple(t, c, "SELECT name, birth FROM people WHERE id = 1"), "|")
	name, birth := cells[0], cells[1]
	if !strings.HasPrefix(name, "pv1.") {
		t.Fatalf("a stranger reads %q, want what is stored", name)
	}
	for sql, want := range map[string]string{
		"SELECT json_build_array(name, birth) FROM people WHERE id = 1":   fmt.Sprintf(`[%q, %q]`, name, birth),
		"SELECT ROW(name, birth), ARRAY[name] FROM people WHERE id = 1":   "(" + name + "," + birth + ")|{" + name + "}",
		"SELECT name || '!', concat(birth) FROM people WHERE id = 1":      name + "!|" + birth,
		"SELECT string_agg(name, ',' ORDER BY id) FROM people WHERE id<2": name,
	} {
		check(t, c, sql, want)
	}
	if got := described(t, c, "SELECT array_agg(birth) FROM people"); got != 1009 {
		t.Errorf("an array of sealed dates is described as type %d, want text[]", got)
	}
}

// A role that reads NULL finds NULL in every container, and what becomes of it.
func TestContainer_null(t *testing.T) {
	c := startContainers(t).as("officer")
	for sql, want := range map[string]string{
		"SELECT json_build_object('h', hidden), ROW(hidden, id), ROW(hidden) FROM people WHERE id = 1":              `{"h" : null}|(,1)|()`,
		"SELECT array_agg(hidden), to_jsonb(array_agg(hidden)) FROM people WHERE id = 1":                            `{NULL}|[null]`,
		"SELECT name || hidden, concat(name, hidden), concat_ws(',', hidden, name, hidden) FROM people WHERE id=1":  `-|Abebe Bikila|Abebe Bikila`,
		"SELECT array_to_string(array_agg(hidden), ','), array_to_string(array_agg(hidden), ',', '?') FROM people":  `|?,?`,
		"SELECT COALESCE(name, city) || hidden::text, hidden::text FROM people WHERE id = 1":                        `-|-`,
		"SELECT json_agg(json_build_object('h', hidden, 'doc', doc) ORDER BY id) FROM people":                       `[{"h" : null, "doc" : {"k": 1}}, {"h" : null, "doc" : null}]`,
		"SELECT json_agg(hidden) FROM people WHERE id = 1":                                                          `[null]`,
		"SELECT count(hidden || ''), count(p), count(ROW(hidden)) FROM people p":                                    `1|2|2`,
		"SELECT id FROM people p WHERE p IS NOT NULL":                                                               `1`,
		"SELECT (array_agg(hidden))[1], (ROW(id, hidden)).f2, (p).hidden FROM people p WHERE id = 1 GROUP BY id, p": "error 0A000",
	} {
		check(t, c, sql, want)
	}
	r := c.PgConn().ExecParams(t.Context(), "SELECT array_agg(hidden) FROM people WHERE id = 1", nil, nil, nil, []int16{1}).Read()
	if want := "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x17\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff\xff\xff"; r.Err != nil || string(r.Rows[0][0]) != want {
		t.Errorf("array_agg of what reads NULL, in binary = %x, %v, want %x", r.Rows, r.Err, want)
	}
}

// A value that does not open is an error wherever it stands, and no row follows
// it; what only looks like one, in a plain place, is shown.
func TestContainer_damaged(t *testing.T) {
	s := startContainers(t)
	c := s.as("officer")
	must(t, s.direct(), "UPDATE people SET name = (SELECT phone FROM people WHERE id = 1), city = (SELECT birth FROM people WHERE id = 1) WHERE id = 1")
	for _, expression := range []string{
		"row_to_json(people)", "to_jsonb(people)", "people", "ROW(name)", "ARRAY[name, phone]", "json_build_array(name)", "name || 'x'",
		"concat(name)", "concat_ws(',', name)", "COALESCE(name, city)", "array_agg(name) OVER ()", "string_agg(name, ',') OVER ()", "ARRAY(SELECT name)",
		"json_agg(people) OVER ()", "array_to_string(ARRAY[name], '')", "jsonb_build_object('n', name)", "json_object_agg(id, name) OVER ()",
	} {
		check(t, c, "SELECT "+expression+" FROM people WHERE id = 1", "error 22P03")
		r := c.PgConn().ExecParams(t.Context(), "SELECT "+expression+" FROM people WHERE id = 1", nil, nil, nil, []int16{1}).Read()
		if state := sqlState(t, r.Err); state != "22P03" {
			t.Errorf("%s in binary: SQLSTATE %s, want 22P03", expression, state)
		}
	}
	city := simple(t, s.direct(), "SELECT city FROM people WHERE id = 1")
	for sql, want := range map[string]string{
		"SELECT json_build_object('c', city, 'p', phone) FROM people WHERE id = 1": fmt.Sprintf(`{"c" : %q, "p" : "+251911000111"}`, city),
		"SELECT ROW(city, phone), ARRAY[city, phone] FROM people WHERE id = 1":     "(" + city + ",+251911000111)|{" + city + ",+251911000111}",
		"SELECT concat(city, phone) FROM people WHERE id = 1":                      city + "+251911000111",
	} {
		check(t, c, sql, want)
	}
}

func TestContainer_copied(t *testing.T) {
	s := startContainers(t)
	c := s.as("officer")
	for options, want := range map[string]string{
		"":                       "{\"n\":\"Abebe Bikila\"}\t(1,\"Abebe Bikila\")\tAbebe Bikila!\n",
		" WITH (FORMAT csv)":     `"{""n"":""Abebe Bikila""}","(1,""Abebe Bikila"")",Abebe Bikila!` + "\n",
		" WITH (DELIMITER '\"')": "{\\\"n\\\":\\\"Abebe Bikila\\\"}\"(1,\\\"Abebe Bikila\\\")\"Abebe Bikila!\n",
	} {
		var out strings.Builder
		sql := "COPY (SELECT row_to_json(s), ROW(id, name), name || '!' FROM (SELECT name AS n) s, people p WHERE id = 1) TO STDOUT" + options
		sql = strings.Replace(sql, "(SELECT name AS n) s, people p", "people p, LATERAL (SELECT p.name AS n) s", 1)
		if _, err := c.PgConn().CopyTo(t.Context(), &out, sql); err != nil || out.String() != want {
			t.Errorf("%s = %q, %v, want %q", sql, out.String(), err, want)
		}
	}
}

// A prepared statement goes on when the same containers are planned anew.
func TestContainer_preparedAcrossDDL(t *testing.T) {
	s := startContainers(t)
	c := s.as("officer")
	sql := "SELECT json_build_object('n', name), ARRAY[name, phone] FROM people WHERE id = 1"
	if _, err := c.PgConn().Prepare(t.Context(), "got", sql, nil); err != nil {
		t.Fatal(err)
	}
	for _, ddl := range []string{"", "ALTER TABLE people ADD COLUMN extra int", "CREATE INDEX ON people (city)"} {
		if ddl != "" {
			must(t, s.direct(), ddl)
			if err := s.db.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r := c.PgConn().ExecPrepared(t.Context(), "got", nil, nil, nil).Read()
		if want := `{"n" : "Abebe Bikila"}|{"Abebe Bikila",+251911000111}`; r.Err != nil || joinCells(r.Rows[0]) != want {
			t.Errorf("after %q: %s, %v, want %s", ddl, r.Rows, r.Err, want)
		}
	}
}

// FuzzContainer walks what no server would send: there is an error or a value,
// and no panic.
func FuzzContainer(f *testing.F) {
	for _, seed := range []string{
		`{"a": "x", "b": [1, {"c": null}]}`, `[["d", "x"], ["d", null]]`, `(1,"a""b\\c",)`, `{a,"b\"c",NULL,{x}}`, `[1:2]={a,b}`, `[1, "x"]`, `["a", "b"]`, `{`, `"\u00`, `["\ud83d\ude00", "\ud83d"]`,
		"\x00\x00\x00\x02\x00\x00\x00\x19\x00\x00\x00\x01x\x00\x00\x00\x19\xff\xff\xff\xff", "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01x",
	} {
		f.Add([]byte(seed))
	}
	text := func(join rewrite.Join, items ...*part) *part {
		return &part{Container: &rewrite.Container{Kind: rewrite.Joined, Join: join}, items: items, elem: array()}
	}
	parts := []*part{
		array(), text(rewrite.Strict, nil, nil), text(rewrite.Concat, nil, nil), text(rewrite.Separated, nil, nil), text(rewrite.Elements), text(rewrite.Chosen, nil, array()),
		{Container: &rewrite.Container{Kind: rewrite.Record, Items: make([]rewrite.Item, 2)}, items: []*part{nil, array()}},
		{Container: &rewrite.Container{Kind: rewrite.Text}, elem: array()},
	}
	for _, kind := range []rewrite.ContainerKind{rewrite.Record, rewrite.List, rewrite.Map, rewrite.Array} {
		inner := &part{Container: &rewrite.Container{Kind: kind, Items: make([]rewrite.Item, 2)}, items: []*part{nil, array()}, elem: array()}
		parts = append(parts, &part{Container: &rewrite.Container{Kind: rewrite.JSON}, elem: inner}, &part{Container: &rewrite.Container{Kind: rewrite.JSONB}, elem: inner})
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		w := walk{o: &opener{}, ctx: t.Context(), r: &run{}, set: &settings{}}
		for _, p := range parts {
			for _, form := range []func([]byte, *part, []byte) ([]byte, bool, error){w.text, w.binary} {
				if out, _, err := form(nil, p, in); err == nil && len(out) > 64+8*len(in) {
					t.Errorf("%d bytes became %d", len(in), len(out))
				}
			}
		}
	})
}

// array is an array of plain elements.
func array() *part { return &part{Container: &rewrite.Container{Kind: rewrite.Array}} }

// A document of a row with an id, three sealed values and a plain one.
func BenchmarkRow_document(b *testing.B) {
	s := unwired(b, unwiredSchema)
	st := s.db.now()
	sql := "SELECT json_build_object('id', id, 'name', name, 'phone', phone, 'birth', birth, 'city', city) FROM people"
	if err := s.query(b.Context(), append([]byte(sql), 0)); err != nil {
		b.Fatal(err)
	}
	var e expect
	if !s.queue.peek(&e) || e.run(0) == nil {
		b.Fatalf("no plan for %s", sql)
	}
	r := e.run(0)
	cells, err := makeCells(r, func(int) int16 { return 0 })
	if err != nil {
		b.Fatal(err)
	}
	r.cells = cells
	values := []any{}
	for i, plain := range []string{"Abebe Bikila", "+251911000111", "\x00\x00\x00\x00"} {
		col, err := st.column(r.plan.Columns[0].Container.Elem.Items[i+1].Holds.Target)
		if err != nil {
			b.Fatal(err)
		}
		f := &filler{ctx: b.Context(), planning: r.planning, settings: s.settings.Load()}
		v, err := f.seal(nil, []byte(plain), col)
		if err != nil {
			b.Fatal(err)
		}
		values = append(values, v)
	}
	doc := fmt.Appendf(nil, `{"id" : 1, "name" : "%s", "phone" : "%s", "birth" : "%s", "city" : "xxxxxxxxxxxxxxxxxxxx"}`, values...)
	row := wire.AppendValue(wire.BeginRow(nil, 1), doc)
	var o opener
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if out, err = o.row(b.Context(), out[:0], row[5:], r, s.settings.Load()); err != nil {
			b.Fatal(err)
		}
	}
}
