package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/eval/tree"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// lowering turns a node of the grammar into a tree for the caller to compute.
// Its methods return nil for what is no constant, or what the caller does not
// know how to compute. They change nothing.
type lowering struct {
	b *binder
	c *constant
}

func (l *lowering) expr(n *pg.Node) *tree.Expr {
	switch e := n.GetNode().(type) {
	case *pg.Node_AConst:
		return l.literal(e.AConst)
	case *pg.Node_ParamRef:
		return l.param(e.ParamRef)
	case *pg.Node_TypeCast:
		return l.cast(e.TypeCast)
	case *pg.Node_AExpr:
		return l.operator(e.AExpr)
	case *pg.Node_FuncCall:
		return l.call(e.FuncCall)
	case *pg.Node_BoolExpr:
		kinds := map[pg.BoolExprType]tree.Kind{
			pg.BoolExprType_AND_EXPR: tree.And, pg.BoolExprType_OR_EXPR: tree.Or, pg.BoolExprType_NOT_EXPR: tree.Not,
		}
		return l.node(kinds[e.BoolExpr.Boolop], "", e.BoolExpr.Args...)
	case *pg.Node_NullTest:
		if e.NullTest.Nulltesttype == pg.NullTestType_IS_NOT_NULL {
			return l.node(tree.IsNotNull, "", e.NullTest.Arg)
		}
		return l.node(tree.IsNull, "", e.NullTest.Arg)
	case *pg.Node_CoalesceExpr:
		return l.node(tree.Coalesce, "", e.CoalesceExpr.Args...)
	case *pg.Node_MinMaxExpr:
		if e.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			return l.node(tree.Least, "", e.MinMaxExpr.Args...)
		}
		return l.node(tree.Greatest, "", e.MinMaxExpr.Args...)
	case *pg.Node_CaseExpr:
		return l.cases(e.CaseExpr)
	}
	return nil
}

// node makes a node over operands, all of which must be constants.
func (l *lowering) node(kind tree.Kind, name string, args ...*pg.Node) *tree.Expr {
	if kind == 0 {
		return nil
	}
	made := &tree.Expr{Kind: kind, Name: name}
	for _, n := range args {
		a := l.expr(n)
		if a == nil {
			return nil
		}
		made.Args = append(made.Args, a)
	}
	return made
}

func (l *lowering) leaf(leaf Leaf) *tree.Expr {
	l.c.leaves = append(l.c.leaves, leaf)
	return &tree.Expr{Kind: tree.Leaf, Leaf: len(l.c.leaves) - 1}
}

func (l *lowering) literal(c *pg.A_Const) *tree.Expr {
	if c.Isnull {
		return l.leaf(Leaf{Slot: -1, Null: true})
	}
	if word, ok := c.Val.(*pg.A_Const_Boolval); ok {
		if word.Boolval.Boolval {
			return l.leaf(Leaf{Slot: -1, Word: "true"})
		}
		return l.leaf(Leaf{Slot: -1, Word: "false"})
	}
	// A number behind more than one sign has no slot, and decides the plan.
	slot := l.b.slotAt(c.Location)
	if slot < 0 || l.b.st.Slots[slot].Form != shape.Single || l.b.st.Slots[slot].Literals[0].Kind == shape.Bits {
		return nil
	}
	return l.leaf(Leaf{Slot: slot, Negate: l.b.sql[int(c.Location)+l.b.st.Start] == '-'})
}

// param makes one leaf for all the uses of a parameter: they have one type.
func (l *lowering) param(ref *pg.ParamRef) *tree.Expr {
	if ref.Number < 1 || ref.Number > 1<<16-1 {
		return nil
	}
	for i, leaf := range l.c.leaves {
		if leaf.Param == int(ref.Number) {
			return &tree.Expr{Kind: tree.Leaf, Leaf: i}
		}
	}
	return l.leaf(Leaf{Slot: -1, Param: int(ref.Number)})
}

