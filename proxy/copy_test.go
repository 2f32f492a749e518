package proxy

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
)

// copyInto sends data with a COPY FROM STDIN and returns the tag or the error.
func copyInto(t *testing.T, c *pgx.Conn, sql, data string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	tag, err := c.PgConn().CopyFrom(ctx, strings.NewReader(data), sql)
	if err != nil {
		return "error " + sqlState(t, err)
	}
	return tag.String()
}

// copyOutOf returns the data of a COPY TO STDOUT, or what came before an error, and it.
func copyOutOf(t *testing.T, c *pgx.Conn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	var out bytes.Buffer
	if _, err := c.PgConn().CopyTo(ctx, &out, sql); err != nil {
		out.WriteString("error " + sqlState(t, err))
	}
	return out.String()
}

// nasty are values that COPY data must escape, or that look like something else.
func nasty() []any {
	return []any{
		"", " ", "a", `\N`, `\\N`, `\.`, `\`, `\\`, `"`, `""`, "it's", ",", "a,b", "\t", "\n", "\r", "\r\n", "a\nb\rc",
		"N", "NULL", "é", "日本語", "\x01\x02\b\f\v", `\x41`, `\101`, "pv1", "pv1.a.b", `{"a":1}`, "x;y", "~", "-", "v", "D", nil,
	}
}

// twins are the same table sealed and plain, filled with the same rows.
func twins(t *testing.T) (s *sealed, through, plain *pgx.Conn) {
	t.Helper()
	s = startSealed(t)
	s.pg.Exec(t, listed, "CREATE DATABASE twin")
	s.pg.Exec(t, "twin", `
CREATE TABLE people (id serial PRIMARY KEY, name varchar, phone varchar(20), birth date, income numeric(12,2),
 seen timestamptz, doc jsonb, hidden int, city text);
CREATE TABLE towns (id int PRIMARY KEY, name2 text);
GRANT ALL ON ALL TABLES IN SCHEMA public TO public; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO public`)
	s.pg.Exec(t, listed, "DROP INDEX people_phone_key")
	through = s.as("officer")
	plain = target{addr: s.pg.Addr(), user: "officer", database: "twin"}.mustConnect(t)
	return s, through, plain
}

