package runtime

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/payload"
)

// Helper is a shipped program of which the node runs one process, beside the
// daemon and beyond its life.
type Helper struct{ r *Runtime }

// Resolver is the program that answers the containers' DNS queries.
func (r *Runtime) Resolver() *Helper { return &Helper{r} }

// Digest is "sha256:" and the hash of the program.
func (h *Helper) Digest() string { return payload.Digest(payload.Resolver) }

// Start executes the program in a session of its own and outside of the
// daemon's control group. The error is an *UnsafeRuntimeError when the program
// is not what it was.
func (h *Helper) Start(args, env []string, files []*os.File) (*os.Process, error) {
	if err := h.r.opened(); err != nil {
		return nil, err
	}
	if err := h.r.verifyAll(h.r.resolver); err != nil {
		return nil, err
	}
	return h.r.startOutside(h.r.resolver.Path, args, env, files, 0)
}

// Running lists the node's processes that execute the program, in whatever
// version. Nothing of a container is in the control group that is looked at.
func (h *Helper) Running() ([]int, error) {
	all, err := h.r.cgroups.SupervisorPids()
	if err != nil {
		return nil, err
	}
	var found []int
	for _, pid := range all {
		exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
		if err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == payload.Resolver {
			found = append(found, pid)
		}
	}
	return found, nil
}
