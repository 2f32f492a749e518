package rewrite

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Made is a relation over something protected that a statement makes or
// changes, and that the session must look at once the statement has completed:
// until its transaction commits nobody else can see it, and of a temporary
// table nobody but the session knows what its columns hold.
type Made struct {
	// Schema is empty for where a name without a schema is made.
	Schema, Name string
	Temporary    bool
	// Sealed are the columns of a temporary table in order: what they hold sealed
	// values of, nil for a plain one. It is nil for views, whose definitions tell.
	Sealed []*catalog.Protected
}

// createAs plans CREATE TABLE AS and CREATE MATERIALIZED VIEW.
func (b *binder) createAs(s *pg.CreateTableAsStmt) {
	if s.Query.GetExecuteStmt() != nil {
		return // of a statement without a plan, or PlanExecute would be asked
	}
	out := b.statement(s.Query, &scope{})
	if s.Objtype == pg.ObjectType_OBJECT_MATVIEW {
		b.materialize(s, out)
		return
	}
	b.noBoxes("a new table", out...)
	b.makes(s.Into, b.shownFor(out))
}

// selectInto plans SELECT INTO.
func (b *binder) selectInto(s *pg.SelectStmt, into *pg.IntoClause, sc *scope) {
	first := firstArm(s)
	first.IntoClause = nil
	out := b.query(s, sc, nil)
	firstArm(s).IntoClause = into // the arms may be in FROM by now
	b.noBoxes("a new table", out...)
	b.makes(into, b.shownFor(out))
}

// intoOf returns the INTO clause of a query, nil for none.
func intoOf(s *pg.SelectStmt) *pg.IntoClause { return firstArm(s).IntoClause }

// firstArm returns the arm of a set operation in which INTO stands.
func firstArm(s *pg.SelectStmt) *pg.SelectStmt {
	for s.Larg != nil {
		s = s.Larg
	}
	return s
}

// shownFor returns what the output columns of a query are sealed for, nil
// where all are plain.
func (b *binder) shownFor(out []*column) []*catalog.Protected {
	b.decideRest()
	columns := b.results(out)
	if columns == nil {
		return nil
	}
	return sealedIn(columns)
}

func sealedIn(columns []ResultColumn) []*catalog.Protected {
	sealed := make([]*catalog.Protected, len(columns))
	for i := range columns {
		sealed[i] = columns[i].Target
	}
	return sealed
}

// makes notes the table that a query is put into. Its columns stay what they
// are only in a temporary table: a permanent one must be in the policy.
func (b *binder) makes(into *pg.IntoClause, sealed []*catalog.Protected) {
	rv := into.GetRel()
	switch {
	case b.refusal != nil || sealed == nil:
		return
	case !b.env.Overlays:
		b.command("CREATE TABLE AS")
		return
	}
	if !temporary(rv) {
		b.permanentCopy("table "+rv.GetRelname(), firstOf(sealed), "Create the table first, give its column the same domain in the policy, "+
			"run pgveil apply, and fill it by INSERT … SELECT. A temporary table needs none of this.")
		return
	}
	b.made = &Made{Schema: rv.Schemaname, Name: rv.Relname, Temporary: true, Sealed: sealed}
}

// temporary says that the relation to be made is a temporary one.
func temporary(rv *pg.RangeVar) bool {
	return rv.GetRelpersistence() == "t" || catalog.IsTemporary(rv.GetSchemaname())
}

func firstOf(sealed []*catalog.Protected) *catalog.Protected {
	for _, p := range sealed {
		if p != nil {
			return p
		}
	}
	return nil
}

// permanentCopy refuses a copy of protected values that the policy does not declare.
func (b *binder) permanentCopy(what string, p *catalog.Protected, cure string) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.PermanentCopy,
		Message: fmt.Sprintf("cannot make %s with a copy of protected column %s", what, p.Column),
		Detail:  "The policy does not declare its columns, so the copy would stay behind without anybody's rules.",
		Hint:    cure,
	}, p))
}

// createTable plans CREATE TABLE with a list of columns that has a name in it
// which reaches something protected. The name of the table that is made is no
// reference; LIKE makes the columns of a temporary table what they are in the
// table that they are like.
func (b *binder) createTable(s *pg.CreateStmt) {
	if !temporary(s.Relation) {
		b.command("CREATE TABLE")
		return
	}
	for _, n := range s.InhRelations {
		b.noParent(n.GetRangeVar())
	}
	b.noRowType(s.OfTypename)
	var sealed []*catalog.Protected
	for _, n := range s.TableElts {
		switch e := n.GetNode().(type) {
		case *pg.Node_ColumnDef:
			b.columnDef(e.ColumnDef)
			sealed = append(sealed, nil)
		case *pg.Node_TableLikeClause:
			sealed = append(sealed, b.like(e.TableLikeClause)...)
		case *pg.Node_Constraint:
			b.constraint(e.Constraint)
		}
	}
	if firstOf(sealed) == nil {
		return
	}
	if len(s.InhRelations) > 0 {
		b.unsupported("LIKE beside INHERITS", firstOf(sealed))
	}
	b.made = &Made{Schema: s.Relation.Schemaname, Name: s.Relation.Relname, Temporary: true, Sealed: sealed}
}

// noParent refuses inheritance from, or a partition of, something protected.
func (b *binder) noParent(rv *pg.RangeVar) {
	rel := b.usable(b.lookup(rv), rv)
	if rel != nil && rel.Protects() {
		b.unsupported("inheritance", protectedColumn(rel))
	}
}

// like returns what the columns of LIKE are sealed for.
func (b *binder) like(l *pg.TableLikeClause) []*catalog.Protected {
	src := &source{}
	if b.readable(l.Relation, src) == nil {
		b.unsupportedIfReached("LIKE a relation that pgveil does not know")
		return nil
	}
	sealed := make([]*catalog.Protected, len(src.cols))
	for i, c := range src.cols {
		if sealed[i] = c.prot; c.prot != nil && !c.prot.Ready {
			b.notReady(c.prot)
		}
	}
	return sealed
}

func (b *binder) unsupportedIfReached(what string) {
	if b.reached {
		b.unsupported(what, nil)
	}
}

// columnDef checks that a new column is plain and that nothing in its
// definition reaches something protected.
func (b *binder) columnDef(c *pg.ColumnDef) {
	b.noRowType(c.TypeName)
	b.plain(c.RawDefault, newTable(), "a default")
	for _, n := range c.Constraints {
		b.constraint(n.GetConstraint())
	}
}

// constraint checks a constraint of a new table, whose expressions see columns
// that the snapshot does not know.
func (b *binder) constraint(c *pg.Constraint) {
	b.plain(c.GetRawExpr(), newTable(), "a constraint")
	b.plain(c.GetWhereClause(), newTable(), "a constraint")
	if rv := c.GetPktable(); rv != nil {
		b.usable(b.lookup(rv), rv) // the server allows only temporary tables, and keys of plain columns
	}
}

func newTable() *scope { return &scope{sources: []*source{{opaque: true}}} }
