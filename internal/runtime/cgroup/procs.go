package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Pids lists the container's processes as the host numbers them, ascending.
func (m *Manager) Pids(id string) ([]int, error) {
	dir, err := m.home(id)
	if err != nil {
		return nil, err
	}
	return pidsBelow(dir)
}

// SupervisorPids lists the processes of the supervisors' group, ascending.
func (m *Manager) SupervisorPids() ([]int, error) {
	var pids []int
	for i := range m.trees {
		some, err := pidsBelow(m.dir(&m.trees[i], supervisors))
		if err != nil {
			return nil, err
		}
		pids = append(pids, some...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// pidsBelow lists the processes of a group and of all groups below it.
func pidsBelow(dir string) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			if gone(err) {
				return nil
			}
			return err
		}
		list, err := read(filepath.Join(path, "cgroup.procs"))
		if err != nil && !gone(err) && !errors.Is(err, unix.EOPNOTSUPP) { // the latter: a threaded group
			return err
		}
		for _, word := range words(list) {
			if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// KillAll sends SIGKILL to every process of the container, also to those that
// are born meanwhile, and returns when none is left. A container without a
// group has none.
func (m *Manager) KillAll(ctx context.Context, id string) error {
	dir, err := m.home(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if m.mode == V2 {
		err = write(dir+"/cgroup.kill", "1")
		if err == nil {
			return m.waitEmpty(ctx, dir, nil)
		}
		if !errors.Is(err, fs.ErrNotExist) { // the file came with Linux 5.14
			return fmt.Errorf("kill container %s: %w", id, err)
		}
	}
	return m.waitEmpty(ctx, dir, func() error { return m.killFrozen(ctx, id, dir) })
}

// killFrozen stops everything, so that nothing can fork away, and kills it.
func (m *Manager) killFrozen(ctx context.Context, id, dir string) error {
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_ = m.Freeze(short, id) // without it the kill is repeated until nothing is left
	pids, err := pidsBelow(dir)
	for _, pid := range pids {
		killIn(pid, m.Path(id))
	}
	return errors.Join(err, m.setFrozen(id, false)) // version 1 lets nothing die that is frozen
}

// killIn kills a process if it is still in a group or below it: its number
// may already be another's.
func killIn(pid int, group string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	groups, err := read(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || !strings.Contains(groups, group+"\n") && !strings.Contains(groups, group+"/") {
		return
	}
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// waitEmpty calls again (when not nil) until a group has no process left.
func (m *Manager) waitEmpty(ctx context.Context, dir string, again func() error) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if again != nil {
			if err := again(); err != nil && !gone(err) {
				return err
			}
		}
		pids, err := pidsBelow(dir)
		if err != nil || len(pids) == 0 {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return fmt.Errorf("processes %v do not die: %w", pids[:min(len(pids), 5)], err)
		}
	}
}
