package shape

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// reference is a second lexer, as slow and as plain as can be: PostgreSQL's
// rules as regular expressions, of which the longest match wins, and the first
// of equals. pg_query can only be asked with standard_conforming_strings on;
// this one can be asked both ways.
type reference struct {
	// in is the text with every byte made a character, because regexp reads UTF-8.
	in         string
	pos, start int
	state      string
	conforming bool
	// stopped is the state of the string that ended, should it go on behind a new line.
	stopped string
	tag     string
	depth   int
	value   []byte
	// surrogate is the first half of a pair; check says that the value may not be UTF-8.
	surrogate rune
	check     bool
	kind      string
	tokens    []bound
	values    []string
}

var errReference = errors.New("refused by the reference")

// rule is a regular expression and what to do when it matched.
type rule struct {
	pattern *regexp.Regexp
	act     func(r *reference, text string) error
}

func on(pattern string, act func(r *reference, text string) error) rule {
	re := regexp.MustCompile(`^(?s:` + pattern + `)`)
	re.Longest()
	return rule{re, act}
}

const (
	refSpace   = `[ \t\n\r\f\v]`
	refStart   = `[A-Za-z\x{80}-\x{ff}_]`
	refIdent   = refStart + `[A-Za-z\x{80}-\x{ff}_0-9$]*`
	refTag     = refStart + `[A-Za-z\x{80}-\x{ff}_0-9]*`
	refOps     = "[~!@#^&|`?+\\-*/%<>=]"
	refInt     = `[0-9](?:_?[0-9])*`
	refNumeric = `(?:` + refInt + `\.(?:` + refInt + `)?|\.` + refInt + `)`
	refReal    = `(?:` + refInt + `|` + refNumeric + `)[eE][-+]?` + refInt
	refGap     = `(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:` + refSpace + `|--[^\n\r]*[\n\r])*`
)

func refuse(*reference, string) error { return errReference }
func ignore(*reference, string) error { return nil }

// emit ends a token of a kind.
func emit(kind string) func(*reference, string) error {
	return func(r *reference, _ string) error {
		r.add(kind)
		return nil
	}
}

// keep throws all but n characters of the match back, and ends a token.
func keep(n int, kind string) func(*reference, string) error {
	return func(r *reference, text string) error {
		r.less(text, n)
		r.add(kind)
		return nil
	}
}

// enter begins a string or a quoted identifier.
func enter(state, kind string) func(*reference, string) error {
	return func(r *reference, _ string) error {
		r.state, r.kind, r.value, r.check = state, kind, nil, false
		return nil
	}
}

// take adds the match to the value of a string.
func take(r *reference, text string) error {
	r.value = append(r.value, refBytes(text)...)
	return nil
}

// stop finds the end of a string, or of a part of it.
func stop(r *reference, _ string) error {
	r.stopped, r.state = r.state, "stopped"
	return nil
}

// literal adds text in place of the match.
func literal(text string) func(*reference, string) error {
	return func(r *reference, _ string) error {
		r.value = append(r.value, text...)
		return nil
	}
}

// referenceRules has the rules of every state.
var referenceRules = map[string][]rule{
	"": {
		on(refSpace+`+`, ignore),
		on(`--[^\n\r]*`, ignore),
		on(`/\*`+refOps+`*`, func(r *reference, text string) error {
			r.less(text, 2)
			r.state, r.depth = "comment", 1
			return nil
		}),
		on(`[bBxX]'`, enter("bits", "bits")),
		on(`[nN]'`, keep(1, "word")),
		on(`'`, func(r *reference, text string) error {
			if r.conforming {
				return enter("quoted", "string")(r, text)
			}
			return enter("escaped", "string")(r, text)
		}),
		on(`[eE]'`, enter("escaped", "string")),
		on(`[uU]&'`, func(r *reference, text string) error {
			if !r.conforming {
				return errReference
			}
			return enter("quoted", "unicode string")(r, text)
		}),
		on(`\$(?:`+refTag+`)?\$`, func(r *reference, text string) error {
			r.tag = text
			return enter("dollar", "string")(r, text)
		}),
		on(`\$`+refTag, keep(1, "operator")),
		on(`"`, enter("identifier", "quoted")),
		on(`[uU]&"`, enter("identifier", "unicode quoted")),
		on(`[uU]&`, keep(1, "word")),
		on(`::|\.\.|:=|=>|<=|>=|<>|!=`, emit("operator")),
		on(`[,()\[\].;:+\-*/%^<>=]`, emit("operator")),
		on(refOps+`+`, refOperator),
		on(`\$[0-9]+`, func(r *reference, text string) error {
			if _, err := strconv.ParseInt(text[1:], 10, 32); err != nil {
				return errReference
			}
			r.add("param")
			return nil
		}),
		on(`\$[0-9]+`+refIdent, refuse),
		on(refInt+`|0[xX](?:_?[0-9A-Fa-f])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+`, emit("number")),
		on(`0[xXoObB]_?`, refuse),
		on(refNumeric+`|`+refReal, emit("number")),
		on(refInt+`\.\.`, func(r *reference, text string) error { return keep(len(text)-2, "number")(r, text) }),
		on(`(?:`+refInt+`|`+refNumeric+`)[eE][-+]`, refuse),
		on(`(?:`+refInt+`|`+refNumeric+`|`+refReal+`)`+refIdent, refuse),
		on(refIdent, emit("word")),
		on(`.`, emit("operator")),
	},
	"comment": {
		on(`/\*`, func(r *reference, _ string) error { r.depth++; return nil }),
		on(`\*/`, func(r *reference, _ string) error {
			if r.depth--; r.depth == 0 {
				r.state = ""
			}
			return nil
		}),
		on(`.`, ignore),
	},
	"bits":   {on(`'`, stop), on(`[^']`, take)},
	"quoted": {on(`'`, stop), on(`''`, literal("'")), on(`[^']`, take)},
	"escaped": {
		on(`'`, stop), on(`''`, literal("'")), on(`[^\\']`, take),
		on(`\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}`, refUnicode),
		on(`\\u[0-9A-Fa-f]{0,3}|\\U[0-9A-Fa-f]{0,7}`, refuse),
		on(`\\[^0-7]`, func(r *reference, text string) error {
			c := refBytes(text)[1]
			r.check = r.check || c >= 0x80
			if i := strings.IndexByte("bfnrtv", c); i >= 0 {
				c = "\b\f\n\r\t\v"[i]
			}
			r.value = append(r.value, c)
			return nil
		}),
		on(`\\[0-7]{1,3}`, func(r *reference, text string) error { return r.escapedByte(text[1:], 8) }),
		on(`\\x[0-9A-Fa-f]{1,2}`, func(r *reference, text string) error { return r.escapedByte(text[2:], 16) }),
	},
	"surrogate": {on(`\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}`, refUnicode), on(`.`, refuse)},
	"stopped": {
		on(refGap+`'`, func(r *reference, _ string) error { r.state = r.stopped; return nil }),
		on(``, func(r *reference, _ string) error {
			r.state = ""
			if r.check && (!utf8.Valid(r.value) || strings.Contains(string(r.value), "\x00")) {
				return errReference
			}
			r.add(r.kind)
			return nil
		}),
	},
	"dollar": {
		on(`\$(?:`+refTag+`)?\$`, func(r *reference, text string) error {
			if text != r.tag {
				r.less(text, len(text)-1)
				return take(r, text[:len(text)-1])
			}
			r.state = ""
			r.add(r.kind)
			return nil
		}),
		on(`[^$]+|\$`+refTag+`|.`, take),
	},
	"identifier": {
		on(`"`, func(r *reference, _ string) error {
			if len(r.value) == 0 {
				return errReference
			}
			r.state = ""
			r.add(r.kind)
			return nil
		}),
		on(`""`, literal(`"`)), on(`[^"]`, take),
	},
}

