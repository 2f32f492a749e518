package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
)

const (
	format = "pv1"
	// fields are separated by dots: the format, six of search terms, the body.
	termFields = 6
	separator  = '.'
	// termSize is the length of an equality term, 128 bits, before it is encoded; termChars after.
	termSize  = 16
	termChars = 22
	// versionSize is the length of a key version in the body.
	versionSize = 4
	// minBody is the length of the body of an empty value: the pad takes one byte at least.
	minBody      = versionSize + nonceSize + 1 + tagSize
	minBodyChars = (minBody*8 + 5) / 6
	// padMark ends a plaintext; zeros may follow it.
	padMark = 0x80
)

// encoding is unpadded base64url that takes one form of each value only.
var encoding = base64.RawURLEncoding.Strict()

// parsed is an envelope taken apart. Its fields are slices of it.
type parsed struct {
	// terms are the fields 2 to 7.
	terms [termFields][]byte
	body  []byte
}

// parse takes an envelope apart. It returns false for what is none by its
// grammar; whether the body is base64 to the last bit is decided later.
func parse(stored []byte) (p parsed, ok bool) {
	rest, ok := bytes.CutPrefix(stored, []byte(format+"."))
	if !ok {
		return p, false
	}
	for i := range p.terms {
		end := bytes.IndexByte(rest, separator)
		if end < 0 || !validTerm(i, rest[:end]) {
			return p, false
		}
		p.terms[i], rest = rest[:end:end], rest[end+1:]
	}
	p.body = rest
	return p, len(rest) >= minBodyChars && inAlphabet(rest, false)
}

// validTerm reports whether text may be the i-th field of terms: an equality
// term, tokens, or an order code.
func validTerm(i int, text []byte) bool {
	switch i % 3 {
	case 0:
		return (len(text) == 0 || len(text) == termChars) && inAlphabet(text, false)
	case 1:
		return inAlphabet(text, true)
	default:
		return inAlphabet(text, false)
	}
}

// inAlphabet reports whether text is made of A-Z a-z 0-9 - _, and ~ where tokens are allowed.
func inAlphabet(text []byte, tokens bool) bool {
	for _, c := range text {
		if !alphabet[c] && (c != '~' || !tokens) {
			return false
		}
	}
	return true
}

// alphabet is that of base64url.
var alphabet = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = true
	}
	return t
}()

// Looks reports whether a stored value could be an envelope, by its grammar
// alone. What does not look like one never opens; what does may not open either.
func Looks(stored []byte) bool {
	_, ok := parse(stored)
	return ok
}

// TermOf returns field 2 of an envelope, the equality term under an index key
// of an even epoch: empty if it has none, nil if stored does not look like an
// envelope. It is a slice of stored.
func TermOf(stored []byte) []byte {
	p, ok := parse(stored)
	if !ok {
		return nil
	}
	return p.terms[0]
}

// GuardPattern returns a regular expression for PostgreSQL's ~ that every
// envelope sealed with these options matches, whatever the key version, the
// epoch and the bucket, and that no value matches by chance. A CHECK constraint
// with it keeps plaintext out of a column.
//
// It asks for no lengths, and so lets some texts in that [Looks] does not: a
// bound such as {60} makes the server's regular expressions several times
// slower, and every write pays for it.
func GuardPattern(o Options) string {
	const (
		char   = `[A-Za-z0-9_-]`
		others = `\.[A-Za-z0-9_~-]*\.` + char + `*`
		either = char + `*` + others
		term   = char + `+` + others
	)
	terms := either + `\.` + either
	if o.Equality {
		terms = `(` + term + `\.` + either + `|` + others + `\.` + term + `)`
	}
	return `^` + format + `\.` + terms + `\.` + char + `+$`
}

// appendLength appends text with its length before it, so that a sequence of
// texts can be read in one way only.
func appendLength(dst, text []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(text)))
	return append(dst, text...)
}

// appendPadded appends a plaintext with its mark, filled up with zeros to a
// multiple of the bucket.
func appendPadded(dst, plaintext []byte, bucket int) []byte {
	zeros := 0
	if bucket > 1 {
		zeros = (bucket - (len(plaintext)+1)%bucket) % bucket
	}
	// Grown at once: growing later would leave a copy of the plaintext behind.
	dst = slices.Grow(dst, len(plaintext)+1+zeros)
	dst = append(append(dst, plaintext...), padMark)
	return append(dst, make([]byte, zeros)...)
}

// unpad returns what stands before the mark, false if there is none.
func unpad(padded []byte) ([]byte, bool) {
	trimmed := bytes.TrimRight(padded, "\x00")
	if len(trimmed) == 0 || trimmed[len(trimmed)-1] != padMark {
		return nil, false
	}
	return trimmed[:len(trimmed)-1], true
}
