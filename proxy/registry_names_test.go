package proxy

import (
	"testing"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

func plannedRun() *run { return &run{plan: &rewrite.Plan{Verdict: rewrite.Forward}} }

// A DECLARE may complete when the client has sent a Bind of the same name
// already, whose failure must then show the cursor.
func TestRegistry_cursorStandsBehindALaterBind(t *testing.T) {
	r := newRegistry()
	old, later := &portal{name: "c", seq: 3, run: plannedRun()}, &portal{name: "c", seq: 9, run: plannedRun()}
	r.addPortal(old)
	r.addPortal(later)
	cursor := &portal{name: "c", run: plannedRun()}
	r.replacePortal(cursor, 5)
	if got := r.portal([]byte("c")); got != later {
		t.Errorf("portal(c) = number %d, want 9, the last that was sent", got.seq)
	}
	later.undo()
	if got := r.portal([]byte("c")); got != cursor {
		t.Errorf("after the Bind failed portal(c) = %v, want the cursor", got)
	}
}

func TestRegistry_preparedStandsBehindALaterParse(t *testing.T) {
	r := newRegistry()
	later := &statement{name: "s", seq: 9}
	r.addStatement(later)
	made := &statement{name: "s", made: true, plan: &rewrite.Plan{Verdict: rewrite.Forward}}
	r.replaceStatement(made, 5)
	later.undo()
	if got := r.statement([]byte("s")); got != made {
		t.Errorf("after the Parse failed statement(s) = %v, want what PREPARE made", got)
	}
	r.dropStatement("s", 4)
	if r.statement([]byte("s")) == nil {
		t.Error("a DEALLOCATE that came before drops what PREPARE made")
	}
	r.dropStatement("s", 5)
	if got := r.statement([]byte("s")); got != nil {
		t.Errorf("after DEALLOCATE statement(s) = %v, want none", got)
	}
}

func TestRegistry_holdOutlivesTheTransaction(t *testing.T) {
	r := newRegistry()
	for _, p := range []*portal{{name: "c"}, {name: "h", hold: true}} {
		p.run = plannedRun()
		r.replacePortal(p, 5)
	}
	r.replacePortal(&portal{name: "new", run: plannedRun()}, 8)
	r.endTransaction(7)
	for name, want := range map[string]bool{"c": false, "h": true, "new": true} {
		if got := r.planHeld(name); got != want {
			t.Errorf("after the transaction's end planHeld(%s) = %t, want %t", name, got, want)
		}
	}
	r.dropPortals(7)
	if r.planHeld("h") || !r.planHeld("new") {
		t.Errorf("after CLOSE ALL planHeld(h) = %t, planHeld(new) = %t, want false, true", r.planHeld("h"), r.planHeld("new"))
	}
}

// What PREPARE and DECLARE make may go on only if the values in it are sealed
// for the same columns.
func TestInterchangeable_looksAtWhatIsMade(t *testing.T) {
	phone, name := testProtected("phone"), testProtected("name")
	prepare := func(use, shows *catalog.Protected, role rewrite.Role) *rewrite.Plan {
		return &rewrite.Plan{Verdict: rewrite.Forward, Prepared: &rewrite.Prepared{
			Name: "p", Params: []rewrite.Param{{Client: 1, Use: rewrite.Use{Role: role, Target: use}}},
			Columns: []rewrite.ResultColumn{{Target: shows}},
		}}
	}
	declare := func(shows *catalog.Protected, hold bool) *rewrite.Plan {
		return &rewrite.Plan{Verdict: rewrite.Forward, Cursor: &rewrite.Cursor{
			Name: "p", Hold: hold, Columns: []rewrite.ResultColumn{{Target: shows}},
		}}
	}
	base := prepare(phone, name, rewrite.Equality)
	for what, other := range map[string]*rewrite.Plan{
		"another parameter": prepare(name, name, rewrite.Equality),
		"another part":      prepare(phone, name, rewrite.Stored),
		"another column":    prepare(phone, phone, rewrite.Equality),
		"a plain column":    prepare(phone, nil, rewrite.Equality),
		"a cursor":          declare(name, false),
		"nothing":           {Verdict: rewrite.Forward},
	} {
		if interchangeable(base, other) || interchangeable(other, base) {
			t.Errorf("PREPARE is interchangeable with one with %s", what)
		}
	}
	if !interchangeable(base, prepare(testProtected("phone"), testProtected("name"), rewrite.Equality)) {
		t.Error("PREPARE is not interchangeable with the same from another snapshot")
	}
	if interchangeable(declare(name, false), declare(name, true)) || interchangeable(declare(name, true), declare(phone, true)) {
		t.Error("DECLARE is interchangeable with one of another column or WITH HOLD")
	}
}

func testProtected(column string) *catalog.Protected {
	return &catalog.Protected{
		Column: &policy.Column{Schema: "public", Table: "people", Name: column}, DomainID: column, Logical: catalog.Type{OID: 25, Name: "text"},
	}
}
