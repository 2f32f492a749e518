package proxy

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/wire"
)

// script is a client that speaks frames, for what drivers never do.
type script struct {
	t    *testing.T
	conn net.Conn
	from *wire.Reader
	to   *wire.Writer
	// copying says that what was sent last begins a COPY.
	copying bool
}

// dialScript logs in without a password and waits for ReadyForQuery.
func dialScript(t *testing.T, addr, user string) *script {
	t.Helper()
	return dialScriptTo(t, addr, user, listed)
}

func dialScriptTo(t *testing.T, addr, user, database string) *script {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(wait))
	c := &script{t: t, conn: conn, from: wire.NewReader(conn, 8<<10), to: wire.NewWriter(conn, 8<<10)}
	body := binary.BigEndian.AppendUint32(nil, 0x30000)
	for _, s := range []string{"user", user, "database", database, "client_encoding", "UTF8", ""} {
		body = append(append(body, s...), 0)
	}
	startup := append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
	if _, err := conn.Write(startup); err != nil {
		t.Fatal(err)
	}
	c.read(1)
	return c
}

// send sends frames written as words: "Q sql", "P name sql", "B portal
// statement param …", "D S name", "E portal rows", "C P name", "S", "H", "d data", "c".
// A name "-" is the empty one; a "·" in SQL stands for nothing.
func (c *script) send(frames ...string) {
	c.t.Helper()
	c.copying = strings.Contains(strings.Join(frames, " "), "FROM STDIN")
	for _, f := range frames {
		if _, err := c.to.Write(c.frame(f)); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.to.Flush(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *script) frame(f string) []byte {
	c.t.Helper()
	words := strings.SplitN(f, " ", 3)
	name := func(i int) []byte {
		if words[i] == "-" {
			return []byte{}
		}
		return []byte(words[i])
	}
	var out []byte
	var err error
	switch words[0] {
	case "Q":
		out, err = wire.AppendQuery(nil, []byte(strings.TrimPrefix(f, "Q ")))
	case "P":
		out, err = (&wire.Parse{Name: name(1), SQL: []byte(words[2])}).Append(nil)
	case "B":
		parts := strings.Split(words[2], " ")
		m := wire.Bind{Portal: name(1), Statement: []byte(strings.TrimPrefix(parts[0], "-"))}
		for _, p := range parts[1:] {
			m.Params = append(m.Params, []byte(p))
		}
		out, err = m.Append(nil)
	case "D":
		out, err = (&wire.Describe{Kind: words[1][0], Name: name(2)}).Append(nil)
	case "C":
		out, err = (&wire.Close{Kind: words[1][0], Name: name(2)}).Append(nil)
	case "E":
		rows, _ := strconv.Atoi(words[2])
		out, err = (&wire.Execute{Portal: name(1), MaxRows: int32(rows)}).Append(nil)
	default:
		start := wire.BeginFrame(nil, words[0][0])
		out, err = wire.EndFrame(append(start, strings.TrimPrefix(f[1:], " ")...), 0)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// read reads up to the n-th ReadyForQuery and returns what came, a word each.
func (c *script) read(n int) []string {
	c.t.Helper()
	var got []string
	for n > 0 {
		word, typ := c.next()
		if word != "" {
			got = append(got, word)
		}
		if typ == wire.TypeReadyForQuery {
			n--
		}
	}
	return got
}

// next reads one frame and returns it as a word, "" for what comes whenever it likes.
func (c *script) next() (string, byte) {
	c.t.Helper()
	h, err := c.from.Next()
	if err != nil {
		c.t.Fatalf("reading a frame: %v", err)
	}
	body, err := c.from.Body()
	if err != nil {
		c.t.Fatalf("reading a frame: %v", err)
	}
	return c.word(h.Type, body), h.Type
}

func (c *script) word(typ byte, body []byte) string {
	c.t.Helper()
	switch typ {
	case wire.TypeParameterStatus, wire.TypeNoticeResponse, wire.TypeAuthentication, wire.TypeBackendKeyData:
		return ""
	case wire.TypeReadyForQuery:
		return "Z:" + string(body)
	case wire.TypeErrorResponse:
		fields, err := wire.DecodeError(nil, body)
		if err != nil {
			c.t.Fatal(err)
		}
		return "E:" + string(fields.Field('C'))
	case wire.TypeDataRow:
		var row wire.DataRow
		if err := row.Reset(body); err != nil {
			c.t.Fatal(err)
		}
		var cells [][]byte
		for row.Next() {
			cells = append(cells, row.Value())
		}
		return "D:" + joinCells(cells)
	case wire.TypeCommandComplete:
		return "C:" + strings.TrimSuffix(string(body), "\x00")
	case wire.TypeRowDescription:
		var m wire.RowDescription
		if err := m.Decode(body); err != nil {
			c.t.Fatal(err)
		}
		w := "T"
		for _, f := range m.Fields {
			w += fmt.Sprintf(":%s/%d/%d/%d", f.Name, f.TypeOID, f.Size, f.Mod)
		}
		return w
	case wire.TypeParameterDescription:
		var m wire.ParameterDescription
		if err := m.Decode(body); err != nil {
			c.t.Fatal(err)
		}
		return fmt.Sprint("t:", m.OIDs)
	}
	return string(typ)
}

// scripts are sent to a plain database and through the proxy to a sealed one.
// What comes back must be the same. Each line is one flush; syncs is how many
// ReadyForQuery answer it.
var scripts = []namedScript{
	{"parse bind execute", []scriptLine{
		{1, []string{"P - SELECT name, birth FROM people WHERE phone = $1", "B - - 0001", "D P -", "E - 0", "S"}},
		{1, []string{"P s SELECT id, name, income FROM people WHERE id = $1 AND name = $2", "D S s", "S"}},
		{1, []string{"B p s 1 Abebe", "E p 0", "C P p", "C S s", "S"}},
		{1, []string{"B p s 1 Abebe", "S"}},
	}},
	{"several portals and row limits", []scriptLine{
		{1, []string{"Q BEGIN"}},
		{1, []string{"P s SELECT name FROM people ORDER BY id", "B a s", "B b s", "E a 1", "E b 2", "E a 1", "E a 5", "S"}},
		{1, []string{"E b 0", "C P b", "E b 0", "S"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"B c s", "E c 0", "S"}},
	}},
	{"pipeline with an error", []scriptLine{
		{2, []string{"P - SELECT name FROM people WHERE id = $1", "B - - 1", "E - 0", "P - SELECT 1/0", "B - -", "E - 0",
			"P - SELECT name FROM people WHERE id = 2", "B - -", "E - 0", "S",
			"P - SELECT name FROM people WHERE id = 2", "B - -", "E - 0", "S"}},
	}},
	{"failed parse keeps the statement of the name", []scriptLine{
		{1, []string{"P s SELECT name FROM people WHERE phone = $1", "S"}},
		{2, []string{"P s SELECT phone FROM people WHERE phone = $1", "S", "B - s 0002", "E - 0", "S"}},
		{1, []string{"B - s 0001", "E - 0", "S"}},
		{1, []string{"Q DEALLOCATE s"}},
		{1, []string{"B - s 0001", "S"}},
		{1, []string{"P s SELECT phone FROM people WHERE phone = $1", "B - s 0001", "E - 0", "S"}},
		{1, []string{"Q DISCARD ALL"}},
		{1, []string{"P s SELECT birth FROM people WHERE phone = $1", "B - s 0001", "E - 0", "S"}},
	}},
	{"unnamed statement outlives a sync", []scriptLine{
		{1, []string{"P - SELECT name FROM people WHERE phone = $1", "S"}},
		{1, []string{"B - - 0001", "E - 0", "S"}},
		{1, []string{"B - - 0002", "E - 0", "S"}},
		{1, []string{"Q SELECT 1"}},
		{1, []string{"B - - 0002", "E - 0", "S"}},
	}},
	{"empty and void", []scriptLine{
		{1, []string{"Q "}},
		{1, []string{"Q ;;"}},
		{1, []string{"P - ", "B - -", "D P -", "E - 0", "S"}},
		{1, []string{"P - UPDATE people SET name = $1 WHERE id = 1", "D S -", "B - - Abebe", "D P -", "E - 0", "S"}},
	}},
	{"wrong number of parameters", []scriptLine{
		{1, []string{"P - SELECT name FROM people WHERE phone = $1", "B - - 0001 0002", "E - 0", "S"}},
		{1, []string{"P - SELECT name FROM people WHERE birth = $1", "B - - nonsense", "E - 0", "S"}},
		{1, []string{"P - SELECT name FROM people WHERE birth = $1", "B - - 1932-02-30", "S"}},
	}},
	{"transactions", []scriptLine{
		{1, []string{"Q BEGIN; INSERT INTO people (name) VALUES ('x'); SELECT 1/0; COMMIT"}},
		{1, []string{"Q SELECT name FROM people"}},
		{1, []string{"P - SELECT name FROM people", "B - -", "S"}},
		{1, []string{"Q ROLLBACK"}},
		{1, []string{"Q INSERT INTO people (name) VALUES ('y'); SELECT 1/0"}},
		{1, []string{"Q SELECT count(*) FROM people"}},
		{1, []string{"P - INSERT INTO people (name) VALUES ($1)", "B - - z", "E - 0", "P - SELECT 1/0", "B - -", "E - 0", "S"}},
		{1, []string{"Q SELECT count(*) FROM people"}},
		{1, []string{"Q BEGIN; SAVEPOINT a; INSERT INTO people (name, phone) VALUES ('x', '0001')"}},
		{1, []string{"Q ROLLBACK TO a; SELECT count(*) FROM people; COMMIT"}},
	}},
	{"copy of a plain table", []scriptLine{
		{0, []string{"Q COPY towns FROM STDIN"}},
		{1, []string{"d 7\tx\n", "d 8\ty\n", "c"}},
		{1, []string{"Q COPY towns TO STDOUT; SELECT 1"}},
		{0, []string{"P - COPY towns FROM STDIN", "B - -", "E - 0", "S"}},
		{1, []string{"d 9\tz\n", "c", "S"}},
		{0, []string{"P - COPY towns FROM STDIN", "B - -", "E - 0", "S"}},
		{1, []string{"d 9\tdouble\n", "c", "S"}},
		{0, []string{"Q COPY towns FROM STDIN"}},
		{1, []string{"d 10\tx\n", "f no more\x00"}},
		{1, []string{"Q DELETE FROM towns WHERE id > 2"}},
		{1, []string{"Q SELECT name FROM people ORDER BY id"}},
	}},
	{"flush", []scriptLine{
		{0, []string{"P s SELECT name FROM people WHERE id = $1", "H"}},
		{1, []string{"B - s 1", "E - 0", "H", "S"}},
		{1, []string{"Q SET search_path TO public"}},
		{1, []string{"B - s 1", "E - 0", "P - SELECT 1", "B - -", "E - 0", "B - s 2", "E - 0", "S"}},
	}},
}

type scriptLine struct {
	syncs  int
	frames []string
}

func TestSession_scriptsAnswerAsPostgreSQLDoes(t *testing.T) {
	s := startSealed(t)
	startTwin(t, s)
	runScripts(t, s, scripts)
}

type namedScript struct {
	name  string
	lines []scriptLine
}

// runScripts runs each script against the twin and through the proxy.
func runScripts(t *testing.T, s *sealed, scripts []namedScript) {
	t.Helper()
	for _, sc := range scripts {
		t.Run(sc.name, func(t *testing.T) {
			ours := dialScript(t, s.addr, "officer")
			theirs := dialScriptTo(t, s.pg.Addr(), "officer", "twin")
			for _, line := range sc.lines {
				ours.send(line.frames...)
				theirs.send(line.frames...)
				want := theirs.readLine(line.syncs)
				got := ours.readLine(line.syncs)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q: PostgreSQL -, through pgveil +:\n%s", line.frames, diff)
				}
			}
		})
	}
}

// startTwin makes the sealed tables as they would be without pgveil, and puts
// the same rows into both.
func startTwin(t *testing.T, s *sealed) {
	t.Helper()
	s.pg.Exec(t, listed, "CREATE DATABASE twin")
	s.pg.Exec(t, "twin", `
CREATE TABLE people (id serial PRIMARY KEY, name varchar, phone varchar(20) UNIQUE, birth date, income numeric(12,2),
 seen timestamptz, doc jsonb, hidden int, city text);
CREATE TABLE towns (id int PRIMARY KEY, name2 text);
INSERT INTO towns VALUES (1, 'Harar'), (2, 'Mekelle');
GRANT ALL ON ALL TABLES IN SCHEMA public TO public; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO public`)
	fill := "INSERT INTO people (name, phone, birth, income) VALUES ('Abebe', '0001', '1932-08-07', 1.5), ('Leteso', '0002', NULL, 3)"
	through := s.as("officer")
	must(t, through, fill)
	s.pg.Exec(t, "twin", fill)
}

// readLine reads the answers to a line. Without a ReadyForQuery it is the
// frames up to the one that the client waits for.
func (c *script) readLine(syncs int) []string {
	c.t.Helper()
	if syncs > 0 {
		return c.read(syncs)
	}
	var got []string
	for {
		word, typ := c.next()
		got = append(got, word)
		if typ == wire.TypeCopyInResponse || typ == wire.TypeParseComplete && !c.copying {
			return got
		}
	}
}

// firstError reads up to an ErrorResponse.
func (c *script) firstError() string {
	c.t.Helper()
	for {
		if word, typ := c.next(); typ == wire.TypeErrorResponse {
			return word
		}
	}
}
