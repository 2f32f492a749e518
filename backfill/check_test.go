package backfill_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
)

func check(t *testing.T, conn backfill.DB, pol *policy.Policy) []backfill.Finding {
	t.Helper()
	found, err := backfill.Check(t.Context(), conn, pol)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return found
}

// judged is a table p with what stands in the way, or does not, of sealing its column c.
type judged struct {
	name string
	// ddl is run after the table (id int, c text, d date, e text) has been made.
	ddl string
	// column is the protected one: c unless said.
	column string
	// want is a part of the one finding, with its severity before it; "" for none.
	want string
}

var judgements = []judged{
	{name: "nothing"},
	{name: "missing column", column: "nothing", want: "error: public.p.nothing: the column does not exist"},
	{name: "unsupported type", ddl: "ALTER TABLE p ADD x point", column: "x", want: "error: public.p.x: values of type point"},
	{name: "domain type", ddl: "CREATE DOMAIN dom AS text; ALTER TABLE p ADD x dom", column: "x", want: "error: public.p.x: values of type dom"},
	{name: "new type", column: "d", want: "info: public.p.d: its type date becomes text"},
	{name: "length", ddl: "ALTER TABLE p ALTER c TYPE varchar(9)", want: "info: public.p.c: its type character varying(9) becomes character varying"},
	{name: "generated", ddl: "ALTER TABLE p ADD g text GENERATED ALWAYS AS ('x') STORED", column: "g", want: "error: public.p.g: it is a generated"},
	{name: "source of generated", ddl: "ALTER TABLE p ADD g text GENERATED ALWAYS AS (upper(c)) STORED", want: "error: public.p.c: default value for column g"},
	{name: "identity", ddl: "ALTER TABLE p ALTER id SET NOT NULL; ALTER TABLE p ALTER id ADD GENERATED ALWAYS AS IDENTITY", column: "id", want: "error: public.p.id: it is an identity"},
	{name: "changing default", ddl: "ALTER TABLE p ALTER c SET DEFAULT now()::text", want: "error: public.p.c: its DEFAULT is not a constant"},
	{name: "constant default", ddl: "ALTER TABLE p ALTER c SET DEFAULT 'x'", want: "info: public.p.c: its DEFAULT will be one sealed value"},
	{name: "null default", ddl: "ALTER TABLE p ALTER c SET DEFAULT NULL"},
	{name: "collation", ddl: `CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ALTER TABLE p ALTER c TYPE text COLLATE ci`, want: "error: public.p.c: its collation"},
	{name: "collation stored only", ddl: `CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ALTER TABLE p ALTER c TYPE text COLLATE ci`, column: "c!"},
	{name: "json", ddl: "ALTER TABLE p ALTER c TYPE json USING NULL", want: "error: public.p.c: type json has no equality"},

	{name: "primary key", ddl: "ALTER TABLE p ADD PRIMARY KEY (c)", want: "error: public.p: constraint p_pkey cannot be kept: a primary key"},
	{name: "primary key elsewhere", ddl: "ALTER TABLE p ADD PRIMARY KEY (id)"},
	{name: "primary key includes", ddl: "ALTER TABLE p ADD PRIMARY KEY (id) INCLUDE (c)", want: "error: public.p: constraint p_pkey"},
	{name: "unique", ddl: "ALTER TABLE p ADD CONSTRAINT u UNIQUE (c)", want: "info: public.p: constraint u will be replaced"},
	{name: "unique without terms", ddl: "ALTER TABLE p ADD CONSTRAINT u UNIQUE (c)", column: "c!", want: "error: public.p: constraint u cannot be kept: column c has no equality"},
	{name: "deferrable", ddl: "ALTER TABLE p ADD CONSTRAINT u UNIQUE (c) DEFERRABLE", want: "error: public.p: constraint u cannot be kept: a deferrable"},
	{name: "foreign key to", ddl: "ALTER TABLE p ADD CONSTRAINT u UNIQUE (c); CREATE TABLE q (c text CONSTRAINT fk REFERENCES p (c))", want: "error: public.p.c: constraint fk on table q uses it"},
	{name: "foreign key from", ddl: "CREATE TABLE q (c text PRIMARY KEY); ALTER TABLE p ADD CONSTRAINT fk FOREIGN KEY (c) REFERENCES q", want: "error: public.p.c: constraint fk on table p uses it"},
	{name: "exclusion", ddl: "ALTER TABLE p ADD CONSTRAINT x EXCLUDE USING btree (c WITH =)", want: "error: public.p: constraint x cannot be kept: an exclusion"},
	{name: "replica identity", ddl: "ALTER TABLE p ALTER c SET NOT NULL; CREATE UNIQUE INDEX x ON p (c); ALTER TABLE p REPLICA IDENTITY USING INDEX x", want: "error: public.p: index x cannot be kept: it is the table's replica identity"},
	{name: "plain index", ddl: "CREATE INDEX x ON p (id, c)", want: "info: public.p: index x will be replaced"},
	{name: "expression index", ddl: "CREATE INDEX x ON p (lower(c))", want: "info: public.p: index x will be dropped"},
	{name: "unique expression index", ddl: "CREATE UNIQUE INDEX x ON p (lower(c))", want: "error: public.p: index x cannot be kept: its expression lower(c)"},
	{name: "term index", ddl: "CREATE UNIQUE INDEX x ON p (split_part(c::text, '.', 2))"},
	{name: "partial index", ddl: "CREATE INDEX x ON p (id) WHERE c = 'x'", want: "info: public.p: index x will be dropped"},
	{name: "partial unique index", ddl: "CREATE UNIQUE INDEX x ON p (id) WHERE c = 'x'", want: "error: public.p: index x cannot be kept: its WHERE"},
	{name: "partial on null", ddl: "CREATE UNIQUE INDEX x ON p (id) WHERE c IS NOT NULL"},
	{name: "brin", ddl: "CREATE INDEX x ON p USING brin (c)", want: "info: public.p: index x will be dropped"},
	{name: "index elsewhere", ddl: "CREATE INDEX x ON p (lower(e)) WHERE e > 'a'"},

	{name: "check", ddl: "ALTER TABLE p ADD CONSTRAINT k CHECK (length(c) > 2)", want: "error: public.p.c: constraint k on table p would look"},
	{name: "check for null", ddl: "ALTER TABLE p ADD CONSTRAINT k CHECK (e = 'contact' AND c IS NOT NULL OR e <> 'contact')"},
	{name: "policy", ddl: "CREATE POLICY pol ON p USING (c = current_user)", want: "error: public.p.c: policy pol on table p would look"},
	{name: "trigger when", ddl: trigger + "CREATE TRIGGER tr BEFORE UPDATE ON p FOR EACH ROW WHEN (old.c <> new.c) EXECUTE FUNCTION f()", want: "error: public.p.c: trigger tr on table p would look"},
	{name: "trigger of", ddl: trigger + "CREATE TRIGGER tr BEFORE UPDATE OF d ON p FOR EACH ROW EXECUTE FUNCTION f()", column: "d", want: "error: public.p.d: trigger tr on table p keeps its type"},
	{name: "trigger", ddl: trigger + "CREATE TRIGGER tr BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION f()", want: "warning: public.p: trigger tr fires"},
	{name: "trigger that is off", ddl: trigger + "CREATE TRIGGER tr BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE p DISABLE TRIGGER tr"},
	{name: "view", ddl: "CREATE VIEW v AS SELECT c FROM p", want: "warning: public.v: it is a view over public.p"},
	{name: "view over a new type", ddl: "CREATE VIEW v AS SELECT d FROM p", column: "d", want: "error: public.p.d: rule _RETURN on view v keeps its type"},
	{name: "materialized view", ddl: "CREATE MATERIALIZED VIEW v AS SELECT c FROM p", want: "error: public.p.c: rule _RETURN on materialized view v holds a copy"},
	{name: "rule", ddl: "CREATE RULE r AS ON INSERT TO p WHERE new.c = 'x' DO INSTEAD NOTHING", want: "error: public.p.c: rule r on table p would look"},
	{name: "function", ddl: "CREATE FUNCTION look() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM p'", want: "warning: function look: its body names public.p"},
	{name: "row filter", ddl: "CREATE PUBLICATION pub FOR TABLE p WHERE (c = 'x')", want: "error: public.p.c: publication of table p in publication pub would look"},
	{name: "publication", ddl: "CREATE PUBLICATION pub FOR TABLE p"},
	{name: "children", ddl: "CREATE TABLE q () INHERITS (p)", want: "error: public.p: it has partitions"},
	{name: "partitioned", ddl: "DROP TABLE p; CREATE TABLE p (id int, c text) PARTITION BY RANGE (id)", want: "error: public.p.c: it is not an ordinary table"},
	{name: "few values", ddl: "INSERT INTO p SELECT i, 'v' || i % 4 FROM generate_series(1, 1000) i", want: "warning: public.p.c: equality terms tell its values by how often they occur: 4 distinct in 1000 rows, the commonest 25.0 %"},
	{name: "a common value", ddl: "INSERT INTO p SELECT i, CASE WHEN i % 5 = 0 THEN 'x' ELSE i::text END FROM generate_series(1, 1000) i", want: "warning: public.p.c: equality terms tell its values by how often they occur: 801 distinct in 1000 rows, the commonest 20.0 %"},
	{name: "few values stored only", ddl: "INSERT INTO p SELECT i, 'v' FROM generate_series(1, 1000) i", column: "c!"},
	{name: "many values", ddl: "INSERT INTO p SELECT i, i FROM generate_series(1, 1000) i"},
	{name: "few rows", ddl: "INSERT INTO p SELECT i, 'v' FROM generate_series(1, 20) i"},
}

