package schema

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

const everything = `
CREATE SCHEMA crm; CREATE SCHEMA "Odd Schema";
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(10); CREATE TYPE pair AS (a int, b text);
CREATE TABLE people (
 id serial PRIMARY KEY, name varchar(50) NOT NULL, phone text UNIQUE, born date DEFAULT now(), income numeric(12,2),
 tags text[], mood mood, code short, mail citext, seen timestamp(3) with time zone, pause interval day to second(2), flags bit(3),
 initials char(2), amount double precision, upper_phone text GENERATED ALWAYS AS (upper(phone)) STORED, moods mood[], pair pair);
CREATE TABLE "Odd Schema"."Odd Name" (id bigint GENERATED ALWAYS AS IDENTITY, "group" int, payload jsonb DEFAULT '{}');
CREATE TABLE crm.visits (id bigserial PRIMARY KEY, person int REFERENCES people, at timestamptz, note text);
CREATE TABLE crm.long_visits (minutes int NOT NULL) INHERITS (crm.visits);
CREATE TABLE facts (day date NOT NULL, who text) PARTITION BY RANGE (day);
CREATE TABLE facts_1 PARTITION OF facts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE copied (LIKE people); ALTER TABLE copied DROP COLUMN phone; ALTER TABLE copied RENAME COLUMN name TO title;
CREATE VIEW adults AS SELECT id, name, age(born) AS years FROM people WHERE born < now();
CREATE VIEW crm.adult_visits (who, "When") AS SELECT a.name, v.at FROM adults a JOIN crm.visits v ON v.person = a.id;
CREATE MATERIALIZED VIEW summary AS SELECT mood, count(*) FROM people GROUP BY mood;
CREATE VIEW plain AS WITH people AS (SELECT 1 AS one) SELECT v.*, people.one FROM crm.visits v, people;
CREATE VIEW mixed AS SELECT at, note FROM crm.visits UNION SELECT born, 'x' FROM people;
CREATE FUNCTION find(text) RETURNS SETOF people LANGUAGE sql AS $$SELECT * FROM public.people WHERE name = $1$$;
CREATE FUNCTION count_people() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM people; END;
CREATE FUNCTION harmless(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN $1 + 1; END$$;
CREATE FUNCTION become(text) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('role', $1, true); END$$;
CREATE FUNCTION add_name(text, people) RETURNS text LANGUAGE sql AS $$SELECT $1 || ($2).name$$;
CREATE AGGREGATE all_names(people) (sfunc = add_name, stype = text);
CREATE VIEW counted AS SELECT count_people() AS n, harmless(1) AS one;
CREATE RULE visited AS ON INSERT TO crm.visits DO ALSO SELECT name FROM people;
CREATE SEQUENCE tickets;
`

const serverPolicy = `
version: 1
tables:
  people: {name: {search: [equality]}, born: {search: [equality]}, income: {}, tags: {}, mail: {}, seen: {}}
  facts: {who: {}}
  crm.visits: {nothing: {}}
`

// TestRead_isWhatTheServerSays dumps a database with all that a schema can
// have, and reads the dump: what is known must be what catalog.Load knows.
func TestRead_isWhatTheServerSays(t *testing.T) {
	server := testkit.StartPostgres(t)
	server.CreateDB(t, "everything")
	server.Exec(t, "everything", everything)
	pol, err := policy.Load("policy.yaml", []byte(serverPolicy))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.URL("everything", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	want, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	dump, err := exec.Command(filepath.Join(server.BinDir, "pg_dump"), "--schema-only", server.URL("everything", "postgres")).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	got, notes := Read(dump, pol)
	if len(notes) > 0 {
		t.Errorf("Read leaves out: %v", notes)
	}
	if diff := cmp.Diff(describe(want.AsApplied()), describe(got)); diff != "" {
		t.Errorf("Read (-server +read)\n%s", diff)
	}
	// As a person writes it: without schemas, and in the order that it was made.
	if got, notes = Read([]byte(everything), pol); len(notes) > 0 {
		t.Errorf("Read leaves out: %v", notes)
	}
	if diff := cmp.Diff(describe(want.AsApplied()), describe(got)); diff != "" {
		t.Errorf("Read of what a person wrote (-server +read)\n%s", diff)
	}
}

// describe lists what of a snapshot decides how statements are planned. The
// reason for a taint may be any of several.
func describe(s *catalog.Snapshot) []string {
	var all []string
	for r := range s.Relations() {
		if r.Schema == "pg_catalog" || r.Schema == "information_schema" {
			continue
		}
		if r.Kind == 'S' {
			continue // those of serial columns have no statement of their own
		}
		head := fmt.Sprintf("%c %s.%s", r.Kind, r.Schema, r.Name)
		all = append(all, fmt.Sprintf("%s tainted %t", head, r.Tainted != ""))
		for _, c := range r.Columns {
			line := fmt.Sprintf("%s.%s not null %t default %t generated %t", head, c.Name, c.NotNull, c.HasDefault, c.Generated)
			if r.Kind == 'r' || r.Kind == 'p' {
				line += fmt.Sprintf(" %s %d", c.Type.Name, c.Type.Mod)
			}
			if c.Protected != nil {
				line += fmt.Sprintf(" protected %s %d ready %t", c.Protected.Logical.Name, c.Protected.Logical.Mod, c.Protected.Ready)
			}
			all = append(all, line)
		}
		if r.Tainted != "" && r.Definition != "" {
			all = append(all, head+" has a definition")
		}
	}
	for name := range s.TaintedFunctions() {
		all = append(all, "tainted function "+name)
	}
	for name := range s.SettingFunctions() {
		all = append(all, "setting function "+name)
	}
	for _, p := range s.Problems() {
		all = append(all, "problem "+p.String())
	}
	for name := range s.Names() {
		all = append(all, "name "+name)
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(line string) bool { return strings.Contains(line, "citext_") })
}
