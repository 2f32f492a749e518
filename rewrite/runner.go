package rewrite

import (
	"iter"

	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// runsStrings says that a function of PostgreSQL, or of an extension that comes
// with it, runs SQL or reads tables that it is given as a string. What that
// reaches cannot be seen, and what it gives would be sealed.
func runsStrings(name string) bool {
	switch name {
	case "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "cursor_to_xmlschema",
		"table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xmlschema",
		"schema_to_xml_and_xmlschema", "database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema",
		"ts_stat", "dblink", "dblink_exec", "dblink_open", "dblink_send_query",
		"crosstab", "crosstabn", "crosstab2", "crosstab3", "crosstab4", "connectby", "xpath_table":
		return true
	}
	return false
}

// runnerMatcher raises Reaches for the functions that run strings too. It is
// used where there is something that they could reach.
type runnerMatcher struct{ *matcher }

func (m runnerMatcher) Match(ident []byte) (f shape.Flags) {
	f = m.matcher.Match(ident)
	if runsStrings(string(ident)) {
		f |= Reaches
	}
	return f
}

// protects says that a database has a protected relation.
func protects(relations iter.Seq[*catalog.Relation]) bool {
	for r := range relations {
		if r.Protects() {
			return true
		}
	}
	return false
}
