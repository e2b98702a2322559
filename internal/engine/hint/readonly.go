package hint

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// most is how many different paths are explained.
const most = 5

// WriteRefused is a write that the read-only root file system refused.
type WriteRefused struct {
	// Path is what the program wanted to write, Dir the directory to open for it.
	Path, Dir string
}

// Flag is the option that gives the container a place to write there.
func (w WriteRefused) Flag() string { return "--tmpfs " + w.Dir }

// String says what was refused, why, and what opens it.
func (w WriteRefused) String() string {
	return fmt.Sprintf("bailey: %s could not be written: the root file system is read-only by default. "+
		"Open the directory with %s (in memory) or -v NAME:%s (kept)", w.Path, w.Flag(), w.Dir)
}

// EROFS in the words of strerror(3), Go, Python, Node, Java and shells.
var refusal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)read-only file ?system`)
})

// absolute finds absolute paths; quotes and punctuation end one.
var absolute = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("(?:^|[\\s'\"`(=‘“\\[])(/[^\\s'\"`:,;()\\[\\]‘’“”]+)")
})

// ReadOnly finds refused writes in a container's output, each path once.
func ReadOnly(output []byte) []WriteRefused {
	var out []WriteRefused
	for line := range bytes.Lines(output) {
		at := refusal().FindIndex(line)
		if at == nil {
			continue
		}
		p := nearest(line[:at[0]], line[at[1]:])
		if p == "" || slices.ContainsFunc(out, func(w WriteRefused) bool { return w.Path == p }) {
			continue
		}
		if out = append(out, WriteRefused{Path: p, Dir: directory(p)}); len(out) == most {
			break
		}
	}
	return out
}

// nearest is the path that the message is about: the last one before the
// words, else the first one after them.
func nearest(before, after []byte) string {
	if all := absolute().FindAllSubmatch(before, -1); len(all) > 0 {
		return clean(all[len(all)-1][1])
	}
	if first := absolute().FindSubmatch(after); first != nil {
		return clean(first[1])
	}
	return ""
}

// clean keeps a terminal's control sequences out of what people are shown.
func clean(p []byte) string {
	if bytes.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return ""
	}
	return path.Clean(string(p))
}

// directory is what has to be opened: where the path lies, or the path itself
// when it lies directly below the root.
func directory(p string) string {
	if d := path.Dir(p); d != "/" {
		return d
	}
	return strings.TrimSuffix(p, "/")
}
