package rewrite

import (
	"errors"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/eval/tree"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// An expression over literals and parameters only, such as lower('X') or
// COALESCE($1, ''), has a value that a protected column can take. The server
// would have to see its operands to compute it, so the caller does: the plan
// holds the expression, and the whole of it becomes one sealed value. Where
// nothing seals it, it stays as it is.

// Evaluator knows which expressions the caller computes as PostgreSQL would.
type Evaluator interface {
	// Function and Operator report whether a function or an operator of
	// PostgreSQL's own may be computed.
	Function(name string) bool
	Operator(name string) bool
	// Check types an expression over leaves of the given types, of which the zero
	// Type is unknown. It returns the types that PostgreSQL infers for the leaves.
	// Its errors are *pgerr.Error: PostgreSQL's own, or a refusal.
	Check(e *tree.Expr, leaves []tree.Type) (result tree.Type, inferred []tree.Type, err error)
}

// Constant is an expression that the caller computes.
type Constant struct {
	Expr   *tree.Expr
	Leaves []Leaf
	// Type is that of the result.
	Type catalog.Type
}

// Leaf is an operand of a Constant: a parameter, the literal of a slot, or else
// a word that belongs to the shape.
type Leaf struct {
	// Param is the number of the client's parameter, 0 for none.
	Param int
	// Slot is the index of a literal slot, -1 for none.
	Slot int
	// Word is "true", "false", or the name of a field that EXTRACT takes; Null
	// says that it is NULL.
	Word string
	Null bool
	// Negate says that a minus sign belongs to the literal of the slot.
	Negate bool
	// Type is the type in which it is taken; zero for a string literal, which
	// takes the type that it meets.
	Type catalog.Type
}

// constant is what the binder knows of such an expression.
type constant struct {
	expr   *tree.Expr
	leaves []Leaf
	// sc is where the expression stands.
	sc *scope
}

// scope returns where the expression stands; it names no column.
func (c *constant) scope() *scope {
	if c.sc == nil {
		return &scope{}
	}
	return c.sc
}

// constantAt returns what is known of an expression that the caller can
// compute, nil for any other. A literal or parameter alone is none, nor is what
// stands in a view, whose literals are none of the statement's.
func (b *binder) constantAt(n *pg.Node) *constant {
	if b.env.Evaluator == nil || n == nil || b.depth > 0 {
		return nil
	}
	if c, ok := b.constants[n]; ok {
		return c
	}
	l := lowering{b: b, c: &constant{}}
	var c *constant
	if compound(n) {
		if l.c.expr = l.expr(n); l.c.expr != nil {
			c = l.c
		}
	}
	b.constants[n] = c
	return c
}

// compound says that a node is more than a literal, a parameter or a plain cast
// of one.
func compound(n *pg.Node) bool {
	switch e := n.GetNode().(type) {
	case *pg.Node_AExpr, *pg.Node_BoolExpr, *pg.Node_NullTest, *pg.Node_FuncCall,
		*pg.Node_CoalesceExpr, *pg.Node_MinMaxExpr, *pg.Node_CaseExpr:
		return true
	case *pg.Node_TypeCast:
		return !isLiteral(e.TypeCast.Arg) || len(e.TypeCast.TypeName.GetTypmods()) > 0
	}
	return false
}

// typed returns the type of a constant expression as PostgreSQL has it, with
// the types of its leaves, or why it cannot be computed.
func (b *binder) typed(c *constant) (result catalog.Type, leaves []tree.Type, err error) {
	given := make([]tree.Type, len(c.leaves))
	for i, leaf := range c.leaves {
		given[i] = b.leafType(leaf)
	}
	t, leaves, err := b.env.Evaluator.Check(c.expr, given)
	if err != nil {
		return catalog.Type{}, nil, err
	}
	result, ok := b.env.Snapshot.Type(t.OID)
	if !ok {
		return result, nil, errors.New("a type that the catalog does not have")
	}
	return result, leaves, nil
}

// constantType returns the type of a constant expression, zero where it has none:
// then settling refuses.
func (b *binder) constantType(n *pg.Node) (t catalog.Type, ok bool) {
	c := b.constantAt(n)
	if c == nil {
		return t, false
	}
	t, _, err := b.typed(c)
	if err != nil {
		return catalog.Type{}, true
	}
	return t, true
}

// leafType returns the type that an operand has by itself.
func (b *binder) leafType(leaf Leaf) tree.Type {
	switch {
	case leaf.Param > 0:
		t, ok := b.env.Snapshot.Type(b.declaredType(leaf.Param))
		if !ok || t.Name == "unknown" {
			return tree.Type{}
		}
		return treeType(t)
	case leaf.Slot >= 0:
		t, _ := b.env.Snapshot.TypeByName(nil, "pg_catalog", b.literalClass(leaf))
		return treeType(t)
	case leaf.Word == "true", leaf.Word == "false":
		t, _ := b.env.Snapshot.TypeByName(nil, "pg_catalog", "bool")
		return treeType(t)
	}
	return tree.Type{}
}

func treeType(t catalog.Type) tree.Type {
	if t.OID == 0 {
		return tree.Type{}
	}
	return tree.Type{OID: t.OID, Mod: t.Mod, Name: t.Name, Elem: t.Elem, ElemName: t.ElemName}
}

// literalClass returns what decides the type of a literal: the name of a
// number's type, "" for a string.
func (b *binder) literalClass(leaf Leaf) string {
	return classOf(b.sql, &b.st.Slots[leaf.Slot], leaf.Negate)
}

func classOf(sql []byte, s *shape.Slot, negative bool) string {
	if s.Form != shape.Single || len(s.Literals) != 1 {
		return "list"
	}
	l := &s.Literals[0]
	switch l.Kind {
	case shape.Integer:
		digits := string(sql[l.Start:l.End])
		if negative {
			digits = "-" + strings.TrimLeft(digits, "-+")
		}
		return tree.NumberType(digits)
	case shape.Float:
		return tree.Numeric
	case shape.String:
		return ""
	}
	return "bits"
}

// settleConstant says what part a constant expression plays. One that is sealed
// is replaced as a whole.
func (b *binder) settleConstant(n *pg.Node, c *constant, u Use) {
	switch u.Role {
	case Verbatim:
		// The server computes it, so it is an expression like any other.
		b.constants[n] = nil
		b.settlePlain(n, b.expr(n, c.scope()))
		return
	case EqualityArray:
		b.sealedWithPlain(u.Target)
		return
	}
	made, ok := b.compute(c, &u)
	if !ok {
		return
	}
	b.changed, b.constants[n] = true, nil
	for _, leaf := range made.Leaves {
		if leaf.Param > 0 {
			n.Node = paramNode(b.paramNumber(Param{Constant: made, Use: u, OID: textOID})).Node
			b.settled[n.GetParamRef()] = true
			return
		}
	}
	b.places = append(b.places, place{slot: -1, uses: []Use{u}, constant: made})
	n.Node = paramNode(slotBase + len(b.places) - 1).Node
}

// compute makes the plan's Constant, takes the literals and learns the types of
// the parameters.
func (b *binder) compute(c *constant, u *Use) (*Constant, bool) {
	result, types, err := b.typed(c)
	if err != nil {
		b.cannotCompute(err, u.Target)
		return nil, false
	}
	made := &Constant{Expr: c.expr, Leaves: append([]Leaf(nil), c.leaves...), Type: result}
	if !b.castConstant(made, u) {
		return nil, false
	}
	for i := range made.Leaves {
		leaf := &made.Leaves[i]
		if leaf.Slot >= 0 {
			b.takeOperand(leaf)
			continue
		}
		if leaf.Param == 0 {
			continue
		}
		t, ok := b.env.Snapshot.Type(types[i].OID)
		if !ok {
			b.refuse(unknownParam(paramName(leaf.Param)))
			return nil, false
		}
		leaf.Type = t
		b.learnType(leaf.Param, t.OID, true)
	}
	return made, b.refusal == nil
}

// castConstant adds the cast that stands around a column which is made of a
// constant.
func (b *binder) castConstant(c *Constant, u *Use) bool {
	to := u.Cast
	u.Cast = catalog.Type{}
	switch {
	case to.OID == 0 || to == c.Type:
		return true
	case to.OID == textOID && !textual(c.Type.Name):
		b.computedValue(u.Target)
		return false
	}
	cast := treeType(to)
	cast.Mod = -1
	c.Expr, c.Type = &tree.Expr{Kind: tree.Cast, Type: cast, Args: []*tree.Expr{c.Expr}}, to
	return true
}

// takeOperand notes that a literal is a part of a constant, so that it is in no
// text that is sent. What decides its type is pinned.
func (b *binder) takeOperand(leaf *Leaf) {
	if _, taken := b.slots[leaf.Slot]; taken && !b.again {
		b.refuse(internalRefusal("a literal was settled twice"))
		return
	}
	b.slots[leaf.Slot] = operandPlace
	b.classes = append(b.classes, pin{slot: leaf.Slot, class: true, negative: leaf.Negate, text: b.literalClass(*leaf)})
}

// operandPlace stands in binder.slots for a literal that has no place of its own.
const operandPlace = -1

func (b *binder) cannotCompute(err error, p *catalog.Protected) {
	var refusal *pgerr.Error
	if !errors.As(err, &refusal) {
		b.refuse(internalRefusal("an expression was typed wrongly"))
		return
	}
	if p != nil && refusal.Column == "" {
		copied := *refusal
		refusal = at(&copied, p)
	}
	b.refuse(refusal)
}
