package copyrows

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/rewrite"
)

// threeColumns are a plain column between two sealed ones.
func threeColumns(from bool, format rewrite.CopyFormat) *rewrite.Copy {
	return testkit.CopyPlan(from, format, 3, map[int]string{0: "name", 2: "phone"})
}

// bracketed is a changer whose work is to be seen. Values have rules of their own:
// "bad" is refused and "none" becomes NULL.
func bracketed(dst []byte, _ int, value []byte) ([]byte, bool, error) {
	switch string(value) {
	case "bad":
		return dst, false, &pgerr.Error{State: "22008", Code: pgerr.InvalidValue, Message: "no"}
	case "none":
		return dst, true, nil
	}
	return fmt.Appendf(dst, "[%s]", value), false, nil
}

// changed feeds pieces to a Rows and returns what comes out, and the error.
func changed(c *rewrite.Copy, change Change, pieces ...[]byte) (string, error) {
	var out bytes.Buffer
	emit := func(b []byte) error { _, err := out.Write(b); return err }
	r := New(c, change, emit, 1<<20, true)
	for _, p := range pieces {
		if err := r.Write(p); err != nil {
			return out.String(), err
		}
	}
	err := r.Finish()
	return out.String(), err
}

func told(err error) string {
	var refusal *pgerr.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return refusal.State + " " + refusal.Message + " at " + refusal.Where
	}
	return err.Error()
}

func TestRows_text(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"a\tb\tc\n", "[a]\tb\t[c]\n", ""},
		{"a\tb\tc", "[a]\tb\t[c]", ""},
		{"a\tb\tc\n\\N\t\\N\t\\N\n", "[a]\tb\t[c]\n\\N\t\\N\t\\N\n", ""},
		{"\t\t\n", "[]\t\t[]\n", ""},
		{`\\N` + "\t\\\\N\t\\\\\n", `[\\N]` + "\t\\\\N\t" + `[\\]` + "\n", ""},
		{`a\tb\nc\\d\101\x42\x4Zg\q` + "\tx\\\ty\t\\\n\n", `[a\tb\nc\\dAB` + "\x04" + `Zgq]` + "\tx\\\ty\t[\\n]\n", ""},
		{`\x:\8\08\777\x` + "\t\t\n", "[x:8\x008\xffx]\t\t[]\n", ""},
		{"a\tb\tc\\", "[a]\tb\t[c]", ""},
		{"a\tb\tc\r\nd\te\tf\r\n", "[a]\tb\t[c]\r\n[d]\te\t[f]\r\n", ""},
		{"a\tb\tc\rd\te\tf\r", "[a]\tb\t[c]\r[d]\te\t[f]\r", ""},
		{"a\tb\tc\r\nd\te\tf\n", "[a]\tb\t[c]\r\n", "22P04 literal newline found in data at COPY people, line 2"},
		{"a\tb\tc\nd\te\tf\r\n", "[a]\tb\t[c]\n", "22P04 literal carriage return found in data at COPY people, line 2"},
		{"a\tb\tc\r\nd\te\tf\rg", "[a]\tb\t[c]\r\n", "22P04 literal carriage return found in data at COPY people, line 2"},
		{"a\tb\tc\n\\.\nrest that \t is no data", "[a]\tb\t[c]\n\\.\n", ""},
		{"a\tb\tc\r\n\\.\r\nrest", "[a]\tb\t[c]\r\n\\.\r\n", ""},
		{"\\.\nrest", "\\.\n", ""},
		{"a\tb\tc\r\n\\.\nrest", "[a]\tb\t[c]\r\n", "22P04 end-of-copy marker does not match previous newline style at COPY people, line 2"},
		{"a\tb\tc\n\\.x\n", "[a]\tb\t[c]\n", "22P04 end-of-copy marker corrupt at COPY people, line 2"},
		{"a\tb\tc\\.\n", "", "22P04 end-of-copy marker corrupt at COPY people, line 1"},
		{"a\tb\tc\n1,2,3\n", "[a]\tb\t[c]\n", "22P04 missing data for columns at COPY people, line 2"},
		{"a\tb\n", "", "22P04 missing data for columns at COPY people, line 1"},
		{"\n", "", "22P04 missing data for columns at COPY people, line 1"},
		{"a\tb\tc\td\n", "", "22P04 extra data after last expected column at COPY people, line 1"},
		{"a\tb\tc\nd\te\tbad\n", "[a]\tb\t[c]\n", "22008 no at COPY people, line 2, column phone"},
		{"bad\te\tf\n", "", "22008 no at COPY people, line 1, column name"},
	} {
		got, err := changed(threeColumns(true, rewrite.CopyText), bracketed, []byte(tt.in))
		if told(err) != tt.err || err == nil && got != tt.want {
			t.Errorf("%q gives %q, %q,\nwant %q, %q", tt.in, got, told(err), tt.want, tt.err)
		}
		if err != nil && !strings.HasPrefix(tt.want, got) {
			t.Errorf("%q sends %q before it fails, want at most %q", tt.in, got, tt.want)
		}
	}
}

