// Command demo runs the demonstration of package demo; scripts/demo.sh calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pgveil/pgveil/internal/demo"
)

func main() {
	o := demo.Options{Binary: "bin/pgveil", Configs: "configs"}
	flag.IntVar(&o.People, "people", 10000, "how many people to invent")
	flag.BoolVar(&o.Keep, "keep", false, "leave everything running until interrupted")
	flag.BoolVar(&o.HSM, "hsm", false, "keep the root key in SoftHSM")
	flag.Parse()
	signal.Ignore(syscall.SIGPIPE) // `make demo | head` must clean up too
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo.Run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(1)
	}
}
