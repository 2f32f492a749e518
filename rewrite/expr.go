package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// typ is the type of an expression, as far as sealing is concerned. The zero
// value is plain: the server computes it, and it holds nothing protected.
type typ struct {
	// prot is set for an expression whose value is a sealed one.
	prot *catalog.Protected
	// col is the column that a sealed expression refers to, nil for others.
	col *column
	// recast says that a sealed expression is cast to another text type.
	recast bool
	// open says that it is a literal or parameter that takes the type of what it meets.
	open bool
	// null says that it is the literal NULL.
	null bool
	// array is set for an ARRAY[…] of open elements.
	array bool
	// later is set for an open expression that is not a literal itself but made
	// of literals; column says that it is a column of a derived table.
	later  *later
	column bool
	// box is set for an expression whose value holds sealed ones; prot is nil then.
	box *Container
	// parts is set where box is a text that || has just joined: its parts, before
	// they became a string.
	parts *pg.Node
}

// expr types an expression. An open one has not been settled yet: the caller
// says by settle what part it plays. One that holds sealed values is refused:
// only rules that know of containers call infer.
func (b *binder) expr(n *pg.Node, sc *scope) typ {
	t := b.infer(n, sc)
	if t.box != nil {
		b.noBox(t.box, inBox)
		return typ{}
	}
	return t
}

// infer types an expression as expr does, and lets containers through.
func (b *binder) infer(n *pg.Node, sc *scope) typ {
	if n == nil || b.refusal != nil {
		return typ{}
	}
	if t, ok := b.ownForm(n, sc); ok {
		return t
	}
	if key := b.groupKeyOf(n, sc); key != nil {
		return b.groupedValue(n, key, sc)
	}
	if c := b.constantAt(n); c != nil {
		c.sc = sc
		b.meets(n)
		return typ{open: true}
	}
	switch e := n.Node.(type) {
	case *pg.Node_AConst:
		b.meets(n)
		return typ{open: true, null: e.AConst.Isnull}
	case *pg.Node_ParamRef:
		b.meets(n)
		return typ{open: true}
	case *pg.Node_TypeCast:
		return b.typeCast(n, e.TypeCast, sc)
	case *pg.Node_ColumnRef:
		return b.columnRef(n, e.ColumnRef, sc)
	case *pg.Node_AExpr:
		return b.operator(n, e.AExpr, sc)
	case *pg.Node_BoolExpr:
		b.conditions(e.BoolExpr.Args, sc, "a condition")
	case *pg.Node_NullTest:
		b.nullTest(e.NullTest.Arg, sc)
	case *pg.Node_SubLink:
		return b.subLink(e.SubLink, sc)
	case *pg.Node_FuncCall:
		if passes(e.FuncCall) {
			return b.passed(e.FuncCall, sc)
		}
		return b.funcCall(n, e.FuncCall, sc)
	case *pg.Node_AArrayExpr:
		return b.arrayExpr(e.AArrayExpr, sc)
	case *pg.Node_CollateClause:
		return b.collation(e.CollateClause, sc)
	case *pg.Node_SetToDefault:
		return typ{open: true, null: true}
	case *pg.Node_CoalesceExpr:
		return b.coalesce(e.CoalesceExpr, sc, nil)
	case *pg.Node_MinMaxExpr:
		for _, n := range e.MinMaxExpr.Args {
			b.ordered(n, sc, "GREATEST or LEAST")
		}
	case *pg.Node_RowExpr:
		return b.rowExpr(e.RowExpr, sc)
	case *pg.Node_AIndirection:
		return b.indirection(n, e.AIndirection, sc)
	case *pg.Node_BooleanTest:
		b.condition(e.BooleanTest.Arg, sc, "a truth test")
	case *pg.Node_CaseExpr:
		return b.caseExpr(e.CaseExpr, sc, nil)
	case *pg.Node_GroupingFunc:
		b.grouping(e.GroupingFunc, sc)
	default:
		b.children(n, sc)
	}
	return typ{}
}

