// Command relay is the least that a proxy in Go can do: it copies bytes between
// a client and a server. What it costs is the floor that `make bench` measures
// pgveil against.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:6500", "address to listen on")
	server := flag.String("server", "127.0.0.1:5432", "address of the server")
	flag.Parse()
	fmt.Fprintln(os.Stderr, "relay: error:", serve(*listen, *server))
	os.Exit(1)
}

// serve relays until accepting fails, and returns why; the process is ended by
// a signal.
func serve(listen, server string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		go relay(client, server)
	}
}

// relay copies both ways until both sides have nothing more to say. Bytes go
// through a buffer of the program, as those of a proxy that looks at them must.
func relay(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay: error:", err)
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{server, client}, {client, server}} {
		both.Go(func() {
			to, from := way[0], way[1]
			_, _ = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 32<<10))
			_ = to.(*net.TCPConn).CloseWrite() // the other way may go on
		})
	}
	both.Wait()
}
