package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Set operations compare rows, and equal values are sealed differently each
// time. So one over sealed columns becomes a grouping of the rows of both arms:
//
//	SELECT min(c1) AS a, c2 AS b FROM (A, true UNION ALL B, false) AS pgveil(c1, c2, ours)
//	GROUP BY term(c1), c2 HAVING …
//
// UNION shows all groups, EXCEPT those with rows of the left arm only, INTERSECT
// those with rows of both.
//
// With ALL the nth of equal rows in one arm answers to the nth in the other: the
// rows are numbered, and the number is one column more to compare. The arms
// stand side by side as they did, so that their columns get the types that they
// had. WITH, ORDER BY and LIMIT of the operation stay where they were.

// The names of the tables and columns that the compiler adds.
const (
	setAlias  = "pgveil"
	oursName  = "ours"
	countName = "nth"
)

// setTerms is a set operation while it is written over terms.
type setTerms struct {
	b     *binder
	out   []*column
	wants []want
}

// compareTerms rewrites a set operation that compares rows of sealed values.
func (b *binder) compareTerms(s *pg.SelectStmt, out []*column, wants []want) {
	o := &setTerms{b: b, out: out, wants: wants}
	l, r, op, all := s.Larg, s.Rarg, s.Op, s.All
	s.Op, s.All, s.Larg, s.Rarg = pg.SetOperation_SETOP_NONE, false, nil, nil
	s.GroupClause = o.keys()
	if op == pg.SetOperation_SETOP_UNION {
		o.groups(s, fromQuery(unionAll(l, r), o.alias()), nil)
		return
	}
	from := fromQuery(unionAll(o.marked(l, true), o.marked(r, false)), o.alias(oursName))
	if all {
		from = fromQuery(o.numbered(from), o.alias(oursName, countName))
		s.GroupClause = append(s.GroupClause, setRef(countName))
	}
	only := call("bool_and", setRef(oursName))
	if op == pg.SetOperation_SETOP_EXCEPT {
		s.HavingClause = only
		o.groups(s, from, nil)
		return
	}
	s.HavingClause = conjunction([]*pg.Node{call("bool_or", setRef(oursName)), not(only)})
	o.groups(s, from, setRef(oursName))
}

// groups makes s show a row of each group, of the rows that pass the filter.
func (o *setTerms) groups(s *pg.SelectStmt, from, filter *pg.Node) {
	s.FromClause = []*pg.Node{from}
	for i, c := range o.out {
		value := setRef(valuesName(i))
		if p := o.sealed(i); p != nil {
			value = representative(value, p, filter)
		}
		s.TargetList = append(s.TargetList, pg.MakeResTargetNodeWithNameAndVal(c.name, value, -1))
	}
	o.b.changed = true
}

func not(n *pg.Node) *pg.Node {
	return pg.MakeBoolExprNode(pg.BoolExprType_NOT_EXPR, []*pg.Node{n}, -1)
}

// marked returns an arm with one more column, which says whose rows they are.
func (o *setTerms) marked(arm *pg.SelectStmt, ours bool) *pg.SelectStmt {
	switch mark := boolNode(ours); {
	case arm.Op != pg.SetOperation_SETOP_NONE:
		o.marked(arm.Larg, ours)
		o.marked(arm.Rarg, ours)
	case len(arm.ValuesLists) > 0: // its rows may be one slot
		return o.over(fromQuery(arm, o.alias()), mark)
	default:
		arm.TargetList = append(arm.TargetList, pg.MakeResTargetNodeWithVal(mark, -1))
	}
	return arm
}

// numbered returns the rows of both arms with their numbers among equal ones.
func (o *setTerms) numbered(from *pg.Node) *pg.SelectStmt {
	number := call("row_number")
	number.GetFuncCall().Over = &pg.WindowDef{PartitionClause: append(o.keys(), setRef(oursName)), FrameOptions: defaultFrame}
	return o.over(from, setRef(oursName), number)
}

