// Package bench measures what a transaction of pgbench -S costs: on the server
// directly, through a bare relay in Go, through PgBouncer, and through pgveil
// on a database that is not listed and on one that is listed but protects none
// of pgbench's tables.
//
// On a shared machine transactions a second swing, so the figure to look at
// is the CPU time that the proxy's own process used for each transaction. The
// ways take turns in every round, in changing order, and medians are printed.
package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/pgveil/pgveil/internal/testkit"
)

// sample is one run of pgbench.
type sample struct {
	tps float64
	// cpu is the proxy's time for a transaction, in microseconds.
	cpu float64
}

// Options say how much is measured.
type Options struct {
	// Rounds is how often every way is measured, Seconds for how long.
	Rounds, Seconds int
	// Clients is the number of pgbench's connections, Scale the size of its
	// tables in 100,000 rows.
	Clients, Scale int
}

// Run measures and prints a table on standard output. It wants to be run in
// the module's root, with bin/pgveil and bin/relay built.
func Run(ctx context.Context, o Options) (err error) {
	pg, err := testkit.NewPostgres(testkit.WithSetting("log_statement", "none"),
		testkit.WithSetting("shared_buffers", "256MB"), testkit.WithSetting("max_connections", "100"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Close()) }()
	if err := prepare(ctx, pg, o); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pgveil-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ways, err := startAll(ctx, pg, dir)
	defer func() {
		for _, w := range ways {
			w.stop()
		}
	}()
	if err != nil {
		return err
	}

	modes := []string{"simple", "extended", "prepared"}
	samples := map[string]map[string][]sample{}
	for _, mode := range modes {
		samples[mode] = map[string][]sample{}
	}
	for round := range o.Rounds {
		for _, mode := range modes {
			for _, i := range rand.Perm(len(ways)) {
				s, err := measure(ctx, pg, ways[i], mode, o)
				if err != nil {
					return err
				}
				samples[mode][ways[i].name] = append(samples[mode][ways[i].name], s)
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d done\n", round+1, o.Rounds)
	}
	printTable(o, modes, ways, samples)
	return nil
}

// prepare fills the two databases with pgbench's tables.
func prepare(ctx context.Context, pg *testkit.Postgres, o Options) error {
	if err := pg.Run(ctx, "postgres", "CREATE ROLE pgveil LOGIN"); err != nil {
		return err
	}
	for _, db := range []string{"unlisted", "listed"} {
		if err := pg.Run(ctx, "postgres", "CREATE DATABASE "+db, "GRANT CREATE ON DATABASE "+db+" TO pgveil"); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, filepath.Join(pg.BinDir, "pgbench"), "-i", "-q", "-s", strconv.Itoa(o.Scale),
			"-h", pg.Host, "-p", strconv.Itoa(pg.Port), "-U", testkit.Superuser, db)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("filling %s: %w: %s", db, err, out)
		}
	}
	return pg.Run(ctx, "listed", "CREATE TABLE secrets (id int PRIMARY KEY, v text)", "ALTER TABLE secrets OWNER TO pgveil")
}

var (
	tpsLine   = regexp.MustCompile(`tps = ([\d.]+)`)
	countLine = regexp.MustCompile(`transactions actually processed: (\d+)`)
)

func measure(ctx context.Context, pg *testkit.Postgres, w *way, mode string, o Options) (sample, error) {
	before, err := w.cpu()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(pg.BinDir, "pgbench"), "-n", "-S", "-M", mode,
		"-T", strconv.Itoa(o.Seconds), "-c", strconv.Itoa(o.Clients), "-j", "2",
		"-h", w.host, "-p", w.port, "-U", testkit.Superuser, w.database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("pgbench through %s: %w: %s", w.name, err, out)
	}
	after, err := w.cpu()
	if err != nil {
		return sample{}, err
	}
	tps, count := tpsLine.FindSubmatch(out), countLine.FindSubmatch(out)
	if tps == nil || count == nil {
		return sample{}, fmt.Errorf("pgbench through %s said: %s", w.name, out)
	}
	var s sample
	s.tps, err = strconv.ParseFloat(string(tps[1]), 64)
	n, errN := strconv.ParseFloat(string(count[1]), 64)
	s.cpu = (after - before).Seconds() * 1e6 / max(1, n)
	return s, errors.Join(err, errN)
}

// printTable prints medians. Ratios are medians of each round's, so that a
// slow minute of the machine counts for both sides.
func printTable(o Options, modes []string, ways []*way, samples map[string]map[string][]sample) {
	fmt.Printf("pgbench -S, scale %d, %d clients, %d rounds of %d s each\n\n", o.Scale, o.Clients, o.Rounds, o.Seconds)
	fmt.Printf("%-34s", "")
	for _, mode := range modes {
		fmt.Printf(" | %-29s", mode)
	}
	fmt.Printf("\n%-34s", "")
	for range modes {
		fmt.Printf(" | %8s %8s %5s %5s", "tps", "CPU µs", "×dir", "×rel")
	}
	fmt.Println()
	for _, w := range ways {
		fmt.Printf("%-34s", w.name)
		for _, mode := range modes {
			own, direct, relay := samples[mode][w.name], samples[mode][ways[0].name], samples[mode][ways[1].name]
			tps := median(own, func(i int) float64 { return own[i].tps })
			cpu := median(own, func(i int) float64 { return own[i].cpu })
			byDirect := median(own, func(i int) float64 { return own[i].tps / direct[i].tps })
			byRelay := median(own, func(i int) float64 { return own[i].cpu / relay[i].cpu })
			if w == ways[0] {
				fmt.Printf(" | %8.0f %8s %5.2f %5s", tps, "-", byDirect, "-")
			} else {
				fmt.Printf(" | %8.0f %8.1f %5.2f %5.2f", tps, cpu, byDirect, byRelay)
			}
		}
		fmt.Println()
	}
	fmt.Println("\nCPU µs: time of the proxy's process a transaction. ×dir: transactions a second over direct, higher is\nbetter. ×rel: CPU over the bare relay's, lower is better.")
}

func median(of []sample, value func(int) float64) float64 {
	values := make([]float64, len(of))
	for i := range of {
		values[i] = value(i)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
