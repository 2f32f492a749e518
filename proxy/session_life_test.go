package proxy

import (
	"context"
	"errors"
	"github.com/pgveil/pgveil/policy"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/internal/testkit"
)

func TestSession_drainEndsIdleSessionsAndLetsOthersFinish(t *testing.T) {
	s := startSealed(t)
	f := startProxy(t, s.pg, func(o *Options) {
		o.Lookup = func(name string) (*Database, bool) { return s.db, name == listed }
		o.DrainTimeout = wait
	})
	idle, busy := dialScript(t, f.addr, "officer"), dialScript(t, f.addr, "officer")
	busy.send("Q BEGIN; INSERT INTO people (name) VALUES ('Abebe')")
	busy.read(1)
	f.stop()
	if word, _ := idle.next(); word != "E:57P01" {
		t.Errorf("an idle session is told %s, want E:57P01", word)
	}
	if _, err := idle.from.Next(); err == nil {
		t.Error("an idle session lives on after the drain")
	}
	busy.send("Q SELECT name FROM people")
	if got := strings.Join(busy.read(1), " "); got != "T:name/1043/-1/-1 D:Abebe C:SELECT 1 Z:T" {
		t.Errorf("a session in a transaction reads %s during the drain", got)
	}
	busy.send("Q COMMIT")
	if got := strings.Join(busy.read(1), " "); got != "C:COMMIT Z:I" {
		t.Errorf("COMMIT during the drain = %s", got)
	}
	if word, _ := busy.next(); word != "E:57P01" {
		t.Errorf("after its transaction the session is told %s, want E:57P01", word)
	}
}

func TestSession_serverThatGoesAwayIsNotHidden(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	c.send("Q SELECT pg_terminate_backend(pg_backend_pid())")
	if word := c.firstError(); word != "E:57P01" {
		t.Errorf("a terminated session is told %s, want the server's E:57P01", word)
	}
	if _, err := c.from.Next(); err == nil {
		t.Error("a session lives on without its server")
	}

	c = dialScript(t, s.addr, "officer")
	if err := s.pg.Stop(); err != nil {
		t.Fatal(err)
	}
	c.send("Q SELECT 1")
	if word := c.firstError(); word != "E:08006" && word != "E:57P01" {
		t.Errorf("without a server the client is told %s, want E:08006", word)
	}
}

func TestSession_terminateLetsTheServerFinish(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	c.send("Q INSERT INTO people (name) VALUES ('Abebe')", "Q INSERT INTO people (name) VALUES ('Haile')", "X")
	s.waitFor("SELECT count(*) FROM people", "2")
	s.waitFor("SELECT count(*) FROM pg_stat_activity WHERE usename = 'officer'", "0")
}

// panicky keys panic when they are used.
type panicky struct{ envelope.Keys }

func TestSession_panicEndsOneSession(t *testing.T) {
	s := startSealed(t, func(o *DatabaseOptions) {
		o.Keys = func(string) envelope.Keys { return panicky{} }
	})
	c, other := dialScript(t, s.addr, "officer"), s.as("officer")
	c.send("Q INSERT INTO people (name) VALUES ('Abebe')")
	if word, _ := c.next(); word != "E:XX000" {
		t.Errorf("a session that panics says %s, want E:XX000", word)
	}
	check(t, other, "SELECT name2 FROM towns WHERE id = 1", "Harar")
	if strings.Contains(s.log(), "Abebe") {
		t.Error("the value of a statement that was not sent is in the server's log")
	}
}

// keysAway are keys that cannot be had.
type keysAway struct{ testKeys }

func (keysAway) Epoch(context.Context) (uint32, error) { return 0, errors.New("away") }

func TestSession_withoutKeysProtectedStatementsFail(t *testing.T) {
	s := startSealed(t, func(o *DatabaseOptions) {
		o.Keys = func(string) envelope.Keys { return keysAway{} }
	})
	c := s.as("officer")
	must(t, c, "BEGIN")
	if got := simple(t, c, "INSERT INTO people (name) VALUES ('Abebe')"); !strings.HasPrefix(got, "error ") {
		t.Errorf("INSERT without keys = %q, want an error", got)
	}
	if got := s.status(c); got != "E" {
		t.Errorf("the state after it = %s, want E", got)
	}
	must(t, c, "ROLLBACK")
	check(t, c, "SELECT name2 FROM towns WHERE id = 1", "Harar")
}