// plain types an expression that must not be sealed, and settles it.
func (b *binder) plain(n *pg.Node, sc *scope, what string) {
	t := b.expr(n, sc)
	switch {
	case t.prot != nil:
		b.unsupported(what, t.prot)
	case t.open:
		b.settle(n, t, Use{})
	}
}

// ordered types an expression whose order among others counts, which must not
// be sealed.
func (b *binder) ordered(n *pg.Node, sc *scope, what string) {
	t := b.expr(n, sc)
	if t.prot != nil {
		b.needsOrder(what, t.prot)
		return
	}
	b.settlePlain(n, t)
}

func (b *binder) plainAll(list []*pg.Node, sc *scope, what string) {
	for _, n := range list {
		b.plain(n, sc, what)
	}
}

// typeCast types a cast. A cast of a literal or parameter stays open: the
// cast's type travels with its use.
func (b *binder) typeCast(n *pg.Node, c *pg.TypeCast, sc *scope) typ {
	b.noRowType(c.TypeName)
	t := b.infer(c.Arg, sc)
	switch {
	case t.box != nil:
		return b.castBox(t.box, c.TypeName)
	case t.prot != nil:
		return b.castSealed(n, c, t)
	case t.open && !t.array && isLiteral(c.Arg):
		return typ{open: true, null: t.null}
	case t.open && t.column:
		return t
	case t.open:
		b.settle(c.Arg, t, Use{})
	}
	return typ{}
}

func isLiteral(n *pg.Node) bool { return n.GetAConst() != nil || n.GetParamRef() != nil }

// textual says that a type is stored as itself or as text, so that a cast to
// text or varchar changes nothing.
func textual(name string) bool { return name == "text" || name == "varchar" }

// columnRef types a column reference.
func (b *binder) columnRef(n *pg.Node, ref *pg.ColumnRef, sc *scope) typ {
	names, star := fieldNames(ref)
	if star {
		if src := b.starSource(names, sc); src != nil {
			return b.wholeRow(src)
		}
		return typ{}
	}
	f := b.refersTo(ref, sc)
	b.refers(f, sc)
	if f.col != nil && f.col.merged.gone() && !f.unclear && !f.ambiguous {
		b.mergedRef(n, f.col, sc)
	}
	switch {
	case f.unclear:
		b.unclear(names[len(names)-1])
	case f.ambiguous:
		b.ambiguousColumn(names[len(names)-1])
	case f.row != nil && f.row.sealed():
		return b.wholeRow(f.row)
	case f.col != nil && f.col.prot != nil:
		return b.sealedRef(n, f)
	case f.col != nil && f.col.box != nil:
		return typ{box: f.col.box}
	case f.col != nil && f.col.later != nil:
		return f.col.laterTyp()
	case f.col == nil && f.row == nil && b.reached && sc.closed() && !systemColumn(names[len(names)-1]):
		b.undefinedColumn(names[len(names)-1])
	}
	return typ{}
}

// systemColumn says that every table has a column of that name.
func systemColumn(name string) bool {
	switch name {
	case "tableoid", "ctid", "xmin", "xmax", "cmin", "cmax":
		return true
	}
	return false
}

// refersTo resolves a column reference.
func (b *binder) refersTo(ref *pg.ColumnRef, sc *scope) found {
	if f, ok := b.spelledRefs[ref]; ok {
		return f
	}
	names, _ := fieldNames(ref)
	return b.resolve(names, sc)
}

func (b *binder) resolve(names []string, sc *scope) found {
	switch len(names) {
	case 1:
		return sc.unqualified(names[0])
	case 2:
		f := sc.qualified("", names[0], names[1])
		if f.col == nil && f.at == nil {
			// column.field of a composite column, or a row in functional notation.
			return sc.unqualified(names[0])
		}
		return f
	case 3:
		return sc.qualified(names[0], names[1], names[2])
	default:
		return sc.qualified(names[1], names[2], names[3])
	}
}