const trigger = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"

func TestCheck(t *testing.T) {
	pg := startPostgres(t)
	for name, test := range map[string]func(*testing.T, *testkit.Postgres){
		"judgements": testJudgements, "rights": testRights, "row_security": testRowSecurity, "server": testServer,
		"domains": testCheckDomains, "search": testCheckSearch, "changed_policy": testChangedPolicy, "after": testCheckAfter,
	} {
		t.Run(name, func(t *testing.T) { test(t, pg) })
	}
}

func testJudgements(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "judgements")
	for _, j := range judgements {
		t.Run(j.name, func(t *testing.T) {
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(t.Context()) }()
			exec(t, conn, "CREATE TABLE p (id int, c text, d date, e text);"+j.ddl)
			if j.column == "" {
				j.column = "c"
			}
			found := check(t, tx, protecting("public.p."+j.column))
			if j.want == "" {
				if len(found) > 0 {
					t.Errorf("Check finds %v, want nothing", found)
				}
				return
			}
			// What a finding brings with it, such as the index of a constraint, stands behind it.
			if len(found) == 0 || !strings.HasPrefix(found[0].String(), j.want) {
				t.Errorf("Check finds %v, want %q first", found, j.want)
			}
			if len(found) > 0 && found[0].Severity == backfill.Error && found[0].Cure == "" {
				t.Errorf("%v has no cure", found[0])
			}
		})
	}
}