func TestSession_resultThatWasNotPlannedIsWithheld(t *testing.T) {
	version := ""
	s := startSealed(t, func(o *DatabaseOptions) {
		load := o.Load
		o.Load = func(ctx ctxType, pol *policy.Policy) (*snapshot, error) {
			snap, err := load(ctx, pol)
			if err == nil {
				version = snap.Version
			}
			return snap, err
		}
		o.Version = func(ctxType) (string, error) { return version, nil } // nobody notices
	})
	c, p := s.as("officer"), dialScript(t, s.addr, "officer")
	must(t, c, "INSERT INTO people (name, phone, city) VALUES ('Abebe', '1', 'x')")
	p.send("P s SELECT city FROM people", "B - s", "E - 0", "S")
	p.read(1)
	must(t, s.direct(), "ALTER TABLE people RENAME city TO was_city; ALTER TABLE people RENAME name TO city; ALTER TABLE people RENAME was_city TO name")

	// city is name now, and the plan does not know it: no sealed string may pass for a city.
	check(t, c, "SELECT city FROM people", "error 0A000")
	check(t, c, "SELECT 1; SELECT name, city FROM people; SELECT 2", "1/error 0A000")
	for _, frames := range []string{
		"P - SELECT city FROM people|B - -|E - 0|S", "B - s|E - 0|S", "P - SELECT city FROM people|D S -|S",
	} {
		p.send(strings.Split(frames, "|")...)
		if got := strings.Join(p.read(1), " "); !strings.HasSuffix(got, "E:0A000 Z:I") {
			t.Errorf("%s = %s, want E:0A000 and no row", frames, got)
		}
	}
	check(t, c, "SELECT name2 FROM towns WHERE id = 1", "Harar")
}

func TestSession_leavesNoPlaintextAtTheServer(t *testing.T) {
	s := startSealed(t)
	var planter testkit.Planter
	c := s.as("officer")
	name, phone, birth := planter.New(testkit.Name), planter.New(testkit.Digits), planter.New(testkit.Date)
	ctx := t.Context()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec, pgx.QueryExecModeCacheStatement} {
		day, err := time.Parse(time.DateOnly, birth)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range []struct {
			sql  string
			args []any
		}{
			{"INSERT INTO people (name, phone, birth) VALUES ($1, $2, $3)", []any{mode, name, phone, day}},
			{"INSERT INTO people (name, phone) VALUES ($1, $2)", []any{mode, name, phone}}, // a duplicate
			{"UPDATE people SET name = $1 WHERE phone = $2 AND birth = $3", []any{mode, name, phone, day}},
			{"SELECT upper($1) FROM people WHERE name LIKE $1", []any{mode, name}},
			{"UPDATE people SET city = name WHERE name = $1", []any{mode, name}},
			{"SELECT id FROM people WHERE name = $1 AND 1/0 = 1", []any{mode, name}},
			{"DELETE FROM people WHERE phone = $1", []any{mode, phone}},
		} {
			_, _ = c.Exec(ctx, st.sql, st.args...) // refusals are fine here
		}
	}
	must(t, c, "INSERT INTO people (name, phone, birth) VALUES ('"+name+"', '"+phone+"', '"+birth+"')")
	for _, sql := range []string{
		"SELECT 1; INSERT INTO people (name) VALUES ('" + name + "'); SELECT nonsense",
		"INSERT INTO people (nmae) VALUES ('" + name + "')",
		"INSERT INTO people (name) VALUES (lower('" + name + "'))",
		"INSERT INTO people (name) VALUES ('" + name + "') -- unfinished /*",
		"DO $$BEGIN INSERT INTO people (name) VALUES ('" + name + "'); END$$",
	} {
		_ = simple(t, c, sql)
	}
	testkit.NoLeaks(t, s.pg, &planter)
}

func TestGuard_turnsAPanicIntoAnError(t *testing.T) {
	err := guard(func() error { panic("secret") })
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("guard = %v, want an error that does not tell what panicked", err)
	}
	if err := guard(func() error { return nil }); err != nil {
		t.Errorf("guard without a panic = %v", err)
	}
}

// A client that breaks the protocol gets the server's own answer, and harms nobody.
func TestSession_malformedFrames(t *testing.T) {
	s := startSealed(t)
	for _, frame := range []string{"Q\x00\x00\x00\x05x", "P\x00\x00\x00\x05x", "B\x00\x00\x00\x06xx", "D\x00\x00\x00\x05x", "E\x00\x00\x00\x05x", "C\x00\x00\x00\x04"} {
		c := dialScript(t, s.addr, "officer")
		c.send("P s SELECT name FROM people WHERE name = $1", "S")
		c.read(1)
		if _, err := c.to.Write([]byte(frame)); err != nil {
			t.Fatal(err)
		}
		c.send("S")
		if got := strings.Join(c.read(1), " "); got != "E:08P01 Z:I" {
			t.Errorf("after %q the session says %s, want E:08P01 Z:I", frame, got)
		}
	}
	c := dialScript(t, s.addr, "officer")
	if _, err := c.to.Write([]byte("Q\x7f\xff\xff\xff")); err != nil {
		t.Fatal(err)
	}
	if err := c.to.Flush(); err != nil {
		t.Fatal(err)
	}
	if word, _ := c.next(); word != "E:08P01" {
		t.Errorf("after a length of 2 GB the session says %s, want E:08P01", word)
	}
}