// over returns a query over an item that goes by o's alias, with more columns.
func (o *setTerms) over(from *pg.Node, more ...*pg.Node) *pg.SelectStmt {
	s := &pg.SelectStmt{FromClause: []*pg.Node{from}, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
	for i := range o.out {
		s.TargetList = append(s.TargetList, pg.MakeResTargetNodeWithVal(setRef(valuesName(i)), -1))
	}
	for _, n := range more {
		s.TargetList = append(s.TargetList, pg.MakeResTargetNodeWithVal(n, -1))
	}
	return s
}

// defaultFrame is FRAMEOPTION_DEFAULTS of PostgreSQL's parsenodes.h.
const defaultFrame = 0x00002 | 0x00020 | 0x00400

// sealed returns what a column is sealed for, nil for one that is compared as it is.
func (o *setTerms) sealed(i int) *catalog.Protected {
	if wantAt(o.wants, i).terms() {
		return nil
	}
	return o.out[i].protection()
}

// keys returns what makes two rows equal.
func (o *setTerms) keys() []*pg.Node {
	list := make([]*pg.Node, len(o.out))
	for i := range o.out {
		list[i] = setRef(valuesName(i))
		if p := o.sealed(i); p != nil {
			o.b.toTerm(list[i], typ{prot: p})
		}
	}
	return list
}

// alias returns the alias under which the arms' columns are referred to.
func (o *setTerms) alias(added ...string) *pg.Alias {
	alias := &pg.Alias{Aliasname: setAlias}
	for i := range o.out {
		alias.Colnames = append(alias.Colnames, pg.MakeStrNode(valuesName(i)))
	}
	for _, name := range added {
		alias.Colnames = append(alias.Colnames, pg.MakeStrNode(name))
	}
	return alias
}

func setRef(name string) *pg.Node {
	return pg.MakeColumnRefNode([]*pg.Node{pg.MakeStrNode(setAlias), pg.MakeStrNode(name)}, -1)
}

func unionAll(l, r *pg.SelectStmt) *pg.SelectStmt {
	return &pg.SelectStmt{Op: pg.SetOperation_SETOP_UNION, All: true, Larg: l, Rarg: r, LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT}
}

func fromQuery(s *pg.SelectStmt, alias *pg.Alias) *pg.Node {
	return &pg.Node{Node: &pg.Node_RangeSubselect{RangeSubselect: &pg.RangeSubselect{
		Subquery: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}},
		Alias:    alias,
	}}}
}

func boolNode(v bool) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{
		Val: &pg.A_Const_Boolval{Boolval: &pg.Boolean{Boolval: v}}, Location: -1,
	}}}
}

// representative returns an aggregate that is one of the sealed values of a
// group of equal ones, of the rows that pass the filter if there is one. Where
// equal values can look different, it is the first, as in PostgreSQL.
func representative(n *pg.Node, p *catalog.Protected, filter *pg.Node) *pg.Node {
	if oneForm(p.Logical.Name) {
		value := call("min", n)
		value.GetFuncCall().AggFilter = filter
		return value
	}
	all := call("array_agg", n)
	all.GetFuncCall().AggFilter = filter
	first := &pg.Node{Node: &pg.Node_AIndices{AIndices: &pg.A_Indices{Uidx: pg.MakeAConstIntNode(1, -1)}}}
	return &pg.Node{Node: &pg.Node_AIndirection{AIndirection: &pg.A_Indirection{Arg: all, Indirection: []*pg.Node{first}}}}
}

// oneForm says that equal values of a type look the same, which 1.0 and 1.00
// of numeric, or a and A of citext, do not.
func oneForm(name string) bool {
	switch name {
	case "text", "varchar", "name", "bool", "int2", "int4", "int8", "oid", "date", "time", "timestamp", "timestamptz", "uuid", "bytea":
		return true
	}
	return false
}
