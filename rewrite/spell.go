package rewrite

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pgveil/pgveil/rewrite/shape"
)

// spelling is what an expression is, so that it can be compared with another
// as PostgreSQL compares what stands in the output with what stands in GROUP BY.
type spelling struct {
	// form is the expression with names resolved and without its literals.
	form string
	// slots are the slots of the literals, in order.
	slots []int
}

// spell returns the spelling of an expression that is not typed yet.
func (b *binder) spell(n *pg.Node, sc *scope) spelling {
	s := &speller{b: b, sc: sc}
	s.message(n.ProtoReflect())
	return spelling{form: s.form.String(), slots: s.slots}
}

// sameSpelling says that two expressions are the same. Where literals decide
// that, they decide the plan.
func (b *binder) sameSpelling(p, q spelling) bool {
	if p.form == "" || p.form != q.form || len(p.slots) != len(q.slots) {
		return false
	}
	text := func(slot int) string {
		b.decisive[slot] = true
		s := &b.st.Slots[slot]
		return string(b.sql[s.Start:s.End])
	}
	same := true
	for i := range p.slots {
		same = same && text(p.slots[i]) == text(q.slots[i])
	}
	return same
}

type speller struct {
	b     *binder
	sc    *scope
	form  strings.Builder
	slots []int
}

func (s *speller) message(m protoreflect.Message) {
	switch n := m.Interface().(type) {
	case *pg.ColumnRef:
		if f := s.b.refersTo(n, s.sc); f.col != nil {
			fmt.Fprintf(&s.form, "column %p;", f.col.origin())
			return
		}
	case *pg.List:
		if len(n.Items) > 0 && s.slot(n.Items[0], shape.List) {
			return
		}
	case *pg.A_Const:
		if s.slot(&pg.Node{Node: &pg.Node_AConst{AConst: n}}, shape.Single) {
			return
		}
	}
	fmt.Fprintf(&s.form, "%s(", m.Descriptor().Name())
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); m.Has(fd) && fd.Name() != "location" {
			fmt.Fprintf(&s.form, "%d:", fd.Number())
			s.value(m.Get(fd))
		}
	}
	s.form.WriteByte(')')
}

func (s *speller) value(v protoreflect.Value) {
	switch x := v.Interface().(type) {
	case protoreflect.Message:
		s.message(x)
	case protoreflect.List:
		for i := range x.Len() {
			s.value(x.Get(i))
		}
	default:
		fmt.Fprintf(&s.form, "%q;", fmt.Sprint(x))
	}
}

// slot notes the slot of a literal and says whether it has one of the form.
func (s *speller) slot(n *pg.Node, form shape.Form) bool {
	i := s.b.slotAt(location(n))
	if i < 0 || s.b.st.Slots[i].Form != form {
		return false
	}
	if !slices.Contains(s.slots, i) {
		s.slots = append(s.slots, i)
	}
	s.form.WriteString("literal;")
	return true
}
