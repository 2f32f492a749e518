package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maskRune stands for a hidden character.
const maskRune = "*"

// Apply returns what a role with this mask sees of s, a value in its text form
// (dates and timestamps in ISO form). Applying a mask twice gives the same as
// applying it once, so a value that equals its own mask may be a masked value
// that was read and is being written back. MaskDefault hides everything.
func (m Mask) Apply(s string) string {
	switch m.Kind {
	case MaskKeepLast:
		return keepLast(s, m.N)
	case MaskKeepFirst:
		return keepFirst(s, m.N)
	case MaskInitials:
		return initials(s)
	case MaskYear:
		return year(s)
	case MaskEmail:
		return email(s)
	case MaskText:
		return m.Text
	default:
		return hide(s)
	}
}

func hide(s string) string { return strings.Repeat(maskRune, utf8.RuneCountInString(s)) }

// keepLast hides a value that is not longer than n wholly: the last four of
// four characters are the value itself.
func keepLast(s string, n int) string {
	runes := []rune(s)
	if n <= 0 || len(runes) <= n {
		return hide(s)
	}
	hidden := len(runes) - n
	return strings.Repeat(maskRune, hidden) + string(runes[hidden:])
}

func keepFirst(s string, n int) string {
	runes := []rune(s)
	if n <= 0 || len(runes) <= n {
		return hide(s)
	}
	return string(runes[:n]) + strings.Repeat(maskRune, len(runes)-n)
}

// initials turns "SHARMA, JOSÉ" into "S. J.". Words without a letter vanish; a
// value without any becomes one star.
func initials(s string) string {
	if s == "" {
		return ""
	}
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(s, isBetweenWords) {
		first := strings.IndexFunc(word, unicode.IsLetter)
		if first < 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		letter, _ := utf8.DecodeRuneInString(word[first:])
		b.WriteRune(letter)
		b.WriteByte('.')
	}
	if b.Len() == 0 {
		return maskRune
	}
	return b.String()
}

func isBetweenWords(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(",;/", r)
}

// email turns "jose@example.org" into "j***@example.org". What has no @ is hidden.
func email(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return hide(s)
	}
	// An empty name gets a star as its first letter, so that the mask of the
	// mask is the mask.
	first := maskRune
	if at > 0 {
		letter, _ := utf8.DecodeRuneInString(s)
		first = string(letter)
	}
	return first + "***" + s[at:]
}

// year turns "1991-03-06 12:30:00+01" into "1991-01-01 00:00:00+01". Infinity
// stays; what is no ISO date is hidden.
func year(s string) string {
	if s == "infinity" || s == "-infinity" {
		return s
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits < 4 {
		return hide(s)
	}
	rest, ok := skipDigits(s[digits:], "-00-00")
	if !ok {
		return hide(s)
	}
	masked := s[:digits] + "-01-01"
	if after, ok := skipDigits(rest, " 00:00:00"); ok {
		masked += " 00:00:00"
		rest = after
		if strings.HasPrefix(rest, ".") {
			rest = strings.TrimLeft(rest[1:], "0123456789")
		}
	}
	if !isZoneAndEra(rest) {
		return hide(s)
	}
	return masked + rest
}

// skipDigits skips a prefix of s that looks like the pattern, in which 0 stands for any digit.
func skipDigits(s, pattern string) (rest string, ok bool) {
	if len(s) < len(pattern) {
		return s, false
	}
	for i := range len(pattern) {
		isDigit := s[i] >= '0' && s[i] <= '9'
		if pattern[i] == '0' && !isDigit || pattern[i] != '0' && s[i] != pattern[i] {
			return s, false
		}
	}
	return s[len(pattern):], true
}

// isZoneAndEra accepts "", "+05:30", "-08 BC" and the like.
func isZoneAndEra(s string) bool {
	s = strings.TrimSuffix(s, " BC")
	if s == "" {
		return true
	}
	if s[0] != '+' && s[0] != '-' {
		return false
	}
	return len(s) > 1 && len(s) <= len("+15:59:59") && strings.Trim(s[1:], "0123456789:") == ""
}
