package debian

import (
	"bytes"
	"os"
	"strings"
)

// source is where packages come from.
type source struct {
	release string   // its codename
	files   []string // apt's sources, as arguments of mmdebstrap
	text    string   // what is in them
}

// ownSource is the machine's own release, with the mirrors that its apt uses.
func ownSource() (source, error) {
	release, err := codename()
	if err != nil {
		return source{}, err
	}
	// Other vendors' sources are of no use to an image. Where the distribution's are called otherwise, mmdebstrap asks the
	// release's usual mirror.
	for _, path := range []string{"/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources", "/etc/apt/sources.list"} {
		if text, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(text)) > 0 {
			return source{release, []string{path}, string(text)}, nil
		}
	}
	return source{release: release}, nil
}

// codename is the machine's own release: os-release(5).
func codename() (string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"`), nil
		}
	}
	return "", &LackError{"packages to make images from: its /etc/os-release names no VERSION_CODENAME, so it is neither Debian nor Ubuntu"}
}
