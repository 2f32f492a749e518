package rewrite

import (
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// givenAlias is the name of a step's rows in the statement.
const givenAlias = "pgveil"

// GivenName is the name of a column of a step's rows, counted from 1.
func GivenName(column int) string { return "c" + strconv.Itoa(column) }

// computedUse is the part of a value that the server computed: it is sealed for
// the column. It was not read through a mask, whatever it looks like.
func computedUse(u Use) Use {
	u.Access = policy.Access{Read: policy.Reveal}
	return u
}

// computedColumns notes what an INSERT … SELECT fills and with what, and
// returns the step that may compute it, nil where none may.
func (b *binder) computedColumns(query *pg.SelectStmt, columns, out []*column) *stepping {
	if b.step == nil || b.step.insert == nil || b.step.insert.SelectStmt.GetSelectStmt() != query {
		return nil
	}
	b.step.columns, b.step.out = columns, out
	return b.step
}

// computedCell notes a cell of an INSERT's VALUES that a step computes, and
// reports whether one may.
func (b *binder) computedCell(s *pg.SelectStmt, n *pg.Node, u Use) bool {
	if u.Role != Stored || b.computedColumns(s, nil, nil) == nil {
		return false
	}
	b.step.needed = true
	b.step.cells = append(b.step.cells, computed{node: n, use: computedUse(u)})
	return true
}

// splitSelect splits INSERT … SELECT: the query is the step, and
//
//	INSERT INTO t (a, b) SELECT pgveil.c1, 'sealed' FROM (SELECT <the step's rows>) AS pgveil
//
// the statement. A literal of the query's own list stays in the statement, where
// it takes the type of the column that it is written to.
func (b *binder) splitSelect(s *stepping) {
	query := s.insert.SelectStmt.GetSelectStmt()
	b.stepAlone(s, query)
	values := make([]*pg.Node, len(s.out))
	uses := make([]Use, len(s.out))
	for i, c := range s.out {
		values[i] = givenColumn(i + 1)
		if to := s.columns[i]; to != nil && to.prot != nil && c.protection() == nil {
			uses[i] = computedUse(*b.stored(to.prot, false))
		}
		if c.from != nil && isLiteral(c.from.Val) && inTargets(query, c.from) {
			values[i], uses[i] = c.from.Val, Use{}
			c.from.Val = nullNode()
		}
	}
	number := b.addStep(query, uses)
	s.insert.WithClause = nil
	s.insert.SelectStmt = selectNode(givenRows(number, values))
}

// splitValues splits INSERT … VALUES: the step computes the cells for protected
// columns in one row. It is a VALUES too, where PostgreSQL takes no aggregates
// and no sets.
func (b *binder) splitValues(s *stepping) {
	query := &pg.SelectStmt{Op: pg.SetOperation_SETOP_NONE, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
	row := &pg.List{}
	query.ValuesLists = []*pg.Node{{Node: &pg.Node_List{List: row}}}
	uses := make([]Use, len(s.cells))
	number := len(b.steps) + 1
	for i, c := range s.cells {
		cell := &pg.Node{Node: c.node.Node}
		row.Items = append(row.Items, cell)
		uses[i] = c.use
		c.node.Node = givenNode(Given{Step: number, Column: i + 1}).Node
		s.cells[i].node = cell
	}
	b.stepAlone(s, query)
	if len(row.Items) > maxTargets {
		b.unsupported("more than "+strconv.Itoa(maxTargets)+" computed values of one INSERT", s.cells[0].use.Target)
	}
	b.addStep(query, uses)
	s.insert.WithClause = nil
}

// maxTargets is how many columns PostgreSQL allows in a result.
const maxTargets = 1664

// stepAlone moves the WITH of an INSERT to its step, and checks that the step
// computes what the whole statement would have: that no part of it needs to run
// in turn with what stays behind.
func (b *binder) stepAlone(s *stepping, query *pg.SelectStmt) {
	stays := append([]*pg.Node{{Node: &pg.Node_OnConflictClause{OnConflictClause: s.insert.OnConflictClause}}}, s.insert.ReturningList...)
	if len(s.cells) > 0 {
		stays = append(stays, s.insert.SelectStmt)
	}
	at := s.protected()
	if s.insert.WithClause != nil && subqueries(stays...) > 0 {
		b.unsupported("a computed value beside WITH and a subquery", at)
	}
	switch step := queryNode(query); {
	case sequences(step) == 0:
	case sequences(stays...) > 0, s.insert.Override == pg.OverridingKind_OVERRIDING_USER_VALUE, b.draws(s), !oneColumn(s.cells):
		b.unsupported("a value computed of a sequence beside others", at)
	}
	b.stepWith(s, query)
}

// stepWith puts the WITH of an INSERT before its step.
func (b *binder) stepWith(s *stepping, query *pg.SelectStmt) {
	with, own := s.insert.WithClause, query.WithClause
	at := s.protected()
	switch {
	case modifies(own):
		b.unsupported("a query that modifies data in its WITH", at) // an error to PostgreSQL, not in a step
	case changesTarget(with, s.insert.Relation):
		b.unsupported("a computed value beside WITH that changes the same table", at)
	case with == nil:
	case own == nil:
		query.WithClause = with
	case with.Recursive != own.Recursive || sharesName(with, own):
		b.unsupported("a computed value beside two WITH clauses", at)
	default:
		own.Ctes = append(with.Ctes[:len(with.Ctes):len(with.Ctes)], own.Ctes...)
	}
}

// protected returns a protected column that the statement computes a value of.
func (s *stepping) protected() *catalog.Protected {
	for _, c := range s.cells {
		return c.use.Target
	}
	for i, c := range s.columns {
		if c != nil && c.prot != nil && i < len(s.out) && s.out[i].protection() == nil {
			return c.prot
		}
	}
	return nil
}

// draws says that the INSERT computes defaults that may use a sequence.
func (b *binder) draws(s *stepping) bool {
	given := map[string]bool{}
	for i, n := range s.insert.Cols {
		given[n.GetResTarget().GetName()] = len(s.cells) > 0 || i < len(s.out)
	}
	explicit := count([]*pg.Node{s.insert.SelectStmt}, func(n *pg.Node) bool { return n.GetSetToDefault() != nil }) > 0
	rel := b.lookup(s.insert.Relation)
	return rel == nil || rel.Kind != 'r' && rel.Kind != 'p' || slices.ContainsFunc(rel.Columns, func(c catalog.Column) bool {
		return c.Draws && (explicit || !given[c.Name])
	})
}

// oneColumn says that the cells with a sequence are all of one column: the
// columns of a row are computed in another order than they are written in.
func oneColumn(cells []computed) bool {
	var at *catalog.Protected
	for _, c := range cells {
		if sequences(c.node) == 0 {
			continue
		}
		if at != nil && at != c.use.Target {
			return false
		}
		at = c.use.Target
	}
	return true
}

// modifies says that a WITH clause holds a statement that writes.
func modifies(w *pg.WithClause) bool {
	return slices.ContainsFunc(w.GetCtes(), func(n *pg.Node) bool { return n.GetCommonTableExpr().GetCtequery().GetSelectStmt() == nil })
}

// changesTarget says that a WITH clause writes to the table that is filled too,
// which is done before in a step and at the same time in one statement.
func changesTarget(w *pg.WithClause, target *pg.RangeVar) bool {
	return slices.ContainsFunc(w.GetCtes(), func(n *pg.Node) bool {
		query := n.GetCommonTableExpr().GetCtequery()
		for _, rv := range []*pg.RangeVar{
			query.GetInsertStmt().GetRelation(), query.GetUpdateStmt().GetRelation(),
			query.GetDeleteStmt().GetRelation(), query.GetMergeStmt().GetRelation(),
		} {
			if rv.GetRelname() == target.Relname {
				return true
			}
		}
		return false
	})
}

func sharesName(a, b *pg.WithClause) bool {
	return slices.ContainsFunc(a.Ctes, func(x *pg.Node) bool {
		return slices.ContainsFunc(b.Ctes, func(y *pg.Node) bool {
			return x.GetCommonTableExpr().Ctename == y.GetCommonTableExpr().Ctename
		})
	})
}

func inTargets(query *pg.SelectStmt, t *pg.ResTarget) bool {
	return slices.ContainsFunc(query.TargetList, func(n *pg.Node) bool { return n.GetResTarget() == t })
}

// givenRows returns SELECT values FROM (SELECT …) AS pgveil over a step's rows.
func givenRows(step int, values []*pg.Node) *pg.SelectStmt {
	s := &pg.SelectStmt{Op: pg.SetOperation_SETOP_NONE, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
	for _, v := range values {
		s.TargetList = append(s.TargetList, pg.MakeResTargetNodeWithVal(v, -1))
	}
	s.FromClause = []*pg.Node{givenFrom(step)}
	return s
}

// givenFrom returns the item of a FROM clause that stands for a step's rows.
func givenFrom(step int) *pg.Node {
	rows := &pg.SelectStmt{Op: pg.SetOperation_SETOP_NONE, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
	rows.TargetList = []*pg.Node{pg.MakeResTargetNodeWithVal(givenNode(Given{Step: step}), -1)}
	return &pg.Node{Node: &pg.Node_RangeSubselect{RangeSubselect: &pg.RangeSubselect{
		Subquery: selectNode(rows), Alias: &pg.Alias{Aliasname: givenAlias},
	}}}
}

func givenColumn(i int) *pg.Node {
	return pg.MakeColumnRefNode([]*pg.Node{pg.MakeStrNode(givenAlias), pg.MakeStrNode(GivenName(i))}, -1)
}

func nullNode() *pg.Node { return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Isnull: true}}} }
