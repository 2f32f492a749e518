package rewrite

import (
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"

	"github.com/pgveil/pgveil/rewrite/shape"
)

// values types VALUES, as the source of an INSERT or as a table. A column that
// is made of literals only is left to who uses it.
func (b *binder) values(s *pg.SelectStmt, sc *scope, wants []want) []*column {
	for _, row := range s.ValuesLists {
		if len(row.GetList().GetItems()) != len(s.ValuesLists[0].GetList().GetItems()) {
			b.unevenRows()
			return nil
		}
	}
	out := b.rows(s, wants)
	if out == nil {
		out = b.valueColumns(s, sc, wants)
	}
	b.tail(s, sc, out)
	return out
}

func valuesName(i int) string { return "column" + strconv.Itoa(i+1) }

// rows settles rows of literals that are one slot, and returns nil for others.
func (b *binder) rows(s *pg.SelectStmt, wants []want) []*column {
	first := s.ValuesLists[0].GetList()
	if len(first.GetItems()) == 0 {
		return nil
	}
	slot := b.slotAt(location(first.Items[0]))
	if slot < 0 || b.st.Slots[slot].Form != shape.Rows {
		return nil
	}
	uses := make([]Use, len(first.Items))
	out := make([]*column, len(first.Items))
	for i := range uses {
		out[i] = &column{name: valuesName(i)}
		w := wantAt(wants, i)
		if u := b.wantedUse(w); u != nil {
			if (w.resolved || w.term != nil) && !b.resolveKinds(b.kindsOf(slot, i), u, w.term != nil) {
				return out
			}
			uses[i], out[i].prot = *u, u.Target
			b.changed = true
			continue
		}
		out[i].later = b.undecided(func(u Use) { uses[i] = u })
		out[i].later.kinds = b.kindsOf(slot, i)
	}
	first.Items = []*pg.Node{paramNode(b.takeSlot(slot, uses))}
	s.ValuesLists = s.ValuesLists[:1]
	return out
}

// valueColumns types rows of any expressions, column by column.
func (b *binder) valueColumns(s *pg.SelectStmt, sc *scope, wants []want) []*column {
	out := make([]*column, len(s.ValuesLists[0].GetList().GetItems()))
	for i := range out {
		out[i] = b.valueColumn(s, i, sc, wantAt(wants, i))
	}
	return out
}

func (b *binder) valueColumn(s *pg.SelectStmt, i int, sc *scope, w want) *column {
	wanted := b.wantedUse(w)
	var items []*pg.Node
	var types []typ
	var server []bool
	met := b.fromClient
	for _, row := range s.ValuesLists {
		if cells := row.GetList().GetItems(); i < len(cells) {
			before := b.fromClient
			t := b.value(cells[i], sc, w.store)
			items, types, server = append(items, cells[i]), append(types, t), append(server, before == b.fromClient)
		}
	}
	out := &column{name: valuesName(i), server: met == b.fromClient}
	switch {
	case b.refusal != nil:
	case wanted != nil:
		out.prot = wanted.Target
		// A column of nothing but NULL is of type text.
		if text := *wanted; (w.resolved || w.term != nil) && !slices.ContainsFunc(items, notNull) && !b.asText(&text) {
			return out
		}
		if (w.resolved || w.term != nil) && len(items) > 1 && slices.ContainsFunc(items, modified) {
			b.unsupported("VALUES with a literal cast to a type with a length", wanted.Target)
			return out
		}
		cast := b.castAmong(items)
		for k, n := range items {
			u := *wanted
			switch {
			case !w.resolved && w.term == nil || !b.unknownType(n):
			case cast.OID != 0: // the others follow the cast
				u.Cast = cast
			case !b.asText(&u):
				return out
			}
			if types[k] == (typ{}) && server[k] && b.computedCell(s, n, u) {
				continue
			}
			b.wantedValue(n, types[k], u)
		}
	default:
		t := b.typedArms(items, types, "VALUES", nil)
		if t.prot != nil && w.plain != "" {
			b.copyToPlain(w.plain, t.prot)
		}
		out.prot, out.later = t.prot, t.later
	}
	return out
}

// castAmong returns the type that some literals of a column are cast to, zero if
// there is none or not one.
func (b *binder) castAmong(items []*pg.Node) catalog.Type {
	var found catalog.Type
	for _, n := range items {
		cast := n.GetTypeCast()
		if cast == nil {
			continue
		}
		t, ok := b.typeNamed(cast.TypeName)
		if !ok || found.OID != 0 && found.OID != t.OID {
			return catalog.Type{}
		}
		found = t
	}
	return found
}

func notNull(n *pg.Node) bool { return !isNull(n) }

// wantedValue settles one value that is stored into or compared with a
// protected column.
func (b *binder) wantedValue(n *pg.Node, t typ, u Use) {
	switch {
	case u.Role == Stored:
		b.storeValue(n, t, u)
	case t.open && !t.array:
		b.settle(n, t, u)
	default:
		b.sealedWithPlain(u.Target)
	}
}
