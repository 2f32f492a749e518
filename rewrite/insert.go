package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// insert plans an INSERT and returns the columns of RETURNING.
func (b *binder) insert(s *pg.InsertStmt, sc *scope) []*column {
	b.with(s.WithClause, sc)
	target := b.target(s.Relation)
	columns := b.insertColumns(s, target)
	wants := make([]want, len(columns))
	for i, c := range columns {
		if c != nil && c.prot != nil {
			wants[i].store = b.stored(c.prot, false)
		}
	}
	if query := s.SelectStmt.GetSelectStmt(); query != nil {
		if target.sealed() && width(query) > len(columns) {
			b.tooManyValues()
		}
		before := b.opaqueStar
		b.opaqueStar = false
		out := b.query(query, sc.child(), wants)
		b.assignments(columns, out, wants, query)
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

// insertColumns returns the columns that an INSERT fills, in the order of its
// values. Without a column list, the list is written out where a protected
// relation is filled, so that a column added meanwhile cannot shift the values.
func (b *binder) insertColumns(s *pg.InsertStmt, target *source) []*column {
	if len(s.Cols) == 0 {
		return b.allInsertColumns(s, target)
	}
	columns := make([]*column, len(s.Cols))
	for i, n := range s.Cols {
		t := n.GetResTarget()
		columns[i] = b.targetColumnNamed(target, t)
	}
	return columns
}

// targetColumnNamed finds the column that is written to.
func (b *binder) targetColumnNamed(target *source, t *pg.ResTarget) *column {
	c := target.find(t.GetName())
	if c == nil && target.sealed() && !target.opaque {
		b.undefinedColumn(t.GetName())
	}
	if len(t.Indirection) > 0 && c != nil && c.prot != nil {
		b.unsupported("an assignment to a part of it", c.prot)
	}
	return c
}

func (b *binder) allInsertColumns(s *pg.InsertStmt, target *source) []*column {
	query := s.SelectStmt.GetSelectStmt()
	if query == nil || !target.sealed() {
		return target.cols
	}
	columns := target.cols
	if n := width(query); n > 0 && n < len(columns) {
		columns = columns[:n]
	} else if n == 0 {
		b.unsupported("INSERT without a column list from a query with a star", firstSealed(columns))
	}
	for _, c := range columns {
		s.Cols = append(s.Cols, pg.MakeResTargetNodeWithName(c.name, -1))
	}
	b.changed = true
	return columns
}

func firstSealed(cols []*column) *catalog.Protected {
	i := slices.IndexFunc(cols, func(c *column) bool { return c.prot != nil })
	return cols[i].prot
}

// width returns the number of columns of a query, 0 where a star hides it.
func width(s *pg.SelectStmt) int {
	switch {
	case s.Op != pg.SetOperation_SETOP_NONE:
		return width(s.Larg)
	case len(s.ValuesLists) > 0:
		return len(s.ValuesLists[0].GetList().GetItems())
	case hasStar(s.TargetList):
		return 0
	}
	return len(s.TargetList)
}

// assignments checks what is written to each column by INSERT … SELECT: a
// sealed value may only go to a column of its domain, and only a sealed value
// may go to a protected column.
func (b *binder) assignments(columns, out []*column, wants []want, query *pg.SelectStmt) {
	if b.refusal != nil || len(query.ValuesLists) > 0 {
		return // the rows of VALUES were checked one by one
	}
	if b.opaqueStar || len(out) > len(columns) {
		b.unsupportedIfSealed("INSERT from a query of unknown width", columns)
		b.unsupportedIfSealed("INSERT from a query of unknown width", out)
		return
	}
	for i, from := range out {
		b.assignColumn(columns[i], from, wants[i])
	}
}

// assignColumn checks one column of INSERT … SELECT.
func (b *binder) assignColumn(to, from *column, w want) {
	if w.store != nil && from.later != nil && from.later.decided == nil {
		u := *w.store
		if b.asText(&u) && b.decide(from.later, u) {
			b.changed = true
		}
		return
	}
	b.force(from)
	if from.box != nil && to != nil && to.prot != nil {
		b.noBox(from.box, "a write to a protected column")
		return
	}
	b.assign(to, from.protection())
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
	return to == from || textual(to.Name) && textual(from.Name) && to.Mod == -1
}
