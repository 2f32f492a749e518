package schema

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// createTable reads CREATE TABLE in all its forms.
func (r *reader) createTable(s *pg.CreateStmt, kind byte) {
	rel := &relation{Relation: r.named(s.Relation, kind)}
	if s.Partspec != nil {
		rel.Kind = 'p'
	}
	for _, n := range s.InhRelations {
		if parent := r.find(n.GetRangeVar()); parent != nil {
			rel.parents = append(rel.parents, parent)
			rel.Columns = append(rel.Columns, parent.Columns...)
		}
	}
	if s.OfTypename != nil {
		r.note("the columns of a table of a type are not known")
	}
	for _, n := range s.TableElts {
		switch e := n.GetNode().(type) {
		case *pg.Node_ColumnDef:
			r.setColumn(rel, e.ColumnDef)
		case *pg.Node_TableLikeClause:
			if like := r.find(e.TableLikeClause.Relation); like != nil {
				rel.Columns = append(rel.Columns, liked(like.Columns, e.TableLikeClause.Options)...)
			}
		case *pg.Node_Constraint:
			primaryKey(rel, e.Constraint)
		}
	}
	r.add(rel)
}

// liked returns the columns that LIKE copies: without defaults and the like
// unless INCLUDING says so.
func liked(columns []catalog.Column, options uint32) []catalog.Column {
	const defaults, generated, identity = 1 << 3, 1 << 4, 1 << 5
	columns = slices.Clone(columns)
	for i := range columns {
		c := &columns[i]
		c.HasDefault = c.HasDefault && options&(defaults|identity) != 0
		c.Generated = c.Generated && options&generated != 0
	}
	return columns
}

// primaryKey marks the columns of PRIMARY KEY (a, b).
func primaryKey(rel *relation, c *pg.Constraint) {
	if c.Contype != pg.ConstrType_CONSTR_PRIMARY {
		return
	}
	for _, key := range c.Keys {
		if c := columnOf(rel, key.GetString_().GetSval()); c != nil {
			c.NotNull = true
		}
	}
}

func columnOf(rel *relation, name string) *catalog.Column {
	i := slices.IndexFunc(rel.Columns, func(c catalog.Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &rel.Columns[i]
}

// setColumn adds a column, or says more of one that was inherited.
func (r *reader) setColumn(rel *relation, def *pg.ColumnDef) {
	if def.TypeName == nil { // of a partition: the parent's column with more constraints
		if c := columnOf(rel, def.Colname); c != nil {
			constrain(c, def.Constraints)
		}
		return
	}
	c := catalog.Column{Name: def.Colname, NotNull: def.IsNotNull, HasDefault: def.RawDefault != nil}
	var serial bool
	c.Type, serial = r.typeOf(def.TypeName)
	c.NotNull, c.HasDefault = c.NotNull || serial, c.HasDefault || serial
	constrain(&c, def.Constraints)
	if before := columnOf(rel, def.Colname); before != nil {
		*before = c
		return
	}
	rel.Columns = append(rel.Columns, c)
}

func constrain(c *catalog.Column, constraints []*pg.Node) {
	for _, n := range constraints {
		switch n.GetConstraint().GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL, pg.ConstrType_CONSTR_PRIMARY:
			c.NotNull = true
		case pg.ConstrType_CONSTR_NULL:
			c.NotNull = false
		case pg.ConstrType_CONSTR_DEFAULT:
			c.HasDefault = true
		case pg.ConstrType_CONSTR_IDENTITY:
			c.HasDefault, c.NotNull = true, true
		case pg.ConstrType_CONSTR_GENERATED:
			c.Generated = true
		}
	}
}

// typeOf resolves a type. serial says that it is one of the kind that brings a
// sequence with it.
func (r *reader) typeOf(t *pg.TypeName) (typ catalog.Type, serial bool) {
	schema, name := r.nameOf(t.Names)
	switch name {
	case "serial", "serial4":
		name, serial = "int4", true
	case "bigserial", "serial8":
		name, serial = "int8", true
	case "smallserial", "serial2":
		name, serial = "int2", true
	}
	var args []int
	for _, n := range t.Typmods {
		args = append(args, int(n.GetAConst().GetIval().GetIval()))
	}
	fields := args
	if name == "interval" {
		args = nil
	}
	typ, err := r.b.Type(r.path, schema, name, args, len(t.ArrayBounds) > 0)
	if err != nil {
		r.note("%v", err)
	}
	if name == "interval" && len(fields) > 0 {
		typ.Mod = intervalModifier(fields)
	}
	return typ, serial
}

// intervalModifier packs what the grammar makes of INTERVAL DAY TO SECOND(2):
// the fields, and the precision if there is one.
func intervalModifier(args []int) int32 {
	const anyPrecision = 0xffff
	precision := anyPrecision
	if len(args) > 1 {
		precision = args[1]
	}
	return int32(args[0]&0x7fff<<16 | precision)
}

// alterTable reads the changes that concern columns, inheritance and partitions.
func (r *reader) alterTable(s *pg.AlterTableStmt) {
	rel := r.find(s.Relation)
	if rel == nil {
		return // an index, a view, or a table of another file
	}
	for _, n := range s.Cmds {
		cmd := n.GetAlterTableCmd()
		switch cmd.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn:
			if columnOf(rel, cmd.Def.GetColumnDef().GetColname()) == nil {
				r.setColumn(rel, cmd.Def.GetColumnDef())
			}
		case pg.AlterTableType_AT_DropColumn:
			rel.Columns = slices.DeleteFunc(rel.Columns, func(c catalog.Column) bool { return c.Name == cmd.Name })
		case pg.AlterTableType_AT_AddConstraint:
			primaryKey(rel, cmd.Def.GetConstraint())
		case pg.AlterTableType_AT_AddInherit:
			r.addParent(rel, cmd.Def.GetRangeVar())
		case pg.AlterTableType_AT_AttachPartition:
			if part := r.find(cmd.Def.GetPartitionCmd().GetName()); part != nil {
				part.parents = append(part.parents, rel)
			}
		default:
			r.alterColumn(rel, cmd)
		}
	}
}

