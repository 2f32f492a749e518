package eval

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval/tree"
	"github.com/pgveil/pgveil/internal/pgerr"
)

// Expressions of any types, most of which do not go together, are typed,
// refused and computed as the server does.
func TestExpressions(t *testing.T) {
	const count = 2500
	all := servers(t)
	same, errors, refused := 0, 0, 0
	for i := range count {
		s := all[i%len(all)]
		g := &generator{rng: rand.New(rand.NewPCG(3, uint64(i)))}
		e := g.expr(3)
		want := s.ask("SELECT "+write(e, g.texts), nil, nil)
		got := s.compute(t, e, g)
		switch {
		case got.state == pgerr.StateUnsupported:
			refused++
		case !got.equal(want):
			t.Errorf("seed %d: %s = %v, want %v", i, write(e, g.texts), got, want)
		case got.state != "":
			errors++
		default:
			same++
		}
	}
	t.Logf("%d the same values, %d the same errors, %d refused", same, errors, refused)
	if same < count/5 || refused > count/2 {
		t.Errorf("%d of %d were computed, %d refused", same, count, refused)
	}
}

func (s *server) compute(t *testing.T, e *tree.Expr, g *generator) answer {
	t.Helper()
	v, err := Evaluate(s.settings, e, g.values)
	return answerOf(t, v, err)
}

// A generator makes expressions over literals.
type generator struct {
	rng    *rand.Rand
	texts  []string
	values []Value
}

func (g *generator) expr(depth int) *tree.Expr {
	if depth == 0 || g.rng.IntN(5) == 0 {
		return g.leaf()
	}
	args := func(n int) []*tree.Expr {
		list := make([]*tree.Expr, n)
		for i := range list {
			list[i] = g.expr(depth - 1)
		}
		return list
	}
	switch g.rng.IntN(12) {
	case 0, 1, 2:
		name := pick(g.rng, functions)
		if counts(name) || name == "position" {
			name = "lower"
		}
		r := functions[name][g.rng.IntN(len(functions[name]))]
		return &tree.Expr{Kind: tree.Call, Name: name, Args: args(len(r.args))}
	case 3, 4, 5:
		name := pick(g.rng, operators)
		r := operators[name][g.rng.IntN(len(operators[name]))]
		return &tree.Expr{Kind: tree.Operator, Name: name, Args: args(len(r.args))}
	case 6, 7:
		return g.cast(g.expr(depth - 1))
	case 8:
		kinds := []tree.Kind{tree.Coalesce, tree.Greatest, tree.Least}
		return &tree.Expr{Kind: kinds[g.rng.IntN(3)], Args: args(1 + g.rng.IntN(3))}
	case 9:
		kinds := []tree.Kind{tree.NullIf, tree.Distinct, tree.NotDistinct}
		return &tree.Expr{Kind: kinds[g.rng.IntN(3)], Args: args(2)}
	case 10:
		kinds := []tree.Kind{tree.And, tree.Or, tree.Not, tree.IsNull, tree.IsNotNull}
		k := kinds[g.rng.IntN(len(kinds))]
		return &tree.Expr{Kind: k, Args: args(map[tree.Kind]int{tree.And: 2, tree.Or: 3}[k] + 1)[:map[tree.Kind]int{tree.And: 2, tree.Or: 3, tree.Not: 1, tree.IsNull: 1, tree.IsNotNull: 1}[k]]}
	}
	if g.rng.IntN(2) == 0 {
		return &tree.Expr{Kind: tree.Switch, Args: args(3 + g.rng.IntN(3))}
	}
	n := 2 + g.rng.IntN(3)
	list := args(n)
	for i := 0; i+1 < n; i += 2 {
		if g.rng.IntN(4) > 0 {
			list[i] = &tree.Expr{Kind: tree.Operator, Name: "=", Args: []*tree.Expr{g.leaf(), g.leaf()}}
		}
	}
	return &tree.Expr{Kind: tree.Case, Args: list}
}

func pick(rng *rand.Rand, all map[string][]*routine) string {
	names := slices.Sorted(maps.Keys(all))
	return names[rng.IntN(len(names))]
}

