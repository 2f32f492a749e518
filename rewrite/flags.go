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
	// NamesOwn says that the statement names a relation of an overlay, so that it
	// must be planned with it. Without it the plan is the same in every session.
	NamesOwn
	// saysInto is raised by the word: SELECT INTO makes a table.
	saysInto
)

// FlagsOf returns what a statement may do: the flags that its words raised
// together with those of its first keyword.
func FlagsOf(st *shape.Statement) shape.Flags {
	flags := st.Flags | firstWord(st.First)
	if flags&saysInto == 0 {
		return flags
	}
	switch st.First {
	case "select":
		flags |= ChangesSettings | ChangesCatalog
	case "with", "values", "table", "explain":
		// It may be an INSERT INTO inside; then looking again costs little.
		flags |= ChangesSettings
	}
	return flags
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
type matcher struct {
	words map[string]shape.Flags
	// starts has, for each length of a word, a bit for each letter that one of that
	// length begins with: most words of a statement need no look into the map.
	starts [maxWord + 1]uint32
}

// maxWord is the longest identifier, in bytes.
const maxWord = 63

func newMatcher() *matcher { return &matcher{words: map[string]shape.Flags{}} }

func (m *matcher) add(word string, f shape.Flags) {
	m.words[word] |= f
	if n := len(word); n > 0 && n <= maxWord {
		m.starts[n] |= 1 << (word[0] & 31)
	}
}

func (m *matcher) Match(ident []byte) shape.Flags {
	if n := len(ident); n > 0 && n <= maxWord && m.starts[n]&(1<<(ident[0]&31)) == 0 {
		return 0
	}
	return m.words[string(ident)]
}

// OwnMatcher adds to the Matcher of a database what an overlay of its snapshot
// adds: the names of the session's own relations.
func OwnMatcher(database shape.Matcher, overlay *catalog.Snapshot) shape.Matcher {
	own := newMatcher()
	for name := range overlay.OwnNames() {
		own.add(name, NamesOwn)
	}
	for name := range overlay.Names() {
		own.add(name, NamesOwn|Reaches)
	}
	return bothMatcher{database, own}
}

// bothMatcher says what either of two matchers says.
type bothMatcher struct {
	database shape.Matcher
	own      *matcher
}

func (m bothMatcher) Match(ident []byte) shape.Flags {
	return m.database.Match(ident) | m.own.Match(ident)
}

// Matcher returns the words that raise flags in a database: the names that
// reach something protected, and the functions that change settings.
func Matcher(snap *catalog.Snapshot) shape.Matcher {
	m := newMatcher()
	m.add("set_config", ChangesSettings)
	m.add("into", saysInto)
	for name := range snap.SettingFunctions() {
		m.add(name, ChangesSettings)
	}
	for name := range snap.Names() {
		m.add(name, Reaches)
	}
	if protects(snap.Relations()) {
		return runnerMatcher{m}
	}
	return m
}
