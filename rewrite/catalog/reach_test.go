package catalog

import (
	"strings"
	"testing"
)

func bodyOf(text string) *function {
	text = strings.ToLower(text)
	return &function{body: text, words: words(text)}
}

func TestFunction_namesIdentifier(t *testing.T) {
	long := strings.Repeat("a", 70)
	for _, tc := range []struct {
		body, name string
		want       bool
	}{
		{"SELECT * FROM people", "people", true},
		{"SELECT * FROM PEOPLE", "people", true},
		{`SELECT * FROM "People"`, "People", true},
		{`SELECT * FROM public."people"`, "people", true},
		{"SELECT * FROM people2", "people", false},
		{"SELECT * FROM my_people", "people", false},
		{"EXECUTE 'SELECT * FROM people'", "people", true},
		{"EXECUTE 'SELECT * FROM peo' || 'ple'", "people", false}, // the known limit
		{`SELECT * FROM "Odd one"`, "Odd one", true},
		{`SELECT * FROM "say ""hi"""`, `say "hi"`, true},
		{"SELECT 1 -- people", "people", true}, // too much rather than too little
		{"SELECT * FROM personnes_âgées", "personnes_âgées", true},
		{"SELECT * FROM " + long, long[:63], true},
		{"SELECT a.people$1", "people", false},
		{"SELECT people.name", "people", true},
	} {
		if got := bodyOf(tc.body).namesIdentifier(tc.name); got != tc.want {
			t.Errorf("namesIdentifier(%q, %q) = %v, want %v", tc.body, tc.name, got, tc.want)
		}
	}
}

func TestFunction_changesSettings(t *testing.T) {
	for body, want := range map[string]bool{
		"SELECT set_config('role', 'x', true)": true, "SET ROLE x": true, "set local role x": true, "SET SESSION AUTHORIZATION x": true,
		"SET search_path TO x": true, "SET\n  search_path = x": true, "RESET ROLE": true, "RESET ALL": true, "DISCARD ALL": true,
		"SET TIME ZONE 'UTC'": true, "SET timezone = 'UTC'": true, "SET DateStyle = 'German'": true, "SET NAMES 'latin1'": true,
		"EXECUTE 'SET ' || name": true, "EXECUTE format('SET %I = 1', x)": true, `SET "search_path" = x`: true, "SET SCHEMA 'x'": true,
		"SET bytea_output = 'escape'": true, "SET standard_conforming_strings = off": true,
		"UPDATE t SET name = 'x'": false, "SELECT 1": false, "SET work_mem = 1": false, "SELECT offset_role": false, "reset_role()": false,
	} {
		if got := bodyOf(body).changesSettings(); got != want {
			t.Errorf("changesSettings(%q) = %v, want %v", body, got, want)
		}
	}
}
