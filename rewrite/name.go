package rewrite

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// unnamed is what PostgreSQL calls an output column that it finds no name for.
const unnamed = "?column?"

// outputNameOf returns the name that PostgreSQL gives an unnamed output column.
func outputNameOf(n *pg.Node) string {
	if name, _ := figuredName(n); name != "" {
		return name
	}
	return unnamed
}

// figuredName does what FigureColname of PostgreSQL does: it returns a name for
// an expression, and whether it is a good one. That of a type or of CASE is taken
// where there is nothing better.
func figuredName(n *pg.Node) (name string, good bool) {
	switch e := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		names, _ := fieldNames(e.ColumnRef)
		return lastOf(names)
	case *pg.Node_AIndirection:
		for i := len(e.AIndirection.Indirection) - 1; i >= 0; i-- {
			if field := e.AIndirection.Indirection[i].GetString_(); field != nil {
				return field.Sval, true
			}
		}
		return figuredName(e.AIndirection.Arg)
	case *pg.Node_FuncCall:
		return lastName(e.FuncCall.Funcname), true
	case *pg.Node_CollateClause:
		return figuredName(e.CollateClause.Arg)
	case *pg.Node_TypeCast:
		if name, good = figuredName(e.TypeCast.Arg); good {
			return name, true
		}
		return lastName(e.TypeCast.TypeName.Names), false
	case *pg.Node_CaseExpr:
		if name, good = figuredName(e.CaseExpr.Defresult); good {
			return name, true
		}
		return "case", false
	case *pg.Node_SubLink:
		return subLinkName(e.SubLink)
	}
	return constructName(n)
}

func lastOf(names []string) (string, bool) {
	if len(names) == 0 {
		return "", false
	}
	return names[len(names)-1], true
}

// constructName names the expressions that go by a name of their own.
func constructName(n *pg.Node) (string, bool) {
	switch e := n.GetNode().(type) {
	case *pg.Node_AExpr:
		if e.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", true
		}
	case *pg.Node_CoalesceExpr:
		return "coalesce", true
	case *pg.Node_MinMaxExpr:
		if e.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			return "least", true
		}
		return "greatest", true
	case *pg.Node_RowExpr:
		return "row", true
	case *pg.Node_AArrayExpr:
		return "array", true
	case *pg.Node_GroupingFunc:
		return "grouping", true
	case *pg.Node_SqlvalueFunction:
		name := strings.TrimPrefix(e.SqlvalueFunction.Op.String(), "SVFOP_")
		return strings.ToLower(strings.TrimSuffix(name, "_N")), true
	}
	return "", false
}

func subLinkName(s *pg.SubLink) (string, bool) {
	switch s.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		return "exists", true
	case pg.SubLinkType_ARRAY_SUBLINK:
		return "array", true
	case pg.SubLinkType_EXPR_SUBLINK:
		query := s.Subselect.GetSelectStmt()
		for query.GetLarg() != nil {
			query = query.Larg
		}
		if len(query.GetTargetList()) > 0 {
			t := query.TargetList[0].GetResTarget()
			if t.Name != "" {
				return t.Name, true
			}
			return outputNameOf(t.Val), true
		}
		if len(query.GetValuesLists()) > 0 {
			return valuesName(0), true
		}
	}
	return "", false
}

// keepName gives an output column the name that it had, if what became of the
// expression has another.
func keepName(t *pg.ResTarget, name string) {
	if t.Name == "" && outputNameOf(t.Val) != name {
		t.Name = name
	}
}
