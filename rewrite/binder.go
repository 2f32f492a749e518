package rewrite

import (
	"errors"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// slotBase is added to a place's index to make the number of the parameter
// that stands for it in the tree until the text is cut into pieces. It is
// above every number that a client's parameter can have (65,535).
const slotBase = 1 << 20

// binder plans one statement: it resolves names, types expressions, and
// changes the tree in place. Its errors are sticky, see refuse.
type binder struct {
	env *Env
	sql []byte
	st  *shape.Statement
	// declared are the parameter types that the client declared.
	declared []uint32
	// textParams says that parameters are of type text where they are settled.
	textParams bool

	refusal *pgerr.Error
	// reached says that a protected relation was bound, changed that the text
	// must be another one.
	reached, changed bool
	// opaqueStar says that the query just planned has a star over an item whose
	// columns are not all known, so that it has more columns than are listed.
	opaqueStar bool

	// places are the literals that were moved into the template, slots the last
	// place of each slot. again allows a literal to have several, as an argument
	// that plays several parts has.
	places []place
	slots  map[int]int
	again  bool
	// syntax are the slots of literals that are words of the grammar, as in EXTRACT('year' FROM x).
	syntax map[int]bool
	// kindPins are the kinds of literals that the plan depends on.
	kindPins []kindPin
	// constants are the expressions that the caller can compute, nil for those
	// that it cannot; classes pin what decides the types of their literals.
	constants map[*pg.Node]*constant
	classes   []pin
	// manyIn is set while the parameters of an IN list with several items are
	// settled, which PostgreSQL types as the column, not as its operator.
	manyIn  bool
	words   []Use
	params  []Param
	settled map[*pg.ParamRef]bool
	client  []clientUse
	// late is set while a part is bound before its turn.
	late bool
	// nullTests are literals and parameters that IS NULL asks for.
	nullTests []nullTest
	// computes is set while what the server computes of literals is settled.
	computes bool
	// deciding is the column that a CASE is stored into, while its conditions are bound.
	deciding *catalog.Protected
	// pending are the expressions of literals whose part may not be decided yet.
	pending []*later
	// What the session is to remember of a statement that is no query.
	copy     *Copy
	cursor   *Cursor
	prepared *Prepared
	made     *Made
	// grammar is the version that the parser gives its trees.
	grammar int32
	// depth is how many views stand around this query. Inside of one, terms are the
	// nodes that were the terms of what they are now, until a rule asks for that.
	depth int
	terms map[*pg.Node]bool
	// spelledRefs are the references that the binder put in the place of a star.
	spelledRefs map[*pg.ColumnRef]found
	// decisive are slots whose literals the plan depends on although it moved them.
	decisive map[int]bool
	// fromClient counts what was met so far that may be the client's own value.
	fromClient int
	// step is what may be split off the statement, nil where nothing may; steps
	// is what was.
	step  *stepping
	steps []stepTree
}

// place is where a slot stands in the template, and what becomes of it there.
type place struct {
	slot int
	uses []Use
	// constant is what stands there instead of a slot, which is -1 then.
	constant *Constant
}

// clientUse is what was learned of a client's parameter.
type clientUse struct {
	// oid is the logical type where a protected column decides it.
	oid uint32
	// plain says that there is also a use that the server types.
	plain bool
	// computed says that the server would compute with it in clear.
	computed bool
	// late says that oid was learned behind, see there.
	late bool
}

func newBinder(env *Env, sql []byte, st *shape.Statement, declared []uint32) *binder {
	return &binder{env: env, sql: sql, st: st, declared: declared,
		slots: map[int]int{}, constants: map[*pg.Node]*constant{}, syntax: map[int]bool{}, settled: map[*pg.ParamRef]bool{}, spelledRefs: map[*pg.ColumnRef]found{}, decisive: map[int]bool{}}
}

// compile plans a statement afresh.
func compile(env *Env, sql []byte, st *shape.Statement, declared []uint32) *variant {
	b := newBinder(env, sql, st, declared)
	plan := b.compile()
	return &variant{plan: plan, pins: b.pins(), kinds: b.kindPins}
}

func (b *binder) compile() *Plan {
	tree, refusal := b.parse()
	if refusal != nil {
		return &Plan{Refusal: refusal}
	}
	b.mayStep(tree.Stmts[0].Stmt)
	out := b.statement(tree.Stmts[0].Stmt, &scope{})
	b.decideRest()
	b.allSeen(tree)
	b.split()
	if b.refusal == nil && b.reached && b.env.BackslashStrings {
		b.backslashStrings()
	}
	columns := b.results(out)
	if b.refusal != nil {
		return &Plan{Refusal: b.refusal}
	}
	plan := &Plan{Verdict: Forward, Columns: columns}
	if b.changed {
		plan = b.assemble(tree, columns)
	}
	plan.Copy, plan.Cursor, plan.Prepared, plan.Made = b.copy, b.cursor, b.prepared, b.made
	if b.prepared != nil {
		// The parameters are those of the statement inside, not of PREPARE.
		b.prepared.Params, b.prepared.ClientParams = plan.Params, plan.ClientParams
		plan.Params, plan.ClientParams = nil, nil
	}
	return plan
}

// parse reads the statement.
func (b *binder) parse() (*pg.ParseResult, *pgerr.Error) {
	text := b.sql[b.st.Start:b.st.End]
	if shape.TooDeep(text) {
		return nil, tooDeep()
	}
	tree, err := pg.Parse(string(text))
	var parse *parser.Error
	switch {
	case errors.As(err, &parse):
		return nil, syntaxError(b.sql, b.st.Start, parse)
	case err != nil:
		return nil, tooDeep() // Go's side gives up on deep trees, and on nothing else
	case len(tree.Stmts) != 1:
		return nil, internalRefusal("statement was split wrongly")
	}
	b.grammar = tree.Version
	return tree, nil
}

// results turns the output columns of the statement into what the session
// must know, and checks that they may be read.
func (b *binder) results(out []*column) []ResultColumn {
	var any bool
	columns := make([]ResultColumn, len(out))
	for i, c := range out {
		columns[i] = ResultColumn{RelationOID: c.oid, Num: c.num}
		p := c.protection()
		if p == nil {
			continue
		}
		any = true
		if c.box != nil {
			b.readBox(c.box)
			columns[i].Container = c.box
			continue
		}
		if c.later != nil && c.later.hidden {
			b.unsupported("a literal that is cast where it is used, and shown without", p)
		}
		a := b.access(p)
		if a.Read == policy.Deny {
			b.mayNot("read", p)
		}
		columns[i].Target, columns[i].Access = p, a
	}
	if !any {
		return nil
	}
	return columns
}

// readBox checks that every sealed value in a container may be read.
func (b *binder) readBox(c *Container) {
	c.Leaves(func(leaf *Container) {
		if leaf.Access.Read == policy.Deny {
			b.mayNot("read", leaf.Target)
		}
	})
}

func (b *binder) access(p *catalog.Protected) policy.Access {
	return b.env.Policy.Access(p.Column, b.env.Roles)
}

// statement plans a statement at any level and returns its output columns.
func (b *binder) statement(n *pg.Node, sc *scope) []*column {
	switch s := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if into := intoOf(s.SelectStmt); into != nil {
			b.selectInto(s.SelectStmt, into, sc)
			return nil
		}
		return b.query(s.SelectStmt, sc, nil)
	case *pg.Node_InsertStmt:
		return b.insert(s.InsertStmt, sc)
	case *pg.Node_UpdateStmt:
		return b.update(s.UpdateStmt, sc)
	case *pg.Node_DeleteStmt:
		return b.delete(s.DeleteStmt, sc)
	case *pg.Node_MergeStmt:
		return b.mergeInto(s.MergeStmt, sc)
	default:
		b.utility(n)
		return nil
	}
}

