package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pgveil/pgveil/internal/testkit"
)

// way is a way to the server: direct, or through a process of ours.
type way struct {
	name, host, port, database string
	process                    *process
}

// process is a proxy that runs; two ways may share it.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// cpu returns what the way's process has used so far, its threads included.
func (w *way) cpu() (time.Duration, error) {
	if w.process == nil {
		return 0, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.process.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// After the name, which may hold spaces: state is field 3, utime 14, stime 15.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, errUser := strconv.Atoi(fields[14-3])
	system, errSystem := strconv.Atoi(fields[15-3])
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs on Linux
	return time.Duration(user+system) * tick, errors.Join(errUser, errSystem)
}

func (w *way) stop() {
	if w.process == nil {
		return
	}
	_ = w.process.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-w.process.ended
	w.process = nil
}

// startAll starts every way; the first is direct, the second the bare relay.
// What was started is returned with an error too.
func startAll(ctx context.Context, pg *testkit.Postgres, dir string) ([]*way, error) {
	port := strconv.Itoa(pg.Port)
	ways := []*way{{name: "direct", host: pg.Host, port: port, database: "unlisted"}}
	add := func(name, database string, start func(port string) (*exec.Cmd, error)) error {
		own, err := freePort()
		if err != nil {
			return err
		}
		w := &way{name: name, host: "127.0.0.1", port: own, database: database}
		cmd, err := start(own)
		if err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		w.process, err = launch(cmd, own, filepath.Join(dir, "process.log"))
		if err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		ways = append(ways, w)
		return nil
	}
	err := add("bare Go relay", "unlisted", func(own string) (*exec.Cmd, error) {
		return exec.Command("bin/relay", "-listen", "127.0.0.1:"+own, "-server", pg.Addr()), nil
	})
	if err != nil {
		return ways, err
	}
	if err := add("PgBouncer, session", "unlisted", func(own string) (*exec.Cmd, error) { return bouncer(pg, dir, own) }); err != nil {
		return ways, err
	}
	if err := add("pgveil, database not listed", "unlisted", func(own string) (*exec.Cmd, error) { return pgveil(ctx, pg, dir, own) }); err != nil {
		return ways, err
	}
	veil := ways[len(ways)-1]
	return append(ways, &way{
		name: "pgveil, listed, nothing protected", host: veil.host, port: veil.port, database: "listed", process: veil.process,
	}), nil
}

func launch(cmd *exec.Cmd, port, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.ended) }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			return p, conn.Close()
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(log)
			return nil, fmt.Errorf("it ended: %s", text)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			return nil, fmt.Errorf("it does not accept connections: %w", err)
		}
	}
}

// bouncer returns PgBouncer's command; like the server it refuses to be root.
func bouncer(pg *testkit.Postgres, dir, port string) (*exec.Cmd, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = session
max_client_conn = 100
default_pool_size = 50
`, pg.Port, testkit.Superuser, port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "-q", conf)
	cmd.Dir = dir
	cmd.SysProcAttr, err = testkit.Unprivileged()
	return cmd, err
}

// pgveil brings database listed under a policy that protects another table.
func pgveil(ctx context.Context, pg *testkit.Postgres, dir, port string) (*exec.Cmd, error) {
	files := map[string]string{
		"policy.yaml": "version: 1\ntables:\n  secrets:\n    v: {search: [equality]}\n",
		"pgveil.yaml": fmt.Sprintf(`version: 1
listen: 127.0.0.1:%s
server: {address: "%s", tls: disable, service_user: pgveil}
auth: {mode: relay}
custodian: {kind: software, file: root.key, passphrase: env:PGVEIL_PASSPHRASE}
databases:
  listed: {policy: policy.yaml}
`, port, pg.Addr()),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "bin/pgveil", append(args, "--config", filepath.Join(dir, "pgveil.yaml"))...)
		cmd.Env = append(os.Environ(), "PGVEIL_PASSPHRASE=only for the benchmark")
		return cmd
	}
	for _, args := range [][]string{{"keys", "create"}, {"apply"}} {
		if out, err := command(args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("pgveil %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return command("serve"), nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}
