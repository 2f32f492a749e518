package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/internal/testkit"
)

func TestStatement_isDecidedByItsChoices(t *testing.T) {
	t.Parallel()
	w := NewWorld(11)
	for i := range uint64(300) {
		first := w.Statement(Random(11, i))
		for name, again := range map[string]Statement{
			"the same seed":  w.Statement(Random(11, i)),
			"replaying":      w.Statement(Replay(first.Taken)),
			"its own world":  NewWorld(11).Statement(Replay(first.Taken)),
			"replayed twice": w.Statement(Replay(w.Statement(Replay(first.Taken)).Taken)),
		} {
			if diff := cmp.Diff(first, again); diff != "" {
				t.Fatalf("statement %d by %s (-first +again):\n%s", i, name, diff)
			}
		}
	}
}

func TestStatement_simplestIsSimple(t *testing.T) {
	t.Parallel()
	got := NewWorld(1).Statement(Replay(nil))
	if got.String() != "SELECT people.id FROM people" || len(got.Constructs) != 0 || got.User != "" {
		t.Errorf("the statement of no choices = %q", got)
	}
}

// Whatever choices a shrinker leaves, they make a statement.
func TestStatement_takesAnyChoices(t *testing.T) {
	t.Parallel()
	w, c := NewWorld(5), Random(5, 5)
	for range 300 {
		noise := make([]uint32, c.N(80))
		for i := range noise {
			noise[i] = uint32(c.N(1 << 16))
		}
		if st := w.Statement(Replay(noise)); st.String() == "" {
			t.Errorf("choices %v made no statement", noise)
		}
	}
}

// constructs are those that every run must hold.
func constructs() []string {
	const list = `join ON; LEFT JOIN; RIGHT JOIN; FULL JOIN; cross join; comma in FROM; USING; USING a protected column; NATURAL JOIN;
NATURAL JOIN over a protected column; LATERAL; join by a protected column; alias is another's name; alias with columns; t.*; *; TABLE; ONLY;
schema.table; schema.table.column; U& name; view; subquery in FROM; VALUES in FROM; VALUES alone; function in FROM; unnest; WITH ORDINALITY;
ROWS FROM; columns of a record function; XMLTABLE; LATERAL function; TABLESAMPLE; scalar subquery; correlated subquery; EXISTS;
IN (subquery); NOT IN (subquery); = ANY (subquery); <> ALL (subquery); CTE; CTE shadows a table; recursive CTE; SEARCH and CYCLE;
data-modifying CTE; UNION; UNION ALL; INTERSECT; INTERSECT ALL; EXCEPT; EXCEPT ALL; several set operations; set operation with ORDER BY;
CASE; COALESCE; NULLIF; cast to its own type; literal with cast; parameter with cast; parameters; parameters of declared types;
one parameter in several places; E'' literal; $$ literal; U&'' literal; IN list; = ANY ('{…}'); = ANY (ARRAY[]); = ANY (parameter);
IS DISTINCT FROM; IS NULL; row comparison; IN of rows; row IN (subquery); row IN (VALUES); row IS DISTINCT FROM; row = (subquery);
row of columns; ROW() comparison; row order; bool as a condition; GROUP BY; GROUP BY a protected column; GROUP BY place; grouping sets;
GROUPING(); HAVING; DISTINCT; DISTINCT of a protected column; DISTINCT ON; DISTINCT ON a protected column; count(column);
count(DISTINCT column); FILTER; window function; window frame; WINDOW clause; PARTITION BY a protected column; ORDER BY; LIMIT;
LIMIT parameter; OFFSET; FETCH; LIMIT in a subquery; FOR UPDATE; container; row_to_json; whole row; cast of a row; field of a row;
key of JSON of a row; ROW(); json_build_object; json_build_array; to_json of a column; ARRAY[] of columns; concatenation of a column;
row_to_json of a subquery; ARRAY(subquery); container aggregate; string_agg; json_agg; json_agg of rows; json_object_agg; array_agg of rows;
json_agg of built objects; array_agg; rarer syntax; INSERT VALUES; INSERT several rows; INSERT without columns; INSERT SELECT;
INSERT SELECT of a plain column; INSERT SELECT of unnest; DEFAULT; ON CONFLICT (unique column); ON CONFLICT DO NOTHING;
ON CONFLICT DO UPDATE; ON CONFLICT DO UPDATE WHERE; RETURNING; RETURNING *; UPDATE; UPDATE FROM; UPDATE FROM VALUES; multi-assignment;
multi-assignment from a subquery; SET column = column; SET column = CASE; SET column = COALESCE; SET column = (subquery); DELETE;
DELETE USING; write through a view; MERGE; MERGE ON a column; MERGE with a CTE; MERGE USING VALUES; MERGE USING a subquery;
constant expression; CASE of constants; NULLIF of constants; GREATEST of constants; arithmetic of constants; nested cast;
COALESCE of constants; concatenation of constants; function of constants; format of constants; subquery of constants;
concatenation of a parameter; EXPLAIN; EXPLAIN of a write; PREPARE; PREPARE with types; EXECUTE; EXPLAIN EXECUTE; CREATE TABLE AS EXECUTE;
DEALLOCATE; DECLARE; FETCH and MOVE; CLOSE; CURRENT OF; temporary table; SELECT INTO; CREATE TABLE AS; CREATE TABLE AS, to stay;
REFRESH MATERIALIZED VIEW; INSERT into what was made; copy into what was made; UPDATE what was made; copy from what was made; CREATE VIEW;
view with CHECK OPTION; settings; COPY FROM, text; COPY FROM, CSV; COPY FROM … WHERE; COPY of a malformed value; COPY table TO;
COPY (query) TO; COPY (write RETURNING) TO; as clerk; cast between text types; cursor after COMMIT; COPY FROM, binary; as outsider; value too long or malformed; wild expression; wild condition;
wild aggregate; wild ORDER BY; wild copy; wild stored value`
	return strings.Split(strings.ReplaceAll(list, ";\n", "; "), "; ")
}

