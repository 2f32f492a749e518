package rewrite_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// A plan belongs to a shape, so it must be right for every statement of that
// shape: what the cache gives to a twin, which is the same statement with other
// literals, must be what the compiler would make of it afresh. Where a literal
// decides, the twins have two plans.

// twinsOf draws a statement with the shape of another and other literals: each
// literal has its kind, a list any number of any, rows any number of rows.
func twinsOf(sql string, st *shape.Statement) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var twin strings.Builder
		at := st.Start
		for i := range st.Slots {
			slot := &st.Slots[i]
			twin.WriteString(sql[at:slot.Start])
			glued := slot.Start > 0 && wordLike(sql[slot.Start-1]) // N'x'
			twin.WriteString(otherSlot(t, slot, glued))
			at = slot.End
		}
		twin.WriteString(sql[at:st.End])
		return twin.String()
	})
}

func wordLike(c byte) bool {
	return c == '_' || c >= 0x80 || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

func otherSlot(t *rapid.T, slot *shape.Slot, glued bool) string {
	switch slot.Form {
	case shape.List:
		return strings.Join(rapid.SliceOfN(listLiteral, 1, 4).Draw(t, "list"), ", ")
	case shape.Rows:
		row := rapid.Custom(func(t *rapid.T) string {
			return "(" + strings.Join(rapid.SliceOfN(rapid.OneOf(listLiteral, rapid.Just("DEFAULT")), slot.Width, slot.Width).Draw(t, "row"), ", ") + ")"
		})
		return strings.Join(rapid.SliceOfN(row, 1, 3).Draw(t, "rows"), ", ")
	}
	switch kind := slot.Literals[0].Kind; {
	case kind == shape.String && glued:
		return plainString.Draw(t, "string")
	case kind == shape.String:
		return rapid.OneOf(plainString, oddString).Draw(t, "string")
	case kind == shape.Integer:
		return integer.Draw(t, "integer")
	case kind == shape.Float:
		return float.Draw(t, "float")
	default:
		return rapid.SampledFrom([]string{"B'1'", "X'1f'", "b''"}).Draw(t, "bits")
	}
}

var (
	integer     = rapid.SampledFrom([]string{"0", "1", "2", "3", "7", "80", "0x1F", "1_000", "2147483647", "9223372036854775807"})
	float       = rapid.SampledFrom([]string{"1.5", ".0", "2e3", "99999999999999999999", "1."})
	plainString = rapid.SampledFrom([]string{"''", "'a'", "'O''Brien'", "'%a%'", "'_'", "'1990-01-02'", "'{a,b}'", "'{}'", "'t'", "'5'", "'now'", "'é'"})
	oddString   = rapid.SampledFrom([]string{"E'\\x41'", "e'a\\'b'", "$$x$$", "$a$'$a$", "U&'\\0061'", "'a'\n 'b'"})
	listLiteral = rapid.OneOf(integer, float, plainString, oddString,
		rapid.SampledFrom([]string{"NULL", "TRUE", "false", "-1", "+2.5", "'x'::text", "'2'::pg_catalog.int4", "'1990-01-02'::date", "NULL::varchar", "5::\"int4\""}))
)

// perStatement is how many twins of each statement are tried.
const perStatement = 12

// checkTwins plans a statement and twins of it with one cache, and each afresh.
func checkTwins(t *testing.T, env *rewrite.Env, sql string) (tried int) {
	t.Helper()
	scanner, m := shape.NewScanner([2]uint64{1, 2}), rewrite.Matcher(env.Snapshot)
	scan := func(sql string) *shape.Statement {
		statements, err := scanner.Scan([]byte(sql), true, m)
		if err != nil || len(statements) != 1 || rewrite.FlagsOf(&statements[0])&rewrite.Reaches == 0 {
			return nil
		}
		st := statements[0] // its slots are the scanner's until the next scan
		st.Slots = append([]shape.Slot(nil), st.Slots...)
		for i := range st.Slots {
			st.Slots[i].Literals = append([]shape.Literal(nil), st.Slots[i].Literals...)
		}
		return &st
	}
	first := scan(sql)
	if first == nil || len(first.Slots) == 0 {
		return 0
	}
	c := rewrite.New(10)
	c.Plan(env, []byte(sql), first, nil)
	twins := twinsOf(sql, first)
	for n := range perStatement {
		twin := twins.Example(n)
		st := scan(twin)
		if st == nil {
			continue // the name was in a string, as the body of DO is
		}
		if st.Hash != first.Hash {
			t.Errorf("%q has another shape than %q", twin, sql)
			return tried
		}
		tried++
		cached := c.Plan(env, []byte(twin), st, nil)
		fresh := rewrite.New(10).Plan(env, []byte(twin), st, nil)
		if fresh.Refusal != nil && fresh.Refusal.Code == pgerr.CannotParse {
			continue // several rows for MERGE: the server says so of what is sent
		}
		if !reflect.DeepEqual(fresh, cached) {
			t.Errorf("behind Plan(%q), Plan(%q) =\n%s, afresh it is\n%s", sql, twin,
				show(planned{twin, st, cached}), show(planned{twin, st, fresh}))
			return tried
		}
	}
	return tried
}

// Every statement of the pages, and so every construct that there is.
func TestPlan_twinsOfEveryPage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, file := range files {
		p := openPage(t, file)
		for _, f := range p.archive.Files {
			if f.Name == "sql" {
				tried += checkTwins(t, &p.env, strings.TrimSpace(string(f.Data)))
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d twins were tried, want a thousand and more", tried)
	}
}
