package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pgveil/pgveil/internal/testkit"
)

// The scripts run this test binary as pgveil.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pgveil": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		os.Exit(Run(ctx, os.Args[1:], IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}})
}

// code checks the exit code of a command that fails: `code 2 pgveil …`.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		// "exit status 2" is all that testscript hands on.
		_, scanErr := fmt.Sscanf(err.Error(), "exit status %d", &got)
		ts.Check(scanErr)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// What needs no server: help, usage, files.
func TestScripts_offline(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/offline",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code},
	})
}

// The commands against a server. Each script has a database of its own, $DB.
func TestScripts_server(t *testing.T) {
	pg := testkit.StartPostgres(t)
	pg.Exec(t, "postgres", "CREATE ROLE owner LOGIN", "CREATE ROLE pgveil LOGIN", "CREATE ROLE clerk LOGIN", "CREATE ROLE staff",
		"GRANT owner TO pgveil", "GRANT staff TO clerk")
	hsm := testkit.StartSoftHSM(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/server",
		Setup: func(env *testscript.Env) error {
			db := "db_" + strconv.FormatInt(time.Now().UnixNano(), 36)
			for _, statement := range []string{
				"CREATE DATABASE " + db + " OWNER owner", "GRANT CREATE ON DATABASE " + db + " TO pgveil",
			} {
				if _, err := query(pg, "postgres", statement); err != nil {
					return err
				}
			}
			for _, name := range []string{"PORT", "ADMIN"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				env.Setenv(name, strconv.Itoa(port))
			}
			env.Setenv("DB", db)
			env.Setenv("PGPORT", strconv.Itoa(pg.Port))
			env.Setenv("SERVER", pg.Addr())
			env.Setenv("PGBIN", pg.BinDir)
			env.Setenv("SOCKETS", pg.SocketDir)
			env.Setenv("PGVEIL_PASSPHRASE", "correct horse battery staple")
			env.Setenv("SOFTHSM2_CONF", hsm.Conf)
			env.Setenv("MODULE", hsm.Module)
			env.Setenv("TOKEN", hsm.Label)
			env.Setenv("PGVEIL_PIN", hsm.PIN)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":  code,
			"await": await,
			"expand": func(ts *testscript.TestScript, _ bool, args []string) {
				for _, file := range args {
					text := os.Expand(ts.ReadFile(file), ts.Getenv)
					ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
				}
			},
			// sql USER@ADDRESS[/DATABASE] 'SQL': rows to stdout, an error to stderr.
			"sql": func(ts *testscript.TestScript, neg bool, args []string) {
				user, address, _ := strings.Cut(args[0], "@")
				address, database, ok := strings.Cut(address, "/")
				if !ok {
					database = ts.Getenv("DB")
				}
				rows, err := queryAt(address, database, user, args[1])
				if (err != nil) != neg {
					ts.Fatalf("sql %s: %v", args[1], err)
				}
				_, _ = fmt.Fprint(ts.Stdout(), rows)
				_, _ = fmt.Fprint(ts.Stderr(), err)
			},
		},
	})
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func query(pg *testkit.Postgres, database, sql string) (string, error) {
	return queryAt(pg.Addr(), database, "postgres", sql)
}

// queryAt returns rows as psql -At prints them.
func queryAt(address, database, user, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&default_query_exec_mode=simple_protocol", user, address, database))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	var b strings.Builder
	for _, r := range results {
		for _, row := range r.Rows {
			for i, cell := range row {
				if i > 0 {
					b.WriteByte('|')
				}
				b.Write(cell)
			}
			b.WriteByte('\n')
		}
	}
	return b.String(), err
}

// await polls a URL until it answers with a status, and prints the body:
// `await 200 http://…`.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await STATUS URL")
	}
	client := http.Client{Timeout: 5 * time.Second}
	deadline := time.Now().Add(20 * time.Second)
	last := "no answer"
	for time.Now().Before(deadline) {
		response, err := client.Get(args[1])
		if err == nil {
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			last = response.Status + " " + string(body)
			if strconv.Itoa(response.StatusCode) == args[0] {
				_, _ = ts.Stdout().Write(body)
				return
			}
		}
		<-time.After(20 * time.Millisecond)
	}
	ts.Fatalf("await %s: %s", args[1], last)
}
