package rewrite_test

import (
	"fmt"
	"strings"

	"github.com/pgveil/pgveil/eval/tree"
	"github.com/pgveil/pgveil/rewrite"
)

// showConstant writes what the caller computes: names of functions before their
// operands, and the type of each parameter.
func showConstant(p planned, c *rewrite.Constant) string {
	return fmt.Sprintf("%s: %s", c.Type.Name, showTree(p, c, c.Expr))
}

func showTree(p planned, c *rewrite.Constant, e *tree.Expr) string {
	if e.Kind == tree.Leaf {
		return showLeaf(p, c.Leaves[e.Leaf])
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = showTree(p, c, a)
	}
	name := e.Name
	if name == "" {
		name = [...]string{
			tree.Case: "CASE", tree.Switch: "SWITCH", tree.Coalesce: "COALESCE", tree.NullIf: "NULLIF", tree.Greatest: "GREATEST", tree.Least: "LEAST",
			tree.And: "AND", tree.Or: "OR", tree.Not: "NOT", tree.IsNull: "ISNULL", tree.IsNotNull: "NOTNULL", tree.Distinct: "DISTINCT", tree.NotDistinct: "SAME",
			tree.Cast: "CAST",
		}[e.Kind]
	}
	if e.Kind == tree.Cast {
		name += " " + e.Type.Name
		if e.Type.Mod >= 0 {
			name += fmt.Sprintf(" mod %d", e.Type.Mod)
		}
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

func showLeaf(p planned, leaf rewrite.Leaf) string {
	switch {
	case leaf.Param > 0:
		return fmt.Sprintf("$%d %s", leaf.Param, leaf.Type.Name)
	case leaf.Null:
		return "NULL"
	case leaf.Slot < 0:
		return leaf.Word
	}
	slot := p.st.Slots[leaf.Slot]
	text := p.sql[slot.Start:slot.End]
	if leaf.Negate {
		text = "-" + text
	}
	return text
}
