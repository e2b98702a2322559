package guard

import (
	"bytes"
	"strconv"
)

// maxSequence bounds what is held back of a control sequence; no allowed one
// is nearly as long.
const maxSequence = 64

// control measures the control sequence (CSI, ECMA-48 section 5.4) that data
// begins with: parameters 0x30-0x3f, intermediates 0x20-0x2f, one final byte
// 0x40-0x7e. complete tells that the final byte was there; otherwise n is how
// far data could still be the beginning of one.
func control(data []byte) (n int, complete bool) {
	if len(data) > 1 && data[1] != '[' {
		return 1, false
	}
	for i := 2; i < min(len(data), maxSequence); i++ {
		switch b := data[i]; {
		case b >= 0x40 && b <= 0x7e:
			return i + 1, true
		case b < 0x20 || b > 0x3f:
			return i, false
		}
	}
	return min(len(data), maxSequence), false
}

// allowed judges a complete control sequence.
func allowed(seq []byte, mode Mode) bool {
	params, final := seq[2:len(seq)-1], seq[len(seq)-1]
	if final == 'm' {
		return rendition(params)
	}
	if mode != Progress {
		return false
	}
	switch final {
	case 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 's', 'u':
		return len(bytes.Trim(params, "0123456789;")) == 0
	case 'l', 'h': // the cursor's visibility
		return string(params) == "?25"
	}
	return false
}

// rendition judges the parameters of SGR: colours and weights may pass, what
// hides text or makes it blink may not.
func rendition(params []byte) bool {
	if len(bytes.Trim(params, "0123456789;:")) != 0 {
		return false
	}
	list := bytes.Split(params, []byte{';'})
	for i := 0; i < len(list); i++ {
		number, _, sub := bytes.Cut(list[i], []byte{':'})
		n := 0
		if len(number) > 0 {
			var err error
			if n, err = strconv.Atoi(string(number)); err != nil {
				return false
			}
		}
		switch n {
		case 5, 6, 8:
			return false
		case 38, 48, 58: // an index or three components follow, in parameters of their own unless joined by colons
			if sub {
				continue
			}
			if i+1 >= len(list) {
				return false
			}
			switch string(list[i+1]) {
			case "5":
				i += 2
			case "2":
				i += 4
			default:
				return false
			}
		}
	}
	return true
}

// resets tells whether an SGR sequence ends with everything back to normal.
func resets(seq []byte) bool {
	params := seq[2 : len(seq)-1]
	last := params[bytes.LastIndexByte(params, ';')+1:]
	return len(bytes.Trim(last, "0")) == 0
}