// Every construct, and every node of the grammar, comes up in a few runs.
func TestStatement_composesEverything(t *testing.T) {
	t.Parallel()
	var tally Tally
	seen := map[string]bool{}
	for seed := range uint64(8) {
		w := NewWorld(seed)
		for i := range uint64(1500) {
			st := w.Statement(Random(seed, i))
			tally.Add(st, oracle.Verdict{Judgement: oracle.Same})
			for _, name := range st.Constructs {
				seen[name] = true
			}
		}
	}
	for _, name := range constructs() {
		if !seen[name] {
			t.Errorf("no statement of 12,000 has: %s", name)
		}
	}
	for _, kind := range tally.NeverMade() {
		t.Errorf("no statement of 12,000 has a node %s", kind)
	}
	if sql := tally.Unparsed(); sql != "" {
		t.Errorf("PostgreSQL's grammar does not know: %s", sql)
	}
}

// A generator rots by making what no server takes. PostgreSQL takes the schema
// and the data, finds no mistake of grammar, and answers most statements.
func TestStatement_isSQL(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	failures := map[string][]string{}
	ran := 0
	for seed := range uint64(4) {
		db := fmt.Sprintf("world%d", seed)
		w := NewWorld(seed)
		pg.CreateDB(t, db)
		pg.Exec(t, db, append([]string{w.Schema()}, w.Fill()...)...)
		conn, err := pgconn.Connect(t.Context(), pg.URL(db, testkit.Superuser))
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(250) {
			st := w.Statement(Random(seed, i))
			ran++
			if err := failure(t.Context(), t, conn, st); err != nil {
				failures[err.Code] = append(failures[err.Code], err.Message+": "+st.String())
			}
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	failed := 0
	for code, all := range failures {
		failed += len(all)
		if slices.Contains([]string{"42601", "42P02", "42P18", "42703", "42P01"}, code) {
			t.Errorf("%d statements are no SQL (%s):\n%s", len(all), code, strings.Join(all[:min(len(all), 5)], "\n"))
		}
	}
	if failed*100 > ran*25 {
		t.Errorf("%d of %d statements failed, want at most a quarter", failed, ran)
	}
}

// failure runs a statement without lasting effect and returns its error.
func failure(ctx context.Context, t *testing.T, conn *pgconn.PgConn, st Statement) *pgconn.PgError {
	t.Helper()
	if _, err := conn.Exec(ctx, "BEGIN").ReadAll(); err != nil {
		t.Fatal(err)
	}
	var err error
	for _, step := range st.Steps {
		out := oracle.Run(ctx, conn, oracle.Extended, step.Statement)
		if err = out.Broken; out.Err != nil {
			err = out.Err
		}
		if err != nil {
			break
		}
	}
	if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr
	}
	if err != nil {
		t.Fatalf("%s: %v", st, err)
	}
	return nil
}