func (l *lowering) cast(c *pg.TypeCast) *tree.Expr {
	t, ok := l.b.typeWithModifier(c.TypeName)
	if !ok {
		return nil
	}
	made := l.node(tree.Cast, "", c.Arg)
	if made != nil {
		made.Type = treeType(t)
	}
	return made
}

// typeWithModifier resolves a type name with a constant modifier, which stays
// in the shape.
func (b *binder) typeWithModifier(t *pg.TypeName) (catalog.Type, bool) {
	if len(t.GetArrayBounds()) > 0 {
		return catalog.Type{}, false
	}
	bare := &pg.TypeName{Names: t.GetNames(), Setof: t.GetSetof(), PctType: t.GetPctType()}
	to, ok := b.typeNamed(bare)
	if !ok || len(t.Typmods) == 0 {
		return to, ok
	}
	var args []int
	for _, m := range t.Typmods {
		n := m.GetAConst().GetIval()
		if n == nil {
			return to, false
		}
		args = append(args, int(n.Ival))
	}
	if to.Name == "interval" {
		to.Mod, ok = intervalModifier(args)
		return to, ok
	}
	var err error
	to.Mod, err = catalog.TypeModifier(to.Name, args)
	return to, err == nil
}

// intervalModifier packs the fields that INTERVAL … DAY TO SECOND(2) names, as
// the grammar numbers them, and the precision.
func intervalModifier(args []int) (int32, bool) {
	const fullPrecision, fullRange = 0xFFFF, 0x7FFF
	switch {
	case len(args) == 1 && args[0] == fullRange:
		return -1, true
	case len(args) == 1:
		return int32(args[0]&fullRange<<16 | fullPrecision), true
	case len(args) == 2 && args[1] >= 0 && args[1] <= 6:
		return int32(args[0]&fullRange<<16 | args[1]), true
	}
	return -1, false
}

// own returns the last part of a name that can only be one of PostgreSQL's own.
func own(names []*pg.Node) string {
	if len(names) == 1 || len(names) == 2 && names[0].GetString_().GetSval() == "pg_catalog" {
		return lastName(names)
	}
	return ""
}

func (l *lowering) operator(e *pg.A_Expr) *tree.Expr {
	name := own(e.Name)
	if !l.b.env.Evaluator.Operator(name) || !l.b.env.Snapshot.OwnOperator(name) {
		return nil
	}
	switch e.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		if e.Lexpr == nil {
			return l.node(tree.Operator, name, e.Rexpr)
		}
		return l.node(tree.Operator, name, e.Lexpr, e.Rexpr)
	case pg.A_Expr_Kind_AEXPR_DISTINCT:
		return l.node(tree.Distinct, "", e.Lexpr, e.Rexpr)
	case pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return l.node(tree.NotDistinct, "", e.Lexpr, e.Rexpr)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return l.node(tree.NullIf, "", e.Lexpr, e.Rexpr)
	}
	return nil
}

func (l *lowering) call(f *pg.FuncCall) *tree.Expr {
	name := own(f.Funcname)
	if f.AggStar || f.AggDistinct || f.AggWithinGroup || f.FuncVariadic || f.Over != nil || f.AggFilter != nil || len(f.AggOrder) > 0 || len(f.Args) == 0 {
		return nil
	}
	if !l.b.env.Evaluator.Function(name) || !l.b.env.Snapshot.OwnFunction(name) {
		return nil
	}
	return l.node(tree.Call, name, f.Args...)
}

func (l *lowering) cases(c *pg.CaseExpr) *tree.Expr {
	kind := tree.Case
	var parts []*pg.Node
	if c.Arg != nil {
		kind, parts = tree.Switch, append(parts, c.Arg)
	}
	for _, n := range c.Args {
		parts = append(parts, n.GetCaseWhen().GetExpr(), n.GetCaseWhen().GetResult())
	}
	if c.Defresult != nil {
		parts = append(parts, c.Defresult)
	}
	return l.node(kind, "", parts...)
}
