package proxy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// person is a row of people as a driver sees it.
type person struct {
	Name   string
	Phone  *string
	Birth  time.Time
	Income float64
	Seen   time.Time
	Doc    string
	City   string
}

func abebe() person {
	phone := "+251911000111"
	return person{
		Name: "Abebe Bikila ደ", Phone: &phone, Birth: time.Date(1932, 8, 7, 0, 0, 0, 0, time.UTC), Income: 1234.5,
		Seen: time.Date(1960, 9, 10, 17, 30, 0, 123456000, time.UTC), Doc: `{"sex": "male"}`, City: "Roma",
	}
}

// The modes send parameters and ask for results in text and in binary, with
// and without a Describe, prepared and not.
func TestSession_driverModes(t *testing.T) {
	s := startSealed(t)
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			c := s.as("officer")
			c.Config().DefaultQueryExecMode = mode
			roundTrip(t, c, mode)
		})
	}
}

func roundTrip(t *testing.T, c *pgx.Conn, mode pgx.QueryExecMode) {
	t.Helper()
	ctx := t.Context()
	want := abebe()
	phone := fmt.Sprintf("+2519%d", mode)
	want.Phone = &phone
	var id int
	err := c.QueryRow(ctx, "INSERT INTO people (name, phone, birth, income, seen, doc, city) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
		mode, want.Name, *want.Phone, want.Birth, "1234.50", want.Seen, want.Doc, want.City).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time from the driver's cache
		var got person
		err = c.QueryRow(ctx, "SELECT name, phone, birth, income, seen, doc, city FROM people WHERE phone = $1", mode, phone).
			Scan(&got.Name, &got.Phone, &got.Birth, &got.Income, &got.Seen, &got.Doc, &got.City)
		if err != nil {
			t.Fatal(err)
		}
		got.Seen = got.Seen.UTC()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-stored +read:\n%s", diff)
		}
	}

	rows, err := c.Query(ctx, "SELECT id FROM people WHERE birth = $1 AND phone = $2", mode, want.Birth, phone)
	ids, err2 := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil || err2 != nil || len(ids) != 1 || ids[0] != id {
		t.Errorf("by birth = %v, %v, %v, want [%d]", ids, err, err2, id)
	}
	tag, err := c.Exec(ctx, "UPDATE people SET name = $1, phone = $2 WHERE phone = $3", mode, "Gidey", nil, phone)
	if err != nil || tag.RowsAffected() != 1 {
		t.Errorf("UPDATE = %v, %v", tag, err)
	}
	var none *string
	var name string
	if err := c.QueryRow(ctx, "SELECT name, phone FROM people WHERE id = $1", mode, id).Scan(&name, &none); err != nil || name != "Gidey" || none != nil {
		t.Errorf("after UPDATE = %q, %v, %v", name, none, err)
	}
	var count int
	if err := c.QueryRow(ctx, "SELECT count(*) FROM people WHERE name = ANY($1) AND id = $2", mode, []string{"x", "Gidey"}, id).Scan(&count); err != nil || count != 1 {
		t.Errorf("= ANY = %d, %v, want 1", count, err)
	}
	if _, err := c.Exec(ctx, "DELETE FROM people WHERE id = $1", mode, id); err != nil {
		t.Error(err)
	}
}

func TestSession_describesLogicalTypes(t *testing.T) {
	s := startSealed(t)
	describe := func(user string) []uint32 {
		d, err := s.as(user).Prepare(t.Context(), "s", "SELECT name, phone, birth, income, seen, doc, hidden, city FROM people")
		if err != nil {
			t.Fatal(err)
		}
		var oids []uint32
		for _, f := range d.Fields {
			oids = append(oids, f.DataTypeOID)
		}
		return oids
	}
	const text, varchar = pgtype.TextOID, pgtype.VarcharOID
	for _, tc := range []struct {
		user string
		want []uint32
	}{
		{"officer", []uint32{varchar, varchar, pgtype.DateOID, pgtype.NumericOID, pgtype.TimestamptzOID, pgtype.JSONBOID, pgtype.Int4OID, text}},
		{"clerk", []uint32{varchar, varchar, pgtype.DateOID, text, pgtype.TimestamptzOID, text, text, text}},
		{"stranger", []uint32{varchar, varchar, text, text, text, text, text, text}},
	} {
		if got := describe(tc.user); !cmp.Equal(got, tc.want) {
			t.Errorf("as %s the types are %v, want %v", tc.user, got, tc.want)
		}
	}
}

func TestSession_batchIsOnePipeline(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	batch := &pgx.Batch{}
	for i := range 200 {
		batch.Queue("INSERT INTO people (name, phone, city) VALUES ($1, $2, $3)", fmt.Sprint("n", i), fmt.Sprint(i), "x")
		batch.Queue("SELECT name FROM people WHERE phone = $1", fmt.Sprint(i)).QueryRow(func(row pgx.Row) error {
			var name string
			if err := row.Scan(&name); err != nil || name != fmt.Sprint("n", i) {
				return fmt.Errorf("row %d = %q, %w", i, name, err)
			}
			return nil
		})
		batch.Queue("SELECT 1")
	}
	if err := c.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	check(t, c, "SELECT count(*) FROM people", "200")
}

