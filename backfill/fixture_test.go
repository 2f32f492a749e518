package backfill_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// glassVault seals so that a test can look through: the body is a nonce and
// the value in base64. It has the shape of the real thing.
type glassVault struct {
	created map[string]int
}

func (v *glassVault) Create(_ context.Context, keyset string) error {
	if v.created == nil {
		v.created = map[string]int{}
	}
	v.created[keyset]++
	return nil
}

func (v *glassVault) Sealer(p *catalog.Protected) (backfill.Sealer, error) {
	if p.DomainID == "" {
		return nil, fmt.Errorf("no domain")
	}
	return glassSealer{domain: p.DomainID, equality: p.Column.Search.Equality}, nil
}

const nonceSize = 12

type glassSealer struct {
	domain   string
	equality bool
}

func (s glassSealer) Seal(_ context.Context, dst, text []byte) ([]byte, error) {
	eq := ""
	if s.equality {
		sum := sha256.Sum256(append([]byte(s.domain), text...))
		eq = base64.RawURLEncoding.EncodeToString(sum[:])[:22]
	}
	var nonce [nonceSize]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return dst, err
	}
	return append(dst, "pv1."+eq+"......"+base64.RawURLEncoding.EncodeToString(append(nonce[:], text...))...), nil
}

func (s glassSealer) Guard() string {
	if s.equality {
		return `^pv1\.[A-Za-z0-9_-]{22}\.\.\.\.\.\.[A-Za-z0-9_-]+$`
	}
	return `^pv1\.\.\.\.\.\.\.[A-Za-z0-9_-]+$`
}

// open returns what a glassSealer sealed, or says that it did not.
func open(sealed string) string {
	i := strings.LastIndexByte(sealed, '.')
	body, err := base64.RawURLEncoding.DecodeString(sealed[i+1:])
	if !strings.HasPrefix(sealed, "pv1.") || err != nil || len(body) < nonceSize {
		return "not sealed: " + sealed
	}
	return string(body[nonceSize:])
}

// protecting returns a policy over columns written schema.table.column, all
// with equality but those that end in "!".
func protecting(columns ...string) *policy.Policy {
	pol := &policy.Policy{}
	tables := map[string]*policy.Table{}
	for _, text := range columns {
		path, storeOnly := strings.CutSuffix(text, "!")
		path, domain, shared := strings.Cut(path, "@")
		if !shared {
			domain = path
		}
		parts := strings.SplitN(path, ".", 3)
		key := parts[0] + "." + parts[1]
		if tables[key] == nil {
			tables[key] = &policy.Table{Schema: parts[0], Name: parts[1]}
			pol.Tables = append(pol.Tables, tables[key])
		}
		tables[key].Columns = append(tables[key].Columns, &policy.Column{
			Schema: parts[0], Table: parts[1], Name: parts[2], Domain: domain, Keyset: "default",
			Search: policy.Search{Equality: !storeOnly},
		})
	}
	return pol
}

// service is the user that Apply runs as: no superuser, only the owner of the tables.
const service = "service"

func startPostgres(t *testing.T) *testkit.Postgres {
	t.Helper()
	pg := testkit.StartPostgres(t)
	pg.Exec(t, "postgres", "CREATE ROLE "+service+" LOGIN", "CREATE ROLE stranger LOGIN")
	return pg
}

// database makes a database that the service user owns, runs the statements
// there as that user, and connects as it.
func database(t *testing.T, pg *testkit.Postgres, name string, statements ...string) *pgx.Conn {
	t.Helper()
	pg.CreateDB(t, name)
	pg.Exec(t, "postgres", fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", name, service))
	pg.Exec(t, name, "CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; GRANT ALL ON SCHEMA public TO "+service)
	conn := connect(t, pg, name)
	for _, sql := range statements {
		exec(t, conn, sql)
	}
	return conn
}

func connect(t *testing.T, pg *testkit.Postgres, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.URL(database, service))
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
}

func apply(t *testing.T, conn *pgx.Conn, pol *policy.Policy) {
	t.Helper()
	if err := backfill.Apply(t.Context(), conn, pol, &glassVault{}, backfill.Options{}, nil); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

// rows returns a query's rows as text, values separated by bars.
func rows(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%.300s: %v", sql, err)
	}
	var lines []string
	for _, r := range results {
		for _, row := range r.Rows {
			values := make([]string, len(row))
			for i, v := range row {
				values[i] = string(v)
				if v == nil {
					values[i] = "<NULL>"
				}
			}
			lines = append(lines, strings.Join(values, "|"))
		}
	}
	return lines
}

// opened is rows with every sealed value opened.
func opened(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	lines := rows(t, conn, sql)
	for i, line := range lines {
		values := strings.Split(line, "|")
		for k, v := range values {
			if strings.HasPrefix(v, "pv1.") {
				values[k] = open(v)
			}
		}
		lines[i] = strings.Join(values, "|")
	}
	return lines
}
