package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
)

// passes says that a function returns one of the values of its first argument
// as it is, whatever it is: which one depends on other things.
func passes(f *pg.FuncCall) bool {
	if len(f.Funcname) > 1 && f.Funcname[0].GetString_().GetSval() != "pg_catalog" || len(f.Args) == 0 {
		return false
	}
	switch lastName(f.Funcname) {
	case "lag", "lead", "first_value", "last_value", "nth_value":
		return f.Over != nil
	case "any_value":
		return true
	}
	return false
}

// passed types a call of such a function: it is sealed if its first argument is.
func (b *binder) passed(f *pg.FuncCall, sc *scope) typ {
	if f.Over == nil {
		defer sc.aggregate()()
	}
	value := b.expr(f.Args[0], sc)
	b.settlePlain(f.Args[0], value)
	for i, n := range f.Args[1:] {
		if i == 1 && value.prot != nil {
			b.otherwise(n, value.prot, sc)
			continue
		}
		b.plain(n, sc, "function "+lastName(f.Funcname))
	}
	for _, s := range f.AggOrder {
		b.ordered(s.GetSortBy().GetNode(), sc, "ORDER BY of an aggregate")
	}
	b.condition(f.AggFilter, sc, "a FILTER clause")
	if f.Over != nil {
		b.window(f.Over, sc)
	}
	if value.prot == nil {
		return typ{}
	}
	return typ{prot: b.without(value.prot)}
}

// otherwise types the value that lag and lead show where there is no row.
func (b *binder) otherwise(n *pg.Node, p *catalog.Protected, sc *scope) {
	t := b.expr(n, sc)
	switch {
	case t.open && !t.array:
		b.settle(n, t, b.notWritten(b.use(Stored, p)))
	case t.prot == nil:
		b.unsupported("a function with a default that the server computes", p)
	case t.prot.DomainID != p.DomainID:
		b.otherDomain(p, t.prot)
	case t.prot.Logical.OID != p.Logical.OID:
		b.unsupported("a function over columns of different types", p)
	default:
		b.sameAccess(p, t.prot, "a function")
	}
}
