package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/testkit"
)

// A server is one session of PostgreSQL, and the settings that it has.
type server struct {
	t        testing.TB
	conn     *pgconn.PgConn
	settings *Settings
}

// sessions are the settings that servers are asked under.
var sessions = []struct{ dateStyle, intervalStyle, zone, locale string }{
	{"ISO, MDY", "postgres", "UTC", "C.UTF-8"},
	{"German, DMY", "iso_8601", "Europe/Berlin", "C"},
	{"SQL, DMY", "sql_standard", "America/New_York", "C.UTF-8"},
}

// servers starts a server and returns a session of it for each of sessions.
func servers(t *testing.T) []*server {
	t.Helper()
	pg := testkit.StartPostgres(t)
	made := map[string]string{}
	var all []*server
	for _, s := range sessions {
		if made[s.locale] == "" {
			made[s.locale] = fmt.Sprintf("eval%d", len(made))
			pg.Exec(t, "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE '%s'", made[s.locale], s.locale))
		}
		conn, err := pgconn.Connect(t.Context(), pg.URL(made[s.locale], testkit.Superuser))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		set := fmt.Sprintf("SET DateStyle = '%s'; SET IntervalStyle = '%s'; SET TimeZone = '%s'; SET log_statement = none; SET log_min_messages = panic", s.dateStyle, s.intervalStyle, s.zone)
		if _, err := conn.Exec(t.Context(), set).ReadAll(); err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation(s.zone)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &server{t: t, conn: conn, settings: &Settings{
			Forms:  &canon.Settings{DateStyle: s.dateStyle, IntervalStyle: s.intervalStyle, TimeZone: zone},
			Locale: Locale{Provider: 'c', Collate: "C", CType: s.locale, UTF8: true},
		}})
	}
	return all
}

// An answer is a value in binary with its type, or the SQLSTATE of an error.
type answer struct {
	oid   uint32
	null  bool
	data  []byte
	state string
}

func (a answer) String() string {
	switch {
	case a.state != "":
		return "SQLSTATE " + a.state
	case a.null:
		return fmt.Sprintf("NULL of type %d", a.oid)
	}
	return fmt.Sprintf("%q of type %d", a.data, a.oid)
}

func (a answer) equal(b answer) bool {
	return a.state == b.state && a.null == b.null && bytes.Equal(a.data, b.data) && a.oid == b.oid
}

// ask returns the server's answer to SELECT of one expression.
func (s *server) ask(sql string, oids []uint32, args [][]byte) answer {
	s.t.Helper()
	r := s.conn.ExecParams(s.t.Context(), sql, args, oids, nil, []int16{1}).Read()
	var refusal *pgconn.PgError
	switch {
	case errors.As(r.Err, &refusal):
		return answer{state: refusal.Code}
	case r.Err != nil:
		s.t.Fatalf("%s: %v", sql, r.Err)
	case len(r.Rows) != 1:
		s.t.Fatalf("%s: %d rows", sql, len(r.Rows))
	}
	return answer{oid: r.FieldDescriptions[0].DataTypeOID, null: r.Rows[0][0] == nil, data: bytes.Clone(r.Rows[0][0])}
}

// answerOf turns what this package computed into an answer.
func answerOf(t testing.TB, v Value, err error) answer {
	t.Helper()
	if err != nil {
		var refusal *pgerr.Error
		if !errors.As(err, &refusal) {
			t.Fatalf("an error that is no pgerr.Error: %v", err)
		}
		return answer{state: refusal.State}
	}
	if v.Null {
		return answer{oid: v.Type.OID, null: true}
	}
	data, err := canon.AppendBinary([]byte{}, v.Type, v.Data)
	if err != nil {
		t.Fatalf("AppendBinary(%v): %v", v.Type, err)
	}
	return answer{oid: v.Type.OID, data: data}
}

// Every routine computes what the server computes, and fails as it fails.
func TestRoutines(t *testing.T) {
	all := servers(t)
	for _, family := range []struct {
		routines map[string][]*routine
		operator bool
	}{{functions, false}, {operators, true}} {
		for name, list := range family.routines {
			for _, r := range list {
				if r.run == nil {
					continue
				}
				t.Run(name+"("+namesOf(r.args)+")", func(t *testing.T) {
					for i, s := range all {
						s.t = t
						s.compare(r, family.operator, rand.New(rand.NewPCG(uint64(len(name)), uint64(i))))
					}
				})
			}
		}
	}
}

// compare calls a routine with generated operands on both sides.
func (s *server) compare(r *routine, operator bool, rng *rand.Rand) {
	s.t.Helper()
	const calls = 40
	refused, wrong := 0, 0
	for range calls {
		kinds := r.args
		if r.variadic {
			kinds = r.takes(len(r.args) + rng.IntN(3))
		}
		texts, values, oids := s.operands(kinds, counts(r.name), rng)
		marks := make([]string, len(kinds))
		for i := range marks {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		sql := "SELECT pg_catalog." + quoted(r.name) + "(" + strings.Join(marks, ", ") + ")"
		if operator && len(marks) == 2 {
			sql = "SELECT $1 OPERATOR(pg_catalog." + r.name + ") $2"
		} else if operator {
			sql = "SELECT OPERATOR(pg_catalog." + r.name + ") $1"
		}
		if r.name == "position" {
			sql = "SELECT pg_catalog.position($1, $2)"
			if len(marks) == 2 && !operator {
				sql = `SELECT pg_catalog."position"($1, $2)`
			}
		}
		want := s.ask(sql, oids, texts)
		v, err := s.call(r, values)
		got := answerOf(s.t, v, err)
		if got.state == pgerr.StateUnsupported {
			refused++
			continue
		}
		if !got.equal(want) && wrong < 5 {
			wrong++
			s.t.Errorf("%s with %s = %v, want %v (%+v)", r.name, show(texts), got, want, s.settings.Locale)
		}
	}
	if refused > calls/2 {
		s.t.Errorf("%d of %d calls of %s were refused", refused, calls, r.name)
	}
}

// call calls a routine as apply does.
func (s *server) call(r *routine, values []Value) (Value, error) {
	for _, v := range values {
		if v.Null && !r.lax {
			return null(typeOf(r.result)), nil
		}
	}
	return r.run(s.settings, values)
}

// operands makes values of the given kinds: for the server as text, and for us.
func (s *server) operands(kinds []canon.Kind, small bool, rng *rand.Rand) (texts [][]byte, values []Value, oids []uint32) {
	s.t.Helper()
	for _, k := range kinds {
		if k == anyNonArray || k == anyValue {
			k = someKinds[rng.IntN(len(someKinds))]
		}
		t := typeOf(k)
		oids = append(oids, t.OID)
		if rng.IntN(25) == 0 {
			texts, values = append(texts, nil), append(values, null(t))
			continue
		}
		for {
			text := []byte(generate(k, small, rng))
			// What is no value under this session's DateStyle is not what is tested here.
			data, err := canon.FromText(t, s.settings.Forms, text)
			if err != nil {
				continue
			}
			texts, values = append(texts, text), append(values, Value{Type: t, Data: data})
			break
		}
	}
	return texts, values, oids
}

// counts says that a function makes as much text as it is told to.
func counts(name string) bool { return name == "repeat" || name == "lpad" || name == "rpad" }

func show(texts [][]byte) string {
	parts := make([]string, len(texts))
	for i, t := range texts {
		parts[i] = "NULL"
		if t != nil {
			parts[i] = fmt.Sprintf("%q", t)
		}
	}
	return strings.Join(parts, ", ")
}

func quoted(name string) string { return `"` + name + `"` }
