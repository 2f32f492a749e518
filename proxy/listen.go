package proxy

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Listen opens a listener at host:port or, where address holds a slash, at a
// Unix socket: the socket file itself, or a folder, in which it is named
// .s.PGSQL.5432 as PostgreSQL's clients expect. A socket file that no process
// listens at any more is replaced. Like PostgreSQL's, the socket may be
// connected to by everybody: it is authentication that decides. A server must
// not be set to trust, or to authenticate by "peer", the account that pgveil
// runs under, because that would be the account of every client.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	if !isPath(address) {
		return lc.Listen(ctx, "tcp", address)
	}
	path := socketPath(address)
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("opening the socket to clients: %w", err)
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil // nothing there, or nothing of ours: listening will say so
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("listening at %s: another process does", path)
	}
	return os.Remove(path)
}

func isPath(address string) bool { return strings.Contains(address, "/") }

// socketPath is where the socket is: path itself, or .s.PGSQL.5432 in the folder path.
func socketPath(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, ".s.PGSQL.5432")
	}
	return path
}