// fillNasty inserts rows through both.
func fillNasty(t *testing.T, through, plain *pgx.Conn) {
	t.Helper()
	for _, c := range []*pgx.Conn{through, plain} {
		for i, v := range nasty() {
			phone := any("+251")
			if i%3 == 0 {
				phone = nil
			}
			if _, err := c.Exec(t.Context(), "INSERT INTO people (id, name, phone, birth, income, seen, doc, city) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
				i, v, phone, "1932-08-07", 1.5*float64(i), time.Unix(int64(i), 0), `{"a": "x\"y\\z"}`, v); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// formats are the options of COPY whose data is compared with PostgreSQL's own.
var copyFormats = []string{
	"", "(DELIMITER '|', NULL '')", "(DELIMITER '-')", "(DELIMITER '~', NULL 'N')", "(DELIMITER ',', HEADER)",
	"(FORMAT csv)", "(FORMAT csv, HEADER)", "(FORMAT csv, DELIMITER '.', NULL 'NULL')", "(FORMAT csv, QUOTE 'v')",
	"(FORMAT csv, QUOTE '''', ESCAPE '\\')", "(FORMAT csv, DELIMITER E'\\t', NULL 'N')",
	"(FORMAT csv, FORCE_QUOTE *)", "(FORMAT csv, FORCE_QUOTE (name, birth))", "(FORMAT csv, ESCAPE '-')",
	"(FORMAT binary)",
}

const copyColumns = "id, name, phone, birth, income, seen, doc, city"

func TestCopy_dataIsPostgreSQLsOwn(t *testing.T) {
	_, through, plain := twins(t)
	fillNasty(t, through, plain)
	must(t, through, "SET timezone TO 'Asia/Kolkata'", "SET datestyle TO 'SQL, DMY'")
	must(t, plain, "SET timezone TO 'Asia/Kolkata'", "SET datestyle TO 'SQL, DMY'")
	for _, format := range copyFormats {
		for _, sql := range []string{
			"COPY people (" + copyColumns + ") TO STDOUT " + format,
			"COPY (SELECT name FROM people WHERE id > 0 ORDER BY id) TO STDOUT " + strings.NewReplacer(" (name, birth)", " *").Replace(format),
		} {
			want := copyOutOf(t, plain, sql)
			got := copyOutOf(t, through, sql)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: PostgreSQL -, through pgveil +:\n%s", sql, diff)
			}
			if strings.Contains(want, "error") || len(want) < 100 {
				t.Errorf("%s = %q", sql, want)
			}
		}
	}
}

// What COPY TO gives, COPY FROM takes, and the rows are the same in a twin.
func TestCopy_roundTrips(t *testing.T) {
	s, through, plain := twins(t)
	fillNasty(t, through, plain)
	all := "SELECT " + copyColumns + " FROM people ORDER BY id"
	s.pg.Exec(t, "twin", "CREATE TABLE original AS SELECT * FROM people; GRANT ALL ON original TO public")
	for _, format := range copyFormats {
		reading := format
		if strings.Contains(format, "FORCE_QUOTE") {
			reading = "(FORMAT csv)"
		}
		data := copyOutOf(t, plain, "COPY original ("+copyColumns+") TO STDOUT "+format)
		for _, c := range []*pgx.Conn{through, plain} {
			must(t, c, "DELETE FROM people")
			if got := copyInto(t, c, "COPY people ("+copyColumns+") FROM STDIN "+reading, data); got != fmt.Sprint("COPY ", len(nasty())) {
				t.Errorf("COPY FROM STDIN %s = %s", reading, got)
			}
		}
		// Some options lose the difference between a value and NULL; PostgreSQL tells which.
		for _, sql := range []string{all, "SELECT id FROM people WHERE name = '' ORDER BY id", "SELECT id FROM people WHERE name IS NULL ORDER BY id"} {
			want, got := simple(t, plain, sql), simple(t, through, sql)
			if diff := cmp.Diff(strings.Split(want, "/"), strings.Split(got, "/")); diff != "" {
				t.Errorf("%s: rows differ (-plain +sealed):\n%s", format, diff)
			}
		}
	}
}

// The same data goes to both, good or bad, and both must agree on it.
func TestCopy_readsAsPostgreSQLDoes(t *testing.T) {
	_, through, plain := twins(t)
	for _, tt := range []struct{ options, data string }{
		{"", "1\ta\\tb\t1932-08-07\n2\t\\N\t\\N\n3\t\\x41\\102\\q\\\\\t1932-8-7\n\\.\nrest"},
		{"", "1\ta\t1932-08-07\r\n2\tb\t\\N\r\n"},
		{"", "1\ta\t1932-08-07\r2\tb\t\\N\r"},
		{"", "1\ta\t1932-08-07\n2\tb\t\\N"},
		{"", "1\ta\t1932-08-07\n2\tb\t\\N\r\n"},
		{"", "1\tline\\\nend\t\\N\n2\ttrailing\t1932-08-07\\"},
		{"", "1\ta\t1932-02-30\n"},
		{"", "1\ta\tno date\n"},
		{"", "1\ta\n"}, {"", "1\ta\t\\N\tx\n"}, {"", "\n"}, {"", ""}, {"", "\\.\n"}, {"", "\\."}, {"", "1\ta\t\\N\n\\.x\n"},
		{"", "1\t\xff\xfe\t\\N\n"}, {"", "1\ta\\0b\t\\N\n"}, {"", "1\t\\xff\t\\N\n"},
		{"(NULL 'a')", "1\ta\t1932-08-07\n2\t\\a\t1932-08-07\n"},
		{"(NULL '')", "1\t\t\n2\t\\\\\t\n"},
		{"(DELIMITER '-', NULL 'x')", "1-a-x\n2-a\\-b-1932\\-08\\-07\n"},
		{"(FORMAT csv)", "1,,\n2,\"\",\n3,\"a\"\"b\",\"1932-08-07\"\n4,a\"b,c\"d,\n5,\"x\ny\",\n"},
		{"(FORMAT csv)", "1,\"x\r\ny\",\r\n2,b,1932-08-07\r\n"},
		{"(FORMAT csv)", "1,\"unterminated,\n"}, {"(FORMAT csv)", "1,a,\n2,b,\r\n"}, {"(FORMAT csv)", "1;a;b\n"},
		{"(FORMAT csv)", "1,a,\n\\.\n2,b,\n"}, {"(FORMAT csv)", "1,\\.,\n2,\\N,\n"},
		{"(FORMAT csv, HEADER)", "no,such\n1,a,\n"}, {"(FORMAT csv, HEADER)", "1,a,\n"}, {"(FORMAT csv, HEADER)", ""},
		{"(FORMAT csv, HEADER match)", "id,name,birth\n1,a,\n"}, {"(FORMAT csv, HEADER match)", "id,birth,name\n1,,a\n"},
		{"(FORMAT csv, HEADER match)", "id,\"name\",birth,x\n1,a,\n"}, {"(HEADER match)", "id\tname\tbirth\n1\ta\t\\N\n"},
		{"(FORMAT csv, NULL 'N', FORCE_NULL (name, birth))", "1,N,\"N\"\n2,\"N\",N\n3,\"NN\",1932-08-07\n"},
		{"(FORMAT csv, NULL 'N', FORCE_NOT_NULL (name))", "1,N,N\n2,\"N\",N\n3,,1932-08-07\n"},
		{"(FORMAT csv, FORCE_NOT_NULL (birth))", "1,a,\n"},
		{"(FORMAT csv, QUOTE '''', ESCAPE '\\', DELIMITER ';')", "1;'it\\'s \\\\ \\n';\n2;a\\b;'1932-08-07'\n"},
		{"(FORMAT binary)", "1\ta\t\\N\n"}, {"(FORMAT binary)", ""},
		{"(FORMAT binary)", string(testkit.CopyBinary([]string{"\x00\x00\x00\x01", "a\tb", "\x00N"}, []string{"\x00\x00\x00\x02", "\x00N", "\x00\x00\x00\x10"}))},
		{"(FORMAT binary)", string(testkit.CopyBinary([]string{"\x00\x00\x00\x01", "a", "\x00\x00"}))},
		{"(FORMAT binary)", string(testkit.CopyBinary([]string{"\x00\x00\x00\x01", "a"}))},
		{"(FORMAT binary)", string(testkit.CopyBinary([]string{"\x00\x00\x00\x01", "a", "\x00N"})) + "x"},
		{"(FORMAT binary)", string(testkit.CopyBinary([]string{"\x00\x00\x00\x01", "a", "\x00N"})[:30])},
	} {
		sql := "COPY people (id, name, birth) FROM STDIN " + tt.options
		want, got := copyInto(t, plain, sql, tt.data), copyInto(t, through, sql, tt.data)
		if want == "error 22P02" && got == "error 22P04" && !strings.ContainsAny(tt.data, "\t,") {
			continue // fields are counted before the first is sent, as it may be the whole line
		}
		if got != want {
			t.Errorf("%s of %q = %s, PostgreSQL says %s", sql, tt.data, got, want)
		}
		all := "SELECT id, name, birth FROM people ORDER BY id"
		if diff := cmp.Diff(simple(t, plain, all), simple(t, through, all)); diff != "" {
			t.Errorf("%s of %q: rows differ (-plain +sealed):\n%s", sql, tt.data, diff)
		}
		must(t, plain, "TRUNCATE people")
		must(t, through, "TRUNCATE people")
	}
}

func TestCopy_errorsNameThePlaceAndNotTheValue(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	for _, tt := range []struct{ options, data, state, where string }{
		{"", "1\tgood\t1932-08-07\n2\tgood\t\\N\n3\tSecretive\tSecretive\n", "22007", "COPY people, line 3, column birth"},
		{"", "1\tSecretive\n", "22P04", "COPY people, line 1"},
		{"", "1,Secretive,1932-08-07\n", "22P04", "COPY people, line 1"},
		{"", "1\tSecretive\t\\N\tSecretive\n", "22P04", "COPY people, line 1"},
		{"(FORMAT csv, HEADER match)", "id,Secretive,birth\n", "22P04", "COPY people, line 1"},
		{"(FORMAT csv)", "1,a,\n2,\"Secretive\n", "22P04", "COPY people, line 3"},
		{"", "Bikila\tSecretive\t\\N\n", "22P02", "COPY people, line 1, column id: \"Bikila\""},
		{"", "5\tSecretive\t\\N\n5\tSecretive\t\\N\n", "23505", "COPY people, line 2"},
	} {
		_, err := c.PgConn().CopyFrom(t.Context(), strings.NewReader(tt.data), "COPY people (id, name, birth) FROM STDIN "+tt.options)
		e := serverError(t, err)
		if e.Code != tt.state || e.Where != tt.where {
			t.Errorf("%q gives %s %q in %q, want %s in %q", tt.data, e.Code, e.Message, e.Where, tt.state, tt.where)
		}
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "Secretive") || strings.Contains(text, "pv1") {
			t.Errorf("the error tells a value: %s", text)
		}
	}
	check(t, c, "SELECT count(*) FROM people", "0")
	if log := s.log(); strings.Contains(log, "Secretive") {
		t.Error("the server's log has a value")
	}
}

// After a COPY that pgveil made to fail, the session is as after one that
// PostgreSQL refused.
func TestCopy_failedOneLeavesTheTransactionToTheServer(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	bad := strings.Repeat("1\tgood\t\\N\n", 3) + "2\tx\tno date\n" + strings.Repeat("3\tmore\t\\N\n", 100_000)
	sql := "COPY people (hidden, name, birth) FROM STDIN"
	if got := copyInto(t, c, sql, bad); got != "error 22007" {
		t.Errorf("outside a transaction: %s", got)
	}
	check(t, c, "SELECT count(*) FROM people", "0")
	must(t, c, "BEGIN", "SAVEPOINT a")
	if got := copyInto(t, c, sql, bad); got != "error 22007" {
		t.Errorf("in a transaction: %s", got)
	}
	if got := s.status(c); got != "E" {
		t.Errorf("after it the state = %s, want E", got)
	}
	if got := copyInto(t, c, sql, bad); got != "error 25P02" {
		t.Errorf("in a failed transaction: %s", got)
	}
	must(t, c, "ROLLBACK TO a")
	if got := copyInto(t, c, sql, "1\tAbebe\t1932-08-07\n"); got != "COPY 1" {
		t.Errorf("after ROLLBACK TO: %s", got)
	}
	must(t, c, "COMMIT")
	check(t, c, "SELECT hidden, name FROM people WHERE name = 'Abebe'", "-|Abebe")
	if got := copyInto(t, s.as("clerk"), sql, "1\tA. B.\t\\N\n"); got != "error 42501" {
		t.Errorf("a masked value written back: %s", got)
	}
}

func TestCopy_rolesReadAsTheyMay(t *testing.T) {
	s := startSealed(t)
	officer := s.as("officer")
	must(t, officer, "INSERT INTO people (id, name, phone, birth, hidden, city) VALUES (1, 'Abebe Bikila', '+251911', '1932-08-07', 5, 'Jato')")
	sql := "COPY people (id, name, phone, birth, hidden, city) TO STDOUT"
	for _, tt := range []struct{ user, want string }{
		{"officer", "1\tAbebe Bikila\t+251911\t1932-08-07\t\\N\tJato\n"},
		{"clerk", "1\tA. B.\t***1911\t1932-01-01\t****\tJato\n"},
	} {
		got := copyOutOf(t, s.as(tt.user), sql)
		if tt.user == "clerk" {
			got = strings.Replace(got, "\t*\t", "\t****\t", 1) // a number of one digit
		}
		if got != tt.want {
			t.Errorf("%s reads %q, want %q", tt.user, got, tt.want)
		}
	}
	stored := copyOutOf(t, s.as("stranger"), sql)
	fields := strings.Split(strings.TrimSuffix(stored, "\n"), "\t")
	if len(fields) != 6 || !strings.HasPrefix(fields[1], "pv1.") || !strings.HasPrefix(fields[4], "pv1.") {
		t.Fatalf("stranger reads %q", stored)
	}
	// A sealed dump is restored as it was; what was sealed for another column is refused.
	must(t, officer, "DELETE FROM people")
	if got := copyInto(t, officer, strings.Replace(sql, "TO STDOUT", "FROM STDIN", 1), stored); got != "COPY 1" {
		t.Errorf("restoring a sealed dump: %s", got)
	}
	if again := copyOutOf(t, s.as("stranger"), sql); again != stored {
		t.Errorf("restored %q, want %q", again, stored)
	}
	check(t, officer, "SELECT name, birth FROM people WHERE phone = '+251911'", "Abebe Bikila|1932-08-07")
	if got := copyInto(t, officer, "COPY people (name) FROM STDIN", fields[2]+"\n"); got != "error 22P03" {
		t.Errorf("a value of another column: %s", got)
	}
}

// A value that does not open ends the COPY and nothing else.
func TestCopy_damagedValue(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	must(t, c, "INSERT INTO people (name, phone) VALUES ('Abebe', '1'), ('Haile', '2'), ('Kenenisa', '3')")
	must(t, s.direct(), "UPDATE people SET name = (SELECT phone FROM people WHERE id = 1) WHERE id = 2")
	for _, format := range []string{"", "(FORMAT csv)"} {
		if got := copyOutOf(t, c, "COPY (SELECT name FROM people ORDER BY id) TO STDOUT "+format); got != "Abebe\nerror 22P03" {
			t.Errorf("COPY TO %s = %q", format, got)
		}
		check(t, c, "SELECT name FROM people WHERE id = 3", "Kenenisa")
	}
	if got := copyOutOf(t, c, "COPY (SELECT name FROM people ORDER BY id) TO STDOUT (FORMAT binary)"); !strings.HasSuffix(got, "Abebeerror 22P03") {
		t.Errorf("in binary: %q", got)
	}
	_, err := c.PgConn().CopyTo(t.Context(), &bytes.Buffer{}, "COPY (SELECT id, name FROM people ORDER BY id) TO STDOUT")
	if e := serverError(t, err); e.Where != "COPY people, line 2, column name" || e.ColumnName != "name" {
		t.Errorf("the error is at %q of %q", e.Where, e.ColumnName)
	}
	must(t, c, "BEGIN")
	if got := copyOutOf(t, c, "COPY people (name) TO STDOUT"); !strings.HasSuffix(got, "error 22P03") {
		t.Errorf("in a transaction: %q", got)
	}
	if got := s.status(c); got != "E" {
		t.Errorf("after it the state = %s, want E", got)
	}
	must(t, c, "ROLLBACK")
}

func TestCopy_pgxCopyFrom(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	birth := time.Date(1932, 8, 7, 0, 0, 0, 0, time.UTC)
	rows := [][]any{
		{"Abebe\tBikila", "+251", birth, 12.25, `{"a": [1]}`, 7},
		{"", nil, nil, nil, nil, nil},
		{`\N`, "x", birth, "0.01", `null`, -7},
	}
	// pgx asks for the columns' types by preparing a SELECT, so it sees the logical ones.
	n, err := c.CopyFrom(t.Context(), pgx.Identifier{"people"}, []string{"name", "phone", "birth", "income", "doc", "hidden"}, pgx.CopyFromRows(rows))
	if n != 3 || err != nil {
		t.Fatalf("CopyFrom = %d, %v", n, err)
	}
	check(t, c, "SELECT name, phone, birth, income, doc FROM people ORDER BY id",
		`Abebe	Bikila|+251|1932-08-07|12.25|{"a": [1]}/|-|-|-|-/\N|x|1932-08-07|0.01|null`)
	check(t, c, "SELECT id FROM people WHERE hidden = 7 AND birth = '1932-08-07'", "1")

	_, err = c.CopyFrom(t.Context(), pgx.Identifier{"people"}, []string{"phone"}, pgx.CopyFromRows([][]any{{strings.Repeat("1", 21)}}))
	if e := serverError(t, err); e.Code != "22001" {
		t.Errorf("a phone of 21 characters gives %s", e.Code)
	}
	// A COPY that the policy refuses: pgx sends its data before it knows.
	if _, err = c.CopyFrom(t.Context(), pgx.Identifier{"towns"}, []string{"id", "name2"}, pgx.CopyFromRows([][]any{{9, "x"}})); err != nil {
		t.Errorf("a plain table: %v", err)
	}
	check(t, c, "SELECT count(*) FROM people", "3")
}

// No value of COPY data reaches the server in clear, whatever becomes of the COPY.
func TestCopy_leavesNoPlaintextAtTheServer(t *testing.T) {
	s := startSealed(t)
	var planter testkit.Planter
	c, stranger := s.as("officer"), s.as("stranger")
	for _, format := range []string{"", "(FORMAT csv)", "(FORMAT csv, HEADER)", "(FORMAT csv, HEADER match)", "(FORMAT binary)", "(DELIMITER ',')", "(NULL 'x')"} {
		name, phone, birth := planter.New(testkit.Name), planter.New(testkit.Digits), planter.New(testkit.Date)
		for _, data := range []string{
			name + "\t" + phone + "\t" + birth + "\n", name + "," + phone + "," + birth + "\n" + name + "," + phone + ",x\n",
			name + "," + phone + "\n", name + "\n", string(testkit.CopyBinary([]string{name, phone, "\x00\x00\x00\x01"}, []string{name, phone, birth})),
			string(testkit.CopyBinary([]string{name})),
		} {
			for _, sql := range []string{
				"COPY people (name, phone, birth) FROM STDIN ", "COPY people (city, name, birth) FROM STDIN WHERE lower(name) = 'x' ",
				"COPY people (name, phone, bitrh) FROM STDIN ", "COPY people (id, name, phone) FROM STDIN ",
			} {
				if strings.Contains(sql, "(id") {
					data = strings.ReplaceAll(data, name, "x") // what goes into a plain column is no secret
				}
				_ = copyInto(t, c, sql+format, data)
				_ = copyInto(t, stranger, sql+format, data)
			}
		}
	}
	testkit.NoLeaks(t, s.pg, &planter)
}

// What is sent around the data, and when, changes nothing for the session.
func TestCopy_frames(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	for _, tt := range []struct {
		frames []string
		want   string
	}{
		{[]string{"Q COPY people (id, name) FROM STDIN", "d 1\tAbe", "d be\n2\tHai", "d le\n", "c"}, "G C:COPY 2 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN", "d 3\tKene", "f no more\x00"}, "G E:57014 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN", "d 3\n", "f no more\x00"}, "G E:22P04 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN", "c"}, "G C:COPY 0 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN", "d 3\n", "d 4\n", "c", "d 5\n", "c"}, "G E:22P04 Z:I"},
		{[]string{"d 5\tstray\n", "c", "f x\x00", "Q SELECT 1"}, "T:?column?/23/4/-1 D:1 C:SELECT 1 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN; COPY people (name, id) FROM STDIN; SELECT name FROM people WHERE id = 11", "d 10\tx\n", "c", "d y\t11\n", "c"},
			"G C:COPY 1 G C:COPY 1 T:name/1043/-1/-1 D:y C:SELECT 1 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN; SELECT 1; COPY people (name, id) FROM STDIN", "d 12\tx\n", "c", "d y\tz\n", "c"}, "G C:COPY 1 T:?column?/23/4/-1 D:1 C:SELECT 1 G E:22P02 Z:I"},
		{[]string{"Q COPY people (id, name) FROM STDIN; COPY people (name, birth) FROM STDIN", "d 13\tx\n", "c", "d y\tz\n", "c"}, "G C:COPY 1 G E:22007 Z:I"},
		{[]string{"P - COPY people (id, name) FROM STDIN", "B - -", "D P -", "E - 0", "S", "d 20\tx\n", "c", "S"}, "1 2 n G C:COPY 1 Z:I"},
		{[]string{"P - COPY people (id, name) FROM STDIN", "B - -", "E - 0", "d 21\tx\n", "c", "S"}, "1 2 G C:COPY 1 Z:I"},
		{[]string{"P - COPY people (id, name) FROM STDIN", "B - -", "E - 0", "S", "d 22\tx\ty\n", "d 23\tx\n", "c", "S"}, "1 2 G E:22P04 Z:I"},
		{[]string{"P - COPY people (id, name) FROM STDIN", "B - -", "E - 0", "d 22\tx\ty\n", "d 23\tx\n", "c", "P - SELECT 1", "B - -", "E - 0", "S"}, "1 2 G E:22P04 Z:I"},
		{[]string{"P - COPY people (id, name) FROM STDIN", "B - -", "E - 0", "S", "d 1\tx\n", "c", "S"}, "1 2 G E:23505 Z:I"},
		{[]string{"P s COPY (SELECT name FROM people WHERE name = 'Haile') TO STDOUT", "B - s", "E - 0", "B - s", "E - 0", "S"}, "1 2 H d c C:COPY 1 2 H d c C:COPY 1 Z:I"},
		{[]string{"Q COPY (SELECT name FROM people WHERE id = 1) TO STDOUT; COPY people (id) FROM STDIN", "d 30\n", "c"}, "H d c C:COPY 1 G C:COPY 1 Z:I"},
		{[]string{"Q SELECT count(*) FROM people"}, "T:count/20/8/-1 D:7 C:SELECT 1 Z:I"},
		{[]string{"Q SELECT name FROM people ORDER BY id LIMIT 2"}, "T:name/1043/-1/-1 D:Abebe D:Haile C:SELECT 2 Z:I"},
	} {
		c.send(tt.frames...)
		if got := strings.Join(c.read(1), " "); got != tt.want {
			t.Errorf("%q gives\n%s, want\n%s", tt.frames, got, tt.want)
		}
	}
}

