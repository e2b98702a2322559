package guard

import (
	"io"
	"sync"
	"unicode/utf8"
)

// Mode is what a stream may do to the terminal besides writing lines of text.
type Mode uint8

const (
	// Text allows nothing but text, tab and line feed.
	Text Mode = iota
	// Colour allows colours and weights too (SGR, ECMA-48 section 8.3.117),
	// but neither hidden nor blinking text.
	Colour
	// Progress allows what a progress display redraws with: carriage return,
	// cursor movement and erasing. It is for output of the client's own making.
	Progress
)

// escape is the control that begins every escape sequence.
const escape = 0x1b

// Writer guards one stream. It is safe for concurrent use. A sequence that is
// allowed is written whole or not at all, so that two guarded streams on one
// terminal cannot compose a third.
type Writer struct {
	mu       sync.Mutex
	w        io.Writer
	mode     Mode
	held     []byte // the beginning of a character or sequence whose end has not come yet
	out      []byte // reused between writes
	coloured bool   // a colour was set and not reset
}

// New returns a guard before w.
func New(w io.Writer, mode Mode) *Writer { return &Writer{w: w, mode: mode} }

// SetMode changes what is allowed from the next write on.
func (g *Writer) SetMode(mode Mode) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = mode
}

// Write passes p on, guarded. Up to 64 bytes at its end are held back when
// they may be the beginning of an allowed sequence. It returns the error of
// the underlying writer.
func (g *Writer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	data := p
	if len(g.held) > 0 {
		data = append(g.held, p...)
		g.held = nil
	}
	g.out = g.out[:0]
	rest := g.filter(data, false)
	if len(rest) > 0 {
		g.held = append([]byte(nil), rest...)
	}
	if err := g.emit(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what was held back, visibly, and resets colours that were left
// on. It does not close the underlying writer.
func (g *Writer) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out = g.out[:0]
	g.filter(g.held, true)
	g.held = nil
	if g.coloured {
		g.out = append(g.out, "\x1b[0m"...)
		g.coloured = false
	}
	return g.emit()
}

func (g *Writer) emit() error {
	if len(g.out) == 0 {
		return nil
	}
	_, err := g.w.Write(g.out)
	return err
}

// filter appends the guarded form of data to g.out and returns the end that it
// cannot judge yet; with final there is none.
func (g *Writer) filter(data []byte, final bool) []byte {
	for len(data) > 0 {
		n := plain(data)
		if n > 0 {
			g.out = append(g.out, data[:n]...)
			data = data[n:]
			continue
		}
		n, wait := g.special(data, final)
		if wait {
			return data
		}
		data = data[n:]
	}
	return nil
}

// special handles what data begins with, which is not plain text, and returns
// how many bytes that was, or that more must come before it can be judged.
func (g *Writer) special(data []byte, final bool) (n int, wait bool) {
	switch b := data[0]; {
	case b == '\r':
		if g.mode == Progress || len(data) > 1 && data[1] == '\n' {
			g.out = append(g.out, '\r')
			return 1, false
		}
		if len(data) == 1 && !final {
			return 0, true
		}
		g.out = caret(g.out, b)
		return 1, false
	case b == escape && g.mode != Text:
		return g.sequence(data, final)
	case b < utf8.RuneSelf:
		g.out = caret(g.out, b)
		return 1, false
	default:
		if !final && !utf8.FullRune(data) {
			return 0, true
		}
		r, size := utf8.DecodeRune(data)
		g.out = visible(g.out, r, data[:size])
		return size, false
	}
}

// sequence handles an escape sequence where some are allowed.
func (g *Writer) sequence(data []byte, final bool) (n int, wait bool) {
	n, complete := control(data)
	switch {
	case complete && allowed(data[:n], g.mode):
		g.out = append(g.out, data[:n]...)
		if data[n-1] == 'm' {
			g.coloured = !resets(data[:n])
		}
		return n, false
	case !complete && n == len(data) && n < maxSequence && !final:
		return 0, true
	}
	g.out = caret(g.out, escape)
	return 1, false
}

// plain returns how many bytes at the start of data every terminal takes as text.
func plain(data []byte) int {
	for i, b := range data {
		if (b < ' ' && b != '\n' && b != '\t') || b >= 0x7f {
			return i
		}
	}
	return len(data)
}
