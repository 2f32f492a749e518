package eval

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How a database folds case is its LC_CTYPE's to say. Three are known exactly:
//
//   - C and POSIX fold ASCII only.
//   - Other locales of the C library in UTF-8 fold one character at a time by
//     Unicode's simple mapping. Turkish ones fold i otherwise. What Unicode has
//     added lately may not be known to the server's C library, so letters are
//     taken only from the alphabets that were complete long ago.
//   - Every other locale folds ASCII as ASCII, but for the languages below.

// bytewise says that strings are ordered by their bytes.
func (l Locale) bytewise() bool { return l.Provider == 'c' && isC(l.Collate) }

func isC(name string) bool { return name == "C" || name == "POSIX" }

// ownCase says that a locale's language folds ASCII letters in a way of its own.
func (l Locale) ownCase() bool {
	language := strings.ToLower(l.CType)
	for _, prefix := range []string{"tr", "az", "lt", "crh", "tt", "ku"} {
		if rest, ok := strings.CutPrefix(language, prefix); ok && (rest == "" || strings.ContainsRune("_-.@", rune(rest[0]))) {
			return true
		}
	}
	return false
}

// byCharacter says that the locale is of the kind that folds by Unicode's
// simple mapping.
func (l Locale) byCharacter() bool {
	name := strings.ToLower(l.CType)
	return l.Provider == 'c' && l.UTF8 && (strings.HasSuffix(name, ".utf-8") || strings.HasSuffix(name, ".utf8"))
}

// foreign is what mapText gives to one for a byte of a character that the
// locale knows nothing about: no letter, and its own case.
const foreign = utf8.RuneError

// mapText maps a text by its characters, after a look at whether the locale's
// way of folding each is known.
func (l Locale) mapText(what string, text []byte, one func(rune) rune) ([]byte, error) {
	if l.Provider == 0 || l.ownCase() {
		return nil, unserved(what + " under this database's locale")
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r < utf8.RuneSelf:
		case l.Provider == 'c' && isC(l.CType) && l.UTF8:
			one(foreign)
			out = append(out, text[i:i+size]...)
			i += size
			continue
		case !l.byCharacter() || !settled(r):
			return nil, unserved(what + " of letters other than a to z under this database's locale")
		}
		out = utf8.AppendRune(out, one(r))
		i += size
	}
	return out, nil
}

// settled says that Go and every C library in use agree on a character's case:
// it is of the Latin, Greek, Cyrillic or Armenian alphabet, or of a script
// without case that is not of the newest, or no letter.
func settled(r rune) bool {
	switch {
	case r < 0x0250:
		return true
	case r >= 0x0391 && r <= 0x03CE, r >= 0x0400 && r <= 0x045F, r >= 0x0531 && r <= 0x0556, r >= 0x0561 && r <= 0x0586:
		return true
	}
	const last = 0xFFFF
	return r <= last && unicode.In(r, unicode.Lo, unicode.Nd, unicode.Po, unicode.Ps, unicode.Pe, unicode.Pd)
}
