package hostile

import "strconv"

// maxQuoted is how much of a name given by an attacker an error repeats.
const maxQuoted = 200

// quote makes a name safe to print on a terminal: escaped, and cut when it is very long.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(s[:maxQuoted]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
