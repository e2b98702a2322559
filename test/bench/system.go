package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/test/harness"
)

// below are the processes that run a program of that name with an argument below dir.
func below(program, dir string) ([]int, error) {
	var found []int
	err := harness.Processes(func(pid int, proc string) {
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

// plainCgroups hides, in the calling thread's mount namespace, the version 2 tree of a hybrid host: crun refuses to
// work when it holds a controller.
func plainCgroups() error {
	err := unix.Unmount("/sys/fs/cgroup/unified", unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("hiding the unified control groups: %w", err)
	}
	return nil
}
