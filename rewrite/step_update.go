package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// computedSet notes an assignment of UPDATE that a step computes, and reports
// whether one may.
func (b *binder) computedSet(t *pg.ResTarget, u *Use) bool {
	if b.step == nil || b.step.update == nil || !assigns(b.step.update.TargetList, t) {
		return false
	}
	b.step.needed = true
	b.step.sets[t] = computedUse(*u)
	return true
}

func assigns(list []*pg.Node, t *pg.ResTarget) bool {
	for _, n := range list {
		if n.GetResTarget() == t {
			return true
		}
	}
	return false
}

// updates notes what an UPDATE writes to.
func (b *binder) updates(s *pg.UpdateStmt, target *source, sc *scope) {
	if b.step != nil && b.step.update == s {
		b.step.target, b.step.beside = target, sc
	}
}

// splitUpdate splits UPDATE: the step finds the rows, locks them and computes
// what is assigned, and the statement writes it to these very rows:
//
//	SELECT t.tableoid, t.ctid, x, y FROM t, … WHERE … FOR NO KEY UPDATE OF t
//	UPDATE t SET a = pgveil.c3, b = pgveil.c4 FROM (SELECT <the rows>) AS pgveil
//	WHERE t.tableoid = pgveil.c1 AND t.ctid = pgveil.c2
//
// A row that was changed meanwhile is waited for and looked at again by the
// step, as UPDATE does. After it, nobody else can change the rows. Where several
// rows of FROM match one of the table, UPDATE takes one of them, as it does.
func (b *binder) splitUpdate(s *stepping) {
	u := s.update
	at := s.updated()
	if reason := b.unsplit(s); reason != "" {
		b.unsupported(reason, at)
		return
	}
	alias := u.Relation.GetAlias().GetAliasname()
	if alias == "" {
		alias = u.Relation.Relname
	}
	query := &pg.SelectStmt{
		Op: pg.SetOperation_SETOP_NONE, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT,
		WithClause:  u.WithClause,
		FromClause:  append([]*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: proto.Clone(u.Relation).(*pg.RangeVar)}}}, u.FromClause...),
		WhereClause: u.WhereClause,
		LockingClause: []*pg.Node{{Node: &pg.Node_LockingClause{LockingClause: &pg.LockingClause{
			LockedRels: []*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: &pg.RangeVar{Relname: alias, Inh: true, Relpersistence: "p"}}}},
			Strength:   pg.LockClauseStrength_LCS_FORNOKEYUPDATE,
			WaitPolicy: pg.LockWaitPolicy_LockWaitBlock,
		}}}},
	}
	uses := []Use{{}, {}}
	for _, name := range []string{"tableoid", "ctid"} {
		query.TargetList = append(query.TargetList, pg.MakeResTargetNodeWithVal(columnOf(alias, name), -1))
	}
	for _, n := range u.TargetList {
		t := n.GetResTarget()
		if isLiteral(t.Val) || t.Val.GetSetToDefault() != nil {
			continue
		}
		query.TargetList = append(query.TargetList, pg.MakeResTargetNodeWithVal(t.Val, -1))
		uses = append(uses, s.sets[t])
		t.Val = givenColumn(len(uses))
	}
	number := b.addStep(query, uses)
	u.WithClause = nil
	u.FromClause = []*pg.Node{givenFrom(number)}
	u.WhereClause = andNode(equalNode(columnOf(alias, "tableoid"), givenColumn(1)), equalNode(columnOf(alias, "ctid"), givenColumn(2)))
	starOf(u.ReturningList, alias)
}

// unsplit says why an UPDATE cannot be split, "" if it can. It writes out row
// assignments one by one.
func (b *binder) unsplit(s *stepping) string {
	u := s.update
	switch rel := s.target.rel; {
	case rel == nil || rel.Kind != 'r' && rel.Kind != 'p':
		return "an UPDATE with a computed value of what is not a table"
	case rel.RowSecurity:
		return "an UPDATE with a computed value of a table with row security" // reading ctid asks more policies
	}
	for i := 0; i < len(u.TargetList); i++ {
		m := u.TargetList[i].GetResTarget().GetVal().GetMultiAssignRef()
		if m == nil {
			continue
		}
		row := m.Source.GetRowExpr()
		if row == nil || len(row.Args) != int(m.Ncolumns) {
			return "a computed value beside a row assignment"
		}
		for k, arg := range row.Args {
			u.TargetList[i+k].GetResTarget().Val = arg
		}
	}
	computes := 0
	for _, n := range u.TargetList {
		if sequences(n) > 0 {
			computes++
		}
	}
	switch {
	case u.WhereClause.GetCurrentOfExpr() != nil:
		return "a computed value beside WHERE CURRENT OF"
	case modifies(u.WithClause):
		return "a computed value beside WITH that modifies data"
	case u.WithClause != nil && subqueries(u.ReturningList...) > 0:
		return "a computed value beside WITH and a subquery"
	case computes > 1, computes > 0 && sequences(u.ReturningList...) > 0:
		return "a value computed of a sequence beside others"
	case len(u.FromClause) > 0 && !s.returnsOnly():
		return "RETURNING of another table beside a computed value"
	}
	return ""
}

// updated returns a protected column that the UPDATE computes a value of.
func (s *stepping) updated() *catalog.Protected {
	for _, u := range s.sets {
		return u.Target
	}
	return nil
}

// elsewhere says that an item beside the target may have a column of that name,
// so that the name is ambiguous.
func (s *stepping) elsewhere(name string) bool {
	return slices.ContainsFunc(s.beside.sources, func(src *source) bool {
		return src != s.target && (src.opaque || src.find(name) != nil)
	})
}

// returnsOnly says that RETURNING names columns of the target alone: the others
// are not there any more when the statement runs.
func (s *stepping) returnsOnly() bool {
	u, target := s.update, s.target
	return subqueries(u.ReturningList...) == 0 && count(u.ReturningList, func(n *pg.Node) bool {
		ref := n.GetColumnRef()
		if ref == nil {
			return false
		}
		names, star := fieldNames(ref)
		switch {
		case len(names) == 0, len(names) == 1 && star:
			return len(names) == 0 || names[0] != target.alias
		case len(names) == 1:
			return target.find(names[0]) == nil && !systemColumn(names[0]) || s.elsewhere(names[0])
		}
		return names[len(names)-2] != target.alias
	}) == 0
}

// starOf makes a bare star in RETURNING that of the target.
func starOf(returning []*pg.Node, alias string) {
	for _, n := range returning {
		if ref := n.GetResTarget().GetVal().GetColumnRef(); ref != nil && len(ref.Fields) == 1 && ref.Fields[0].GetAStar() != nil {
			ref.Fields = append([]*pg.Node{pg.MakeStrNode(alias)}, ref.Fields...)
		}
	}
}

func columnOf(alias, name string) *pg.Node {
	return pg.MakeColumnRefNode([]*pg.Node{pg.MakeStrNode(alias), pg.MakeStrNode(name)}, -1)
}

// equalNode compares by PostgreSQL's own operator, whatever the search path.
func equalNode(l, r *pg.Node) *pg.Node {
	return pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP, []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("=")}, l, r, -1)
}

func andNode(nodes ...*pg.Node) *pg.Node {
	return pg.MakeBoolExprNode(pg.BoolExprType_AND_EXPR, nodes, -1)
}
