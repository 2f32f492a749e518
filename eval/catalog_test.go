package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pgveil/pgveil/envelope/canon"
)

// The casts, the overloads and the types that resolution goes by are the
// server's own, all of them.
func TestTables_areTheServers(t *testing.T) {
	s := servers(t)[0]
	var oids []string
	byOID := map[string]string{}
	for _, info := range typeInfos {
		if typeOf(info.kind).OID != 0 {
			oid := strconv.Itoa(int(typeOf(info.kind).OID))
			oids, byOID[oid] = append(oids, oid), info.name
		}
	}
	known := strings.Join(oids, ",")

	var casted []string
	for pair, how := range casts {
		casted = append(casted, fmt.Sprintf("%s %s %c", infoByKind[pair[0]].name, infoByKind[pair[1]].name, "?eai"[how]))
	}
	sameSet(t, "casts", casted, s.column(`SELECT castsource::regtype::oid || ' ' || casttarget::regtype::oid || ' ' || castcontext::text
		FROM pg_cast WHERE castsource <> casttarget AND castsource IN (`+known+`) AND casttarget IN (`+known+`)`, byOID))

	var types []string
	for _, info := range typeInfos {
		if typeOf(info.kind).OID != 0 {
			types = append(types, fmt.Sprintf("%s %c %t", info.name, info.category, info.preferred))
		}
	}
	sameSet(t, "types", types, s.column(`SELECT oid || ' ' || typcategory::text || ' ' || typispreferred FROM pg_type WHERE oid IN (`+known+`)`, byOID))

	sameSet(t, "functions", signatures(functions), s.column(fmt.Sprintf(`SELECT proname || ' ' || array_to_string(proargtypes::oid[], ' ') || ' -> ' || prorettype
		FROM pg_proc WHERE oid < 16384 AND prokind = 'f' AND NOT proretset AND proname IN (%s) AND prorettype IN (%s)
		AND proargtypes::oid[] <@ ARRAY[%[2]s]::oid[]`, names(functions), known), byOID))
	sameSet(t, "operators", signatures(operators), s.column(fmt.Sprintf(`SELECT oprname || ' ' || concat_ws(' ', nullif(oprleft, 0), oprright) || ' -> ' || oprresult
		FROM pg_operator WHERE oid < 16384 AND oprname IN (%s) AND oprresult IN (%s)
		AND oprleft IN (0, %[2]s) AND oprright IN (%[2]s)`, names(operators), known), byOID))
}

// signatures writes routines of types that have an OID as the server's rows are written.
func signatures(all map[string][]*routine) []string {
	var list []string
	for name, routines := range all {
		for _, r := range routines {
			if slices.ContainsFunc(r.args, func(k canon.Kind) bool { return typeOf(k).OID == 0 }) {
				continue
			}
			words := []string{name}
			for _, k := range r.args {
				words = append(words, infoByKind[k].name)
			}
			list = append(list, strings.Join(words, " ")+" -> "+infoByKind[r.result].name)
		}
	}
	return list
}

func names(all map[string][]*routine) string {
	var list []string
	for name := range all {
		list = append(list, "'"+name+"'")
	}
	return strings.Join(list, ",")
}

// column returns the only column of a query, with the types' OIDs as names.
func (s *server) column(sql string, byOID map[string]string) []string {
	s.t.Helper()
	r := s.conn.ExecParams(s.t.Context(), sql, nil, nil, nil, nil).Read()
	if r.Err != nil {
		s.t.Fatalf("%s: %v", sql, r.Err)
	}
	var list []string
	for _, row := range r.Rows {
		words := strings.Split(string(row[0]), " ")
		for i, w := range words {
			if name, ok := byOID[w]; ok {
				words[i] = name
			}
		}
		list = append(list, strings.Join(words, " "))
	}
	return list
}

func sameSet(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("the server has no %s", what)
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s lack %q", what, w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("%s have %q, which the server has not", what, g)
		}
	}
}
