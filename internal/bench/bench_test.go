package bench

import (
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The relay hands on both ways and the end of either.
func TestRelay(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		said, _ := io.ReadAll(conn)
		_, _ = io.WriteString(conn, strings.ToUpper(string(said)))
	}()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = Relay("127.0.0.1:"+port, server.Addr().String()) }() // ends with the process

	var conn net.Conn
	for deadline := time.Now().Add(10 * time.Second); ; {
		if conn, err = net.Dial("tcp", "127.0.0.1:"+port); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "HELLO" {
		t.Errorf("through the relay: %q, %v, want HELLO", got, err)
	}
}

// The figure of the table is what the kernel counts for the process.
func TestWay_countsTheProcessorTime(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("bash", "-c", "for ((i = 0; i < 300000; i++)); do :; done; echo done; read -r")
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if errIn != nil || errOut != nil {
		t.Fatal(errIn, errOut)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil { // it has worked, and waits
		t.Fatal(err)
	}
	w := &way{process: &process{cmd: cmd}}
	got, err := w.cpu()
	if err != nil || got < 20*time.Millisecond || got > time.Minute {
		t.Errorf("cpu() = %v, %v, want some time", got, err)
	}
	_ = in.Close()
	_ = cmd.Wait()
	state := cmd.ProcessState
	if total := state.UserTime() + state.SystemTime(); (total - got).Abs() > 50*time.Millisecond {
		t.Errorf("cpu() = %v, the process used %v", got, total)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	of := []sample{{tps: 30}, {tps: 10}, {tps: 20}}
	if got := median(of, func(i int) float64 { return of[i].tps }); got != 20 {
		t.Errorf("median() = %v, want 20", got)
	}
}
