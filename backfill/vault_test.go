package backfill_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// fixedKeys has one key of each kind, made of the keyset's name.
type fixedKeys string

func (k fixedKeys) key(kind string) secret.Bytes {
	sum := sha256.Sum256([]byte(kind + string(k)))
	return secret.New(bytes.Clone(sum[:]))
}

func (k fixedKeys) Active(context.Context) (uint32, secret.Bytes, error) {
	return 1, k.key("data"), nil
}
func (k fixedKeys) Data(context.Context, uint32) (secret.Bytes, error)  { return k.key("data"), nil }
func (k fixedKeys) Index(context.Context, uint32) (secret.Bytes, error) { return k.key("index"), nil }
func (k fixedKeys) Epoch(context.Context) (uint32, error)               { return 0, nil }

func fixedVault() backfill.Vault {
	return backfill.NewVault(backfill.KeyStore{
		Create: func(context.Context, string) error { return nil },
		Keyset: func(name string) envelope.Keys { return fixedKeys(name) },
	})
}

// TestApply_envelopes seals with the real thing, and opens what the proxy would open.
func TestApply_envelopes(t *testing.T) {
	pg := startPostgres(t)
	statements, pol := kindsTable(400)
	conn := database(t, pg, "envelopes", statements...)
	for i, c := range pol.Tables[0].Columns {
		c.Pad = i % 3 * 16
	}
	want := rows(t, conn, kindsSQL())
	if err := backfill.Apply(t.Context(), conn, pol, fixedVault(), backfill.Options{}, nil); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, openAll(t, snap, rows(t, conn, kindsSQL()))); diff != "" {
		t.Errorf("opened rows (-before +after):\n%.2000s", diff)
	}
	if got := pgError(t, conn, "UPDATE kinds SET a_text = 'plain'"); got.Code != "23514" {
		t.Errorf("a plain value gets %s, want 23514", got.Code)
	}
	testTerms(t, pg, pol)
}

func openAll(t *testing.T, snap *catalog.Snapshot, lines []string) []string {
	t.Helper()
	r := snap.Lookup(nil, "public", "kinds")
	for i, line := range lines {
		values := strings.Split(line, "|")
		for k, v := range values {
			if !strings.HasPrefix(v, "pv1.") {
				continue
			}
			p := r.Column(kinds[k-1].name).Protected
			codec := envelope.New(fixedKeys(p.Column.Keyset), backfill.EnvelopeOptions(p.Column, p.DomainID))
			canonical, err := codec.Open(t.Context(), nil, []byte(v))
			if err != nil {
				t.Fatalf("opening %s: %v", p.Column, err)
			}
			text, err := canon.AppendText(nil, canonType(t, p.Logical), &canon.Settings{}, canonical)
			if err != nil {
				t.Fatalf("writing %s: %v", p.Column, err)
			}
			if values[k] = string(text); p.Logical.Name == "bool" { // ::text says true where the output function says t
				values[k] = map[string]string{"t": "true", "f": "false"}[string(text)]
			}
			values[k] = strings.TrimRight(values[k], " ") // bpchar::text drops the padding
		}
		lines[i] = strings.Join(values, "|")
	}
	return lines
}

func canonType(t *testing.T, typ catalog.Type) canon.Type {
	t.Helper()
	c, ok := canon.TypeOf(typ.OID, typ.Mod, typ.Name, typ.Elem, typ.ElemName)
	if !ok {
		t.Fatalf("type %s has no forms", typ.Name)
	}
	return c
}

// testTerms finds rows by the terms that a statement would send.
func testTerms(t *testing.T, pg *testkit.Postgres, pol *policy.Policy) {
	conn := connect(t, pg, "envelopes")
	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	r := snap.Lookup(nil, "public", "kinds")
	for column, value := range map[string]string{
		"a_date": "January 8, 1950", "a_numeric": "00.8750", "a_citext": "CITEXT 7", "a_char": "char 7", "a_jsonb": `{"a":1,"b":7.0}`,
		"a_timestamptz": "1949-12-31 19:00-07", "a_short": "short 7",
	} {
		p := r.Column(column).Protected
		typ := canonType(t, p.Logical)
		canonical, err := canon.FromText(typ, &canon.Settings{}, []byte(value))
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		equality, err := canon.AppendEquality(nil, typ, canonical)
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		codec := envelope.New(fixedKeys(p.Column.Keyset), backfill.EnvelopeOptions(p.Column, p.DomainID))
		term, err := codec.Term(t.Context(), nil, equality)
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		got := rows(t, conn, fmt.Sprintf("SELECT id FROM kinds WHERE split_part(%s::text, '.', 2) = '%s'", column, term))
		if !slices.Equal(got, []string{"7"}) {
			t.Errorf("%s = %q finds rows %q, want 7", column, value, got)
		}
	}
}

// TestApply_valueOfAnotherType declares a text column as a date, which one of its rows is not.
func TestApply_valueOfAnotherType(t *testing.T) {
	pg := startPostgres(t)
	const secret = "not-a-date-but-private"
	conn := database(t, pg, "wrong", "CREATE TABLE p (id int, born text)", "INSERT INTO p VALUES (1, '1980-01-02'), (2, '"+secret+"')")
	pol := protecting("public.p.born")
	pol.Tables[0].Columns[0].Type = "date"
	err := backfill.Apply(t.Context(), conn, pol, fixedVault(), backfill.Options{}, nil)
	var pe *pgerr.Error
	if !errors.As(err, &pe) || pe.State != "22007" || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "(0,2)") {
		t.Fatalf("Apply: %v, want 22007 with the row's place and without its value", err)
	}
	exec(t, conn, "UPDATE p SET born = '1980-01-03' WHERE id = 2")
	if err := backfill.Apply(t.Context(), conn, pol, fixedVault(), backfill.Options{}, nil); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	snap, err := catalog.Load(t.Context(), conn, pol)
	if err != nil {
		t.Fatal(err)
	}
	if p := snap.Lookup(nil, "public", "p").Column("born").Protected; !p.Ready || p.Logical.Name != "date" {
		t.Errorf("born is %+v, want it ready and a date", p)
	}
}
