package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mode is which control group interface the host has.
type Mode int

// The modes. Hybrid has the controllers on version 1 and an empty version 2
// tree beside them.
const (
	V1 Mode = iota + 1
	Hybrid
	V2
)

func (m Mode) String() string { return [...]string{"unknown", "v1", "hybrid", "v2"}[m] }

// mountPoint is where OCI runtimes look for control groups, and so do we.
const mountPoint = "/sys/fs/cgroup"

// Host is what the machine's control groups can do.
type Host struct {
	Mode Mode
	// Controllers that can be used, sorted, by their names in /proc/cgroups;
	// version 2's devices and freezer, which have no controller, are named too.
	Controllers []string
	// Swap says that swap can be limited.
	Swap bool
}

// Detect looks at the machine's control groups and changes nothing.
func Detect() (Host, error) {
	l, err := readLayout()
	if err != nil {
		return Host{}, err
	}
	return l.host(), nil
}

// hierarchy is one mounted tree of control groups.
type hierarchy struct {
	mount       string   // where it is mounted
	controllers []string // empty for a named tree of version 1
	unified     bool     // it is version 2
	own         string   // this process's group in it, as a path below mount
}

func (h *hierarchy) has(controller string) bool { return slices.Contains(h.controllers, controller) }

// layout is all that is mounted; with version 2 it is one hierarchy.
type layout struct {
	mode  Mode
	trees []hierarchy
}

func readLayout() (layout, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return layout{}, fmt.Errorf("find the control groups: %w", err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return layout{}, fmt.Errorf("find the node's own control group: %w", err)
	}
	return parseLayout(string(mounts), string(own), mountPoint)
}

var errNotMounted = errors.New("no control groups are mounted on " + mountPoint +
	": let the init system mount them, or run: mount -t cgroup2 none " + mountPoint)

// parseLayout reads /proc/self/mountinfo and /proc/self/cgroup; see proc(5)
// and cgroups(7). Only what is mounted on top or directly below it counts.
func parseLayout(mounts, own, top string) (layout, error) {
	var l layout
	var unified *hierarchy
	for line := range strings.SplitSeq(mounts, "\n") {
		h, root, ok := parseMount(line)
		if !ok || (h.mount != top && filepath.Dir(h.mount) != top) {
			continue
		}
		h.own = ownGroup(own, h, root)
		switch {
		case !h.unified:
			l.trees = append(l.trees, h)
		case h.mount == top:
			h.controllers = words(readShort(h.mount + "/cgroup.controllers"))
			return layout{mode: V2, trees: []hierarchy{h}}, nil
		default:
			unified = &h
		}
	}
	if !slices.ContainsFunc(l.trees, func(h hierarchy) bool { return h.has("memory") || h.has("pids") || h.has("freezer") }) {
		return layout{}, errNotMounted
	}
	l.mode = V1
	if unified != nil {
		l.mode = Hybrid
		l.trees = append(l.trees, *unified)
	}
	return l, nil
}

// parseMount reads one line of mountinfo. root is the group that is mounted.
func parseMount(line string) (h hierarchy, root string, ok bool) {
	before, after, found := strings.Cut(line, " - ")
	f, g := strings.Fields(before), strings.Fields(after)
	if !found || len(f) < 6 || len(g) < 3 || (g[0] != "cgroup" && g[0] != "cgroup2") {
		return h, "", false
	}
	h = hierarchy{mount: unescape(f[4]), unified: g[0] == "cgroup2"}
	if !h.unified {
		for _, option := range strings.Split(g[2], ",") {
			if slices.Contains(v1Controllers, option) {
				h.controllers = append(h.controllers, option)
			}
		}
	}
	return h, unescape(f[3]), true
}

// v1Controllers are the words among mount options that name controllers.
var v1Controllers = []string{
	"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb",
	"memory", "misc", "net_cls", "net_prio", "perf_event", "pids", "rdma",
}

// ownGroup finds a hierarchy's line "id:controllers:path" in /proc/self/cgroup
// and returns the path as it lies below the mount, "/" when it does not.
func ownGroup(own string, h hierarchy, root string) string {
	for line := range strings.SplitSeq(own, "\n") {
		f := strings.SplitN(line, ":", 3)
		if len(f) != 3 {
			continue
		}
		names := strings.Split(f[1], ",")
		if h.unified && f[0] != "0" || !h.unified && (len(h.controllers) == 0 || !slices.Contains(names, h.controllers[0])) {
			continue
		}
		if rest, ok := strings.CutPrefix(f[2], strings.TrimSuffix(root, "/")); ok && !strings.Contains(f[2], "..") {
			return filepath.Clean("/" + rest)
		}
	}
	return "/"
}

// unescape undoes mountinfo's octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func (l layout) host() Host {
	h := Host{Mode: l.mode}
	for _, t := range l.trees {
		h.Controllers = append(h.Controllers, t.controllers...)
	}
	if l.mode == V2 {
		h.Controllers = append(h.Controllers, "devices", "freezer")
		// The top has no such file; any group below it has, if swap is counted.
		found, _ := filepath.Glob(l.trees[0].mount + "/*/memory.swap.max")
		h.Swap = len(found) > 0
	} else if m := l.tree("memory"); m != nil {
		_, err := os.Stat(m.mount + "/memory.memsw.limit_in_bytes")
		h.Swap = err == nil
	}
	slices.Sort(h.Controllers)
	return h
}

// tree returns the hierarchy that a controller is on, or nil.
func (l layout) tree(controller string) *hierarchy {
	for i := range l.trees {
		if l.trees[i].unified && l.mode == V2 || l.trees[i].has(controller) {
			return &l.trees[i]
		}
	}
	return nil
}
