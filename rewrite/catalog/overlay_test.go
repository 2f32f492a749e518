package catalog_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// own asks a session for its own relations, as the proxy does.
func own(t *testing.T, conn *pgx.Conn, oids string) []catalog.Own {
	t.Helper()
	var answer []byte
	if err := conn.QueryRow(t.Context(), "SELECT "+catalog.OwnSQL(), oids, "", "").Scan(&answer); err != nil {
		t.Fatal(err)
	}
	var all []catalog.Own
	if answer != nil {
		if err := json.Unmarshal(answer, &all); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The service user's snapshot must not depend on what sessions do for
// themselves, and the overlay must hold all of it.
func TestOverlay_holdsWhatTheSessionSees(t *testing.T) {
	pg := testkit.StartPostgres(t)
	pol, err := policy.Load("policy.yaml", []byte("version: 1\ntables: {people: {name: {search: [equality]}}}"))
	if err != nil {
		t.Fatal(err)
	}
	service := database(t, pg, "own", "CREATE TABLE people (id int, name text); CREATE TABLE towns (id int)",
		"CREATE FUNCTION reads_copy() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM copy); END'",
		"CREATE FUNCTION outer_one() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN reads_copy(); END'")
	before := load(t, service, pol)
	if _, ok := before.TaintedFunction("reads_copy"); ok {
		t.Error("reads_copy is tainted without the table that it reads")
	}

	session := connect(t, pg, "own")
	for _, sql := range []string{
		"CREATE TEMP TABLE copy (id int NOT NULL DEFAULT 1, gone int, name varchar(7))", "ALTER TABLE copy DROP COLUMN gone",
		"CREATE TEMP TABLE people (x int)", "CREATE TEMP VIEW seen AS SELECT name FROM copy", "CREATE TEMP VIEW plain AS SELECT id FROM towns",
		"CREATE TEMP VIEW calls AS SELECT outer_one() AS n",
	} {
		if _, err := session.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := catalog.Version(t.Context(), service); err != nil || after != before.Version {
		t.Errorf("Version = %v, %v after temporary tables of a session, want %v", after, err, before.Version)
	}

	all := own(t, session, "{}")
	for i := range all {
		if all[i].Name == "copy" {
			sealed := before.Lookup([]string{"public"}, "", "people").Column("name").Protected
			all[i].Sealed = []*catalog.Protected{nil, nil, sealed}
		}
	}
	s := before.Overlay(all)
	path := []string{"pg_temp_3", "pg_catalog", "public"}
	for _, r := range all {
		path[0] = r.Schema
	}
	copied := s.Lookup(path, "", "copy")
	if copied == nil || len(copied.Columns) != 2 || copied.Column("name").Protected == nil || copied.Column("name").Num != 3 ||
		copied.Column("id").Protected != nil || !copied.Column("id").NotNull || !copied.Column("id").HasDefault || !copied.Temporary {
		t.Fatalf("Lookup(copy) = %+v, want the temporary table with a sealed column", copied)
	}
	if r := s.Lookup(path, "pg_temp", "people"); r == nil || r.Protects() || s.Lookup(path, "", "people") != r {
		t.Errorf("Lookup(people) = %+v, want the temporary one that hides the protected", s.Lookup(path, "", "people"))
	}
	if r := s.Lookup(path, "public", "people"); r == nil || !r.Protects() {
		t.Errorf("Lookup(public.people) = %+v, want the protected one", r)
	}
	if r := s.Lookup(path, "", "seen"); r == nil || !strings.Contains(r.Definition, "FROM copy") || r.Tainted == "" {
		t.Errorf("Lookup(seen) = %+v, want a view with its definition", r)
	}
	if r := s.Lookup(path, "", "plain"); r == nil || r.Tainted != "" || r.Definition != "" {
		t.Errorf("Lookup(plain) = %+v, want a view that leads to nothing", r)
	}
	if r := s.Lookup(path, "", "calls"); r == nil || r.Tainted == "" {
		t.Errorf("Lookup(calls) = %+v, want a view over a function that reads the copy", r)
	}
	for _, name := range []string{"reads_copy", "outer_one"} {
		if _, ok := s.TaintedFunction(name); !ok {
			t.Errorf("TaintedFunction(%s) = false, want true: it reads the copy", name)
		}
		if _, ok := before.TaintedFunction(name); ok {
			t.Errorf("the overlay has changed the snapshot beneath: %s", name)
		}
	}
	if again := before.Overlay(all); again.Version != s.Version {
		t.Errorf("Version = %v, want %v again", again.Version, s.Version)
	}
	if none := before.Overlay(all[:1]); none.Version == s.Version || none.Version == before.Version {
		t.Errorf("Version = %v does not tell overlays apart", none.Version)
	}
}

// An operator or function in front of the system's must not have a say.
func TestOwnSQL_isQualified(t *testing.T) {
	pg := testkit.StartPostgres(t)
	conn := database(t, pg, "hostile", "CREATE SCHEMA evil",
		"CREATE FUNCTION evil.never(oid, oid) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END'",
		"CREATE FUNCTION evil.never(name, name) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END'",
		"CREATE FUNCTION evil.never(int2, int4) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END'",
		"CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.never)",
		"CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.never)",
		"CREATE OPERATOR evil.> (LEFTARG = int2, RIGHTARG = int4, FUNCTION = evil.never)",
		"CREATE TABLE evil.pg_class (oid oid); CREATE TABLE evil.pg_attribute (oid oid); CREATE DOMAIN evil.int8 AS int4 CHECK (false)")
	if _, err := conn.Exec(t.Context(), "CREATE TEMP TABLE mine (a int); SET search_path = evil, pg_catalog", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if all := own(t, conn, "{}"); len(all) != 1 || all[0].Name != "mine" || len(all[0].Columns) != 1 {
		t.Errorf("own = %+v, want the table", all)
	}
}
