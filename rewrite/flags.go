package rewrite

import (
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// What a statement may do besides what it says. A session asks [FlagsOf].
const (
	// Reaches says that the statement names something protected, so that it
	// must be planned before it may be sent.
	Reaches shape.Flags = 1 << iota
	// ChangesSettings says that the statement may change the role, the search
	// path or a setting that text forms depend on: at once, or when the
	// transaction or a savepoint is rolled back or the transaction ends.
	ChangesSettings
	// ChangesCatalog says that the statement is DDL.
	ChangesCatalog
	// NamesStatement says that the statement's Second word may be the name of a
	// prepared statement or cursor: EXECUTE, FETCH, MOVE.
	NamesStatement
)

// FlagsOf returns what a statement may do: the flags that its words raised
// together with those of its first keyword.
func FlagsOf(st *shape.Statement) shape.Flags {
	return st.Flags | firstWord(st.First)
}

func firstWord(word string) shape.Flags {
	switch word {
	case "set", "reset", "discard":
		return ChangesSettings
	case "do", "call":
		return ChangesSettings | ChangesCatalog
	case "create", "alter", "drop", "import", "reindex", "cluster":
		return ChangesCatalog
	case "execute":
		return NamesStatement | ChangesSettings
	case "fetch", "move":
		return NamesStatement
	}
	return 0
}

// matcher is a table from identifiers to flags.
type matcher map[string]shape.Flags

func (m matcher) Match(ident []byte) shape.Flags { return m[string(ident)] }

// Matcher returns the words that raise flags in a database: the names that
// reach something protected, and the functions that change settings.
func Matcher(snap *catalog.Snapshot) shape.Matcher {
	m := matcher{"set_config": ChangesSettings}
	for name := range snap.SettingFunctions() {
		m[name] |= ChangesSettings
	}
	for name := range snap.Names() {
		m[name] |= Reaches
	}
	if protects(snap.Relations()) {
		return runnerMatcher{m}
	}
	return m
}
