package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// baseSettings are appended to every cluster's postgresql.conf. All that a
// client sends is logged and no WAL is thrown away, so that a leak stays to be
// found; nothing is made durable against a loss of power, which no test needs.
const baseSettings = `
listen_addresses = '127.0.0.1'
logging_collector = off
log_destination = 'stderr'
log_line_prefix = '%m [%p] %u@%d '
log_statement = 'all'
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_min_error_statement = 'error'
wal_level = logical
wal_keep_size = '4GB'
fsync = off
synchronous_commit = on
shared_buffers = '32MB'
max_connections = 60
autovacuum_naptime = '1h'
timezone = 'UTC'
jit = off
`

// findBinaries returns the folder of initdb and postgres: PGVEIL_PG_BIN, else
// the newest that Debian installed, else where PATH finds postgres.
func findBinaries() (string, error) {
	if dir := os.Getenv("PGVEIL_PG_BIN"); dir != "" {
		if !hasServer(dir) {
			return "", fmt.Errorf("PGVEIL_PG_BIN=%s has no initdb and postgres", dir)
		}
		return dir, nil
	}
	newest, best := "", 0
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	for _, dir := range dirs {
		major, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err == nil && major > best && hasServer(dir) {
			newest, best = dir, major
		}
	}
	if newest != "" {
		return newest, nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && hasServer(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	return "", fmt.Errorf("PostgreSQL's server programs: %w (scripts/setup.sh installs them)", ErrMissing)
}

func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// account is the operating system's user that the server runs as: our own, or,
// since PostgreSQL refuses to run as root, "postgres" or "nobody".
type account struct {
	other    bool
	uid, gid int
}

func serverOwner() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.Atoi(u.Uid)
		gid, errG := strconv.Atoi(u.Gid)
		return account{other: true, uid: uid, gid: gid}, errors.Join(errU, errG)
	}
	return account{}, errors.New("running as root, and no user postgres or nobody to run the server as")
}

func (a account) chown(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// attributes makes a child run as the account and end when this process does.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// copyCluster makes dst a fresh cluster. The first time it runs initdb and
// keeps the result in the user's cache, because a copy is ten times as fast.
func copyCluster(bin, dst string, owner account) error {
	template, err := templatePath(bin)
	if err != nil {
		return initCluster(bin, dst, owner) // no place to keep it
	}
	if _, err := os.Stat(template); errors.Is(err, fs.ErrNotExist) {
		if err := initCluster(bin, dst, owner); err != nil {
			return err
		}
		return keepTemplate(dst, template)
	}
	return copyTree(template, dst, owner)
}

func templatePath(bin string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(filepath.Join(bin, "postgres"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(nil, bin, info.Size(), info.ModTime(), baseSettings, initOptions()))
	return filepath.Join(cache, "pgveil-testkit", hex.EncodeToString(sum[:8])), nil
}

// keepTemplate copies a cluster that never ran to path, in one step, so that
// tests in other processes see all of it or nothing.
func keepTemplate(cluster, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping the template cluster: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(path), "making-")
	if err != nil {
		return fmt.Errorf("keeping the template cluster: %w", err)
	}
	defer os.RemoveAll(tmp)
	whole := filepath.Join(tmp, "data")
	if err := copyTree(cluster, whole, account{}); err != nil {
		return err
	}
	if err := os.Rename(whole, path); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("keeping the template cluster: %w", err)
	}
	return nil
}

// initOptions are what clusters are made with: sorted by bytes, as Odoo's
// databases are, and knowing the letters of all scripts.
func initOptions() []string {
	return []string{"-U", Superuser, "-A", "trust",
		"--locale=C", "--lc-ctype=C.UTF-8", "--encoding=UTF8", "--no-sync", "--wal-segsize=1"}
}

func initCluster(bin, dst string, owner account) error {
	// Small WAL segments keep the copy small.
	cmd := exec.Command(filepath.Join(bin, "initdb"), append(initOptions(), "-D", dst)...)
	cmd.Dir, cmd.SysProcAttr = filepath.Dir(dst), owner.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	conf, err := os.OpenFile(filepath.Join(dst, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString(baseSettings)
	return errors.Join(err, conf.Close())
}

func copyTree(src, dst string, owner account) error {
	err := filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dst, rel)
		if d.IsDir() {
			err = os.Mkdir(target, 0o700)
		} else {
			err = copyFile(path, target)
		}
		return errors.Join(err, owner.chown(target))
	})
	if err != nil {
		return fmt.Errorf("copying the template cluster: %w", err)
	}
	return nil
}

func copyFile(src, dst string) error {
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// Unprivileged returns attributes for a child that must not run as root; it
// gets a signal when this process ends.
func Unprivileged() (*syscall.SysProcAttr, error) {
	owner, err := serverOwner()
	if err != nil {
		return nil, err
	}
	return owner.attributes(), nil
}
