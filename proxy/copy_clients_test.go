package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/testkit"
)

// psql's \copy in both directions, with the clients' own idea of frames.
func TestCopy_psql(t *testing.T) {
	s, through, plain := twins(t)
	fillNasty(t, through, plain)
	dir := t.TempDir()
	ours, theirs := target{addr: s.addr, user: "officer", database: listed}.url(), target{addr: s.pg.Addr(), user: "officer", database: "twin"}.url()
	run := func(url, command string) {
		t.Helper()
		if out, err := psql(t, url, "-v", "ON_ERROR_STOP=1", "-c", command); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	for i, format := range []string{"", "(format csv, header)", "(format binary)"} {
		mine, its := filepath.Join(dir, fmt.Sprint(i, "a")), filepath.Join(dir, fmt.Sprint(i, "b"))
		run(ours, `\copy people (`+copyColumns+`) to '`+mine+`' `+format)
		run(theirs, `\copy people (`+copyColumns+`) to '`+its+`' `+format)
		if diff := cmp.Diff(read(t, its), read(t, mine)); diff != "" {
			t.Errorf("%s: PostgreSQL -, through pgveil +:\n%s", format, diff)
		}
		must(t, through, "DELETE FROM people")
		run(ours, `\copy people (`+copyColumns+`) from '`+its+`' `+format)
		all := "SELECT " + copyColumns + " FROM people ORDER BY id"
		if diff := cmp.Diff(simple(t, plain, all), simple(t, through, all)); diff != "" {
			t.Errorf("%s: rows differ (-plain +sealed):\n%s", format, diff)
		}
	}
	out, err := psql(t, ours, "-c", `\copy people (id, birth) from '`+filepath.Join(dir, "0b")+`'`)
	if err == nil || !strings.Contains(out, "CONTEXT:  COPY people, line 1") {
		t.Errorf("a file with too many columns gives %v: %s", err, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const psycopg2Copy = `
import io, sys, psycopg2
c = psycopg2.connect(sys.argv[1])
cur = c.cursor()
data = "1\tAbebe\\tBikila\t1932-08-07\n2\t\\N\t\\N\n3\tÑandú\t\\N\n"
cur.copy_expert("COPY people (id, name, birth) FROM STDIN", io.StringIO(data), size=7)
out = io.StringIO()
cur.copy_expert("COPY (SELECT id, name, birth FROM people ORDER BY id) TO STDOUT", out)
assert out.getvalue() == data, out.getvalue()
c.commit()
try:
    cur.copy_expert("COPY people (id, birth) FROM STDIN CSV", io.StringIO("4,1932-08-07\n5,1932-02-30\n" + "6,\n" * 100000))
    assert False, "a day that does not exist was taken"
except psycopg2.Error as e:
    assert e.pgcode == "22008", e.pgcode
    assert e.diag.context == "COPY people, line 2, column birth", e.diag.context
    assert e.diag.column_name == "birth"
c.rollback()
cur.copy_from(io.StringIO("7|x\n"), "people", sep="|", columns=("id", "name"))
cur.execute("SELECT count(*), count(name) FROM people")
assert cur.fetchone() == (4, 3)
c.commit()
`

const psycopg3Copy = `
import sys, datetime, psycopg
with psycopg.connect(sys.argv[1]) as c, c.cursor() as cur:
    with cur.copy("COPY people (id, name, birth) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "varchar", "date"])
        copy.write_row((10, "x\ty", datetime.date(1932, 8, 7)))
        copy.write_row((11, None, None))
    with cur.copy("COPY (SELECT id, name, birth FROM people WHERE id >= %s ORDER BY id) TO STDOUT (FORMAT binary)" % 10) as copy:
        copy.set_types(["int4", "varchar", "date"])
        rows = list(copy.rows())
    assert rows == [(10, "x\ty", datetime.date(1932, 8, 7)), (11, None, None)], rows
    with cur.copy("COPY people (id, name) FROM STDIN") as copy:
        for i in range(3):
            copy.write_row((20 + i, "n\\%d" % i))
    cur.execute("SELECT name FROM people WHERE id >= 20 ORDER BY id")
    assert [r[0] for r in cur.fetchall()] == ["n\\0", "n\\1", "n\\2"]
`

func TestCopy_psycopg(t *testing.T) {
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		testkit.Unavailable(t, fmt.Errorf("python: %w", testkit.ErrMissing))
	}
	s := startSealed(t)
	for _, client := range []struct{ module, program string }{{"psycopg2", psycopg2Copy}, {"psycopg", psycopg3Copy}} {
		module := client.module
		if exec.Command(python, "-c", "import "+module).Run() != nil {
			testkit.Unavailable(t, fmt.Errorf("%s: %w", module, testkit.ErrMissing))
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", client.program, target{addr: s.addr, user: "officer", database: listed}.url())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", module, err, out)
		}
	}
}

// rowsOf makes n rows on the fly, so that the test itself holds none.
func rowsOf(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 60<<10)
		for i := range n {
			fmt.Fprintf(b, "%d\tAbebe Bikila %d\t+2519%07d\t1932-08-%02d\tAddis Ababa\n", i, i, i, 1+i%28)
		}
		_ = b.Flush()
		_ = w.Close()
	}()
	return r
}

// lineCounter counts lines and keeps nothing.
type lineCounter int

func (c *lineCounter) Write(b []byte) (int, error) {
	*c += lineCounter(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}

// A hundred thousand rows, some 60 MB sealed, go through in both directions
// without being gathered anywhere.
func TestCopy_manyRowsInLittleMemory(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tag, err := c.PgConn().CopyFrom(t.Context(), rowsOf(n), "COPY people (id, name, phone, birth, city) FROM STDIN")
	if err != nil || tag.RowsAffected() != n {
		t.Fatalf("COPY FROM = %v, %v", tag, err)
	}
	var lines lineCounter
	if _, err := c.PgConn().CopyTo(t.Context(), &lines, "COPY people (id, name, phone, birth, city) TO STDOUT"); err != nil || lines != n {
		t.Fatalf("COPY TO = %d lines, %v", lines, err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 48<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	check(t, c, "SELECT name, phone, birth FROM people WHERE phone = '+25190099999'", "Abebe Bikila 99999|+25190099999|1932-08-12")
}

// A row whose plain field is long goes through in pieces.
func TestCopy_longFields(t *testing.T) {
	s := startSealed(t)
	c := s.as("officer")
	long := strings.Repeat("long\\n", 2<<20)
	if got := copyInto(t, c, "COPY people (id, name, city) FROM STDIN", "1\tAbebe\t"+long+"\n2\t"+long[:1<<20]+"\tx\n"); got != "COPY 2" {
		t.Fatalf("COPY FROM = %s", got)
	}
	check(t, c, "SELECT name, length(city) FROM people WHERE id = 1", "Abebe|"+strconv.Itoa(5*(2<<20)))
	if got := copyOutOf(t, c, "COPY (SELECT name, city FROM people WHERE id = 1) TO STDOUT"); got != "Abebe\t"+long+"\n" {
		t.Errorf("COPY TO gave %d bytes", len(got))
	}
	if got := copyOutOf(t, c, "COPY (SELECT name FROM people WHERE id = 2) TO STDOUT"); len(got) < 1<<20 || !strings.HasPrefix(long, got[:1<<20]) {
		t.Errorf("COPY TO of a long sealed value gave %d bytes", len(got))
	}
}
