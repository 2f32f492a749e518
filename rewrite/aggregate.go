package rewrite

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// isAggregate says that a call is one of an aggregate, as far as that can be
// told without the server's catalog: by PostgreSQL's own names, or by syntax
// that only aggregates have.
func isAggregate(f *pg.FuncCall, name string) bool {
	if f.AggStar || f.AggDistinct || f.AggFilter != nil || f.AggWithinGroup || len(f.AggOrder) > 0 {
		return true
	}
	switch name {
	case "count", "sum", "avg", "min", "max", "any_value", "array_agg", "string_agg", "xmlagg",
		"json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "range_agg", "range_intersect_agg",
		"bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "every",
		"stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr", "covar_pop", "covar_samp",
		"regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy":
		return true
	}
	return false
}

// countRow types count((a, b)), which counts all rows, and count(DISTINCT (a, b)),
// which compares them by the terms of what is sealed.
func (b *binder) countRow(f *pg.FuncCall, row *pg.RowExpr, sc *scope) {
	for _, arg := range row.Args {
		t := b.expr(arg, sc)
		switch {
		case t.prot != nil:
			b.countArgument(f, "count", arg, t)
		case t.open:
			b.settle(arg, t, Use{})
		}
	}
}
