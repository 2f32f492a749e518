package canon

import "encoding/hex"

// byteaFromText takes both forms: hexadecimal after \x, and escapes.
func byteaFromText(dst, text []byte) ([]byte, error) {
	if len(text) >= 2 && text[0] == '\\' && text[1] == 'x' {
		return byteaFromHex(dst, text[2:])
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			dst = append(dst, text[i])
			continue
		}
		rest := text[i+1:]
		switch {
		case len(rest) >= 1 && rest[0] == '\\':
			dst = append(dst, '\\')
			i++
		case len(rest) >= 3 && '0' <= rest[0] && rest[0] <= '3' && isOctal(rest[1]) && isOctal(rest[2]):
			dst = append(dst, (rest[0]-'0')<<6|(rest[1]-'0')<<3|(rest[2]-'0'))
			i += 3
		default:
			return nil, errSyntax(Bytea)
		}
	}
	return dst, nil
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// byteaFromHex allows white space between the bytes, not inside one.
func byteaFromHex(dst, text []byte) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\n', '\t', '\r':
			continue
		}
		hi := hexDigit(text[i])
		if hi < 0 {
			return nil, invalid(stateParameter, "invalid hexadecimal digit")
		}
		i++
		if i == len(text) {
			return nil, invalid(stateParameter, "invalid hexadecimal data: odd number of digits")
		}
		lo := hexDigit(text[i])
		if lo < 0 {
			return nil, invalid(stateParameter, "invalid hexadecimal digit")
		}
		dst = append(dst, byte(hi<<4|lo))
	}
	return dst, nil
}

func byteaToText(dst []byte, s *Settings, v []byte) []byte {
	if !s.byteaEscape() {
		return hex.AppendEncode(append(dst, '\\', 'x'), v)
	}
	for _, c := range v {
		switch {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
