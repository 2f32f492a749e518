package proxy

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/proxy/copyrows"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// benchCopy returns a COPY of five columns, three of them sealed, with what it
// is planned in, and plain rows of it.
func benchCopy(b *testing.B, from bool, format rewrite.CopyFormat) (*run, []byte) {
	b.Helper()
	logical := map[string]catalog.Type{
		"name":  {OID: 1043, Mod: -1, Name: "varchar", Len: -1},
		"phone": {OID: 1043, Mod: 24, Name: "varchar", Len: -1},
		"birth": {OID: 1082, Mod: -1, Name: "date", Len: 4},
	}
	c := testkit.CopyPlan(from, format, 5, map[int]string{1: "name", 2: "phone", 3: "birth"})
	for i := range c.Columns {
		col := &c.Columns[i]
		target := col.Use.Target
		if !from {
			target = col.Result.Target
			col.Result.Access = policy.Access{Read: policy.Reveal}
		}
		if target == nil {
			continue
		}
		target.DomainID, target.Logical, target.Ready = "d", logical[target.Column.Name], true
		target.Column.Search.Equality, target.Column.Keyset = true, "default"
		col.Use.Access = policy.Access{Read: policy.Reveal, Write: true}
	}
	db := NewDatabase(DatabaseOptions{Policy: &policy.Policy{}, Keys: func(string) envelope.Keys { return testKeys{} }})
	st := db.newState(&catalog.Snapshot{}, db.Policy())
	r := &run{plan: &rewrite.Plan{Copy: c}, planning: &planning{state: st, id: &identity{ByteaOutput: "hex", floatDigits: 1}}}

	var rows []byte
	for i := range 1000 {
		rows = fmt.Appendf(rows, "%d\tAbebe Bikila %d\t+2519%07d\t1932-08-%02d\tAddis Ababa\n", i, i, i, 1+i%28)
	}
	if format == rewrite.CopyCSV {
		rows = bytes.ReplaceAll(rows, []byte{'\t'}, []byte{','})
	}
	return r, rows
}

func benchSettings() *settings {
	return newSettings(map[string]string{"DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC", "client_encoding": "UTF8"})
}

// sealRows returns the sealed form of rows.
func sealRows(b *testing.B, r *run, rows []byte, emit func([]byte) error) {
	b.Helper()
	set := benchSettings()
	f := &filler{ctx: b.Context(), planning: r.planning, settings: set, forms: r.planning.forms(set)}
	change, err := sealer(f, r.plan.Copy)
	if err != nil {
		b.Fatal(err)
	}
	c := copyrows.New(r.plan.Copy, change, emit, 1<<30, true)
	for len(rows) > 0 {
		n := min(len(rows), 8<<10)
		if err := c.Write(rows[:n]); err != nil {
			b.Fatal(err)
		}
		rows = rows[n:]
	}
	if err := c.Finish(); err != nil {
		b.Fatal(err)
	}
}

// cpuClock measures processor time, which other work on the machine does not lengthen.
type cpuClock time.Duration

func startCPU(b *testing.B) cpuClock {
	b.Helper()
	return cpuClock(cpuTime(b))
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (c cpuClock) report(b *testing.B, rows int) {
	b.Helper()
	b.ReportMetric(float64(rows)/(cpuTime(b)-time.Duration(c)).Seconds(), "rows/s/core")
}

func BenchmarkCopyFrom(b *testing.B) {
	for format, name := range []string{"text", "csv"} {
		b.Run(name, func(b *testing.B) {
			r, rows := benchCopy(b, true, rewrite.CopyFormat(format))
			b.ReportAllocs()
			n, cpu := 0, startCPU(b)
			for b.Loop() {
				sealRows(b, r, rows, func([]byte) error { return nil })
				n += 1000
			}
			cpu.report(b, n)
		})
	}
}

func BenchmarkCopyTo(b *testing.B) {
	for format, name := range []string{"text", "csv"} {
		b.Run(name, func(b *testing.B) {
			from, rows := benchCopy(b, true, rewrite.CopyFormat(format))
			var data []byte
			sealRows(b, from, rows, func(p []byte) error { data = append(data, p...); return nil })
			r, _ := benchCopy(b, false, rewrite.CopyFormat(format))
			var frames [][]byte
			for len(data) > 0 {
				n := bytes.IndexByte(data, '\n') + 1
				frames, data = append(frames, data[:n]), data[n:]
			}
			s := &session{queue: newQueue('I')}
			s.settings.Store(benchSettings())
			b.ReportAllocs()
			n, cpu := 0, startCPU(b)
			for b.Loop() {
				show, err := s.shower(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				c := copyrows.New(r.plan.Copy, show, func([]byte) error { return nil }, 1<<30, false)
				for _, f := range frames {
					if err := c.Write(f); err != nil {
						b.Fatal(err)
					}
				}
				n += len(frames)
			}
			cpu.report(b, n)
		})
	}
}
