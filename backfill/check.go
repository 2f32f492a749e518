package backfill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Check compares the policy with the database and reports all it finds, the
// errors first. It changes nothing. The error is for a database that could not
// be read; what is wrong with it is in the findings.
func Check(ctx context.Context, q DB, pol *policy.Policy) ([]Finding, error) {
	s, err := survey(ctx, q, pol)
	if err != nil {
		return nil, fmt.Errorf("checking the database: %w", err)
	}
	found := s.judge()
	for _, t := range s.tables {
		if err := t.checkVariety(ctx, q, &found); err != nil {
			return nil, fmt.Errorf("checking the database: table %s: %w", t, err)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	return found, nil
}

// state is a policy and the database that it is for, as they were at one time.
type state struct {
	policy  *policy.Policy
	snap    *catalog.Snapshot
	records *records
	moves   []move
	tables  []*table
	server  server
}

// server is what matters of the server and of our user there.
type server struct {
	encoding  string
	version   int
	hasSchema bool
	ownsIt    bool
	mayCreate bool
	// folds says that lower() knows letters beyond ASCII, as canon does for citext.
	folds bool
}

const serverSQL = `
SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('server_version_num')::int4,
       n.oid IS NOT NULL, coalesce(pg_catalog.pg_has_role(n.nspowner, 'USAGE'), false),
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
       pg_catalog.lower(pg_catalog.convert_from('\xc389', 'UTF8') COLLATE "default")
         OPERATOR(pg_catalog.=) pg_catalog.convert_from('\xc3a9', 'UTF8')
FROM (SELECT) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'pgveil'`

// survey reads everything that Check judges and Apply works on.
func survey(ctx context.Context, q DB, pol *policy.Policy) (*state, error) {
	s := &state{policy: pol}
	err := q.QueryRow(ctx, serverSQL).Scan(&s.server.encoding, &s.server.version, &s.server.hasSchema, &s.server.ownsIt, &s.server.mayCreate, &s.server.folds)
	if err != nil {
		return nil, fmt.Errorf("reading the server's settings: %w", err)
	}
	if s.server.hasSchema && !s.server.ownsIt {
		return s, nil // nothing else can be read
	}
	if s.records, err = loadRecords(ctx, q); err != nil {
		return nil, err
	}
	if s.snap, err = catalog.Load(ctx, q, pol); err != nil {
		return nil, err
	}
	s.moves = s.records.settle(s.snap)
	for _, pt := range pol.Tables {
		t, err := loadTable(ctx, q, s.snap, pt, s.records)
		if err != nil {
			return nil, err
		}
		if t != nil {
			s.tables = append(s.tables, t)
		}
	}
	return s, nil
}

// judge says what is wrong and what apply would do.
func (s *state) judge() findings {
	var f findings
	s.judgeServer(&f)
	if s.snap == nil {
		return f
	}
	for _, p := range s.snap.Problems() {
		if !s.mendable(p.Column) {
			f.add(Error, p.Column.String(), p.What, "correct the policy, or the table")
		}
	}
	for _, t := range s.tables {
		t.judge(&f)
	}
	s.judgeFolding(&f)
	s.judgeDomains(&f)
	s.judgeRecords(&f)
	s.judgeReach(&f)
	return f
}

// mendable reports whether what is wrong with a column is only that it was
// renamed or made again, which apply sees to.
func (s *state) mendable(pc *policy.Column) bool {
	if slices.ContainsFunc(s.moves, func(m move) bool { return m.to.path() == pc.String() }) {
		return true
	}
	for _, t := range s.tables {
		if slices.ContainsFunc(t.columns, func(c *column) bool { return c.Column == pc && c.anew }) {
			return true
		}
	}
	return false
}

func (s *state) judgeServer(f *findings) {
	const oldest = 140000
	if s.server.encoding != "UTF8" {
		f.add(Error, "", "the database's encoding is "+s.server.encoding,
			"sealed values are made of UTF-8; use a database with encoding UTF8")
	}
	if s.server.version < oldest {
		f.add(Error, "", fmt.Sprintf("the server's version is %d.%d", s.server.version/10000, s.server.version%10000), "use PostgreSQL 14 or later")
	}
	if s.server.hasSchema && !s.server.ownsIt {
		f.add(Error, "", "schema pgveil belongs to another user", "make the service user its owner, or a member of its owner")
	}
	if !s.server.hasSchema && !s.server.mayCreate {
		f.add(Error, "", "the service user may not create schema pgveil", "GRANT CREATE ON DATABASE … TO the service user")
	}
}

// judgeFolding refuses equality of citext where the server folds ASCII only:
// the terms fold every letter, and would call more values equal.
func (s *state) judgeFolding(f *findings) {
	if s.server.folds {
		return
	}
	for _, t := range s.tables {
		for _, c := range t.columns {
			if strings.TrimPrefix(c.Logical.Name, "_") == "citext" && c.Column.Search.Equality {
				f.add(Error, c.String(), "the database's LC_CTYPE folds the case of ASCII letters only, citext's terms that of all",
					"use a database with a UTF-8 LC_CTYPE, or take equality out of its search")
			}
		}
	}
}

// judgeDomains compares the columns that share a domain.
func (s *state) judgeDomains(f *findings) {
	first := map[string]*column{}
	for _, t := range s.tables {
		for _, c := range t.columns {
			other, ok := first[c.Column.Domain]
			switch {
			case !ok:
				first[c.Column.Domain] = c
			case !sameTerms(other.Logical, c.Logical):
				f.add(Error, c.String(), fmt.Sprintf("shares domain %q with %s, but its type is %s and not %s",
					c.Column.Domain, other, c.Logical.Name, other.Logical.Name), "give it a domain of its own, or change its type")
			}
			if d, ok := s.records.domainNamed(c.Column.Domain); ok && d.keyset != c.Column.Keyset {
				f.add(Error, c.String(), fmt.Sprintf("its domain is sealed under keyset %q", d.keyset), "write that keyset in the policy")
			}
		}
	}
}

// sameTerms reports whether equal values of two types have equal terms.
func sameTerms(a, b catalog.Type) bool {
	family := func(t catalog.Type) string {
		if t.Name == "varchar" {
			return "text"
		}
		return t.Name
	}
	return family(a) == family(b)
}

// judgeRecords looks for what the policy has changed of columns that are
// recorded.
func (s *state) judgeRecords(f *findings) {
	byPath := map[string]*record{}
	for _, r := range s.records.columns {
		byPath[r.path()] = r
	}
	for _, pt := range s.policy.Tables {
		for _, pc := range pt.Columns {
			r := byPath[pc.String()]
			delete(byPath, pc.String())
			if r == nil {
				continue
			}
			d, ok := s.records.domainNamed(pc.Domain)
			moved := slices.ContainsFunc(s.moves, func(m move) bool { return m.to == r && m.to.path() == pc.Domain })
			switch {
			case !moved && (!ok || d.id != r.domain):
				f.add(Error, pc.String(), "it is sealed in another domain than the policy gives it", "write the domain that it was sealed in")
			case !slices.Equal(r.terms, termsOf(pc)) || r.pad != pc.Pad:
				f.add(Error, pc.String(), "it is sealed with other terms or another pad than the policy says",
					"write search and pad as they were: sealing a column again is not available in this version")
			}
		}
	}
	for _, r := range s.records.columns {
		if byPath[r.path()] == r {
			f.add(Warning, r.path(), "it is sealed, but the policy does not list it: statements that reach its table are refused",
				"list it: unsealing a column is not available in this version")
		}
	}
}

// judgeReach names what can no longer be used through pgveil.
func (s *state) judgeReach(f *findings) {
	for name, why := range s.snap.TaintedFunctions() {
		f.add(Warning, "function "+name, why+": pgveil refuses to call it, and where the server calls it, it sees sealed strings",
			"rewrite it, or call it on other columns")
	}
	for r := range s.snap.Relations() {
		if (r.Kind == 'v' || r.Kind == 'm') && r.Tainted != "" {
			f.add(Warning, r.Schema+"."+r.Name, r.Tainted+": pgveil refuses statements that use it, unless it only shows sealed columns",
				"query the tables instead")
		}
	}
	slices.SortStableFunc(*f, func(a, b Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		return strings.Compare(a.Where, b.Where)
	})
}
