package rewrite

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// noRowType refuses a type name that means the rows of a protected relation,
// or an array of them. A literal of such a type, or a row that is cast to it,
// holds values for protected columns in a form that no rule looks into:
// json_populate_record(NULL::people, …), '(1,Ann)'::people.
func (b *binder) noRowType(t *pg.TypeName) {
	if t == nil || len(t.Names) == 0 {
		return
	}
	schema := ""
	if len(t.Names) > 1 {
		schema = t.Names[len(t.Names)-2].GetString_().GetSval()
	}
	name := lastName(t.Names)
	for _, name := range []string{name, strings.TrimPrefix(name, "_")} {
		rel := b.env.Snapshot.Lookup(b.env.SearchPath, schema, name)
		if rel == nil {
			continue
		}
		if p := protectedColumn(rel); p != nil {
			b.reached = true
			b.unsupported("a value of its table's row type", p)
		} else if rel.Tainted != "" {
			b.tainted("the row type of relation", rel.Schema+"."+rel.Name, rel.Tainted)
		}
	}
}

// protectedColumn returns the first protected column of a relation, nil for none.
func protectedColumn(rel *catalog.Relation) *catalog.Protected {
	for i := range rel.Columns {
		if p := rel.Columns[i].Protected; p != nil {
			return p
		}
	}
	return nil
}

// expands says that an expression is a row that becomes several columns: (r).*.
func expands(n *pg.Node) bool {
	list := n.GetAIndirection().GetIndirection()
	return len(list) > 0 && list[len(list)-1].GetAStar() != nil
}
