package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pgveil/pgveil/backfill"
)

const (
	barWidth = 30
	// redraw is how often a bar is drawn anew at most.
	redraw = 100 * time.Millisecond
)

// progress tells how far apply is: as a bar that is drawn over on a terminal,
// as a line for each step elsewhere.
type progress struct {
	w        io.Writer
	database string
	terminal bool

	// rows were sealed, in these tables.
	rows   int64
	tables map[string]bool

	last  backfill.Progress
	drawn time.Time
	open  bool
}

func newProgress(w io.Writer, database string) *progress {
	return &progress{w: w, database: database, terminal: isTerminal(w), tables: map[string]bool{}}
}

// show is called by backfill.Apply.
func (p *progress) show(at backfill.Progress) {
	newStep := at.Table != p.last.Table || at.Step != p.last.Step
	p.last, p.rows = at, at.Rows
	p.tables[at.Table] = true
	switch {
	case !p.terminal && newStep:
		fmt.Fprintf(p.w, "%s: %s: %s\n", p.database, at.Table, at.Step)
	case p.terminal && (newStep || time.Since(p.drawn) >= redraw):
		p.draw()
	}
}

func (p *progress) draw() {
	p.drawn, p.open = time.Now(), true
	// \x1b[K clears what a longer line has left behind.
	fmt.Fprintf(p.w, "\r%s: %s %s %-8s %d rows\x1b[K", p.database, p.last.Table, bar(p.last.Done, p.last.Total), p.last.Step, p.last.Rows)
}

// bar draws done of total, empty where there is nothing to count.
func bar(done, total int64) string {
	full, percent := 0, "    "
	if total > 0 {
		done = min(max(done, 0), total)
		full = int(done * barWidth / total)
		percent = fmt.Sprintf("%3d%%", done*100/total)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] " + percent
}

// end leaves the last state of the bar on a line of its own.
func (p *progress) end() {
	if p.open {
		p.draw()
		fmt.Fprintln(p.w)
	}
}