func want(t *testing.T, found []backfill.Finding, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !slices.ContainsFunc(found, func(f backfill.Finding) bool { return strings.HasPrefix(f.String(), part) }) {
			t.Errorf("Check finds %v, want one that begins with %q", found, part)
		}
	}
	if len(found) != len(parts) {
		t.Errorf("Check finds %d things, want %d: %v", len(found), len(parts), found)
	}
}

func testRights(t *testing.T, pg *testkit.Postgres) {
	database(t, pg, "rights", "CREATE TABLE p (c text)")
	stranger := strangerConn(t, pg, "rights")
	pol := protecting("public.p.c")
	want(t, check(t, stranger, pol), "error: public.p: the service user is not its owner", "error: the service user may not create schema pgveil")
	pg.Exec(t, "rights", "CREATE ROLE friend LOGIN; GRANT service TO friend; CREATE SCHEMA pgveil")
	friend, err := pgx.Connect(t.Context(), pg.URL("rights", "friend"))
	if err != nil {
		t.Fatal(err)
	}
	defer friend.Close(t.Context())
	want(t, check(t, friend, pol), "error: schema pgveil belongs to another user")
	pg.Exec(t, "rights", "ALTER SCHEMA pgveil OWNER TO service")
	want(t, check(t, friend, pol))
	pg.Exec(t, "rights", "REVOKE CREATE ON SCHEMA public FROM service, public; CREATE INDEX on_c ON p (c); ALTER DATABASE rights OWNER TO postgres")
	want(t, check(t, friend, pol), "error: public.p: index on_c cannot be replaced")
	pg.Exec(t, "rights", "GRANT CREATE ON SCHEMA public TO service")
	// A member of the owner can do all that Apply needs.
	pg.Exec(t, "rights", "INSERT INTO p VALUES ('Ann')")
	apply(t, friend, pol)
	if got := opened(t, friend, "SELECT c FROM p"); got[0] != "Ann" {
		t.Errorf("c is %q", got)
	}
}