func TestRows_csv(t *testing.T) {
	for _, tt := range []struct {
		in, want, err string
		change        func(*rewrite.Copy)
	}{
		{in: "a,b,c\n", want: "[a],b,[c]\n"},
		{in: ",,\n", want: ",,\n"},
		{in: `"","",""` + "\n", want: `[],"",[]` + "\n"},
		{in: `"a,""b""",b,"c` + "\n" + `d"` + "\n", want: `"[a,""b""]",b,"[c` + "\n" + `d]"` + "\n"},
		{in: `a"b,c"d,b,c` + "\n", want: `"[ab,cd]",b,[c]` + "\n"},
		{in: `a,b,"c`, err: "22P04 unterminated CSV quoted field at COPY people, line 1"},
		{in: "a,b,c\n\\.\nrest", want: "[a],b,[c]\n\\.\n"},
		{in: "\\.,b,c\n", want: "[\\.],b,[c]\n"},
		{in: "\\.", err: "22P04 missing data for columns at COPY people, line 1"},
		{in: "a\\b,\\N,\\c", want: "[a\\b],\\N,[\\c]"},
		{in: "a,b,\"x\r\ny\"\r\nd,e,f\r\n", want: "[a],b,\"[x\r\ny]\"\r\n[d],e,[f]\r\n"},
		{in: "a,b,c\nd,e,f\r\n", want: "[a],b,[c]\n", err: "22P04 unquoted carriage return found in data at COPY people, line 2"},
		{in: "a,b,c\na,b,\"x\ny\"\nd,e,bad\n", want: "[a],b,[c]\n[a],b,\"[x\ny]\"\n", err: "22008 no at COPY people, line 4, column phone"},
		{in: "a,b,c,d\n", err: "22P04 extra data after last expected column at COPY people, line 1"},
		{in: "a;b,c\n", err: "22P04 missing data for columns at COPY people, line 1"},
		{
			in: `'a\'b\\',x,'\c'` + "\n", want: `'[a\'b\\]',x,[\c]` + "\n",
			change: func(c *rewrite.Copy) { c.Quote, c.Escape = '\'', '\\' },
		},
		{
			in: "a,b,N\nN,N,'N'\n", want: "[a],b,N\nN,N,'N'\n",
			change: func(c *rewrite.Copy) { c.Null, c.Quote, c.Escape = "N", '\'', '\''; c.Columns[2].ForceNull = true },
		},
		{
			in: ",,\n", want: "[],,\n",
			change: func(c *rewrite.Copy) { c.Columns[0].ForceNotNull = true },
		},
		{
			in: "D,D,\"D\"\n", want: "D,D,[D]\n",
			change: func(c *rewrite.Copy) { c.Default, c.HasDefault = "D", true },
		},
		{
			in: "Abebe,b,Bikila,\"x\ny\"\na,b,c\n", want: "\n[a],b,[c]\n",
			change: func(c *rewrite.Copy) { c.Header = true },
		},
		{
			in: "name,id,\"phone\"\r\na,b,c\r\n", want: "name,id,\"phone\"\r\n[a],b,[c]\r\n",
			change: func(c *rewrite.Copy) { c.Header, c.Match = true, true },
		},
		{
			in: "Abebe,b,phone\na,b,c\n", err: `22P04 column name mismatch in header line field 1: expected "name" at COPY people, line 1`,
			change: func(c *rewrite.Copy) { c.Header, c.Match = true, true },
		},
		{
			in: "name,id\na,b,c\n", err: "22P04 wrong number of fields in header line at COPY people, line 1",
			change: func(c *rewrite.Copy) { c.Header, c.Match = true, true },
		},
	} {
		c := threeColumns(true, rewrite.CopyCSV)
		if tt.change != nil {
			tt.change(c)
		}
		got, err := changed(c, bracketed, []byte(tt.in))
		if told(err) != tt.err || err == nil && got != tt.want {
			t.Errorf("%q gives %q, %q,\nwant %q, %q", tt.in, got, told(err), tt.want, tt.err)
		}
		if err != nil && !strings.HasPrefix(tt.want, got) {
			t.Errorf("%q sends %q before it fails, want at most %q", tt.in, got, tt.want)
		}
	}
}

