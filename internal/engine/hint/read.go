package hint

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"sync"
)

// most is how many different paths are explained.
const most = 5

// notExecutable is how shells and runtimes end when they find a program that
// they may not execute (POSIX, XCU 2.8.2).
const notExecutable = 126

// Refused is something that the kernel refused, in the words of a container's output.
type Refused struct {
	// Path is what it was about.
	Path string
	// Exec is true when it was to be executed or mapped as code, and not to be written.
	Exec bool
	// Dir is true when it was to become a directory.
	Dir bool
}

// words are what programs say when the kernel refuses: strerror(3), Go, Python, Node, Java, shells, ld.so.
var words = sync.OnceValue(func() (w struct{ readOnly, noMap, denied, dir, absolute, quoted, bare *regexp.Regexp }) {
	w.readOnly = regexp.MustCompile(`(?i)read-only file ?system`)
	w.noMap = regexp.MustCompile(`failed to map segment from shared object`)
	w.denied = regexp.MustCompile(`(?i)permission denied`)
	w.dir = regexp.MustCompile(`(?i)mkdir|make.?dirs|directory`)
	// Quotes and punctuation end a path.
	w.absolute = regexp.MustCompile("(?:^|[\\s'\"`(=‘“\\[])(/[^\\s'\"`:,;()\\[\\]‘’“”]+)")
	w.quoted = regexp.MustCompile("['\"`‘“]([^\\s'\"`:‘’“”]+)['\"`’”]")
	w.bare = regexp.MustCompile(`(?:create|open|mkdir|touch) ([^\s'":/][^\s'":]*)`)
	return w
})

// Read finds what was refused in the output of a container that ended with an
// exit status, each path once. Relative paths are taken from cwd, where an image
// names one; a shell that began at the root has gone who knows where.
func Read(output []byte, code int, cwd string) []Refused {
	var out []Refused
	for line := range bytes.Lines(output) {
		found := Refused{Dir: words().dir.Match(line)}
		at := words().readOnly.FindIndex(line)
		if at == nil {
			found = Refused{Exec: true}
			if at = words().noMap.FindIndex(line); at == nil && code == notExecutable {
				at = words().denied.FindIndex(line)
			}
		}
		if at == nil {
			continue
		}
		found.Path = nearest(line[:at[0]], line[at[1]:], cwd)
		if found.Path == "" || slices.ContainsFunc(out, func(r Refused) bool { return r.Path == found.Path }) {
			continue
		}
		if out = append(out, found); len(out) == most {
			break
		}
	}
	return out
}

// nearest is the path that a message is about: the last one before the
// words, else the first one after them; absolute, or relative to cwd.
func nearest(before, after []byte, cwd string) string {
	for _, shape := range []*regexp.Regexp{words().absolute, words().quoted, words().bare} {
		if all := shape.FindAllSubmatch(before, -1); len(all) > 0 {
			return clean(all[len(all)-1][1], cwd)
		}
		if first := shape.FindSubmatch(after); first != nil {
			return clean(first[1], cwd)
		}
	}
	return ""
}

// clean keeps a terminal's control sequences out of what people are shown.
func clean(p []byte, cwd string) string {
	if bytes.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return ""
	}
	if path.IsAbs(string(p)) {
		return path.Clean(string(p))
	}
	if cwd == "" || cwd == "/" {
		return ""
	}
	return path.Join("/", cwd, string(p))
}
