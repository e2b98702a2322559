package config

import (
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Bounds of texts, in bytes.
const (
	maxText   = 256 << 10 // of one descriptive text; RUN lines with here-documents are long
	maxString = 128 << 10 // of one argument or variable: what Linux hands to a program (MAX_ARG_STRLEN)
	maxTotal  = 1 << 20   // of all arguments, of all variables, of all labels
	maxItems  = 4096      // arguments, variables or labels
)

// field names an element of a list.
func field(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// control returns the first control character of s that does more than lay out text, -1 for none. Such characters steer
// terminals; tab, newline and carriage return stay.
func control(s string) int {
	return strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f
	})
}

// checkText refuses texts that are too long or would steer the terminal they are shown on.
func checkText(name, s string, limit int) error {
	if len(s) > limit {
		return hostile.Refuse("config-too-long", name, "it has %d bytes, at most %d are allowed", len(s), limit)
	}
	if i := control(s); i >= 0 {
		return hostile.Refuse("config-control-character", name, "it has the control character 0x%02x, which could steer a terminal", s[i])
	}
	return nil
}

// checkStrings bounds a list of strings that a program gets; a NUL would cut them short.
func checkStrings(name string, list []string) error {
	if len(list) > maxItems {
		return hostile.Refuse("config-too-long", name, "it has %d elements, at most %d are allowed", len(list), maxItems)
	}
	total := 0
	for i, s := range list {
		if strings.IndexByte(s, 0) >= 0 {
			return hostile.Refuse("config-nul", field(name, i), "it has a NUL byte")
		}
		if total += len(s); len(s) > maxString || total > maxTotal {
			return hostile.Refuse("config-too-long", field(name, i), "Linux gives a program at most %d bytes in one string, and an image may have %d in all", maxString, maxTotal)
		}
	}
	return nil
}
