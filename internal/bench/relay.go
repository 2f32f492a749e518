package bench

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// Relay is the least that a proxy in Go can do: it copies bytes between
// clients and a server. What it costs is the floor that pgveil is measured
// against. It returns when it can accept no more, with the reason.
func Relay(listen, server string) error {
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
