package catalog

// builtinTypes fills a table with the types that every server has under the
// same OID, for snapshots without a server.
func builtinTypes(tt *typeTable) {
	for _, t := range []struct {
		name       string
		oid, array uint32
		length     int16
	}{
		{"bool", 16, 1000, 1}, {"bytea", 17, 1001, -1}, {"char", 18, 1002, 1}, {"name", 19, 1003, 64},
		{"int8", 20, 1016, 8}, {"int2", 21, 1005, 2}, {"int4", 23, 1007, 4}, {"regproc", 24, 1008, 4},
		{"text", 25, 1009, -1}, {"oid", 26, 1028, 4}, {"tid", 27, 1010, 6}, {"xid", 28, 1011, 4},
		{"cid", 29, 1012, 4}, {"json", 114, 199, -1}, {"xml", 142, 143, -1}, {"point", 600, 1017, 16},
		{"float4", 700, 1021, 4}, {"float8", 701, 1022, 8}, {"unknown", 705, 0, -2}, {"money", 790, 791, 8},
		{"macaddr", 829, 1040, 6}, {"inet", 869, 1041, -1}, {"cidr", 650, 651, -1}, {"bpchar", 1042, 1014, -1},
		{"varchar", 1043, 1015, -1}, {"date", 1082, 1182, 4}, {"time", 1083, 1183, 8}, {"timestamp", 1114, 1115, 8},
		{"timestamptz", 1184, 1185, 8}, {"interval", 1186, 1187, 16}, {"timetz", 1266, 1270, 12},
		{"bit", 1560, 1561, -1}, {"varbit", 1562, 1563, -1}, {"numeric", 1700, 1231, -1}, {"regclass", 2205, 2210, 4},
		{"regtype", 2206, 2211, 4}, {"record", 2249, 0, -1}, {"uuid", 2950, 2951, 16}, {"tsvector", 3614, 3643, -1},
		{"tsquery", 3615, 3645, -1}, {"jsonb", 3802, 3807, -1}, {"jsonpath", 4072, 4073, -1},
		{"int4range", 3904, 3905, -1}, {"daterange", 3912, 3913, -1},
	} {
		tt.add(systemSchema, Type{OID: t.oid, Mod: -1, Name: t.name, Len: t.length})
		if t.array != 0 {
			tt.add(systemSchema, Type{OID: t.array, Mod: -1, Name: "_" + t.name, Elem: t.oid, Len: -1})
		}
	}
	// citext is an extension's, so its OIDs differ from one database to the next.
	tt.add("public", Type{OID: 16100, Mod: -1, Name: "citext", Len: -1})
	tt.add("public", Type{OID: 16101, Mod: -1, Name: "_citext", Elem: 16100, Len: -1})
	tt.link()
}
