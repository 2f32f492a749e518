package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// Prepared is what the SQL statement PREPARE makes, for the session to keep
// under its name until DEALLOCATE or DISCARD.
type Prepared struct {
	Name string
	// Params are those of the sent statement, ClientParams those of the client's.
	Params       []Param
	ClientParams []ClientParam
	// Count is how many parameters it has, -1 where that is not known.
	Count int
	// Columns describe its result, nil where rows are forwarded untouched.
	Columns []ResultColumn
}

// Cursor is what DECLARE makes, for the session to keep under its name until
// CLOSE, or until the transaction ends unless Hold is set.
type Cursor struct {
	Name    string
	Hold    bool
	Columns []ResultColumn
}

// prepare plans PREPARE. The parameters of the prepared statement are numbered
// anew, and sealed ones are text to the server.
func (b *binder) prepare(s *pg.PrepareStmt) {
	for i, n := range s.Argtypes {
		b.noRowType(n.GetTypeName())
		t, ok := b.typeNamed(n.GetTypeName())
		if !ok && len(n.GetTypeName().GetTypmods()) == 0 {
			b.unsupported("a parameter of this type", nil)
		}
		b.declared = append(b.declared[:i:i], t.OID)
	}
	n := max(len(b.declared), highestParam(s.Query))
	out := b.statement(s.Query, &scope{})
	b.decideRest()
	columns := b.results(out)
	if b.refusal != nil {
		return
	}
	for _, p := range b.params {
		if p.Constant != nil {
			// Its literals are in the text of PREPARE, which EXECUTE does not have.
			b.unsupported("an expression over a parameter of PREPARE", p.Use.Target)
			return
		}
	}
	b.prepared = &Prepared{Name: s.Name, Columns: columns, Count: n}
	if b.changed {
		s.Argtypes = b.sentTypes(s.Argtypes)
	}
}

// highestParam returns the number of the last parameter in a statement.
func highestParam(n *pg.Node) int {
	last := 0
	count([]*pg.Node{n}, func(n *pg.Node) bool {
		last = max(last, int(n.GetParamRef().GetNumber()))
		return false
	})
	return last
}

// sentTypes returns the parameter types of the statement that is sent.
func (b *binder) sentTypes(declared []*pg.Node) []*pg.Node {
	types := make([]*pg.Node, len(b.params))
	for i, p := range b.params {
		switch {
		case p.Use.Role == EqualityArray:
			types[i] = typeNode("_text")
		case p.Use.Role != Verbatim:
			types[i] = typeNode("text")
		case p.Client <= len(declared):
			types[i] = declared[p.Client-1]
		default:
			types[i] = typeNode("unknown")
		}
	}
	return types
}

func typeNode(name string) *pg.Node {
	return &pg.Node{Node: &pg.Node_TypeName{TypeName: &pg.TypeName{
		Names: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode(name)}, Typemod: -1,
	}}}
}

// declare plans DECLARE CURSOR.
func (b *binder) declare(s *pg.DeclareCursorStmt) {
	const hold = 0x0020 // CURSOR_OPT_HOLD
	out := b.statement(s.Query, &scope{})
	b.decideRest()
	columns := b.results(out)
	if b.refusal == nil && columns != nil {
		b.cursor = &Cursor{Name: s.Portalname, Hold: s.Options&hold != 0, Columns: columns}
	}
}

