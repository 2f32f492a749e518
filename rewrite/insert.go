package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// insert plans an INSERT and returns the columns of RETURNING.
func (b *binder) insert(s *pg.InsertStmt, sc *scope) []*column {
	b.with(s.WithClause, sc)
	target := b.writeTarget(s.Relation)
	columns := b.insertColumns(s.Cols, target, width(s.SelectStmt.GetSelectStmt()), sc)
	if query := s.SelectStmt.GetSelectStmt(); query != nil {
		update := s.OnConflictClause.GetAction() == pg.OnConflictAction_ONCONFLICT_UPDATE
		wants := b.insertWants(columns, query, update)
		before := b.opaqueStar
		b.opaqueStar = false
		out := b.query(query, sc.child(), wants)
		b.assignments(target, columns, out, wants, query)
		if len(s.Cols) == 0 && target.sealed() {
			s.Cols = b.writtenColumns(columns, out)
		}
		b.opaqueStar = before
	}
	sc.sources = append(sc.sources, target)
	b.onConflict(s.OnConflictClause, target, sc)
	return b.targets(s.ReturningList, sc, target.cols, nil)
}

// stored returns the use of a value that is written to a protected column,
// and checks the right to.
func (b *binder) stored(p *catalog.Protected, update bool) *Use {
	if !p.Ready {
		b.notReady(p)
	}
	u := b.use(Stored, p)
	u.Update = update
	if !u.Access.Write {
		b.mayNot("write", p)
	}
	return &u
}

// insertWants says what becomes of the values of an INSERT. update says that
// they may also replace values that are there.
func (b *binder) insertWants(columns []*column, query *pg.SelectStmt, update bool) []want {
	wants := make([]want, len(columns))
	for i, c := range columns {
		switch {
		case c == nil:
		case c.prot == nil:
			wants[i].plain = c.name
		default:
			wants[i].store = b.stored(c.prot, update)
			wants[i].resolved = query.Op != pg.SetOperation_SETOP_NONE
		}
	}
	return wants
}

// insertColumns returns the columns that an INSERT fills, in the order of its
// values: those of its list, or else the first n, which is 0 where their number
// is not known yet.
func (b *binder) insertColumns(list []*pg.Node, target *source, n int, sc *scope) []*column {
	switch {
	case len(list) == 0 && n > 0 && n < len(target.cols):
		return target.cols[:n]
	case len(list) == 0:
		return target.cols
	}
	columns := make([]*column, len(list))
	for i, n := range list {
		columns[i] = b.targetColumnNamed(target, n.GetResTarget(), sc)
	}
	return columns
}

// targetColumnNamed finds the column that is written to, and types what stands
// in its subscripts.
func (b *binder) targetColumnNamed(target *source, t *pg.ResTarget, sc *scope) *column {
	for _, n := range t.Indirection {
		b.plain(n.GetAIndices().GetLidx(), sc, "a subscript")
		b.plain(n.GetAIndices().GetUidx(), sc, "a subscript")
	}
	c := target.find(t.GetName())
	if c == nil && target.sealed() && !target.opaque {
		b.undefinedColumn(t.GetName())
	}
	if len(t.Indirection) > 0 && c != nil && c.prot != nil {
		b.unsupported("an assignment to a part of it", c.prot)
	}
	return c
}

// width returns the number of columns of a query, 0 where a star hides it.
func width(s *pg.SelectStmt) int {
	switch {
	case s == nil:
		return 0
	case s.Op != pg.SetOperation_SETOP_NONE:
		return width(s.Larg)
	case len(s.ValuesLists) > 0:
		return len(s.ValuesLists[0].GetList().GetItems())
	case hasStar(s.TargetList):
		return 0
	}
	return len(s.TargetList)
}

// writtenColumns returns the column list of an INSERT that has none. It is
// written out where a protected relation is filled, so that a column added
// meanwhile cannot shift the values.
func (b *binder) writtenColumns(columns, out []*column) []*pg.Node {
	switch {
	case b.refusal != nil:
		return nil
	case b.opaqueStar:
		b.unsupportedIfSealed("INSERT without a column list from a query with a star whose columns pgveil does not know", columns)
		return nil
	case len(out) > len(columns):
		b.tooManyValues()
		return nil
	}
	list := make([]*pg.Node, len(out))
	for i := range out {
		list[i] = pg.MakeResTargetNodeWithName(columns[i].name, -1)
	}
	b.changed = b.changed || len(list) > 0
	return list
}

// assignments checks what is written to each column by INSERT … SELECT: a
// sealed value may only go to a column of its domain, and only a sealed value
// may go to a protected column.
func (b *binder) assignments(target *source, columns, out []*column, wants []want, query *pg.SelectStmt) {
	switch {
	case b.refusal != nil:
		return
	case target.sealed() && !b.opaqueStar && len(out) > len(columns):
		b.tooManyValues()
		return
	case len(query.ValuesLists) > 0:
		return // the rows of VALUES were checked one by one
	case b.opaqueStar || len(out) > len(columns):
		b.unsupportedIfSealed("INSERT from a query of unknown width", columns)
		b.unsupportedIfSealed("INSERT from a query of unknown width", out)
		return
	}
	for i, from := range out {
		b.assignColumn(columns[i], from, wants[i], b.computedColumns(query, columns, out))
	}
}

// assignColumn checks one column of INSERT … SELECT. s is not nil where a step
// may seal what the server computes.
func (b *binder) assignColumn(to, from *column, w want, s *stepping) {
	if w.store != nil && from.later != nil && from.later.decided == nil {
		u := *w.store
		if from.later.typed.OID != 0 {
			u.Cast = from.later.typed
		} else if !b.resolveKinds(from.later.kinds, &u, false) {
			return
		}
		u.Exact = bounded(u)
		if b.decide(from.later, u) {
			b.changed = true
		}
		return
	}
	b.force(from)
	if from.box != nil && to != nil && to.prot != nil {
		b.noBox(from.box, "a write to a protected column")
		return
	}
	if s != nil && w.store != nil && from.protection() == nil && from.server {
		s.needed = true
		return
	}
	if w.store != nil {
		b.comparedFirst(from.later, *w.store)
	}
	b.assign(to, b.sealedFor(from.later, from.protection()))
}

// assign checks one assignment of an expression to a column.
func (b *binder) assign(to *column, from *catalog.Protected) {
	switch {
	case to == nil && from == nil:
	case to == nil:
		b.copyToPlain("?", from)
	case to.prot == nil && from != nil:
		b.copyToPlain(to.name, from)
	case to.prot == nil:
	case from == nil:
		b.computedValue(to.prot)
	case to.prot.DomainID != from.DomainID:
		b.otherDomain(to.prot, from)
	case !assignable(to.prot.Logical, from.Logical) || to.prot.Column.Search != from.Column.Search:
		b.unsupported("a copy from a column of another type or search", to.prot)
	}
}

// assignable says that a sealed value of one type is one of the other, whatever it is.
func assignable(to, from catalog.Type) bool {
	same := to.OID == from.OID || textual(to.Name) && textual(from.Name)
	longer := to.Name == "varchar" && from.Name == "varchar" && from.Mod != -1 && to.Mod >= from.Mod
	return to == from || same && (to.Mod == -1 || longer)
}
