package eval

import (
	"bytes"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval/tree"
)

// common converts operands to the one type that PostgreSQL gives them. The
// first is the most significant.
func (c *compiler) common(nodes []node, what string) (canon.Type, error) {
	kind, err := commonType(kindsOf(nodes), what)
	if err != nil {
		return canon.Type{}, err
	}
	t := typeOf(kind)
	for i := range nodes {
		if nodes[i], err = c.convert(nodes[i], t); err != nil {
			return canon.Type{}, err
		}
	}
	return t, nil
}

// condition compiles an expression that is taken as a truth value.
func (c *compiler) condition(e *tree.Expr, what string) (node, error) {
	n, err := c.compile(e)
	if err != nil {
		return n, err
	}
	if n.typ.Kind != unknown && n.typ.Kind != canon.Bool {
		return node{}, wrongTypes(stateMismatch, "argument of %s must be type boolean, not type %s", what, n.typ)
	}
	return c.convert(n, typeOf(canon.Bool))
}

// cases compiles CASE. What is not reached is not computed.
func (c *compiler) cases(e *tree.Expr) (node, error) {
	args := e.Args
	var subject node
	if e.Kind == tree.Switch {
		var err error
		if subject, err = c.compile(args[0]); err != nil {
			return node{}, err
		}
		if subject.typ.Kind == unknown {
			if subject, err = c.convert(subject, typeOf(canon.Text)); err != nil {
				return node{}, err
			}
		}
		args = args[1:]
	}
	var conditions, results []node
	for i := 0; i+1 < len(args); i += 2 {
		when, err := c.when(e.Kind, subject, args[i])
		if err != nil {
			return node{}, err
		}
		then, err := c.compile(args[i+1])
		if err != nil {
			return node{}, err
		}
		conditions, results = append(conditions, when), append(results, then)
	}
	otherwise := node{leaf: -1}
	if len(args)%2 == 1 {
		var err error
		if otherwise, err = c.compile(args[len(args)-1]); err != nil {
			return node{}, err
		}
	}
	return c.caseOf(conditions, results, otherwise)
}

func (c *compiler) when(kind tree.Kind, subject node, e *tree.Expr) (node, error) {
	if kind == tree.Case {
		return c.condition(e, "CASE/WHEN")
	}
	n, err := c.compile(e)
	if err != nil {
		return n, err
	}
	return c.operate("=", []node{subject, n})
}

// caseOf puts CASE together. ELSE is the most significant for the type.
func (c *compiler) caseOf(conditions, results []node, otherwise node) (node, error) {
	all := append([]node{otherwise}, results...)
	if otherwise.run == nil { // ELSE NULL
		all[0].run = func(*Settings, []Value) (Value, error) { return Value{Null: true}, nil }
	}
	t, err := c.common(all, "CASE")
	if err != nil {
		return node{}, err
	}
	return node{typ: t, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
		for i, when := range conditions {
			v, err := when.run(s, values)
			switch {
			case err != nil:
				return Value{}, err
			case v.isTrue():
				return all[i+1].run(s, values)
			}
		}
		return all[0].run(s, values)
	}}, nil
}

// choice compiles COALESCE, GREATEST and LEAST.
func (c *compiler) choice(e *tree.Expr) (node, error) {
	what := map[tree.Kind]string{tree.Coalesce: "COALESCE", tree.Greatest: "GREATEST", tree.Least: "LEAST"}[e.Kind]
	args, err := c.all(e.Args)
	if err != nil {
		return node{}, err
	}
	t, err := c.common(args, what)
	if err != nil {
		return node{}, err
	}
	if e.Kind == tree.Coalesce {
		return node{typ: t, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
			for _, a := range args {
				if v, err := a.run(s, values); err != nil || !v.Null {
					return v, err
				}
			}
			return null(t), nil
		}}, nil
	}
	if orderOf(t.Kind) == nil {
		return node{}, unserved(what + " of type " + t.String())
	}
	sign := 1
	if e.Kind == tree.Least {
		sign = -1
	}
	return node{typ: t, leaf: -1, run: func(s *Settings, values []Value) (Value, error) { return extreme(s, t, args, values, sign) }}, nil
}

// extreme returns the greatest operand, or with sign -1 the least. NULLs do not count.
func extreme(s *Settings, t canon.Type, args []node, values []Value, sign int) (Value, error) {
	found := null(t)
	for _, a := range args {
		v, err := a.run(s, values)
		if err != nil {
			return v, err
		}
		switch {
		case v.Null:
		case found.Null:
			found = v
		default:
			order, err := orderOf(t.Kind)(s, v.Data, found.Data)
			if err != nil {
				return Value{}, err
			}
			if order*sign > 0 {
				found = v
			}
		}
	}
	return found, nil
}

// equality compiles NULLIF and IS [NOT] DISTINCT FROM, which compare as = does.
func (c *compiler) equality(e *tree.Expr) (node, error) {
	args, err := c.all(e.Args)
	if err != nil {
		return node{}, err
	}
	equal, err := c.operate("=", args) // converts args
	if err != nil {
		return node{}, err
	}
	first := args[0]
	if e.Kind == tree.NullIf {
		return node{typ: first.typ, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
			same, err := equal.run(s, values)
			if err != nil || same.isTrue() {
				return null(first.typ), err
			}
			return first.run(s, values)
		}}, nil
	}
	wantDistinct := e.Kind == tree.Distinct
	return node{typ: typeOf(canon.Bool), leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
		l, err := args[0].run(s, values)
		if err != nil {
			return l, err
		}
		r, err := args[1].run(s, values)
		if err != nil {
			return r, err
		}
		if l.Null || r.Null {
			return boolValue((l.Null != r.Null) == wantDistinct), nil
		}
		same, err := equal.run(s, values)
		return boolValue(same.isTrue() != wantDistinct), err
	}}, nil
}

// logic compiles AND, OR and NOT, of three values.
func (c *compiler) logic(e *tree.Expr) (node, error) {
	what := map[tree.Kind]string{tree.And: "AND", tree.Or: "OR", tree.Not: "NOT"}[e.Kind]
	args := make([]node, len(e.Args))
	for i, a := range e.Args {
		var err error
		if args[i], err = c.condition(a, what); err != nil {
			return node{}, err
		}
	}
	t := typeOf(canon.Bool)
	if e.Kind == tree.Not {
		return node{typ: t, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
			v, err := args[0].run(s, values)
			if err != nil || v.Null {
				return v, err
			}
			return boolValue(!v.isTrue()), nil
		}}, nil
	}
	decides := boolValue(e.Kind == tree.Or).Data
	return node{typ: t, leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
		out := boolValue(e.Kind == tree.And)
		for _, a := range args {
			v, err := a.run(s, values)
			switch {
			case err != nil:
				return v, err
			case v.Null:
				out = null(t)
			case bytes.Equal(v.Data, decides):
				return v, nil
			}
		}
		return out, nil
	}}, nil
}

func (c *compiler) nullTest(e *tree.Expr) (node, error) {
	n, err := c.compile(e.Args[0])
	if err != nil {
		return n, err
	}
	// A parameter that is only tested for NULL has no type, to PostgreSQL either.
	want := e.Kind == tree.IsNull
	return node{typ: typeOf(canon.Bool), leaf: -1, run: func(s *Settings, values []Value) (Value, error) {
		v, err := n.run(s, values)
		return boolValue(v.Null == want), err
	}}, nil
}