// PlanExecute plans EXECUTE of a statement that was prepared with a plan: the
// arguments take the parts that its parameters play. It is not cached, because
// what the name means is the session's.
func PlanExecute(env *Env, sql []byte, st *shape.Statement, of *Prepared) *Plan {
	// Of arguments too many, the server would only write the values into its log.
	if len(of.Params) == 0 && len(of.ClientParams) == 0 && st.First == "execute" && (of.Count < 0 || len(st.Slots) == 0) {
		return &Plan{Verdict: Forward, Columns: of.Columns}
	}
	b := newBinder(env, sql, st, nil)
	tree, refusal := b.parse()
	if refusal != nil {
		return &Plan{Refusal: refusal}
	}
	s, into := executed(tree.Stmts[0].Stmt)
	if s == nil || s.Name != of.Name {
		return &Plan{Refusal: internalRefusal("this is not EXECUTE of that statement")}
	}
	columns := of.Columns
	if st.First != "execute" {
		columns = nil // EXPLAIN and CREATE TABLE AS have a result of their own
	}
	if into != nil {
		b.makes(into, b.sealedOf(of))
	}
	if of.Count >= 0 && len(s.Params) != of.Count {
		b.wrongArguments(of.Name)
		return &Plan{Refusal: b.refusal}
	}
	plan := &Plan{Verdict: Forward, Columns: columns}
	if len(of.Params) > 0 || len(of.ClientParams) > 0 {
		b.arguments(s, of)
		plan = b.assemble(tree, columns)
	}
	if b.refusal != nil {
		return &Plan{Refusal: b.refusal}
	}
	plan.Made = b.made
	return plan
}

// executed returns the EXECUTE that a statement is or has inside, and what its
// rows are put into, nil for none.
func executed(n *pg.Node) (s *pg.ExecuteStmt, into *pg.IntoClause) {
	if e := n.GetExplainStmt(); e != nil {
		n = e.Query
	}
	if c := n.GetCreateTableAsStmt(); c != nil {
		n, into = c.Query, c.Into
	}
	return n.GetExecuteStmt(), into
}

// Executed returns the name of the prepared statement that EXPLAIN EXECUTE or
// CREATE TABLE AS EXECUTE runs. ok is false for a statement that is none.
func Executed(sql []byte, st *shape.Statement) (name string, ok bool) {
	tree, err := pg.Parse(string(sql[st.Start:st.End]))
	if err != nil || len(tree.Stmts) != 1 {
		return "", false
	}
	s, _ := executed(tree.Stmts[0].Stmt)
	return s.GetName(), s != nil
}

// sealedOf returns what the columns of a prepared statement are sealed for.
func (b *binder) sealedOf(of *Prepared) []*catalog.Protected {
	for _, c := range of.Columns {
		if c.Container != nil {
			b.noBox(c.Container, "a new table")
		}
	}
	if of.Columns == nil {
		return nil
	}
	return sealedIn(of.Columns)
}

// arguments replaces the client's arguments by those of the sent statement.
func (b *binder) arguments(s *pg.ExecuteStmt, of *Prepared) {
	sent := make([]*pg.Node, len(of.Params))
	b.again = true
	for i, p := range of.Params {
		arg := proto.Clone(s.Params[p.Client-1]).(*pg.Node)
		t := b.expr(arg, &scope{})
		switch {
		case t.open && !t.array && t.later == nil:
			b.settle(arg, t, b.argumentUse(p.Use, of.ClientParams, p.Client))
		case p.Use.Role == Verbatim:
			b.settlePlain(arg, t)
		default:
			b.computedValue(p.Use.Target)
		}
		sent[i] = arg
	}
	s.Params = sent
	b.changed = true
}

// argumentUse says that an argument is cast to the parameter's type first.
func (b *binder) argumentUse(u Use, client []ClientParam, n int) Use {
	if u.Role == Verbatim || u.Cast.OID != 0 || n > len(client) {
		return u
	}
	if t, ok := b.env.Snapshot.Type(client[n-1].OID); ok && u.Target.Logical.OID != t.OID {
		u.Cast = t
	}
	return u
}

func (b *binder) wrongArguments(name string) {
	b.refuse(&pgerr.Error{
		State:   "42601",
		Code:    pgerr.AmbiguousParameter,
		Message: "wrong number of parameters for prepared statement \"" + name + "\"",
		Hint:    "Give as many arguments as the statement has parameters.",
	})
}
