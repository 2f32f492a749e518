package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// with plans common table expressions and makes their names known in sc.
func (b *binder) with(w *pg.WithClause, sc *scope) {
	if w == nil {
		return
	}
	if sc.ctes == nil {
		sc.ctes = map[string]*source{}
	}
	for _, n := range w.Ctes {
		cte := n.GetCommonTableExpr()
		src := &source{alias: cte.Ctename}
		if w.Recursive {
			b.recursive(cte, src, sc)
			continue
		}
		src.cols, src.opaque = b.derived(cte.Ctequery, sc.child(), stringsOf(cte.Aliascolnames))
		sc.ctes[cte.Ctename] = src
	}
}

// derived plans a statement whose rows are read under another name. open says
// that it has columns that are not listed.
func (b *binder) derived(n *pg.Node, sc *scope, names []string) (cols []*column, open bool) {
	before := b.opaqueStar
	b.opaqueStar = false
	cols = b.renamed(b.statement(n, sc), names)
	open, b.opaqueStar = b.opaqueStar, before
	return cols, open
}

func stringsOf(list []*pg.Node) []string {
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = n.GetString_().GetSval()
	}
	return names
}

// renamed returns columns under the names of an alias list. They keep what
// they are, but are no longer the table's own to the server.
func (b *binder) renamed(cols []*column, names []string) []*column {
	out := make([]*column, len(cols))
	for i, c := range cols {
		copied := *c
		if i < len(names) {
			copied.name = names[i]
		}
		out[i] = &copied
	}
	return out
}

// from binds a FROM clause and returns what a bare star stands for, nil where
// that is not known.
func (b *binder) from(list []*pg.Node, sc *scope) []*column {
	star := []*column{}
	known := true
	for _, n := range list {
		cols, ok := b.fromItem(n, sc)
		star, known = append(star, cols...), known && ok
	}
	if !known {
		return nil
	}
	return star
}

// fromItem binds one item, adds it to sc, and returns its columns for a star
// and whether they are all known.
func (b *binder) fromItem(n *pg.Node, sc *scope) ([]*column, bool) {
	switch e := n.GetNode().(type) {
	case *pg.Node_RangeVar:
		return b.rangeVar(e.RangeVar, sc)
	case *pg.Node_RangeSubselect:
		return b.rangeSubselect(e.RangeSubselect, sc)
	case *pg.Node_JoinExpr:
		return b.join(n, e.JoinExpr, sc)
	case *pg.Node_RangeFunction:
		return b.rangeFunction(e.RangeFunction, sc)
	case *pg.Node_RangeTableFunc:
		return b.xmlTable(e.RangeTableFunc, sc)
	case *pg.Node_RangeTableSample:
		b.plainAll(e.RangeTableSample.Args, sc, "TABLESAMPLE")
		b.plain(e.RangeTableSample.Repeatable, sc, "TABLESAMPLE")
		return b.fromItem(e.RangeTableSample.Relation, sc)
	default:
		b.children(n, sc)
		sc.sources = append(sc.sources, &source{opaque: true})
		return nil, false
	}
}

func (b *binder) rangeVar(rv *pg.RangeVar, sc *scope) ([]*column, bool) {
	src := &source{alias: rv.Relname, schema: rv.Schemaname}
	if cte := b.cteOf(rv, sc); cte != nil {
		src.cols, src.opaque = b.renamed(cte.cols, nil), cte.opaque
	} else if src.rel = b.readable(rv, src); src.rel != nil {
		src.schema = src.rel.Schema
	} else {
		src.opaque, src.server = true, true
	}
	b.alias(src, rv.Alias)
	sc.sources = append(sc.sources, src)
	return src.cols, !src.opaque
}

// readable binds a table or view that is read, and fills in its columns.
func (b *binder) readable(rv *pg.RangeVar, src *source) *catalog.Relation {
	rel := b.lookup(rv)
	if rel != nil && rel.Definition != "" {
		cols, refusal := b.view(rel)
		if refusal == nil {
			src.cols = cols
			return rel
		}
		b.tainted("relation", rel.Schema+"."+rel.Name, rel.Tainted+": "+refusal.Message+".")
		return rel
	}
	if rel = b.usable(rel, rv); rel != nil {
		src.cols = columnsOf(rel)
	}
	return rel
}

func (b *binder) cteOf(rv *pg.RangeVar, sc *scope) *source {
	if rv.Schemaname != "" {
		return nil
	}
	return sc.cte(rv.Relname)
}

// alias gives an item the name, and its columns the names, of AS.
func (b *binder) alias(src *source, a *pg.Alias) {
	if a == nil {
		return
	}
	src.alias, src.schema = a.Aliasname, ""
	for i, name := range stringsOf(a.Colnames) {
		if i < len(src.cols) {
			copied := *src.cols[i]
			copied.name = name
			src.cols[i] = &copied
		}
	}
}

func (b *binder) rangeSubselect(r *pg.RangeSubselect, sc *scope) ([]*column, bool) {
	inner := &scope{outer: sc}
	if !r.Lateral {
		// Without LATERAL the items to its left are not in sight, but what is
		// further out is, and so are the CTEs of this level.
		inner.outer = &scope{outer: sc.outer, ctes: sc.ctes}
	}
	inner.unordered = sc.sorts
	src := &source{}
	src.cols, src.opaque = b.derived(r.Subquery, inner, nil)
	b.alias(src, r.Alias)
	sc.sources = append(sc.sources, src)
	return src.cols, !src.opaque
}

// rangeFunction binds a function in FROM. Its columns are plain and, but for
// those of a column definition list, not known.
func (b *binder) rangeFunction(r *pg.RangeFunction, sc *scope) ([]*column, bool) {
	met := b.fromClient
	for _, f := range r.Functions {
		for _, n := range f.GetList().GetItems() {
			if n.GetNode() != nil && n.GetList() == nil {
				b.plain(n, sc, "a function in FROM")
			}
		}
	}
	src := &source{opaque: true, server: met == b.fromClient}
	for _, d := range r.Coldeflist {
		b.noRowType(d.GetColumnDef().GetTypeName())
		src.cols = append(src.cols, &column{name: d.GetColumnDef().GetColname(), server: src.server})
	}
	if r.Alias != nil {
		src.alias = r.Alias.Aliasname
		for _, name := range stringsOf(r.Alias.Colnames) {
			src.cols = append(src.cols, &column{name: name, server: src.server})
		}
	}
	sc.sources = append(sc.sources, src)
	return src.cols, false
}

func (b *binder) unsupportedIfSealed(what string, cols []*column) {
	for _, c := range cols {
		if c != nil && c.protection() != nil {
			b.unsupported(what, c.protection())
			return
		}
	}
}
