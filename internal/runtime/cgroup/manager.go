package cgroup

import (
	"context"
	"errors"
	"os"
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

// Manager is one node's control groups.
type Manager struct{}

// Open finds the host's control groups and makes those of node, which is a
// short name of letters and digits.
func Open(node string) (*Manager, error) { return nil, errors.New("cgroup: being written") }

// Mode tells which interface is in use.
func (m *Manager) Mode() Mode { return 0 }

// Path is the value of linux.cgroupsPath in the OCI spec of container id, in
// the form of the cgroupfs driver.
func (m *Manager) Path(id string) string { return "" }

// JoinSupervisors moves a process into the supervisors' group.
func (m *Manager) JoinSupervisors(pid int) error { return errors.New("cgroup: being written") }

// SupervisorsDir returns a descriptor for CLONE_INTO_CGROUP (version 2 only;
// elsewhere errors.ErrUnsupported, and JoinSupervisors does it).
func (m *Manager) SupervisorsDir() (*os.File, error) { return nil, errors.ErrUnsupported }

// Freeze stops every process of the container; Thaw lets them go on.
func (m *Manager) Freeze(ctx context.Context, id string) error {
	return errors.New("cgroup: being written")
}

// Thaw undoes Freeze.
func (m *Manager) Thaw(ctx context.Context, id string) error {
	return errors.New("cgroup: being written")
}

// KillAll sends SIGKILL to every process of the container, also to those that
// are born meanwhile, and returns when none is left.
func (m *Manager) KillAll(ctx context.Context, id string) error {
	return errors.New("cgroup: being written")
}

// Pids lists the container's processes as the host numbers them.
func (m *Manager) Pids(id string) ([]int, error) { return nil, errors.New("cgroup: being written") }

// Stats reads what the container has used.
func (m *Manager) Stats(id string) (Stats, error) {
	return Stats{}, errors.New("cgroup: being written")
}

// OOMKilled tells whether the kernel killed a process of the container for
// want of memory.
func (m *Manager) OOMKilled(id string) (bool, error) {
	return false, errors.New("cgroup: being written")
}

// Exists tells whether the container has a group in any hierarchy.
func (m *Manager) Exists(id string) bool { return false }

// Remove removes the container's groups, which must be empty of processes.
// Groups that are gone already are no error.
func (m *Manager) Remove(ctx context.Context, id string) error {
	return errors.New("cgroup: being written")
}

// List names the containers that have a group, sorted.
func (m *Manager) List() ([]string, error) { return nil, errors.New("cgroup: being written") }

// Destroy removes every group of the node. It fails while processes live in
// one, and names it.
func (m *Manager) Destroy(ctx context.Context) error { return errors.New("cgroup: being written") }
