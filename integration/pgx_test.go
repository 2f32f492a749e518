package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// person is a row of driverSchema as pgx reads it, mostly in binary form.
type person struct {
	ID        int32
	Name      string
	Email     *string
	Birthdate *time.Time
	Income    pgtype.Numeric
	Active    *bool
	Doc       any
	Tag       pgtype.UUID
}

// Each of pgx's ways to run a query gives through pgveil what it gives on the plain twin.
func TestPgx(t *testing.T) {
	t.Parallel()
	s := newStack(t, stackOptions{schema: driverSchema, policy: driverPolicy})
	values := driverValues(&s.planter)
	modes := []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			steps := func(conn *pgx.Conn) (seen []string) {
				for _, step := range []func(context.Context, *pgx.Conn, pgx.QueryExecMode, map[string]string) (any, error){
					pgxInsert, pgxFind, pgxUpdate, pgxReadBack, pgxBatch, pgxErrors, pgxReadBack,
				} {
					got, err := step(t.Context(), conn, mode, values)
					seen = append(seen, fmt.Sprintf("%+v, %v", got, err))
				}
				return seen
			}
			plain, veiled := s.connectTwin(t, owner), s.connect(t, owner)
			want, got := steps(plain), steps(veiled)
			for _, step := range want {
				if !strings.HasSuffix(step, ", <nil>") {
					t.Errorf("on plain PostgreSQL: %s", step)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("through pgveil (-plain +pgveil):\n%s", diff)
			}
			for _, conn := range []*pgx.Conn{plain, veiled} {
				if _, err := conn.Exec(t.Context(), "DELETE FROM people"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func pgxInsert(ctx context.Context, conn *pgx.Conn, mode pgx.QueryExecMode, v map[string]string) (any, error) {
	born, err := time.Parse(time.DateOnly, v["birthdate"])
	if err != nil {
		return nil, err
	}
	var income pgtype.Numeric
	var tag pgtype.UUID
	if err := errors.Join(income.Scan(v["income"]), tag.Scan(v["uuid"])); err != nil {
		return nil, err
	}
	var id int
	err = conn.QueryRow(ctx, `INSERT INTO people (id, name, email, birthdate, income, active, doc, tag)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8), (2, 'Second', NULL, $4, DEFAULT, false, '[]', NULL) RETURNING id`,
		mode, 1, v["name"], v["email"], born, income, true, `{"k": 2.5}`, tag).Scan(&id)
	return id, err
}

func pgxFind(ctx context.Context, conn *pgx.Conn, mode pgx.QueryExecMode, v map[string]string) (any, error) {
	born, err := time.Parse(time.DateOnly, v["birthdate"])
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT * FROM people WHERE birthdate = $1 AND email = $2", mode, born, v["email"])
	if err != nil {
		return nil, err
	}
	type column struct {
		name string
		oid  uint32
	}
	var columns []column
	for _, f := range rows.FieldDescriptions() {
		columns = append(columns, column{f.Name, f.DataTypeOID})
	}
	people, err := pgx.CollectRows(rows, pgx.RowToStructByPos[person])
	return fmt.Sprintf("%v %s", columns, printPeople(people)), err
}

func pgxUpdate(ctx context.Context, conn *pgx.Conn, mode pgx.QueryExecMode, v map[string]string) (any, error) {
	return conn.Exec(ctx, "UPDATE people SET email = $1 WHERE name = $2 AND email IS NOT NULL", mode, v["email2"], v["name"])
}

func pgxReadBack(ctx context.Context, conn *pgx.Conn, mode pgx.QueryExecMode, _ map[string]string) (any, error) {
	rows, err := conn.Query(ctx, "SELECT * FROM people ORDER BY id", mode)
	if err != nil {
		return nil, err
	}
	people, err := pgx.CollectRows(rows, pgx.RowToStructByPos[person])
	return printPeople(people), err
}

// pgxBatch sends several statements before it reads an answer.
func pgxBatch(ctx context.Context, conn *pgx.Conn, _ pgx.QueryExecMode, v map[string]string) (any, error) {
	var batch pgx.Batch
	var seen []string
	batch.Queue("INSERT INTO people (id, name) VALUES ($1, $2)", 3, v["name"])
	batch.Queue("SELECT count(*) FROM people WHERE name = $1", v["name"]).QueryRow(func(row pgx.Row) error {
		var n int
		err := row.Scan(&n)
		seen = append(seen, fmt.Sprint(n))
		return err
	})
	batch.Queue("SELECT name, birthdate FROM people WHERE email = $1", v["email2"]).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return err
			}
			seen = append(seen, fmt.Sprint(values...))
		}
		return rows.Err()
	})
	batch.Queue("DELETE FROM people WHERE id = 3")
	err := conn.SendBatch(ctx, &batch).Close()
	return seen, err
}

// pgxErrors makes a duplicate in a transaction, in a savepoint, and goes on.
func pgxErrors(ctx context.Context, conn *pgx.Conn, mode pgx.QueryExecMode, v map[string]string) (any, error) {
	var seen []string
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		inner := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO people (id, name) VALUES (1, $1)", mode, v["name"])
			return err
		})
		if e, ok := errors.AsType[*pgconn.PgError](inner); ok {
			seen = append(seen, e.Code, e.ConstraintName, e.TableName)
		}
		tag, err := tx.Exec(ctx, "UPDATE people SET name = $1 WHERE id = 2", mode, v["name"])
		seen = append(seen, tag.String())
		return err
	})
	return seen, err
}

func printPeople(people []person) string {
	var s string
	for _, p := range people {
		email, born := "<NULL>", "<NULL>"
		if p.Email != nil {
			email = *p.Email
		}
		if p.Birthdate != nil {
			born = p.Birthdate.Format(time.DateOnly)
		}
		income, _ := p.Income.Value() // printed as it is
		tag, _ := p.Tag.Value()
		s += fmt.Sprintln(p.ID, p.Name, email, born, income, *p.Active, p.Doc, tag)
	}
	return s
}
