package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
)

// distinct types DISTINCT and DISTINCT ON. Over sealed columns DISTINCT
// becomes DISTINCT ON their terms and the places of the others.
func (b *binder) distinct(s *pg.SelectStmt, sc *scope, out []*column, wants []want) {
	if len(s.DistinctClause) == 0 {
		return
	}
	if s.DistinctClause[0].GetNode() != nil {
		b.distinctOn(s, sc, out)
		return
	}
	b.force(out...)
	b.noBoxes("SELECT DISTINCT", out...)
	sealed := false
	for i, c := range out {
		sealed = sealed || c.protection() != nil && !wantAt(wants, i).terms()
	}
	if !sealed {
		return
	}
	switch {
	case hasStar(s.TargetList):
		b.unsupportedIfSealed("SELECT DISTINCT with a star", out)
		return
	case sc.sortsOthers:
		b.unsupportedIfSealed("SELECT DISTINCT with an ORDER BY of what it does not select", out)
		return
	}
	on := make([]*pg.Node, len(out))
	for i, n := range s.TargetList {
		on[i] = pg.MakeAConstIntNode(int64(i+1), -1)
		if p := out[i].protection(); p != nil && !wantAt(wants, i).terms() {
			on[i] = proto.Clone(n.GetResTarget().Val).(*pg.Node)
			b.toTerm(on[i], typ{prot: p})
		}
	}
	s.DistinctClause = on
}

// distinctWants returns what is wanted of the columns of a query. DISTINCT gives
// a literal of unknown type the type text.
func distinctWants(s *pg.SelectStmt, wants []want) []want {
	if len(s.DistinctClause) == 0 || s.DistinctClause[0].GetNode() != nil {
		return wants
	}
	wants = slices.Clone(wants)
	for i := range wants {
		wants[i].resolved = true
	}
	return wants
}

// distinctOn types the expressions of DISTINCT ON. Like those of ORDER BY they
// may be places and names of output columns.
func (b *binder) distinctOn(s *pg.SelectStmt, sc *scope, out []*column) {
	for _, n := range s.DistinctClause {
		i := outputNamed(n, out)
		if i < 0 {
			t := b.expr(n, sc)
			if t.prot != nil {
				b.toTerm(n, t)
			} else {
				b.settlePlain(n, t)
			}
			continue
		}
		b.force(out[i])
		b.noBoxes("DISTINCT ON", out[i])
		b.outputTerm(n, s, i, out[i])
	}
}

// outputNamed returns the index of the output column that an item of DISTINCT
// ON or ORDER BY stands for, by its place or its name; -1 for an expression.
func outputNamed(n *pg.Node, out []*column) int {
	if c := n.GetAConst(); c != nil && c.GetIval() != nil {
		if i := int(c.GetIval().GetIval()); i >= 1 && i <= len(out) {
			return i - 1
		}
	}
	ref := n.GetColumnRef()
	if ref == nil || len(ref.Fields) != 1 {
		return -1
	}
	name := ref.Fields[0].GetString_().GetSval()
	return slices.IndexFunc(out, func(c *column) bool { return c.name == name })
}

// outputTerm makes n, which stands for an output column that is typed, the term
// of that column if it is sealed.
func (b *binder) outputTerm(n *pg.Node, s *pg.SelectStmt, i int, c *column) {
	switch p := c.protection(); {
	case p == nil:
	case c.termed:
		n.Node = pg.MakeAConstIntNode(int64(i+1), -1).Node // it has no name by now
	case hasStar(s.TargetList):
		b.unsupported("DISTINCT ON beside a star", p)
	case s.TargetList[i].GetResTarget().Val.GetParamRef() != nil:
		b.unsupported("DISTINCT ON of a literal or parameter", p)
	default:
		n.Node = proto.Clone(s.TargetList[i].GetResTarget().Val).(*pg.Node).Node
		b.toTerm(n, typ{prot: p})
	}
}

// sortsOthers notes that a SELECT DISTINCT has an ORDER BY of what it does not
// select, which PostgreSQL refuses. It looks at expressions before they are typed.
func (b *binder) sortsOthers(s *pg.SelectStmt, sc *scope) {
	if len(s.DistinctClause) == 0 || s.DistinctClause[0].GetNode() != nil || len(s.SortClause) == 0 || hasStar(s.TargetList) {
		return
	}
	var names []*column
	var spelled []spelling
	for _, n := range s.TargetList {
		t := n.GetResTarget()
		name := t.Name
		if name == "" {
			name = outputNameOf(t.Val)
		}
		names = append(names, &column{name: name})
		spelled = append(spelled, b.spell(t.Val, sc))
	}
	for _, item := range s.SortClause {
		n := item.GetSortBy().GetNode()
		if n.GetAConst() != nil || outputNamed(n, names) >= 0 {
			continue
		}
		key := b.spell(n, sc)
		if !slices.ContainsFunc(spelled, func(t spelling) bool { return b.sameSpelling(t, key) }) {
			sc.sortsOthers = true
		}
	}
}

// orderOfGroups types the items of ORDER BY that only bring equal rows together
// for DISTINCT ON, and returns how many they are: where nobody sees the order of
// the rows, any order of the groups will do, and that of their terms is one.
func (b *binder) orderOfGroups(s *pg.SelectStmt, sc *scope, out []*column) int {
	if !sc.unordered || s.LimitCount != nil || s.LimitOffset != nil {
		return 0
	}
	if len(s.DistinctClause) == 0 || s.DistinctClause[0].GetNode() == nil {
		return 0
	}
	n := min(len(s.DistinctClause), len(s.SortClause))
	for _, item := range s.SortClause[:n] {
		key := item.GetSortBy().GetNode()
		if i := outputNamed(key, out); i >= 0 {
			b.force(out[i])
			b.noBoxes("ORDER BY", out[i])
			b.outputTerm(key, s, i, out[i])
			continue
		}
		t := b.expr(key, sc)
		if t.prot != nil {
			b.toTerm(key, t)
		} else {
			b.settlePlain(key, t)
		}
	}
	return n
}

// keepsOrder says that what a query shows may depend on the order of the rows
// that it reads, whatever its own order: it numbers or collects them.
func keepsOrder(s *pg.SelectStmt) bool {
	return slices.ContainsFunc(s.TargetList, func(n *pg.Node) bool {
		return anyMessage(n.ProtoReflect(), func(m proto.Message) bool {
			f, ok := m.(*pg.FuncCall)
			if !ok {
				return false
			}
			switch name := lastName(f.Funcname); name {
			case "count", "sum", "min", "max":
				return f.Over != nil
			default:
				return f.Over != nil || isAggregate(f, name)
			}
		})
	})
}
