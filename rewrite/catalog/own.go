package catalog

import "strings"

// OwnSQL and MadeSQL return expressions for a session's own connection, whatever
// its search path holds. They take three parameters: $1 is the array of the
// OIDs, as text, of permanent relations that the session's transaction has made
// or changed; $2 and $3 are schema and name of one that it has just made, empty
// for where a name without a schema is made, and for none.
//
// OwnSQL gives a JSON array of [Own]: the temporary relations, and those of the
// parameters. MadeSQL gives the OID of the one just made, NULL where there is none.
func OwnSQL() string { return qualified(ownSQL) }

// MadeSQL is described at OwnSQL.
func MadeSQL() string { return qualified(madeSQL) }

const madeSQL = `(SELECT m.oid::int8 FROM pg_class m WHERE m.relname = $3::name AND m.relnamespace =
  CASE WHEN $2::text = 'pg_temp' THEN pg_my_temp_schema()
  ELSE (SELECT s.oid FROM pg_namespace s WHERE s.nspname = CASE WHEN $2::text = '' THEN current_schema() ELSE $2::name END) END)`

const ownSQL = `(SELECT json_agg(json_build_object(
 'oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
 'columns', (SELECT json_agg(json_build_object(
    'num', a.attnum, 'name', a.attname, 'type', a.atttypid::int8, 'mod', a.atttypmod, 'not_null', a.attnotnull,
    'has_default', a.atthasdef AND a.attgenerated = '' OR a.attidentity <> '', 'generated', a.attgenerated <> '') ORDER BY a.attnum)
   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
 'rules', EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'),
 'triggers', EXISTS (SELECT FROM pg_trigger r WHERE r.tgrelid = c.oid),
 'definition', CASE WHEN c.relkind = ANY ('{v,m}'::"char"[]) THEN pg_get_viewdef(c.oid) END,
 'relations', (SELECT json_agg(d.refobjid::int8) FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
   WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND r.ev_class = c.oid),
 'functions', (SELECT json_agg(p.proname) FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_proc p ON p.oid = d.refobjid
   WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_proc'::regclass AND r.ev_class = c.oid)))
 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = ANY ('{r,v,m,S,f,p}'::"char"[]) AND c.oid = ANY (array_cat(array_cat(
  ARRAY(SELECT t.oid FROM pg_class t WHERE pg_my_temp_schema() <> 0 AND t.relnamespace = pg_my_temp_schema()),
  $1::oid[]), ARRAY(SELECT x.oid FROM pg_class x WHERE x.oid = ` + madeSQL + `))))`

// qualified puts pg_catalog before every name and operator of a text that was
// written without, so that nothing of a search path can stand in for them.
func qualified(sql string) string {
	const schema = "pg_catalog."
	var pairs []string
	for _, name := range []string{
		"pg_class ", "pg_namespace ", "pg_attribute ", "pg_depend ", "pg_rewrite ", "pg_trigger ", "pg_proc ", "json_agg(", "json_build_object(",
		"pg_get_viewdef(", "pg_my_temp_schema(", "current_schema(", "array_cat(",
	} {
		pairs = append(pairs, name, schema+name)
	}
	for _, cast := range []string{"int8", "name", "text", "oid[]", `"char"[]`, "regclass"} {
		pairs = append(pairs, "::"+cast, "::"+schema+cast)
	}
	for _, operator := range []string{" = ", " <> ", " > "} {
		pairs = append(pairs, operator, " OPERATOR("+schema+strings.TrimSpace(operator)+") ")
	}
	pairs = append(pairs, "'pg_rewrite'", "'pg_catalog.pg_rewrite'", "'pg_class'", "'pg_catalog.pg_class'", "'pg_proc'", "'pg_catalog.pg_proc'")
	return strings.NewReplacer(pairs...).Replace(sql)
}
