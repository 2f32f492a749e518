// Package policy says what is protected, how it can be searched, and who may
// do what. It is pure: [Load] turns the text of a policy file into a [Policy],
// which then answers questions. It knows no database and no key.
//
// A [Policy] holds [Table]s of [Column]s. [Policy.RolesOf] turns what is known
// of a session into a [RoleSet]; [Policy.Access] says what a RoleSet may do
// with a column.
package policy

// Policy is one policy file, read and checked. It is immutable: any number of
// goroutines may use it.
type Policy struct {
	// Roles in the order of the file.
	Roles []Role
	// Default is the access that holds for every column without its own, by
	// role name; "*" is everyone else.
	Default map[string]Access
	// Tables in the order of the file.
	Tables []*Table
	// Limits bound what one statement may cost.
	Limits Limits
	// Version is a digest of the meaning of the file, for plan caches.
	Version string

	byName map[tableName]*Table
}

type tableName struct{ schema, name string }

// Role is a name for the sessions that one of its selectors matches.
type Role struct {
	Name string
	// Users are database users; MemberOf are database roles of which the
	// current user is a direct or indirect member.
	Users, MemberOf []string
	// Claims are paths into a verified token, with the value that must be there.
	Claims map[string]string
}

// Limits bound what one statement may cost.
type Limits struct {
	// Dictionary is the most distinct values that one statement may open to be answered.
	Dictionary int
}

// Table is a table with protected columns.
type Table struct {
	Schema, Name string
	// Columns in the order of the file.
	Columns []*Column

	byName map[string]*Column
}

// Column is a protected column: what the policy says of it.
type Column struct {
	Schema, Table, Name string
	// Type is the logical type as written, e.g. "numeric(12,2)"; empty where the database says it.
	Type string
	// Search lists what the column can be searched by.
	Search Search
	// Mask is what a role with read: mask sees, unless the role's own access names another.
	Mask Mask
	// Domain is the name that columns share which can be compared with and copied to one
	// another; by default schema.table.column.
	Domain string
	// Keyset names the keys; "default" unless written.
	Keyset string
	// Pad is the bucket, in bytes, to which plaintexts are padded; 0 for none.
	Pad int
	// NoDictionary forbids statements that reveal the order of values to the server.
	NoDictionary bool
	// Access by role name, over the policy's default.
	Access map[string]Access
}

// String returns schema.table.column.
func (c *Column) String() string { return c.Schema + "." + c.Table + "." + c.Name }

// Search is a set of ways to search a column.
type Search struct {
	Equality, Substring, Range, Order bool
	// OrderPrefix is the length of the coarse order code, 0 for the full one.
	OrderPrefix int
}

// Read is what reading a column gives. The zero value is Deny.
type Read uint8

// The ways to read, from the least to the most.
const (
	// Deny refuses the statement.
	Deny Read = iota
	// Null gives NULL.
	Null
	// Seal gives the stored string.
	Seal
	// Masked gives the value through the column's mask.
	Masked
	// Reveal gives the value.
	Reveal
)

// String returns the way as policies write it.
func (r Read) String() string { return [...]string{"deny", "null", "seal", "mask", "reveal"}[r] }

// Access is what a role may do with a column. The zero value may do nothing.
type Access struct {
	Read Read
	// Mask overrides the column's mask where its Kind is not MaskDefault.
	Mask Mask
	// Filter allows conditions on the column, Write allows storing into it.
	Filter, Write bool
}

// MaskKind is a way to hide a value.
type MaskKind uint8

// The masks. MaskDefault stands for the column's own, and for MaskAll where it has none.
const (
	MaskDefault MaskKind = iota
	// MaskAll hides every character.
	MaskAll
	// MaskKeepLast shows the last N characters.
	MaskKeepLast
	// MaskKeepFirst shows the first N characters.
	MaskKeepFirst
	// MaskInitials shows the first letter of each word.
	MaskInitials
	// MaskYear shows the first day of the year of a date or timestamp.
	MaskYear
	// MaskEmail shows the first letter and the host of an address.
	MaskEmail
	// MaskText shows Text instead.
	MaskText
)

// Mask is a MaskKind with its argument.
type Mask struct {
	Kind MaskKind
	N    int
	Text string
}

// Identity is what is known of a session when its roles are looked up.
type Identity struct {
	// User is the current user (after SET ROLE).
	User string
	// MemberOf are the roles that User is a direct or indirect member of, User itself not among them.
	MemberOf []string
	// Claims are the claims of a verified token, as decoded from JSON; nil without one.
	Claims map[string]any
}

// RoleSet is a set of the policy's roles. It is comparable, so it can be part of a cache key.
type RoleSet struct {
	// bits has bit i set for Policy.Roles[i]; a policy has at most 64 roles.
	bits uint64
}
