// Package catalog says what a name in a statement means. A [Snapshot] holds
// the relations, columns, functions and role memberships of one database as
// they were at one moment, joined with what the policy protects and with what
// apply recorded. It is immutable; a newer one replaces it.
package catalog

import "github.com/pgveil/pgveil/policy"

// Type is a PostgreSQL type with its modifier.
type Type struct {
	OID uint32
	// Mod is atttypmod, -1 for none.
	Mod int32
	// Name is the name in pg_type: "int4", "varchar", "_text".
	Name string
	// Elem is the element type's OID for an array type (typelem where typcategory is A), else 0.
	Elem uint32
	// ElemName is the element type's name in pg_type, for an array type.
	ElemName string
	// Len is typlen: -1 for a varlena. It is what RowDescription says.
	Len int16
}

// Column is a column of a relation.
type Column struct {
	Name string
	// Num is attnum.
	Num int16
	// Type is what the server has. A protected column that is not stored in its own type is text here.
	Type    Type
	NotNull bool
	// HasDefault is also true for identity columns; Generated for stored generated ones.
	HasDefault, Generated bool
	// Draws says that the default may draw from a sequence: it is an identity
	// column's, or calls nextval or a function that is not PostgreSQL's own.
	Draws bool
	// Protected is nil for a plain column.
	Protected *Protected
}

// Protected is what is known of a protected column beside its policy.
type Protected struct {
	Column *policy.Column
	// Logical is the type that clients see.
	Logical Type
	// DomainID is the stable identifier of the domain that apply recorded.
	DomainID string
	// Ready is true once apply has sealed every row. Until then statements that
	// reach the column are refused.
	Ready bool
}

// Relation is a table, view, materialised view, sequence, foreign or partitioned table.
type Relation struct {
	OID          uint32
	Schema, Name string
	// Kind is pg_class.relkind.
	Kind byte
	// Columns without dropped ones, in order of Num. Every relation also has the
	// system columns tableoid, ctid, xmin, xmax, cmin, cmax, which are not listed.
	Columns []Column
	// RowSecurity says that row security policies are enabled.
	RowSecurity bool
	// Tainted says why statements may not use this relation at all although the
	// policy does not list it: it is a view over a protected relation, or its
	// partition, parent or child. Empty for others.
	Tainted string
	// Replaced are the unique constraints that apply replaced by unique indexes of
	// the same name, because they are over sealed columns: by name, as
	// pg_get_constraintdef gave them.
	Replaced map[string]string
	// Definition is the query of a tainted view or materialised view, with every
	// name qualified. A view is not a way around: its query is read, and where
	// it only shows sealed columns, the view's columns are sealed ones.
	Definition string
	// Diverted says, of a view with a Definition, why what is written to it goes
	// elsewhere than to the table that it shows: it has rules or INSTEAD OF
	// triggers of its own. Empty for others.
	Diverted string
	// Own says that only the session at hand sees the relation so, Temporary that
	// it is in its temporary schema.
	Own, Temporary bool

	byName map[string]int
}

// Protects reports whether any column is protected.
func (r *Relation) Protects() bool {
	for i := range r.Columns {
		if r.Columns[i].Protected != nil {
			return true
		}
	}
	return false
}

// Column returns the column of that name, or nil.
func (r *Relation) Column(name string) *Column {
	if i, ok := r.byName[name]; ok {
		return &r.Columns[i]
	}
	return nil
}
