package strict

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// decoder walks over one body, once.
type decoder struct {
	data   []byte
	off    int
	depth  int
	values int
	path   []step
	opts   Options
}

// space skips insignificant white space (RFC 8259, section 2).
func (d *decoder) space() {
	for d.off < len(d.data) {
		switch d.data[d.off] {
		case ' ', '\t', '\n', '\r':
			d.off++
		default:
			return
		}
	}
}

// peek returns the next significant byte without consuming it; 0 at the end.
func (d *decoder) peek() byte {
	d.space()
	if d.off == len(d.data) {
		return 0
	}
	return d.data[d.off]
}

// expect consumes the given byte.
func (d *decoder) expect(c byte) error {
	switch got := d.peek(); {
	case got == c:
		d.off++
		return nil
	case d.off == len(d.data):
		return d.fail("the JSON ends too early, %q is expected", c)
	default:
		return d.fail("%q is expected, not %q", c, got)
	}
}

// literal consumes a word such as null.
func (d *decoder) literal(word string) error {
	if len(d.data)-d.off < len(word) || string(d.data[d.off:d.off+len(word)]) != word {
		return d.fail("this is not JSON")
	}
	d.off += len(word)
	return nil
}

// number consumes a number and returns it as it was written.
func (d *decoder) number() (string, error) {
	start := d.off
	if d.at('-') {
		d.off++
	}
	switch {
	case d.at('0'):
		d.off++
	case !d.digits():
		return "", d.fail("this is not JSON")
	}
	if d.at('.') {
		d.off++
		if !d.digits() {
			return "", d.fail("this is not a number")
		}
	}
	if d.at('e') || d.at('E') {
		d.off++
		if d.at('+') || d.at('-') {
			d.off++
		}
		if !d.digits() {
			return "", d.fail("this is not a number")
		}
	}
	return string(d.data[start:d.off]), nil
}

// at reports whether the byte under the cursor, white space included, is c.
func (d *decoder) at(c byte) bool { return d.off < len(d.data) && d.data[d.off] == c }

// digits consumes digits and reports whether there were any.
func (d *decoder) digits() bool {
	start := d.off
	for d.off < len(d.data) && d.data[d.off] >= '0' && d.data[d.off] <= '9' {
		d.off++
	}
	return d.off > start
}

// text consumes a string.
func (d *decoder) text() (string, error) {
	if err := d.expect('"'); err != nil {
		return "", err
	}
	start := d.off
	for d.off < len(d.data) {
		switch c := d.data[d.off]; {
		case c == '"':
			s := string(d.data[start:d.off])
			if !utf8.ValidString(s) {
				return "", d.fail("this text is not valid UTF-8")
			}
			d.off++
			return s, nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", d.fail("a control character stands unescaped in a text")
		}
		d.off++
	}
	return "", d.fail("a text has no end")
}

// escaped goes on with a string at its first backslash.
func (d *decoder) escaped(start int) (string, error) {
	out := append(make([]byte, 0, 2*(d.off-start)+16), d.data[start:d.off]...)
	for d.off < len(d.data) {
		switch c := d.data[d.off]; {
		case c == '"':
			if !utf8.Valid(out) {
				return "", d.fail("this text is not valid UTF-8")
			}
			d.off++
			return string(out), nil
		case c < ' ':
			return "", d.fail("a control character stands unescaped in a text")
		case c == '\\':
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
			d.off++
		}
	}
	return "", d.fail("a text has no end")
}

var simpleEscapes = [256]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape consumes one escape sequence.
func (d *decoder) escape() (rune, error) {
	d.off++ // the backslash
	if d.off == len(d.data) {
		return 0, d.fail("a text has no end")
	}
	c := d.data[d.off]
	d.off++
	if r := simpleEscapes[c]; r != 0 {
		return r, nil
	}
	if c != 'u' {
		return 0, d.fail("a text has an unknown escape sequence")
	}
	r, err := d.hex()
	switch {
	case err != nil:
		return 0, err
	case r == 0:
		return 0, d.fail("a text holds a NUL character")
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	if !d.at('\\') || d.off+1 >= len(d.data) || d.data[d.off+1] != 'u' {
		return 0, d.fail("half of a surrogate pair stands alone in a text")
	}
	d.off += 2
	low, err := d.hex()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, d.fail("half of a surrogate pair stands alone in a text")
	}
	return r, nil
}

// hex consumes the four digits of a \u escape.
func (d *decoder) hex() (rune, error) {
	if len(d.data)-d.off < 4 {
		return 0, d.fail("a text has no end")
	}
	n, err := strconv.ParseUint(string(d.data[d.off:d.off+4]), 16, 16)
	if err != nil {
		return 0, d.fail("a text has an unknown escape sequence")
	}
	d.off += 4
	return rune(n), nil
}
