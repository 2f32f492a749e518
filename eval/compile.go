package eval

import (
	"fmt"
	"slices"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval/tree"
)

// Evaluate computes an expression over values. Those of unknown type are string
// literals, which PostgreSQL reads as soon as it knows their type, whether they
// are used or not.
func Evaluate(s *Settings, e *tree.Expr, values []Value) (Value, error) {
	c := &compiler{leaves: make([]canon.Type, len(values)), settings: s, values: values}
	for i, v := range values {
		c.leaves[i] = v.Type
	}
	root, err := c.root(e)
	if err != nil {
		return Value{}, err
	}
	return root.run(s, values)
}

// Check types an expression over leaves of the given types. A leaf of unknown
// type, the zero Type, takes the type that PostgreSQL would infer; inferred
// tells which. The error is PostgreSQL's own where that would refuse the
// expression too, else a refusal with pgerr.StateUnsupported.
func Check(e *tree.Expr, leaves []canon.Type) (result canon.Type, inferred []canon.Type, err error) {
	c := &compiler{leaves: slices.Clone(leaves)}
	root, err := c.root(e)
	return root.typ, c.leaves, err
}

// A node computes a part of an expression.
type node struct {
	typ canon.Type
	// leaf is the number of a leaf of unknown type, -1 for any other node.
	leaf int
	run  func(*Settings, []Value) (Value, error)
}

// A compiler chooses the operators and functions of an expression.
type compiler struct {
	// leaves are the types of the leaves, with what has been inferred.
	leaves []canon.Type
	// settings and values are nil where an expression is only checked.
	settings *Settings
	values   []Value
}

func (c *compiler) root(e *tree.Expr) (node, error) {
	n, err := c.compile(e)
	if err != nil || n.leaf < 0 {
		return n, err
	}
	return c.convert(n, typeOf(canon.Text))
}

func (c *compiler) compile(e *tree.Expr) (node, error) {
	switch e.Kind {
	case tree.Leaf:
		return c.leaf(e.Leaf)
	case tree.Call:
		return c.call(e)
	case tree.Operator:
		return c.operator(e)
	case tree.Cast:
		return c.cast(e)
	case tree.Case, tree.Switch:
		return c.cases(e)
	case tree.Coalesce, tree.Greatest, tree.Least:
		return c.choice(e)
	case tree.NullIf, tree.Distinct, tree.NotDistinct:
		return c.equality(e)
	case tree.And, tree.Or, tree.Not:
		return c.logic(e)
	case tree.IsNull, tree.IsNotNull:
		return c.nullTest(e)
	}
	return node{}, unserved("this expression")
}

