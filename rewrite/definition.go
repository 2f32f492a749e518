package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// definition plans statements that make, change and drop relations, as far as
// there are rules for them: all over views and temporary tables, little over
// protected tables. It reports false for what it has no rule for.
func (b *binder) definition(n *pg.Node) bool {
	switch s := n.GetNode().(type) {
	case *pg.Node_CreateTableAsStmt:
		b.createAs(s.CreateTableAsStmt)
	case *pg.Node_CreateStmt:
		b.createTable(s.CreateStmt)
	case *pg.Node_ViewStmt:
		b.createView(s.ViewStmt)
	case *pg.Node_RefreshMatViewStmt:
	case *pg.Node_DropStmt:
		return b.drops(s.DropStmt)
	case *pg.Node_RenameStmt:
		return b.renames(s.RenameStmt)
	case *pg.Node_AlterObjectSchemaStmt:
		return b.moves(s.AlterObjectSchemaStmt)
	case *pg.Node_AlterTableStmt:
		return b.alters(s.AlterTableStmt)
	case *pg.Node_IndexStmt:
		return b.indexes(s.IndexStmt)
	case *pg.Node_CreatePolicyStmt:
		b.rowPolicy(s.CreatePolicyStmt.Table, s.CreatePolicyStmt.Qual, s.CreatePolicyStmt.WithCheck)
	case *pg.Node_AlterPolicyStmt:
		b.rowPolicy(s.AlterPolicyStmt.Table, s.AlterPolicyStmt.Qual, s.AlterPolicyStmt.WithCheck)
	default:
		return false
	}
	return true
}

// isView says that a relation is a view or materialized view.
func isView(rel *catalog.Relation) bool { return rel != nil && (rel.Kind == 'v' || rel.Kind == 'm') }

// lookupNames finds a relation by a list of names, as DROP has it.
func (b *binder) lookupNames(list []*pg.Node) *catalog.Relation {
	names := stringsOf(list)
	switch len(names) {
	case 1:
		return b.env.Snapshot.Lookup(b.env.SearchPath, "", names[0])
	case 2:
		return b.env.Snapshot.Lookup(b.env.SearchPath, names[0], names[1])
	case 3:
		return b.env.Snapshot.Lookup(b.env.SearchPath, names[1], names[2])
	}
	return nil
}

// free says that a relation may be redefined: it is no protected table of the
// database. What it is afterwards the catalog tells.
func free(rel *catalog.Relation) bool {
	return rel == nil || rel.Temporary || isView(rel) || !rel.Protects() && rel.Tainted == ""
}

// drops plans DROP. What goes does no harm, but for protected tables, whose
// policy would be left behind.
func (b *binder) drops(s *pg.DropStmt) bool {
	switch s.RemoveType {
	case pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE,
		pg.ObjectType_OBJECT_ROUTINE, pg.ObjectType_OBJECT_AGGREGATE, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE,
		pg.ObjectType_OBJECT_POLICY:
		return true
	case pg.ObjectType_OBJECT_TABLE:
		for _, n := range s.Objects {
			if !free(b.lookupNames(n.GetList().GetItems())) {
				return false
			}
		}
		return true
	}
	return false
}

// renames plans ALTER … RENAME.
func (b *binder) renames(s *pg.RenameStmt) bool {
	switch s.RenameType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_COLUMN:
	default:
		return false
	}
	rel := b.lookup(s.Relation)
	if rel == nil || !free(rel) {
		return false
	}
	name := rel.Name
	if s.RenameType != pg.ObjectType_OBJECT_COLUMN {
		name = s.Newname
	}
	b.changes(rel, rel.Schema, name)
	return true
}

// moves plans ALTER … SET SCHEMA.
func (b *binder) moves(s *pg.AlterObjectSchemaStmt) bool {
	rel := b.lookup(s.Relation)
	if s.Relation == nil || rel == nil || !free(rel) {
		return false
	}
	b.changes(rel, s.Newschema, rel.Name)
	return true
}

// changes notes that the session must look at a relation again.
func (b *binder) changes(rel *catalog.Relation, schema, name string) {
	if rel.Tainted != "" || rel.Protects() {
		b.made = &Made{Schema: schema, Name: name, Temporary: rel.Temporary}
	}
}

// alters plans ALTER TABLE and ALTER VIEW of views and temporary tables: what
// does not touch a sealed column, and sealed columns that go.
func (b *binder) alters(s *pg.AlterTableStmt) bool {
	rel := b.lookup(s.Relation)
	if rel == nil || !free(rel) || !rel.Temporary && !isView(rel) {
		return false
	}
	src := &source{}
	if isView(rel) {
		b.readable(s.Relation, src)
	} else {
		src.cols = columnsOf(rel)
	}
	for _, n := range s.Cmds {
		if !b.alter(n.GetAlterTableCmd(), src) {
			return false
		}
	}
	b.changes(rel, rel.Schema, rel.Name)
	return true
}

func (b *binder) alter(c *pg.AlterTableCmd, src *source) bool {
	col := src.find(c.GetName())
	sealed := col != nil && col.protection() != nil
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_SetNotNull, pg.AlterTableType_AT_DropNotNull,
		pg.AlterTableType_AT_ChangeOwner, pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions,
		pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions,
		pg.AlterTableType_AT_DropConstraint:
		return true
	case pg.AlterTableType_AT_AddColumn:
		b.columnDef(c.Def.GetColumnDef())
		return true
	case pg.AlterTableType_AT_ColumnDefault:
		if c.Def != nil {
			b.plain(c.Def, newTable(), "a default")
		}
		return c.Def == nil || !sealed
	}
	return false
}

// indexes plans CREATE INDEX on a temporary table: an index on a sealed column
// is one on its term.
func (b *binder) indexes(s *pg.IndexStmt) bool {
	rel := b.lookup(s.Relation)
	if rel == nil || !rel.Temporary || rel.Tainted != "" {
		return false
	}
	src := b.target(s.Relation)
	sc := &scope{sources: []*source{src}}
	for _, n := range s.IndexParams {
		b.conflictElem(n.GetIndexElem(), src, sc)
	}
	for _, n := range s.IndexIncludingParams {
		if c := src.find(n.GetIndexElem().GetName()); c != nil && c.prot != nil {
			b.unsupported("INCLUDE of an index", c.prot)
		}
	}
	b.plain(s.WhereClause, sc, "the condition of an index")
	return true
}
