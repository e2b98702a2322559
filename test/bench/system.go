package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

// processes calls f with the directory in /proc of every process.
func processes(f func(pid int, dir string)) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			f(pid, filepath.Join("/proc", entry.Name()))
		}
	}
	return nil
}

// sharing are the processes that share the mount namespace of pid: an engine's own, for its containers have others.
func sharing(pid int) ([]int, error) {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return nil, err
	}
	var found []int
	err = processes(func(pid int, dir string) {
		if its, err := os.Readlink(filepath.Join(dir, "ns/mnt")); err == nil && its == namespace {
			found = append(found, pid)
		}
	})
	return found, err
}

// below are the processes that run a program of that name with an argument below dir.
func below(program, dir string) ([]int, error) {
	var found []int
	err := processes(func(pid int, proc string) {
		exe, _ := os.Readlink(filepath.Join(proc, "exe"))
		arguments, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		if filepath.Base(exe) == program && bytes.Contains(arguments, []byte(dir+"/")) {
			found = append(found, pid)
		}
	})
	return found, err
}

// proportional is the proportional set size of the processes in bytes: pages that n processes share count 1/n.
func proportional(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // ended meanwhile
		}
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
				kib, err := strconv.ParseInt(fields[1], 10, 64)
				if err != nil {
					return 0, fmt.Errorf("smaps_rollup of %d: %w", pid, err)
				}
				sum += kib << 10
			}
		}
	}
	return sum, nil
}

// unmountBelow unmounts what an engine left mounted below dir in the calling thread's mount namespace.
func unmountBelow(dir string) error {
	table, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	slices.Reverse(points)
	var failed []error
	for _, point := range points {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			failed = append(failed, fmt.Errorf("unmounting %s: %w", point, err))
		}
	}
	return errors.Join(failed...)
}

// plainCgroups hides, in the calling thread's mount namespace, the version 2 tree of a hybrid host: crun refuses to
// work when it holds a controller.
func plainCgroups() error {
	err := unix.Unmount("/sys/fs/cgroup/unified", unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("hiding the unified control groups: %w", err)
	}
	return nil
}

// removeCgroups removes the empty control groups of that name and those below it, in every hierarchy. Groups that
// are not empty stay.
func removeCgroups(name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		tops, _ := filepath.Glob(pattern + name)
		for _, top := range tops {
			var dirs []string
			_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
			for _, dir := range slices.Backward(dirs) {
				_ = os.Remove(dir)
			}
		}
	}
}

// removeAll force-removes every container behind an API; nil does nothing.
func removeAll(api *client.Client) error {
	if api == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	list, err := api.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range list.Items {
		_, err := api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