func TestRows_toTheClient(t *testing.T) {
	for _, tt := range []struct {
		format   rewrite.CopyFormat
		in, want string
		change   func(*rewrite.Copy)
	}{
		{rewrite.CopyText, "a\tb\tnone\n\\N\tx\tc\n", "[a]\tb\t\\N\n\\N\tx\t[c]\n", nil},
		{rewrite.CopyText, "\\.\tb\t\\.\n", "[.]\tb\t[.]\n", nil},
		{rewrite.CopyText, "name\tid\tphone\na\tb\tc\n", "name\tid\tphone\n[a]\tb\t[c]\n", func(c *rewrite.Copy) { c.Header = true }},
		{rewrite.CopyText, "a[b[c\n", "\\[a][b[\\[c]\n", func(c *rewrite.Copy) { c.Delimiter = '[' }},
		{rewrite.CopyCSV, "a,b,none\n,x,c\n", "[a],b,\n,x,[c]\n", nil},
		{rewrite.CopyCSV, "none,b,\"c\"\n", "NULL,b,[c]\n", func(c *rewrite.Copy) { c.Null = "NULL" }},
		{rewrite.CopyCSV, "\"a\",\"b\",none\n", "\"[a]\",\"b\",\n", func(c *rewrite.Copy) { c.Columns[0].ForceQuote, c.Columns[2].ForceQuote = true, true }},
		{rewrite.CopyCSV, "a,b,c\n", "[a],b,\"[c]\"\n", func(c *rewrite.Copy) { c.Null = "[c]" }},
		{rewrite.CopyCSV, "a[b[c\n", "|[a]|[b[|[c]|\n", func(c *rewrite.Copy) { c.Delimiter, c.Quote, c.Escape = '[', '|', '|' }},
		{rewrite.CopyCSV, "a,b,c\n", "][a^]],b,][c^]]\n", func(c *rewrite.Copy) { c.Quote, c.Escape = ']', '^' }},
	} {
		c := threeColumns(false, tt.format)
		if tt.change != nil {
			tt.change(c)
		}
		if got, err := changed(c, bracketed, []byte(tt.in)); got != tt.want || err != nil {
			t.Errorf("%q gives %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestRows_binary(t *testing.T) {
	in := testkit.CopyBinary([]string{"a", "b\n", "c"}, []string{"\x00N", "\x00N", ""}, []string{"", "", "none"})
	want := testkit.CopyBinary([]string{"[a]", "b\n", "[c]"}, []string{"\x00N", "\x00N", "[]"}, []string{"[]", "", "\x00N"})
	for _, from := range []bool{true, false} {
		got, err := changed(threeColumns(from, rewrite.CopyBinary), bracketed, in)
		if diff := cmp.Diff(string(want), got); diff != "" || err != nil {
			t.Errorf("from %t: %v, -want +got:\n%s", from, err, diff)
		}
	}
	// A header extension is passed on, and the trailer may be missing.
	extended := append([]byte(nil), in[:15]...)
	extended = append(append(extended, 0, 0, 0, 3, 'e', 'x', 't'), in[19:len(in)-2]...)
	if got, err := changed(threeColumns(true, rewrite.CopyBinary), bracketed, extended); err != nil || !strings.Contains(got, "\x00\x00\x00\x03ext\x00\x03") {
		t.Errorf("with a header extension: %q, %v", got, err)
	}
}

func TestRows_refusesOtherBinaryData(t *testing.T) {
	whole := string(testkit.CopyBinary([]string{"a", "b", "c"}))
	head := whole[:19]
	for _, tt := range []struct{ in, err string }{
		{"a\tb\tc\n", "22P04 COPY file signature not recognized at COPY people, line 1"},
		{"PGCO", "22P04 unexpected EOF in COPY data at COPY people, line 1"},
		{whole[:11] + "\x00\x01\x00\x00\x00\x00\x00\x00", "22P04 unrecognized critical flags in COPY file header at COPY people, line 1"},
		{whole[:15] + "\xff\xff\xff\xff", "22P04 invalid COPY file header (wrong length) at COPY people, line 1"},
		{whole[:15] + "\x7f\xff\xff\xff", "22P04 invalid COPY file header (wrong length) at COPY people, line 1"},
		{head + "\x00\x02", "22P04 row field count is 2, expected 3 at COPY people, line 1"},
		{head + "\x00\x04", "22P04 row field count is 4, expected 3 at COPY people, line 1"},
		{head + "\x00\x03\xff\xff\xff\xfe", "22P03 invalid field size at COPY people, line 1"},
		{head + "\x00\x03\x7f\xff\xff\xff", "54000 field of COPY data is too long at COPY people, line 1"},
		{whole[:len(whole)-4], "22P04 unexpected EOF in COPY data at COPY people, line 1"},
		{whole + "x", "22P04 received copy data after EOF marker at COPY people, line 2"},
		{whole[:len(whole)-2] + string(testkit.CopyBinary([]string{"bad", "", ""})[19:]), "22008 no at COPY people, line 2, column name"},
	} {
		if got, err := changed(threeColumns(true, rewrite.CopyBinary), bracketed, []byte(tt.in)); told(err) != tt.err {
			t.Errorf("%q gives %q, %q, want %q", tt.in, got, told(err), tt.err)
		}
	}
}

func TestRows_longRowIsRefused(t *testing.T) {
	for _, format := range []rewrite.CopyFormat{rewrite.CopyText, rewrite.CopyCSV, rewrite.CopyBinary} {
		r := New(threeColumns(true, format), bracketed, func([]byte) error { return nil }, 1000, true)
		var err error
		if format == rewrite.CopyBinary {
			err = r.Write(append(testkit.CopyBinary()[:19], 0, 3, 0, 0, 3, 0))
		}
		for n := 0; n < 2000 && err == nil; n += 100 {
			err = r.Write(bytes.Repeat([]byte{'x'}, 100))
		}
		if got := told(err); !strings.HasPrefix(got, "54000 ") {
			t.Errorf("format %d: a row of 2000 bytes gives %q", format, got)
		}
		if len(r.held) > 1200 {
			t.Errorf("format %d: %d bytes are held of a row that is too long", format, len(r.held))
		}
	}
}

// A row leaves in one piece to the client, as PostgreSQL sends it; to the
// server many leave together.
func TestRows_emitsRows(t *testing.T) {
	for _, tt := range []struct {
		from bool
		want []string
	}{
		{false, []string{"[a]\tb\t[c]\n", "[d]\te\t[f]\n", "[g]\th\t[i]\n"}},
		{true, []string{"[a]\tb\t[c]\n", "[d]\te\t[f]\n[g]\th\t[i]\n"}},
	} {
		var got []string
		r := New(threeColumns(tt.from, rewrite.CopyText), bracketed, func(b []byte) error {
			got = append(got, string(b))
			return nil
		}, 1000, false)
		for _, piece := range []string{"a\tb", "\tc\nd\te\t", "f\ng\th\ti\n"} {
			if err := r.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("from %t: -want +got:\n%s", tt.from, diff)
		}
	}
}

func TestRows_passesOnErrorsOfTheConnection(t *testing.T) {
	gone := errors.New("gone")
	r := New(threeColumns(true, rewrite.CopyText), bracketed, func([]byte) error { return gone }, 1000, false)
	var refusal *pgerr.Error
	if err := r.Write([]byte("a\tb\tc\n")); !errors.Is(err, gone) || errors.As(err, &refusal) {
		t.Errorf("write = %v, want the error of emit", err)
	}
}

// pieces cuts data at random.
func pieces(rnd *rand.Rand, data []byte) [][]byte {
	var out [][]byte
	for len(data) > 0 {
		n := 1 + rnd.IntN(len(data))
		if rnd.IntN(2) == 0 {
			n = 1 + rnd.IntN(min(len(data), 4))
		}
		out = append(out, bytes.Clone(data[:n]))
		data = data[n:]
	}
	return out
}

// copyVariants are COPYs that read data differently.
func copyVariants() []*rewrite.Copy {
	var all []*rewrite.Copy
	for _, from := range []bool{true, false} {
		for _, format := range []rewrite.CopyFormat{rewrite.CopyText, rewrite.CopyCSV, rewrite.CopyBinary} {
			all = append(all, threeColumns(from, format))
		}
		header := threeColumns(from, rewrite.CopyCSV)
		header.Header = true
		escape := threeColumns(from, rewrite.CopyCSV)
		escape.Escape, escape.Null, escape.Delimiter = '\\', "N", '\t'
		match := threeColumns(from, rewrite.CopyText)
		match.Header, match.Match = true, true
		all = append(all, header, escape, match)
	}
	return all
}

// However the data is cut, the same comes out.
func TestRows_chunksDoNotMatter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	alphabet := []string{"a", "\t", ",", "\n", "\r\n", "\r", "\\", "\"", "\\N", "\\.", "\\.\n", "x", "é", "N", "bad", "none", "'"}
	rows := []string{"a\tb\tc\n", "a,b,c\n", "\"x\ny\",,\"\"\"\"\n", "d\te\tf\r\n", "\\\\\t\\\n\t\\N\n", "name\tid\tphone\n"}
	for round := range 3000 {
		var in []byte
		for range rnd.IntN(6) {
			in = append(in, rows[rnd.IntN(len(rows))]...)
		}
		for range rnd.IntN(5) {
			i := rnd.IntN(len(in) + 1)
			in = append(in[:i:i], append([]byte(alphabet[rnd.IntN(len(alphabet))]), in[i:]...)...)
		}
		for _, c := range copyVariants() {
			data := in
			if c.Format == rewrite.CopyBinary {
				data = testkit.CopyBinary([]string{string(in), "x", ""}, []string{"\x00N", string(in), "y"})
				if i := rnd.IntN(2 * len(data)); i < len(data) {
					data = data[:i]
				}
			}
			sameHoweverCut(t, rnd, c, data)
			if t.Failed() {
				t.Fatalf("in round %d", round)
			}
		}
	}
}

func sameHoweverCut(t *testing.T, rnd *rand.Rand, c *rewrite.Copy, data []byte) {
	t.Helper()
	want, wantErr := changed(c, bracketed, data)
	cut := pieces(rnd, data)
	got, err := changed(c, bracketed, cut...)
	if told(err) != told(wantErr) || err == nil && got != want {
		t.Errorf("from %t, format %d: %q gives %q, %q; in pieces %q it gives %q, %q",
			c.From, c.Format, data, want, told(wantErr), cut, got, told(err))
	}
}

// FuzzRows looks for panics, for data that is cut and read otherwise, and
// for rows that cost more than their bytes.
func FuzzRows(f *testing.F) {
	for i, s := range []string{
		"a\tb\tc\n\\N\t\\.\t\\\\\n\\.\n", "a,\"b\"\"\n\",c\r\n", string(testkit.CopyBinary([]string{"a", "\x00N", "c"})),
		"\t\t\t\t\t\t\t\n", "name\tid\tphone\na\tb\tc\n",
	} {
		f.Add([]byte(s), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		for _, c := range copyVariants() {
			sameHoweverCut(t, rnd, c, data)
			out, _ := changed(c, func(dst []byte, _ int, value []byte) ([]byte, bool, error) {
				return append(dst, value...), false, nil
			}, data)
			// A sealed value that is given back grows by escapes and quotes at most.
			if len(out) > 2*len(data)+8*(1+bytes.Count(data, []byte{'\n'})+bytes.Count(data, []byte{'\r'})) {
				t.Errorf("format %d: %d bytes became %d", c.Format, len(data), len(out))
			}
		}
	})
}

// FuzzFields holds writing a value and reading it together.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"", "a", "\\N", "\\.", "a\tb", "it's", "\"", "\\", "a\nb\r\v\f\b", "é\x00", ",", "pv1.a"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, c := range copyVariants() {
			if c.Format == rewrite.CopyBinary || c.From || c.Header {
				continue
			}
			r := New(c, bracketed, nil, 1<<20, false)
			field := r.encoded([]byte("kept"), 4, false)
			field = r.encoded(append(field[:4], value...), 4, false)
			line := append(append(bytes.Clone(field[4:]), c.Delimiter), c.Delimiter)
			line = append(line, '\n')
			end, err := r.scan.next(line, false)
			if err != nil || end != len(line) || len(r.scan.row().fields) != 3 {
				t.Fatalf("%q is written %q, which reads as %d of %d bytes, %v", value, line, end, len(line), err)
			}
			first := &r.scan.row().fields[0]
			if r.isNull(first, line[:first.end]) {
				t.Fatalf("%q is written %q, which reads as NULL", value, line)
			}
			if got := r.textValue(first, line[:first.end]); !bytes.Equal(got, value) {
				t.Fatalf("%q is written %q, which reads as %q", value, line, got)
			}
		}
	})
}
