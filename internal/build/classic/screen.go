package classic

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// Screen writes progress as the classic builder did: the steps of the Dockerfile, what they print, and whether they were
// taken from the cache.
type Screen struct {
	write func(string)
	shown map[digest.Digest]bool
	done  map[digest.Digest]bool
}

// NewScreen makes a screen that writes text, whole lines at a time.
func NewScreen(write func(string)) *Screen {
	return &Screen{write: write, shown: map[digest.Digest]bool{}, done: map[digest.Digest]bool{}}
}

// stepName is how BuildKit names a step of a Dockerfile: [stage 2/5] RUN make.
var stepName = regexp.MustCompile(`^\[(?:(.+) )?(\d+/\d+)\] (.*)$`)

// Show writes what is new in s.
func (s *Screen) Show(st *client.SolveStatus) {
	for _, v := range st.Vertexes {
		m := stepName.FindStringSubmatch(v.Name)
		if m == nil || v.Started == nil {
			continue
		}
		if !s.shown[v.Digest] {
			s.shown[v.Digest] = true
			stage := ""
			if m[1] != "" {
				stage = " (" + m[1] + ")"
			}
			s.write(fmt.Sprintf("Step %s%s : %s\n", m[2], stage, m[3]))
		}
		if v.Completed != nil && !s.done[v.Digest] {
			s.done[v.Digest] = true
			if v.Cached {
				s.write(" ---> Using cache\n")
			}
		}
	}
	for _, l := range st.Logs {
		s.write(string(l.Data))
	}
	for _, w := range st.Warnings {
		s.write("[Warning] " + strings.TrimSpace(string(w.Short)) + "\n")
	}
}
