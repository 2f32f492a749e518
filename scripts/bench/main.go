// Command bench runs the measurements of package bench; scripts/bench/run.sh calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pgveil/pgveil/internal/bench"
)

func main() {
	var o bench.Options
	flag.IntVar(&o.Rounds, "rounds", 3, "how often every way is measured")
	flag.IntVar(&o.Seconds, "seconds", 3, "how long each measurement takes")
	flag.IntVar(&o.Clients, "clients", 4, "connections of pgbench")
	flag.IntVar(&o.Scale, "scale", 5, "size of pgbench's tables, in 100,000 rows")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench.Run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}
