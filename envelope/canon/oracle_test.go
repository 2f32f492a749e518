package canon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/testkit"
)

// The oracle is a real PostgreSQL: whatever it makes of a text, a binary value
// or a pair of values is right. It is asked under several sessions' settings.

// sessions are the settings that the oracle is asked under.
var sessions = []sessionSettings{
	{"ISO, MDY", "postgres", "UTC", "hex", 1},
	{"SQL, DMY", "sql_standard", "Europe/Berlin", "escape", 0},
	{"Postgres, MDY", "postgres_verbose", "America/New_York", "hex", -3},
	{"German, DMY", "iso_8601", "Asia/Kolkata", "escape", 3},
	{"Postgres, DMY", "sql_standard", "Pacific/Apia", "hex", -15},
	{"SQL, YMD", "postgres", "America/Sao_Paulo", "hex", 1},
	{"ISO, YMD", "postgres", "Europe/Dublin", "hex", 1},
}

type sessionSettings struct {
	dateStyle, intervalStyle, timeZone, byteaOutput string
	floatDigits                                     int
}

func (s sessionSettings) String() string { return s.dateStyle + "; " + s.timeZone }

func (s sessionSettings) canon(t testing.TB) *canon.Settings {
	t.Helper()
	zone, err := time.LoadLocation(s.timeZone)
	if err != nil {
		t.Fatal(err)
	}
	return &canon.Settings{
		DateStyle: s.dateStyle, IntervalStyle: s.intervalStyle, TimeZone: zone,
		ByteaOutput: s.byteaOutput, ExtraFloatDigits: &s.floatDigits,
	}
}

func (s sessionSettings) sql() string {
	return fmt.Sprintf("SET DateStyle = '%s'; SET IntervalStyle = '%s'; SET TimeZone = '%s'; SET bytea_output = '%s'; SET extra_float_digits = %d; SET log_statement = none; SET log_min_messages = panic",
		s.dateStyle, s.intervalStyle, s.timeZone, s.byteaOutput, s.floatDigits)
}

// An oracle is one session of PostgreSQL.
type oracle struct {
	t        testing.TB
	conn     *pgconn.PgConn
	settings *canon.Settings
	// refused counts the texts that were refused on purpose.
	refused int
}