// sealedRef types a reference to a sealed column; where the query groups by
// it, one of the group's sealed values stands for all.
func (b *binder) sealedRef(n *pg.Node, f found) typ {
	if !f.col.prot.Ready {
		b.notReady(f.col.prot)
		return typ{}
	}
	t := typ{prot: f.col.prot, col: f.col}
	if f.at != nil && f.at.aggregating == 0 {
		if key := f.at.groupedBy(f.col); key != nil {
			n.Node = key.value(n, f.col.prot).Node
			b.changed = true
			t.col = &column{name: f.col.name, prot: f.col.prot}
		}
	}
	return t
}

// starSource returns the item that t.* names, nil for a bare star.
func (b *binder) starSource(names []string, sc *scope) *source {
	switch len(names) {
	case 1:
		return sc.source("", names[0])
	case 2:
		return sc.source(names[0], names[1])
	case 3:
		return sc.source(names[1], names[2])
	}
	return nil
}

// fieldNames returns the names of a column reference and whether a star ends it.
func fieldNames(ref *pg.ColumnRef) (names []string, star bool) {
	for _, f := range ref.Fields {
		if f.GetAStar() != nil {
			return names, true
		}
		names = append(names, f.GetString_().GetSval())
	}
	return names, false
}

func (b *binder) nullTest(n *pg.Node, sc *scope) {
	if row := n.GetRowExpr(); row != nil { // it asks for each part
		for _, arg := range row.Args {
			b.nullTest(arg, sc)
		}
		return
	}
	t := b.infer(n, sc)
	switch {
	case t.box != nil:
		b.testable(t.box)
	case t.prot != nil:
		b.mayFilter(t.prot)
	case t.open && t.later == nil && !t.array:
		b.asksForNull(n)
	case t.open:
		b.settle(n, t, Use{})
	}
}

// funcCall types a function call. Some functions put values together; of the
// others, only count looks at nothing but whether a value is null, or equal to
// another.
func (b *binder) funcCall(n *pg.Node, f *pg.FuncCall, sc *scope) typ {
	name := lastName(f.Funcname)
	if reason, ok := b.env.Snapshot.TaintedFunction(name); ok {
		b.tainted("function", name, reason)
		return typ{}
	}
	if runsStrings(name) {
		b.tainted("function", name, "It runs SQL, or reads a table, that it is given as a string, and pgveil cannot see what that reaches.")
		return typ{}
	}
	if m := makerOf(f); m != nil {
		return b.make(m, &invocation{n: n, f: f, sc: sc})
	}
	if f.Over == nil && isAggregate(f, name) {
		defer sc.aggregate()()
	}
	for i, arg := range f.Args {
		before := b.fromClient
		if row := arg.GetRowExpr(); row != nil && name == "count" && len(f.Args) == 1 {
			b.countRow(f, row, sc)
			continue
		}
		b.argument(f, name, arg, sc)
		if systemFunction(f) && steers(name, i) {
			b.fromClient = before
		}
	}
	for _, s := range f.AggOrder {
		b.ordered(s.GetSortBy().GetNode(), sc, "ORDER BY of an aggregate")
	}
	b.aside(func() { b.condition(f.AggFilter, sc, "a FILTER clause") })
	if f.Over != nil {
		b.window(f.Over, sc)
	}
	return typ{}
}

func (b *binder) argument(f *pg.FuncCall, name string, arg *pg.Node, sc *scope) {
	t := b.infer(arg, sc)
	switch {
	case t.box != nil && name == "count" && systemFunction(f) && len(f.Args) == 1 && !f.AggDistinct:
		b.testable(t.box)
	case t.box != nil:
		b.noBox(t.box, "function "+name)
	case t.prot != nil:
		b.countArgument(f, name, arg, t)
	case t.open && f.Funcformat == pg.CoercionForm_COERCE_SQL_SYNTAX && arg.GetAConst() != nil:
		// EXTRACT(epoch FROM x) and its like: the literal is syntax, and stays.
		b.isSyntax(arg)
	case t.open:
		b.computing(func() { b.settle(arg, t, Use{}) })
	}
}

