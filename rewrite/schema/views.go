package schema

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

func (r *reader) createView(rv *pg.RangeVar, kind byte, query *pg.Node, aliases []*pg.Node) {
	rel := &relation{Relation: r.named(rv, kind), query: query}
	for _, a := range aliases {
		rel.aliases = append(rel.aliases, a.GetString_().GetSval())
	}
	if old := r.at(rel.Schema, rel.Name); old != nil { // CREATE OR REPLACE; pg_dump does so where views need one another
		old.query, old.aliases, old.line = rel.query, rel.aliases, r.line
		return
	}
	r.add(rel)
}

// createAs reads CREATE MATERIALIZED VIEW and CREATE TABLE AS. A table has its
// own rows: it is no way to those of what it was made of.
func (r *reader) createAs(s *pg.CreateTableAsStmt) {
	kind := byte('r')
	if s.Objtype == pg.ObjectType_OBJECT_MATVIEW {
		kind = 'm'
	}
	r.createView(s.Into.GetRel(), kind, s.Query, s.Into.GetColNames())
}

// finishView finds out a view's columns and names everything in its query in
// full, as the server would.
func (r *reader) finishView(rel *relation) {
	r.qualify(rel.query)
	if sel := rel.query.GetSelectStmt(); sel != nil {
		for sel.Op != pg.SetOperation_SETOP_NONE {
			sel = sel.Larg
		}
		rel.Columns = r.outputs(sel)
	} else {
		r.note("the columns of %s are not known", rel.Name)
	}
	for i := range rel.Columns {
		if i < len(rel.aliases) {
			rel.Columns[i].Name = rel.aliases[i]
		}
	}
	if rel.Kind != 'r' {
		text, err := r.deparse(rel.query)
		if err != nil {
			r.note("the query of view %s cannot be written out", rel.Name)
		}
		rel.Definition = text
	}
	r.b.AddRelation(rel.Relation)
}

// outputs returns the output columns of a query. Their types are known where
// they are a relation's own.
func (r *reader) outputs(sel *pg.SelectStmt) []catalog.Column {
	sources := map[string]*relation{}
	var order []*relation
	for _, n := range sel.FromClause {
		order = r.sources(n, sources, order)
	}
	var columns []catalog.Column
	for _, n := range sel.TargetList {
		target := n.GetResTarget()
		fields := target.Val.GetColumnRef().GetFields()
		switch {
		case len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil:
			columns = append(columns, r.star(fields, sources, order)...)
		default:
			columns = append(columns, r.output(target, fields, sources, order))
		}
	}
	for _, row := range sel.ValuesLists[:min(1, len(sel.ValuesLists))] {
		for i := range row.GetList().GetItems() {
			columns = append(columns, r.unknown("column"+string(rune('1'+i))))
		}
	}
	return columns
}

// sources collects the relations of a FROM item by the names they have there.
func (r *reader) sources(n *pg.Node, known map[string]*relation, order []*relation) []*relation {
	switch e := n.GetNode().(type) {
	case *pg.Node_JoinExpr:
		return r.sources(e.JoinExpr.Rarg, known, r.sources(e.JoinExpr.Larg, known, order))
	case *pg.Node_RangeVar:
		rel := r.find(e.RangeVar)
		name := e.RangeVar.Relname
		if a := e.RangeVar.GetAlias(); a != nil {
			name = a.Aliasname
		}
		known[name] = rel
		return append(order, rel)
	}
	return append(order, nil)
}

// star returns what * or t.* stands for. pg_dump never writes one.
func (r *reader) star(fields []*pg.Node, sources map[string]*relation, order []*relation) []catalog.Column {
	from := order
	if len(fields) > 1 {
		from = []*relation{sources[fields[len(fields)-2].GetString_().GetSval()]}
	}
	var columns []catalog.Column
	for _, rel := range from {
		if rel == nil {
			r.note("a star over something whose columns are not known")
			continue
		}
		for _, c := range rel.Columns {
			columns = append(columns, catalog.Column{Name: c.Name, Type: c.Type})
		}
	}
	return columns
}

func (r *reader) output(target *pg.ResTarget, fields []*pg.Node, sources map[string]*relation, order []*relation) catalog.Column {
	name := target.Name
	if len(fields) > 0 {
		column := fields[len(fields)-1].GetString_().GetSval()
		from := order
		if len(fields) > 1 {
			from = []*relation{sources[fields[len(fields)-2].GetString_().GetSval()]}
		}
		for _, rel := range from {
			if rel == nil {
				continue
			}
			if c := columnOf(rel, column); c != nil {
				if name == "" {
					name = column
				}
				return catalog.Column{Name: name, Type: c.Type}
			}
		}
		if name == "" {
			name = column
		}
	}
	if name == "" {
		name = figureName(target.Val)
	}
	return r.unknown(name)
}

// unknown is a column whose type nobody wrote down.
func (r *reader) unknown(name string) catalog.Column {
	t, _ := r.b.Type(nil, "pg_catalog", "unknown", nil, false)
	return catalog.Column{Name: name, Type: t}
}

// figureName is the name that PostgreSQL gives an expression without one, in
// the cases that people leave to it.
func figureName(n *pg.Node) string {
	switch e := n.GetNode().(type) {
	case *pg.Node_FuncCall:
		names := e.FuncCall.Funcname
		return names[len(names)-1].GetString_().GetSval()
	case *pg.Node_TypeCast:
		if name := figureName(e.TypeCast.Arg); name != "?column?" {
			return name
		}
		names := e.TypeCast.TypeName.Names
		return names[len(names)-1].GetString_().GetSval()
	case *pg.Node_ColumnRef:
		fields := e.ColumnRef.Fields
		return fields[len(fields)-1].GetString_().GetSval()
	case *pg.Node_CoalesceExpr:
		return "coalesce"
	case *pg.Node_CaseExpr:
		return "case"
	}
	return "?column?"
}

// qualify writes the schema before each name of a relation, but for those that
// WITH gives.
func (r *reader) qualify(query *pg.Node) {
	with := map[string]bool{}
	walk(query.ProtoReflect(), func(m any) {
		if cte, ok := m.(*pg.CommonTableExpr); ok {
			with[cte.Ctename] = true
		}
	})
	walk(query.ProtoReflect(), func(m any) {
		rv, ok := m.(*pg.RangeVar)
		if !ok || rv.Schemaname != "" || with[rv.Relname] {
			return
		}
		if rel := r.find(rv); rel != nil {
			rv.Schemaname = rel.Schema
		}
	})
}

// uses tells the builder what a view or a rule uses.
func (r *reader) uses(rel *relation, nodes []*pg.Node) {
	var relations []*catalog.Relation
	functions := map[string]bool{}
	for _, n := range nodes {
		walk(n.ProtoReflect(), func(m any) {
			switch e := m.(type) {
			case *pg.RangeVar:
				if used := r.find(e); used != nil {
					relations = append(relations, used.Relation)
				}
			case *pg.FuncCall:
				_, name := r.nameOf(e.Funcname)
				functions[name] = true
			}
		})
	}
	if rel.Kind != 'r' || rel.query == nil {
		r.b.AddRule(rel.Relation, relations, functions)
	}
}

// walk calls f with every message of a tree.
func walk(m protoreflect.Message, f func(any)) {
	f(m.Interface())
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range v.List().Len() {
				walk(v.List().Get(i).Message(), f)
			}
		default:
			walk(v.Message(), f)
		}
		return true
	})
}
