package probes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// limits tries to take more than a container's share, within bounds that do
// not hurt the host when nothing stops it.
func limits() []probe.Probe {
	const rlimitCore, rlimitNofile = 4, 7
	host := probe.Twin{Host: true}
	var list []probe.Probe
	add := func(control string, p probe.Probe) { list = append(list, of(control, p)...) }
	add("pids", probe.Probe{ID: "fork-bomb", Tries: "start 600 processes", Source: "fork(2)", As: probe.Root, Alone: true, Attempt: forkBomb})
	add("memory", probe.Probe{ID: "see-no-limit", Tries: "have no limit of memory", Source: "cgroups(7)", As: probe.Root,
		Attempt: unlimited(1<<40, "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")})
	add("swap", probe.Probe{ID: "see-swap", Tries: "be allowed to swap", Source: "cgroups(7)", As: probe.Root, Twin: host, Attempt: swaps})
	add("open-files", probe.Probe{ID: "raise", Tries: "open more than 65,536 files", Source: "getrlimit(2)", As: probe.Root, Twin: host,
		Attempt: func() error { return raise(rlimitNofile, 1<<20) }})
	add("core-dumps", probe.Probe{ID: "raise", Tries: "have its memory written to disk when it crashes", Source: "core(5)", As: probe.Root, Twin: host,
		Attempt: func() error { return raise(rlimitCore, 1<<20) }})
	add("out-of-memory", probe.Probe{ID: "be-spared", Tries: "be spared when the host runs out of memory", Source: "proc_pid_oom_score_adj(5)", As: probe.Root, Twin: host,
		Attempt: func() error { return os.WriteFile("/proc/self/oom_score_adj", []byte("-500"), 0) }})
	return list
}

func forkBomb() error {
	var children []*os.Process
	defer func() {
		for _, c := range children {
			_ = c.Kill()
			_, _ = c.Wait()
		}
	}()
	for range 600 {
		c := exec.Command(os.Args[0], "pause")
		if err := c.Start(); err != nil {
			return fmt.Errorf("after %d: %w", len(children), err)
		}
		children = append(children, c.Process)
	}
	return nil
}

// unlimited is an attempt that finds a limit of some number or more.
func unlimited(from uint64, paths ...string) func() error {
	return func() error {
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			value := strings.TrimSpace(string(text))
			if n, err := strconv.ParseUint(value, 10, 64); value == "max" || err == nil && n >= from {
				return nil
			}
			return errors.New("the limit is " + value)
		}
		return probe.Untried("no control group shows it")
	}
}

// swaps compares what may be swapped with what may be used: version 1 counts
// both together.
func swaps() error {
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.swap.max"); err == nil {
		if value := strings.TrimSpace(string(text)); value == "0" {
			return errors.New("the limit is 0")
		}
		return nil
	}
	both, err := os.ReadFile("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")
	if err != nil {
		return probe.Untried("%w", err)
	}
	memory, err := os.ReadFile("/sys/fs/cgroup/memory/memory.limit_in_bytes")
	if err != nil {
		return probe.Untried("%w", err)
	}
	if value := strings.TrimSpace(string(memory)); value == strings.TrimSpace(string(both)) && len(value) < 15 {
		return errors.New("memory and swap together are limited to the memory's " + value)
	}
	return nil
}

// raise raises a resource limit of this process, in its own unit.
func raise(resource int, to uint64) error {
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: to, Max: to})
}
