package proxy

import (
	"errors"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

func otherPolicy(t *testing.T, old, new string) *policy.Policy {
	t.Helper()
	text := strings.Replace(sealedPolicy, old, new, 1)
	if text == sealedPolicy {
		t.Fatalf("the policy has no %q", old)
	}
	pol, err := policy.Load("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return pol
}

// Nothing is served by a policy that is not in force any more: not what was
// prepared, not what is half read, not what a temporary table holds.
func TestSession_followsAnotherPolicy(t *testing.T) {
	s := startSealed(t)
	c := dialScript(t, s.addr, "officer")
	step := func(frames, want string) {
		t.Helper()
		c.send(strings.Split(frames, ";S")[0])
		if strings.HasSuffix(frames, ";S") {
			c.send("S")
		}
		if got := strings.Join(c.read(1), " "); got != want {
			t.Errorf("%s = %s, want %s", frames, got, want)
		}
	}
	step("Q INSERT INTO people (name, phone) VALUES ('Abebe Bikila', '0001'), ('Leteso Gidey', '0002')", "C:INSERT 0 2 Z:I")
	step("P s SELECT name FROM people WHERE phone = '0001';S", "1 Z:I")
	step("Q PREPARE p AS SELECT name FROM people WHERE phone = $1", "C:PREPARE Z:I")
	step("Q CREATE TEMP TABLE x AS SELECT name FROM people", "C:SELECT 2 Z:I")
	step("Q BEGIN", "C:BEGIN Z:T")
	step("Q DECLARE h CURSOR WITH HOLD FOR SELECT name FROM people ORDER BY id", "C:DECLARE CURSOR Z:T")
	step("Q FETCH h", "T:name/1043/-1/-1 D:Abebe Bikila C:FETCH 1 Z:T")
	c.send("B q s", "E q 1", "S")
	c.read(1)
	step("Q COMMIT", "C:COMMIT Z:I")
	c.send("Q BEGIN", "B q s", "S")
	c.read(2)

	s.db.SetPolicy(otherPolicy(t, "officer: reveal", "officer: {read: mask, filter: true, write: true}"))
	step("E q 0;S", "E:0A000 Z:E")
	step("Q ROLLBACK", "C:ROLLBACK Z:I")
	step("Q FETCH h", "E:0A000 Z:I")
	step("Q CLOSE h", "C:CLOSE CURSOR Z:I")
	step("Q SELECT name FROM people WHERE phone = '0001'", "T:name/1043/-1/-1 D:A. B. C:SELECT 1 Z:I")
	step("Q SELECT name FROM x WHERE name = 'Leteso Gidey'", "T:name/1043/-1/-1 D:L. G. C:SELECT 1 Z:I")
	step("Q EXECUTE p('0002')", "T:name/1043/-1/-1 D:L. G. C:SELECT 1 Z:I")
	c.send("B - s", "E - 0", "S")
	if got := strings.Join(c.read(1), " "); got != "2 D:A. B. C:SELECT 1 Z:I" {
		t.Errorf("the prepared statement = %s, want the mask", got)
	}

	s.db.SetPolicy(otherPolicy(t, "name: {search: [equality], mask: initials}", "name: {mask: initials}"))
	step("Q SELECT id FROM people WHERE name = 'Leteso Gidey'", "E:0A000 Z:I")
	step("Q SELECT name FROM x", "E:0A000 Z:I")
	s.db.SetPolicy(otherPolicy(t, "name: {search: [equality], mask: initials}", "name: {search: [equality], mask: initials} "))
	step("Q SELECT count(*) FROM x WHERE name = 'Leteso Gidey'", "T:count/20/8/-1 D:1 C:SELECT 1 Z:I")
}

// While the catalog cannot be read for the new policy, the old one serves nothing.
func TestDatabase_refusesUntilItHasReadTheCatalogForAPolicy(t *testing.T) {
	away := false
	s := startSealed(t, func(o *DatabaseOptions) {
		load := o.Load
		o.Load = func(ctx ctxType, pol *policy.Policy) (*catalog.Snapshot, error) {
			if away {
				return nil, errors.New("the service user is locked out")
			}
			return load(ctx, pol)
		}
	})
	c := s.as("officer")
	check(t, c, "SELECT count(*) FROM people WHERE name = 'x'", "0")
	away = true
	s.db.SetPolicy(otherPolicy(t, "officer: reveal", "officer: deny"))
	check(t, c, "SELECT name FROM people", "error 58000")
	check(t, c, "SELECT count(*) FROM towns", "2")
	away = false
	check(t, c, "SELECT name FROM people", "error 42501")
}
