package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// A maker builds the container that a call of one of PostgreSQL's functions
// gives, of which at least one argument holds something sealed.
type maker func(b *binder, c *invocation) typ

// An invocation is such a call.
type invocation struct {
	// n is the call's place in the tree, f the call itself.
	n  *pg.Node
	f  *pg.FuncCall
	sc *scope
	// args are the arguments' types, held what they hold, and plain the types of
	// those that are plain, as far as they are known.
	args  []typ
	held  []*Container
	plain []catalog.Type
}

// A key of json_build_object stays in the text, where it pins the plan.
func literalKey(f *pg.FuncCall, i int) (key string, ok bool) {
	if name := lastName(f.Funcname); i%2 != 0 || name != "json_build_object" && name != "jsonb_build_object" {
		return "", false
	}
	text, ok := f.Args[i].GetAConst().GetVal().(*pg.A_Const_Sval)
	if !ok {
		return "", false
	}
	return text.Sval.GetSval(), true
}

// makerOf returns the rule for a function that builds containers, nil for any other.
func makerOf(f *pg.FuncCall) maker {
	if !systemFunction(f) {
		return nil
	}
	switch lastName(f.Funcname) {
	case "to_json":
		return toDocument(JSON)
	case "to_jsonb":
		return toDocument(JSONB)
	case "row_to_json":
		return rowToJSON(Record)
	case "array_to_json":
		return rowToJSON(Array)
	case "json_build_array":
		return buildArray(JSON)
	case "jsonb_build_array":
		return buildArray(JSONB)
	case "json_build_object":
		return buildObject(JSON)
	case "jsonb_build_object":
		return buildObject(JSONB)
	case "json_agg":
		return aggregateRows(JSON)
	case "jsonb_agg":
		return aggregateRows(JSONB)
	case "json_object_agg":
		return aggregateMap(JSON)
	case "jsonb_object_agg":
		return aggregateMap(JSONB)
	case "array_agg":
		return aggregateArray
	case "string_agg":
		return stringAgg
	case "concat":
		return concat
	case "concat_ws":
		return concatWS
	case "array_to_string":
		return arrayToString
	case "cardinality", "array_length", "array_ndims", "array_lower", "array_upper", "json_array_length", "jsonb_array_length":
		return measure
	}
	return nil
}

// make types a call of a function that builds containers. With plain arguments
// it is a call like any other.
func (b *binder) make(m maker, c *invocation) typ {
	if c.f.Over == nil && isAggregate(c.f, lastName(c.f.Funcname)) {
		defer c.sc.aggregate()()
	}
	var sealed *Container
	for _, arg := range c.f.Args {
		plain, _ := b.scalarType(arg, c.sc)
		t := b.infer(arg, c.sc)
		held := b.held(t)
		c.args, c.held, c.plain = append(c.args, t), append(c.held, held), append(c.plain, plain)
		if held != nil {
			sealed = held
		}
	}
	for i, arg := range c.f.Args {
		if _, key := literalKey(c.f, i); key && sealed != nil {
			b.isSyntax(arg)
			continue
		}
		b.settleBeside(arg, c.args[i], true)
	}
	for _, s := range c.f.AggOrder {
		b.plain(s.GetSortBy().GetNode(), c.sc, "ORDER BY of an aggregate")
	}
	b.aside(func() { b.condition(c.f.AggFilter, c.sc, "a FILTER clause") })
	if c.f.Over != nil {
		b.window(c.f.Over, c.sc)
	}
	switch {
	case sealed == nil || b.refusal != nil:
		return typ{}
	case c.f.AggDistinct:
		b.noBox(sealed, "an aggregate with DISTINCT, which sorts")
	case c.f.FuncVariadic, c.f.AggWithinGroup:
		b.noBox(sealed, "a call with VARIADIC or WITHIN GROUP")
	default:
		return m(b, c)
	}
	return typ{}
}

// wrong refuses a call that the rule does not cover.
func (b *binder) wrong(c *invocation, what string) typ {
	for _, held := range c.held {
		if held != nil {
			b.noBox(held, what)
		}
	}
	return typ{}
}

// document returns the container of a document made of one value.
func (b *binder) document(kind ContainerKind, c *Container) typ {
	if kind == JSONB && !c.keyed() {
		b.noBox(c, "a jsonb object whose keys are not known")
		return typ{}
	}
	return typ{box: &Container{Kind: kind, Elem: c}}
}

// keyed says that every part of every object in a document can be found by its
// key, as it must be in jsonb, which keeps no places.
func (c *Container) keyed() bool {
	if c == nil || c.Kind == Sealed {
		return true
	}
	for _, item := range c.Items {
		if c.Kind == Record && item.Expression || !item.Holds.keyed() {
			return false
		}
	}
	return c.Elem.keyed()
}

func toDocument(kind ContainerKind) maker {
	return func(b *binder, c *invocation) typ {
		if len(c.args) != 1 {
			return b.wrong(c, "this call")
		}
		return b.document(kind, c.held[0])
	}
}

// rowToJSON is row_to_json and array_to_json, which take nothing else. Their
// second argument adds line feeds, which are copied.
func rowToJSON(kind ContainerKind) maker {
	return func(b *binder, c *invocation) typ {
		if len(c.args) > 2 || c.held[0] == nil || c.held[0].Kind != kind || len(c.args) == 2 && c.held[1] != nil {
			return b.wrong(c, "this call of "+lastName(c.f.Funcname))
		}
		return b.document(JSON, c.held[0])
	}
}

func buildArray(kind ContainerKind) maker {
	return func(b *binder, c *invocation) typ {
		list := &Container{Kind: List}
		for _, held := range c.held {
			list.Items = append(list.Items, Item{Holds: held})
		}
		return b.document(kind, list)
	}
}

// buildObject is json_build_object. Keys that are literals stay in the text, so
// that the plan is for these keys.
func buildObject(kind ContainerKind) maker {
	return func(b *binder, c *invocation) typ {
		object := &Container{Kind: Record}
		for i := 1; i < len(c.held); i += 2 {
			if c.held[i-1] != nil {
				return b.wrong(c, "a key of a JSON object")
			}
			item := Item{Holds: c.held[i]}
			key, ok := literalKey(c.f, i-1)
			item.Name, item.Expression = key, !ok
			object.Items = append(object.Items, item)
		}
		return b.document(kind, object)
	}
}

// aggregateRows is json_agg.
func aggregateRows(kind ContainerKind) maker {
	return func(b *binder, c *invocation) typ {
		if len(c.args) != 1 {
			return b.wrong(c, "this call")
		}
		return b.document(kind, &Container{Kind: Rows, Elem: c.held[0]})
	}
}

// aggregateMap is json_object_agg. The keys of its pairs are data, and so must
// not be sealed.
func aggregateMap(kind ContainerKind) maker {
	return func(b *binder, c *invocation) typ {
		if len(c.args) != 2 || c.held[0] != nil {
			return b.wrong(c, "a key of a JSON object")
		}
		return b.document(kind, &Container{Kind: Map, Elem: c.held[1]})
	}
}

func aggregateArray(b *binder, c *invocation) typ {
	if len(c.args) != 1 {
		return b.wrong(c, "this call")
	}
	return typ{box: b.collected(c.held[0], func(catalog.Type) int32 { return -1 })}
}

// measure is the functions that say how long an array is.
func measure(b *binder, c *invocation) typ {
	if k := c.held[0]; k == nil || k.Kind != Array && k.Kind != JSON && k.Kind != JSONB {
		return b.wrong(c, "function "+lastName(c.f.Funcname))
	}
	return typ{}
}
