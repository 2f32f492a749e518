package catalog_test

import (
	"fmt"
	"testing"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// TestParseType_agreesWithServer declares a column by every spelling and
// compares what the server makes of it.
func TestParseType_agreesWithServer(t *testing.T) {
	pg := testkit.StartPostgres(t)
	conn := database(t, pg, "types")
	s := load(t, conn, protecting())
	var spellings []string
	for _, name := range []string{
		"text", "varchar", "character varying", "char varying", "national character varying", "char", "character", "nchar",
		"national character", "bpchar", "bool", "boolean", "int2", "smallint", "int4", "int", "integer", "int8", "bigint", "numeric", "decimal",
		"dec", "float4", "real", "float8", "float", "double precision", "date", "timestamp", "timestamp without time zone",
		"timestamptz", "timestamp with time zone", "time", "time with time zone", "timetz", "interval", "uuid", "bytea", "json", "jsonb",
		"Character  Varying", "TIMESTAMP WITH TIME ZONE",
	} {
		spellings = append(spellings, name, name+"[]")
	}
	for _, n := range []int{1, 20, 10485760} {
		spellings = append(spellings, fmt.Sprintf("varchar(%d)", n), fmt.Sprintf("character varying ( %d )[]", n), fmt.Sprintf("char(%d)", n))
	}
	for n := range 7 {
		spellings = append(spellings, fmt.Sprintf("timestamp(%d)", n), fmt.Sprintf("timestamp(%d) with time zone", n),
			fmt.Sprintf("time (%d) without time zone", n), fmt.Sprintf("interval(%d)", n), fmt.Sprintf("timetz(%d)[][]", n))
	}
	for _, mod := range []string{"1", "1000", "12,2", "12, 0", "5,5", "3,-2", "1000,1000", "1,-1000"} {
		spellings = append(spellings, "numeric("+mod+")", "decimal("+mod+")[]")
	}
	for _, spelling := range spellings {
		var oid uint32
		var mod int32
		exec := fmt.Sprintf("DROP TABLE IF EXISTS t; CREATE TABLE t (c %s)", spelling)
		if _, err := conn.PgConn().Exec(t.Context(), exec).ReadAll(); err != nil {
			t.Errorf("the server refuses %q: %v", spelling, err)
			continue
		}
		const asked = "SELECT atttypid, atttypmod FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'c'"
		if err := conn.QueryRow(t.Context(), asked).Scan(&oid, &mod); err != nil {
			t.Fatal(err)
		}
		schema, name, gotMod, err := catalog.ParseType(spelling)
		if err != nil {
			t.Errorf("ParseType(%q): %v", spelling, err)
			continue
		}
		if typ, ok := s.TypeByName([]string{"pg_catalog"}, schema, name); !ok || typ.OID != oid || gotMod != mod {
			t.Errorf("ParseType(%q) = %q of OID %d, mod %d, the server says OID %d, mod %d", spelling, name, typ.OID, gotMod, oid, mod)
		}
	}
	for _, spelling := range []string{
		"varchar(0)", "varchar(10485761)", "char(0)", "numeric(0)", "numeric(1001)", "numeric(5,1001)", "numeric(1,2,3)", "int4(2)", "date(1)", "text(3)",
	} {
		_, err := conn.PgConn().Exec(t.Context(), fmt.Sprintf("CREATE TABLE never (c %s)", spelling)).ReadAll()
		if _, _, _, own := catalog.ParseType(spelling); (own == nil) != (err == nil) {
			t.Errorf("ParseType(%q): %v, the server says %v", spelling, own, err)
		}
	}
}

// TestBuild_agreesWithServer compares the types of a built snapshot with the server's.
func TestBuild_agreesWithServer(t *testing.T) {
	pg := testkit.StartPostgres(t)
	real := load(t, connect(t, pg, "postgres"), protecting())
	built, err := catalog.Build(protecting(), "")
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for oid := range uint32(10000) {
		want, ok := built.Type(oid)
		if !ok {
			continue
		}
		known++
		if got, ok := real.Type(oid); !ok || got != want {
			t.Errorf("type %d is %+v, the server says %+v", oid, want, got)
		}
		array, _ := built.ArrayOf(oid)
		if got, _ := real.ArrayOf(oid); array.OID != 0 && got != array {
			t.Errorf("the array of %s is %+v, the server says %+v", want.Name, array, got)
		}
	}
	if known < 50 {
		t.Errorf("%d types are built in, want the common ones", known)
	}
}

// TestLookup_agreesWithServer resolves names under many search paths, also
// those of relations that hide one another.
func TestLookup_agreesWithServer(t *testing.T) {
	pg := testkit.StartPostgres(t)
	conn := database(t, pg, "paths", `CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA "C d"`,
		`CREATE TABLE a.t (); CREATE TABLE b.t (); CREATE TABLE "C d".t (); CREATE TABLE public.t (); CREATE TABLE b.only_b (); CREATE VIEW a.v AS SELECT 1;
CREATE TABLE public.pg_class (); CREATE TABLE a."T" ();`)
	if _, err := conn.PgConn().Exec(t.Context(), "CREATE TEMP TABLE t (); CREATE TEMP TABLE own ()").ReadAll(); err != nil {
		t.Fatal(err)
	}
	database := load(t, conn, protecting())
	for _, path := range []string{
		"public", "a, b", "b, a", `"C d", public`, "pg_catalog, public", "public, pg_catalog", "a, pg_temp", "pg_temp, a", "nothing, b", "",
	} {
		if path == "" {
			path = "''"
		}
		if _, err := conn.Exec(t.Context(), "SET search_path = "+path); err != nil {
			t.Fatal(err)
		}
		var effective []string
		if err := conn.QueryRow(t.Context(), "SELECT current_schemas(true)::text[]").Scan(&effective); err != nil {
			t.Fatal(err)
		}
		s := database.Overlay(own(t, conn, "{}"))
		for _, name := range []string{"t", "own", "only_b", "v", "pg_class", "pg_temp.t", "pg_temp.only_b", "a.t", "a.only_b", `"C d".t`, `a."T"`, `"T"`, "no.t"} {
			var want *uint32
			if err := conn.QueryRow(t.Context(), "SELECT to_regclass($1)::oid", name).Scan(&want); err != nil {
				t.Fatal(err)
			}
			schema, relation := splitName(name)
			r := s.Lookup(effective, schema, relation)
			switch {
			case (r == nil) != (want == nil):
				t.Errorf("Lookup(%q, %s) = %v, the server says %v", effective, name, r, want)
			case r != nil && r.OID != *want:
				t.Errorf("Lookup(%q, %s) = %s.%s, the server means another", effective, name, r.Schema, r.Name)
			}
		}
	}
}

// splitName takes a name of the test apart; its only dots are between the parts.
func splitName(name string) (schema, relation string) {
	var parts []string
	part := ""
	for _, c := range name {
		switch c {
		case '"':
		case '.':
			parts, part = append(parts, part), ""
		default:
			part += string(c)
		}
	}
	parts = append(parts, part)
	if len(parts) == 1 {
		return "", parts[0]
	}
	return parts[0], parts[1]
}
