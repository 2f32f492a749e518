package rewrite

import (
	"fmt"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// A value for a protected column must not go out in clear beside the place where
// it is sealed. People write it twice: ($1 IS NULL OR name = $1), to filter only
// where there is something to filter by. Whether a value is NULL needs no value:
// the sealed one tells as well, and a literal never is.

// asksForNull puts off IS NULL of a literal or parameter until it is known what
// else is done with it.
func (b *binder) asksForNull(n *pg.Node) {
	b.nullTests = append(b.nullTests, nullTest{node: n, untyped: b.untyped(n.GetParamRef())})
}

// nullTest is a literal or parameter that IS NULL asks for.
type nullTest struct {
	node *pg.Node
	// untyped says that PostgreSQL does not know the parameter's type there, which
	// is an error if it learns it later.
	untyped bool
}

func (b *binder) untyped(ref *pg.ParamRef) bool {
	n := int(ref.GetNumber())
	if t := b.declaredType(n); n < 1 || t != 0 && t != unknownOID {
		return false
	}
	if n > len(b.client) {
		return true
	}
	c := b.client[n-1]
	return !c.plain && (c.oid == 0 || c.late && !b.late)
}

// settleNullTests settles them.
func (b *binder) settleNullTests() {
	for _, t := range b.nullTests {
		if b.refusal == nil && !b.nullOfSealed(t) && !b.nullOfString(t.node) {
			b.settle(t.node, typ{open: true}, Use{})
		}
	}
	b.nullTests = nil
}

// nullOfSealed makes IS NULL of a parameter that is sealed elsewhere look at the
// sealed one.
func (b *binder) nullOfSealed(t nullTest) bool {
	n := t.node
	ref := bare(n).GetParamRef()
	if ref == nil {
		return false
	}
	for i, p := range b.params {
		if p.Client == int(ref.Number) && (p.Use.Role == Stored || p.Use.Role == Equality) {
			if t.untyped {
				e := unknownParam("$" + strconv.Itoa(p.Client))
				e.State = "42P08"
				b.refuse(e)
			}
			sent := &pg.ParamRef{Number: int32(i + 1), Location: -1}
			b.settled[sent] = true
			n.Node = &pg.Node_ParamRef{ParamRef: sent}
			return true
		}
	}
	return false
}

// nullOfString leaves the text out of IS NULL of a string, in a statement that
// is changed anyway.
func (b *binder) nullOfString(n *pg.Node) bool {
	c := n.GetAConst()
	slot := -1
	if c.GetSval() != nil {
		slot = b.slotAt(c.Location)
	}
	if !b.changed || slot < 0 || b.st.Slots[slot].Form != shape.Single {
		return false
	}
	b.slots[slot] = -1 // it stands nowhere, and decides nothing
	n.Node = pg.MakeAConstStrNode("", -1).Node
	return true
}

// computing binds an expression that the server computes of nothing but what
// the client sends.
func (b *binder) computing(bind func()) {
	was := b.computes
	b.computes = true
	bind()
	b.computes = was
}

// noneInClear refuses a parameter that is sealed for a protected column and that
// the server would also compute with, in clear.
func (b *binder) noneInClear() {
	for i, c := range b.client {
		if c.oid == 0 || !c.computed {
			continue
		}
		name := "$" + strconv.Itoa(i+1)
		b.refuse(&pgerr.Error{
			State:   pgerr.StateUnsupported,
			Code:    pgerr.AmbiguousParameter,
			Message: fmt.Sprintf("cannot compute with parameter %s, which is also a value of a protected column", name),
			Detail:  "It would be sent to the server in clear for that.",
			Hint:    "Compute in the application, or use a parameter for each.",
		})
	}
}
