package proxy

import (
	"bytes"
	"strings"

	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// Flags that a session raises beside those of package rewrite, from the other
// end of the word.
const (
	// namesPlanned says that SQL names a prepared statement or portal that has a
	// plan, or may have one.
	namesPlanned shape.Flags = 1 << (31 - iota)
	// endsTransaction says that a transaction or savepoint may end.
	endsTransaction
	// saysExecute says that the word EXECUTE occurs.
	saysExecute
	// executesUnknown says that a name behind EXECUTE is none that the session has
	// seen being prepared.
	executesUnknown
)

// sessionWords is the Matcher of one scan: the words of the database, and the
// names that the session's own planned statements have in SQL.
type sessionWords struct {
	inner    shape.Matcher
	registry *registry
	// watching says that a name may follow: EXECUTE, FETCH or MOVE was seen.
	// These words occur elsewhere too; scan sorts out statements that cannot use a
	// name, and of the rest one that has it by chance may be refused.
	watching bool
	planned  bool
	// behind says that the word before was EXECUTE.
	behind bool
}

// Match returns what the word means to the database and to this session.
func (w *sessionWords) Match(ident []byte) shape.Flags {
	flags := w.inner.Match(ident)
	if string(ident) == "execute" {
		flags |= saysExecute
	}
	if !w.planned {
		return flags
	}
	if w.watching && w.registry.planHeld(string(ident)) {
		flags |= namesPlanned
	}
	if w.behind && w.registry.hasPrepares() && w.registry.statement(ident) == nil {
		flags |= executesUnknown
	}
	w.behind = string(ident) == "execute"
	switch string(ident) {
	case "execute", "fetch", "move":
		w.watching = true
	}
	return flags
}

// scan splits a text into statements and finds their flags in st. The result
// is valid until the next scan.
func (s *session) scan(sql []byte, st *state, backslash bool) ([]shape.Statement, error) {
	w := &s.asks.words
	w.inner, w.watching, w.behind, w.planned = st.matcher, false, false, s.registry.hasPlanned()
	statements, err := s.asks.scanner.Scan(sql, !backslash, w)
	for i := range statements {
		// LOCK moves no value. Planning it could probe the server first, and in a
		// REPEATABLE READ transaction the snapshot would then be older than the lock.
		if statements[i].First == "lock" {
			statements[i].Flags &^= rewrite.Reaches
		}
		s.sortNames(&statements[i], st)
	}
	return statements, err
}

// sortNames settles whether a statement uses a name that has a plan, or may
// have one: its words alone do not tell.
func (s *session) sortNames(stmt *shape.Statement, st *state) {
	switch stmt.First {
	case "execute":
		if s.unclearName(stmt.Second, st) {
			stmt.Flags |= namesPlanned
		}
	case "explain":
		if stmt.Flags&executesUnknown != 0 {
			stmt.Flags |= namesPlanned
		}
	case "create":
		switch stmt.Second { // a trigger executes something else
		case "table", "temp", "temporary", "unlogged", "local", "global":
			if stmt.Flags&executesUnknown != 0 {
				stmt.Flags |= namesPlanned
			}
		}
	case "select", "with", "values", "table", "insert", "update", "delete", "merge", "declare", "prepare", "copy":
		stmt.Flags &^= namesPlanned // FETCH FIRST, and a word that is a name by chance
	}
}

// rescan scans the text of one statement again. It leaves the statements of the
// last scan alone.
func (s *session) rescan(sql []byte, at *state) ([]shape.Statement, error) {
	return shape.NewScanner(s.db.seed).Scan(sql, !s.settings.Load().backslash, at.matcher)
}

// scannedIn returns the statements of a text that was scanned in the state at,
// with what its words mean in the session's planning, which may be newer.
func (s *session) scannedIn(at *state, sql []byte, stmts []shape.Statement) []shape.Statement {
	if s.asks.planning.state == at {
		return stmts
	}
	again, err := s.scan(sql, s.asks.planning.state, s.settings.Load().backslash)
	if err != nil || len(again) != len(stmts) {
		return stmts
	}
	return again
}

// flagsOf returns what a statement may do. Without a catalog there is no
// telling, so everything may change settings then.
func flagsOf(st *state, stmt *shape.Statement) shape.Flags {
	flags := rewrite.FlagsOf(stmt)
	switch stmt.First {
	case "commit", "end", "rollback", "abort", "release":
		flags |= endsTransaction
	case "prepare":
		if stmt.Second == "transaction" {
			flags |= endsTransaction
		}
	}
	if st.snap == nil {
		flags |= rewrite.ChangesSettings | rewrite.ChangesCatalog
	}
	return flags
}

// effectOf returns what running a statement changes for the session.
func effectOf(st *state, sql []byte, stmt *shape.Statement) effect {
	e := effect{flags: flagsOf(st, stmt), naming: namingOf(st, sql, stmt)}
	switch stmt.First {
	case "discard":
		if stmt.Second == "all" {
			e.drops = dropAll
		}
	case "deallocate":
		e.drops, e.dropName = dropNamed, stmt.Second
		if stmt.Second == "prepare" {
			e.dropName = deallocated(sql[stmt.Start:stmt.End])
		}
		if e.dropName == "all" && !bytes.HasSuffix(sql[:stmt.End], []byte{'"'}) {
			e.drops = dropAll
		}
	}
	return e
}

// deallocated returns the name in DEALLOCATE PREPARE name, "" if it is not
// plainly to be seen, which leaves a plan without its statement.
func deallocated(sql []byte) string {
	words := strings.Fields(string(sql))
	if len(words) == 2 {
		return "prepare" // a statement of that name
	}
	name := words[len(words)-1]
	if len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return strings.ToLower(name)
}

// asciiLower folds as PostgreSQL folds identifiers.
func asciiLower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		out[i] = c
	}
	return out
}
