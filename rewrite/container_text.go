package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// The server cannot put sealed values together with other text: nobody could
// tell where one ends. It is asked for the parts instead, as a JSON array in a
// string, and for NULL where the text would be NULL.

// concatenates says that an operator is PostgreSQL's own ||.
func concatenates(e *pg.A_Expr) bool {
	own := len(e.Name) == 1 || e.Name[0].GetString_().GetSval() == "pg_catalog"
	return e.Kind == pg.A_Expr_Kind_AEXPR_OP && own && lastName(e.Name) == "||" && e.Lexpr != nil
}

// concatenation types l || r.
func (b *binder) concatenation(n *pg.Node, e *pg.A_Expr, sc *scope) typ {
	sides := [2]*pg.Node{e.Lexpr, e.Rexpr}
	var parts [2]*operand
	sealed := false
	for i, side := range sides {
		parts[i] = b.concatenated(side, sc)
		sealed = sealed || parts[i].held != nil
	}
	for i, side := range sides {
		b.settleBeside(side, parts[i].typ, sealed || parts[0].open && parts[1].open)
	}
	if !sealed || b.refusal != nil {
		return typ{}
	}
	if !b.makesText(parts[0], parts[1]) {
		return typ{}
	}
	box := &Container{Kind: Joined, Join: Strict}
	for i, side := range sides {
		box.Items = append(box.Items, parts[i].items()...)
		sides[i] = parts[i].strict(side)
	}
	joined := joinJSON(sides[0], sides[1])
	b.become(n, castTo("text", joined))
	return typ{box: box, parts: joined}
}

// operand is one side of ||.
type operand struct {
	typ
	held *Container
	// known is the type of a plain one, untyped says that it takes text.
	known   catalog.Type
	untyped bool
}

func (b *binder) concatenated(n *pg.Node, sc *scope) *operand {
	o := &operand{untyped: b.unknownType(n) || n.GetAConst().GetIsnull()}
	o.known, _ = b.scalarType(n, sc)
	o.typ = b.infer(n, sc)
	o.held = b.held(o.typ)
	return o
}

// makesText says that || between the two is the one that gives text, and refuses
// where it is another or may be: that of arrays, jsonb or bytea.
func (b *binder) makesText(l, r *operand) bool {
	text := false
	for _, o := range []*operand{l, r} {
		t := o.known
		switch {
		case o.untyped:
			text = true
			continue
		case o.held != nil && o.held.Kind == Sealed:
			t = o.held.Target.Logical
		case o.held != nil && (o.held.Kind == Joined || o.held.Kind == Text):
			text = true
			continue
		}
		if t.OID == 0 || t.Elem != 0 || t.Name == "jsonb" || t.Name == "bytea" {
			b.noBox(firstBox(l, r), "operator || with an operand that may be of a type with another ||")
			return false
		}
		text = text || textFamily(t.Name)
	}
	if !text {
		b.noBox(firstBox(l, r), "operator || without an operand of type text")
	}
	return text
}

func firstBox(l, r *operand) *Container {
	if l.held != nil {
		return l.held
	}
	return r.held
}

func textFamily(name string) bool { return textual(name) || name == "bpchar" || name == "citext" }

// items returns the parts that the operand adds.
func (o *operand) items() []Item {
	if o.parts != nil {
		return o.box.Items
	}
	return []Item{{Holds: o.held}}
}

// strict returns the operand as parts, NULL if it is NULL.
func (o *operand) strict(n *pg.Node) *pg.Node {
	if o.parts != nil {
		return o.parts
	}
	return call("to_jsonb", castTo("text", copied(n)))
}

// become makes a node another one.
func (b *binder) become(n, other *pg.Node) {
	n.Node = other.Node
	b.changed = true
}

// copied returns a node that stays what it is when n becomes another.
func copied(n *pg.Node) *pg.Node { return &pg.Node{Node: n.Node} }

func castTo(name string, n *pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{
		Arg:      n,
		TypeName: &pg.TypeName{Names: []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode(name)}, Typemod: -1},
		Location: -1,
	}}}
}

// joinJSON returns the jsonb array of the parts of both sides.
func joinJSON(l, r *pg.Node) *pg.Node {
	return pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP,
		[]*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("||")}, l, r, -1)
}

// concat is concat(…). A plain argument becomes what concat makes of it alone,
// whatever its type.
func concat(b *binder, c *invocation) typ {
	box := &Container{Kind: Joined, Join: Concat}
	args := make([]*pg.Node, len(c.args))
	for i, n := range c.f.Args {
		if c.held[i] != nil && !b.textForm(c.held[i]) {
			return typ{}
		}
		box.Items = append(box.Items, Item{Holds: c.held[i]})
		args[i] = copied(n)
		if c.held[i] == nil {
			args[i] = call("concat", copied(n))
		}
	}
	b.become(c.n, castTo("text", call("json_build_array", args...)))
	return typ{box: box}
}