func (r *reader) addParent(rel *relation, rv *pg.RangeVar) {
	if parent := r.find(rv); parent != nil {
		rel.parents = append(rel.parents, parent)
	}
}

func (r *reader) alterColumn(rel *relation, cmd *pg.AlterTableCmd) {
	c := columnOf(rel, cmd.GetName())
	if c == nil {
		return
	}
	switch cmd.Subtype {
	case pg.AlterTableType_AT_AlterColumnType:
		c.Type, _ = r.typeOf(cmd.Def.GetColumnDef().GetTypeName())
	case pg.AlterTableType_AT_SetNotNull:
		c.NotNull = true
	case pg.AlterTableType_AT_DropNotNull:
		c.NotNull = false
	case pg.AlterTableType_AT_ColumnDefault:
		c.HasDefault = cmd.Def != nil
	case pg.AlterTableType_AT_AddIdentity:
		c.HasDefault = true
	case pg.AlterTableType_AT_DropIdentity:
		c.HasDefault = false
	case pg.AlterTableType_AT_DropExpression:
		c.Generated = false
	}
}

// rename reads ALTER … RENAME of relations and columns.
func (r *reader) rename(s *pg.RenameStmt) {
	rel := r.find(s.Relation)
	if rel == nil {
		return
	}
	switch s.RenameType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
		rel.Name = s.Newname
	case pg.ObjectType_OBJECT_COLUMN:
		if c := columnOf(rel, s.Subname); c != nil {
			c.Name = s.Newname
		}
	}
}

func (r *reader) setSchema(s *pg.AlterObjectSchemaStmt) {
	if rel := r.find(s.Relation); rel != nil {
		rel.Schema = s.Newschema
	}
}

// drop forgets relations.
func (r *reader) drop(s *pg.DropStmt) {
	switch s.RemoveType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
	default:
		return
	}
	for _, n := range s.Objects {
		schema, name := r.nameOf(n.GetList().GetItems())
		if gone := r.lookup(schema, name); gone != nil {
			r.relations = slices.DeleteFunc(r.relations, func(rel *relation) bool { return rel == gone })
		}
	}
}
