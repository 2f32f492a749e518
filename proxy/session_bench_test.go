package proxy

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"

	"go.uber.org/zap"
)

// unwired returns a session without a client or a server behind it, whose
// role and catalog are known.
func unwired(tb testing.TB, schema string) *session {
	tb.Helper()
	pol, err := policy.Load("policy.yaml", []byte(sealedPolicy))
	if err != nil {
		tb.Fatal(err)
	}
	snap, err := catalog.Build(pol, schema)
	if err != nil {
		tb.Fatal(err)
	}
	db := NewDatabase(DatabaseOptions{
		Name: listed, Policy: pol, Compiler: rewrite.New(100),
		Load:    func(context.Context, *policy.Policy) (*catalog.Snapshot, error) { return snap, nil },
		Version: func(context.Context) (string, error) { return snap.Version, nil },
		Keys:    func(string) envelope.Keys { return testKeys{} },
	})
	if err := db.Refresh(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	s := newSession(&pair{
		toServer: wire.NewWriter(io.Discard, bufferSize), toClient: wire.NewWriter(io.Discard, bufferSize),
		parameters: map[string]string{"client_encoding": "UTF8", "standard_conforming_strings": "on"},
		db:         db, log: zap.NewNop(),
	})
	s.probed(&identity{User: "officer", Path: []string{"pg_catalog", "public"}, ExtraFloatDigits: "1", floatDigits: 1})
	return s
}

const unwiredSchema = `
public.people(id int4 not null default, name varchar, phone varchar(20), birth date, income numeric(12,2), seen timestamptz, doc jsonb, hidden int4, city text)
public.towns(id int4, name2 text)
`

// benchQuery handles a Query as if it had come from the client, and answers it.
func benchQuery(b *testing.B, s *session, sql string) {
	body := append([]byte(sql), 0)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.query(ctx, body); err != nil {
			b.Fatal(err)
		}
		s.queue.ready(wire.Idle)
	}
}

func BenchmarkQuery_forwarded(b *testing.B) {
	benchQuery(b, unwired(b, unwiredSchema), "SELECT abalance FROM pgbench_accounts WHERE aid = 12345")
}

func BenchmarkQuery_planned(b *testing.B) {
	benchQuery(b, unwired(b, unwiredSchema), "SELECT id, name FROM people WHERE phone = '+251911000111'")
}

func BenchmarkQuery_insert(b *testing.B) {
	benchQuery(b, unwired(b, unwiredSchema), "INSERT INTO people (name, phone, birth, city) VALUES ('Abebe Bikila', '+251911000111', '1932-08-07', 'Addis')")
}

func BenchmarkBind_sealed(b *testing.B) {
	s := unwired(b, unwiredSchema)
	ctx := b.Context()
	parse := append([]byte("s\x00SELECT id, name FROM people WHERE phone = $1 AND id = $2\x00"), 0, 0)
	if err := s.prepare(ctx, parse); err != nil {
		b.Fatal(err)
	}
	frame, err := (&wire.Bind{Statement: []byte("s"), Params: [][]byte{[]byte("+251911000111"), []byte("5")}}).Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	s.queue.pop()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.bind(ctx, frame[5:]); err != nil {
			b.Fatal(err)
		}
		s.queue.pop()
		s.queue.pop()
	}
}

// A row of an id, three sealed values and a plain one.
func BenchmarkRow_opened(b *testing.B) {
	s := unwired(b, unwiredSchema)
	st := s.db.now()
	sql := "SELECT id, name, phone, birth, city FROM people"
	if err := s.query(b.Context(), append([]byte(sql), 0)); err != nil {
		b.Fatal(err)
	}
	var e expect
	if !s.queue.peek(&e) || e.run(0) == nil {
		b.Fatalf("no plan for %s", sql)
	}
	r := e.run(0)
	cells, err := makeCells(r, func(int) int16 { return 0 })
	if err != nil {
		b.Fatal(err)
	}
	r.cells = cells
	row := wire.AppendValue(wire.BeginRow(nil, 5), []byte("1"))
	for i, plain := range []string{"Abebe Bikila", "+251911000111", "\x00\x00\x00\x00"} {
		col, err := st.column(r.plan.Columns[i+1].Target)
		if err != nil {
			b.Fatal(err)
		}
		f := &filler{ctx: b.Context(), planning: r.planning, settings: s.settings.Load()}
		v, err := f.seal(nil, []byte(plain), col)
		if err != nil {
			b.Fatal(err)
		}
		row = wire.AppendValue(row, v)
	}
	row = wire.AppendValue(row, []byte(strings.Repeat("x", 20)))
	var o opener
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if out, err = o.row(b.Context(), out[:0], row[5:], r, s.settings.Load()); err != nil {
			b.Fatal(err)
		}
	}
}

func TestQuery_forwardingAllocatesNothing(t *testing.T) {
	s := unwired(t, unwiredSchema)
	body := append([]byte("SELECT abalance FROM pgbench_accounts WHERE aid = 12345"), 0)
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		if err := s.query(ctx, body); err != nil {
			t.Fatal(err)
		}
		s.queue.ready(wire.Idle)
	})
	if allocs != 0 {
		t.Errorf("forwarding a Query allocates %.0f times, want 0", allocs)
	}
}
