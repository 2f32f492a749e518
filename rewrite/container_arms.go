package rewrite

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// choice says that a value is that of one of several arms which differ in what
// they hold: a container, a value that the server knows beside a sealed one, or
// texts of several columns.
func choice(members []member, types []typ) bool {
	var sealed *Container
	plain, several, text := false, false, true
	for i, m := range members {
		switch {
		case m.held != nil && m.held.Kind != Sealed:
			return true
		case m.held != nil:
			several = several || sealed != nil && !sameValue(sealed, m.held) || types[i].recast
			text = text && textual(m.held.Target.Logical.Name)
			sealed = m.held
		default:
			plain = plain || !types[i].open || types[i].array
		}
	}
	return sealed != nil && (plain || several && text)
}

// sameValue says that the values of two columns may stand for one another.
func sameValue(a, b *Container) bool {
	return a.Target.DomainID == b.Target.DomainID && a.Target.Logical == b.Target.Logical && a.Access == b.Access
}

// chosen types CASE and COALESCE over containers. Arms that are read in the same
// way stay; of texts the server is asked which arm it was.
func (b *binder) chosen(arms []*pg.Node, members []member, types []typ, what string) typ {
	if box := b.alike(arms, members, types); box != nil {
		return typ{box: box}
	}
	for _, m := range members {
		if m.held != nil && m.held.Kind != Sealed && m.held.Kind != Joined && m.held.Kind != Text ||
			m.held != nil && m.held.Kind == Sealed && !textual(m.held.Target.Logical.Name) {
			b.noBox(m.held, what+" with arms of different kinds")
			return typ{}
		}
	}
	parameter := false
	for i := range members {
		parameter = parameter || members[i].parameter
		members[i].literal = members[i].literal || members[i].parameter
	}
	box := &Container{Kind: Joined, Join: Chosen, Type: b.elementType(members)}
	if parameter && box.Type.Name != "text" {
		b.noBox(firstHeld(members), what+" beside a parameter without a type")
	}
	if b.refusal != nil {
		return typ{}
	}
	for i, n := range arms {
		b.settleMember(n, types[i], members, i)
		box.Items = append(box.Items, Item{Holds: members[i].held})
		if members[i].null {
			continue
		}
		place := castTo("jsonb", pg.MakeAConstStrNode(strconv.Itoa(i), -1))
		b.become(n, castTo("text", joinJSON(place, call("to_jsonb", castTo("text", copied(n))))))
	}
	return typ{box: box}
}

// alike returns the container of arms that are all read in the same way, or
// hold nothing, nil for others.
func (b *binder) alike(arms []*pg.Node, members []member, types []typ) *Container {
	var box *Container
	for _, m := range members {
		switch {
		case m.held == nil:
		case m.held.Kind == Sealed, box != nil && !box.sameBox(m.held):
			return nil
		default:
			box = m.held
		}
	}
	for i, m := range members {
		switch {
		case m.held != nil:
		case !types[i].null && !empty(arms[i], box):
			return nil
		default:
			b.isSyntax(arms[i])
			box = box.unmodified()
		}
	}
	return box
}

// unmodified returns the container without the modifier of its type.
func (c *Container) unmodified() *Container {
	if c.Type.OID == 0 || c.Type.Mod == -1 {
		return c
	}
	copied := *c
	copied.Type.Mod = -1
	return &copied
}

// empty says that an arm is a literal that has nothing inside in which a sealed
// value could be looked for. It stays in the text, where it pins the plan.
func empty(n *pg.Node, box *Container) bool {
	if c := n.GetTypeCast(); c != nil {
		if array := c.Arg.GetAArrayExpr(); array != nil {
			return len(array.Elements) == 0 && emptyOf(c.TypeName, box)
		}
		return emptyOf(c.TypeName, box) && empty(c.Arg, box)
	}
	text, ok := n.GetAConst().GetVal().(*pg.A_Const_Sval)
	if !ok {
		return false
	}
	switch value := strings.TrimSpace(text.Sval.GetSval()); box.Kind {
	case JSON, JSONB:
		return value == "[]" || value == "{}" || value == "null"
	case Array:
		return value == "{}"
	}
	return false
}

// emptyOf says that a cast is to what the container is to the server and to the
// client alike.
func emptyOf(t *pg.TypeName, box *Container) bool {
	name := lastName(t.Names)
	switch {
	case len(t.Typmods) > 0:
		return false
	case box.Kind == Array:
		return len(t.ArrayBounds) == 1 && name == box.Type.Name && name == "text"
	}
	return len(t.ArrayBounds) == 0 && (name == "json" && box.Kind == JSON || name == "jsonb" && box.Kind == JSONB)
}