// textForm says that a container's place holds a string which stands for text,
// so that it can be a part of one.
func (b *binder) textForm(held *Container) bool {
	if held.Kind == Sealed || held.Kind == Joined || held.Kind == Text {
		return true
	}
	b.noBox(held, "a text that is put together from a container")
	return false
}

// concatWS is concat_ws(separator, …), NULL where the separator is.
func concatWS(b *binder, c *invocation) typ {
	if c.held[0] != nil {
		return b.wrong(c, "the separator of concat_ws")
	}
	box := &Container{Kind: Joined, Join: Separated, Items: []Item{{}}}
	args := make([]*pg.Node, 0, len(c.args))
	for i, n := range c.f.Args[1:] {
		held, plain := c.held[i+1], c.plain[i+1]
		switch {
		case held != nil && !b.textForm(held):
			return typ{}
		case held == nil && !sameAsText(plain):
			return b.wrong(c, "concat_ws beside a value of a type that pgveil does not know as text")
		case held == nil:
			n = castTo("text", copied(n))
		}
		box.Items = append(box.Items, Item{Holds: held})
		args = append(args, copied(n))
	}
	separator := call("to_jsonb", castTo("text", copied(c.f.Args[0])))
	b.become(c.n, castTo("text", joinJSON(separator, call("jsonb_build_array", args...))))
	return typ{box: box}
}

// sameAsText says that a cast to text gives a type's output.
func sameAsText(t catalog.Type) bool {
	switch t.Name {
	case "text", "varchar", "citext", "name", "int2", "int4", "int8", "numeric", "float4", "float8",
		"date", "timestamp", "timestamptz", "time", "timetz", "interval", "uuid", "json", "jsonb":
		return true
	}
	return false
}

// stringAgg is string_agg(value, delimiter), which leaves NULLs out and is NULL
// without a value.
func stringAgg(b *binder, c *invocation) typ {
	switch held := c.held[0]; {
	case len(c.args) != 2, held == nil, c.held[1] != nil:
		return b.wrong(c, "the delimiter of string_agg")
	case held.Kind == Sealed && !textFamily(held.Target.Logical.Name):
		return b.wrong(c, "string_agg of a type other than text")
	case !b.textForm(held):
		return typ{}
	}
	value, delimiter := c.f.Args[0], castTo("text", copied(c.f.Args[1]))
	present := &pg.Node{Node: &pg.Node_NullTest{NullTest: &pg.NullTest{
		Arg: proto.Clone(value).(*pg.Node), Nulltesttype: pg.NullTestType_IS_NOT_NULL, Location: -1,
	}}}
	if filter := c.f.AggFilter; filter != nil {
		present = &pg.Node{Node: &pg.Node_BoolExpr{BoolExpr: &pg.BoolExpr{
			Boolop: pg.BoolExprType_AND_EXPR, Args: []*pg.Node{present, filter}, Location: -1,
		}}}
	}
	c.f.Funcname = []*pg.Node{pg.MakeStrNode("pg_catalog"), pg.MakeStrNode("json_agg")}
	c.f.Args, c.f.AggFilter = []*pg.Node{call("json_build_array", delimiter, value)}, present
	b.become(c.n, castTo("text", copied(c.n)))
	return typ{box: &Container{Kind: Joined, Join: Delimited, Elem: c.held[0]}}
}

// arrayToString is array_to_string(array, delimiter [, null]).
func arrayToString(b *binder, c *invocation) typ {
	array := c.held[0]
	switch {
	case len(c.args) < 2, len(c.args) > 3, array == nil, array.Kind != Array, c.held[1] != nil, len(c.args) == 3 && c.held[2] != nil:
		return b.wrong(c, "this call of array_to_string")
	case array.Elem != nil && !b.textForm(array.Elem):
		return typ{}
	}
	for _, item := range array.Items {
		if item.Holds != nil && !b.textForm(item.Holds) {
			return typ{}
		}
	}
	null := castTo("jsonb", pg.MakeAConstStrNode("null", -1))
	if len(c.args) == 3 {
		null = &pg.Node{Node: &pg.Node_CoalesceExpr{CoalesceExpr: &pg.CoalesceExpr{
			Args: []*pg.Node{call("to_jsonb", castTo("text", copied(c.f.Args[2]))), null}, Location: -1,
		}}}
	}
	delimiter := call("to_jsonb", castTo("text", copied(c.f.Args[1])))
	parts := joinJSON(joinJSON(delimiter, null), call("to_jsonb", copied(c.f.Args[0])))
	b.become(c.n, castTo("text", parts))
	return typ{box: &Container{Kind: Joined, Join: Elements, Elem: array}}
}
