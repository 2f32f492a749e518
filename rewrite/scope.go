package rewrite

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// column is a column that an expression can refer to, or an output column of
// a query.
type column struct {
	name string
	// prot is nil for a plain column.
	prot *catalog.Protected
	// oid and num are the origin, where the column is one of a table.
	oid uint32
	num int16
	// later is set for a column of a derived table that is made of literals.
	later *later
	// box is set for a column whose values hold sealed ones: prot and later are nil then.
	box *Container
	// termed is set for an output column that is the term of a sealed one by now.
	termed bool
	// merged is set for a column that USING or NATURAL made of two.
	merged *merged
	// server says that the value of a plain column comes from the server alone:
	// no literal or parameter of the client is a part of it.
	server bool
	// from is the item of a target list that is a literal or parameter, as it
	// stands there.
	from *pg.ResTarget
}

// source is an item of a FROM clause under the name by which columns are qualified.
type source struct {
	alias string
	// schema is set for a table without an alias, which may be qualified with it.
	schema string
	cols   []*column
	// opaque says that there may be columns that are not listed: it is a
	// function, or a relation that the snapshot does not know.
	opaque bool
	// server says of the columns that are not listed what column.server says.
	server bool
	rel    *catalog.Relation
	// within says that it is a side of a join: its columns are found by their
	// bare names in the source of the join, which has no name of its own.
	within bool
}

func (s *source) find(name string) *column {
	for _, c := range s.cols {
		if c.name == name {
			return c
		}
	}
	return nil
}

// all returns every column of that name.
func (s *source) all(name string) []*column {
	var cols []*column
	for _, c := range s.cols {
		if c.name == name {
			cols = append(cols, c)
		}
	}
	return cols
}

func (s *source) sealed() bool {
	return slices.ContainsFunc(s.cols, func(c *column) bool { return c.protection() != nil })
}

// scope is what names mean at one level of a query.
type scope struct {
	outer   *scope
	sources []*source
	ctes    map[string]*source
	// grouped are the sealed columns and expressions that this level groups by.
	grouped []*groupKey
	// sorts says that this level has an ORDER BY of its own that hides the order
	// of the rows it reads, unordered that nobody sees the order of its rows.
	sorts, unordered bool
	// sortsOthers says that it has an ORDER BY of something that it does not select.
	sortsOthers bool
	// aggregating is above zero inside of aggregates of this level, where a
	// grouped column stands for itself.
	aggregating int
}

// child returns a scope one query level further in.
func (sc *scope) child() *scope { return &scope{outer: sc} }

// set returns a scope one query level further in, of whose rows nobody sees
// the order.
func (sc *scope) set() *scope { return &scope{outer: sc, unordered: true} }

// cte finds a common table expression by name, from the inside out.
func (sc *scope) cte(name string) *source {
	for s := sc; s != nil; s = s.outer {
		if c, ok := s.ctes[name]; ok {
			return c
		}
	}
	return nil
}

// source finds an item of a FROM clause by its name, from the inside out.
func (sc *scope) source(schema, name string) *source {
	for s := sc; s != nil; s = s.outer {
		for _, src := range s.sources {
			if src.alias == name && (schema == "" || src.schema == schema) {
				return src
			}
		}
	}
	return nil
}

// found is the answer to what a column reference means.
type found struct {
	// col is nil where the name is no known column.
	col *column
	// row is set where the name is that of a FROM item: a whole-row reference.
	row *source
	// at is the level where it was found.
	at *scope
	// unclear says that the name may mean a sealed column or something else.
	unclear bool
	// ambiguous says that it means several columns, which is an error.
	ambiguous bool
}

// unqualified resolves a bare name as PostgreSQL does: the innermost level that
// knows it as a column, then as a whole row.
func (sc *scope) unqualified(name string) found {
	opaque := false
	for s := sc; s != nil; s = s.outer {
		var hits []*column
		for _, src := range s.sources {
			if !src.within {
				hits = append(hits, src.all(name)...)
			}
		}
		if len(hits) > 0 {
			return s.choose(hits, opaque)
		}
		opaque = opaque || slices.ContainsFunc(s.sources, func(src *source) bool { return src.opaque })
	}
	return found{row: sc.source("", name)}
}

// choose picks among the columns of one level that have the name. Several are
// an error to PostgreSQL.
func (sc *scope) choose(hits []*column, opaqueInside bool) found {
	sealed := slices.IndexFunc(hits, func(c *column) bool { return c.prot != nil || c.later != nil || c.box != nil })
	switch {
	case sealed < 0 && len(hits) == 1:
		return found{col: hits[0], at: sc}
	case sealed < 0:
		server := !slices.ContainsFunc(hits, func(c *column) bool { return !c.server })
		return found{col: &column{name: hits[0].name, server: server}, at: sc}
	}
	return found{col: hits[sealed], at: sc, unclear: opaqueInside, ambiguous: len(hits) > 1}
}

// qualified resolves table.column or schema.table.column.
func (sc *scope) qualified(schema, table, name string) found {
	for s := sc; s != nil; s = s.outer {
		for _, src := range s.sources {
			if src.alias == table && (schema == "" || src.schema == schema) {
				return found{col: src.find(name), at: s}
			}
		}
	}
	return found{}
}

// closed says that all columns of all items in sight are known, so that a name
// that is not found does not exist.
func (sc *scope) closed() bool {
	for s := sc; s != nil; s = s.outer {
		if slices.ContainsFunc(s.sources, func(src *source) bool { return src.opaque }) {
			return false
		}
	}
	return true
}