// A pipeline that goes on long after the server has stopped it must neither
// hang nor lose its place.
func TestSession_pipelineAfterAnError(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	frames := []string{"P - SELECT 1/0", "B - -", "E - 0"}
	for range 3 * maxExpected {
		frames = append(frames, "B - -")
	}
	frames = append(frames, "P - SELECT name FROM people WHERE name = $1", "B - - Abebe", "E - 0", "S", "Q SELECT 2")
	c.send(frames...)
	if got, want := strings.Join(c.read(2), " "), "1 E:22012 Z:I T:?column?/23/4/-1 D:2 C:SELECT 1 Z:I"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSession_pipelineLongerThanTheQueue(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	frames := []string{"P s SELECT name2 FROM towns WHERE id = $1"}
	const n = 2 * maxExpected
	for range n {
		frames = append(frames, "B - s 1", "E - 0")
	}
	var sent []byte
	for _, f := range append(frames, "S") {
		sent = append(sent, c.frame(f)...)
	}
	go func() { _, _ = c.conn.Write(sent) }() // what does not arrive is missed below
	got := c.read(1)
	if len(got) != 1+3*n+1 {
		t.Errorf("got %d answers, want %d", len(got), 1+3*n+1)
	}
}

func TestSession_roleChangesUnderPreparedStatements(t *testing.T) {
	s := startSealed(t)
	must(t, s.as("officer"), "INSERT INTO people (name, birth, income) VALUES ('Abebe Bikila', '1932-08-07', 5)")
	c := dialScript(t, s.addr, "boss")

	c.send("P s SELECT name, birth FROM people", "P i SELECT income FROM people", "S")
	c.read(1)
	for _, step := range []struct{ frames, want string }{
		{"B - s|E - 0|S", "2 D:A. B.|1932-01-01 C:SELECT 1 Z:I"},
		{"Q SET ROLE officer", "C:SET Z:I"},
		// The types are the same, so the statement goes on with other rights.
		{"B - s|E - 0|S", "2 D:Abebe Bikila|1932-08-07 C:SELECT 1 Z:I"},
		// A clerk sees a masked number as text, an officer a number.
		{"B - i|E - 0|S", "E:0A000 Z:I"},
		{"P - SELECT income FROM people|B - -|E - 0|S", "1 2 D:5.00 C:SELECT 1 Z:I"},
		{"Q RESET ROLE", "C:RESET Z:I"},
		{"B - i|E - 0|S", "2 D:**** C:SELECT 1 Z:I"},
		// All in one pipeline, in which only the server knows what has run.
		{"P - SET ROLE officer|B - -|E - 0|B - s|E - 0|S", "1 2 C:SET 2 D:Abebe Bikila|1932-08-07 C:SELECT 1 Z:I"},
		{"P - RESET ROLE|B - -|E - 0|P - SELECT 1/0|B - -|E - 0|S", "1 2 C:RESET 1 E:22012 Z:I"},
		{"B - s|E - 0|S", "2 D:Abebe Bikila|1932-08-07 C:SELECT 1 Z:I"},
		{"Q BEGIN", "C:BEGIN Z:T"},
		{"Q SET LOCAL ROLE clerk", "C:SET Z:T"},
		{"B - s|E - 0|S", "2 D:A. B.|1932-01-01 C:SELECT 1 Z:T"},
		{"P - COMMIT|B - -|E - 0|B - s|E - 0|S", "1 2 C:COMMIT 2 D:Abebe Bikila|1932-08-07 C:SELECT 1 Z:I"},
	} {
		frames := strings.Split(step.frames, "|")
		c.send(frames...)
		if got := strings.Join(c.read(1), " "); got != step.want {
			t.Errorf("%s = %s, want %s", step.frames, got, step.want)
		}
	}
}

func TestSession_SQLOverProtocolStatements(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	c.send("P s SELECT name FROM people WHERE phone = $1", "P plain SELECT name2 FROM towns WHERE id = $1", "S")
	c.read(1)
	for _, step := range []struct{ sql, want string }{
		{"EXECUTE s('12345')", "T:name/1043/-1/-1 C:SELECT 0 Z:I"},
		{"EXPLAIN (COSTS OFF) EXECUTE s(format('%s', '12345'))", "E:0A000 Z:I"},
		{`CREATE TABLE x AS EXECUTE "s" ('12345')`, "E:0A000 Z:I"},
		{`EXECUTE U&"\0073" ('12345')`, "T:name/1043/-1/-1 C:SELECT 0 Z:I"},
		{"EXECUTE plain(1)", "T:name2/25/-1/-1 D:Harar C:SELECT 1 Z:I"},
		{"BEGIN", "C:BEGIN Z:T"},
	} {
		c.send("Q " + step.sql)
		if got := strings.Join(c.read(1), " "); got != step.want {
			t.Errorf("%s = %s, want %s", step.sql, got, step.want)
		}
	}
	c.send("B p s 1", "S")
	c.read(1)
	c.send("Q FETCH ALL FROM p")
	if got, want := strings.Join(c.read(1), " "), "T:name/1043/-1/-1 C:FETCH 0 Z:T"; got != want {
		t.Errorf("FETCH of a portal = %s, want %s", got, want)
	}
	if strings.Contains(s.log(), "12345") {
		t.Error("the server's log holds the value of an EXECUTE")
	}
}

func TestSession_cancelAndNotifications(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	heard := make(chan string, 1)
	cfg := c.Config().Copy()
	cfg.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heard <- n.Payload }
	listener, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close(context.Background()) }()
	must(t, listener, "LISTEN news")
	must(t, c, "SELECT pg_notify('news', 'hello')")
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	if err := listener.PgConn().WaitForNotification(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "hello" {
		t.Errorf("notification = %q, want hello", got)
	}

	done := make(chan string, 1)
	go func() { done <- simple(t, c, "SELECT pg_sleep(60), name FROM people; SELECT pg_sleep(60)") }()
	s.waitFor("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "1")
	if err := c.PgConn().CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got != "error 57014" {
		t.Errorf("a cancelled statement = %s, want error 57014", got)
	}
}
