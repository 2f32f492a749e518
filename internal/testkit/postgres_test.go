package testkit_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/internal/testkit"
)

func TestStartPostgres_logsEveryStatementAndParameter(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t, testkit.WithSetting("work_mem", "123kB"))
	pg.CreateDB(t, `odd "name`)

	conn, err := pgx.Connect(t.Context(), pg.URL(`odd "name`, testkit.Superuser))
	if err != nil {
		t.Fatalf("connecting over TCP: %v", err)
	}
	defer conn.Close(t.Context())
	var memory, echoed string
	err = conn.QueryRow(t.Context(), "SELECT current_setting('work_mem'), $1::text", "parameter-91").Scan(&memory, &echoed)
	if err != nil || memory != "123kB" || echoed != "parameter-91" {
		t.Errorf("query = %q, %q, %v, want 123kB, parameter-91, nil", memory, echoed, err)
	}

	log, err := os.ReadFile(pg.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"current_setting('work_mem')", "parameter-91"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("server log does not have %q", want)
		}
	}
}

func TestStartPostgres_keepsDataOverAStop(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	pg.Exec(t, "postgres", "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, NULL), (2, 'two')", "CHECKPOINT")

	if err := pg.Stop(); err != nil {
		t.Fatalf("Stop() = %v", err)
	}
	if _, err := pgx.Connect(t.Context(), pg.URL("postgres", testkit.Superuser)); err == nil {
		t.Fatal("a stopped server accepts connections")
	}
	if err := pg.Start(); err != nil {
		t.Fatalf("Start() = %v", err)
	}

	want := [][]string{{"1", "<NULL>"}, {"2", "two"}}
	if diff := cmp.Diff(want, pg.Rows(t, "postgres", "SELECT a, b FROM t ORDER BY a")); diff != "" {
		t.Errorf("rows after a restart (-want +got):\n%s", diff)
	}
}

func TestStartPostgres_asksForPasswordsWhereTheHBASaysSo(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t, testkit.WithHBA("host all all 127.0.0.1/32 scram-sha-256"))
	pg.Exec(t, "postgres", "CREATE ROLE ann LOGIN PASSWORD 'right'")

	config, err := pgx.ParseConfig(pg.URL("postgres", "ann"))
	if err != nil {
		t.Fatal(err)
	}
	config.Password = "wrong"
	if _, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		t.Error("logged in with a wrong password")
	}
	config.Password = "right"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatalf("logging in with the right password: %v", err)
	}
	conn.Close(t.Context())
}

func TestClose_leavesNothingBehind(t *testing.T) {
	t.Parallel()
	pg, err := testkit.NewPostgres()
	if err != nil {
		testkit.Unavailable(t, err)
	}
	if err := pg.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if _, err := os.Stat(pg.DataDir); !os.IsNotExist(err) {
		t.Errorf("after Close the data directory is still there: %v", err)
	}
}
