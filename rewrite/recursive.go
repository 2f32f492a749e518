package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// recursive plans a CTE of WITH RECURSIVE. Inside of it, its columns are those
// of the arm that does not recurse.
func (b *binder) recursive(cte *pg.CommonTableExpr, src *source, sc *scope) {
	sel := cte.Ctequery.GetSelectStmt()
	if sel != nil && sel.Op != pg.SetOperation_SETOP_NONE {
		b.recursiveUnion(cte, sel, src, sc)
	} else {
		src.cols, src.opaque = b.derived(cte.Ctequery, sc.child(), stringsOf(cte.Aliascolnames))
	}
	b.searchColumns(cte, src)
	sc.ctes[cte.Ctename] = src
}

func (b *binder) recursiveUnion(cte *pg.CommonTableExpr, sel *pg.SelectStmt, src *source, sc *scope) {
	inner := &scope{outer: sc, ctes: map[string]*source{}}
	b.with(sel.WithClause, inner)
	src.cols = b.renamed(b.query(sel.Larg, inner.child(), nil), stringsOf(cte.Aliascolnames))
	inner.ctes[cte.Ctename] = src
	right := b.query(sel.Rarg, inner.child(), nil)
	merged := b.merge(sel, src.cols, right, nil)
	b.tail(sel, inner, src.cols)
	if b.comparesSealed(sel, merged, nil) {
		b.recursiveTerms(cte, sel, merged)
	}
	client := slices.ContainsFunc(merged, func(c *column) bool { return !c.server })
	for _, c := range src.cols {
		c.oid, c.num = 0, 0            // the server reports no origin for a set operation
		c.server = c.server && !client // round by round, a value may move from column to column
	}
}

// recursiveTerms plans a recursive UNION over sealed columns. The server leaves
// out the rows whose sealed values are the same, so the recursion ends as it
// would: there are only so many stored values. Rows that are equal by their
// terms are left out around it:
//
//	t AS (WITH RECURSIVE t AS (A UNION B) SELECT … FROM t AS pgveil GROUP BY …)
//
// That is the same rows where the recursion looks at each row by itself.
func (b *binder) recursiveTerms(cte *pg.CommonTableExpr, sel *pg.SelectStmt, out []*column) {
	switch {
	case cte.SearchClause != nil || cte.CycleClause != nil:
		b.unsupportedIfSealed("SEARCH or CYCLE of a recursive UNION that compares rows", out)
		return
	case sel.Op != pg.SetOperation_SETOP_UNION:
		return // the server refuses it
	case looksAtMany(sel.Rarg):
		b.unsupportedIfSealed("a recursive UNION with LIMIT or a window function", out)
		return
	}
	within := &pg.CommonTableExpr{Ctename: cte.Ctename, Aliascolnames: cte.Aliascolnames, Ctequery: cte.Ctequery,
		Ctematerialized: pg.CTEMaterialize_CTEMaterializeDefault}
	o := &setTerms{b: b, out: out}
	s := &pg.SelectStmt{
		WithClause:  &pg.WithClause{Recursive: true, Ctes: []*pg.Node{{Node: &pg.Node_CommonTableExpr{CommonTableExpr: within}}}},
		GroupClause: o.keys(), LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT,
	}
	rows := pg.MakeSimpleRangeVar(cte.Ctename, -1)
	rows.Alias = o.alias()
	o.groups(s, &pg.Node{Node: &pg.Node_RangeVar{RangeVar: rows}}, nil)
	cte.Ctequery = &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}
}

// looksAtMany says that a query looks at several rows at a time, so that equal
// ones may make a difference.
func looksAtMany(m proto.Message) bool {
	return anyMessage(m.ProtoReflect(), func(m proto.Message) bool {
		switch n := m.(type) {
		case *pg.FuncCall:
			return n.Over != nil
		case *pg.SelectStmt:
			return n.LimitCount != nil || n.LimitOffset != nil
		}
		return false
	})
}

// anyMessage says whether a message or one beneath it satisfies is.
func anyMessage(m protoreflect.Message, is func(proto.Message) bool) bool {
	if is(m.Interface()) {
		return true
	}
	found := false
	m.Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch x := v.Interface().(type) {
		case protoreflect.Message:
			found = anyMessage(x, is)
		case protoreflect.List:
			for i := 0; i < x.Len() && !found; i++ {
				if inner, ok := x.Get(i).Interface().(protoreflect.Message); ok {
					found = anyMessage(inner, is)
				}
			}
		}
		return !found
	})
	return found
}

// searchColumns adds the columns of SEARCH and CYCLE to those of a CTE. They are
// made of values of the columns that the clause goes by, and compare them.
func (b *binder) searchColumns(cte *pg.CommonTableExpr, src *source) {
	if c := cte.SearchClause; c != nil {
		b.searchesBy(src, stringsOf(c.SearchColList))
		src.cols = append(src.cols, &column{name: c.SearchSeqColumn})
	}
	if c := cte.CycleClause; c != nil {
		b.searchesBy(src, stringsOf(c.CycleColList))
		b.isSyntax(c.CycleMarkValue)
		b.isSyntax(c.CycleMarkDefault)
		src.cols = append(src.cols, &column{name: c.CycleMarkColumn}, &column{name: c.CyclePathColumn})
	}
}

func (b *binder) searchesBy(src *source, names []string) {
	for _, c := range src.cols {
		if slices.Contains(names, c.name) {
			b.force(c)
			b.unsupportedIfSealed("SEARCH or CYCLE by it", []*column{c})
		}
	}
}
