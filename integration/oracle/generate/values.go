package generate

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pgveil/pgveil/policy"
)

// Type is a column's declared type.
type Type string

// The types that columns have.
const (
	Text        Type = "text"
	Varchar     Type = "varchar"
	Short       Type = "varchar(24)"
	Citext      Type = "citext"
	Int4        Type = "int4"
	Int8        Type = "int8"
	Numeric     Type = "numeric(12,2)"
	Date        Type = "date"
	Timestamp   Type = "timestamp"
	Timestamptz Type = "timestamptz"
	Bool        Type = "bool"
	UUID        Type = "uuid"
	JSONB       Type = "jsonb"
	Float8      Type = "float8"
	TextArray   Type = "text[]"
)

// types lists all, those that matter most several times.
func types() []Type {
	return []Type{Text, Varchar, Short, Varchar, Text, Int4, Date, Numeric, Bool, Int8, Timestamp, Timestamptz, UUID, Citext, JSONB, Float8, TextArray}
}

// family is what types can share a domain and be compared without a cast.
func (t Type) family() Type {
	if t == Varchar || t == Short {
		return Text
	}
	return t
}

// Sort is what a value is: its type, and the domain that protects it.
type Sort struct {
	Type Type
	// Domain is "" for what is not protected.
	Domain string
	// Equality says that values can be searched for.
	Equality bool
	// Mask is what a clerk sees of them.
	Mask policy.Mask
	// Container says that it is a row, an array or JSON that holds several values:
	// it is shown, and no more.
	Container bool
}

// container is the sort of all containers.
func container() Sort { return Sort{Type: "container", Container: true} }

func (s Sort) protected() bool { return s.Domain != "" }

// fits says whether a value of one sort may stand where the other does.
func (s Sort) fits(o Sort) bool {
	return s.Domain == o.Domain && s.Type.family() == o.Type.family() && !s.Container && !o.Container
}

// searchable says whether values can be compared for equality.
func (s Sort) searchable() bool { return !s.Container && (!s.protected() || s.Equality) }

// marks are what protected values of a world have in common, and nothing else has.
type marks struct{ word, digits, uuid string }

const secretYear = "3947"

func newMarks(c *Choices) marks {
	word := "qzx"
	for range 7 {
		word += string("bcdfghjkmnpqrstvwxz"[c.N(19)])
	}
	digits := "1"
	for range 5 {
		digits += string("3456789"[c.N(7)])
	}
	return marks{word: word, digits: digits, uuid: fmt.Sprintf("5eed%04x-%04x-", c.N(1<<16), c.N(1<<16))}
}

// pool returns the values of a domain, in PostgreSQL's text form. Equal values
// have one form only, so that it does not matter which of them a group shows.
func (m marks) pool(c *Choices, t Type, secret bool) []string {
	word, digits, year, uuid := m.word, m.digits, secretYear, m.uuid
	if !secret {
		word, digits, year, uuid = "plain", "2", "2024", "00000000-0000-"
	}
	n := c.N(9)
	switch t {
	case Text, Varchar, Short:
		return []string{
			word, word + " b", "O'" + word + `"`, "", word + `\n\'`, "Ñé" + word + "日", word + " %_", word + "é", word + "e\u0301",
			" " + word + " ", strings.ToUpper(word), fmt.Sprintf("%s%d and longer than that", word, n), "NULL", "{" + word + ",b}", "$1",
		}
	case Citext:
		return []string{strings.ToUpper(word[:1]) + word[1:], word + " Bé", "", word + "'s", fmt.Sprintf("%s%d", word, n)}
	case Int4:
		return []string{digits + "0" + fmt.Sprint(n), digits + "17", "-" + digits + "23", digits + "42", "0"}
	case Int8:
		return []string{digits + "00000003" + fmt.Sprint(n), digits + "123456789", "-" + digits + "55555555"}
	case Numeric:
		return []string{digits + "1.5" + fmt.Sprint(n), digits + "22.00", "-" + digits + ".10", digits + "3.99", "0.00"}
	case Date:
		return []string{year + "-01-1" + fmt.Sprint(n), year + "-12-31", year + "-02-28", year + "-07-04"}
	case Timestamp:
		return []string{year + "-01-10 10:00:0" + fmt.Sprint(n), year + "-12-31 23:59:59.123456", year + "-02-28 00:00:00"}
	case Timestamptz:
		return []string{year + "-01-10 10:00:0" + fmt.Sprint(n) + "+00", year + "-12-31 23:59:59.5+00", year + "-02-28 00:00:00+00"}
	case Bool:
		return []string{"t", "f"}
	case UUID:
		return []string{uuid + "4000-8000-00000000000" + fmt.Sprint(n), uuid + "4000-8000-abcdefabcdef", uuid + "4000-9000-0123456789ab"}
	case JSONB:
		return []string{`{"k": "` + word + `"}`, `["` + word + `", 1, null]`, `"` + word + `'"`, "null", `{"a": [], "b": "` + word + `"}`}
	case Float8:
		return []string{digits + "." + fmt.Sprint(n+1) + "25", digits + "7.5", "-" + digits + ".0625", "0"}
	default:
		return []string{`{` + word + `,b}`, `{}`, `{NULL,"` + word + ` c"}`, `{"` + word + `'\"x"}`}
	}
}

// variant returns another way to write a value. In a comparison, citext may
// also come in another case.
func variant(c *Choices, t Type, value string, compared bool) string {
	switch t {
	case Int4, Int8:
		return pick(c, []string{value, " " + value + " ", strings.Replace("+"+value, "+-", "-0", 1)})
	case Numeric:
		return pick(c, []string{value, value + "0", strings.Replace("00"+value, "00-", "-00", 1), value + "e0"})
	case Float8:
		return pick(c, []string{value, value + "e0", strings.Replace("0"+value, "0-", "-0", 1)})
	case Date:
		return pick(c, []string{value, strings.ReplaceAll(value, "-", ""), value + " 00:00:00"})
	case Timestamp:
		return pick(c, []string{value, strings.Replace(value, " ", "T", 1)})
	case Timestamptz:
		return pick(c, []string{value, strings.TrimSuffix(value, "+00") + "Z", strings.TrimSuffix(value, "+00") + " UTC"})
	case Bool:
		words := map[string][]string{"t": {"t", "true", "YES", "on", "1"}, "f": {"f", "false", "no", "off", "0"}}
		return pick(c, words[value])
	case UUID:
		return pick(c, []string{value, strings.ToUpper(value), "{" + value + "}", strings.ReplaceAll(value, "-", "")})
	case JSONB:
		return pick(c, []string{value, " " + strings.ReplaceAll(value, ": ", ":"), strings.ReplaceAll(value, ", ", " ,")})
	case Citext:
		if compared {
			return pick(c, []string{value, strings.ToUpper(value), strings.ToLower(value)})
		}
	}
	return value
}

// pattern finds the marks. Numbers must stand alone: sealed values are made of
// letters and digits too.
func (m marks) pattern() *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + m.word + `|` + m.uuid + `|(?:^|[^0-9A-Za-z_.~-])[-+]?0*(?:` + m.digits + `[0-9.]|` +
		secretYear + `-[0-9][0-9]|` + secretYear + `[0-9]{4}|` + strings.ReplaceAll(m.uuid, "-", "") + `)`)
}

// Leak returns the protected value that shows in what the server was given,
// with what stands around it, "" if there is none.
func (w *World) Leak(text []byte) string {
	at := w.leak.FindIndex(text)
	if at == nil {
		return ""
	}
	return string(text[max(0, at[0]-100):min(len(text), at[1]+60)])
}
