package testkit_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pgveil/pgveil/internal/testkit"
)

// found returns the places, shortened to their kind, where a secret was found.
func found(leaks []testkit.Leak, secret string) []string {
	var places []string
	for _, leak := range leaks {
		if leak.Secret != secret {
			continue
		}
		kind := "table"
		switch {
		case strings.Contains(leak.Where, "/pg_wal/"):
			kind = "wal"
		case strings.HasSuffix(leak.Where, "server.log"):
			kind = "server log"
		case leak.Where == "pg_dumpall":
			kind = "dump"
		case strings.HasSuffix(leak.Where, "own.log"):
			kind = "own log"
		}
		if !slices.Contains(places, kind) {
			places = append(places, kind)
		}
	}
	slices.Sort(places)
	return places
}

// The proof that the search for leaks can fail: every kind of secret, stored in clear, is found in each place.
func TestLeaks_findsWhatIsStoredInClear(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	pg.Exec(t, "postgres", "CREATE TABLE t (v text); CREATE INDEX ON t (v)")
	var planter testkit.Planter
	kinds := []testkit.Kind{testkit.Text, testkit.Name, testkit.Digits, testkit.Email, testkit.Date, testkit.Numeric, testkit.UUID}
	secrets := make([]string, len(kinds))
	for i, kind := range kinds {
		secrets[i] = planter.New(kind)
		pg.Exec(t, "postgres", fmt.Sprintf("INSERT INTO t VALUES ('%s')", secrets[i]))
	}

	leaks := testkit.Leaks(t, pg, &planter)
	for i, secret := range secrets {
		if got := found(leaks, secret); !slices.Equal(got, []string{"dump", "server log", "table", "wal"}) {
			t.Errorf("kind %d: found in %v, want dump, server log, table and wal", kinds[i], got)
		}
	}
}

func TestLeaks_findsOtherForms(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t, testkit.WithSetting("log_statement", "none"))
	pg.Exec(t, "postgres", `
		CREATE TABLE upper_case (v text); CREATE TABLE base64 (v text); CREATE TABLE hexadecimal (v bytea);
		CREATE TABLE toasted (v text); CREATE TABLE day (v date); CREATE TABLE amount (v numeric(12,2)); CREATE TABLE id (v uuid);
		CREATE TABLE half (v text)`)
	var planter testkit.Planter
	text := func() string { return planter.New(testkit.Text) }
	tests := []struct{ table, secret, sql string }{
		{"upper_case", text(), "upper('%s')"},
		{"base64", text(), "encode(convert_to('ab%s-', 'UTF8'), 'base64')"},
		{"hexadecimal", text(), "convert_to('%s', 'UTF8')"},
		{"toasted", text(), "repeat('%s', 5000)"},
		{"day", planter.New(testkit.Date), "'%s'"},
		{"amount", planter.New(testkit.Numeric), "'%s'"},
		{"id", planter.New(testkit.UUID), "'%s'"},
		{"half", text(), "left('%s', 10)"},
	}
	for _, tt := range tests {
		pg.Exec(t, "postgres", "INSERT INTO "+tt.table+" SELECT "+fmt.Sprintf(tt.sql, tt.secret))
	}

	leaks := testkit.Leaks(t, pg, &planter)
	for _, tt := range tests {
		if got := found(leaks, tt.secret); !slices.Contains(got, "dump") {
			t.Errorf("%s: found in %v, want the dump at least", tt.table, got)
		}
	}
}

// A parameter in binary form is in no text at all, but the server logs it and its type is stored.
func TestLeaks_findsBinaryParameters(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	pg.Exec(t, "postgres", "CREATE TABLE t (d date, n numeric)")
	var planter testkit.Planter
	day, amount := planter.New(testkit.Date), planter.New(testkit.Numeric)
	conn, err := pgx.Connect(t.Context(), pg.URL("postgres", testkit.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var d pgtype.Date
	var n pgtype.Numeric
	if err := d.Scan(day); err != nil {
		t.Fatal(err)
	}
	if err := n.Scan(amount); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "INSERT INTO t VALUES ($1, $2)", d, n); err != nil {
		t.Fatal(err)
	}

	leaks := testkit.Leaks(t, pg, &planter)
	if got := found(leaks, day); !slices.Equal(got, []string{"dump", "server log"}) {
		t.Errorf("date: found in %v, want dump and server log", got)
	}
	if got := found(leaks, amount); !slices.Equal(got, []string{"dump", "server log", "table", "wal"}) {
		t.Errorf("numeric: found in %v, want dump, server log, table and wal", got)
	}
}

func TestLeaks_findsInOwnLogsAndNothingElsewhere(t *testing.T) {
	t.Parallel()
	pg := testkit.StartPostgres(t)
	var planter testkit.Planter
	inLog, nowhere := planter.New(testkit.Email), planter.New(testkit.Text)
	log := filepath.Join(t.TempDir(), "own.log")
	if err := os.WriteFile(log, []byte("refused "+hex.EncodeToString([]byte(inLog))), 0o600); err != nil {
		t.Fatal(err)
	}

	leaks := testkit.Leaks(t, pg, &planter, log)
	if got := found(leaks, inLog); !slices.Equal(got, []string{"own log"}) {
		t.Errorf("found in %v, want own log only", got)
	}
	if got := found(leaks, nowhere); got != nil {
		t.Errorf("a secret that was never used was found in %v", got)
	}
}

func TestScan_findsBase64AtEveryAlignment(t *testing.T) {
	t.Parallel()
	for shift := range 7 {
		var planter testkit.Planter
		secret := planter.New(testkit.Name)
		text := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret + "yz"))
		if leaks := planter.Scan("memory", []byte(text)); len(leaks) == 0 {
			t.Errorf("after %d bytes: base64 of the secret was not found in %s", shift, text)
		}
	}
}
