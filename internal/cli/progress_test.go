package cli

import (
	"strings"
	"testing"

	"github.com/pgveil/pgveil/backfill"
)

var steps = []backfill.Progress{
	{Table: "public.a", Step: backfill.StepPrepare},
	{Table: "public.a", Step: backfill.StepSeal, Done: 0, Total: 10},
	{Table: "public.a", Step: backfill.StepSeal, Done: 5, Total: 10, Rows: 50},
	{Table: "public.a", Step: backfill.StepSealed, Rows: 100},
	{Table: "public.b", Step: backfill.StepSeal, Done: 10, Total: 10, Rows: 120},
}

func TestProgress_isALineForEachStepWithoutATerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, "reg")
	for _, at := range steps {
		p.show(at)
	}
	p.end()
	want := "reg: public.a: prepare\nreg: public.a: seal\nreg: public.a: sealed\nreg: public.b: seal\n"
	if out.String() != want {
		t.Errorf("progress = %q, want %q", out.String(), want)
	}
	if p.rows != 120 || len(p.tables) != 2 {
		t.Errorf("rows, tables = %d, %d, want 120, 2", p.rows, len(p.tables))
	}
}

func TestProgress_isDrawnOverOnATerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, "reg")
	p.terminal = true
	for _, at := range steps {
		p.show(at)
	}
	p.end()
	drawings := strings.Split(out.String(), "\r")[1:]
	// The second of the two seal reports comes too soon to be drawn; end draws the last again.
	if len(drawings) != 5 {
		t.Fatalf("drawn %d times, want 5: %q", len(drawings), drawings)
	}
	last := drawings[4]
	if !strings.Contains(last, "public.b ["+strings.Repeat("#", barWidth)+"] 100%") || !strings.HasSuffix(last, "120 rows\x1b[K\n") {
		t.Errorf("last drawing = %q, want a full bar, 120 rows and a line end", last)
	}
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("drawings %q have line ends before the last", out.String())
	}
}

func TestProgress_saysNothingWhereNothingWasDone(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, "reg")
	p.terminal = true
	p.end()
	if out.Len() != 0 {
		t.Errorf("end = %q, want nothing", out.String())
	}
}

func TestBar(t *testing.T) {
	for _, tc := range []struct {
		done, total int64
		want        string
	}{
		{0, 0, "[..............................]     "},
		{0, 10, "[..............................]   0%"},
		{1, 3, "[##########....................]  33%"},
		{10, 10, "[##############################] 100%"},
		{11, 10, "[##############################] 100%"},
		{-1, 10, "[..............................]   0%"},
	} {
		if got := bar(tc.done, tc.total); got != tc.want {
			t.Errorf("bar(%d, %d) = %q, want %q", tc.done, tc.total, got, tc.want)
		}
	}
}