func newOracles(t *testing.T) []*oracle {
	t.Helper()
	server := testkit.StartPostgres(t)
	// lower() in a database of locale C knows ASCII only, so citext would too.
	server.Exec(t, "postgres", "CREATE DATABASE canon TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
	server.Exec(t, "canon", "CREATE EXTENSION citext")
	var all []*oracle
	for _, s := range sessions {
		conn, err := pgconn.Connect(t.Context(), server.URL("canon", testkit.Superuser))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		if _, err := conn.Exec(t.Context(), s.sql()).ReadAll(); err != nil {
			t.Fatal(err)
		}
		all = append(all, &oracle{t: t, conn: conn, settings: s.canon(t)})
	}
	return all
}

// query returns the columns of one row, or the SQLSTATE.
func (o *oracle) query(sql string, formats []int16, args [][]byte, argFormats []int16) (row [][]byte, state string) {
	o.t.Helper()
	r := o.conn.ExecParams(o.t.Context(), sql, args, nil, argFormats, formats).Read()
	var server *pgconn.PgError
	if errors.As(r.Err, &server) {
		return nil, server.Code
	}
	if r.Err != nil || len(r.Rows) != 1 {
		o.t.Fatalf("%s: %v, %d rows", sql, r.Err, len(r.Rows))
	}
	for _, c := range r.Rows[0] {
		row = append(row, bytes.Clone(c))
	}
	return row, ""
}

// typeOf asks the server for the type's OIDs and modifier, and TypeOf for its kind.
func (o *oracle) typeOf(sqlType string) canon.Type {
	o.t.Helper()
	table := fmt.Sprintf("pg_temp.%q", "t "+sqlType)
	if _, err := o.conn.Exec(o.t.Context(), fmt.Sprintf("CREATE TEMP TABLE IF NOT EXISTS %q (v %s)", "t "+sqlType, sqlType)).ReadAll(); err != nil {
		o.t.Fatal(err)
	}
	row, _ := o.query(`SELECT t.oid, atttypmod, t.typname, coalesce(e.oid, 0), coalesce(e.typname, '')
		FROM pg_attribute JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
		WHERE attrelid = $1::regclass AND attnum = 1`, []int16{0}, [][]byte{[]byte(table)}, nil)
	var oid, elem uint32
	var mod int32
	if _, err := fmt.Sscan(fmt.Sprintf("%s %s %s", row[0], row[1], row[3]), &oid, &mod, &elem); err != nil {
		o.t.Fatal(err)
	}
	typ, ok := canon.TypeOf(oid, mod, string(row[2]), elem, string(row[4]))
	if !ok {
		o.t.Fatalf("TypeOf(%s) is not supported", sqlType)
	}
	return typ
}

// checkText compares what both make of a text: the value in text and binary, or the SQLSTATE.
// It returns the canonical value.
func (o *oracle) checkText(sqlType string, typ canon.Type, text string) []byte {
	o.t.Helper()
	sql := fmt.Sprintf(`INSERT INTO pg_temp."t %s" VALUES ($1) RETURNING v, v`, sqlType)
	row, state := o.query(sql, []int16{0, 1}, [][]byte{[]byte(text)}, nil)
	v, err := canon.FromText(typ, o.settings, []byte(text))
	if got := stateOf(err); got != state {
		if refusedOnPurpose(got) {
			o.refused++
			return nil
		}
		o.t.Errorf("%s: FromText(%q) = SQLSTATE %q, want %q (server says %q)", o.name(sqlType), text, got, state, row)
		return nil
	}
	if err != nil {
		return nil
	}
	gotText, err := canon.AppendText([]byte("x"), typ, o.settings, v)
	if err != nil || string(gotText[1:]) != string(row[0]) {
		o.t.Errorf("%s: AppendText(FromText(%q)) = %q, %v, want %q", o.name(sqlType), text, gotText, err, row[0])
	}
	gotBinary, err := canon.AppendBinary([]byte("x"), typ, v)
	if err != nil || !bytes.Equal(gotBinary[1:], row[1]) {
		o.t.Errorf("%s: AppendBinary(FromText(%q)) = %x, %v, want %x", o.name(sqlType), text, gotBinary, err, row[1])
	}
	back, err := canon.FromBinary(typ, row[1])
	if err != nil || !bytes.Equal(back, v) {
		o.t.Errorf("%s: FromBinary(%x) = %x, %v, want %x as from %q", o.name(sqlType), row[1], back, err, v, text)
	}
	return v
}

func (o *oracle) name(sqlType string) string {
	return fmt.Sprintf("%s under %s, %s, %v", sqlType, o.settings.DateStyle, o.settings.IntervalStyle, o.settings.TimeZone)
}

// refusedOnPurpose are refusals of what PostgreSQL would take: what only a clock
// can answer, and zones that are not in the IANA database, such as PM-08:00:15.
func refusedOnPurpose(state string) bool { return state == pgerr.StateUnsupported || state == "22023" }

func stateOf(err error) string {
	var e *pgerr.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.State
	}
	return "not a pgerr.Error: " + err.Error()
}

// checkEquality compares = on pairs of values.
func (o *oracle) checkEquality(sqlType string, typ canon.Type, texts []string, rng *rand.Rand, pairs int) {
	o.t.Helper()
	sql := fmt.Sprintf("SELECT $1::text::%[1]s = $2::text::%[1]s", sqlType)
	for range pairs {
		a, b := texts[rng.IntN(len(texts))], texts[rng.IntN(len(texts))]
		va, errA := canon.FromText(typ, o.settings, []byte(a))
		vb, errB := canon.FromText(typ, o.settings, []byte(b))
		if errA != nil || errB != nil {
			continue
		}
		row, state := o.query(sql, []int16{0}, [][]byte{[]byte(a), []byte(b)}, nil)
		if state != "" {
			o.t.Errorf("%s: %q = %q: SQLSTATE %s", sqlType, a, b, state)
			continue
		}
		ea, errA := canon.AppendEquality(nil, typ, va)
		eb, errB := canon.AppendEquality(nil, typ, vb)
		if errA != nil || errB != nil {
			o.t.Errorf("AppendEquality(%q), (%q): %v, %v", a, b, errA, errB)
			continue
		}
		if got, want := bytes.Equal(ea, eb), string(row[0]) == "t"; got != want {
			o.t.Errorf("%s: AppendEquality says %q = %q is %v, want %v", o.name(sqlType), a, b, got, want)
		}
	}
}

