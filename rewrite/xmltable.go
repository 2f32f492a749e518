package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// xmlTable binds XMLTABLE. What it reads is plain, and so are its columns.
func (b *binder) xmlTable(x *pg.RangeTableFunc, sc *scope) ([]*column, bool) {
	b.xmlArgument(x.Docexpr, sc)
	b.xmlArgument(x.Rowexpr, sc)
	for _, n := range x.Namespaces {
		b.xmlArgument(n.GetResTarget().GetVal(), sc)
	}
	src := &source{}
	for _, n := range x.Columns {
		c := n.GetRangeTableFuncCol()
		b.xmlArgument(c.Colexpr, sc)
		b.xmlArgument(c.Coldefexpr, sc)
		if c.TypeName != nil {
			b.noRowType(c.TypeName)
		}
		src.cols = append(src.cols, &column{name: c.Colname})
	}
	b.alias(src, x.Alias)
	sc.sources = append(sc.sources, src)
	return src.cols, true
}

// xmlArgument types an argument. The grammar takes few forms without
// parentheses there, and the deparser writes none: others become a subquery.
func (b *binder) xmlArgument(n *pg.Node, sc *scope) {
	if n == nil {
		return
	}
	b.plain(n, sc, "XMLTABLE")
	switch n.Node.(type) {
	case *pg.Node_AConst, *pg.Node_ParamRef, *pg.Node_ColumnRef, *pg.Node_FuncCall, *pg.Node_SubLink:
		return
	}
	target := pg.MakeResTargetNodeWithVal(&pg.Node{Node: n.Node}, -1)
	n.Node = &pg.Node_SubLink{SubLink: &pg.SubLink{
		SubLinkType: pg.SubLinkType_EXPR_SUBLINK,
		Subselect:   &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{TargetList: []*pg.Node{target}, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg.SetOperation_SETOP_NONE}}},
	}}
}