func (g *generator) cast(e *tree.Expr) *tree.Expr {
	k := someKinds[g.rng.IntN(len(someKinds))]
	t := treeType(typeOf(k))
	switch {
	case g.rng.IntN(2) == 0:
	case k == canon.Varchar, k == canon.Bpchar:
		t.Mod = 4 + int32(1+g.rng.IntN(5))
	case k == canon.Numeric:
		t.Mod = 4 + int32(6<<16|2)
	case k == canon.Timestamp, k == canon.Timestamptz, k == canon.Time:
		t.Mod = int32(g.rng.IntN(4))
	}
	return &tree.Expr{Kind: tree.Cast, Type: t, Args: []*tree.Expr{e}}
}

// leaf makes a literal: a string, a number, NULL or a keyword.
func (g *generator) leaf() *tree.Expr {
	add := func(text string, v Value) *tree.Expr {
		g.texts, g.values = append(g.texts, text), append(g.values, v)
		return &tree.Expr{Kind: tree.Leaf, Leaf: len(g.values) - 1}
	}
	switch g.rng.IntN(10) {
	case 0:
		return add("NULL", Value{Null: true})
	case 1:
		return add("true", boolValue(true))
	case 2, 3, 4:
		text := generate(canon.Numeric, false, g.rng)
		if g.rng.IntN(2) == 0 {
			text = generate(canon.Int4, true, g.rng)
		}
		if text == "NaN" {
			text = "0.5"
		}
		name := tree.Numeric
		if !strings.ContainsAny(text, ".e") {
			name = tree.NumberType(text)
		}
		t := typeOf(infoByName[name].kind)
		data, err := canon.FromText(t, nil, []byte(text))
		if err != nil {
			panic(err)
		}
		return add(text, Value{Type: t, Data: data})
	}
	text := generate(someKinds[g.rng.IntN(len(someKinds))], false, g.rng)
	return add("'"+strings.ReplaceAll(text, "'", "''")+"'", Value{Data: []byte(text)})
}

// write writes an expression as SQL.
func write(e *tree.Expr, leaves []string) string {
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = write(a, leaves)
	}
	list := strings.Join(args, ", ")
	switch e.Kind {
	case tree.Leaf:
		return leaves[e.Leaf]
	case tree.Call:
		return quoted(e.Name) + "(" + list + ")"
	case tree.Operator:
		return "(" + strings.Join(append([]string{""}, args...)[len(args)-1:], " "+e.Name+" ") + ")"
	case tree.Cast:
		return "CAST(" + list + " AS " + typeName(e.Type) + ")"
	case tree.Coalesce:
		return "COALESCE(" + list + ")"
	case tree.NullIf:
		return "NULLIF(" + list + ")"
	case tree.Greatest:
		return "GREATEST(" + list + ")"
	case tree.Least:
		return "LEAST(" + list + ")"
	case tree.And:
		return "(" + strings.Join(args, " AND ") + ")"
	case tree.Or:
		return "(" + strings.Join(args, " OR ") + ")"
	case tree.Not:
		return "(NOT " + list + ")"
	case tree.IsNull:
		return "(" + list + " IS NULL)"
	case tree.IsNotNull:
		return "(" + list + " IS NOT NULL)"
	case tree.Distinct:
		return "(" + strings.Join(args, " IS DISTINCT FROM ") + ")"
	case tree.NotDistinct:
		return "(" + strings.Join(args, " IS NOT DISTINCT FROM ") + ")"
	}
	var out strings.Builder
	out.WriteString("CASE")
	if e.Kind == tree.Switch {
		out.WriteString(" " + args[0])
		args = args[1:]
	}
	for i := 0; i+1 < len(args); i += 2 {
		fmt.Fprintf(&out, " WHEN %s THEN %s", args[i], args[i+1])
	}
	if len(args)%2 == 1 {
		out.WriteString(" ELSE " + args[len(args)-1])
	}
	return out.String() + " END"
}

func typeName(t tree.Type) string {
	c, _ := scalarType(t)
	if c.Kind == canon.Bpchar && c.Mod < 0 {
		return "bpchar" // character alone is character(1)
	}
	return strings.Replace(c.String(), "timestamp with time zone(", "timestamptz(", 1)
}