// refOperator cuts a run of operator characters as PostgreSQL's manual says
// (section 4.1.3): before a comment, and before a sign at its end unless it
// holds a character that SQL's operators do not have.
func refOperator(r *reference, text string) error {
	op := text
	for _, comment := range []string{"--", "/*"} {
		if i := strings.Index(op, comment); i >= 0 {
			op = op[:i]
		}
	}
	if !strings.ContainsAny(op[:len(op)-1], "~!@#^&|`?%") {
		op = op[:1] + strings.TrimRight(op[1:], "+-")
	}
	if len(op) > 63 {
		return errReference
	}
	return keep(len(op), "operator")(r, text)
}

// refUnicode takes a \u or \U escape, or one half of a pair.
func refUnicode(r *reference, text string) error {
	v, err := strconv.ParseInt(text[2:], 16, 64)
	switch {
	case err != nil:
		return err
	case r.state == "surrogate":
		if v < 0xDC00 || v > 0xDFFF {
			return errReference
		}
		r.value = utf8.AppendRune(r.value, 0x10000+(r.surrogate-0xD800)*0x400+rune(v)-0xDC00)
		r.state = "escaped"
	case v >= 0xD800 && v <= 0xDBFF:
		r.surrogate, r.state = rune(v), "surrogate"
	case v == 0 || v > 0x10FFFF || v >= 0xDC00 && v <= 0xDFFF:
		return errReference
	default:
		r.value = utf8.AppendRune(r.value, rune(v))
	}
	return nil
}

func (r *reference) escapedByte(digits string, base int) error {
	v, err := strconv.ParseInt(digits, base, 32)
	c := byte(v)
	r.check = r.check || c == 0 || c >= 0x80
	r.value = append(r.value, c)
	return err
}

// less throws all but the first n bytes of the match back.
func (r *reference) less(text string, n int) { r.pos -= len(text) - n }

// add ends the token that began at start.
func (r *reference) add(kind string) {
	offset := func(pos int) int { return utf8.RuneCountInString(r.in[:pos]) }
	r.tokens = append(r.tokens, bound{kind, offset(r.start), offset(r.pos)})
	r.values = append(r.values, string(r.value))
	r.value = nil
}

// refBytes turns characters back into the bytes that they stand for.
func refBytes(text string) []byte {
	var b []byte
	for _, c := range text {
		b = append(b, byte(c))
	}
	return b
}

// referenceLex returns the tokens of a text and the values of its strings.
func referenceLex(sql string, conforming bool) ([]bound, []string, error) {
	var in strings.Builder
	for _, c := range []byte(sql) {
		in.WriteRune(rune(c))
	}
	r := &reference{in: in.String(), conforming: conforming, tokens: []bound{}}
	for r.pos < len(r.in) || r.state == "stopped" {
		if r.state == "" {
			r.start = r.pos
		}
		best, length := -1, -1
		for i, rule := range referenceRules[r.state] {
			if m := rule.pattern.FindStringIndex(r.in[r.pos:]); m != nil && m[1] > length {
				best, length = i, m[1]
			}
		}
		if best < 0 {
			return nil, nil, errReference
		}
		text := r.in[r.pos : r.pos+length]
		r.pos += length
		if err := referenceRules[r.state][best].act(r, text); err != nil {
			return nil, nil, err
		}
	}
	if r.state != "" {
		return nil, nil, errReference
	}
	return r.tokens, r.values, nil
}
