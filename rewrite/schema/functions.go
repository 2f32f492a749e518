package schema

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// function is one of the schema's, until all relations are known.
type function struct {
	name, body string
	// types are those that it takes and gives, of which some may be rows.
	types []*pg.TypeName
	calls []string
}

func (f *function) addTo(r *reader) {
	var rows []*catalog.Relation
	for _, t := range f.types {
		schema, name := r.nameOf(t.GetNames())
		if rel := r.lookup(schema, name); rel != nil {
			rows = append(rows, rel.Relation)
		}
	}
	r.b.AddFunction(f.name, f.body, rows, f.calls)
}

// createFunction keeps what a function runs.
func (r *reader) createFunction(s *pg.CreateFunctionStmt, n *pg.Node) {
	f := function{types: []*pg.TypeName{s.ReturnType}}
	_, f.name = r.nameOf(s.Funcname)
	for _, p := range s.Parameters {
		f.types = append(f.types, p.GetFunctionParameter().GetArgType())
	}
	language := ""
	var body []string
	for _, o := range s.Options {
		option := o.GetDefElem()
		switch option.GetDefname() {
		case "language":
			language = strings.ToLower(option.Arg.GetString_().GetSval())
		case "as":
			for _, part := range option.Arg.GetList().GetItems() {
				body = append(body, part.GetString_().GetSval())
			}
		}
	}
	if s.SqlBody != nil {
		// A body in SQL has no text of its own; the whole statement has its names.
		text, err := r.deparse(n)
		if err != nil {
			r.note("the body of function %s cannot be read", f.name)
		}
		body = append(body, strings.TrimPrefix(text, "CREATE ")) // it does not create anything when it runs
	}
	if language != "c" && language != "internal" {
		f.body = strings.Join(body, " ")
	}
	r.functions = append(r.functions, f)
}

// define reads CREATE AGGREGATE and CREATE TYPE of a base type.
func (r *reader) define(s *pg.DefineStmt) {
	switch s.Kind {
	case pg.ObjectType_OBJECT_TYPE:
		r.addType(s.Defnames)
	case pg.ObjectType_OBJECT_AGGREGATE:
		var f function
		_, f.name = r.nameOf(s.Defnames)
		for _, list := range s.Args { // the arguments, and how many are ordered
			for _, n := range list.GetList().GetItems() {
				f.types = append(f.types, n.GetFunctionParameter().GetArgType())
			}
		}
		for _, n := range s.Definition {
			option := n.GetDefElem()
			switch strings.ToLower(option.GetDefname()) {
			case "sfunc", "finalfunc", "combinefunc", "msfunc", "minvfunc", "mfinalfunc":
				_, name := r.nameOf(option.Arg.GetTypeName().GetNames())
				f.calls = append(f.calls, name)
			}
		}
		r.functions = append(r.functions, f)
	}
}
