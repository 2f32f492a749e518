package testkit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Leak is a place where a secret was found.
type Leak struct {
	// Secret is the planted value, Form how it showed ("text", "base64", …).
	Secret, Form string
	// Where is a file, or "pg_dumpall".
	Where string
	// Context is what stood around it, printable.
	Context string
}

// String returns one line for a test's output.
func (l Leak) String() string {
	return fmt.Sprintf("%q as %s in %s: …%s…", l.Secret, l.Form, l.Where, l.Context)
}

// NoLeaks fails the test if one of the planter's secrets is found by [Leaks].
func NoLeaks(t testing.TB, pg *Postgres, p *Planter, logs ...string) {
	t.Helper()
	const most = 20
	leaks := Leaks(t, pg, p, logs...)
	for _, leak := range leaks[:min(len(leaks), most)] {
		t.Errorf("leaked: %s", leak)
	}
	if len(leaks) > most {
		t.Errorf("and %d leaks more", len(leaks)-most)
	}
}

// Leaks looks for the planter's secrets as [Planter.Search] does, and fails
// the test if it cannot.
func Leaks(t testing.TB, pg *Postgres, p *Planter, logs ...string) []Leak {
	t.Helper()
	leaks, err := p.Search(context.WithoutCancel(t.Context()), pg, logs...)
	if err != nil {
		t.Fatalf("looking for leaks: %v", err)
	}
	return leaks
}

// Search looks for the secrets in every file of the server (tables, indexes,
// WAL, its log), in a dump of all its databases, which shows what is
// compressed or binary in the files, and in logs, which are files or folders
// of our own. Letter case is ignored. Each secret is reported once a place.
func (p *Planter) Search(ctx context.Context, pg *Postgres, logs ...string) ([]Leak, error) {
	if p.Planted() == 0 {
		return nil, errors.New("no secret was planted")
	}
	// What is in memory only goes to the files.
	if err := pg.Run(ctx, "postgres", "CHECKPOINT"); err != nil {
		return nil, err
	}
	var leaks []Leak
	for _, root := range append([]string{pg.DataDir, pg.LogFile}, logs...) {
		found, err := p.scanFiles(root)
		if err != nil {
			return nil, err
		}
		leaks = append(leaks, found...)
	}
	dump, err := pg.dump(ctx)
	if err != nil {
		return nil, err
	}
	leaks = append(leaks, p.Scan("pg_dumpall", dump)...)
	slices.SortFunc(leaks, func(a, b Leak) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Secret, b.Secret), cmp.Compare(a.Form, b.Form))
	})
	return leaks, nil
}

func (p *Planter) scanFiles(root string) ([]Leak, error) {
	var leaks []Leak
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != root {
			return nil // a running server removes files as it likes
		}
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && path != root {
			return nil
		}
		leaks = append(leaks, p.Scan(path, data)...)
		return err
	})
	return leaks, err
}

// Scan looks for the secrets in data, which is overwritten.
//
// The race detector would make it ten times as slow, for hundreds of megabytes
// that one goroutine has to itself.
//
//go:norace
func (p *Planter) Scan(where string, data []byte) []Leak {
	p.mu.Lock()
	defer p.mu.Unlock()
	fold(data)
	type place struct{ secret, form string }
	seen := map[place]bool{}
	var leaks []Leak
	first := newPrefixes(p.needles)
	for i := 0; i+4 <= len(data); i++ {
		word := binary.LittleEndian.Uint32(data[i:])
		if !first.mayStart(word) {
			continue
		}
		for _, n := range first.byWord[word] {
			if !strings.HasPrefix(string(data[i:min(len(data), i+len(n.bytes))]), string(n.bytes)) || seen[place{n.secret, n.form}] {
				continue
			}
			seen[place{n.secret, n.form}] = true
			around := strconv.QuoteToASCII(string(data[max(0, i-40):min(len(data), i+len(n.bytes)+20)]))
			leaks = append(leaks, Leak{Secret: n.secret, Form: n.form, Where: where, Context: around})
		}
	}
	return leaks
}

// fold makes ASCII letters small, in place; unlike bytes.ToLower it leaves
// bytes that are not UTF-8 as they are.
//
//go:norace
func fold(data []byte) []byte {
	for i, c := range data {
		if 'A' <= c && c <= 'Z' {
			data[i] = c + 'a' - 'A'
		}
	}
	return data
}

// prefixes finds the needles that begin with four given bytes. Nearly every
// position of a file is ruled out by one look at a table that fits the cache.
type prefixes struct {
	table  [1 << 13]byte // one bit for each hash of four bytes
	byWord map[uint32][]needle
}

func newPrefixes(needles []needle) *prefixes {
	p := &prefixes{byWord: map[uint32][]needle{}}
	for _, n := range needles {
		word := binary.LittleEndian.Uint32(n.bytes)
		p.byWord[word] = append(p.byWord[word], n)
		h := prefixHash(word)
		p.table[h>>3] |= 1 << (h & 7)
	}
	return p
}

//go:norace
func (p *prefixes) mayStart(word uint32) bool {
	h := prefixHash(word)
	return p.table[h>>3]&(1<<(h&7)) != 0
}

func prefixHash(word uint32) uint32 { return word * 2654435761 >> 16 }

// dump returns all databases as SQL. Tests beside this one may drop theirs
// meanwhile; then it begins again.
func (p *Postgres) dump(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		cmd := exec.CommandContext(ctx, filepath.Join(p.BinDir, "pg_dumpall"),
			"-h", p.SocketDir, "-p", strconv.Itoa(p.Port), "-U", Superuser, "--no-sync")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err == nil {
			return out, nil
		}
		said := func(what string) bool { return strings.Contains(stderr.String(), what) }
		dropped := said("does not exist") || said("terminating connection") || said("closed the connection") || said("cache lookup failed")
		if !dropped || ctx.Err() != nil {
			return nil, fmt.Errorf("running pg_dumpall: %w: %s", err, stderr.String())
		}
	}
}
