package catalog

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// reach is what leads from one object to another without the statement saying
// so: rules (views are rules), inheritance and function bodies.
type reach struct {
	rules     []rule
	inherits  []inheritance
	functions []*function
}

// rule says that a rule of relation names the relation or function ref.
type rule struct {
	relation, ref uint32
	refIsFunction bool
}

type inheritance struct{ child, parent uint32 }

// function is what is known of a user's function.
type function struct {
	oid  uint32
	name string
	// body is the text in lower case, words the identifiers in it.
	body  string
	words map[string]struct{}
	// rowTypes are the relations whose row type it takes or gives.
	rowTypes []uint32
	// calls are functions that it calls without naming them, as an aggregate does.
	calls []uint32
}

const rulesSQL = `
SELECT DISTINCT r.ev_class, d.refobjid, d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  AND d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
  AND d.refobjid >= 16384 AND d.refobjid <> r.ev_class`

const inheritsSQL = `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits`

// functionsSQL has a %s for the expression of a BEGIN ATOMIC body, which
// servers before 14 do not have.
const functionsSQL = `
SELECT p.oid, p.proname::text,
       CASE WHEN l.lanname IN ('c', 'internal') THEN '' ELSE p.prosrc || ' ' || coalesce(%s, '') END,
       ARRAY(SELECT DISTINCT coalesce(nullif(t.typrelid, 0), e.typrelid)
             FROM pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::pg_catalog.oid[]) || p.prorettype) AS used (oid)
             JOIN pg_catalog.pg_type t ON t.oid = used.oid
             LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
             WHERE coalesce(nullif(t.typrelid, 0), e.typrelid, 0) <> 0),
       coalesce((SELECT ARRAY[aggtransfn::pg_catalog.oid, aggfinalfn, aggcombinefn, aggmtransfn, aggminvtransfn, aggmfinalfn]
                 FROM pg_catalog.pg_aggregate WHERE aggfnoid = p.oid), '{}')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384`

const sqlBodySQL = `SELECT pg_catalog.current_setting('server_version_num')::int4 >= 140000`

func loadReach(ctx context.Context, q Querier) (reach, error) {
	var all reach
	rows, err := q.Query(ctx, rulesSQL)
	if err != nil {
		return all, fmt.Errorf("rules: %w", err)
	}
	all.rules, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r rule, err error) {
		return r, row.Scan(&r.relation, &r.ref, &r.refIsFunction)
	})
	if err != nil {
		return all, fmt.Errorf("rules: %w", err)
	}
	if rows, err = q.Query(ctx, inheritsSQL); err != nil {
		return all, fmt.Errorf("inheritance: %w", err)
	}
	all.inherits, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (i inheritance, err error) {
		return i, row.Scan(&i.child, &i.parent)
	})
	if err != nil {
		return all, fmt.Errorf("inheritance: %w", err)
	}
	all.functions, err = loadFunctions(ctx, q)
	if err != nil {
		return all, fmt.Errorf("functions: %w", err)
	}
	return all, nil
}

func loadFunctions(ctx context.Context, q Querier) ([]*function, error) {
	rows, err := q.Query(ctx, sqlBodySQL)
	if err != nil {
		return nil, err
	}
	hasBody, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
	if err != nil {
		return nil, err
	}
	body := "NULL"
	if hasBody {
		body = "pg_catalog.pg_get_function_sqlbody(p.oid)"
	}
	if rows, err = q.Query(ctx, fmt.Sprintf(functionsSQL, body)); err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*function, error) {
		f := &function{}
		if err := row.Scan(&f.oid, &f.name, &f.body, &f.rowTypes, &f.calls); err != nil {
			return nil, err
		}
		f.body = strings.ToLower(f.body)
		f.words = words(f.body)
		return f, nil
	})
}

// words are the identifiers of a text in lower case, those that are too long
// also as PostgreSQL would cut them.
func words(text string) map[string]struct{} {
	const longest = 63
	found := map[string]struct{}{}
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !isWord(c) }) {
		found[word] = struct{}{}
		if len(word) > longest {
			found[strings.ToValidUTF8(word[:longest], "")] = struct{}{}
		}
	}
	return found
}

func isWord(c rune) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// namesIdentifier reports whether the function's body has the identifier in it, in
// whatever case. Too much is found, never too little, but for names that the
// body puts together as it runs.
func (f *function) namesIdentifier(name string) bool {
	name = strings.ToLower(name)
	if strings.IndexFunc(name, func(c rune) bool { return !isWord(c) }) < 0 {
		_, ok := f.words[name]
		return ok
	}
	return strings.Contains(f.body, name) || strings.Contains(f.body, strings.ReplaceAll(name, `"`, `""`))
}

// hidesNames reports whether the body has identifiers written with escapes.
func (f *function) hidesNames() bool {
	return strings.Contains(f.body, `u&"`)
}

// settingsPattern finds the statements that change what statements mean: SET
// and RESET of a parameter that pgveil follows, or of one whose name the body
// puts together, and DDL, which may be of the session's own tables.
var settingsPattern = regexp.MustCompile(`\b(create|alter|drop)\b|\binto\s+temp|\bset_config\b|\bdiscard\b|\breset\s+all\b|\b(set|reset)\s+(local\s+|session\s+)?` +
	`(role|session|authorization|search_path|schema|datestyle|time\s*zone|intervalstyle|bytea_output|extra_float_digits|` +
	`client_encoding|names|standard_conforming_strings|%|'|")`)

func (f *function) changesSettings() bool { return settingsPattern.MatchString(f.body) }