// lookup finds a relation by name, nil for one that the snapshot does not know.
func (b *binder) lookup(rv *pg.RangeVar) *catalog.Relation {
	return b.env.Snapshot.Lookup(b.env.SearchPath, rv.Schemaname, rv.Relname)
}

// usable checks that a relation may be named, and notes that a protected one
// was. It returns what it was given.
func (b *binder) usable(rel *catalog.Relation, rv *pg.RangeVar) *catalog.Relation {
	switch {
	case rel == nil:
		b.awaited(rv)
	case rel.Tainted != "":
		b.tainted("relation", rel.Schema+"."+rel.Name, rel.Tainted)
	case rel.Protects():
		b.reached = true
	}
	return rel
}

// awaited refuses a relation that the policy protects and the snapshot does
// not know.
func (b *binder) awaited(rv *pg.RangeVar) {
	schemas := b.env.SearchPath
	if rv.Schemaname != "" {
		schemas = []string{rv.Schemaname}
	}
	for _, schema := range schemas {
		if b.env.Policy.Table(schema, rv.Relname) != nil {
			b.tainted("relation", rv.Relname, "The policy protects it, but the database does not have it yet, or pgveil has not seen it yet.")
		}
	}
}

// columnsOf returns the columns of a relation as a source has them.
func columnsOf(rel *catalog.Relation) []*column {
	cols := make([]*column, len(rel.Columns))
	for i := range rel.Columns {
		c := &rel.Columns[i]
		cols[i] = &column{name: c.Name, prot: c.Protected, oid: rel.OID, num: c.Num, server: true}
	}
	return cols
}

// target returns the source of a table that is written to.
func (b *binder) target(rv *pg.RangeVar) *source {
	rel := b.usable(b.lookup(rv), rv)
	src := &source{alias: rv.Relname, schema: rv.Schemaname, rel: rel}
	if rel == nil {
		src.opaque = true
		return src
	}
	src.cols, src.schema = columnsOf(rel), rel.Schema
	if rv.Alias != nil {
		src.alias, src.schema = rv.Alias.Aliasname, ""
	}
	return src
}