// A table that has changed under the plan's feet: no row goes either way, and
// then the catalog is read again.
func TestCopy_otherColumnsThanPlanned(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	must(t, c, "INSERT INTO people (id, name) VALUES (1, 'Abebe')")
	must(t, s.direct(), "ALTER TABLE people ADD COLUMN extra text")
	row := "2\tHaile\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tx\ty\n"
	if got := copyInto(t, c, "COPY people FROM STDIN", row); got != "error 0A000" {
		t.Errorf("COPY FROM of a table with a new column: %s", got)
	}
	check(t, c, "SELECT count(*) FROM people", "1")
	if got := copyInto(t, c, "COPY people FROM STDIN", row); got != "COPY 1" {
		t.Errorf("COPY FROM after the catalog was read: %s", got)
	}
	must(t, s.direct(), "ALTER TABLE people DROP COLUMN extra")
	if got := copyOutOf(t, c, "COPY people TO STDOUT"); got != "error 0A000" {
		t.Errorf("COPY TO of a table that has lost a column: %s", got)
	}
	if got := copyOutOf(t, c, "COPY people TO STDOUT"); !strings.Contains(got, "\tHaile\t") {
		t.Errorf("COPY TO after the catalog was read: %s", got)
	}
}

// An error in place of a result keeps what follows in the message from the
// client: a COPY too, whose data would never come.
func TestCopy_behindAWithheldResult(t *testing.T) {
	s := startSealed(t)
	must(t, s.as("officer"), "INSERT INTO people (id, name, phone) VALUES (1, 'Abebe', '1')")
	must(t, s.direct(), "UPDATE people SET name = phone")
	c := dialScript(t, s.addr, "officer")
	for _, tt := range []struct{ sql, want string }{
		{"SELECT name FROM people; COPY people FROM STDIN; SELECT 1", "T:name/1043/-1/-1 E:22P03 Z:I"},
		{"SELECT name FROM people; COPY towns TO STDOUT; COPY people (phone) TO STDOUT", "T:name/1043/-1/-1 E:22P03 Z:I"},
		{"COPY people (phone, name) TO STDOUT; COPY people (phone) TO STDOUT; SELECT 1", "H E:22P03 Z:I"},
		{"SELECT phone FROM people", "T:phone/1043/-1/24 D:1 C:SELECT 1 Z:I"},
	} {
		c.send("Q " + tt.sql)
		if got := strings.Join(c.read(1), " "); got != tt.want {
			t.Errorf("%s gives %s, want %s", tt.sql, got, tt.want)
		}
	}
}
