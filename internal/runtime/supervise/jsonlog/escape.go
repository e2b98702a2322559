package jsonlog

import "unicode/utf8"

const hex = "0123456789abcdef"

// appendString appends s as a JSON string, byte for byte as encoding/json
// does without HTML escaping: what is not UTF-8 becomes U+FFFD.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = appendControl(append(dst, s[start:i]...), c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			i++
			start = i
			continue
		}
		if r == '\u2028' || r == '\u2029' {
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, hex[r&0xf])
			start = i + size
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// appendEntry appends one log line. text holds its line break, if any.
func appendEntry(dst, text []byte, stream byte, stamp []byte) []byte {
	dst = append(dst, `{"log":`...)
	dst = appendString(dst, text)
	if stream == Stderr {
		dst = append(dst, `,"stream":"stderr","time":"`...)
	} else {
		dst = append(dst, `,"stream":"stdout","time":"`...)
	}
	dst = append(dst, stamp...)
	return append(dst, "\"}\n"...)
}
