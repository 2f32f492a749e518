package canon

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
)

// isSpace is C's isspace, which the input functions of PostgreSQL go by.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// foldEqual compares b without regard to ASCII case with lower, which is in lower case.
func foldEqual(b []byte, lower string) bool {
	return len(b) == len(lower) && foldPrefix(b, lower)
}

func foldPrefix(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// boolFromText takes every unambiguous beginning of true, false, yes, no, on
// and off, and 1 and 0.
func boolFromText(dst, text []byte) ([]byte, error) {
	b := trimSpace(text)
	word := func(w string, least int) bool {
		return len(b) >= least && len(b) <= len(w) && foldPrefix(b, w[:len(b)])
	}
	switch {
	case word("true", 1), word("yes", 1), word("on", 2), word("1", 1):
		return append(dst, 1), nil
	case word("false", 1), word("no", 1), word("off", 2), word("0", 1):
		return append(dst, 0), nil
	}
	return nil, errSyntax(Bool)
}

func intFromText(dst []byte, k Kind, text []byte) ([]byte, error) {
	n, state := parseInt(text)
	if state == stateSyntax {
		if _, err := appendInt(nil, k, n); err != nil {
			return nil, err
		}
		return nil, errSyntax(k)
	}
	if state != "" {
		return nil, errRange(k)
	}
	return appendInt(dst, k, n)
}

// parseInt reads a decimal integer with a sign and white space around it, and
// returns "" or the SQLSTATE of what is wrong. PostgreSQL meets an overflow
// before the junk that follows it, so for junk n is minus the digits before it.
func parseInt(text []byte) (n int64, state string) {
	b := trimSpace(text)
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, stateSyntax
	}
	for _, c := range b {
		if !isDigit(c) {
			return n, stateSyntax
		}
		d := int64(c - '0')
		// Counting downwards, because the smallest integer has no positive twin.
		if n < (math.MinInt64+d)/10 {
			return 0, stateRange
		}
		n = n*10 - d
	}
	if negative {
		return n, ""
	}
	if n == math.MinInt64 {
		return 0, stateRange
	}
	return -n, ""
}

// appendInt appends n as an integer of kind k, if it is in range.
func appendInt(dst []byte, k Kind, n int64) ([]byte, error) {
	switch k {
	case Int2:
		if n == int64(int16(n)) {
			return binary.BigEndian.AppendUint16(dst, uint16(n)), nil
		}
	case Int4:
		if n == int64(int32(n)) {
			return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
		}
	case Int8:
		return binary.BigEndian.AppendUint64(dst, uint64(n)), nil
	}
	return nil, errRange(k)
}

// intValue reads an integer of any of the three sizes.
func intValue(v []byte) int64 {
	switch len(v) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	}
	return int64(binary.BigEndian.Uint64(v))
}

func intToText(dst, v []byte) []byte { return strconv.AppendInt(dst, intValue(v), 10) }

// uuidFromText takes 32 hexadecimal digits, a hyphen after any group of four,
// and braces around the whole.
func uuidFromText(dst, text []byte) ([]byte, error) {
	b := text
	if len(b) > 0 && b[0] == '{' {
		if b[len(b)-1] != '}' || len(b) < 2 {
			return nil, errSyntax(UUID)
		}
		b = b[1 : len(b)-1]
	}
	for i := range 16 {
		if len(b) < 2 {
			return nil, errSyntax(UUID)
		}
		hi, lo := hexDigit(b[0]), hexDigit(b[1])
		if hi < 0 || lo < 0 {
			return nil, errSyntax(UUID)
		}
		dst = append(dst, byte(hi<<4|lo))
		b = b[2:]
		if i%2 == 1 && i < 15 && len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
	}
	if len(b) > 0 {
		return nil, errSyntax(UUID)
	}
	return dst, nil
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func uuidToText(dst, v []byte) []byte {
	dst = hex.AppendEncode(dst, v[:4])
	for _, part := range [...][]byte{v[4:6], v[6:8], v[8:10], v[10:16]} {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
