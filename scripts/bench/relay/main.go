// Command relay runs the bare relay of package bench.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/pgveil/pgveil/internal/bench"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:6500", "address to listen on")
	server := flag.String("server", "127.0.0.1:5432", "address of the server")
	flag.Parse()
	fmt.Fprintln(os.Stderr, "relay: error:", bench.Relay(*listen, *server))
	os.Exit(1)
}