func (c *compiler) all(list []*tree.Expr) ([]node, error) {
	nodes := make([]node, len(list))
	for i, e := range list {
		var err error
		if nodes[i], err = c.compile(e); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

func kindsOf(nodes []node) []canon.Kind {
	kinds := make([]canon.Kind, len(nodes))
	for i, n := range nodes {
		kinds[i] = n.typ.Kind
	}
	return kinds
}

func (c *compiler) leaf(i int) (node, error) {
	if i < 0 || i >= len(c.leaves) {
		return node{}, fmt.Errorf("internal error: the expression has no value %d", i)
	}
	n := node{typ: c.leaves[i], leaf: -1}
	if n.typ.Kind == unknown {
		n.leaf = i
		n.run = func(_ *Settings, values []Value) (Value, error) { return values[i], nil }
		return n, nil
	}
	n.run = readLeaf(i, n.typ)
	return n, nil
}

// readLeaf reads a leaf in a type that was given or inferred.
func readLeaf(i int, t canon.Type) func(*Settings, []Value) (Value, error) {
	return func(s *Settings, values []Value) (Value, error) {
		v := values[i]
		if v.Null {
			return null(t), nil
		}
		if err := s.zoneKnown(t); err != nil {
			return Value{}, err
		}
		if v.Type.Kind != unknown {
			return v, nil
		}
		data, err := canon.FromText(t, s.Forms, v.Data)
		return Value{Type: t, Data: data}, err
	}
}

// convert converts an operand to the type that its operator takes.
func (c *compiler) convert(n node, to canon.Type) (node, error) {
	switch {
	case n.leaf >= 0:
		if was := c.leaves[n.leaf]; was.Kind != unknown && was != to {
			return node{}, wrongTypes(stateParam, "inconsistent types deduced for a parameter: %s versus %s", was, to)
		}
		c.leaves[n.leaf] = to
		read := readLeaf(n.leaf, to)
		if c.values != nil {
			if _, err := read(c.settings, c.values); err != nil {
				return node{}, err
			}
		}
		return node{typ: to, leaf: -1, run: read}, nil
	case n.typ.Kind == to.Kind:
		return n, nil
	}
	return converted(n, to), nil
}

// converted casts what a node gives.
func converted(n node, to canon.Type) node {
	from, run := n.typ, n.run
	return node{typ: to, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
		v, err := run(s, values)
		switch {
		case err != nil:
			return v, err
		case v.Null:
			return null(to), nil
		}
		if err := s.zonesKnown(from, to); err != nil {
			return Value{}, err
		}
		data, err := Cast(from, to, s.Forms, v.Data)
		return Value{Type: to, Data: data}, err
	}}
}

func (c *compiler) convertAll(nodes []node, kinds []canon.Kind) error {
	for i, k := range kinds {
		to := nodes[i].typ
		switch k {
		case anyValue, anyNonArray:
			if to.Kind == unknown {
				to = typeOf(canon.Text)
			}
		default:
			to = typeOf(k)
		}
		var err error
		if nodes[i], err = c.convert(nodes[i], to); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) call(e *tree.Expr) (node, error) {
	args, err := c.all(e.Args)
	if err != nil {
		return node{}, err
	}
	given := kindsOf(args)
	chosen, several := choose(functions[e.Name], given)
	switch {
	case several:
		return node{}, ambiguousFunction(e.Name, given)
	case chosen == nil:
		return node{}, noFunction(e.Name, given)
	}
	return c.apply(chosen, args, "function "+e.Name)
}

func (c *compiler) operator(e *tree.Expr) (node, error) {
	args, err := c.all(e.Args)
	if err != nil {
		return node{}, err
	}
	return c.operate(e.Name, args)
}

func (c *compiler) operate(name string, args []node) (node, error) {
	given := kindsOf(args)
	chosen, several := chooseOperator(operators[name], given)
	switch {
	case several:
		return node{}, ambiguousOperator(name, given)
	case chosen == nil:
		return node{}, noOperator(name, given)
	}
	return c.apply(chosen, args, "operator "+name)
}

// apply calls a routine with operands converted to what it takes.
func (c *compiler) apply(chosen *candidate, args []node, what string) (node, error) {
	if chosen.run == nil {
		return node{}, unserved(what + " of " + namesOf(chosen.kinds))
	}
	if err := c.convertAll(args, chosen.kinds); err != nil {
		return node{}, err
	}
	typ, lax, call := typeOf(chosen.result), chosen.lax, chosen.run
	return node{typ: typ, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
		operands := make([]Value, len(args))
		anyNull := false
		for i, a := range args {
			var err error
			if operands[i], err = a.run(s, values); err != nil {
				return Value{}, err
			}
			anyNull = anyNull || operands[i].Null
		}
		if anyNull && !lax {
			return null(typ), nil
		}
		if err := s.zonesKnown(typ); err != nil {
			return Value{}, err
		}
		return call(s, operands)
	}}, nil
}

func (c *compiler) cast(e *tree.Expr) (node, error) {
	to, ok := scalarType(e.Type)
	if !ok || to.Kind == unknown {
		return node{}, unserved("a cast to type " + e.Type.Name)
	}
	n, err := c.compile(e.Args[0])
	if err != nil {
		return node{}, err
	}
	if n.leaf >= 0 {
		read := to.WithoutMod()
		if to.Kind == canon.Interval {
			read = to // '1' DAY: the fields tell what the number counts
		}
		if n, err = c.convert(n, read); err != nil || to.Mod < 0 {
			return n, err
		}
	}
	switch from := n.typ; {
	case !castable(from.Kind, to.Kind):
		return node{}, wrongTypes(stateCast, "cannot cast type %s to %s", from, to.WithoutMod())
	case from.Kind == to.Kind && to.Mod < 0:
		return n, nil
	case from.Kind == canon.JSONB && category(to.Kind) != 'S' && to.Kind != canon.JSON && to.Kind != canon.JSONB:
		return node{}, unserved("a cast from jsonb to " + to.String())
	}
	return converted(n, to), nil
}

// zonesKnown refuses what depends on a time zone that has no rules here.
func (s *Settings) zonesKnown(types ...canon.Type) error {
	for _, t := range types {
		if err := s.zoneKnown(t); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) zoneKnown(t canon.Type) error {
	if s.ZoneUnknown && (t.Kind == canon.Timestamptz || t.Kind == canon.Timetz) {
		return unserved("a time with a zone, while the session's time zone is one that pgveil does not know,")
	}
	return nil
}
