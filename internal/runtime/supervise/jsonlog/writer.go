package jsonlog

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// The streams, as the Docker API numbers them.
const (
	Stdout = 1
	Stderr = 2
)

// MaxLine is how many bytes of text one entry holds at most; longer lines are
// cut into several entries.
const MaxLine = 16 << 10

// flushAt is how much is gathered before it is written. ScratchSize is that
// and the longest entry on top: every byte of a line as \u00XX, and the rest.
const (
	flushAt     = 64 << 10
	ScratchSize = flushAt + 6*MaxLine + 1024
)

// keepRest is the size up to which memory for an incomplete line is kept.
const keepRest = 4 << 10

// Writer is one container's log. It is used from one goroutine.
type Writer struct {
	file   file
	out    []byte // entries that are not written yet
	lines  int    // how many entries are in out
	rest   [2][]byte
	lost   uint64 // entries dropped since the last one that was written
	stamp  []byte
	stamps [len(time.RFC3339Nano) + 8]byte
}

// Open opens the log at path and appends to it. maxSize is the size in bytes
// beyond which a file is rotated (0: never), maxFiles how many are kept.
// scratch is memory of ScratchSize that nobody uses during a call; it may be
// shared with others and dropped in between.
func Open(path string, maxSize int64, maxFiles int, scratch []byte) (*Writer, error) {
	w := &Writer{out: scratch[:0]}
	return w, w.file.open(path, maxSize, max(maxFiles, 1))
}

// Write logs what a stream gave. Complete lines are in the file when it
// returns; the rest waits for its line break, for MaxLine bytes, or for End.
func (w *Writer) Write(stream byte, p []byte, now time.Time) {
	w.begin(now)
	rest := &w.rest[(stream-1)&1]
	for len(p) > 0 {
		n := bytes.IndexByte(p, '\n') + 1
		switch room := MaxLine - len(*rest); {
		case n > 0 && n <= room && len(*rest) == 0:
			w.entry(stream, p[:n])
		case n > 0 && n <= room:
			*rest = append(*rest, p[:n]...)
			w.entry(stream, *rest)
			*rest = (*rest)[:0]
		default:
			n = min(len(p), room)
			*rest = append(*rest, p[:n]...)
			if n == room {
				whole := complete(*rest)
				w.entry(stream, (*rest)[:whole])
				*rest = append((*rest)[:0], (*rest)[whole:]...)
			}
		}
		p = p[n:]
	}
	if len(*rest) == 0 && cap(*rest) > keepRest {
		*rest = nil
	}
	w.flush()
}

// complete is how many bytes of b are left when a character that has only
// begun at its end is not counted.
func complete(b []byte) int {
	for i := len(b) - 1; i > 0 && i >= len(b)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

// End logs what is left of a stream that will give no more.
func (w *Writer) End(stream byte, now time.Time) {
	rest := &w.rest[(stream-1)&1]
	if len(*rest) == 0 {
		return
	}
	w.begin(now)
	w.entry(stream, *rest)
	*rest = nil
	w.flush()
}

// Close writes a last note about what was lost, and closes the file.
func (w *Writer) Close(now time.Time) {
	w.begin(now)
	w.note()
	w.flush()
	w.file.close()
}

func (w *Writer) begin(now time.Time) {
	w.stamp = now.UTC().AppendFormat(w.stamps[:0], time.RFC3339Nano)
}

func (w *Writer) entry(stream byte, text []byte) {
	w.note()
	before := len(w.out)
	w.out = appendEntry(w.out, text, stream, w.stamp)
	if w.file.over(before, len(w.out)) {
		// This entry opens the next file; what came before it completes this one.
		w.out = w.out[:before]
		w.flush()
		w.file.rotate()
		w.note()
		w.out = appendEntry(w.out, text, stream, w.stamp)
	}
	w.lines++
	if len(w.out) >= flushAt {
		w.flush()
	}
}

// note says what is missing, ahead of the first entry that may succeed.
func (w *Writer) note() {
	if w.lost == 0 && !w.file.emptied || w.lines > 0 {
		return
	}
	text := append([]byte("bailey: "), strconv.FormatUint(w.lost, 10)...)
	text = append(text, " log lines are missing here: "...)
	if w.lost == 0 {
		text = append(text[:0], "bailey: older log lines were dropped, because the log could not be rotated: "...)
	}
	text = append(append(text, w.file.why...), '\n')
	w.out = appendEntry(w.out, text, Stderr, w.stamp)
}

func (w *Writer) flush() {
	if len(w.out) == 0 {
		return
	}
	if w.file.write(w.out) {
		w.lost, w.file.emptied = 0, false
	} else {
		w.lost += uint64(w.lines)
	}
	w.out, w.lines = w.out[:0], 0
}
