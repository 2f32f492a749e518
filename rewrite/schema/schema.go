// Package schema reads a database's definition from SQL, as pg_dump --schema-only
// writes it or as a person keeps it, into a [catalog.Snapshot]: what statements
// mean can be said before there is a server to ask.
//
// [Read] splits the text, parses each statement with PostgreSQL's own grammar
// and keeps what a name may mean: relations, their columns, views, inheritance,
// types and functions (tables.go, views.go, functions.go). What else a schema
// has (grants, triggers, indexes) changes no plan and is passed over.
package schema

import (
	"errors"
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"

	"github.com/pgveil/pgveil/internal/sqlscript"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// Note is something of a schema that could not be taken into account.
type Note struct {
	// Line is where its statement begins.
	Line int
	// What is wrong, in a few words. It holds no part of the text but names.
	What string
}

func (n Note) String() string { return fmt.Sprintf("line %d: %s", n.Line, n.What) }

// Read reads a schema and joins it with a policy, as after apply. The notes say
// what it could not take in; a relation of the policy among that shows in the
// snapshot's Problems too.
func Read(sql []byte, pol *policy.Policy) (*catalog.Snapshot, []Note) {
	r := &reader{b: catalog.NewBuilder(), path: []string{"public"}}
	for st := range sqlscript.Split(sql) {
		r.line = st.Line
		r.statement(st.Text)
	}
	r.finish()
	slices.SortStableFunc(r.notes, func(a, b Note) int { return a.Line - b.Line })
	return r.b.Snapshot(pol), r.notes
}

// reader collects the objects of a schema. Relations change until the end
// (ALTER TABLE), so the builder gets them then.
type reader struct {
	b     *catalog.Builder
	path  []string
	line  int
	notes []Note
	// version is that of the grammar, which writing out asks for.
	version int32

	relations []*relation
	functions []function
	rules     []rule
}

// relation is one that is being put together.
type relation struct {
	*catalog.Relation
	// parents are the relations whose rows it shares.
	parents []*relation
	// query is that of a view, until finish knows all names; line is its place.
	query   *pg.Node
	aliases []string
	line    int
}

// rule is a rule of a relation with what it runs.
type rule struct {
	relation *relation
	actions  []*pg.Node
}

func (r *reader) note(format string, args ...any) {
	r.notes = append(r.notes, Note{Line: r.line, What: fmt.Sprintf(format, args...)})
}

func (r *reader) statement(sql []byte) {
	if shape.TooDeep(sql) {
		r.note("the statement is too deep")
		return
	}
	tree, err := pg.Parse(string(sql))
	if err != nil {
		var parse *parser.Error
		if errors.As(err, &parse) {
			r.note("%s", parse.Message)
		} else {
			r.note("the statement cannot be read")
		}
		return
	}
	r.version = tree.Version
	for _, st := range tree.Stmts {
		r.take(st.Stmt)
	}
}

// deparse writes a statement out.
func (r *reader) deparse(n *pg.Node) (string, error) {
	return pg.Deparse(&pg.ParseResult{Version: r.version, Stmts: []*pg.RawStmt{{Stmt: n}}})
}

func (r *reader) take(n *pg.Node) {
	switch s := n.GetNode().(type) {
	case *pg.Node_CreateStmt:
		r.createTable(s.CreateStmt, 'r')
	case *pg.Node_CreateForeignTableStmt:
		r.createTable(s.CreateForeignTableStmt.BaseStmt, 'f')
	case *pg.Node_AlterTableStmt:
		r.alterTable(s.AlterTableStmt)
	case *pg.Node_RenameStmt:
		r.rename(s.RenameStmt)
	case *pg.Node_AlterObjectSchemaStmt:
		r.setSchema(s.AlterObjectSchemaStmt)
	case *pg.Node_CreateSeqStmt:
		r.add(&relation{Relation: r.named(s.CreateSeqStmt.Sequence, 'S')})
	case *pg.Node_ViewStmt:
		r.createView(s.ViewStmt.View, 'v', s.ViewStmt.Query, s.ViewStmt.Aliases)
	case *pg.Node_CreateTableAsStmt:
		r.createAs(s.CreateTableAsStmt)
	case *pg.Node_RuleStmt:
		if rel := r.find(s.RuleStmt.Relation); rel != nil {
			r.rules = append(r.rules, rule{relation: rel, actions: s.RuleStmt.Actions})
		}
	case *pg.Node_CreateFunctionStmt:
		r.createFunction(s.CreateFunctionStmt, n)
	case *pg.Node_DefineStmt:
		r.define(s.DefineStmt)
	case *pg.Node_CompositeTypeStmt:
		r.b.AddType(r.schemaOf(s.CompositeTypeStmt.Typevar.Schemaname), s.CompositeTypeStmt.Typevar.Relname)
	case *pg.Node_CreateEnumStmt:
		r.addType(s.CreateEnumStmt.TypeName)
	case *pg.Node_CreateRangeStmt:
		r.addType(s.CreateRangeStmt.TypeName)
	case *pg.Node_CreateDomainStmt:
		r.addType(s.CreateDomainStmt.Domainname)
	case *pg.Node_DropStmt:
		r.drop(s.DropStmt)
	case *pg.Node_VariableSetStmt:
		r.set(s.VariableSetStmt)
	}
}

// set follows SET search_path. pg_dump empties it with set_config, and names
// everything in full.
func (r *reader) set(s *pg.VariableSetStmt) {
	if s.Name != "search_path" || s.Kind != pg.VariableSetKind_VAR_SET_VALUE {
		return
	}
	var path []string
	for _, a := range s.Args {
		if name := a.GetAConst().GetSval().GetSval(); name != "" && name != "$user" && name != "pg_catalog" {
			path = append(path, name)
		}
	}
	if len(path) > 0 {
		r.path = path
	}
}

func (r *reader) schemaOf(written string) string {
	if written != "" {
		return written
	}
	return r.path[0]
}

// nameOf splits a qualified name.
func (r *reader) nameOf(names []*pg.Node) (schema, name string) {
	if len(names) == 0 {
		return "", ""
	}
	name = names[len(names)-1].GetString_().GetSval()
	if len(names) > 1 {
		schema = names[len(names)-2].GetString_().GetSval()
	}
	return schema, name
}

func (r *reader) addType(names []*pg.Node) {
	schema, name := r.nameOf(names)
	r.b.AddType(r.schemaOf(schema), name)
}

func (r *reader) named(rv *pg.RangeVar, kind byte) *catalog.Relation {
	return &catalog.Relation{Schema: r.schemaOf(rv.Schemaname), Name: rv.Relname, Kind: kind}
}

// add keeps a relation unless one of its name is there (IF NOT EXISTS).
func (r *reader) add(rel *relation) {
	rel.line = r.line
	if r.at(rel.Schema, rel.Name) == nil {
		r.relations = append(r.relations, rel)
	}
}

// find returns the relation that a name means, nil for none.
func (r *reader) find(rv *pg.RangeVar) *relation {
	if rv == nil {
		return nil
	}
	return r.lookup(rv.Schemaname, rv.Relname)
}

func (r *reader) lookup(schema, name string) *relation {
	if schema != "" {
		return r.at(schema, name)
	}
	for _, s := range r.path {
		if rel := r.at(s, name); rel != nil {
			return rel
		}
	}
	return nil
}

func (r *reader) at(schema, name string) *relation {
	for _, rel := range r.relations {
		if rel.Name == name && rel.Schema == schema {
			return rel
		}
	}
	return nil
}

// finish hands everything to the builder: relations first, because the others
// lead to them, and views in order, because one may show another.
func (r *reader) finish() {
	for _, rel := range r.relations {
		if rel.query == nil {
			r.b.AddRelation(rel.Relation)
		}
	}
	for _, rel := range r.relations {
		if rel.query != nil {
			r.line = rel.line
			r.finishView(rel)
		}
	}
	for _, rel := range r.relations {
		for _, parent := range rel.parents {
			r.b.AddInheritance(rel.Relation, parent.Relation)
		}
	}
	for _, f := range r.functions {
		f.addTo(r)
	}
	for _, rel := range r.relations {
		if rel.query != nil {
			r.uses(rel, []*pg.Node{rel.query})
		}
	}
	for _, rule := range r.rules {
		r.uses(rule.relation, rule.actions)
	}
}