// TestOracle has one server for all its parts.
func TestOracle(t *testing.T) {
	oracles := newOracles(t)
	parts := []struct {
		name  string
		check func(*testing.T, []*oracle)
	}{
		{"text", checkTexts}, {"binary", checkBinaries}, {"coerce", checkCoercions},
		{"interval fields", checkIntervalFields}, {"names", checkNames}, {"json", checkJSON},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.check(t, oracles) })
	}
}

// checkTexts sends texts of every type to both, in every session where the session matters.
func checkTexts(t *testing.T, oracles []*oracle) {
	for _, c := range oracleCases() {
		t.Run(c.sqlType, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 11))
			texts := append([]string{}, c.texts...)
			for range c.count {
				texts = append(texts, c.generate(rng))
			}
			asked := oracles
			if !c.allSessions {
				asked = oracles[:2]
			}
			for _, o := range asked {
				o.t, o.refused = t, 0
				typ := o.typeOf(c.sqlType)
				for _, text := range texts {
					o.checkText(c.sqlType, typ, text)
				}
				// A timetz without its zone depends on the date in most zones.
				if o.refused > len(texts)/10 && c.sqlType != "timetz" {
					t.Errorf("%s: %d of %d texts were refused", o.name(c.sqlType), o.refused, len(texts))
				}
				if typ.HasEquality() && typ.Mod == -1 {
					o.checkEquality(c.sqlType, typ, texts, rng, c.count)
				}
			}
		})
	}
}

// checkNames checks every zone's name and abbreviation that the server
// knows, and the lower case of every character.
func checkNames(t *testing.T, oracles []*oracle) {
	o := oracles[2]
	o.t = t
	typ := o.typeOf("timestamptz")
	for _, at := range []string{"2024-07-01 12:00", "2024-01-01 12:00", "2004-05-06 07:08", "1975-03-04 05:06"} {
		sql := fmt.Sprintf(`SELECT lower(n), ('%[1]s ' || n)::timestamptz FROM (
			SELECT name FROM pg_timezone_names WHERE name NOT IN ('localtime', 'posixrules', 'Factory') AND name NOT LIKE 'posix/%%'
			UNION SELECT abbrev FROM pg_timezone_abbrevs) z(n)`, at)
		result := o.conn.ExecParams(t.Context(), sql, nil, nil, nil, []int16{0, 1}).Read()
		if result.Err != nil || len(result.Rows) < 500 {
			t.Fatalf("%d zones, %v", len(result.Rows), result.Err)
		}
		for _, row := range result.Rows {
			text := at + " " + string(row[0])
			if v, err := canon.FromText(typ, o.settings, []byte(text)); err != nil || !bytes.Equal(v, row[1]) {
				t.Errorf("FromText(%q) = %x, %v, want %x", text, v, err, row[1])
			}
		}
	}
	result := o.conn.ExecParams(t.Context(), `SELECT chr(i), lower(chr(i)) FROM generate_series(1, 131071) i WHERE i NOT BETWEEN 55296 AND 57343`, nil, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	differ := 0
	for _, row := range result.Rows {
		if got, err := canon.AppendEquality(nil, citext(), row[0]); err != nil || !bytes.Equal(got, row[1]) {
			differ++
			t.Logf("lower(%q) = %q, %v, want %q", row[0], got, err, row[1])
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d characters have another lower case", differ, len(result.Rows))
	}
}
