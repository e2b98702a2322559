package guard

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Cell returns s as one value of a table or one line of a list: every control
// character is made visible, line feed and tab among them.
func Cell(s string) string {
	if clean(s) {
		return s
	}
	out := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if b < ' ' || b == 0x7f {
				out = caret(out, b)
			} else {
				out = append(out, b)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		out = visible(out, r, []byte(s[i:i+size]))
		i += size
	}
	return string(out)
}

// clean tells that Cell has nothing to do, which is nearly always so.
func clean(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || unsafeRune(r)
	})
}

// caret appends a control character below U+0080 in the notation of cat -v.
func caret(out []byte, b byte) []byte { return append(out, '^', b^0x40) }

// visible appends r, whose encoding is raw, or what stands for it when a
// terminal could obey it.
func visible(out []byte, r rune, raw []byte) []byte {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Appendf(out, `\x%02x`, raw[0])
	case unsafeRune(r) && r != utf8.RuneError:
		return fmt.Appendf(out, "<U+%04X>", r)
	}
	return append(out, raw...)
}

// unsafeRune tells of characters from U+0080 on that are not text: the C1
// controls, which some terminals take as escape sequences, the explicit
// directional controls, which show text in another order than it has
// (CVE-2021-42574), and what stands for bytes that are not UTF-8.
func unsafeRune(r rune) bool {
	switch {
	case r >= 0x80 && r <= 0x9f:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return r == utf8.RuneError
}
