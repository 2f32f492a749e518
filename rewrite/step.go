package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// A value that the server computes cannot be sealed there. Where such a one is
// written to a protected column, the statement is split: a step computes the
// values, pgveil seals them, and the statement proper writes them. The step
// holds everything that decides which rows there are and what is in them; what
// stays behind is literals, and what is done with the rows.
//
// What comes back from the server in clear was in clear there before. A literal
// or parameter was not: so a value may be computed in a step only where nothing
// of the client's is a part of it. The compiler counts what it meets of the
// client's (meets), and knows of each column whether it holds any (column.server).

// Step is a query that the session runs before a statement.
type Step struct {
	Text   []Piece
	Params []Param
	// Columns say what becomes of each column of the result: Verbatim is passed
	// on as a value of its type, Stored is sealed.
	Columns []Use
	// Limit is the most rows that it may give.
	Limit int
}

// Given is the place in a text of what a step gave.
type Given struct {
	// Step is the place of the step in Plan.Steps, from 1.
	Step int
	// Column is 0 for all of its rows, as a list of targets with a FROM clause
	// behind it that calls its columns as [GivenName] does. Else it is the
	// number of a column, from 1, whose value in the only row is meant.
	Column int
}

// stepBase is where the numbers of parameters begin that stand for what a step
// gave. It is above those of words.
const (
	stepBase  = 1 << 28
	stepWidth = 1 << 12
)

func givenNode(g Given) *pg.Node { return paramNode(stepBase + g.Step*stepWidth + g.Column) }

func givenBy(number int) Given {
	return Given{Step: (number - stepBase) / stepWidth, Column: (number - stepBase) % stepWidth}
}

// stepTree is a step before it is written out.
type stepTree struct {
	query   *pg.SelectStmt
	columns []Use
}

// stepping is the statement that may be split, an INSERT or UPDATE that stands
// in no other, and what was learned of it.
type stepping struct {
	insert *pg.InsertStmt
	update *pg.UpdateStmt
	target *source
	// beside are all items of its UPDATE, target among them.
	beside *scope
	needed bool
	// columns are those that an INSERT … SELECT fills, out those of its query.
	columns, out []*column
	// cells are the cells of VALUES that the step computes, with their parts.
	cells []computed
	// sets are the assignments of UPDATE that the step computes, by their target.
	sets map[*pg.ResTarget]Use
}

// computed is an expression whose value a step computes, and what becomes of it.
type computed struct {
	node *pg.Node
	use  Use
}

// mayStep notes that a statement may be split. One inside of another may not:
// it would run where the other has not begun.
func (b *binder) mayStep(n *pg.Node) {
	switch {
	case !b.env.Steps:
	case n.GetInsertStmt() != nil:
		b.step = &stepping{insert: n.GetInsertStmt()}
	case n.GetUpdateStmt() != nil:
		b.step = &stepping{update: n.GetUpdateStmt(), sets: map[*pg.ResTarget]Use{}}
	}
}

// split splits the statement, if it must be.
func (b *binder) split() {
	if b.refusal != nil || b.step == nil || !b.step.needed {
		return
	}
	b.changed = true
	switch s := b.step; {
	case s.update != nil:
		b.splitUpdate(s)
	case len(s.cells) > 0:
		b.splitValues(s)
	default:
		b.splitSelect(s)
	}
}

// addStep adds a step and returns its number.
func (b *binder) addStep(query *pg.SelectStmt, columns []Use) int {
	b.steps = append(b.steps, stepTree{query: query, columns: columns})
	return len(b.steps)
}

// maxStepRows is what the protocol can ask for at once, less one.
const maxStepRows = 1<<31 - 2

// writeSteps turns the steps into pieces of text. version is the grammar's.
func (b *binder) writeSteps(version int32) ([]Step, *pgerr.Error) {
	var steps []Step
	for _, t := range b.steps {
		step := Step{Columns: t.columns, Limit: min(b.env.Policy.Limits.Dictionary, maxStepRows)}
		var refusal *pgerr.Error
		tree := &pg.ParseResult{Version: version, Stmts: []*pg.RawStmt{{Stmt: queryNode(t.query)}}}
		if step.Text, step.Params, refusal = b.writeOut(tree); refusal != nil {
			return nil, refusal
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// queryNode returns a query as a node, as it is.
func queryNode(s *pg.SelectStmt) *pg.Node { return &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}} }

// meets counts a literal or parameter, or an expression over such ones, that is a
// part of a value.
func (b *binder) meets(n *pg.Node) {
	if !n.GetAConst().GetIsnull() {
		b.fromClient++
	}
}

// refers counts a reference to what may hold a value of the client's.
func (b *binder) refers(f found, sc *scope) {
	clean := true
	switch {
	case f.col != nil:
		clean = f.col.server
	case f.row != nil:
		clean = f.row.fromServer()
	default:
		for s := sc; s != nil; s = s.outer {
			for _, src := range s.sources {
				clean = clean && (!src.opaque || src.server)
			}
		}
	}
	if !clean {
		b.fromClient++
	}
}

// fromServer says of the whole row what column.server says of a column.
func (s *source) fromServer() bool {
	for _, c := range s.cols {
		if !c.server {
			return false
		}
	}
	return !s.opaque || s.server
}

// aside types what decides which value there is, and is no part of it.
func (b *binder) aside(f func()) {
	met := b.fromClient
	f()
	b.fromClient = met
}

// valueQuery types a subquery whose rows are values.
func (b *binder) valueQuery(query *pg.SelectStmt, sc *scope) (out []*column) {
	open := b.opaqueStar
	b.aside(func() { out = b.query(query, sc.child(), nil) })
	for _, c := range out {
		if !c.server {
			b.fromClient++
		}
	}
	if !open && b.opaqueStar {
		b.fromClient++
	}
	return out
}

// steers says that an argument of one of PostgreSQL's functions chooses what is
// computed and is itself no part of the result: a field, a length, a name.
func steers(function string, argument int) bool {
	switch function {
	case "nextval", "currval", "date_part", "date_trunc", "extract", "timezone", "current_setting":
		return argument == 0
	case "left", "right", "round", "trunc", "btrim", "ltrim", "rtrim", "encode", "decode", "convert_from", "convert_to", "repeat", "lpad", "rpad":
		return argument == 1
	case "substr", "substring", "split_part":
		return argument > 0
	}
	return false
}

// sequences counts the calls of functions whose answers depend on the order in
// which a statement's expressions are computed.
func sequences(nodes ...*pg.Node) int {
	return count(nodes, func(n *pg.Node) bool {
		switch lastName(n.GetFuncCall().GetFuncname()) {
		case "nextval", "currval", "lastval", "setval":
			return true
		}
		return false
	})
}

// subqueries counts the subqueries in expressions.
func subqueries(nodes ...*pg.Node) int {
	return count(nodes, func(n *pg.Node) bool { return n.GetSubLink() != nil })
}

// count counts the nodes of a kind in trees.
func count(nodes []*pg.Node, is func(*pg.Node) bool) int {
	found := 0
	for _, node := range nodes {
		if node == nil {
			continue
		}
		anyMessage(node.ProtoReflect(), func(m proto.Message) bool {
			if n, ok := m.(*pg.Node); ok && is(n) {
				found++
			}
			return false
		})
	}
	return found
}