// systemFunction says that a call names one of PostgreSQL's own functions, as
// far as its name tells.
func systemFunction(f *pg.FuncCall) bool {
	return len(f.Funcname) == 1 || f.Funcname[0].GetString_().GetSval() == "pg_catalog"
}

func (b *binder) countArgument(f *pg.FuncCall, name string, arg *pg.Node, t typ) {
	switch {
	case !systemFunction(f):
	case name == "pg_typeof":
		b.typeOf(arg, t)
		return
	case t.prot.Logical.Name == "bool" && (name == "bool_and" || name == "bool_or" || name == "every"):
		b.truth(arg, t)
		return
	}
	if systemFunction(f) && (name == "min" || name == "max") {
		b.needsOrder("function "+name, t.prot)
		return
	}
	if name != "count" || !systemFunction(f) || len(f.Args) != 1 || f.Over != nil && f.AggDistinct {
		b.unsupported("function "+name, t.prot)
		return
	}
	b.mayFilter(t.prot)
	if f.AggDistinct {
		b.toTerm(arg, t)
	}
}

func (b *binder) window(w *pg.WindowDef, sc *scope) {
	for _, n := range w.PartitionClause {
		t := b.expr(n, sc)
		if t.prot != nil {
			b.toTerm(n, t)
		}
		b.settlePlain(n, t)
	}
	for _, s := range w.OrderClause {
		b.ordered(s.GetSortBy().GetNode(), sc, "ORDER BY of a window")
	}
	b.plain(w.StartOffset, sc, "a window frame")
	b.plain(w.EndOffset, sc, "a window frame")
}

// children types everything beneath a node that has no rule of its own: it may
// hold any expressions, none of them sealed. A statement or a relation beneath
// it would be something that the binder does not understand, and is refused.
func (b *binder) children(n *pg.Node, sc *scope) {
	b.walk(n.ProtoReflect(), sc, true)
}

func (b *binder) walk(m protoreflect.Message, sc *scope, top bool) {
	if b.refusal != nil {
		return
	}
	if !top {
		switch v := m.Interface().(type) {
		case *pg.Node:
			b.walkNode(v, sc)
			return
		case *pg.SelectStmt, *pg.RangeVar, *pg.InsertStmt, *pg.UpdateStmt, *pg.DeleteStmt, *pg.MergeStmt:
			b.unsupported("this construct", nil)
			return
		case *pg.TypeName:
			b.noRowType(v)
			return
		}
	}
	m.Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		b.walkValue(v, sc)
		return b.refusal == nil
	})
}

func (b *binder) walkValue(v protoreflect.Value, sc *scope) {
	switch x := v.Interface().(type) {
	case protoreflect.Message:
		b.walk(x, sc, false)
	case protoreflect.List:
		for i := range x.Len() {
			b.walkValue(x.Get(i), sc)
		}
	}
}

// walkNode types a node found by walk. Literals stay where they are: here they
// may be syntax.
func (b *binder) walkNode(n *pg.Node, sc *scope) {
	switch n.Node.(type) {
	case *pg.Node_AConst:
		b.meets(n)
		b.isSyntax(n)
	case nil, *pg.Node_String_, *pg.Node_Integer, *pg.Node_Float, *pg.Node_Boolean, *pg.Node_AStar:
	case *pg.Node_TypeName:
		b.noRowType(n.GetTypeName())
	case *pg.Node_RangeVar, *pg.Node_RangeSubselect, *pg.Node_RangeFunction, *pg.Node_JoinExpr,
		*pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		b.unsupported("this construct", nil)
	default:
		t := b.expr(n, sc)
		switch {
		case t.prot != nil:
			b.unsupported("this expression", t.prot)
		case t.open:
			b.settle(n, t, Use{})
		}
	}
}

func lastName(names []*pg.Node) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1].GetString_().GetSval()
}
