package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval/tree"
)

// functions and operators are all routines by name. A name that is here has all
// the overloads that PostgreSQL has among the types that are known here, and of
// the others those that make a call with strings of unknown type ambiguous.
var (
	functions = index(textFunctions(), caseFunctions(), paddingFunctions(), numberFunctions(), timeFunctions())
	operators = index(comparisons(), textOperators(), numberOperators(), timeOperators())
)

func index(families ...[]*routine) map[string][]*routine {
	m := map[string][]*routine{}
	for _, family := range families {
		for _, r := range family {
			m[r.name] = append(m[r.name], r)
		}
	}
	return m
}

// A run is what a routine does with its operands.
type run = func(*Settings, []Value) (Value, error)

// fn makes a routine of its signature, "left(text, int4) text". Behind a type
// may stand ..., for the last argument of a variadic one. run is nil for what
// PostgreSQL has and this package refuses.
func fn(signature string, run run) *routine {
	name, rest, _ := strings.Cut(signature, "(")
	args, result, ok := strings.Cut(rest, ") ")
	r := &routine{name: name, result: kindNamed(result), run: run}
	if !ok {
		panic("internal error: the signature " + signature)
	}
	for arg := range strings.SplitSeq(args, ", ") {
		arg, r.variadic = strings.CutSuffix(arg, "...")
		r.args = append(r.args, kindNamed(arg))
	}
	return r
}

// lax makes a routine of its signature that takes NULLs.
func lax(signature string, run run) *routine {
	r := fn(signature, run)
	r.lax = true
	return r
}

func kindNamed(name string) canon.Kind {
	t, ok := infoByName[name]
	if !ok {
		panic(fmt.Sprintf("internal error: no type is named %q", name))
	}
	return t.kind
}

// Registry says what this package computes, and types it. It is what the
// compiler of statements asks. The zero Registry is ready for use.
type Registry struct{}

// Function reports whether calls of a function may be computed here.
func (Registry) Function(name string) bool { return known(functions[name]) }

// Operator reports whether an operator may be computed here.
func (Registry) Operator(name string) bool { return known(operators[name]) }

func known(list []*routine) bool {
	return slices.ContainsFunc(list, func(r *routine) bool { return r.run != nil })
}

// Check types an expression as the function Check does, and returns the type of its
// result and those of its leaves.
func (Registry) Check(e *tree.Expr, leaves []tree.Type) (result tree.Type, inferred []tree.Type, err error) {
	types := make([]canon.Type, len(leaves))
	for i, t := range leaves {
		var ok bool
		if types[i], ok = scalarType(t); !ok {
			return tree.Type{}, nil, unserved("an expression over type " + t.Name)
		}
		types[i].Mod = -1
	}
	t, types, err := Check(e, types)
	if err != nil {
		return tree.Type{}, nil, err
	}
	for _, t := range types {
		inferred = append(inferred, treeType(t))
	}
	return treeType(t), inferred, nil
}