func testRowSecurity(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "row_security", "CREATE TABLE p (id int, c text)", "ALTER TABLE p ENABLE ROW LEVEL SECURITY")
	want(t, check(t, conn, protecting("public.p.c")))
	exec(t, conn, "ALTER TABLE p FORCE ROW LEVEL SECURITY")
	want(t, check(t, conn, protecting("public.p.c")), "error: public.p: row security hides rows")
}

func testServer(t *testing.T, pg *testkit.Postgres) {
	pg.Exec(t, "postgres", "CREATE DATABASE latin ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 OWNER service")
	pg.Exec(t, "latin", "CREATE TABLE p (c text); ALTER TABLE p OWNER TO service")
	want(t, check(t, connect(t, pg, "latin"), protecting("public.p.c")), "error: the database's encoding is LATIN1")

	pg.Exec(t, "postgres", "CREATE DATABASE folding ENCODING UTF8 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 OWNER service")
	pg.Exec(t, "folding", "CREATE EXTENSION citext; CREATE TABLE p (c citext, d text); ALTER TABLE p OWNER TO service")
	want(t, check(t, connect(t, pg, "folding"), protecting("public.p.c", "public.p.d")),
		"error: public.p.c: the database's LC_CTYPE folds the case of ASCII letters only")
}

func testCheckSearch(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "check_search", "CREATE TABLE p (c text)")
	pol := protecting("public.p.c")
	pol.Tables[0].Columns[0].Search.Substring = true
	want(t, check(t, conn, pol), "info: public.p.c: this version searches by equality only")
}

func testCheckDomains(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "check_domains", "CREATE TABLE p (a text, b varchar(9), c citext, d date, e timestamp, f date)")
	found := check(t, conn, protecting("public.p.a@x", "public.p.b@x", "public.p.c@x", "public.p.d@y", "public.p.e@y", "public.p.f@y"))
	var errs []backfill.Finding
	for _, f := range found {
		if f.Severity == backfill.Error {
			errs = append(errs, f)
		}
	}
	want(t, errs, `error: public.p.c: shares domain "x" with public.p.a, but its type is citext and not text`,
		`error: public.p.e: shares domain "y" with public.p.d, but its type is timestamp and not date`)
}

func testChangedPolicy(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "changed_policy", "CREATE TABLE p (a text, b text, c text, d text, e text)", "CREATE TABLE q (a text)")
	apply(t, conn, protecting("public.p.a", "public.p.b", "public.p.c", "public.p.d", "public.q.a"))
	pol := protecting("public.p.a@another", "public.p.b!", "public.p.c", "public.p.d", "public.p.e@public.p.a")
	pol.Tables[0].Columns[2].Pad = 16
	pol.Tables[0].Columns[3].Keyset = "other"
	pol.Tables[0].Columns[4].Keyset = "default"
	want(t, check(t, conn, pol),
		"error: public.p.a: it is sealed in another domain", "error: public.p.b: it is sealed with other terms",
		"error: public.p.c: it is sealed with other terms or another pad", `error: public.p.d: its domain is sealed under keyset "default"`,
		"warning: public.q.a: it is sealed, but the policy does not list it")
}

// testCheckAfter checks that what Apply made is not held against it, and that
// what came later is told.
func testCheckAfter(t *testing.T, pg *testkit.Postgres) {
	conn := database(t, pg, "after_apply", "CREATE TABLE p (id int, c text UNIQUE DEFAULT 'x', d date)", "CREATE INDEX ON p (d)",
		"INSERT INTO p SELECT i, i, date '2000-01-01' + i % 3 FROM generate_series(1, 300) i")
	pol := protecting("public.p.c", "public.p.d")
	const few = "warning: public.p.d: equality terms tell its values by how often they occur: 3 distinct in 300 rows"
	apply(t, conn, pol)
	want(t, check(t, conn, pol), few)
	exec(t, conn, "CREATE VIEW v AS SELECT c FROM p; CREATE INDEX later ON p (c)")
	want(t, check(t, conn, pol), few, "warning: public.v: it is a view", "info: public.p: index later will be replaced")
	exec(t, conn, "DROP VIEW v; DROP INDEX later; ALTER TABLE p DROP CONSTRAINT pgveil_guard_c")
	want(t, check(t, conn, pol), few, "warning: public.p.c: its guard is missing")
}

func TestFinding_String(t *testing.T) {
	f := backfill.Finding{Severity: backfill.Warning, Where: "public.p", What: "it is odd", Cure: "mend it"}
	if got, want := f.String(), "warning: public.p: it is odd (mend it)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if got, want := fmt.Sprint(backfill.Finding{What: "fine"}), "info: fine"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
