package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// supervisors is the name of the group of a node's supervisors.
const supervisors = "supervisors"

// Manager is one node's control groups. Its methods may be called at the same
// time from several goroutines.
type Manager struct {
	layout
	group string // the node's group, as a path below every mount
}

// Open finds the host's control groups and makes those of node, which is a
// short name of letters and digits.
func Open(node string) (*Manager, error) {
	l, err := readLayout()
	if err != nil {
		return nil, err
	}
	return open(node, l)
}

func open(node string, l layout) (*Manager, error) {
	if !validName(node) {
		return nil, fmt.Errorf("%q cannot be a node's control group: use letters and digits", node)
	}
	m := &Manager{layout: l, group: "/bailey-" + node}
	if l.mode == V2 {
		m.group = filepath.Join(delegated(&l.trees[0]), m.group)
		if err := enableV2(&l.trees[0], m.group); err != nil {
			return nil, err
		}
	}
	for i := range m.trees {
		for _, dir := range []string{m.dir(&m.trees[i]), m.dir(&m.trees[i], supervisors)} {
			if err := makeGroup(&m.trees[i], dir); err != nil {
				return nil, fmt.Errorf("make the node's control group: %w", err)
			}
		}
	}
	return m, nil
}

// validName keeps names from being paths and from being a reserved one.
func validName(s string) bool {
	if s == "" || len(s) > 128 || s == supervisors {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// makeGroup makes one group. On version 1 a cpuset is born empty and would
// take no process.
func makeGroup(t *hierarchy, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if t.unified || !t.has("cpuset") {
		return nil
	}
	for _, name := range []string{"/cpuset.cpus", "/cpuset.mems"} {
		if readShort(dir+name) != "" {
			continue
		}
		if err := write(dir+name, readShort(filepath.Dir(dir)+name)); err != nil {
			return err
		}
	}
	return nil
}

// dir is the directory of the node's group, or of one in it, in a hierarchy.
func (m *Manager) dir(t *hierarchy, below ...string) string {
	return filepath.Join(append([]string{t.mount, m.group}, below...)...)
}

// Mode tells which interface is in use.
func (m *Manager) Mode() Mode { return m.mode }

// Path is the value of linux.cgroupsPath in the OCI spec of container id, in
// the form of the cgroupfs driver.
func (m *Manager) Path(id string) string { return m.group + "/" + id }

// JoinSupervisors moves a process into the supervisors' group, out of every
// group that it was started in.
func (m *Manager) JoinSupervisors(pid int) error {
	for i := range m.trees {
		if err := write(m.dir(&m.trees[i], supervisors, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("move process %d to the supervisors' control group: %w", pid, err)
		}
	}
	return nil
}

// SupervisorsDir returns a descriptor for CLONE_INTO_CGROUP (version 2 only;
// elsewhere errors.ErrUnsupported, and JoinSupervisors does it).
func (m *Manager) SupervisorsDir() (*os.File, error) {
	if m.mode != V2 {
		return nil, errors.ErrUnsupported
	}
	return os.Open(m.dir(&m.trees[0], supervisors))
}

// Exists tells whether the container has a group in any hierarchy.
func (m *Manager) Exists(id string) bool {
	_, err := m.home(id)
	return err == nil
}

// home is the container's group in the hierarchy that knows it best: the
// freezer's on version 1. It is fs.ErrNotExist when there is none.
func (m *Manager) home(id string) (string, error) {
	if !validName(id) {
		return "", fmt.Errorf("control group of %q: %w", id, fs.ErrInvalid)
	}
	trees := slices.Clone(m.trees)
	slices.SortStableFunc(trees, func(a, b hierarchy) int { return rank(&a) - rank(&b) })
	for i := range trees {
		dir := m.dir(&trees[i], id)
		if _, err := os.Lstat(dir); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("control group of %s: %w", id, fs.ErrNotExist)
}

func rank(t *hierarchy) int {
	for i, controller := range []string{"freezer", "pids", "memory"} {
		if t.has(controller) {
			return i
		}
	}
	return 9
}

// controllerDir is the container's group where controller is; empty when the
// host does not have that controller.
func (m *Manager) controllerDir(controller, id string) string {
	t := m.tree(controller)
	if t == nil {
		return ""
	}
	return m.dir(t, id)
}

// List names the containers that have a group, sorted.
func (m *Manager) List() ([]string, error) {
	var ids []string
	for i := range m.trees {
		entries, err := os.ReadDir(m.dir(&m.trees[i]))
		if err != nil && !gone(err) {
			return nil, fmt.Errorf("list the node's control groups: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() && validName(e.Name()) {
				ids = append(ids, e.Name())
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
