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
	if got.SQL != "SELECT people.id FROM people" || len(got.Params) != 0 || len(got.Constructs) != 0 {
		t.Errorf("the statement of no choices = %q with %d parameters", got.SQL, len(got.Params))
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
		if st := w.Statement(Replay(noise)); st.SQL == "" {
			t.Errorf("choices %v made no statement", noise)
		}
	}
}

// constructs are those that every run must hold.
func constructs() []string {
	return strings.Split(`join ON,LEFT JOIN,RIGHT JOIN,FULL JOIN,cross join,comma in FROM,USING,USING a protected column,NATURAL JOIN,LATERAL,
join by a protected column,alias is another's name,alias with columns,t.*,*,TABLE,schema.table,schema.table.column,U& name,view,
subquery in FROM,VALUES in FROM,function in FROM,scalar subquery,correlated subquery,EXISTS,IN (subquery),NOT IN (subquery),
= ANY (subquery),<> ALL (subquery),CTE,CTE shadows a table,recursive CTE,data-modifying CTE,UNION,UNION ALL,INTERSECT,INTERSECT ALL,
EXCEPT,EXCEPT ALL,CASE,COALESCE,NULLIF,cast to its own type,literal with cast,parameter with cast,parameters,E'' literal,$$ literal,
U&'' literal,IN list,= ANY ('{…}'),= ANY (ARRAY[]),= ANY (parameter),IS DISTINCT FROM,IS NULL,row comparison,bool as a condition,
GROUP BY,GROUP BY a protected column,GROUP BY place,grouping sets,HAVING,DISTINCT,DISTINCT of a protected column,DISTINCT ON,
DISTINCT ON a protected column,count(column),count(DISTINCT column),FILTER,window function,PARTITION BY a protected column,ORDER BY,
LIMIT,OFFSET,FETCH,LIMIT in a subquery,FOR UPDATE,INSERT VALUES,INSERT several rows,INSERT without columns,INSERT SELECT,DEFAULT,
ON CONFLICT (unique column),ON CONFLICT DO NOTHING,ON CONFLICT DO UPDATE,RETURNING,RETURNING *,UPDATE,UPDATE FROM,UPDATE FROM VALUES,
multi-assignment,multi-assignment from a subquery,SET column = column,SET column = CASE,SET column = COALESCE,SET column = (subquery),
DELETE,DELETE USING,MERGE,EXPLAIN,CREATE TABLE AS,SELECT INTO,value too long or malformed,wild expression,wild condition,
wild aggregate,wild ORDER BY,wild copy,wild stored value`, ",")
}

func TestStatement_composesEveryConstruct(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(6) {
		w := NewWorld(seed)
		for i := range uint64(1000) {
			for _, name := range w.Statement(Random(seed, i)).Constructs {
				seen[name]++
			}
		}
	}
	for _, name := range constructs() {
		if seen[strings.TrimSpace(name)] == 0 {
			t.Errorf("no statement of 6,000 has: %s", strings.TrimSpace(name))
		}
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
			if code := failure(t.Context(), t, conn, st); code != "" {
				failures[code] = append(failures[code], fmt.Sprintf("%s %q", st.SQL, st.Params))
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
			t.Errorf("%d statements are no SQL (%s): %s", len(all), code, all[0])
		}
	}
	if failed*100 > ran*25 {
		t.Errorf("%d of %d statements failed, want at most a quarter", failed, ran)
	}
}

// failure runs a statement without lasting effect and returns the SQLSTATE of its error.
func failure(ctx context.Context, t *testing.T, conn *pgconn.PgConn, st Statement) string {
	t.Helper()
	if _, err := conn.Exec(ctx, "BEGIN").ReadAll(); err != nil {
		t.Fatal(err)
	}
	_, err := conn.ExecParams(ctx, st.SQL, st.Params, nil, nil, nil).Close()
	if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	if err != nil {
		t.Fatalf("%s: %v", st.SQL, err)
	}
	return ""
}
