// Command pgveil is a PostgreSQL proxy that seals the columns a policy
// protects. `pgveil help` says how it is used.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // times are read and shown in the session's zone on machines without zone files too

	"github.com/pgveil/pgveil/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills at once
	reload := make(chan os.Signal, 1)
	if len(os.Args) > 1 && os.Args[1] == "serve" { // a hangup ends every other command
		signal.Notify(reload, syscall.SIGHUP)
	}
	os.Exit(cli.Run(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Reload: reload}))
}
